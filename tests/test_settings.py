"""What an event states, and what it comes to at a gate."""

from typing import Any

import pytest

from gate.config import Config, allowed, load
from gate.core.event_settings import EventSettings
from gate.core.place import Direction, Policy
from gate.core.question import parse as parse_questions
from gate.core.ticket import UNLIMITED
from gate.errors import ConfigError, UsageError
from gate.settings import (
    OF_EVENT,
    OF_PROFILE,
    OF_TYPE,
    GateSettings,
    own_settings,
    parse,
    patched,
    settings_of,
)

STATED = EventSettings(
    rules={"early_minutes": 30, "alone": "hold"},
    types={"VIP": {"early_minutes": 60, "pass_back": "flag"}},
    profiles={
        "North": {"entrance": "N", "direction": "both", "late_minutes": 5},
        "Door 2": {"entrance": "S"},
    },
    assigned={"device2": "Door 2"},
)


def north(own: Config | None = None, stated: EventSettings = STATED) -> GateSettings:
    return settings_of(own or load(environment={}), stated, "device1", "North")


def test_profile_beats_type_beats_event_beats_default() -> None:
    """The order of the design."""
    found = north()
    assert found.rules.early_s == 30 * 60
    assert found.rules.of("VIP").early_s == 60 * 60
    assert found.rules.of("VIP").alone is Policy.HOLD
    assert found.rules.of("VIP").pass_back is Policy.FLAG
    assert found.rules.late_s == found.rules.of("VIP").late_s == 5 * 60
    assert found.rules.undo_grace_s == 120
    with_type = patched(STATED, {"profiles": {"North": {"early_minutes": 1}}})
    assert north(stated=with_type).rules.of("VIP").early_s == 60


def test_flags_and_variables_beat_all_and_are_named() -> None:
    """A technician's word at the machine is the last one, and everybody can see it."""
    own = load(environment={"GATE_RULES_EARLY_MINUTES": "7"}, settings=["gate.direction=out"])
    found = north(own)
    assert found.rules.early_s == found.rules.of("VIP").early_s == 7 * 60
    assert found.config.gate.direction is Direction.OUT
    assert sorted(found.overrides) == ["gate.direction", "rules.early_minutes"]


def test_the_file_of_an_enrolled_gate_is_not_read_for_them(tmp_path: Any) -> None:
    """But for what belongs to the machine; what is left unread is named."""
    file = tmp_path / "config.toml"
    file.write_text(
        '[rules]\nlate_minutes = 99\n[alone]\ntypes = { VIP = "admit" }\n[gate]\nzone = "A"\n'
        "[camera]\nwidth = 640\n"
    )
    own = load(file, environment={})
    found = north(own)
    assert found.rules.late_s == 5 * 60
    assert found.rules.alone_by_type == {}
    assert found.place.zone == ""
    assert found.config.camera.width == 640
    assert found.unread == ("alone.types", "gate.zone", "rules.late_minutes")
    alone = own_settings(own)
    assert alone.rules.late_s == 99 * 60
    assert alone.place.zone == "A"
    assert alone.unread == ()


def test_a_device_has_the_profile_of_its_name_or_the_one_it_was_given() -> None:
    """And goes by the profile's name, so that two gates of one profile count together."""
    assert north().profile == "North"
    assert north().place.gate == "North"
    second = settings_of(load(environment={}), STATED, "device2", "North")
    assert second.profile == "Door 2"
    assert second.place.entrance == "S"


def test_a_gate_without_a_profile_does_not_know_where_it_is() -> None:
    """Where the event has profiles, and nobody has said it by hand."""
    own = load(environment={})
    assert not settings_of(own, STATED, "device3", "West").place.is_known
    assert settings_of(own, EventSettings(), "device3", "West").place.is_known
    by_hand = load(environment={}, settings=["gate.entrance=W"])
    assert settings_of(by_hand, STATED, "device3", "West").place.is_known
    assert north().place.is_known


def test_what_a_newer_program_has_stated_is_left_out() -> None:
    """A key or a value that is not known here stops no gate."""
    newer = EventSettings(rules={"colour": [0.5, None], "alone": "sing", "early_minutes": 5})
    found = settings_of(load(environment={}), newer, "device1", "North")
    assert found.rules.early_s == 300
    assert found.rules.alone is Policy.FLAG


def test_key_and_value_as_they_are_typed() -> None:
    """Text is taken as ``--set`` takes it; nothing after the sign takes a setting back."""
    assert parse(OF_PROFILE, ["Entrance = West", "accepted_types=['VIP']", "zone="]) == {
        "entrance": "West",
        "accepted_types": ["VIP"],
        "zone": None,
    }


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("erly_minutes=3", "did you mean early_minutes"),
        ("early_minutes=-3", "from 0 to"),
        ("early_minutes=soon", "whole number"),
        ("alone=maybe", "admit, flag, hold, refuse"),
        ("early_minutes", "not like key=value"),
        ("entrance=West", "there is no such setting"),
        ('rule={"xor": [1, 2]}', "'xor' is no word of rules"),
        ("rule=after six", "'after six' is no rule"),
    ],
)
def test_what_cannot_be_is_told_with_what_can(pair: str, told: str) -> None:
    """One line with the key, what was found and what is allowed."""
    with pytest.raises(UsageError, match=told):
        parse(OF_EVENT, [pair])


