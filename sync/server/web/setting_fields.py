"""Settings of an event as fields of a form, and what a form says as settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import inspect

from gate import config
from gate.core.event_settings import Stated, Value
from gate.i18n import N_, _
from gate.settings import checked

_WORDS: Final = {
    "accepted_types": N_("only these ticket types"),
    "alone": N_("when other gates are not heard"),
    "anomalies_off": N_("anomalies that are not looked for"),
    "ask": N_("ask staff before letting in"),
    "boarding_passes": N_("what of a boarding pass is the code"),
    "command_cards": N_("the cards that turn a lane, by their series"),
    "direction": N_("direction"),
    "early_minutes": N_("minutes before a ticket's time"),
    "entrance": N_("entrance"),
    "find_admits": N_("who admits a guest found by name"),
    "flight": N_("flight"),
    "gs1": N_("what of a GS1 code is the code"),
    "hand_codes": N_("codes may be typed by hand"),
    "late_minutes": N_("minutes after a ticket's time"),
    "locations": N_("locations"),
    "lockout_minutes": N_("minutes locked after wrong PINs"),
    "near_misses": N_("near misses that are an anomaly"),
    "opening_hours": N_("opening hours"),
    "order_parties": N_("gates of one order that are an anomaly"),
    "pass_back": N_("a ticket passed back"),
    "pass_back_minutes": N_("minutes in which it is passed back"),
    "questions": N_("questions to the guest"),
    "reentry": N_("coming in again"),
    "reentry_minutes": N_("minutes outside at the most"),
    "rescan_s": N_("seconds in which it is the same scan"),
    "scans_a_minute": N_("scans a minute that are an anomaly"),
    "screening_room": N_("hall"),
    "show_names": N_("names on the screen"),
    "skip_questions": N_("staff may skip questions to the guest"),
    "sign_in": N_("operators sign in"),
    "static_codes": N_("of a rotating code the part that does not move"),
    "rule": N_("the organiser's own rule"),
    "rule_gate": N_("what the organiser's rule calls this gate"),
    "stale": N_("an unknown code while the list is not current"),
    "turn_needs_pin": N_("turning the lane needs a PIN"),
    "list_needs_pin": N_("changing to another list needs a PIN"),
    "undo_seconds": N_("seconds in which staff can undo"),
    "unknown_codes": N_("unknown codes that are an anomaly"),
    "unseen": N_("a signed ticket that is not in the list"),
    "unseen_current": N_("the same, while the list is current"),
    "unpaid": N_("a ticket that is not paid"),
    "urls": N_("addresses with a code in them"),
    "use_limit": N_("how often a ticket lets in"),
    "walk_seconds": N_("seconds between two gates on foot"),
    "walks": N_("seconds between named gates"),
    "ways": N_("ways by ticket type"),
    "zone": N_("zone"),
    "zone_capacity": N_("people that the zone holds"),
}
"""What a setting is about; one that is not here shows its key alone."""
_WAS: Final = "was-"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting in a form."""

    key: str
    words: str
    text: str
    """As it is stated; empty: it is not."""
    choices: tuple[str, ...]
    """What it may be, where that is one of a few."""
    allowed: str
    """In words; empty where any text is."""


def fields(kinds: Mapping[str, str], stated: Stated) -> list[Field]:
    """A field for each setting, those that are stated first."""
    found = [
        Field(
            key,
            _(_WORDS[key]) if key in _WORDS else "",
            text_of(stated[key]) if key in stated else "",
            _choices(path),
            "" if isinstance(config.kind_of(path), inspect.StrType) else config.allowed(path),
        )
        for key, path in kinds.items()
    ]
    return sorted(found, key=lambda one: (not one.text, one.key))


def changes(kinds: Mapping[str, str], form: Mapping[str, str]) -> dict[str, Value | None]:
    """What somebody wrote otherwise than it was shown; ``None`` takes one back. Raises UsageError.

    What another has changed meanwhile, and this form has not, stays.
    """
    stated: dict[str, Any] = {}
    for key, path in kinds.items():
        text = form[key].strip()
        if text != form[f"{_WAS}{key}"].strip():
            stated[key] = _value(path, text) if text else None
    return checked(kinds, stated)


def text_of(value: Value) -> str:
    """A value as a person writes it; a list with commas between."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _value(path: str, text: str) -> Any:
    if isinstance(config.kind_of(path), inspect.VarTupleType) and not text.startswith("["):
        return [part for one in text.split(",") if (part := one.strip())]
    # As JSON has a table; the file has it otherwise.
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return config.typed(path, text)


def _choices(path: str) -> tuple[str, ...]:
    match config.kind_of(path):
        case inspect.BoolType():
            return ("true", "false")
        case inspect.EnumType() as kind:
            return tuple(str(one.value) for one in kind.cls)
        case inspect.LiteralType() as kind:
            return tuple(map(str, kind.values))
        case _:
            return ()
