"""The conversation from its first question to what is written, with interruptions."""

import importlib.util
import io
from pathlib import Path

import pytest

from gate.config import Config, load
from gate.core.place import Role
from gate.errors import InputError, UsageError
from gate.lane.operators import Operators
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers, KeptAnswers
from gate.setup.conversation import Conversation, NobodyAnswers
from gate.setup.set_up import undo
from gate.setup.written import Written
from tests.setup.conftest import AFTER, BEFORE, SCANNER, Bench, tree

PORT = "/dev/serial/by-id/usb-FTDI_UART-if00-port0"
ANSWERS = (
    "/dev/video7",  # camera
    SCANNER,
    "no",  # try it
    PORT,
    "http://10.0.0.9/open",
    "gpio:27",
    "auto",
    "50",
    "link",
    "North",
    "yes",  # the screen is the guests'
    "Kim",
    "time.example.net",
    "Europe/Berlin",
    "12x24",
    "tty1",
    "unit",
)
GIVEN = Answers(
    camera="/dev/video7", scanner=SCANNER, enrol="link", name="North", link_file="l",
    serial=PORT, relay="http://10.0.0.9/open", passage="gpio:27", sound="auto", volume="50",
    kiosk="yes", supervisor="Kim", time_server="time.example.net", time_zone="Europe/Berlin",
    console_font="12x24", autostart="tty1", worker="unit", write="yes",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _has_evdev(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is installed, whether or not it is here."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())


def test_a_machine_becomes_a_gate(bench: Bench) -> None:
    """Every question answered, all of it shown, one yes, everything in its place."""
    assert bench.set_up(*ANSWERS, "yes")
    etc = bench.root / "etc"
    unit = (etc / "systemd/system/venue-gate-lane.service").read_text()
    assert "User=gate" in unit
    assert 'ExecStart=/opt/gate/bin/python -m gate scan --data-dir "/srv/a b"' in unit
    assert "GATE_SYNC_START_WORKER=false" in unit
    wants = etc / "systemd/system/multi-user.target.wants"
    assert (wants / "venue-gate-lane.service").readlink() == Path(
        "/etc/systemd/system/venue-gate-lane.service"
    )
    assert (wants / "venue-gate-worker.service").is_symlink()
    rule = (etc / "udev/rules.d/70-venue-gate.rules").read_text()
    assert 'ATTRS{id/vendor}=="05e0", ATTRS{id/product}=="1200", OWNER="gate"' in rule
    servers = (etc / "systemd/timesyncd.conf.d/venue-gate.conf").read_text()
    assert "[Time]\nNTP=\nNTP=time.example.net\n" in servers
    assert (etc / "localtime").readlink() == Path("/usr/share/zoneinfo/Europe/Berlin")
    assert (etc / "timezone").read_text() == "Europe/Berlin\n"
    font = (etc / "default/console-setup").read_text()
    assert 'CODESET="Vietnamese"\nFONTFACE="Terminus"\nFONTSIZE="12x24"\n' in font
    assert font.startswith('ACTIVE_CONSOLES="/dev/tty[1-6]"\n')
    config = load(bench.config_file, environment={})
    assert (config.camera.device, config.scanner.evdev) == ("/dev/video7", SCANNER)
    assert (config.output.relay, config.output.passage) == ("http://10.0.0.9/open", "gpio:27")
    assert (config.scanner.serial, config.screen.kiosk, config.screen.volume) == (PORT, True, 50)
    assert Operators(bench.folder).check("Kim", "482915") is Role.SUPERVISOR


def test_all_of_it_is_taken_back(bench: Bench) -> None:
    """The machine and the home are what they were."""
    before, home = tree(bench.root), bench.config_file.parents[2]
    assert bench.set_up(*ANSWERS, "yes")
    assert undo(bench.written, bench.talk())
    assert tree(bench.root) == before
    assert not home.exists()


def test_a_file_answers_the_same(bench: Bench) -> None:
    """What a file answers writes what a person's answers write."""
    bench.set_up(*ANSWERS, "yes")
    wanted = tree(bench.root)
    undo(bench.written, bench.talk())
    assert bench.set_up(given=GIVEN)
    assert tree(bench.root) == wanted


def test_enter_is_a_sensible_answer(bench: Bench) -> None:
    """Whoever only presses Enter, and joins nobody, gets a lane that begins with the machine."""
    assert bench.set_up(*BEFORE, "no", *AFTER, "yes")
    assert (bench.root / "etc/systemd/system/venue-gate-lane.service").exists()
    assert 'FONTSIZE="10x20"' in (bench.root / "etc/default/console-setup").read_text()
    assert not bench.config_file.exists()


@pytest.mark.parametrize("yes", ["no", "n"])
def test_without_a_yes_nothing_is_written(bench: Bench, yes: str) -> None:
    """It was shown, and that is all."""
    before = tree(bench.root)
    assert bench.set_up(*ANSWERS, yes)
    assert tree(bench.root) == before
    said = bench.said()
    assert "Description=Venue Gate: the lane on tty1" in said
    assert "Nothing was written." in said


def test_a_file_without_a_yes_only_shows(bench: Bench) -> None:
    """Nobody is there who could have read it."""
    before = tree(bench.root)
    assert bench.set_up(given=Answers(autostart="tty1"))
    assert tree(bench.root) == before


def test_a_second_time_there_is_nothing_to_write(bench: Bench) -> None:
    """The last answers are the defaults."""
    assert bench.set_up(*ANSWERS, "yes")
    bench.config = load(bench.config_file, environment={})
    once = tree(bench.root)
    bench.said()
    assert bench.set_up(*[""] * 8, "no", *AFTER)
    assert "Everything is written already." in bench.said()
    assert tree(bench.root) == once


@pytest.mark.examples(5)
@pytest.mark.parametrize("answered", range(len(ANSWERS)))
def test_it_goes_on_where_it_was_interrupted(bench: Bench, answered: int) -> None:
    """Ctrl+C at any question leaves the machine as it was, and asks the rest the next time."""
    before = tree(bench.root)
    typed = iter([f"{line}\n" for line in ANSWERS[:answered]])

    def read() -> str:
        line = next(typed, "")
        if not line:
            raise KeyboardInterrupt
        return line

    written = bench.written
    talk = Conversation(KeptAnswers(bench.folder), io.StringIO(), read=read)
    with pytest.raises(KeyboardInterrupt):
        from gate.setup.set_up import set_up  # noqa: PLC0415

        set_up(bench.steps(written), talk, written)
    assert tree(bench.root) == before
    # What tries or joins is no answer to keep: it is asked for again until it is done.
    rest = list(ANSWERS[answered:])
    if answered > 2:
        rest.insert(0, "no")
    assert bench.set_up(*rest, "yes")
    assert "12x24" in (bench.root / "etc/default/console-setup").read_text()
    assert (
        "NTP=time.example.net"
        in (bench.root / "etc/systemd/timesyncd.conf.d/venue-gate.conf").read_text()
    )


def test_what_is_not_kept_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: with a memory that forgets, the second conversation runs out of answers."""
    monkeypatch.setattr(KeptAnswers, "_write", lambda _self: None)
    with pytest.raises(NobodyAnswers):
        test_it_goes_on_where_it_was_interrupted(bench, 5)


def test_a_link_that_fails_is_asked_for_again(bench: Bench) -> None:
    """A person may try until it goes; no part of the link is kept."""
    tries: list[Answers] = []

    def enrol(answers: Answers) -> str:
        tries.append(answers)
        if len(tries) == 1:
            raise UsageError("this is no enrolment link")
        return "Enrolled as North for gala."

    bench.enrol = enrol
    assert bench.set_up(*BEFORE, "link", "North", "link", "", *AFTER, "no")
    assert len(tries) == 2
    assert "FAIL: this is no enrolment link" in bench.said()


def test_a_step_that_fails_does_not_end_it(bench: Bench) -> None:
    """It is told, what follows goes on, and the answer says so."""

    def camera(config: Config) -> Finding:
        if config.camera.device == "/dev/video7":
            raise InputError("no such camera", "Plug it in.")
        return Finding(Status.WARN, "no camera found")

    def enrol(_answers: Answers) -> str:
        raise UsageError("the server cannot be reached")

    bench.camera, bench.enrol = camera, enrol
    assert not bench.set_up(given=GIVEN)
    said = bench.said()
    assert "FAIL: no such camera\n  Plug it in." in said
    assert "FAIL: the server cannot be reached" in said
    assert (bench.root / "etc/systemd/system/venue-gate-lane.service").exists()


def test_an_answer_that_will_not_do_fails_its_step(bench: Bench) -> None:
    """Where nobody can be asked again."""
    assert not bench.set_up(given=Answers(time_zone="Berlin", console_font="9x9", write="yes"))
    said = bench.said()
    assert "time_zone: found 'Berlin'" in said
    assert "console_font: found '9x9'; allowed: 10x20" in said


def test_a_scanner_that_is_not_there_fails_its_step(bench: Bench) -> None:
    """Its rule cannot be written; the rest is."""
    (bench.root / "sys/class/input/event5/device/id/vendor").unlink()
    assert not bench.set_up(given=GIVEN)
    assert f"{SCANNER} is not there" in bench.said()
    assert not (bench.root / "etc/udev/rules.d/70-venue-gate.rules").exists()
    assert (bench.root / "etc/systemd/system/venue-gate-lane.service").exists()


def test_a_scanner_that_is_tried_and_unfit(bench: Bench) -> None:
    """It is a step that did not go well."""
    tried: list[str] = []

    def scan(config: Config) -> bool:
        tried.append(config.scanner.evdev)
        return False

    bench.scan = scan
    assert not bench.set_up("", SCANNER, "yes", *[""] * 4, "no", *AFTER, "no")
    assert tried == [SCANNER]


def test_a_configuration_of_somebody_elses_is_not_written(bench: Bench) -> None:
    """What to put into it is told."""
    bench.config_file.parent.mkdir(parents=True)
    bench.config_file.write_text('venue = "Hall"\n')
    assert not bench.set_up(given=GIVEN)
    assert bench.config_file.read_text() == 'venue = "Hall"\n'
    assert '[camera] device = "/dev/video7"; [scanner] evdev' in bench.said()


def test_a_desktop_is_left_to_itself(bench: Bench) -> None:
    """Where something else has the screen the lane is not put onto it unasked."""
    place = bench.root / "etc/systemd/system/display-manager.service"
    place.symlink_to("/usr/lib/systemd/system/gdm.service")
    assert bench.set_up(given=Answers(write="yes"))
    assert not (bench.root / "etc/systemd/system/venue-gate-lane.service").exists()
    assert "this machine has a desktop" in bench.said()


def test_what_a_machine_does_not_have_is_not_asked(bench: Bench) -> None:
    """No systemd, no time program, another way to set fonts: each says so, none fails."""
    (bench.root / "etc/systemd/system").rmdir()
    (bench.root / "usr/lib/systemd/systemd-timesyncd").unlink()
    (bench.root / "etc/default/console-setup").unlink()
    assert bench.set_up(*BEFORE, "no", "", "Europe/Berlin", "yes")
    said = bench.said()
    assert "this machine has no systemd" in said
    assert "sudo apt install systemd-timesyncd" in said
    assert "the console's font is set otherwise" in said
    assert "FAIL" not in said


def test_another_time_program_is_left_to_itself(bench: Bench) -> None:
    """Its servers are in a file of its own."""
    (bench.root / "usr/sbin").mkdir()
    (bench.root / "usr/sbin/chronyd").touch()
    assert bench.set_up(given=Answers(time_server="time.example.net", write="yes"))
    assert not (bench.root / "etc/systemd/timesyncd.conf.d").exists()


def test_other_answers_take_away_what_the_first_ones_wrote(bench: Bench) -> None:
    """Units, rule and servers go; and the way back is still to how it was at first."""
    (bench.root / "etc/timezone").chmod(0o600)  # nobody's default, and stays so
    before = tree(bench.root)
    assert bench.set_up(given=GIVEN)
    bench.config = load(bench.config_file, environment={})
    other = Answers(
        camera="auto", scanner="keyboard", serial="off", relay="no", kiosk="no", sound="bell",
        autostart="no", time_server="default", time_zone="Etc/UTC", write="yes",
    )  # fmt: skip
    assert bench.set_up(given=other)
    gone = (
        "venue-gate-lane.service",
        "venue-gate-worker.service",
        ".rules",
        "venue-gate.conf",
    )
    assert [path for path in tree(bench.root) if path.endswith(gone)] == []
    assert load(bench.config_file, environment={}).in_file == ("screen.sound",)
    undo(bench.written, bench.talk())
    assert tree(bench.root) == before


def test_what_somebody_else_wrote_is_never_taken_away(bench: Bench) -> None:
    """A unit of this name that was there before stays, whatever is answered."""
    unit = bench.root / "etc/systemd/system/venue-gate-lane.service"
    unit.write_text("mine\n")
    assert bench.set_up(given=Answers(autostart="no", write="yes"))
    assert unit.exists()


def test_whoever_takes_away_what_is_not_ours_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: every file of that name taken for ours."""
    monkeypatch.setattr(Written, "is_ours", lambda _written, _path: True)
    with pytest.raises(AssertionError):
        test_what_somebody_else_wrote_is_never_taken_away(bench)


def test_what_waits_for_root_is_not_done(bench: Bench) -> None:
    """A person was shown the commands and can run them; a file of answers cannot."""
    bench.is_ours = False
    assert not bench.set_up(given=Answers(write="yes"))
    assert "gate setup --apply" in bench.said()
    assert bench.set_up(*BEFORE, "no", *AFTER, "yes")


def test_a_scanner_that_names_itself_is_tried_unless_told_otherwise(bench: Bench) -> None:
    """Where none does, a gate may well have a camera only."""
    tried: list[str] = []

    def scan(config: Config) -> bool:
        tried.append(config.scanner.evdev)
        return True

    bench.scan = scan
    assert bench.set_up(*BEFORE, "no", *AFTER, "no")
    assert tried == [""]
    (bench.root / SCANNER[1:]).unlink()
    assert bench.set_up(*BEFORE, "no", *AFTER, "no")
    assert tried == [""]


def test_what_is_good_for_one_boot_goes_into_memory_with_the_autostart(bench: Bench) -> None:
    """By a link to what both units have; the way back leaves none."""
    given = Answers(autostart="tty1", worker="unit", write="yes")
    assert bench.set_up(given=given)
    assert bench.folder.boot.readlink() == Path("/run/venue-gate")
    units = bench.root / "etc/systemd/system"
    for unit in ("venue-gate-lane.service", "venue-gate-worker.service"):
        assert "\nRuntimeDirectory=venue-gate\n" in (units / unit).read_text()
    assert bench.set_up(given=Answers(autostart="no", write="yes"))
    assert not bench.folder.boot.is_symlink()
    assert bench.set_up(given=given)
    assert undo(bench.written, bench.talk())
    assert not bench.folder.boot.is_symlink()
