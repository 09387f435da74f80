"""A server's certificate: fetched once, trusted from then on."""

import ssl
from urllib.parse import urlsplit

from gate.errors import UsageError
from gate.i18n import _
from gate.storage.enrolment_link import Invitation, fingerprint_of


def fetch_certificate(invitation: Invitation, timeout_s: float = 10.0) -> str:
    """The server's certificate (PEM) once its fingerprint was found right; empty if none is due.

    Raises UsageError when the server shows another one, OSError when it cannot be reached.
    """
    if not invitation.fingerprint:
        return ""
    parts = urlsplit(invitation.url)
    at = (parts.hostname or "", parts.port or 443)
    pem = ssl.get_server_certificate(at, timeout=timeout_s)
    if fingerprint_of(ssl.PEM_cert_to_DER_cert(pem)) != invitation.fingerprint:
        raise UsageError(
            _("the server shows another certificate than the link names"),
            _("Somebody may be in between. Ask for a new link, and do not go on here."),
        )
    return pem


def trust(certificate: str) -> ssl.SSLContext:
    """What a connection believes: the pinned certificate and nothing else, or the system's."""
    context = ssl.create_default_context()
    if certificate:
        context = ssl.create_default_context(cadata=certificate)
        # It is known by what it is, not by a name; venues give their servers any address.
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
