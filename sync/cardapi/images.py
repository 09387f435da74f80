"""Pictures that an account has uploaded for its cards and pages (``media/uploadimg``).

Every function works in the transaction it is handed. A picture is known by what it is: the same one
again is one row and one address.
"""

import hashlib
import hmac
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, select

from sync.cardapi import tables as t
from sync.cardapi.accounts import Account
from sync.cardapi.errcodes import Errcode, Refused
from sync.server.prepared import insert_into

LARGEST: Final = 1024 * 1024
"""Longest picture, in bytes."""
MOST: Final = 1000
"""Pictures that are kept for one account: a gigabyte."""
_BEGINNINGS: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
"""By which a picture is known, whatever its file is called."""


class Image(NamedTuple):
    """A picture as it was uploaded."""

    media_type: str
    content: bytes


def put(connection: Connection, account: Account, content: bytes, now_ms: int) -> str:
    """Keep a picture; the answer is its name. Raises Refused."""
    media_type = media_type_of(content)
    name = hmac.digest(bytes.fromhex(account.key), b"image:" + content, hashlib.sha256).hex()[:32]
    c = t.card_image.c
    kept = select(func.count()).select_from(t.card_image).where(c.appid == account.appid)
    is_there = find(connection, name) is not None
    if not is_there and connection.execute(kept).scalar_one() >= MOST:
        raise Refused(Errcode.DAILY_QUOTA, f"at most {MOST} pictures")
    row = insert_into(connection, t.card_image).values(
        name=name, appid=account.appid, media_type=media_type, content=content, made_ms=now_ms
    )
    connection.execute(row.on_conflict_do_nothing())
    return name


def media_type_of(content: bytes) -> str:
    """JPEG or PNG, by its first bytes. Raises Refused for what is neither, or too long."""
    if not content:
        raise Refused(Errcode.NO_MEDIA)
    if len(content) > LARGEST:
        raise Refused(Errcode.BAD_IMAGE_SIZE, f"at most {LARGEST} bytes")
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    raise Refused(Errcode.BAD_FILE_TYPE, "jpg or png")


def find(connection: Connection, name: str) -> Image | None:
    """The picture of that name."""
    c = t.card_image.c
    if "\0" in name:
        return None
    row = connection.execute(select(c.media_type, c.content).where(c.name == name)).first()
    return None if row is None else Image(row.media_type, bytes(row.content))
