"""The configuration: every key documented, every mistake one line."""

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.config import Config, load
from gate.core.place import Direction, Policy, Role
from gate.errors import ConfigError
from tests.support.paths import ROOT

EXAMPLE = ROOT / "config.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_says_every_key_and_its_default() -> None:
    """The annotated file holds all settings, and leaving it out changes nothing."""
    said = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    known = msgspec.to_builtins(Config())
    del known["by_hand"], known["in_file"]
    assert msgspec.json.encode(said, order="sorted") == msgspec.json.encode(known, order="sorted")
    assert msgspec.structs.replace(load(EXAMPLE, environment={}), in_file=()) == Config()


def test_flags_beat_environment_beats_file(tmp_path: Path) -> None:
    """Three sources for one key, each stronger than the last."""
    file = written(tmp_path, '[gate]\nname = "file"\nentrance = "file"\nzone = "file"\n')
    environment = {"GATE_GATE_NAME": "env", "GATE_GATE_ENTRANCE": "env", "LANG": "C"}
    gate = load(file, environment, ["gate.name=flag"]).gate
    assert (gate.name, gate.entrance, gate.zone) == ("flag", "env", "file")


def test_text_becomes_what_the_key_wants() -> None:
    """Numbers, truth values and lists come out of the environment as such."""
    config = load(
        None,
        {
            "XDG_CONFIG_HOME": "/nowhere",
            "GATE_CAMERA_FPS": "12.5",
            "GATE_RULES_REENTRY": "false",
            "GATE_GATE_ACCEPTED_TYPES": '["A", "B"]',
            "GATE_GATE_NAME": "7",
            "GATE_DATA_DIR": "/data",
            "GATE_ALONE_TYPES": '{ VIP = "hold" }',
        },
    )
    assert config.camera.fps == 12.5
    assert config.rules.reentry is False
    assert config.gate.accepted_types == ("A", "B")
    assert config.gate.name == "7"
    assert config.data_dir == "/data"
    assert config.house_rules().alone_by_type == {"VIP": Policy.HOLD}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[gate]\nnam = "x"', "gate.nam: there is no such setting; did you mean gate.name?"),
        ("[gates]\n", "gates: there is no such setting; did you mean gate?"),
        ("[gate]\nqqq = 1", "gate.qqq: there is no such setting; allowed: name, direction,"),
        ('[gate]\ndirection = "up"', "gate.direction: found 'up'; allowed: in, out, both, check"),
        ("[camera]\nfps = -1", "camera.fps: found -1; allowed: a number from 0 to 240"),
        ('[camera]\nwidth = "x"', "camera.width: found 'x'; allowed: a whole number from 0 to"),
        ('[camera]\nformats = ["X"]', "camera.formats[0]: found 'X'; allowed: "),
        ('[camera]\nfourcc = "MJPEG"', "camera.fourcc: found 'MJPEG'"),
        ("[screen]\nbell = 3", "screen.bell: found 3; allowed: true, false"),
        ("gate = 3", "gate: found 3; allowed: a section"),
        ("venue = 3", "venue: found 3; allowed: text"),
        ('alone.types = { V = "x" }', "alone.types.V: found 'x'; allowed: admit, flag, hold,"),
        ("[gate.ways]\nNE = 3", "gate.ways.NE: found 3; allowed: text"),
        ('time_zone = "Mars/X"', "time_zone: found 'Mars/X'; allowed: auto, or a name"),
        ("[gate", "not TOML"),
    ],
)
def test_a_mistake_is_one_line_with_path_found_and_allowed(
    tmp_path: Path, text: str, told: str
) -> None:
    """Whoever reads the line can mend the file without the manual."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text), environment={})
    line = caught.value.message
    assert "\n" not in line
    assert told in line


@pytest.mark.parametrize(
    ("environment", "settings", "told"),
    [
        ({"GATE_GATE_NAM": "x"}, [], "GATE_GATE_NAM: there is no such setting; did you mean"),
        ({"GATE_WHAT": "x"}, [], "GATE_WHAT: there is no such setting"),
        ({"GATE_CAMERA_FPS": "fast"}, [], "camera.fps: found 'fast'"),
        ({}, ["gate.name"], "not like section.key=value"),
        ({}, ["gate.nope=1"], "--set gate.nope: there is no such setting"),
        ({}, ["gate=1"], "gate: found 1; allowed: a section"),
    ],
)
def test_mistakes_elsewhere_name_their_source(
    environment: dict[str, str], settings: list[str], told: str, tmp_path: Path
) -> None:
    """A wrong variable or flag is named as the user wrote it."""
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, ""), environment, settings)
    assert told in caught.value.message


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """The default file may be missing, a named one may not."""
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml", environment={})


def test_our_own_variables_are_no_settings(tmp_path: Path) -> None:
    """The variables of the tests and of --config are left alone."""
    load(written(tmp_path, ""), {"GATE_TEST_CUTS": "9", "GATE_CONFIG": "x"})


@given(st.text(max_size=300))
def test_no_text_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Any file is a configuration or one ConfigError."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):
        load(path, environment={})


KEYS = st.sampled_from(["gate", "camera", "alone", "venue", "name", "types", "fps", "ways", "x"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.integers(), st.text(max_size=5), st.booleans(), st.floats(), st.just({})),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_no_value_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, said: dict[str, Any]
) -> None:
    """Wrong types at any depth are told with their path."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in said.items()))
    with suppress(ConfigError):
        load(path, environment={})


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(c):08x}" if not c.isalnum() else c for c in value)
        return f'"{escaped}"'
    return repr(value)


def test_where_things_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without names, XDG's folders are used."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert Config().folder() == tmp_path / "venue-gate" / "default"
    assert Config(data_dir="~/x").folder() == Path("~/x").expanduser()


def test_the_place_and_the_rules_come_out_of_it(tmp_path: Path) -> None:
    """Minutes become seconds, numbers become ids."""
    config = load(
        written(tmp_path, "[gate]\nlocations = [7, '8']\n[rules]\nearly_minutes = 30\n"),
        environment={},
    )
    assert config.place().locations == ("7", "8")
    assert config.house_rules().early_s == 1800
    assert config.gate.direction is Direction.IN


def test_hands_are_the_venues_decision() -> None:
    """Who may type codes, find guests and turn the lane; by default as it always was."""
    rules = load(None, {}, []).house_rules()
    assert (rules.hand_codes, rules.find_admits, rules.turn_needs_pin) == (
        True,
        Role.SUPERVISOR,
        False,
    )
    said = ["rules.hand_codes=false", "rules.find_admits=staff", "rules.turn_needs_pin=true"]
    rules = load(None, {}, said).house_rules()
    assert (rules.hand_codes, rules.find_admits, rules.turn_needs_pin) == (False, Role.STAFF, True)
    with pytest.raises(ConfigError, match="staff, supervisor"):
        load(None, {}, ["rules.find_admits=anybody"])
