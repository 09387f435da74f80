"""What ``gate serve`` does at the server's database beside serving, for whoever looks after it."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Engine

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.event import EventRow
from gate.storage.moments import BadMoment, Side, second_of
from gate.storage.sqlite import faults
from gate.text.words import printable
from sync.server import audit, events, feed, organisers, persons
from sync.server.audit import CONSOLE
from sync.server.database import in_transaction, reading, scrub
from sync.server.http import Denied
from sync.server.organisers import Organiser, Right
from sync.server.part import Part
from sync.server.retention import AT_ONCE, set_end
from sync.server.snapshot import Snapshots

T = TypeVar("T")
STANDARD_OUTPUT: Final = "-"


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to do; what is empty is not to be done."""

    tokens: bool = False
    """Tell of the organiser's tokens that are good."""
    new_organiser: str = ""
    """Make one of that name."""
    rights: str = ""
    """With these, by commas; empty: to read counts."""
    for_days: int = organisers.DAYS
    roll: str = ""
    """Make one in the place of the one of that id."""
    end: str = ""
    """Make the one of that id good for nothing."""
    audit: str = ""
    """Check who did what, and write it to that file."""
    export_person: str = ""
    erase_person: str = ""
    set_end: str = ""
    """Say when the event ends."""
    keep_days: int | None = None
    """And for how many days after that what is personal is kept."""

    @property
    def is_any(self) -> bool:
        """Whether there is anything to do."""
        return self != Chore(rights=self.rights, for_days=self.for_days)


def do(
    engine: Engine,
    chore: Chore,
    folder: Path,
    named: str,
    need_event: Callable[[], str],
    *,
    parts: Sequence[Part],
) -> int:
    """Do it; the answer is the exit code.

    ``named`` is the event that was named, empty for none; ``need_event`` is asked for the one that
    is meant. Raises UsageError, StoreError.
    """
    try:
        if chore.audit:
            return _audit(engine, chore.audit)
        if chore.tokens:
            for one in in_transaction(engine, lambda c: organisers.good(c, read_wall_ms(), named)):
                _tell(one)
        elif chore.new_organiser or chore.roll or chore.end:
            _tend_organisers(engine, chore, named)
        elif chore.export_person:
            _export(engine, need_event(), chore.export_person, parts)
        elif chore.erase_person:
            _erase(engine, need_event(), chore.erase_person, folder, parts)
        else:
            _set_end(engine, need_event(), chore)
    except Denied as denied:
        is_slip = denied.problem.error == AT_ONCE
        hint = _("Say that it is meant, with --keep-days N.") if is_slip else ""
        raise UsageError(denied.problem.reason, hint) from denied
    return 0


def tell_keeping(event: EventRow) -> str:
    """Until when what is personal is kept, in a sentence for whoever starts the server."""
    name = printable(event.id)
    if event.dropped_ms:
        return _("{event}: names and codes were dropped").format(event=name)
    if not event.ends_s:
        told = _("{event}: nobody has said when it ends, so nothing is dropped (--set-end)")
        return told.format(event=name)
    told = _("{event}: names and codes are dropped after {day}")
    return told.format(event=name, day=_day(event.keeps_until_ms, event.time_zone))


def _tend_organisers(engine: Engine, chore: Chore, event: str) -> None:
    now_ms = read_wall_ms()
    if chore.end:
        job = partial(organisers.end, id_=chore.end, now_ms=now_ms)
        in_transaction(engine, audit.noted(job, CONSOLE, "token ended", now_ms, about=_who))
        sys.stdout.write(_("{token}: good for nothing now").format(token=chore.end) + "\n")
        return
    if chore.roll:
        make = partial(organisers.roll, id_=chore.roll, now_ms=now_ms)
        act = "token rolled"
    else:
        make = partial(
            organisers.make, name=chore.new_organiser, event=event, rights=_rights(chore.rights),
            now_ms=now_ms, lifetime_s=chore.for_days * 86_400,
        )  # fmt: skip
        act = "token made"
    old = f"{chore.roll} to " if chore.roll else ""
    noted = audit.noted(
        make, CONSOLE, act, now_ms, event=event, about=lambda made: old + organisers.tell(made[1])
    )
    token, made = in_transaction(engine, noted)
    _tell(made)
    if chore.roll:
        hours = organisers.OVERLAP_S // 3600
        told = _(
            "{token} is good for {n} h beside it, or until: gate serve --end-organiser {token}"
        )
        sys.stdout.write(told.format(token=chore.roll, n=hours) + "\n")
    sys.stdout.write(_("Shown this once: {token}").format(token=token) + "\n")


