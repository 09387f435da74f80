"""Trading an invitation's link for a credential."""

from gate import __version__
from gate.core.enrolment import Enrol
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.certificates import join
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment, save
from gate.storage.enrolment_link import parse_link
from gate.storage.folder import Folder, is_locked
from gate.storage.revocation import require_not_revoked
from sync.transport.http_client import ServerUnreachable, asked_in_vain, enrol
from sync.transport.tls import fetch_certificate


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
    invitation = parse_link(link)
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
