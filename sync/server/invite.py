"""How a gate is asked in: a link with a one-time token, as text and as a code for its camera."""

import datetime
import ipaddress
import shutil
import socket
import sys
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gate.errors import ConfigError
from gate.i18n import _
from gate.storage.enrolment_link import fingerprint_of
from gate.storage.folder import write_durably
from gate.storage.sqlite import faults
from gate.text import glyphs, square_code
from sync.transport.discovery import own_addresses

_YEARS: Final = 10


def print_link(heading: str, link: str, picture: Path | None) -> None:
    """Print a link; at a terminal as a code too, and as one in a picture where that is wanted.

    Raises StoreError where the picture cannot be written.
    """
    if picture is not None:
        with faults(picture):
            # Whoever has the picture is let in, as with the link.
            write_durably(picture, square_code.picture(link), 0o600)
    sys.stdout.write(heading + "\n")
    if sys.stdout.isatty():
        sys.stdout.write(_for_terminal(link))
    sys.stdout.write(f"{link}\n")
    sys.stdout.flush()


def _for_terminal(link: str) -> str:
    halves = not glyphs.are_few()
    wanted, there = square_code.size(link, halves=halves), shutil.get_terminal_size()
    if wanted[0] > there.columns or wanted[1] > there.lines:
        sentence = _("Its code takes {columns}x{lines} characters here; as a picture: --png FILE")
        return sentence.format(columns=wanted[0], lines=wanted[1]) + "\n"
    return square_code.square(link, halves=halves)


def fingerprint(certificate: Path) -> str:
    """A link's word for a certificate that only itself vouches for; empty for one that others do.

    Raises ConfigError when the file holds no certificate.
    """
    with faults(certificate):
        content = certificate.read_bytes()
    try:
        found = x509.load_pem_x509_certificate(content)
    except ValueError as error:
        raise ConfigError(
            _("{file} holds no certificate").format(file=certificate),
            _("Give a PEM file with --cert, and its key with --key."),
        ) from error
    if found.issuer != found.subject:
        return ""
    return fingerprint_of(found.public_bytes(serialization.Encoding.DER))


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """The server's own certificate and its key, made when they are not there yet."""
    certificate, key = folder / "server.crt", folder / "server.key"
    if certificate.exists() and key.exists():
        return certificate, key
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Venue Gate")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    with faults(folder):
        write_durably(
            key,
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        write_durably(certificate, made.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for one in dict.fromkeys((host, reachable(host), "127.0.0.1", "::1", "localhost")):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(one)))
        except ValueError:
            names.append(x509.DNSName(one))
    return names


def reachable(host: str) -> str:
    """Where others reach a server that listens on ``host``."""
    if host not in ("0.0.0.0", "::", ""):  # noqa: S104  asked about, not listened on
        return host
    family = socket.AF_INET6 if host == "::" else socket.AF_INET
    far = "2001:db8::1" if host == "::" else "192.0.2.1"
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it only asks which of our addresses would be used.
            probe.connect((far, 9))
            return str(probe.getsockname()[0])
        except OSError:
            # There is no way out of here: the network is the venue's own, perhaps.
            return next(iter(own_addresses()), socket.gethostname())


def url(host: str, port: int, scheme: str = "https") -> str:
    """How others reach what listens there."""
    seen = reachable(host)
    return f"{scheme}://{f'[{seen}]' if ':' in seen else seen}:{port}"


def is_loopback(host: str) -> bool:
    """Whether nobody outside this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