def _tell(one: Organiser) -> None:
    until = _day(one.ends_ms, "UTC")
    of = printable(one.event) or _("every event")
    sys.stdout.write(
        f"{one.id}  {until}  {of}  {','.join(sorted(one.rights))}  {printable(one.name)}\n"
    )  # fmt: skip


def _audit(engine: Engine, target: str) -> int:
    """The rows as CSV, all of them; exit code 1 where the chain does not hold."""
    with reading(engine) as connection:
        findings = list(audit.findings(connection))
        newest = audit.tip(connection)
        pages = _pages(connection)
        if target == STANDARD_OUTPUT:
            sys.stdout.writelines(pages)
        else:
            path = Path(target)
            if path.exists():
                raise UsageError(
                    _("{file} is there already").format(file=path), _("Choose another name.")
                )
            with faults(path), path.open("x", encoding="utf-8", newline="") as file:
                file.writelines(pages)
    for one in findings:
        sys.stderr.write(_("audit log: {found}").format(found=one) + "\n")
    told = _("Newest row: {tip}. Kept elsewhere, it shows later that no row was cut off.")
    sys.stderr.write(told.format(tip=newest) + "\n")
    return 1 if findings else 0


def _pages(connection: Connection) -> list[str]:
    pages, after = [], 0
    while rows := audit.rows(connection, after):
        table = audit.as_csv(rows)
        pages.append(table if not after else table.partition("\n")[2])
        after = rows[-1][0].seq
    return pages or [audit.as_csv([])]


def _export(engine: Engine, event: str, who: str, parts: Sequence[Part]) -> None:
    job = partial(persons.export, event=event, asked=who, parts=parts)
    noted = audit.noted(
        job, CONSOLE, "export", read_wall_ms(), event=event, about=persons.tell_export
    )
    told = in_transaction(engine, noted)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")


def _erase(engine: Engine, event: str, who: str, folder: Path, parts: Sequence[Part]) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    job = partial(persons.erase, event=event, asked=who, folder=folder, parts=parts)
    about = persons.tell_erased
    noted = audit.noted(job, CONSOLE, "erase", read_wall_ms(), event=event, about=about)
    erased = in_transaction(engine, noted)
    with reading(engine) as connection:
        seq = feed.erased_at(connection, event)
    Snapshots(engine, folder / "snapshots").forget(event, seq)
    scrub(engine)
    told = _("Erased: {tickets}. No gate opens for them any more; gates forget them as they hear.")
    sys.stdout.write(told.format(tickets=", ".join(map(printable, erased.tickets)) or "–") + "\n")


def _set_end(engine: Engine, event: str, chore: Chore) -> None:
    def change(connection: Connection) -> EventRow:
        _key, said = events.said_of(connection, event)
        ends_s = _second(chore.set_end, said.time_zone) if chore.set_end else None
        return set_end(connection, event, read_wall_ms(), ends_s=ends_s, keep_days=chore.keep_days)

    about = events.tell_settings
    row = in_transaction(
        engine, audit.noted(change, CONSOLE, "settings", read_wall_ms(), event=event, about=about)
    )
    sys.stdout.write(tell_keeping(row) + "\n")


def _second(stated: str, time_zone: str) -> int:
    if stated == "never":
        return 0
    try:
        return second_of(stated, ZoneInfo(time_zone), Side.END)
    except BadMoment as bad:
        told = f"--set-end: {bad}"
        raise UsageError(told, _("Such as 2026-08-02, or never.")) from bad


def _rights(stated: str) -> frozenset[Right]:
    try:
        return frozenset(Right(one.strip()) for one in (stated or Right.COUNTS).split(","))
    except ValueError as error:
        told = _("{found}: there is no such right").format(found=printable(stated))
        raise UsageError(told, ",".join(Right)) from error


def _who(one: Organiser) -> str:
    return one.who


def _day(at_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).date().isoformat()
