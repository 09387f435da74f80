"""What is taken in of lists: how it is wanted, what came of it, and what makes a row whole."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gate.errors import ImportFault
from gate.i18n import _, ngettext
from gate.lists.dates import AmbiguousDate
from gate.lists.guests import Guests, secret_of
from gate.lists.rows import ListRow, Reading, TicketList
from gate.lists.type_names import TypeNames
from gate.storage.row_values import BadRow
from gate.text.printable import printable

ERRORS_SHOWN = 20
ROWS_SHOWN = 3
"""Rows of a list that are shown as they are taken."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How lists are to be taken in."""

    reading: Reading = field(default_factory=Reading)
    time_zone: str = ""
    """For types that name none; empty: this machine's own."""
    type_id: str = ""
    """The type of tickets that name none."""
    make_kind: str = ""
    """The kind of the types that are made for names that no type has; empty: none are."""
    skip_bad: bool = False
    replace: bool = False
    """Forget the tickets there were."""
    cancel_missing: bool = False
    """Cancel the tickets that are in no list."""
    dry_run: bool = False


@dataclass(slots=True)
class Imported:
    """What an import did, or would do."""

    types: int = 0
    tickets: int = 0
    new: int = 0
    """Tickets that were not there before."""
    changed: int = 0
    """Tickets that are stated otherwise than before."""
    types_changed: int = 0
    """Types that are new or stated otherwise."""
    people: int = 0
    """Guests without a code."""
    by_type: dict[str, int] = field(default_factory=dict)
    """How many tickets of each type, by its id."""
    missing: int = 0
    """Tickets that are good and in none of the lists."""
    cancelled: int = 0
    """How many of them were cancelled."""
    named_missing: list[str] = field(default_factory=list)
    """The first of them, by id and name."""
    bad: int = 0
    errors: list[str] = field(default_factory=list)
    """The first errors, each with file and line."""
    notes: list[str] = field(default_factory=list)
    """The first rows that were taken but may be meant otherwise, each with file and line."""
    lacks_types: bool = False
    """Whether rows name types that there are not."""
    asks_day_order: bool = False
    """Whether a row has a date of which nobody has said if its day or its month is first."""
    zones: dict[str, int] = field(default_factory=dict)
    """How many types were taken in each time zone, by its name."""
    lists: list[TicketList] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """The first rows of each list, as they are taken."""
    _shown_of: str = ""
    _shown: int = 0

    @property
    def is_change(self) -> bool:
        """Whether anything is different now."""
        return bool(self.new or self.changed or self.types_changed or self.cancelled)

    def show(self, row: ListRow) -> None:
        """Keep one of the first rows of its list."""
        file = row.where.rpartition(":")[0]
        if file != self._shown_of:
            self._shown_of, self._shown = file, 0
        if self._shown < ROWS_SHOWN and not isinstance(row.fields, BadRow):
            sentence = ", ".join(f"{name}={value}" for name, value in row.fields.items())
            self.shown.append(f"{row.where}: {printable(sentence, 400)}")
            self._shown += 1

    def count(self, type_id: str) -> None:
        """Count a ticket of a type."""
        self.tickets += 1
        self.by_type[type_id] = self.by_type.get(type_id, 0) + 1

    def note(self, sentence: str) -> None:
        """Keep one of the first notes."""
        if len(self.notes) < ERRORS_SHOWN:
            self.notes.append(sentence)

    def complain(self, sentence: str, bad: BadRow | None = None) -> None:
        """Count what is wrong with a row, and keep one of the first."""
        self.bad += 1
        self.asks_day_order |= isinstance(bad, AmbiguousDate)
        if len(self.errors) < ERRORS_SHOWN:
            self.errors.append(sentence)


def bad_rows(imported: Imported) -> str:
    """What is wrong, in lines."""
    lines = list(imported.errors)
    if imported.bad > len(lines):
        lines.append(_("… and {count} more").format(count=imported.bad - len(lines)))
    head = ngettext("{count} bad row", "{count} bad rows", imported.bad)
    return "\n".join([head.format(count=imported.bad), *lines])


def bad_rows_fault(imported: Imported) -> ImportFault:
    """What is wrong, and what to do about it."""
    hint = _("Nothing was imported. Mend the file.")
    if imported.lacks_types:
        hint += " " + _("Or have the types made: --kind meeting")
    return ImportFault(bad_rows(imported), hint)


class Completion:
    """Makes rows of tickets whole: the type that they mean, and what guests go by."""

    def __init__(
        self,
        wanted: Wanted,
        known: Iterable[tuple[str, str]],
        folder: Path,
        known_guests: Callable[[], Iterable[tuple[str, str]]],
    ) -> None:
        """``known`` has the types there are, id and title; ``folder`` keeps the guests' secret.

        ``known_guests`` is asked for their tickets, id and name, once there are any.
        """
        self._wanted = wanted
        self._types = TypeNames(known, wanted.type_id, wanted.make_kind)
        self._folder = folder
        self._known_guests = known_guests
        self._guests: Guests | None = None

    def add_type(self, id_: str, title: str) -> None:
        """There is another type."""
        self._types.add(id_, title)

    def whole(
        self, row: dict[str, Any], imported: Imported
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The row of a ticket, and that of a type that has to be made for it. Raises BadRow."""
        type_id = self._types.id_of(row)
        row = {**row, "type": type_id}
        if not (self._types.is_known(type_id) or self._wanted.make_kind):
            imported.lacks_types = True
        if not row.get("code"):
            row = self._as_guest(row)
            imported.people += 1
        return row, self._types.made_for(type_id)

    def _as_guest(self, row: dict[str, Any]) -> dict[str, Any]:
        if not row.get("holder"):
            raise BadRow(_("neither a code nor a name"))
        if self._guests is None:
            secret = secret_of(self._folder, may_make=not self._wanted.dry_run)
            self._guests = Guests(secret, self._known_guests())
        return self._guests.completed(row)
