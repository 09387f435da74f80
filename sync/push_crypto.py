"""Signatures and encryption of event pushes, as who pushes and who is pushed to both need them.

As WeChat's message encryption says: SHA-1 over sorted parts; AES-256-CBC with the key's first half
as its start, padded to 32 bytes, round 16 random bytes, a length, the text and the appid.
"""

import base64
import hashlib
import re
import secrets
import struct
from binascii import Error as Base64Error
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK: Final = 32
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")
_HEAD: Final = 20
"""16 random bytes, and the length of the text in four."""


class Unreadable(Exception):
    """What came was not encrypted with this key, or for another appid."""


def signature(*parts: str) -> str:
    """SHA-1 (hex) of the sorted parts, as the push protocol signs."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324  theirs


def is_aes_key(text: str) -> bool:
    """Whether a text can be an EncodingAESKey: 43 characters that stand for 32 bytes."""
    return _AES_KEY.fullmatch(text) is not None


def encrypt(aes_key: str, appid: str, text: str) -> str:
    """The text as the ``Encrypt`` element of a push."""
    content = text.encode()
    plain = secrets.token_bytes(16) + struct.pack(">I", len(content)) + content + appid.encode()
    pad = BLOCK - len(plain) % BLOCK
    sealing = _cipher(aes_key).encryptor()
    sealed = sealing.update(plain + bytes([pad]) * pad) + sealing.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(aes_key: str, appid: str, sealed: str) -> str:
    """The text in an ``Encrypt`` element. Raises Unreadable."""
    try:
        opening = _cipher(aes_key).decryptor()
        padded = opening.update(base64.b64decode(sealed, validate=True)) + opening.finalize()
        pad = padded[-1]
        plain = padded[: len(padded) - pad]
        (length,) = struct.unpack(">I", plain[16:_HEAD])
        text, whose = plain[_HEAD : _HEAD + length], plain[_HEAD + length :]
        if not 1 <= pad <= BLOCK or whose.decode() != appid:
            raise Unreadable
        return text.decode()
    except (ValueError, Base64Error, IndexError, struct.error) as error:
        raise Unreadable from error


def _cipher(aes_key: str) -> "Cipher[modes.CBC]":
    # The last character of a key stands for four bits only, which nobody promises to be zero.
    key = base64.b64decode(f"{aes_key}=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
