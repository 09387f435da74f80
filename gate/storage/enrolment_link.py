"""The link with which a gate is asked in: short, and of characters that make a small QR code.

``VENUEGATE:TOKEN/FINGERPRINT/ADDRESS`` is of digits, capitals and ``$%*+-./:`` only (QR's
alphanumeric mode). Tokens of several events, joined by ``+``, enrol one gate for all of them. The
address is without ``https://``; whatever has no such character in it is percent-encoded.
"""

import base64
import hashlib
import re
import secrets
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gate.errors import UsageError
from gate.i18n import _

SCHEME = "VENUEGATE:"
JOINED = "+"
_BITS = 128
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HTTP, _HTTPS = "http://", "https://"
_LINK = re.compile(rf"(?i:{SCHEME})([A-Za-z0-9]+(?:\+[A-Za-z0-9]+)*)/([A-Za-z2-7]{{26}}|)/(\S+)")
_PLAIN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ$*+-./:")


class Invitation(NamedTuple):
    """What an enrolment link says."""

    url: str
    token: str
    """Several are joined by ``+``."""
    fingerprint: str
    """Of the certificate the server must show; empty: any that is vouched for."""

    def each(self) -> "list[Invitation]":
        """One invitation for each event."""
        return [self._replace(token=token) for token in self.token.split(JOINED)]


def new_token() -> str:
    """A token nobody guesses: 128 bits in base 32."""
    return _base32(secrets.token_bytes(_BITS // 8))


def fingerprint_of(certificate: bytes) -> str:
    """The first 128 bits of SHA-256 of a certificate (DER), in base 32.

    Enough to know it by: another certificate with the same ones would have to be found for it.
    """
    return _base32(hashlib.sha256(certificate).digest()[: _BITS // 8])


def link_to(url: str, token: str, fingerprint: str) -> str:
    """What a gate scans or is given to enrol."""
    parts = urlsplit(url)
    scheme = _HTTP if parts.scheme == "http" else ""
    address = (scheme + parts.netloc).upper() + parts.path.rstrip("/")
    spelled = "".join(
        one if one in _PLAIN else "".join(f"%{byte:02X}" for byte in one.encode())
        for one in address
    )
    return f"{SCHEME}{token}/{fingerprint}/{spelled}"


def parse_link(text: str) -> Invitation:
    """What a link says. Raises UsageError when it is none."""
    try:
        found = _read_link(text.strip())
    # What is no text, no number of a port, too long for a name, …
    except ValueError:
        found = None
    if found is None:
        raise no_link()
    if not is_believable(found.url):
        raise UsageError(
            _("the server at {host} does not encrypt").format(host=urlsplit(found.url).hostname),
            _("Run it with a certificate: gate serve --self-signed"),
        )
    return found


def is_believable(url: str) -> bool:
    """Whether a gate would talk to a server there: without TLS on this machine only."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _read_link(link: str) -> Invitation | None:
    """What it says. Raises ValueError where there can be no such server."""
    read = _LINK.fullmatch(link)
    if read is None:
        return None
    token, fingerprint, address = read.groups()
    address = unquote(address, errors="strict")
    if not address.casefold().startswith((_HTTP, _HTTPS)):
        address = _HTTPS + address
    parts = urlsplit(address)
    url = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}".rstrip("/")
    if not parts.hostname or parts.query or parts.fragment or not url.isprintable():
        return None
    # As whoever connects will read it: names of at most 63 characters between dots.
    parts.hostname.encode("idna")
    return Invitation(url, token.upper(), fingerprint.upper()) if parts.port != 0 else None


def no_link() -> UsageError:
    """What is said of a text that leads to no server."""
    return UsageError(
        _("this is no enrolment link"),
        _("The server shows one when it starts; it begins with {scheme}").format(scheme=SCHEME),
    )


def _base32(some: bytes) -> str:
    return base64.b32encode(some).decode().rstrip("=")
