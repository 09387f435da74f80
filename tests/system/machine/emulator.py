"""A machine under QEMU: its plug is outside, serial lines watch it, QMP drives it."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Self

from tests.system.machine.architecture import Architecture

MEMORY_MB = 1024


class NoAnswer(AssertionError):
    """What was waited for did not come in time."""


class Qmp:
    """QEMU's own door: devices in and out, keys, pictures."""

    def __init__(self, path: Path) -> None:
        self._socket = connected(path)
        self._file = self._socket.makefile("rwb")
        self._file.readline()
        self("qmp_capabilities")

    def __call__(self, command: str, **arguments: Any) -> Any:
        """The command's answer; AssertionError when QEMU refuses."""
        asked = {"execute": command, "arguments": arguments}
        self._file.write(json.dumps(asked).encode() + b"\n")
        self._file.flush()
        while line := self._file.readline():
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, f"{command}: {answer}"
        raise NoAnswer(command)

    def close(self) -> None:
        """Let go."""
        self._file.close()
        self._socket.close()


class SerialLine:
    """One serial port of the machine, all that came from it kept."""

    def __init__(self, path: Path) -> None:
        self._socket = connected(path)
        self._news = threading.Condition()
        self._came = ""
        self._thread = threading.Thread(target=self._read, name=path.name, daemon=True)
        self._thread.start()

    @property
    def came(self) -> str:
        """All that came so far."""
        with self._news:
            return self._came

    def write(self, text: str) -> None:
        """Type it."""
        self._socket.sendall(text.encode())

    def wait(self, pattern: str, timeout_s: float, *, since: int = 0) -> re.Match[str]:
        """The first match after so many characters."""
        with self._news:
            found: list[re.Match[str]] = []

            def is_there() -> bool:
                match = re.compile(pattern, re.DOTALL).search(self._came, since)
                found.extend([match] if match else [])
                return bool(found)

            if not self._news.wait_for(is_there, timeout_s):
                raise NoAnswer(f"{pattern!r} within {timeout_s} s after: {self._came[-1500:]!r}")
            return found[0]

    def _read(self) -> None:
        while True:
            try:
                part = self._socket.recv(65536)
            except OSError:
                return
            if not part:
                return
            with self._news:
                self._came += part.decode("utf-8", "replace")
                self._news.notify_all()

    def close(self) -> None:
        """Let go."""
        self._socket.close()


