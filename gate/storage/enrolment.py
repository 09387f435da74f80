"""How this device is known to its server: what it got for the link it was asked in with."""

import msgspec

from gate.errors import DamagedError
from gate.i18n import _
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults


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
