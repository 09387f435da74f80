"""A device's own key: with it the device vouches for its chain, so that others can carry it."""

import os
from collections.abc import Callable
from dataclasses import replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gate.core.signed_tip import SignedTip, signed_tip_message
from gate.core.web_link import LaneLink
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults


class DeviceKey:
    """The Ed25519 key (RFC 8032) of this data folder, minted when first asked for."""

    def __init__(self, folder: Folder) -> None:
        path = folder.path / "device.key"
        with faults(path):
            try:
                seed = path.read_text("ascii", errors="replace").strip()
            except FileNotFoundError:
                seed = os.urandom(32).hex()
                write_durably(path, (seed + "\n").encode())
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
        except ValueError as error:
            raise DamagedError(
                _("{file} does not hold a key").format(file=path.name),
                _("Remove it and enrol this device again."),
            ) from error

    @property
    def public(self) -> str:
        """The public half, hex."""
        return self._key.public_key().public_bytes_raw().hex()

    @property
    def private(self) -> str:
        """The private half (PEM), for connections to other gates: a secret."""
        form = PrivateFormat.PKCS8
        return self._key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    def sign(self, origin: str, seq: int, hash_: str) -> SignedTip:
        """Vouch for the chain up to an entry."""
        signature = self._key.sign(signed_tip_message(origin, seq, hash_))
        return SignedTip(origin, seq, hash_, signature.hex())

    def sign_link(self, link: LaneLink) -> LaneLink:
        """Vouch for a link that opens the server's pages in a browser."""
        return replace(link, signature=self._key.sign(link.message))


def is_good_link(link: LaneLink, public: str) -> bool:
    """Whether a link is of the device with that public key."""
    return _is_signed(link.signature, link.message, public)


def is_good(head: SignedTip, public: str) -> bool:
    """Whether a head is the word of the device with that public key."""
    try:
        signature = bytes.fromhex(head.signature)
    except ValueError:
        return False
    return _is_signed(signature, signed_tip_message(head.origin, head.seq, head.hash), public)


def _is_signed(signature: bytes, message: bytes, public: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verifier(key_of: Callable[[str], str]) -> Callable[[SignedTip], bool]:
    """Checks heads against the public keys of their devices; a device without a key has no word."""

    def verify(head: SignedTip) -> bool:
        public = key_of(head.origin.partition(".")[0])
        return bool(public) and is_good(head, public)

    return verify
