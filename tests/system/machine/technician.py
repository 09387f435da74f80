"""What somebody does to a machine who has its plugs and root's shell."""

from tests.system.machine.emulator import until
from tests.system.machine.image import ANSWERS, DATA, GATE
from tests.system.machine.lane_machine import READY, LaneMachine
from tests.system.machine.watched_screen import LONG_S

LANE = "venue-gate-lane"
_HANG = """
import ctypes, os, sys
SEIZE, INTERRUPT = 0x4206, 0x4207  # ptrace(2)
process, ptrace = int(sys.argv[1]), ctypes.CDLL(None, use_errno=True).ptrace
for request in (SEIZE, INTERRUPT):
    if ptrace(request, process, 0, 0):
        raise OSError(ctypes.get_errno(), "ptrace")
while os.WIFSTOPPED(os.waitpid(process, 0)[1]):
    pass
"""


class Technician:
    """At one machine that is on."""

    def __init__(self, machine: LaneMachine) -> None:
        """Returns once the shell is ready on the serial line."""
        self._machine, self._pc = machine, machine.pc
        self._pc.shell.wait(r"root@north:~# ", LONG_S)
        self.run("stty -echo; export PS1= PAGER=cat; dmesg -n 1")

    def run(self, command: str, *, is_well: bool = True) -> str:
        """What a command prints; it must end well if ``is_well``."""
        return self._pc.run(command, LONG_S, is_well=is_well)

    def start_anew(self, command: str = "restart") -> None:
        """What systemctl does to the lane; returns once another lane waits for a guest."""
        before = len(self._machine.screen.pictures)
        self.run(f"systemctl {command} {LANE}")
        self.wait_for_another_lane(before)

    def wait_for_another_lane(self, before: int) -> None:
        """Until the lane has ended after so many pictures, and another one waits for a guest."""
        screen = self._machine.screen
        until(
            lambda: any(READY not in "".join(rows) for rows in screen.pictures[before:]),
            LONG_S, "the end of the lane",
        )  # fmt: skip
        screen.wait_for(READY)

    def tell_the_lane(self, *settings: str) -> None:
        """Have it started with these in its environment."""
        folder = f"/etc/systemd/system/{LANE}.service.d"
        lines = "\\n".join(f"Environment={setting}" for setting in settings)
        self.run(f"printf '[Service]\\n{lines}\\n' > {folder}/test.conf; systemctl daemon-reload")
        self.start_anew()

    def set_up(self, **answers: str) -> str:
        """What ``gate setup`` prints with these answers beside those it had; it must end well."""
        for key, value in answers.items():
            self.run(f"sed -i '/^{key} =/d' {ANSWERS}; echo '{key} = \"{value}\"' >> {ANSWERS}")
        gate = f"{GATE} --data-dir {DATA} setup --apply --answers {ANSWERS}"
        return self.run(f"su - gate -c '{gate}'")

    def hang_the_lane(self) -> None:
        """Stop its main thread and no other, as a debugger does, until it is ended."""
        self.run(f"cat > /root/hang.py << 'END'{_HANG}END")
        self.run(
            "systemd-run -q --unit=hang python3 /root/hang.py"
            f" $(systemctl show --value -p MainPID {LANE})"
        )

    def owner(self, device: str) -> str:
        """Whose a device is, its group and its mode, once it is there and udev is done with it."""
        self.run(f"for n in $(seq 100); do ls {device} && break; sleep 1; done; udevadm settle")
        return self.run(f"stat -L -c '%U %G %a' {device}").strip()

    def plug_in(self, name: str, serial: str) -> None:
        """Another scanner that types; returns once the kernel has it."""
        self._pc.plug("usb-kbd", name, bus="usb.0", serial=serial)
        until(lambda: serial in self._devices(), LONG_S, f"{serial} in the kernel", every_s=1.0)

    def pull_out(self, name: str) -> None:
        """Pull a scanner out; returns once the kernel knows."""
        before = self._devices()
        self._pc.unplug(name)
        until(lambda: self._devices() != before, LONG_S, f"{name} gone", every_s=1.0)

    def _devices(self) -> str:
        # One that goes while it is asked is an error of cat's.
        return self.run("cat /sys/class/input/event*/device/uniq", is_well=False)

    def lay_out(self, keyboard: str) -> None:
        """Give the consoles another layout of the keyboard, as Debian does."""
        self.run(
            f"sed -i 's/^XKBLAYOUT=.*/XKBLAYOUT={keyboard}/' /etc/default/keyboard;"
            " setupcon --keyboard-only --force"
        )

    def logged(self, words: str) -> int:
        """How often the lane's log has these words."""
        found = self.run(f"grep -c '{words}' {DATA}/gate.log", is_well=False)
        return int(found.split()[-1])

    def wait_for_log(self, words: str, count: int) -> None:
        """Until the lane's log has these words so many times since it was begun anew."""
        until(lambda: self.logged(words) >= count, LONG_S, f"{words!r} {count} times", every_s=2.0)

    def begin_log(self) -> None:
        """Forget what the lane has logged so far; it goes on in the same file."""
        self.run(f"truncate -s 0 {DATA}/gate.log")

    def wait_for_console(self, number: int) -> None:
        """Until a console of the machine is the one to be seen."""
        command = "cat /sys/class/tty/tty0/active"
        until(lambda: f"tty{number}" in self.run(command), LONG_S, f"console {number}")