def test_a_rule_is_stated_as_json_or_as_its_text() -> None:
    """Kept is its text; nothing takes it back; a file that has a bad one is told so."""
    patch = {"rules": {"rule": {"<": [1, 2]}}, "types": {"VIP": {"rule": '{"<": [2, 1]}'}}}
    stated = patched(EventSettings(), patch)
    assert (stated.rule_of("VIP"), stated.rule_of("DAY")) == ('{"<": [2, 1]}', '{"<":[1,2]}')
    assert patched(stated, {"rules": {"rule": None}}).rule_of("DAY") == ""
    assert parse(OF_EVENT, ['rule={"<": [1, 2]}', "ask="])["rule"] == '{"<": [1, 2]}'
    newer = {"rules": {"rule": {"xor": [1]}}}
    assert patched(stated, newer, may_be_newer=True).rule_of("DAY") == '{"xor":[1]}'
    with pytest.raises(UsageError, match="xor"):
        patched(stated, newer)
    with pytest.raises(ConfigError, match=r"rules\.rule: 'xor' is no word of rules here"):
        load(environment={}, settings=['rules.rule={"xor": [1]}'])


@pytest.mark.parametrize(
    "patch",
    [
        {"rules": {"early_minutes": "5"}},
        {"rules": {"entrance": "N"}},
        {"rules": {"rule": {"<": [1]}}},
        {"rules": {"rule": 3}},
        {"types": {"VIP": {"rule": "{"}}},
        {"types": {"VIP": {"entrance": "N"}}},
        {"profiles": {"": {}}},
        {"profiles": {"a\x1b": {}}},
        {"profiles": {"North": 3}},
        {"assigned": {"device1": "West"}},
        {"operators": {}},
        {"rules": []},
        {"profiles": {f"{n:0200}": {} for n in range(1000)}},
    ],
)
def test_a_bad_patch_changes_nothing(patch: dict[str, Any]) -> None:
    """The whole of it is refused."""
    with pytest.raises(UsageError):
        patched(STATED, patch)


def test_a_patch_takes_back_what_was_stated() -> None:
    """As RFC 7396 has it; a profile that goes takes along who was given it."""
    after = patched(
        STATED,
        {"rules": {"alone": None}, "types": {"VIP": None}, "profiles": {"Door 2": None}},
    )
    assert after.rules == {"early_minutes": 30}
    assert after.types == {}
    assert after.profiles == {"North": STATED.profiles["North"]}
    assert after.assigned == {}


def test_every_setting_is_one_of_the_configuration() -> None:
    """A key that is renamed in one place only is seen here."""
    for kinds in (OF_TYPE, OF_EVENT, OF_PROFILE):
        for path in kinds.values():
            assert allowed(path) != allowed("nowhere.key")


def test_questions_are_stated_as_json_or_as_their_text() -> None:
    """For the event alone; what is wrong with which of them is said."""
    stated = [{"id": "meal", "text": "Which meal?"}]
    after = patched(EventSettings(), {"rules": {"questions": stated, "skip_questions": True}})
    text = after.rules["questions"]
    assert parse_questions(text)[0].text == "Which meal?"
    assert patched(after, {"rules": {"questions": text}}) == after
    gate = settings_of(load(None, {}), after, "d1", "North")
    assert (gate.rules.questions, gate.rules.skip_questions) == (text, True)
    for patch in ({"types": {"VIP": {"questions": stated}}},
                  {"rules": {"questions": [{"id": "meal"}]}},
                  {"rules": {"questions": [{"id": "x", "text": "x" * 70_000}]}}):  # fmt: skip
        with pytest.raises(UsageError, match="questions"):
            patched(after, patch)
    with pytest.raises(ConfigError, match=r"rules\.questions"):
        load(None, {}, ["rules.questions=[{}]"])


def test_how_often_a_ticket_is_good() -> None:
    """By its type, else by the event; what no program of today states counts as not stated."""
    typed = parse(OF_EVENT, ["use_limit=3"]) | parse(OF_TYPE, ["early_minutes=1"])
    assert typed["use_limit"] == 3
    assert parse(OF_TYPE, ["use_limit=unlimited"]) == {"use_limit": "unlimited"}
    stated = EventSettings(
        rules={"use_limit": 3},
        types={"pass": {"use_limit": "unlimited"}, "new": {"use_limit": [1, 2]}, "VIP": {}},
    )
    found = [stated.use_limit_of(id_) for id_ in ("pass", "new", "VIP", "other")]
    assert found == [UNLIMITED, 3, 3, 3]
    assert STATED.use_limit_of("VIP") is None
    assert "use_limit" not in OF_PROFILE
