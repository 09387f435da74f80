"""Answers of guests, sealed into an entry under the event's key.

An entry is kept for good and travels to every gate; who was let in answered for this event only.
When the event is over its key is thrown away everywhere, and with it what was answered.
"""

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


def seal_answers(key: bytes, ticket: str, answers: Mapping[str, str]) -> str:
    """The answers of a ticket by the ids of the questions, as an entry has them; empty: none."""
    said = {id_: answer for id_, answer in answers.items() if answer}
    if not said:
        return ""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    plain = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return b64encode(nonce + AESGCM(_key(key)).encrypt(nonce, plain, ticket.encode())).decode()


def open_answers(key: bytes, ticket: str, sealed: str) -> dict[str, str]:
    """What was answered; nothing where the key is another one by now, or it is damaged."""
    try:
        whole = b64decode(sealed, validate=True)
        nonce, secret = whole[:_NONCE_BYTES], whole[_NONCE_BYTES:]
        said = json.loads(AESGCM(_key(key)).decrypt(nonce, secret, ticket.encode()))
    except (ValueError, InvalidTag):
        return {}
    is_sound = isinstance(said, dict) and all(isinstance(one, str) for one in said.values())
    return said if is_sound else {}


def _key(key: bytes) -> bytes:
    # Another use than that of the hashes of codes, which are on the disk.
    return hashlib.blake2b(digest_size=32, key=key, person=b"answers").digest()
