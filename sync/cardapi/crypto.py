"""Codes that only their maker can read."""

import base64
import secrets
from binascii import Error as Base64Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class NotOurs(Exception):
    """What came was not sealed with this key."""


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
