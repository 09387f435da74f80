"""The manual of the card API names every field, errcode, event and call there is."""

from sync.cardapi.errcodes import Errcode
from sync.cardapi.fields import (
    ADVANCED_INFO,
    BASE_INFO,
    BOARDING_UPDATE,
    DETAILS,
    MEETING_UPDATE,
    MOVIE_UPDATE,
)
from sync.cardapi.routes import CALLS
from sync.cardapi.webhook_outbox import FIELDS
from tests.support.paths import ROOT

MANUAL = (ROOT / "docs" / "card-api.md").read_text(encoding="utf-8")


def test_every_field_is_in_the_manual() -> None:
    """With what it does at the gate, or that it does nothing."""
    fields = [*BASE_INFO, *ADVANCED_INFO, *MEETING_UPDATE, *MOVIE_UPDATE, *BOARDING_UPDATE]
    fields += [field for detail in DETAILS.values() for field in detail]
    rows = [line.split("|") for line in MANUAL.splitlines() if line.startswith("| `")]
    named = " ".join(row[1] for row in rows)
    for field in fields:
        assert f"`{field.name}`" in named or f"`{field.name}." in named, field.name


def test_every_errcode_is_in_the_manual() -> None:
    """Also those that are never given."""
    for code in Errcode:
        assert str(code.value) in MANUAL, code


def test_every_event_and_call_is_in_the_manual() -> None:
    """By name."""
    for name in FIELDS:
        assert f"`{name}`" in MANUAL
    for call in CALLS:
        assert call.path.rpartition("/")[2] in MANUAL, call.path
