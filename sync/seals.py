"""The authority's word on the tickets: a gate can hand on what it was told, and make nothing up.

Each change of the feed is linked to all before it by a hash, as entries of a journal are. The
venue's authority, which the server has or the host, signs how far the feed goes and the link there.
"""

import hashlib
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sync.protocol import Change, Seal, revocation_message, seal_message

FIRST: Final = bytes(32)
"""What the first change of a feed is linked to."""


def link(before: bytes, change: Change) -> bytes:
    """The hash of a change and, by the hash of the one before, of everything before it."""
    body = bytes(change.body)
    named = f"{change.seq}:{change.id}:{change.kind}:{change.ref}:{len(body)}\n"
    codes = "".join(f"\n{hashed}:{state}" for hashed, state in sorted(change.codes.items()))
    return hashlib.sha256(before + named.encode() + body + codes.encode()).digest()


def key_of(authority: str) -> Ed25519PublicKey:
    """The public key of an authority's certificate (PEM). Raises ValueError when it has none."""
    key = x509.load_pem_x509_certificate(authority.encode()).public_key()
    if not isinstance(key, Ed25519PublicKey):
        told = "no Ed25519 key"
        raise ValueError(told)  # noqa: TRY004  what was kept is at fault, not the caller
    return key


def is_good(seal: Seal, key: Ed25519PublicKey) -> bool:
    """Whether a seal is the word of the authority with that key."""
    return _is_signed(seal.signature, seal_message(seal), key)


def is_revocation(proof: str, device: str, key: Ed25519PublicKey) -> bool:
    """Whether it is the word of the authority with that key that a device was revoked."""
    return _is_signed(proof, revocation_message(device), key)


def _is_signed(signature: str, message: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True