class Pc:
    """One machine from power on to power off. Port 0 has a root shell, port 1 what it sends."""

    def __init__(
        self,
        architecture: Architecture,
        kernel: Path,
        initrd: Path,
        disk: Path,
        folder: Path,
        *options: str,
        boot: str = "",
    ) -> None:
        """``disk``: the socket of its disk; ``boot``: more words for the kernel."""
        self.folder = folder
        self.since = time.monotonic()
        """When it was switched on."""
        for name in ("qmp", "port0", "port1"):
            (folder / name).unlink(missing_ok=True)
        words = (
            "root=/dev/vda rw quiet loglevel=3 systemd.show_status=false"
            f" console={architecture.shell} console=tty0 mitigations=off video=800x480"
            # On a busy host the timer looks broken to the kernel, which then panics.
            f" no_timer_check {boot}"
        )
        with (folder / "qemu.log").open("ab") as log:
            machine = (*architecture.machine, *architecture.second_port, *options)
            self._process = self._switched_on(
                architecture.qemu, kernel, initrd, disk, words, machine, log
            )
        self.qmp = Qmp(folder / "qmp")
        self.shell = SerialLine(folder / "port0")
        self.watch = SerialLine(folder / "port1")
        self._asked = 0

    def _switched_on(
        self,
        qemu: str,
        kernel: Path,
        initrd: Path,
        disk: Path,
        words: str,
        options: Sequence[str],
        log: IO[bytes],
    ) -> subprocess.Popen[bytes]:
        folder = self.folder
        return subprocess.Popen(
            [
                qemu, *_accelerated(), "-m", str(MEMORY_MB), "-smp", "2",
                "-nodefaults", "-display", "none", "-no-reboot",
                "-kernel", str(kernel), "-initrd", str(initrd), "-append", words,
                "-drive", f"file=nbd+unix:///?socket={disk},format=raw,if=virtio,cache=none",
                "-device", "qemu-xhci,id=usb,p2=8", "-device", "virtio-rng-pci",
                "-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net",
                "-qmp", f"unix:{folder / 'qmp'},server=on,wait=off",
                "-serial", f"unix:{folder / 'port0'},server=on,wait=off",
                "-chardev", f"socket,id=port1,path={folder / 'port1'},server=on,wait=off",
                *options,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.off()

    @property
    def age_s(self) -> float:
        """Seconds since it was switched on."""
        return time.monotonic() - self.since

    def run(self, command: str, timeout_s: float = 120.0, *, is_well: bool = True) -> str:
        """What a command prints in the root shell; it must end well if ``is_well``."""
        self._asked += 1
        mark = f"END{self._asked}"
        since = len(self.shell.came)
        self.shell.write(f"{command}\nprintf '<%s:%d>\\n' {mark} $?\n")
        match = self.shell.wait(rf"<{mark}:(\d+)>", timeout_s, since=since)
        printed = self.shell.came[since : match.start()].replace("\r", "")
        assert not is_well or match[1] == "0", f"{command}: {match[1]}: {printed}"
        return printed

    def screendump(self, file: Path) -> Path:
        """A picture of the screen as it is now."""
        self.qmp("screendump", filename=str(file), format="png")
        return file

    def plug(self, driver: str, name: str, **properties: str) -> None:
        """Plug a device in."""
        self.qmp("device_add", driver=driver, id=name, **properties)

    def unplug(self, name: str) -> None:
        """Pull it out."""
        self.qmp("device_del", id=name)

    def off(self) -> None:
        """Power off, at once, whatever it is doing."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        for line in (self.qmp, self.shell, self.watch):
            line.close()

    def wait_off(self, timeout_s: float) -> None:
        """Until it has switched itself off or wants to be started anew."""
        self._process.wait(timeout_s)


KEYS = {
    **{letter: letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789"},
    "-": "minus", "=": "equal", " ": "spc", "\n": "ret", "\t": "tab", ".": "dot", ",": "comma",
    "/": "slash", ";": "semicolon",
}  # fmt: skip
"""Characters of the US keyboard, and QEMU's names of their keys."""


def type_keys(qmp: Qmp, text: str, *, display: str = "", pause_s: float = 0.06) -> None:
    """A scanner types: each key down and up, slower than real ones.

    QEMU's keyboard keeps sixteen events: what a machine that stalls does not ask for is lost.
    """
    for character in text:
        lower = character.lower()
        keys = ["shift"] * (character != lower) + [KEYS[lower]]
        press(qmp, *keys, display=display)
        time.sleep(pause_s)


def press(qmp: Qmp, *keys: str, display: str = "") -> None:
    """Keys together, in one keystroke."""
    events = [_key(key, is_down=True) for key in keys]
    events += [_key(key, is_down=False) for key in reversed(keys)]
    to = {"device": display, "head": 0} if display else {}
    qmp("input-send-event", events=events, **to)


def _key(name: str, *, is_down: bool) -> dict[str, Any]:
    return {"type": "key", "data": {"down": is_down, "key": {"type": "qcode", "data": name}}}


def until(ready: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.1) -> None:
    """Wait for something; NoAnswer names what did not come."""
    end = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > end:
            raise NoAnswer(what)
        time.sleep(every_s)


def _accelerated() -> Sequence[str]:
    """By software, unless somebody says that this host's processor may do it."""
    wanted = os.environ.get("GATE_TEST_MACHINE_ACCEL", "tcg,thread=multi")
    return ("-accel", wanted)


def connected(path: Path, timeout_s: float = 20.0) -> socket.socket:
    """A line to a socket of QEMU's, once it is there."""
    end = time.monotonic() + timeout_s
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return line
