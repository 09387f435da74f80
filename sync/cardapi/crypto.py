"""Signatures and encryption of event pushes, and codes that only their maker can read.

As WeChat's message encryption says: SHA-1 over sorted parts; AES-256-CBC with the key's first half
as its start, padded to 32 bytes, round 16 random bytes, a length, the text and the appid.
"""

import base64
import hashlib
import re
import secrets
import struct
from binascii import Error as Base64Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK = 32
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


class NotOurs(Exception):
    """What came was not sealed with this key."""


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
    key = base64.b64decode(f"{aes_key}=")
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = cipher.update(plain + bytes([pad]) * pad) + cipher.finalize()
    return base64.b64encode(sealed).decode()


def seal_code(key: str, code: str) -> str:
    """A code as ``encrypt_code``: handed to pages that must not read it."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(bytes.fromhex(key)).encrypt(nonce, code.encode(), b"encrypt_code")
    return base64.b64encode(nonce + sealed).decode()


def open_code(key: str, sealed: str) -> str:
    """The code that ``encrypt_code`` stands for. Raises NotOurs."""
    try:
        raw = base64.b64decode(sealed, validate=True)
        opened = AESGCM(bytes.fromhex(key)).decrypt(raw[:12], raw[12:], b"encrypt_code")
        return opened.decode()
    except (InvalidTag, ValueError, Base64Error) as error:
        raise NotOurs from error
