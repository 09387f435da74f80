"""The machine's configuration as it was answered."""

import tomllib

from gate.config import Config
from gate.setup.answers import Answers
from gate.setup.configuration import configured, differing
from tests.setup.conftest import SCANNER, Bench


def test_only_what_differs_is_written() -> None:
    """A machine's file says no default."""
    usual = Answers(
        camera="auto", scanner="keyboard", serial="off", relay="no", passage="no", kiosk="no",
        sound="auto", volume="80",
    )  # fmt: skip
    assert differing(Config(), usual) == []
    assert differing(Config(), Answers(camera="off", scanner=SCANNER)) == [
        ("camera", "device", "off"),
        ("scanner", "evdev", SCANNER),
    ]


def test_what_is_tried_is_what_is_written() -> None:
    """Each answer is a setting of both, and nothing else changes."""
    answers = Answers(
        scanner="auto", serial="auto", relay="gpio:17", passage="gpio:27", kiosk="yes",
        sound="off", volume="25",
    )  # fmt: skip
    config = configured(Config(), answers)
    assert differing(config, answers) == []
    for section, key, value in differing(Config(), answers):
        assert getattr(getattr(config, section), key) == value
    assert configured(Config(), Answers()) == Config()


def test_two_settings_of_a_section_are_one_table(bench: Bench) -> None:
    """TOML has no table twice; text is quoted, numbers and truths are not."""
    given = Answers(
        scanner=SCANNER, serial="/dev/ttyS0, auto", relay="http://10.0.0.9/?a=\\\"é", kiosk="yes",
        volume="25", sound="off", write="yes", autostart="no",
    )  # fmt: skip
    bench.set_up(given=given)
    assert tomllib.loads(bench.config_file.read_text()) == {
        "scanner": {"evdev": SCANNER, "serial": "/dev/ttyS0, auto"},
        "output": {"relay": 'http://10.0.0.9/?a=\\"é'},
        "screen": {"kiosk": True, "bell": False},
    }


def test_whose_file_it_is_is_told(bench: Bench) -> None:
    """There is none, it is ours, it is somebody else's."""
    given = Answers(camera="off", write="yes", autostart="no")
    assert bench.set_up(given=given)
    assert f"there is no {bench.config_file} yet" in bench.said()
    assert bench.set_up(given=given)
    assert f"{bench.config_file}, written by gate setup" in bench.said()
    bench.config_file.write_text("# mine\n")
    assert bench.set_up(given=Answers(camera="auto", autostart="no"))
    assert f"{bench.config_file} is yours" in bench.said()
