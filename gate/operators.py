"""Who may work at a gate: names, roles, and PINs as they are kept.

scrypt as RFC 7914 parametrises it: 16 MiB and some 50 ms a try, on a Pi some 200 ms.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.errors import OperatorError
from gate.i18n import _

MIN_PIN, MAX_PIN = 4, 32
NAME_LENGTH = 40
SALT_BYTES = 16
_N, _R, _P = 2**14, 8, 1


Row = TypeVar("Row", bound=OperatorRow)


def make_operator(name: str, role: Role, pin: str, salt: bytes) -> OperatorRow:
    """An operator with a PIN. Raises OperatorError for a bad name or PIN."""
    name = name.strip()
    if not name or not name.isprintable() or len(name) > NAME_LENGTH:
        raise OperatorError(
            _("a name has 1 to {limit} printable characters").format(limit=NAME_LENGTH)
        )
    _check_pin(pin)
    return OperatorRow(name, role, salt.hex(), _hash(pin, salt).hex())


def is_pin_of(operator: OperatorRow | None, pin: str) -> bool:
    """Whether that is the PIN; of nobody it is not, which takes as long to say."""
    salt = bytes.fromhex(operator.salt) if operator else bytes(SALT_BYTES)
    return hmac.compare_digest(_hash(pin, salt).hex(), operator.hash if operator else "")


def find(operators: Sequence[Row], name: str) -> Row | None:
    """Whose name it is, whatever its case; nobody's where it could be several's."""
    wanted = name.strip()
    exact = next((one for one in operators if one.name == wanted), None)
    alike = [one for one in operators if _folded(one.name) == _folded(wanted)]
    return exact or (alike[0] if len(alike) == 1 else None)


def with_operator(operators: Sequence[Row], row: Row) -> list[Row]:
    """With one more, or with one who has a new role and PIN. Raises OperatorError."""
    before = find(operators, row.name)
    if before is None and any(_folded(one.name) == _folded(row.name) for one in operators):
        raise OperatorError(
            _("several operators have that name, in capitals and small letters"),
            _("Name one exactly as gate operator list does."),
        )
    return [*(one for one in operators if one is not before), row]


def without_operator(operators: Sequence[Row], name: str) -> list[Row]:
    """Without one. Raises OperatorError when there is none of that name."""
    found = find(operators, name)
    if found is None:
        raise OperatorError(
            _("there is no operator of that name"), _("See them: gate operator list")
        )
    return [one for one in operators if one is not found]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def _check_pin(pin: str) -> None:
    if not MIN_PIN <= len(pin) <= MAX_PIN or not pin.isprintable():
        raise OperatorError(
            _("a PIN has {least} to {most} printable characters").format(
                least=MIN_PIN, most=MAX_PIN
            )
        )
    steps = {ord(b) - ord(a) for a, b in pairwise(pin)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        raise OperatorError(_("that PIN is too easy to guess"), _("Not 1111, not 1234."))


def _hash(pin: str, salt: bytes) -> bytes:
    return hashlib.scrypt(pin.encode("utf-8", "replace"), salt=salt, n=_N, r=_R, p=_P, dklen=32)
