"""Who belongs to the venue: its authority, and the certificate that makes a device a member.

One key a device: it signs heads of chains and opens connections. Certificates name no real time,
because a gate's clock may be years wrong; who may still come is told by the feed.
"""

import hashlib
import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gate.core.enrolment import Enrolled
from gate.core.ticket_feed import Checkpoint, File, checkpoint_message
from gate.credential.command_cards import CommandCard, message_of, text_of
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage.device_key import DeviceKey
from gate.storage.feed_signatures import revocation_message
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

MEMBER: Final = "member.json"
_VENUE: Final = "venue"
_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: the date that says that there is no end."""
_DEVICE: Final = re.compile(r"[0-9a-f]{16}")


class Membership(msgspec.Struct, frozen=True):
    """What makes this device a member of its venue; its private half is the device's own key."""

    device: str
    certificate: str
    """PEM."""
    authority: str
    """PEM of the venue's own certificate."""


class Member(NamedTuple):
    """Whom a certificate names: all that a TLS connection proves of another gate."""

    device: str
    key: str
    """Ed25519 public key, hex."""


NO_FILE = File()
_membership = msgspec.json.Decoder(Membership)


class Authority:
    """The venue's own key: whoever holds it says who is a member."""

    def __init__(self, key: Ed25519PrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def mint(cls) -> "Authority":
        """A new venue."""
        key = Ed25519PrivateKey.generate()
        name = _name(_VENUE)
        made = (
            _certificate(name, name, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, None)
        )
        return cls(key, made)

    @classmethod
    def from_pem(cls, key: str, certificate: str) -> "Authority":
        """An authority that was kept as text. Raises ValueError when it is none."""
        private = load_pem_private_key(key.encode(), None)
        if not isinstance(private, Ed25519PrivateKey):
            message = "no Ed25519 key"
            raise ValueError(message)  # noqa: TRY004  what was kept is at fault, not the caller
        return cls(private, x509.load_pem_x509_certificate(certificate.encode()))

    @property
    def key(self) -> str:
        """The private key (PEM): a secret."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def certificate(self) -> str:
        """What members know the venue by (PEM)."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def checkpoint(
        self, cursor: str, chained: bytes, as_of_ms: int, file: File = NO_FILE
    ) -> Checkpoint:
        """Vouch for the tickets up to a cursor, and of a snapshot for its file."""
        checkpoint = Checkpoint(cursor, chained.hex(), as_of_ms, *file)
        signature = self._key.sign(checkpoint_message(checkpoint)).hex()
        return msgspec.structs.replace(checkpoint, signature=signature)

    def revocation(self, device: str) -> str:
        """The word (hex) by which a device believes whoever brings it that it was revoked."""
        return self._key.sign(revocation_message(device)).hex()

    def command_card(self, card: CommandCard) -> str:
        """The text of a command card. Raises ValueError for what no card can say."""
        return text_of(card, self._key.sign(message_of(card)))

    def issue(self, device: str, public: str) -> str:
        """A certificate (PEM) for a device and its public key (hex)."""
        if not _DEVICE.fullmatch(device):
            message = f"no id of a device: {device[:64]!r}"
            raise ValueError(message)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        purposes = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        )
        made = (
            _certificate(_name(device), self._certificate.subject, key, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(purposes, critical=False)
            .sign(self._key, None)
        )
        return made.public_bytes(Encoding.PEM).decode()


def load_membership(folder: Folder) -> Membership | None:
    """What makes this folder's device a member, if it is one."""
    path = folder.path / MEMBER
    with faults(path):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
    try:
        return _membership.decode(content)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DamagedError(_("{file} cannot be read").format(file=path.name), _again()) from error


def save_membership(folder: Folder, membership: Membership) -> None:
    """Keep it, for this user only."""
    path = folder.path / MEMBER
    with faults(path):
        write_durably(path, msgspec.json.encode(membership))


def join(folder: Folder, enrolled: Enrolled) -> None:
    """Keep the membership that came with an enrolment; whoever was given none is no member."""
    if enrolled.certificate:
        made = Membership(folder.device_id(), enrolled.certificate, enrolled.authority)
        save_membership(folder, made)
        return
    path = folder.path / MEMBER
    with faults(path):
        path.unlink(missing_ok=True)


def server_context(folder: Folder, membership: Membership) -> ssl.SSLContext:
    """What a member listens with. Raises DamagedError when certificate and key do not belong."""
    context = door_context(folder, membership)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def door_context(folder: Folder, membership: Membership) -> ssl.SSLContext:
    """What the host listens with for gates that are no members yet. Raises as the others do."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, folder, membership)
    # Whoever comes again shows its certificate again.
    context.num_tickets = 0
    return context


def client_context(folder: Folder, membership: Membership) -> ssl.SSLContext:
    """What a member calls another with. Raises as ``server_context`` does."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, folder, membership)


def member_of(certificate: bytes) -> Member:
    """Whom a certificate (DER) names. Raises ValueError when it is no device's.

    It says nothing of who signed it: the connection it came on must have.
    """
    found = x509.load_der_x509_certificate(certificate)
    names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    device = str(names[0].value) if len(names) == 1 else ""
    key = found.public_key()
    if not _DEVICE.fullmatch(device) or not isinstance(key, Ed25519PublicKey):
        message = f"no certificate of a device: {device[:64]!r}"
        raise ValueError(message)
    return Member(device, key.public_bytes_raw().hex())


def venue_id(membership: Membership) -> str:
    """By which members know their venue from others on the network: 16 hex digits."""
    der = ssl.PEM_cert_to_DER_cert(membership.authority)
    return hashlib.sha256(der).hexdigest()[:16]


def _context(protocol: int, folder: Folder, membership: Membership) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # A gate is known by its certificate, whatever address it has today.
    context.check_hostname = False
    try:
        context.load_verify_locations(cadata=membership.authority)
        with _chain_file(folder, membership) as path:
            context.load_cert_chain(path)
    except ssl.SSLError as error:
        raise DamagedError(
            _("{file} does not fit this device's key").format(file=MEMBER), _again()
        ) from error
    return context


@contextmanager
def _chain_file(folder: Folder, membership: Membership) -> Iterator[Path]:
    """Certificate and key in a file for a moment: Python's TLS takes them from nowhere else."""
    chain = (DeviceKey(folder).private + membership.certificate).encode()
    with faults(folder.path):
        descriptor, name = tempfile.mkstemp(".part", "member.", folder.path)
    try:
        with faults(Path(name)), os.fdopen(descriptor, "wb") as file:
            file.write(chain)
        yield Path(name)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey, by: Ed25519PublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _again() -> str:
    return _("Enrol this device again: gate enrol --again")
