"""The authority's word on the tickets: a gate can hand on what it was given, and make nothing up.

Each change of the feed is linked to all before it by a hash, as entries of a journal are. The
venue's authority, which the server has or the host, signs how far the feed goes and the link there.
"""

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.core.limits import VERSION
from gate.core.ticket_feed import Checkpoint, checkpoint_message


def key_of(authority: str) -> Ed25519PublicKey:
    """The public key of an authority's certificate (PEM). Raises ValueError when it has none."""
    key = x509.load_pem_x509_certificate(authority.encode()).public_key()
    if not isinstance(key, Ed25519PublicKey):
        message = "no Ed25519 key"
        raise ValueError(message)  # noqa: TRY004  what was kept is at fault, not the caller
    return key


def is_good(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    """Whether a checkpoint is the word of the authority with that key."""
    return _is_signed(checkpoint.signature, checkpoint_message(checkpoint), key)


def is_revocation(proof: str, device: str, key: Ed25519PublicKey) -> bool:
    """Whether it is the word of the authority with that key that a device was revoked."""
    return _is_signed(proof, revocation_message(device), key)


def _is_signed(signature: str, message: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


def revocation_message(device: str) -> bytes:
    """What a venue's authority signs of a device that was revoked."""
    return f"venue-gate revoked {VERSION}\n{device}\n".encode()
