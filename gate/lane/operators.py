"""Who may work here: names, roles, hashed PINs, and the lock-out after wrong ones."""

import hashlib
import hmac
import secrets
import time
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import msgspec

from gate.core.model import Role
from gate.errors import DamagedError, OperatorError
from gate.i18n import _
from gate.storage.folder import Folder, Lock, write_durably
from gate.storage.sqlite import faults

ATTEMPTS = 5
"""Wrong PINs in a row before an operator is locked out."""
MIN_PIN, MAX_PIN = 4, 32
NAME_LENGTH = 40

# scrypt as RFC 7914 parametrises it: 16 MiB and some 50 ms a try, on a Pi some 200 ms.
_N, _R, _P = 2**14, 8, 1


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """One operator as the file keeps them."""

    name: str
    role: Role
    salt: str
    hash: str
    failures: int = 0
    locked_until: int = 0


class Operators:
    """The operators of one data folder."""

    def __init__(
        self,
        folder: Folder,
        lockout_minutes: int = 15,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._lockout_s = lockout_minutes * 60
        self._now = now

    def names(self) -> list[tuple[str, Role]]:
        """Everybody, by name."""
        return sorted((person.name, person.role) for person in self._read())

    def add(self, name: str, role: Role, pin: str) -> None:
        """Add an operator, or give one a new role and PIN; names differ in more than case.

        Raises OperatorError for a bad PIN.
        """
        name = name.strip()
        if not name or not name.isprintable() or len(name) > NAME_LENGTH:
            raise OperatorError(
                _("a name has 1 to {limit} printable characters").format(limit=NAME_LENGTH)
            )
        _check_pin(pin)
        salt = secrets.token_bytes(16)
        person = Person(name, role, salt.hex(), _hash(pin, salt).hex())
        with _Exclusively(self._folder):
            people = self._read()
            before = _named(people, name)
            if before is None and _is_taken(people, name):
                raise OperatorError(
                    _("several operators have that name, in capitals and small letters"),
                    _("Name one exactly as gate operator list does."),
                )
            self._write([*(other for other in people if other is not before), person])

    def remove(self, name: str) -> None:
        """Remove an operator. Raises OperatorError when there is none of that name."""
        with _Exclusively(self._folder):
            people = self._read()
            found = _named(people, name)
            if found is None:
                raise _nobody()
            self._write([person for person in people if person is not found])

    def check(self, name: str, pin: str) -> Role:
        """The role of the operator whose PIN this is; see ``identify``."""
        return self.identify(name, pin)[1]

    def identify(self, name: str, pin: str) -> tuple[str, Role]:
        """Name, as it was added, and role of the operator whose PIN this is.

        Raises OperatorError for an unknown name, a wrong PIN, and while locked out; it takes the
        same time whichever it is.
        """
        with _Exclusively(self._folder):
            people = self._read()
            person = _named(people, name)
            salt = bytes.fromhex(person.salt) if person else bytes(16)
            is_right = hmac.compare_digest(_hash(pin, salt).hex(), person.hash if person else "")
            if person is None:
                raise _nobody()
            now = int(self._now())
            # A clock set back must not lock anybody out for longer than was said.
            if now < person.locked_until <= now + self._lockout_s:
                raise OperatorError(
                    _("locked after {count} wrong PINs").format(count=ATTEMPTS),
                    _("Wait {minutes} min, or ask for a new PIN: gate operator add").format(
                        minutes=-(-(person.locked_until - now) // 60)
                    ),
                )
            if is_right:
                if person.failures:
                    person.failures = 0
                    self._write(people)
                return person.name, person.role
            person.failures += 1
            if person.failures >= ATTEMPTS:
                person.failures, person.locked_until = 0, now + self._lockout_s
            self._write(people)
        raise _nobody()

    def _read(self) -> list[Person]:
        path = self._folder.operators
        with faults(path):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                return []
        try:
            return msgspec.json.decode(content, type=list[Person])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedError(
                _("{file} cannot be read: {detail}").format(file=path.name, detail=error),
                _("Move it away and add the operators again: gate operator add"),
            ) from error

    def _write(self, people: list[Person]) -> None:
        with faults(self._folder.operators):
            write_durably(self._folder.operators, msgspec.json.encode(people))


class _Exclusively:
    """Keeps the lane and the command line from losing each other's change."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._folder.create()
        self._lock = Lock(self._folder, "operators", wait_s=5.0)

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def _named(people: list[Person], name: str) -> Person | None:
    """Whose name it is, whatever its case; nobody's where it could be several's."""
    wanted = name.strip()
    exact = next((person for person in people if person.name == wanted), None)
    alike = [person for person in people if _folded(person.name) == _folded(wanted)]
    return exact or (alike[0] if len(alike) == 1 else None)


def _is_taken(people: list[Person], name: str) -> bool:
    return any(_folded(person.name) == _folded(name) for person in people)


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


def _nobody() -> OperatorError:
    # The same words for both: a stranger learns no names.
    return OperatorError(_("unknown name or wrong PIN"), _("Try again, slowly."))
