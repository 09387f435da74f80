"""Trading an invitation's link for a credential, or for one of each list that it is for."""

import shutil
from collections.abc import Iterator
from typing import Final

from gate import __version__
from gate.core.enrolment import Enrol
from gate.errors import GateError, UsageError
from gate.i18n import _
from gate.storage.certificates import join
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment, save
from gate.storage.enrolment_link import Invitation, parse_link
from gate.storage.folder import Folder, is_locked, sync_folder
from gate.storage.gate_lists import ROOM, gate_lists, place_of
from gate.storage.revocation import require_not_revoked
from sync.transport.http_client import ServerUnreachable, asked_in_vain, enrol
from sync.transport.tls import fetch_certificate

_WAITING: Final = ".enrolling"


def enrol_device(folder: Folder, link: str, *, again: bool, name: str = "") -> Enrolment:
    """Trade a link for a credential and keep it; ``name`` is what the gate calls itself.

    Raises UsageError, ServerFault.
    """
    if folder.enrolment.exists() and not again:
        raise UsageError(
            _("this device is enrolled already"),
            _("To enrol it anew, with another link: gate enrol --again"),
        )
    require_not_revoked(folder)
    return _enrol(folder, parse_link(link), name)


def enrol_lists(
    base: Folder, link: str, *, again: bool, name: str = ""
) -> Iterator[tuple[Folder, Enrolment]]:
    """The same for a link of any number of lists: of several, each in a folder of its own.

    Where one fails the others are done all the same, and the same link may be tried again. Raises
    UsageError, ServerFault.
    """
    invitations = parse_link(link).each()
    if len(invitations) == 1 and not gate_lists(base):
        yield base, enrol_device(base, link, again=again, name=name)
        return
    if base.enrolment.exists():
        raise UsageError(
            _("this device is enrolled already, for one list"),
            _("Wipe it (gate wipe), then enrol it with a link for all of its lists."),
        )
    base.create()
    failed: GateError | None = None
    for invitation in invitations:
        try:
            enrolled = _enrol_beside(base, invitation, name)
        except GateError as fault:
            failed = fault
        else:
            yield enrolled
    if failed is not None:
        raise failed


def _enrol_beside(base: Folder, invitation: Invitation, name: str) -> tuple[Folder, Enrolment]:
    """Which event a token is for only its server knows: the folder gets its name afterwards."""
    room = base.path / ROOM
    room.mkdir(exist_ok=True, mode=0o700)
    waiting = Folder(room / _WAITING)
    # What a link that came to nothing has left.
    shutil.rmtree(waiting.path, ignore_errors=True)
    enrolment = _enrol(waiting, invitation, name)
    place = place_of(base, enrolment.event)
    if place.enrolment.exists() or place.journal.exists():
        shutil.rmtree(waiting.path)
        line = _("this device is enrolled for {event} already")
        hint = _("Anew: gate enrol --again --data-dir {folder}").format(folder=place.path)
        raise UsageError(line.format(event=enrolment.event), hint)
    # What a wipe has left of a list that this gate had once.
    shutil.rmtree(place.path, ignore_errors=True)
    waiting.path.rename(place.path)
    sync_folder(room)
    return place, enrolment


def _enrol(folder: Folder, invitation: Invitation, name: str) -> Enrolment:
    folder.create()
    if is_locked(folder, "sync"):
        raise UsageError(_("this gate is at work"), _("Close its lane first; the link stays good."))
    try:
        certificate = fetch_certificate(invitation)
    except OSError as error:
        raise ServerUnreachable(
            _("the server cannot be reached: {detail}").format(detail=error),
            asked_in_vain(),
        ) from error
    key = DeviceKey(folder)
    asked = Enrol(invitation.token, folder.device_id(), key.public, __version__, name)
    answer = enrol(invitation.url, certificate, asked)
    enrolment = Enrolment(
        url=invitation.url,
        credential=answer.credential,
        event=answer.event,
        event_name=answer.event_name,
        name=answer.name,
        time_zone=answer.time_zone,
        certificate=certificate,
    )
    join(folder, answer)
    save(folder, enrolment)
    return enrolment
