"""A folder that looks like a machine, and somebody who answers."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gate.config import Config
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers, KeptAnswers
from gate.setup.autostart import AutostartStep
from gate.setup.changes import Command
from gate.setup.configuration import ConfigurationStep
from gate.setup.console_font import FontStep
from gate.setup.conversation import Conversation
from gate.setup.devices import CameraStep, ScannerStep
from gate.setup.hands import Hands
from gate.setup.kiosk import KioskStep
from gate.setup.machine import Machine
from gate.setup.membership import EnrolmentStep, ProfileStep
from gate.setup.serial_port import SerialStep
from gate.setup.set_up import set_up
from gate.setup.sound import SoundStep
from gate.setup.step import Site, Step
from gate.setup.timekeeping import ClockStep, ZoneStep
from gate.setup.turnstile import TurnstileStep
from gate.setup.upkeep import UpkeepStep
from gate.setup.written import Written
from gate.storage.folder import Folder
from tests.support.venue import FixedClock

SCANNER = "/dev/input/by-id/usb-Symbol_Scanner-event-kbd"
BEFORE = ("",) * 7
"""Enter until it is asked how the gate joins: nothing on a serial port, nothing that opens."""
AFTER = ("",) * 6
"""And after that, where no screen is the guests'."""
FONT = 'ACTIVE_CONSOLES="/dev/tty[1-6]"\nCODESET="Lat15"\nFONTFACE="Fixed"\nFONTSIZE="8x16"\n'
Tree = dict[str, tuple[str, int]]


def make_root(root: Path) -> Path:
    """A Debian machine with systemd, a time program and a scanner."""
    for name in ("etc/systemd/system", "etc/default", "usr/lib/systemd", "dev/input/by-id"):
        (root / name).mkdir(parents=True)
    (root / "usr/lib/systemd/systemd-timesyncd").touch()
    (root / "etc/default/console-setup").write_text(FONT)
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Etc/UTC")
    (root / "etc/timezone").write_text("Etc/UTC\n")
    for zone in ("Europe/Berlin", "Asia/Shanghai", "Etc/UTC"):
        place = root / "usr/share/zoneinfo" / zone
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    make = root / "sys/class/input/event5/device/id"
    make.mkdir(parents=True)
    (make / "vendor").write_text("05e0\n")
    (make / "product").write_text("1200\n")
    (root / "dev/input/event5").touch()
    (root / SCANNER[1:]).symlink_to("../event5")
    return root


def tree(folder: Path) -> Tree:
    """Everything below a folder: what each file or link holds, and its mode."""
    return {
        str(path.relative_to(folder)): (
            f"-> {path.readlink()}" if path.is_symlink()
            else path.read_text() if path.is_file() else "",
            path.lstat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
    }  # fmt: skip


@dataclass
class Bench:
    """A machine, and all that is wanted to set it up."""

    root: Path
    folder: Folder
    config_file: Path
    is_ours: bool = True
    by_sudo: bool = False
    out: io.StringIO = field(default_factory=io.StringIO)
    ran: list[Command] = field(default_factory=list)
    run: Callable[[Command], int] | None = None
    enrol: Callable[[Answers], str] = lambda _answers: "Enrolled as North for gala."
    camera: Callable[[Config], Finding] = lambda _config: Finding(Status.OK, "a picture")
    scan: Callable[[Config], bool] = lambda _config: True
    ports: Callable[[Config], Finding] = lambda _config: Finding(Status.OK, "a port")
    turnstile: Callable[[Config], Finding] = lambda _config: Finding(Status.OK, "it answers")
    players: Callable[[Config], Finding] = lambda _config: Finding(Status.OK, "aplay")
    pin: Callable[[Answers], str] = lambda _answers: "482915"
    config: Config = field(default_factory=Config)
    """As it is read from the file at the start."""
    clock: FixedClock = field(default_factory=FixedClock)

    @property
    def machine(self) -> Machine:
        return Machine(self.root, "gate", self.is_ours)

    @property
    def written(self) -> Written:
        return Written(self.folder, self.hands)

    @property
    def hands(self) -> Hands:
        return Hands(
            self.machine,
            self.folder.setup_drafts,
            lambda line: self.out.write(f"{line}\n"),
            by_sudo=self.by_sudo,
            run=self.run or self._record,
        )

    def steps(self, written: Written) -> tuple[Step, ...]:
        site = Site(self.config, self.config_file, self.folder, self.machine, self.clock)
        return (
            CameraStep(site, self.camera),
            ScannerStep(site, self.scan),
            SerialStep(site, self.ports),
            TurnstileStep(site, self.turnstile),
            SoundStep(site, self.players),
            EnrolmentStep(site, self.enrol),
            ProfileStep(site),
            KioskStep(site, self.pin),
            ClockStep(site),
            ZoneStep(site),
            FontStep(site),
            AutostartStep(site, ("/opt/gate/bin/python", "-m", "gate"), ("--data-dir", "/srv/a b")),
            UpkeepStep(site),
            ConfigurationStep(site, written.is_ours),
        )

    def talk(self, *lines: str, given: Answers | None = None) -> Conversation:
        """A conversation with somebody who types these lines and then nothing more."""
        typed = iter([f"{line}\n" for line in lines])
        kept = KeptAnswers(self.folder)
        return Conversation(kept, self.out, given=given, read=lambda: next(typed, ""))

    def set_up(self, *lines: str, given: Answers | None = None) -> bool:
        written = self.written
        return set_up(self.steps(written), self.talk(*lines, given=given), written)

    def said(self) -> str:
        """What was said since the last time."""
        text = self.out.getvalue()
        self.out.seek(0)
        self.out.truncate()
        return text

    def _record(self, command: Command) -> int:
        self.ran.append(command)
        return 0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A machine that nobody has set up."""
    return Bench(
        make_root(tmp_path / "root"),
        Folder(tmp_path / "data"),
        tmp_path / "home/.config/venue-gate/config.toml",
    )
