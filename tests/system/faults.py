"""What goes wrong in a night: each fault is begun, and says how it ends."""

import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tests.system.hosts import Hosts
from tests.system.machines import Gate, Machine, Server, boot_ms

End = Callable[[], None]


class Night(Protocol):
    """What a fault needs of the night that it is played in."""

    hosts: Hosts
    random: random.Random

    def forget(self, gate: Gate, from_ms: int) -> None:
        """Note that a gate's disk no longer has what was shown since then."""

    def forgets_others(self, machine: Machine) -> None:
        """Note that a machine no longer has what it had heard of others."""


Begin = Callable[[Night, Machine], End]


def _nothing() -> None:
    """There is nothing to end."""


def kill_all(_night: Night, machine: Machine) -> End:
    machine.kill()
    return _nothing


def stay_away(_night: Night, machine: Machine) -> End:
    machine.kill()
    machine.may_run = False

    def end() -> None:
        machine.may_run = True

    return end


def kill_worker(_night: Night, machine: Machine) -> End:
    assert isinstance(machine, Gate)
    machine.signal(signal.SIGKILL, machine.worker())
    return _nothing


def kill_lane(_night: Night, machine: Machine) -> End:
    if machine.process is not None:
        machine.signal(signal.SIGKILL, [machine.process.pid])
    return _nothing


def stop_all(_night: Night, machine: Machine) -> End:
    pids = machine.processes()
    machine.signal(signal.SIGSTOP, pids)
    return lambda: machine.signal(signal.SIGCONT, pids)


def stop_worker(_night: Night, machine: Machine) -> End:
    assert isinstance(machine, Gate)
    pids = machine.worker()
    machine.signal(signal.SIGSTOP, pids)
    return lambda: machine.signal(signal.SIGCONT, pids)


def pull_the_cable(night: Night, machine: Machine) -> End:
    night.hosts.cut(machine.host)
    return lambda: night.hosts.heal(machine.host)


def slow_link(night: Night, machine: Machine) -> End:
    night.hosts.slow(machine.host, "64kbit")
    return lambda: night.hosts.quick(machine.host)


def clock_jump(night: Night, machine: Machine) -> End:
    offset_s = night.random.choice([-86_400, -3600, -30, 30, 600, 86_400])
    machine.clock.write_text(str(offset_s * 1000))
    return lambda: machine.clock.unlink(missing_ok=True)


def full_disk(_night: Night, machine: Machine) -> End:
    machine.disk.fill()
    return machine.disk.free


def read_only(_night: Night, machine: Machine) -> End:
    for _try in range(20):
        machine.kill()
        # What was killed may take a moment to let go of its files.
        with suppress(subprocess.CalledProcessError):
            machine.disk.read_only(is_so=True)
            break
        time.sleep(0.1)
    else:
        return _nothing

    def end() -> None:
        machine.kill()
        machine.disk.read_only(is_so=False)

    return end


def lying_disk(night: Night, machine: Machine) -> End:
    """Power fails, and what the disk said was synced in the last seconds is gone."""
    assert isinstance(machine, Gate)
    since_ms = boot_ms()
    kept = _still(machine)

    def end() -> None:
        machine.kill()
        machine.disk.put_back(kept)
        night.forget(machine, since_ms - 500)

    return end


def old_backup(night: Night, machine: Machine) -> End:
    """Somebody puts the machine's image of an earlier hour back."""
    assert isinstance(machine, Gate)
    kept = machine.disk.path.with_name(f"{machine.disk.path.name}-backup")
    made_ms = machine.disk.path.with_name(f"{machine.disk.path.name}-backup.ms")
    if kept.exists() and night.random.random() < 0.5:
        machine.kill()
        machine.disk.put_back(kept)
        night.forget(machine, int(made_ms.read_text()) - 500)
    else:
        made_ms.write_text(str(boot_ms()))
        _still(machine, "backup")
    return _nothing


def _still(machine: Machine, name: str = "kept") -> Path:
    """A copy of the disk as it is at one moment."""
    pids = machine.processes()
    machine.signal(signal.SIGSTOP, pids)
    time.sleep(0.05)
    kept = machine.disk.copy(name)
    machine.signal(signal.SIGCONT, pids)
    return kept


def server_restored(night: Night, machine: Machine) -> End:
    """The server's backup of an earlier hour is put back, and it is told so."""
    assert isinstance(machine, Server)
    kept = machine.disk.path.with_name(f"{machine.disk.path.name}-backup")
    if not kept.exists():
        _still(machine, "backup")
        return _nothing
    machine.kill()
    machine.disk.put_back(kept)
    machine.restored()
    night.forgets_others(machine)
    return _nothing


def _damage(path: Path, chance: random.Random) -> None:
    size = path.stat().st_size
    how = chance.randrange(4)
    if how == 0:
        path.unlink()
    elif how == 1:
        with path.open("r+b") as file:
            file.truncate(chance.randrange(size // 2, size) if size > 1 else 0)
    else:
        with path.open("r+b") as file:
            for _flip in range(1 if how == 2 else 200):
                at = chance.randrange(size)
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ 1 << chance.randrange(8)]))


def damaged_tickets(night: Night, machine: Machine) -> End:
    assert isinstance(machine, Gate)
    with suppress(OSError):
        _damage(machine.folder.path / machine.folder.pointer.read_text().strip(), night.random)
    return _nothing


def damaged_peers(night: Night, machine: Machine) -> End:
    assert isinstance(machine, Gate)
    with suppress(OSError):
        _damage(machine.folder.peers, night.random)
        night.forgets_others(machine)
    return _nothing


def damaged_journal(night: Night, machine: Machine) -> End:
    assert isinstance(machine, Gate)
    with suppress(OSError):
        _damage(machine.folder.journal, night.random)
        night.forget(machine, 0)
    return _nothing


FAULTS: dict[str, Begin] = {
    "gate: killed": kill_all,
    "gate: off": stay_away,
    "gate: worker killed": kill_worker,
    "gate: lane killed": kill_lane,
    "gate: asleep": stop_all,
    "gate: worker asleep": stop_worker,
    "gate: cable": pull_the_cable,
    "gate: slow link": slow_link,
    "gate: clock": clock_jump,
    "gate: full disk": full_disk,
    "gate: read-only disk": read_only,
    "gate: lying disk": lying_disk,
    "gate: old backup": old_backup,
    "gate: damaged tickets": damaged_tickets,
    "gate: damaged peers": damaged_peers,
    "gate: damaged journal": damaged_journal,
    "server: killed": kill_all,
    "server: off": stay_away,
    "server: asleep": stop_all,
    "server: cable": pull_the_cable,
    "server: restored": server_restored,
}
