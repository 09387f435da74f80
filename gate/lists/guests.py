"""Guests without a code: which ticket is whose, and the codes that can be drawn for them.

A guest goes by the name that the ticket has, so whoever is erased is nobody's ticket any more; ids
tell no name. Codes are kept nowhere as text: those of guests follow from a secret, which stays in
the folder that the list was taken in at, and from the ticket's id. So they can be drawn again
there, and by nobody who has a gate.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from gate.storage.folder import write_durably
from gate.storage.sqlite import faults

SECRET_NAME: Final = "guests.key"
"""The file that the codes of guests follow from."""
PREFIX: Final = "guest-"
"""Of the ids of guests' tickets; a number follows, by which those of one name are told apart."""
_ID = re.compile(rf"{PREFIX}(\d+)-[0-9a-f]{{16}}")
_SIGNS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Of which codes are made: none that is taken for another."""
_LENGTH = 16
"""79 bits."""


class Guests:
    """The guests there are, and those of the lists that are read with them."""

    def __init__(self, secret: bytes, known: Iterable[tuple[str, str]] = ()) -> None:
        """``known`` has ids and names of the tickets there are."""
        self._secret = secret
        self._known: dict[tuple[str, int], str] = {}
        for id_, holder in known:
            if match := _ID.fullmatch(id_):
                self._known[_plain(holder), int(match[1])] = id_
        self._read: dict[str, int] = {}
        """How many of a name the lists had so far."""

    def completed(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row without a code, with a code and the id of its ticket; a new one where none is."""
        id_ = str(row.get("id") or "") or self._id_of(_plain(str(row["holder"])))
        return {**row, "id": id_, "code": self.code_of(id_)}

    def _id_of(self, name: str) -> str:
        nth = self._read[name] = self._read.get(name, 0) + 1
        return self._known.get((name, nth)) or f"{PREFIX}{nth}-{secrets.token_hex(8)}"

    def code_of(self, id_: str) -> str:
        """The code of a guest's ticket."""
        digest = hashlib.blake2b(id_.encode(), key=self._secret, digest_size=32).digest()
        number = int.from_bytes(digest)
        signs = []
        for _place in range(_LENGTH):
            number, sign = divmod(number, len(_SIGNS))
            signs.append(_SIGNS[sign])
        return "".join(signs)


def secret_of(folder: Path, *, may_make: bool) -> bytes:
    """What the codes of guests follow from in a folder. Raises StoreError.

    Where there is none it is made and kept, or else is good for nothing but this once.
    """
    path = folder / SECRET_NAME
    with faults(path):
        if not path.exists():
            secret = secrets.token_bytes(32)
            if may_make:
                write_durably(path, secret.hex().encode())
            return secret
        return bytes.fromhex(path.read_text("ascii").strip())


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
