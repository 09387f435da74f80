"""Addresses as tickets: which part of one is the code. Nothing is ever opened.

A pattern is an address with ``{code}`` in its path, query or fragment, such as
``https://tickets.example/t/{code}`` or ``weixin://card?id={code}``.
"""

from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

CODE = "{code}"
_STAND_IN = "\x01"
"""In the place of ``{code}`` while a pattern is taken apart: no address has it."""


def spellings(text: str, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """What a list may have for an address that fits a pattern: its code, or the address in full.

    Scheme and host count in any case, ``http`` is ``https``, and further parameters, a fragment
    and a slash at the end mean nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns if "://" in text else ():
        try:
            code = _code(text, pattern)
        except ValueError:
            continue
        if code:
            found[code] = None
            found[pattern.replace(CODE, quote(code, safe=""))] = None
    found.pop(text, None)
    return tuple(found)


def _code(text: str, pattern: str) -> str:
    wanted, found = _pattern(pattern), urlsplit(text)
    if _where(found) != _where(wanted):
        return ""
    path, wanted_path = found.path.rstrip("/"), wanted.path.rstrip("/")
    if _STAND_IN in wanted_path:
        has_all = set(parse_qsl(wanted.query)) <= set(parse_qsl(found.query))
        return _within(path, wanted_path, "/") if has_all else ""
    if path != wanted_path:
        return ""
    return _behind_path(found, wanted)


def _behind_path(found: SplitResult, wanted: SplitResult) -> str:
    if _STAND_IN in wanted.fragment:
        return _within(found.fragment, wanted.fragment, "&")
    if "=" in wanted.query:
        return _in_query(found.query, wanted.query)
    return _within(found.query, wanted.query, "&")


def _where(address: SplitResult) -> tuple[str, str]:
    scheme = "https" if address.scheme == "http" else address.scheme
    return scheme, address.netloc.casefold()


def _in_query(query: str, wanted: str) -> str:
    has = parse_qsl(query, keep_blank_values=True)
    codes = []
    for name, value in parse_qsl(wanted, keep_blank_values=True):
        if _STAND_IN in value:
            codes = [_within(one, value, "", is_decoded=True) for key, one in has if key == name]
        elif (name, value) not in has:
            return ""
    # Two codes in one address: nobody can say which of them is meant.
    return codes[0] if len(codes) == 1 else ""


def _within(text: str, wanted: str, stop: str, *, is_decoded: bool = False) -> str:
    before, _sign, after = wanted.partition(_STAND_IN)
    if not (text.startswith(before) and text.endswith(after)):
        return ""
    code = text[len(before) : len(text) - len(after)]
    if len(text) < len(before) + len(after) or (stop and stop in code):
        return ""
    return code if is_decoded else unquote(code)


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> SplitResult:
    return urlsplit(pattern.replace(CODE, _STAND_IN))
