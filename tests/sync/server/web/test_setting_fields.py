"""Settings in a form: shown and sent again they are the same, for every setting there is."""

from typing import Any

import pytest

from gate.errors import UsageError
from gate.settings import OF_EVENT, OF_PROFILE, OF_TYPE
from sync.server.web.setting_fields import changes, fields, text_of

EVERY = OF_EVENT | OF_PROFILE | OF_TYPE
STATED: dict[str, Any] = {
    "accepted_types": ["CREW", "PRESS"],
    "ask": "Is there a bag?",
    "direction": "both",
    "locations": [1, "A"],
    "near_misses": 3,
    "opening_hours": "Mon-Fri 09:00-18:00",
    "reentry": False,
    "rescan_s": 3,
    "undo_seconds": 90,
    "use_limit": "unlimited",
    "ways": {"VIP": "left"},
    "zone_capacity": 80,
}


def test_what_was_not_touched_is_not_changed() -> None:
    """Each field as it is shown says what was stated."""
    shown = {one.key: one.text for one in fields(EVERY, STATED)}
    untouched = shown | {f"was-{key}": text for key, text in shown.items()}
    assert changes(EVERY, untouched) == {}


@pytest.mark.parametrize("key", STATED)
def test_what_is_written_is_what_was_meant(key: str) -> None:
    """A value as it is shown, written into an empty field, is that value."""
    form = dict.fromkeys([*EVERY, *(f"was-{one}" for one in EVERY)], "")
    assert changes(EVERY, form | {key: text_of(STATED[key])}) == {key: STATED[key]}


def test_an_empty_field_takes_back() -> None:
    """And only the one that was emptied."""
    shown = {one.key: one.text for one in fields(EVERY, STATED)}
    form = shown | {f"was-{key}": text for key, text in shown.items()}
    assert changes(EVERY, form | {"zone_capacity": " "}) == {"zone_capacity": None}


@pytest.mark.parametrize(
    ("key", "text"),
    [("reentry", "perhaps"), ("undo_seconds", "x"), ("ways", "{"), ("locations", "[")],
)
def test_what_cannot_be_is_a_mistake(key: str, text: str) -> None:
    """Told with the key."""
    form = dict.fromkeys([*EVERY, *(f"was-{one}" for one in EVERY)], "")
    with pytest.raises(UsageError, match=key):
        changes(EVERY, form | {key: text})


def test_every_setting_has_words_and_few_choices_are_offered() -> None:
    """So that nobody has to know how a word is spelt."""
    found = {one.key: one for one in fields(EVERY, {})}
    assert [one.key for one in found.values() if not one.words] == []
    assert found["reentry"].choices == ("true", "false")
    assert found["direction"].choices == ("in", "out", "both", "check")
    assert found["zone"].choices == ()
