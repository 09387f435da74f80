"""What pretix answers, as far as it is looked at: fields that are not here are passed over."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Text = dict[str, str] | str | None
"""A text of pretix's in several languages."""


def title_of(text: Text) -> str:
    """A text in the language of the event: the first that it is in."""
    if isinstance(text, Mapping):
        return next((one for one in text.values() if one), "")
    return text or ""


class Event(Struct, frozen=True):
    """An event."""

    slug: str
    name: Text = None
    timezone: str = "UTC"
    has_subevents: bool = False
    date_from: str | None = None
    date_to: str | None = None
    date_admission: str | None = None
    valid_keys: dict[str, list[str]] = {}
    """Public keys by which it signs codes, by how they are signed."""


class Date(Struct, frozen=True):
    """A date of a series."""

    id: int
    name: Text = None
    date_from: str | None = None
    date_to: str | None = None
    date_admission: str | None = None


class Variation(Struct, frozen=True):
    """A variation of an item."""

    id: int
    value: Text = None
    checkin_attention: bool = False
    checkin_text: str | None = None


class Item(Struct, frozen=True):
    """What is sold."""

    id: int
    name: Text = None
    checkin_attention: bool = False
    checkin_text: str | None = None
    variations: tuple[Variation, ...] = ()


class CheckinList(Struct, frozen=True):
    """A check-in list with its settings."""

    id: int
    name: str = ""
    all_products: bool = True
    limit_products: tuple[int, ...] = ()
    subevent: int | None = None
    include_pending: bool = False
    allow_multiple_entries: bool = False
    allow_entry_after_exit: bool = True
    exit_all_at: str | None = None
    """When everybody is checked out next."""
    rules: dict[str, Any] = {}
    addon_match: bool = False


class Seat(Struct, frozen=True):
    """A numbered seat."""

    name: str = ""


class Checkin(Struct, frozen=True):
    """Somebody went in or out, by whatever device."""

    id: int
    datetime: str
    list: int
    type: str = "entry"
    auto_checked_in: bool = False
    device_id: int | None = None


class Given(Struct, frozen=True):
    """What was answered to a question."""

    question: int
    answer: str = ""
    options: tuple[int, ...] = ()


class QuestionOption(Struct, frozen=True):
    """One of what may be chosen."""

    id: int
    identifier: str = ""
    answer: Text = None


class Question(Struct, frozen=True):
    """A question of the event."""

    id: int
    type: str
    question: Text = None
    help_text: Text = None
    required: bool = False
    items: tuple[int, ...] = ()
    options: tuple[QuestionOption, ...] = ()
    position: int = 0
    ask_during_checkin: bool = False
    show_during_checkin: bool = False
    dependency_question: int | None = None
    dependency_values: tuple[str, ...] = ()
    valid_number_min: str | None = None
    valid_number_max: str | None = None
    valid_date_min: str | None = None
    valid_date_max: str | None = None
    valid_datetime_min: str | None = None
    valid_datetime_max: str | None = None
    valid_string_length_min: int | None = None
    valid_string_length_max: int | None = None


class Position(Struct, frozen=True):
    """A ticket of an order."""

    id: int
    item: int
    secret: str
    variation: int | None = None
    subevent: int | None = None
    attendee_name: str | None = None
    addon_to: int | None = None
    canceled: bool = False
    blocked: list[str] | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    seat: Seat | None = None
    checkins: tuple[Checkin, ...] = ()
    answers: tuple[Given, ...] = ()


class InvoiceAddress(Struct, frozen=True):
    """Of an invoice, as far as it was asked for: who it is for."""

    name: str | None = None


class Order(Struct, frozen=True):
    """An order with its positions."""

    code: str
    status: str
    datetime: str
    require_approval: bool = False
    valid_if_pending: bool = False
    checkin_attention: bool = False
    checkin_text: str | None = None
    locale: str = ""
    invoice_address: InvoiceAddress | None = None
    positions: tuple[Position, ...] = ()


class Medium(Struct, frozen=True):
    """A wristband or card that tickets are tied to."""

    id: int
    identifier: str
    active: bool = True
    expires: str | None = None
    linked_orderpositions: tuple[int, ...] = ()


class Secret(Struct, frozen=True):
    """A signed code that was revoked, or blocked, or is good again."""

    secret: str
    blocked: bool = True


class Device(Struct, frozen=True):
    """What we are to pretix, as it answers a pairing."""

    organizer: str
    device_id: int
    api_token: str
    name: str = ""
    security_profile: str = ""
