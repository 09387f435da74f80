"""What of a page a browser would run, load or send elsewhere: nothing but our own."""

from collections.abc import Iterator
from html.parser import HTMLParser

HOSTILE = (
    "</title></textarea><script>alert(1)</script><img src=x onerror=alert(2)>",
    "\"'><svg onload=alert(1)><iframe src=//evil.example>",
    "' onmouseover='alert(1)' x='",
    "{{7*7}}${7*7}<%=7*7%>\u202e\u2066\x1b[2J\x00",
    "javascript:alert(1)//https://evil.example/",
    "]]><!--<base href=//evil.example><meta http-equiv=refresh content=0;//evil.example>",
)
"""Texts that strangers write; each is to be read, and to do nothing."""
_OURS = "/web"
_NEVER = {"iframe", "object", "embed", "base", "style", "template", "frame", "applet"}
_LOADED = {"src", "href", "action", "formaction", "data", "poster", "srcset", "xlink:href"}


class _Seen(HTMLParser):
    """Collects what is more than text."""

    def __init__(self) -> None:
        super().__init__()
        self.live: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.live += _live(tag, attrs)


def _live(tag: str, attributes: list[tuple[str, str | None]]) -> Iterator[str]:
    values = {name: value or "" for name, value in attributes}
    if tag in _NEVER:
        yield tag
    if tag == "script" and not values.get("src", "").startswith("/web/static/"):
        yield "script"
    if "http-equiv" in values:
        yield "http-equiv"
    for name, value in values.items():
        if name.startswith("on") or name == "style":
            yield f"{tag} {name}"
        if name in _LOADED and not _is_ours(tag, value):
            yield f"{tag} {name}={value[:80]}"


def _is_ours(tag: str, value: str) -> bool:
    """A page or file of ours, a place in this page, or a picture that stands in it."""
    if tag == "img" and value.startswith("data:image/"):
        return True
    is_path = value.startswith(("/web/", "#", "?", "/v1/")) or value in (_OURS, "")
    return is_path and "\\" not in value


def live_parts(page: str) -> list[str]:
    """What of a page is neither text nor ours."""
    seen = _Seen()
    seen.feed(page)
    seen.close()
    return seen.live + [hex(ord(c)) for c in page if c in "\u202e\u2066\x1b\x00"]
