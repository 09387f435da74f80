"""pretix's items and positions as ticket types and tickets.

The only place where the one becomes the other (``docs/pretix.md`` has the table). Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from gate.core.entry import Act
from gate.core.ticket import Kind, Status
from gate.i18n import _
from sync.upstream.pretix import questions
from sync.upstream.pretix.answers import (
    CheckinList,
    Date,
    Event,
    Item,
    Order,
    Position,
    Question,
    Variation,
    title_of,
)
from sync.upstream.seam import Movement

NOBODY: Final = "-"
"""No type's id: what a list accepts that accepts nothing, for an empty list would accept all."""
_ACTS: Final = {"entry": Act.ADMISSION, "exit": Act.EXIT}


class Sold(NamedTuple):
    """What a position is of."""

    item: int
    variation: int | None = None
    date: int | None = None

    @property
    def id(self) -> str:
        """The id of its ticket type: ``ITEM[-VARIATION][@DATE]``."""
        variation = "" if self.variation is None else f"-{self.variation}"
        return f"{self.item}{variation}" + ("" if self.date is None else f"@{self.date}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of an event but its orders."""

    event: Event
    list: CheckinList
    items: Mapping[int, Item]
    dates: Mapping[int, Date] = field(default_factory=dict)
    """Of a series; else there are none."""
    media: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By position: what else it goes by."""
    questions: Sequence[Question] = ()
    """That matter at the door."""

    def accepts(self, position: Position) -> bool:
        """Whether a position is on the list."""
        of_date = self.list.subevent is None or position.subevent == self.list.subevent
        return of_date and (self.list.all_products or position.item in self.list.limit_products)

    def sold(self) -> Iterator[Sold]:
        """All that there may be of its items; of a series, for the dates that the list is for."""
        here = self.list.subevent
        dates: Iterable[int | None] = [None]
        if self.event.has_subevents:
            dates = self.dates if here is None else [here]
        for date in dates:
            for item in self.items.values():
                for variation in item.variations or (None,):
                    yield Sold(item.id, variation.id if variation else None, date)


def event_title(catalogue: Catalogue) -> str:
    """What the event is called: that of pretix, and its list."""
    return f"{title_of(catalogue.event.name)} · {catalogue.list.name}"


def rules(catalogue: Catalogue) -> dict[str, Any]:
    """The settings of a list as settings of an event; ``None`` where it says nothing."""
    of = catalogue.list
    accepted: list[str] | None = None
    if not (of.all_products and of.subevent is None):
        on_list = of.limit_products if not of.all_products else tuple(catalogue.items)
        accepted = [one.id for one in catalogue.sold() if one.item in on_list] or [NOBODY]
    return {
        "accepted_types": accepted,
        "use_limit": "unlimited" if of.allow_multiple_entries else None,
        "pass_back": "admit" if of.allow_multiple_entries else "refuse",
        "reentry": of.allow_entry_after_exit,
        "unpaid": "ask" if of.include_pending else "refuse",
        "questions": stated_questions(catalogue),
        "rule": msgspec.json.encode(of.rules).decode() if of.rules else None,
    }


def stated_questions(catalogue: Catalogue) -> str | None:
    """The event's questions as its setting; ``None`` where none matters at the door."""
    rows = questions.rows(catalogue.questions, catalogue.event.timezone)
    return msgspec.json.encode(rows).decode() if rows else None


def type_row(catalogue: Catalogue, sold: Sold) -> dict[str, Any]:
    """A ticket type, stated as a row of ``gate.storage.ticket_rows``."""
    item = catalogue.items.get(sold.item)
    variation = _variation(item, sold.variation)
    date = catalogue.dates.get(sold.date) if sold.date is not None else None
    parts = [title_of(item.name) if item else f"#{sold.item}"]
    parts += [title_of(variation.value)] if variation else []
    parts += [title_of(date.name)] if date else []
    row: dict[str, Any] = {
        "id": sold.id,
        "kind": Kind.MEETING.value,
        "title": " · ".join(part for part in parts if part),
        "time_zone": catalogue.event.timezone,
    }
    if any(one.checkin_attention for one in (item, variation) if one):
        row["attention"] = _("Look at this ticket")
    return row | _rule_facts(catalogue, sold)


def _rule_facts(catalogue: Catalogue, sold: Sold) -> dict[str, Any]:
    """What a list's rule may ask about a ticket type, beside its row."""
    occasion: Event | Date = catalogue.event
    if sold.date is not None:
        occasion = catalogue.dates.get(sold.date, occasion)
    moments = {
        "occasion_from": occasion.date_from,
        "occasion_to": occasion.date_to,
        "occasion_admission": occasion.date_admission,
    }
    return {
        "product": str(sold.item),
        "variation": "" if sold.variation is None else str(sold.variation),
        **{name: moment_ms(text) // 1000 for name, text in moments.items() if text},
    }


def ticket_rows(catalogue: Catalogue, order: Order) -> list[dict[str, Any]]:
    """All tickets of an order, stated as rows of ``gate.storage.ticket_rows``."""
    names = {one.id: one.attendee_name or "" for one in order.positions}
    codes = _codes(catalogue, order.positions)
    return [
        _ticket_row(catalogue, order, one, names.get(one.addon_to or 0, ""), codes[one.id])
        for one in order.positions
    ]


def _ticket_row(
    catalogue: Catalogue, order: Order, position: Position, parent: str, codes: Sequence[str]
) -> dict[str, Any]:
    status, note = _status(order, position)
    row: dict[str, Any] = {
        "id": ticket_id(position.id),
        "code": codes[0],
        "other_codes": [*codes[1:], *catalogue.media.get(position.id, ())],
        "type": sold_of(position).id,
        "status": status.value,
        "status_note": note,
        "order": order.code,
        "holder": position.attendee_name or parent,
        "note": _note(catalogue, order, position),
        "answers": questions.answered(catalogue.questions, position),
        "seats": [position.seat.name] if position.seat and position.seat.name else [],
    }
    if order.checkin_attention:
        row["attention"] = _("Look at this ticket")
    for ours, theirs in (("begin_time", position.valid_from), ("end_time", position.valid_until)):
        if theirs:
            row[ours] = moment_ms(theirs) // 1000
    return row


def ticket_id(position: int) -> str:
    """The id of a position's ticket: it stays when the position moves to another order."""
    return f"p{position}"


def position_of(ticket: str) -> int | None:
    """The position of a ticket; ``None`` if it is none of pretix's."""
    digits = ticket[1:]
    is_theirs = ticket.startswith("p") and digits.isascii() and digits.isdecimal()
    return int(digits) if is_theirs else None


def sold_of(position: Position) -> Sold:
    """What a position is of."""
    return Sold(position.item, position.variation, position.subevent)


def _status(order: Order, position: Position) -> tuple[Status, str]:
    """How a ticket stands, and why; what voids it comes before what only holds it back."""
    if position.canceled or order.status == "c":
        return Status.REVOKED, ""
    if order.status == "e":
        return Status.REVOKED, _("the order has expired")
    if position.blocked:
        return Status.BLOCKED, ", ".join(position.blocked)[:200]
    if order.status == "n" and order.require_approval:
        return Status.UNAPPROVED, ""
    if order.status == "n" and not order.valid_if_pending:
        return Status.UNPAID, ""
    return Status.NORMAL, ""


def _note(catalogue: Catalogue, order: Order, position: Position) -> str:
    """What the organiser has to say at the door; the order's comes first."""
    item = catalogue.items.get(position.item)
    variation = _variation(item, position.variation)
    said = [one.checkin_text for one in (order, variation, item) if one]
    return " · ".join(text.strip() for text in said if text and text.strip())


def _variation(item: Item | None, id_: int | None) -> Variation | None:
    return next((one for one in item.variations if one.id == id_), None) if item else None


def _codes(catalogue: Catalogue, positions: Sequence[Position]) -> dict[int, list[str]]:
    """The codes of an order's positions, by position.

    Where the list matches add-ons, the code of a main ticket is that of its one add-on on the list.
    The main ticket, which is not on it, then goes by what nobody has been given.
    """
    codes = {one.id: [one.secret] for one in positions}
    if not catalogue.list.addon_match:
        return codes
    for main in positions:
        family = [one for one in positions if main.id in (one.id, one.addon_to)]
        on_list = [one for one in family if catalogue.accepts(one) and not one.canceled]
        if main.addon_to is None and len(on_list) == 1 and on_list[0] is not main:
            codes[on_list[0].id].append(main.secret)
            codes[main.id] = [f"{on_list[0].secret}+{main.id}"]
    return codes


def movements(
    catalogue: Catalogue, order: Order, ours: frozenset[str], *, by_us: bool = False
) -> list[Movement]:
    """What others than we have done on an order's tickets, on this list; or what we have."""
    return [
        Movement(
            ref=str(one.id),
            ticket=ticket_id(position.id),
            act=_ACTS[one.type],
            at_ms=moment_ms(one.datetime),
            note=_by(one.device_id, is_automatic=one.auto_checked_in),
        )
        for position in order.positions
        for one in position.checkins
        if one.list == catalogue.list.id
        and one.type in _ACTS
        and (str(one.device_id) in ours) is by_us
    ]


def _by(device: int | None, *, is_automatic: bool) -> str:
    if device is not None:
        return _("pretix, device {device}").format(device=device)
    return _("pretix, by itself") if is_automatic else _("pretix, by hand")


def moment_ms(text: str) -> int:
    """A moment as pretix writes it, in Unix milliseconds. Raises ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
