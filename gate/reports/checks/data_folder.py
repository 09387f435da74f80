"""Whether the data folder is fit for the lane: its disk, tickets, journal and people."""

import os
import shutil
import time
from contextlib import closing
from pathlib import Path

from gate.clock import Clock
from gate.config import Config
from gate.core.place import Role
from gate.i18n import _
from gate.lane.entries import RESERVED_BYTES
from gate.lane.operators import Operators
from gate.reports.checks.finding import Finding, Status
from gate.storage import damage
from gate.storage.audit import audit_journal
from gate.storage.event import event_row
from gate.storage.folder import Folder, not_private
from gate.storage.journal_reader import JournalReader
from gate.storage.tickets import Tickets
from gate.text.damage_words import damage_line
from gate.text.times import age_or_time, clock_time
from gate.text.zones import Zone, zone_of

_SYNCS = 20
_SLOW_SYNC_MS = 250.0
_DAY_MS = 86_400_000
_DAMAGE_SHOWN_MS = _DAY_MS


def data_folder(folder: Folder) -> Finding:
    """Whether it is there, private, on a real disk, and has room."""
    if not folder.path.is_dir():
        return Finding(
            Status.WARN, _("{folder} is not there yet").format(folder=folder.path),
            _("It is made by the first import or scan."),
        )  # fmt: skip
    probe = folder.path / ".probe"
    probe.write_bytes(b"x")
    probe.unlink()
    for one in not_private(folder.path):
        return Finding(
            Status.FAIL,
            _("{file} can be read by other users, or is theirs").format(file=one),
            _("gate scan mends what is yours; else: chown -R USER FOLDER"),
        )
    kind = _file_system(folder.path)
    free = shutil.disk_usage(folder.path).free
    detail = f"{folder.path} ({kind}), " + _("{free} MB free").format(free=free // 2**20)
    if kind in ("tmpfs", "ramfs", "overlay", "overlayfs"):
        return Finding(
            Status.WARN if kind == "overlay" else Status.FAIL,
            detail,
            _("What is written there may not survive a restart: use a real disk."),
        )
    if free < RESERVED_BYTES * 2:
        return Finding(Status.FAIL, detail, _("Make room: refusals are not written any more."))
    return Finding(Status.OK, detail)


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


def disk_sync(folder: Folder) -> Finding:
    """How long the disk takes to make something durable."""
    if not folder.path.is_dir():
        return Finding(Status.SKIP, _("no data folder yet"))
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
        return Finding(Status.WARN, detail, _("Slow: use a better card or a USB disk."))
    return Finding(Status.OK, detail)


def ticket_list(folder: Folder, clock: Clock, zone: Zone) -> Finding:
    """How many tickets there are, and from when. Raises StoreError where there is no list."""
    tickets = Tickets(folder)
    try:
        tickets.refresh()
        count = sum(line.tickets for line in tickets.census())
        age = age_or_time(tickets.replica.built_ms, clock.read().wall_ms, zone.info)
    finally:
        tickets.close()
    detail = _("{count} tickets, from {ago}").format(count=count, ago=age)
    return Finding(Status.OK if count else Status.FAIL, detail, "" if count else _("Import some."))


def own_journal(folder: Folder) -> Finding:
    """Whether the journal is whole."""
    if not folder.journal.exists():
        return Finding(Status.OK, _("none yet"))
    audit = audit_journal(folder.journal)
    log_file = folder.path / "journal.db-wal"
    size = log_file.stat().st_size // 1024 if log_file.exists() else 0
    detail = _("{entries} entries, {starts} starts, log file {size} kB").format(
        entries=audit.entries, starts=audit.origins, size=size
    )
    if audit.problems:
        return Finding(Status.FAIL, f"{detail}: {audit.findings[0]}", _("Run: gate verify"))
    return Finding(Status.OK, detail)


def damaged_files(folder: Folder, clock: Clock, zone: Zone) -> Finding:
    """What was found damaged lately: a disk that does so once does so again."""
    damages = damage.every(folder)
    if not damages:
        return Finding(Status.OK, _("none was found"))
    detail = "; ".join(damage_line(one, zone.info) for one in damages)
    if any(not one.mended_ms for one in damages):
        return Finding(Status.FAIL, detail, _("Let this gate reach the server or another gate."))
    if any(one.lost for one in damages):
        hint = _("Save what is whole: gate log --salvage --bundle FILE")
        return Finding(Status.WARN, detail, hint)
    is_old = all(clock.read().wall_ms - one.at_ms > _DAMAGE_SHOWN_MS for one in damages)
    status = Status.OK if is_old else Status.WARN
    return Finding(status, detail, _("Is the disk or the card failing?"))


def retention(config: Config, folder: Folder, clock: Clock) -> Finding:
    """Whether anything is kept for longer than it was meant to be."""
    found = _of_journal(config, folder, clock)
    event = event_row(folder)
    if event is None:
        return found
    now_ms, until_ms = clock.read().wall_ms, event.keeps_until_ms
    zone = zone_of(config, folder).info
    status, hint = found.status, found.hint
    if event.dropped_ms:
        kept = _("names and codes were dropped")
    elif not until_ms:
        kept = _("nobody has said when the event ends: names and codes stay")
    else:
        kept = _("names and codes are dropped after {day}")
        kept = kept.format(day=clock_time(until_ms, zone, dated=True))
        if now_ms > until_ms + _DAY_MS:
            status = Status.WARN
            hint = hint or _("They go while the gate is closed: gate sync --once")
    both = [kept] if found.status is Status.SKIP else [kept, found.detail]
    return Finding(Status.OK if status is Status.SKIP else status, "; ".join(both), hint)


def _of_journal(config: Config, folder: Folder, clock: Clock) -> Finding:
    if not config.retention_days or not folder.journal.exists():
        return Finding(Status.SKIP, _("nothing to forget"))
    with closing(JournalReader(folder.journal)) as reader:
        newest = reader.newest(1)
    now_ms = clock.read().wall_ms
    if newest and now_ms < newest[0].at_ms - 1000:
        return Finding(Status.SKIP, _("the clock is behind the last entry"))
    days = max(0, (now_ms - newest[0].at_ms) // _DAY_MS) if newest else 0
    detail = _("last entry {days} days ago, kept for {limit}").format(
        days=days, limit=config.retention_days
    )
    if days > config.retention_days:
        return Finding(Status.WARN, detail, _("Wipe the event: gate wipe --export FILE"))
    return Finding(Status.OK, detail)


def operators(folder: Folder) -> Finding:
    """Whether there is a supervisor."""
    people = Operators(folder).names()
    if not any(role is Role.SUPERVISOR for _name, role in people):
        return Finding(
            Status.WARN,
            _("no supervisor"),
            _("Nobody can overrule or undo late: gate operator add NAME --role supervisor"),
        )
    return Finding(Status.OK, _("{count} people").format(count=len(people)))
