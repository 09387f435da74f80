"""Is this machine ready for the doors? Each check says what it found and what to do."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from gate import __version__
from gate.capture.camera import load_cv2
from gate.capture.decode import backends
from gate.capture.evdev import keyboards
from gate.capture.glimpse import Furniture
from gate.clock import PROGRAM_BUILT_MS, Clock
from gate.config import Config
from gate.core.hlc import is_trusted
from gate.core.local_time import same_clock
from gate.core.place import Role
from gate.errors import GateError, InputError
from gate.i18n import _, ngettext
from gate.lane.entries import RESERVED_BYTES
from gate.lane.inputs import camera_source
from gate.lane.operators import Operators
from gate.storage import damage
from gate.storage.audit import audit_journal
from gate.storage.connectivity import NOBODY_HEARD, ConnectivityReader
from gate.storage.event import event_row
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import all_devices
from gate.storage.folder import Folder, not_private
from gate.storage.journal_reader import JournalReader
from gate.storage.matters import matters
from gate.storage.revocation import require_not_revoked
from gate.storage.sqlite import SQLITE_FIXED, SQLITE_NEEDED, SQLITE_VERSION
from gate.storage.sync_status import SyncStatus
from gate.storage.tickets import Tickets
from gate.text.connectivity_words import server_link
from gate.text.damage_words import damage_line
from gate.text.printable import printable
from gate.text.times import age_or_time, clock_time
from gate.text.view_words import furniture_words
from gate.text.zones import Zone, is_zone, machine_zone, zone_of

_SYNCS = 20
_SLOW_SYNC_MS = 250.0
_CAMERA_S = 1.5
_TYPES_SHOWN = 3
_DAY_MS = 86_400_000
_DAMAGE_SHOWN_MS = _DAY_MS


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def examine(
    config: Config, folder: Folder, clock: Clock, *, camera: bool = True
) -> Iterator[Check]:
    """Look at everything the lane needs, one after the other. A check that fails is a finding.

    ``camera`` may be left out while somebody else has it open.
    """
    checks: list[tuple[str, Callable[[], Check]]] = [
        (_("program"), _program),
        (_("data folder"), lambda: _folder(folder)),
        (_("disk sync"), lambda: _sync(folder)),
        (_("tickets"), lambda: _tickets(folder, clock, zone_of(config, folder))),
        (_("journal"), lambda: _journal(folder)),
        (_("other devices"), lambda: _peers(folder)),
        (_("damage"), lambda: _damage(folder, clock, zone_of(config, folder))),
        (_("server"), lambda: _server(config, folder, clock)),
        (_("retention"), lambda: _retention(config, folder, clock)),
        (_("clock"), lambda: _clock(folder, clock, zone_of(config, folder))),
        (_("time zone"), lambda: _time_zone(config, folder, clock)),
        (_("operators"), lambda: _operators(folder)),
        (_("decoders"), _decoders),
        *([(_("camera"), lambda: _camera(config))] if camera else []),
        (_("USB scanner"), lambda: _usb_scanner(config)),
        (_("power"), _power),
        (_("terminal"), _terminal),
    ]
    for name, check in checks:
        try:
            found = check()
        except GateError as fault:
            found = Check("", Status.FAIL, fault.message, fault.hint)
        except OSError as error:
            found = Check("", Status.FAIL, str(error))
        yield Check(name, found.status, found.detail, found.hint)


def codes_in_view(furniture: Sequence[Furniture]) -> Iterator[Check]:
    """Unknown codes that lie in the lane's picture and are no longer answered."""
    for one in furniture:
        yield Check(
            _("in view"),
            Status.WARN,
            furniture_words(one.text, one.symbology, one.spot.across),
            _("Cover it, or turn the camera."),
        )


def _found(status: Status, detail: str, hint: str = "") -> Check:
    return Check("", status, detail, hint)


def _program() -> Check:
    versions = f"venue-gate {__version__}, Python {sys.version.split()[0]}, "
    versions += f"SQLite {'.'.join(map(str, SQLITE_VERSION))}"
    if SQLITE_VERSION < SQLITE_NEEDED:
        return _found(Status.FAIL, versions, _("SQLite is too old; 3.38 or later is needed."))
    if SQLITE_VERSION < SQLITE_FIXED:
        versions += _(" (before 3.51.3: one writer a file keeps clear of its known bug)")
    return _found(Status.OK, versions)


