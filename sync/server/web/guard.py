"""What every page is sent with, and which requests are answered at all.

Nothing is kept by browsers or proxies, nothing of another host is loaded, no script or style stands
in a page itself; and a form is believed only if it came from one of our own pages.
"""

import hmac
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from gate.i18n import _
from sync.server.devices import hash_of
from sync.server.http import Denied

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with that, a form's Origin would be "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
}
SESSION, BROWSER = "gate-session", "gate-browser"
_HOST_ONLY: Final = "__Host-"
"""Before a cookie's name: no other host of the domain, and nothing without TLS, can set it."""


def guarded(response: Response) -> Response:
    """The response with what keeps it to our own pages, and to itself."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def is_secure(asking: HTTPConnection) -> bool:
    """Whether a request came by TLS, here or at a proxy that is believed."""
    return asking.url.scheme == "https"


def cookie(asking: HTTPConnection, name: str) -> str:
    """The secret in one of our cookies; empty when it has none."""
    return asking.cookies.get(_name(asking, name), "")[:200]


def set_cookie(
    response: Response, asking: HTTPConnection, name: str, secret: str, for_s: int
) -> None:
    """Give a browser a secret that no script reads and no other site sends along."""
    response.set_cookie(
        _name(asking, name), secret, for_s, path="/", secure=is_secure(asking), httponly=True,
        samesite="lax",
    )  # fmt: skip


def drop_cookie(response: Response, asking: HTTPConnection, name: str) -> None:
    """Have a browser forget a secret."""
    set_cookie(response, asking, name, "", 0)


def form_token(secret: str) -> str:
    """What the forms of whoever has that cookie carry; it opens nothing by itself."""
    return hash_of(f"form {secret}")


def check_form(asking: HTTPConnection, secret: str, shown: str) -> None:
    """Raises Denied unless a form came from a page that was made for that cookie."""
    check_site(asking)
    if not hmac.compare_digest(form_token(secret), shown):
        raise _foreign()


def check_site(asking: HTTPConnection) -> None:
    """Raises Denied when a browser says that another site sent it here to do something."""
    if asking.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise _foreign()
    origin = asking.headers.get("origin", "")
    if origin and urlsplit(origin).netloc != asking.headers.get("host", ""):
        raise _foreign()


def _foreign() -> Denied:
    return Denied(403, "foreign_form", _("This form is an old one. Open the page again."))


def _name(asking: HTTPConnection, name: str) -> str:
    return f"{_HOST_ONLY}{name}" if is_secure(asking) else name
