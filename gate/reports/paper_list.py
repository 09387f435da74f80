"""A printed list that was ticked, as a person types it in again: a ticket and a time a line."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gate.core.local_time import first_at, moment_of
from gate.errors import UsageError
from gate.i18n import _
from gate.lane.paper import Tick
from gate.storage.moments import BadMoment, Side, second_of
from gate.text.printable import printable

MOST_BYTES = 16 * 1024 * 1024
_PEOPLE = re.compile(r"([1-9][0-9]{0,2})?")
_TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3])[:.h]([0-5][0-9])")


class BadLine(ValueError):
    """A line that says nothing that could be taken in; the text says why."""


@dataclass(slots=True)
class PaperFile:
    """What a file holds: ticks and lines that cannot be read, each with its number."""

    ticks: list[tuple[int, Tick]] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)


def read_paper(path: Path, now_ms: int, zone: ZoneInfo) -> PaperFile:
    """Read ``ticket,time,people`` lines; time and people may be left out. Raises UsageError.

    A time of day is the last such one; of a list of another day the whole date is written.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(_("{file} is no list of ticks").format(file=path), "")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            _("{file} cannot be read: {detail}").format(file=path, detail=error),
            _("A text file with a line for each tick: k3f9ab,19:42"),
        ) from error
    found, same = PaperFile(), Counter[tuple[str, str]]()
    for number, line in enumerate(lines, 1):
        cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t]", line)]
        if not cells[0] or cells[0].startswith("#") or (number == 1 and cells[0] == "ticket"):
            continue
        try:
            tick = _tick(cells, now_ms, zone)
        except BadLine as bad:
            found.bad.append((number, str(bad)))
            continue
        same[tick.ticket, tick.note] += 1
        if (times := same[tick.ticket, tick.note]) > 1:
            tick = Tick(tick.ticket, f"{tick.note} #{times}", tick.at_ms, tick.people)
        found.ticks.append((number, tick))
    return found


def _tick(cells: list[str], now_ms: int, zone: ZoneInfo) -> Tick:
    ticket, when, people, *more = [*cells, "", ""]
    if any(more):
        raise BadLine(_("more than ticket, time and people"))
    if not _PEOPLE.fullmatch(people):
        raise BadLine(_("{found!r} is no number of people").format(found=people[:20]))
    if not when:
        return Tick(ticket, people=int(people or 1))
    at_ms = _moment_ms(when, now_ms, zone)
    if at_ms > now_ms:
        raise BadLine(_("{found} is yet to come").format(found=printable(when, 40)))
    return Tick(ticket, when, at_ms, int(people or 1))


def _moment_ms(text: str, now_ms: int, zone: ZoneInfo) -> int:
    of_day = _TIME_OF_DAY.fullmatch(text)
    if of_day is None:
        try:
            return second_of(text, zone, Side.AT) * 1000
        except BadMoment as bad:
            raise BadLine(str(bad)) from bad
    today = moment_of(now_ms // 1000, zone).shown
    wall = datetime(today.year, today.month, today.day, int(of_day[1]), int(of_day[2]))  # noqa: DTZ001
    at_ms = first_at(wall, zone) * 1000
    return at_ms if at_ms <= now_ms else first_at(wall - timedelta(days=1), zone) * 1000