def _folder(folder: Folder) -> Check:
    if not folder.path.is_dir():
        return _found(
            Status.WARN, _("{folder} is not there yet").format(folder=folder.path),
            _("It is made by the first import or scan."),
        )  # fmt: skip
    probe = folder.path / ".probe"
    probe.write_bytes(b"x")
    probe.unlink()
    for one in not_private(folder.path):
        return _found(
            Status.FAIL,
            _("{file} can be read by other users, or is theirs").format(file=one),
            _("gate scan mends what is yours; else: chown -R USER FOLDER"),
        )
    kind = _file_system(folder.path)
    free = shutil.disk_usage(folder.path).free
    detail = f"{folder.path} ({kind}), " + _("{free} MB free").format(free=free // 2**20)
    if kind in ("tmpfs", "ramfs", "overlay", "overlayfs"):
        return _found(
            Status.WARN if kind == "overlay" else Status.FAIL,
            detail,
            _("What is written there may not survive a restart: use a real disk."),
        )
    if free < RESERVED_BYTES * 2:
        return _found(Status.FAIL, detail, _("Make room: refusals are not written any more."))
    return _found(Status.OK, detail)


def _file_system(path: Path) -> str:
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return "?"
    best, kind = -1, "?"
    for line in mounts:
        _device, where, fs, *_rest = line.split(" ")
        if path.resolve().is_relative_to(where) and len(where) > best:
            best, kind = len(where), fs
    return kind


def _sync(folder: Folder) -> Check:
    if not folder.path.is_dir():
        return _found(Status.SKIP, _("no data folder yet"))
    probe = folder.path / ".probe"
    took = []
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for _n in range(_SYNCS):
            started = time.perf_counter()
            os.write(descriptor, bytes(4096))
            os.fsync(descriptor)
            took.append((time.perf_counter() - started) * 1000)
    finally:
        os.close(descriptor)
        probe.unlink()
    took.sort()
    middle, worst = took[len(took) // 2], took[-1]
    detail = _("{middle:.1f} ms, at worst {worst:.1f} ms").format(middle=middle, worst=worst)
    if worst > _SLOW_SYNC_MS:
        return _found(Status.WARN, detail, _("Slow: use a better card or a USB disk."))
    return _found(Status.OK, detail)


def _tickets(folder: Folder, clock: Clock, zone: Zone) -> Check:
    tickets = Tickets(folder)
    try:
        tickets.refresh()
        count = sum(line.tickets for line in tickets.census())
        age = age_or_time(tickets.replica.built_ms, clock.read().wall_ms, zone.info)
    finally:
        tickets.close()
    detail = _("{count} tickets, from {ago}").format(count=count, ago=age)
    return _found(Status.OK if count else Status.FAIL, detail, "" if count else _("Import some."))


def _journal(folder: Folder) -> Check:
    if not folder.journal.exists():
        return _found(Status.OK, _("none yet"))
    audit = audit_journal(folder.journal)
    log_file = folder.path / "journal.db-wal"
    size = log_file.stat().st_size // 1024 if log_file.exists() else 0
    detail = _("{entries} entries, {starts} starts, log file {size} kB").format(
        entries=audit.entries, starts=audit.origins, size=size
    )
    if audit.problems:
        return _found(Status.FAIL, f"{detail}: {audit.findings[0]}", _("Run: gate verify"))
    return _found(Status.OK, detail)


def _peers(folder: Folder) -> Check:
    if not folder.peers.exists():
        return _found(Status.SKIP, _("nothing heard of them"))
    with Fleet(folder) as venue:
        devices = len(all_devices(venue, 0, NOBODY_HEARD)) - 1
        unsettled = sum(found.is_open for found in matters(folder, venue))
    log_file = folder.path / "peers.db-wal"
    size = log_file.stat().st_size // 1024 if log_file.exists() else 0
    detail = _("{devices} heard of, {conflicts} open conflicts, log file {size} kB").format(
        devices=devices, conflicts=unsettled, size=size
    )
    if unsettled:
        return _found(Status.WARN, detail, _("A supervisor settles them on F3."))
    return _found(Status.OK, detail)


def _damage(folder: Folder, clock: Clock, zone: Zone) -> Check:
    """What was found damaged lately: a disk that does so once does so again."""
    found = damage.every(folder)
    if not found:
        return _found(Status.OK, _("none was found"))
    told = "; ".join(damage_line(one, zone.info) for one in found)
    if any(not one.mended_ms for one in found):
        return _found(Status.FAIL, told, _("Let this gate reach the server or another gate."))
    if any(one.lost for one in found):
        return _found(Status.WARN, told, _("Save what is whole: gate log --salvage --bundle FILE"))
    is_old = all(clock.read().wall_ms - one.at_ms > _DAMAGE_SHOWN_MS for one in found)
    return _found(Status.OK if is_old else Status.WARN, told, _("Is the disk or the card failing?"))


def _server(config: Config, folder: Folder, clock: Clock) -> Check:
    reading = clock.read()
    standing = ConnectivityReader(folder, config.sync.heard_within_s).read(reading)
    fresh = standing.freshness
    require_not_revoked(folder)
    if not standing.is_enrolled:
        return _found(Status.SKIP, _("no server"))
    zone = zone_of(config, folder)
    detail = server_link(fresh, standing.boot_ms, reading.wall_ms, zone.info)
    detail += ", " + _("{n} unsent").format(n=fresh.unacked)
    if fresh.twins:
        told = _("{detail}; another machine uses the credential of: {devices}")
        return _found(
            Status.FAIL, told.format(detail=detail, devices=", ".join(fresh.twins)),
            _("Find that machine; revoke the device, and let it enrol anew."),
        )  # fmt: skip
    if fresh.alarms or fresh.floods:
        return _alarmed(fresh, detail)
    if fresh.quarantined:
        told = _("{detail}, {n} entries refused and kept")
        return _found(Status.WARN, told.format(detail=detail, n=fresh.quarantined), "")
    if reading.boot_ms - fresh.boot_ms > config.sync.heard_within_s * 1000 or not fresh.boot_id:
        return _found(Status.WARN, detail, _("No sync worker is running: gate scan starts it."))
    return _heard(fresh, detail)


def _alarmed(fresh: SyncStatus, detail: str) -> Check:
    """Which device is not as it should be; who floods has often begun twice, too."""
    told, hint = (
        (_("{detail}; tells far more than others do: {devices}"),
         _("It was stolen, or starts again and again: look at it, or revoke it."))
        if fresh.floods
        else (_("{detail}; cloned, restored or set back: {devices}"),
              _("Find out which machine is the copy, and retire it."))
    )  # fmt: skip
    devices = ", ".join(fresh.floods or fresh.alarms)
    return _found(Status.FAIL, told.format(detail=detail, devices=devices), hint)


def _heard(fresh: SyncStatus, detail: str) -> Check:
    """Whether whom it should hear is heard, what they do fits, and nobody else tries to get in."""
    if fresh.is_full:
        told = _("{detail}; the disk is full: nothing of others is taken in")
        return _found(Status.FAIL, told.format(detail=detail), _("Make room on the disk."))
    if fresh.turned_away:
        told = _("{detail}; turned away on the LAN {n} times, last {who}")
        return _found(
            Status.WARN,
            told.format(detail=detail, n=fresh.turned_away, who=printable(fresh.last_turned_away)),
            _("Somebody tries to get in, or a gate was revoked or has to enrol again."),
        )
    if not fresh.server:
        hint = "" if fresh.gates else _("No other gate is heard: are they on, and on this network?")
        return _found(Status.OK if fresh.gates else Status.WARN, detail, hint)
    if not fresh.link:
        return _found(Status.WARN, f"{detail} {fresh.last_error}".rstrip(), _("Scan on: it waits."))
    return _found(Status.OK, detail)


def _retention(config: Config, folder: Folder, clock: Clock) -> Check:
    """Whether anything is kept for longer than it was meant to be."""
    found = _of_journal(config, folder, clock)
    event = event_row(folder)
    if event is None:
        return found
    now_ms, until_ms = clock.read().wall_ms, event.keeps_until_ms
    zone = zone_of(config, folder).info
    status, hint = found.status, found.hint
    if event.dropped_ms:
        told = _("names and codes were dropped")
    elif not until_ms:
        told = _("nobody has said when the event ends: names and codes stay")
    else:
        told = _("names and codes are dropped after {day}")
        told = told.format(day=clock_time(until_ms, zone, dated=True))
        if now_ms > until_ms + _DAY_MS:
            status = Status.WARN
            hint = hint or _("They go while the gate is closed: gate sync --once")
    both = [told] if found.status is Status.SKIP else [told, found.detail]
    return _found(Status.OK if status is Status.SKIP else status, "; ".join(both), hint)


def _of_journal(config: Config, folder: Folder, clock: Clock) -> Check:
    if not config.retention_days or not folder.journal.exists():
        return _found(Status.SKIP, _("nothing to forget"))
    with closing(JournalReader(folder.journal)) as reader:
        newest = reader.newest(1)
    now_ms = clock.read().wall_ms
    if newest and now_ms < newest[0].at_ms - 1000:
        return _found(Status.SKIP, _("the clock is behind the last entry"))
    days = max(0, (now_ms - newest[0].at_ms) // _DAY_MS) if newest else 0
    detail = _("last entry {days} days ago, kept for {limit}").format(
        days=days, limit=config.retention_days
    )
    if days > config.retention_days:
        return _found(Status.WARN, detail, _("Wipe the event: gate wipe --export FILE"))
    return _found(Status.OK, detail)


def _clock(folder: Folder, clock: Clock, zone: Zone) -> Check:
    reading = clock.read()
    floor_ms = PROGRAM_BUILT_MS
    if folder.pointer.exists():
        with closing(Tickets(folder)) as tickets:
            tickets.refresh()
            floor_ms = max(floor_ms, tickets.replica.built_ms)
    if folder.journal.exists():
        with closing(JournalReader(folder.journal)) as reader:
            newest = reader.newest(1)
        floor_ms = max([floor_ms, *(entry.at_ms for entry in newest if entry.trusted)])
    trusted = is_trusted(reading, offset_ms=0, floor_ms=floor_ms, anchor=None, confirmed=False)
    told = clock_time(reading.wall_ms, zone.info, dated=True, seconds=True) + f" {zone.name}"
    if not trusted:
        return _found(Status.FAIL, told, _("It is behind what has happened: set the clock (F9)."))
    if not clock.is_synchronised():
        told += ", " + _("no time server heard")
        return _found(Status.WARN, told, _("Compare it with your watch."))
    return _found(Status.OK, told)


def _time_zone(config: Config, folder: Folder, clock: Clock) -> Check:
    """Whether everybody who could be asked for the zone names one whose clocks show the same."""
    zone, machine = zone_of(config, folder), machine_zone()
    told = zone.told()
    if zone.unknown:
        unknown = _("{detail}; the event's {zone} is not known on this machine")
        return _found(
            Status.WARN, unknown.format(detail=told, zone=printable(zone.unknown, 40)),
            _("Update the program: pip install -U tzdata"),
        )  # fmt: skip
    if zone.is_nobodys:
        return _found(
            Status.WARN,
            _("{detail}: nobody has set one").format(detail=told),
            _("Set time_zone in config.toml, or the machine's: timedatectl set-timezone NAME"),
        )
    at = clock.read().wall_ms // 1000
    others: dict[str, list[str]] = {}
    if not same_clock(zone.info, machine.info, at):
        others[machine.name] = [_("this machine")]
    for type_id, name in _type_zones(folder):
        if not is_zone(name) or not same_clock(zone.info, ZoneInfo(name), at):
            others.setdefault(name, []).append(printable(type_id, 24))
    if not others:
        return _found(Status.OK, told)
    named = "; ".join(f"{name}: {_some(who)}" for name, who in others.items())
    return _found(
        Status.WARN, f"{told}; {named}",
        _("Is that meant? A type's own zone decides for its tickets, the first one is shown."),
    )  # fmt: skip


def _some(names: list[str]) -> str:
    more = len(names) - _TYPES_SHOWN
    return ", ".join(
        [
            *names[:_TYPES_SHOWN],
            *([ngettext("{n} more", "{n} more", more).format(n=more)] if more > 0 else []),
        ]
    )


def _type_zones(folder: Folder) -> list[tuple[str, str]]:
    if not folder.pointer.exists():
        return []
    with closing(Tickets(folder)) as tickets:
        tickets.refresh()
        return [(kind.id, kind.time_zone) for kind in tickets.types()]


def _operators(folder: Folder) -> Check:
    people = Operators(folder).names()
    if not any(role is Role.SUPERVISOR for _name, role in people):
        return _found(
            Status.WARN,
            _("no supervisor"),
            _("Nobody can overrule or undo late: gate operator add NAME --role supervisor"),
        )
    return _found(Status.OK, _("{count} people").format(count=len(people)))


def _decoders() -> Check:
    found = backends()
    detail = ", ".join(f"{name} {version or '-'}" for name, version in found.items())
    if not any(found.values()):
        return _found(Status.FAIL, detail, _("Install: pip install zxing-cpp"))
    if not found.get("pyzbar"):
        return _found(Status.WARN, detail, _("For a second opinion: sudo apt install libzbar0"))
    return _found(Status.OK, detail)


def _camera(config: Config) -> Check:
    source = camera_source(config.camera)
    if source is None:
        return _found(Status.SKIP, _("switched off"))
    try:
        cv2 = load_cv2()
        capture, _device = source.open()
    except InputError as fault:
        # A gate with a USB scanner only is a good gate.
        wanted = config.camera.device != "auto" or config.camera.file or config.camera.folder
        return _found(Status.FAIL if wanted else Status.WARN, fault.message, fault.hint)
    frames, size = 0, "?"
    started = time.monotonic()
    while time.monotonic() - started < _CAMERA_S:
        good, frame = capture.read()
        if not good or frame is None:
            break
        frames += 1
        size = f"{frame.shape[1]}x{frame.shape[0]}"
    seconds = time.monotonic() - started
    capture.release()
    detail = f"{source.name}: {size}, {frames / seconds:.0f} fps, OpenCV {cv2.__version__}"
    if not frames:
        return _found(Status.FAIL, detail, _("It opens and shows nothing: is it in use?"))
    return _found(Status.OK, detail)


def _usb_scanner(config: Config) -> Check:
    found = list(keyboards())
    told = ", ".join(Path(path).name for path in found) or _("none that says so by its name")
    if config.scanner.evdev and config.scanner.evdev != "auto":
        if not Path(config.scanner.evdev).exists():
            return _found(
                Status.FAIL,
                _("{device} is not there").format(device=config.scanner.evdev),
                _("Found: {found}").format(found=told),
            )
        readable = os.access(config.scanner.evdev, os.R_OK)
        hint = "" if readable else _("Who may use it: group input.")
        return _found(Status.OK if readable else Status.FAIL, config.scanner.evdev, hint)
    return _found(Status.OK, told, _("Any scanner that types works; it should send Enter."))


def _power() -> Check:
    tool = shutil.which("vcgencmd")
    if tool is None:
        return _found(Status.SKIP, _("not a Raspberry Pi"))
    ran = subprocess.run(  # noqa: S603  a fixed command without arguments from outside
        [tool, "get_throttled"], capture_output=True, text=True, check=False, timeout=5
    )
    try:
        bits = int(ran.stdout.strip().partition("=")[2], 16)
    except ValueError:
        return _found(Status.SKIP, ran.stdout.strip())
    if bits & 0x1:
        return _found(Status.FAIL, _("too little voltage now"), _("Use the official supply."))
    if bits & 0x10000:
        return _found(Status.WARN, _("too little voltage since start"), _("Use a better supply."))
    return _found(Status.OK, _("steady"))


def _terminal() -> Check:
    if not sys.stdout.isatty():
        return _found(Status.SKIP, _("standard output is no terminal"))
    columns, lines = shutil.get_terminal_size()
    detail = f"{os.environ.get('TERM', '?')}, {columns}x{lines}"
    if columns < 80 or lines < 24:
        return _found(Status.WARN, detail, _("At least 80x24, or: gate scan --plain"))
    return _found(Status.OK, detail)
