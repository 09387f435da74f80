"""Where gates reach the server and which certificate they must see, as it was started last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from gate.errors import ConfigError, UsageError
from gate.i18n import _
from gate.storage.enrolment_link import is_believable
from sync.server import invite
from sync.server import tables as t
from sync.server.wanted import Wanted
from sync.transport import listening

LISTEN: Final = "127.0.0.1:8470"
_URL, _FINGERPRINT = "url", "fingerprint"
"""Keys in ``meta``."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a link leads to."""

    url: str
    fingerprint: str
    """Of the certificate, as a link says it; empty: any valid one."""


def place(wanted: Wanted) -> tuple[str, int]:
    """Host and port to listen on. Raises UsageError."""
    return listening.place(wanted.listen or LISTEN)


def certificate(wanted: Wanted, folder: Path, host: str) -> tuple[Path | None, Path | None]:
    """The files of certificate and key; none without TLS. Raises UsageError, ConfigError."""
    if wanted.self_signed:
        return invite.self_signed(folder, host)
    if (wanted.cert is None) != (wanted.key is None):
        raise UsageError(_("--cert and --key go together"), "")
    for path in (wanted.cert, wanted.key):
        if path is not None and not path.is_file():
            raise ConfigError(_("{file}: there is no such file").format(file=path), "")
    return wanted.cert, wanted.key


def address_of(wanted: Wanted, host: str, port: int, certificate: Path | None) -> Address:
    """The address of a server that listens there. Raises ConfigError."""
    pinned = invite.fingerprint(certificate) if certificate is not None else ""
    url = invite.url(host, port, "http" if certificate is None else "https")
    return Address(wanted.url.rstrip("/") or url, pinned)


def keep(connection: Connection, address: Address) -> None:
    """Keep where the server was started."""
    for key, value in ((_URL, address.url), (_FINGERPRINT, address.fingerprint)):
        connection.execute(delete(t.meta).where(t.meta.c.key == key))
        connection.execute(insert(t.meta).values(key=key, value=value))


def kept(connection: Connection) -> Address | None:
    """Where it was started last."""
    rows = connection.execute(
        select(t.meta.c.key, t.meta.c.value).where(t.meta.c.key.in_([_URL, _FINGERPRINT]))
    )
    found = {row[0]: row[1] for row in rows}
    return Address(found[_URL], found.get(_FINGERPRINT, "")) if _URL in found else None


def for_link(wanted: Wanted, folder: Path, kept: Address | None) -> Address:
    """Where a link leads: where the server was started last, but for what is stated anew.

    Raises UsageError where no gate would go.
    """
    if not (wanted.url or wanted.listen):
        if kept is None:
            raise UsageError(
                _("the server has not been started yet: nobody knows where gates reach it"),
                _("Start it first, or say where it will be: --url https://…"),
            )
        return kept
    host, port = place(wanted)
    shown, _key = certificate(wanted, folder, host)
    address = address_of(wanted, host, port, shown)
    if shown is None and kept is not None and kept.url.startswith("https:"):
        # Another name or port of the server that is there: it shows the certificate it has.
        url = wanted.url.rstrip("/") or invite.url(host, port, "https")
        address = Address(url, kept.fingerprint)
    if not is_believable(address.url):
        raise UsageError(
            _("gates would not believe {url}").format(url=address.url),
            _("Say how the server is reached: with --self-signed, --cert or --url https://…"),
        )
    return address
