"""How this device is known to its server: the link it was asked in with, and what it got for it."""

from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from gate.errors import DamagedError, UsageError
from gate.i18n import _
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

SCHEME = "venuegate:enrol"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Invitation(NamedTuple):
    """What an enrolment link says."""

    url: str
    token: str
    fingerprint: str
    """SHA-256 (hex) of the certificate the server must show; empty: any that is vouched for."""


class Enrolment(msgspec.Struct, frozen=True):
    """What the device keeps, readable by its user only: the credential is a secret."""

    url: str
    credential: str
    event: str
    event_name: str = ""
    name: str = ""
    time_zone: str = ""
    """The event's, as it was then; until the first tickets come, which say it."""
    certificate: str = ""
    """The one certificate (PEM) the server may show; empty: any that is vouched for."""


_decoder = msgspec.json.Decoder(Enrolment)


def parse_link(text: str) -> Invitation:
    """What a link says. Raises UsageError when it is none."""
    try:
        found = _read_link(text.strip())
    # What is no text, no number of a port, too long for a name, …
    except ValueError:
        found = None
    if found is None:
        raise no_link()
    parts = urlsplit(found.url)
    if not is_believable(found.url):
        raise UsageError(
            _("the server at {host} does not encrypt").format(host=parts.hostname),
            _("Run it with a certificate: gate serve --self-signed"),
        )
    return found


def is_believable(url: str) -> bool:
    """Whether a gate would talk to a server there: without TLS on this machine only."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _read_link(link: str) -> Invitation | None:
    """What it says. Raises ValueError where there can be no such server."""
    head, _mark, query = link.partition("?")
    params = parse_qs(query, max_num_fields=10)
    url, token, fingerprint = ((params.get(name) or [""])[0] for name in "utf")
    url = url.rstrip("/")
    parts = urlsplit(url)
    if head != SCHEME or not token or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    # As whoever connects will read it: names of at most 63 characters between dots.
    parts.hostname.encode("idna")
    token.encode()
    return Invitation(url, token, fingerprint.lower()) if parts.port != 0 else None


def no_link() -> UsageError:
    """What is said of a text that leads to no server."""
    return UsageError(
        _("this is no enrolment link"),
        _("The server shows one when it starts; it begins with {scheme}").format(scheme=SCHEME),
    )


def load(folder: Folder) -> Enrolment | None:
    """How this folder's device is enrolled, if it is."""
    with faults(folder.enrolment):
        try:
            content = folder.enrolment.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DamagedError(
            _("{file} cannot be read").format(file=folder.enrolment.name),
            _("Enrol this device again: gate enrol --again"),
        ) from error


def save(folder: Folder, enrolment: Enrolment) -> None:
    """Keep it, for this user only."""
    with faults(folder.enrolment):
        write_durably(folder.enrolment, msgspec.json.encode(enrolment), 0o600)
