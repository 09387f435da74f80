"""Who is let in to work at this gate: the event's operators or this gate's own, and the lock-out.

A gate that was taken in has its event's operators, once the event has stated any, and while its
tickets cannot be read the last known ones; wrong PINs are counted here alone, and lock here alone.
"""

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from gate.core.event_settings import OperatorRow
from gate.core.place import Role
from gate.errors import DamagedError, GateError, OperatorError
from gate.i18n import _
from gate.lane import known_operators
from gate.operators import (
    SALT_BYTES,
    find,
    is_pin_of,
    make_operator,
    with_operator,
    without_operator,
)
from gate.storage.event import event_row
from gate.storage.folder import Folder, Lock, write_durably
from gate.storage.sqlite import faults

ATTEMPTS = 5
"""Wrong PINs in a row before an operator is locked out."""


class _Tries(msgspec.Struct, forbid_unknown_fields=True):
    """Wrong PINs that were given for one operator here."""

    failures: int = 0
    locked_until: int = 0


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """What the file keeps."""

    operators: list[OperatorRow] = []
    tries: dict[str, _Tries] = {}
    """By the operator's name as it was added."""


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
        return sorted((one.name, one.role) for one in self._all(self._read()))

    def rows(self) -> Sequence[OperatorRow]:
        """Everybody, with what tells their PINs."""
        return self._all(self._read())

    def add(self, name: str, role: Role, pin: str) -> None:
        """Add an operator of this gate's own, or give one a new role and PIN.

        Names differ in more than case. Raises OperatorError for a bad PIN.
        """
        row = make_operator(name, role, pin, secrets.token_bytes(SALT_BYTES))
        with _Exclusively(self._folder):
            kept = self._read()
            kept.operators = with_operator(kept.operators, row)
            kept.tries.pop(row.name, None)
            self._write(kept)

    def remove(self, name: str) -> None:
        """Remove an operator of this gate's own. Raises OperatorError for an unknown name."""
        with _Exclusively(self._folder):
            kept = self._read()
            kept.operators = without_operator(kept.operators, name)
            self._write(kept)

    def check(self, name: str, pin: str) -> Role:
        """The role of the operator whose PIN this is; see ``identify``."""
        return self.identify(name, pin)[1]

    def identify(self, name: str, pin: str) -> tuple[str, Role]:
        """Name, as it was added, and role of the operator whose PIN this is.

        Raises OperatorError for an unknown name, a wrong PIN, and while locked out; it takes the
        same time whichever it is.
        """
        with _Exclusively(self._folder):
            kept = self._read()
            found = find(self._all(kept), name)
            is_right = is_pin_of(found, pin)
            if found is None:
                raise _nobody()
            tries = kept.tries.get(found.name, _Tries())
            now = int(self._now())
            # A clock set back must not lock anybody out for longer than was said.
            if now < tries.locked_until <= now + self._lockout_s:
                raise OperatorError(
                    _("locked after {count} wrong PINs").format(count=ATTEMPTS),
                    _("Wait {minutes} min, or ask for a new PIN: gate operator add").format(
                        minutes=-(-(tries.locked_until - now) // 60)
                    ),
                )
            if is_right:
                if kept.tries.pop(found.name, None) is not None:
                    self._write(kept)
                return found.name, found.role
            tries.failures += 1
            if tries.failures >= ATTEMPTS:
                tries.failures, tries.locked_until = 0, now + self._lockout_s
            kept.tries[found.name] = tries
            self._write(kept)
        raise _nobody()

    def _all(self, kept: _Kept) -> Sequence[OperatorRow]:
        of_event = self._of_event()
        return kept.operators if of_event is None else of_event

    def _of_event(self) -> Sequence[OperatorRow] | None:
        try:
            event = event_row(self._folder)
        except GateError:
            if (known := known_operators.read(self._folder)) is None:
                raise
            return known
        return known_operators.read(self._folder) if event is None else event.settings.operators

    def _read(self) -> _Kept:
        path = self._folder.operators
        with faults(path):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                return _Kept()
        try:
            return msgspec.json.decode(content, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedError(
                _("{file} cannot be read: {detail}").format(file=path.name, detail=error),
                _("Move it away and add the operators again: gate operator add"),
            ) from error

    def _write(self, kept: _Kept) -> None:
        with faults(self._folder.operators):
            write_durably(self._folder.operators, msgspec.json.encode(kept))


class _Exclusively:
    """Keeps the lane and the command line from losing each other's change."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._folder.create()
        self._lock = Lock(self._folder, "operators", wait_s=5.0)

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def _nobody() -> OperatorError:
    # The same words for both: a stranger learns no names.
    return OperatorError(_("unknown name or wrong PIN"), _("Try again, slowly."))
