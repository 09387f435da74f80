"""A gate on a virtual machine as somebody sees it who stands before it, and may pull its plug."""

import contextlib
import itertools
import json
import re
import subprocess
import threading
import time
from pathlib import Path

from gate.core.entry import Act
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from gate.storage.tickets import Tickets
from tests.system.machine.emulator import NoAnswer, Pc, press, type_keys, until
from tests.system.machine.image import DATA, GUESTS, Image, code_of, guest
from tests.system.machine.volatile_disk import VolatileDisk

SCANNER = "scanner"
LONG_S = 900.0
"""By software on a busy host a minute may take ten."""


class LaneMachine:
    """One machine, its disk, its scanner; and what was seen on its screen."""

    def __init__(self, image: Image, folder: Path, seed: int) -> None:
        self._image, self._folder = image, folder
        self.disk = VolatileDisk(image.disk, folder, seed)
        self.green: set[int] = set()
        """The guests whom the screen has let in."""
        self.pc: Pc
        self._lock = threading.Lock()
        self._screens: list[list[str]] = []
        self._decoded = 0

    def on(self, *options: str, boot: str = "") -> float:
        """Power on; the seconds until the lane waits for a guest, without a hand."""
        image = self._image
        self._screens, self._decoded = [], 0
        self.pc = Pc(
            image.kernel, image.initrd, self.disk.socket, self._folder,
            "-device", f"usb-kbd,id={SCANNER},bus=usb.0,serial=keyboard", *options, boot=boot,
        )  # fmt: skip
        self.wait_for("admitted")
        return self.pc.age_s

    def cut(self) -> None:
        """Power off, at once."""
        self.look()
        self.pc.off()
        self.disk.cut()

    def close(self) -> None:
        """Throw the machine away."""
        self.pc.off()
        self.disk.close()

    def shell(self) -> None:
        """Have root's shell ready on the serial line."""
        self.pc.shell.wait(r"root@north:~# ", LONG_S)
        self.pc.run("stty -echo; export PS1= PAGER=cat; dmesg -n 1", LONG_S)

    @property
    def screens(self) -> list[list[str]]:
        """Every picture that the first console showed, as rows of text."""
        with self._lock:
            came = self.pc.watch.came
            end = came.rfind("\n") + 1
            lines = came[self._decoded : end].splitlines()
            self._screens += [json.loads(line) for line in lines if line.startswith("[")]
            self._decoded = end
            return list(self._screens)

    @property
    def screen(self) -> str:
        """What the first console shows."""
        return "\n".join(self._rows)

    @property
    def _rows(self) -> list[str]:
        screens = self.screens
        return screens[-1] if screens else []

    def look(self) -> set[int]:
        """Whom the screen has let in so far."""
        for rows in self.screens:
            if last_scan(rows).startswith(("+", "!")):
                named = re.search(r"Guest (\d{4})", "\n".join(rows))
                self.green |= {int(named[1])} if named else set()
        return self.green

    def wait_for_green(self, *, after: int) -> None:
        """Until a guest of a higher number is let in."""
        until(lambda: max(self.look(), default=0) > after, LONG_S, "a green", every_s=0.5)

    def wait_for(self, words: str, timeout_s: float = LONG_S) -> str:
        """The screen once it shows these words."""
        end = time.monotonic() + timeout_s
        while words not in self.screen:
            if time.monotonic() > end:
                raise NoAnswer(
                    f"{words!r} within {timeout_s} s; the screen:\n{self.screen}\n"
                    f"the serial console: {self.pc.shell.came[-1500:]!r}"
                )
            time.sleep(0.1)
        return self.screen

    def scan(self, number: int, *, display: str = "") -> None:
        """The scanner reads a guest's code."""
        self.type(f"{code_of(number)}\n", display=display)

    def plug_in(self, name: str, serial: str) -> None:
        """Another scanner, from now on the one that types; returns once the kernel has it."""
        self.pc.plug("usb-kbd", name, bus="usb.0", serial=serial)
        until(lambda: serial in self._devices(), LONG_S, f"{serial} in the kernel", every_s=1.0)

    def pull_out(self, name: str) -> None:
        """Pull a scanner out; returns once the kernel knows."""
        before = self._devices()
        self.pc.unplug(name)
        until(lambda: self._devices() != before, LONG_S, f"{name} gone", every_s=1.0)

    def _devices(self) -> str:
        return self.pc.run("cat /sys/class/input/event*/device/uniq", LONG_S)

    def wait_for_grabs(self, count: int) -> None:
        """Until the lane has taken so many scanners since it was installed."""
        command = f"grep -c grabbed {DATA}/gate.log"
        until(
            lambda: int(self.pc.run(command, LONG_S, is_well=False).split()[-1]) >= count,
            LONG_S, f"{count} scanners grabbed", every_s=2.0,
        )  # fmt: skip

    def let_in_from(self, first: int) -> threading.Thread:
        """Guest after guest, each as soon as the screen has answered the one before."""

        def flow() -> None:
            with contextlib.suppress(OSError, ValueError, NoAnswer):
                for number in range(first, GUESTS):
                    self.show(number)

        thread = threading.Thread(target=flow, name="guests", daemon=True)
        thread.start()
        return thread

    def show(self, number: int) -> None:
        """A guest holds the code up until the screen has answered."""
        for _again in range(20):
            self.scan(number)
            with contextlib.suppress(NoAnswer):
                self.wait_for(guest(number), 20.0)
                return
        raise NoAnswer(f"{guest(number)}; the screen:\n{self.screen}")

    def lets_in(self, number: int) -> bool:
        """Whether a guest is let in; a code that a slow machine tore in two is read again."""
        self.show(number)
        return number in self.look()

    def answer(self, number: int) -> str:
        """What the last scans say of a guest: ``+`` and ``!`` let in, ``X`` stopped."""
        before = last_scan(self._rows)
        for _again in range(20):
            self.scan(number)
            with contextlib.suppress(NoAnswer):
                until(lambda: last_scan(self._rows) not in ("", before), 20.0, "an answer")
                self.look()
                return last_scan(self._rows)[:1]
        raise NoAnswer(f"{guest(number)}; the screen:\n{self.screen}")

    def start_anew(self, command: str) -> None:
        """What systemctl does to the lane; returns once another lane waits for a guest."""
        before = len(self.screens)
        self.pc.run(f"systemctl {command} venue-gate-lane", LONG_S)
        until(
            lambda: any("admitted" not in "".join(rows) for rows in self.screens[before:]),
            LONG_S, "the end of the lane",
        )  # fmt: skip
        self.wait_for("admitted")

    def wait_for_console(self, number: int) -> None:
        """Until a console of the machine is the one to be seen."""
        command = "cat /sys/class/tty/tty0/active"
        until(lambda: f"tty{number}" in self.pc.run(command, LONG_S), LONG_S, f"console {number}")

    def type(self, text: str, *, display: str = "") -> None:
        """What the scanner types."""
        type_keys(self.pc.qmp, text, display=display)

    def press(self, *keys: str) -> None:
        """A person presses keys together."""
        press(self.pc.qmp, *keys)

    def lost(self, into: Path, *, is_honest: bool = True) -> set[int]:
        """Guests who were let in on the screen, and of whom the disk knows nothing.

        The disk is read as after the next start: its log replayed, its files opened by the
        program's own readers. AssertionError when the journal is not whole.
        """
        into.mkdir()
        disk = into / "disk.img"
        self.disk.keep_as(disk, is_honest=is_honest)
        checked = subprocess.run(
            ["e2fsck", "-fy", str(disk)], capture_output=True, text=True, check=False
        )
        assert checked.returncode in (0, 1), checked.stdout
        subprocess.run(
            ["debugfs", "-R", f"rdump {DATA} {into}", str(disk)], capture_output=True, check=True
        )
        disk.unlink()
        folder = Folder(into / Path(DATA).name)
        if not folder.journal.exists():
            return set(self.green)
        audit = audit_journal(folder.journal)
        assert not audit.findings, audit.findings
        return self.green - let_in(folder)


def last_scan(rows: list[str]) -> str:
    """The newest line of the last scans, which begins with ``+`` or ``!`` for let in."""
    for title, line in itertools.pairwise(rows):
        if "last scans" in title:
            return line[title.index("last scans") :]
    return ""


def let_in(folder: Folder) -> set[int]:
    """The guests of whom a folder's journal says that they are in."""
    tickets, journal = Tickets(folder), JournalReader(folder.journal)
    try:
        found = {ticket.id: int(ticket.holder[-4:]) for ticket in tickets.every()}
        entries = [entry for _row, entry in journal.page(0, 100_000)]
    finally:
        tickets.close()
        journal.close()
    return {found[e.ticket] for e in entries if e.act is Act.ADMISSION and e.ticket in found}
