"""The journal of all gates, filtered: to read page by page from the newest, and as a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core import entry_codec
from gate.core.entry import Entry, device_of
from gate.core.local_time import moment_of
from gate.core.outcome import Outcome, Reason
from gate.i18n import N_, _
from gate.storage.moments import BadMoment, Side, second_of
from gate.text.act_words import act_word
from gate.text.journal_lines import CSV_COLUMNS, line
from gate.text.outcome_words import OUTCOME_WORDS, REASON_WORDS
from gate.text.spreadsheet import row
from gate.text.times import clock_time
from sync.server.http import Denied
from sync.server.stories import Wanted
from sync.server.web.level import Level
from sync.server.web.list_source import CODE_DIGITS, EntryPage, ListSource
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.people_pages import CSV, zone_of

JSON_LINES: Final = "application/x-ndjson"
TEXTS: Final = ("device", "ticket", "outcome", "reason", "operator")
FILTERS: Final = (*TEXTS, "from", "to")
_LONGEST: Final = 200
SHOWN: Final = 50
"""Entries that a page has, where there are so many."""
_LOOKS: Final = 40
"""How often one request looks further back for entries that are wanted."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry, as a page shows it."""

    time: str
    what: str
    why: str
    gate: str
    ticket: str
    code: str
    operator: str
    note: str
    people: int


class JournalPages:
    """Every entry of the event, for whoever looks for some of them."""

    def __init__(self, pages: Pages, source: ListSource) -> None:
        self._pages = pages
        self._source = source
        pages.menu.append(MenuLine(f"{PREFIX}/journal", N_("Journal"), Level.STAFF))

    def routes(self) -> list[BaseRoute]:
        """To read, and as files."""
        return [
            self._pages.page("/journal", Level.STAFF, self._read),
            self._pages.page("/journal/csv", Level.STAFF, self._csv),
            self._pages.page("/journal/jsonl", Level.STAFF, self._jsonl),
        ]

    async def _read(self, visit: Visit) -> Response:
        """Some entries, the newest first, and the way to those before them."""
        stated, event = _stated(visit), visit.visitor.event
        zone = zone_of(visit)
        wrong = ""
        try:
            wanted = _wanted(stated, zone)
        except BadMoment as bad:
            wrong, wanted = str(bad), None
        names = await visit.read_long(self._source.device_names, event)
        page = EntryPage([], "")
        if wanted is not None:
            before = visit.request.query_params.get("before", "")[:80]
            page = await visit.read_long(self._page, event, wanted, before)
        return visit.render(
            "journal.html",
            422 if wrong else 200,
            lines=[_line(entry, names, zone) for entry in page.entries],
            stated=stated,
            wrong=wrong,
            devices=names,
            outcomes=OUTCOME_WORDS,
            reasons=REASON_WORDS,
            zone=zone.key,
            query=_query(stated),
            older=_query({**stated, "before": page.before}) if page.before else "",
            is_first="before" not in visit.request.query_params,
        )

    async def _csv(self, visit: Visit) -> Response:
        """All that are wanted, for a spreadsheet."""
        zone = zone_of(visit)

        def rows(entries: Iterator[Entry]) -> Iterator[str]:
            yield row(CSV_COLUMNS) + "\n"
            yield from (line(_short(entry), "csv", zone) + "\n" for entry in entries)

        return await self._file(visit, rows, CSV, "csv")

    async def _jsonl(self, visit: Visit) -> Response:
        """All that are wanted, one JSON object a line."""

        def rows(entries: Iterator[Entry]) -> Iterator[str]:
            return (entry_codec.encode(_short(entry)).decode() + "\n" for entry in entries)

        return await self._file(visit, rows, JSON_LINES, "jsonl")

    async def _file(self, visit: Visit, rows: Any, media_type: str, ending: str) -> Response:
        stated, zone = _stated(visit), zone_of(visit)
        try:
            wanted = _wanted(stated, zone)
        except BadMoment as bad:
            raise Denied(422, "invalid", str(bad)) from bad
        await visit.change(lambda _connection: None, "list kept", f"journal {ending}")
        at = moment_of(read_wall_ms() // 1000, zone)
        entries = self._source.entries(visit.visitor.event, wanted)
        file_name = f"journal-{at.day}-{at.shown:%H%M%S}.{ending}"
        return await visit.send_long(lambda: rows(entries), media_type, file_name)

    def _page(self, event: str, wanted: Wanted, before: str) -> EntryPage:
        """Entries enough for a page, however far back they are, within reason."""
        found: list[Entry] = []
        for _look in range(_LOOKS):
            page = self._source.page(event, wanted, before)
            found += page.entries
            before = page.before
            if len(found) >= SHOWN or not before:
                break
        return EntryPage(found, before)


def _stated(visit: Visit) -> dict[str, str]:
    """What is looked for, as the address says it."""
    query = visit.request.query_params
    return {name: query.get(name, "").strip()[:_LONGEST] for name in FILTERS}


def _wanted(stated: Mapping[str, str], zone: ZoneInfo) -> Wanted:
    """The filter. Raises BadMoment."""

    def moment(name: str, side: Side) -> int | None:
        # As a browser's own field for a time writes it, or a person.
        text = stated[name].replace("T", " ")
        return second_of(text, zone, side) * 1000 if text else None

    until_ms = moment("to", Side.END)
    return Wanted(
        **{name: stated[name] for name in TEXTS},
        from_ms=moment("from", Side.BEGIN),
        # An end is meant to its last millisecond.
        until_ms=None if until_ms is None else until_ms + 1000,
    )


def _query(stated: Mapping[str, str]) -> str:
    said = {name: value for name, value in stated.items() if value}
    return f"?{urlencode(said)}" if said else ""


def _short(entry: Entry) -> Entry:
    """Without enough of a code's hash to try codes by."""
    return replace(entry, code=entry.code[:CODE_DIGITS])


def _line(entry: Entry, names: Mapping[str, str], zone: ZoneInfo) -> Line:
    device = device_of(entry.origin)
    name = names.get(device) or device[:8]
    reason = entry.reason or ""
    known = reason in Reason._value2member_map_
    return Line(
        time=clock_time(entry.at_ms, zone, near_ms=read_wall_ms(), seconds=True),
        what=_what(entry),
        why=_(REASON_WORDS[Reason(reason)]) if known else reason,
        gate=f"{entry.gate} · {name}" if entry.gate and entry.gate != name else name,
        ticket=entry.ticket,
        code=entry.code[:CODE_DIGITS],
        operator=entry.operator,
        note=entry.note,
        people=max(entry.persons, entry.count),
    )


def _what(entry: Entry) -> str:
    outcome = entry.outcome or ""
    if outcome in Outcome._value2member_map_:
        return _(OUTCOME_WORDS[Outcome(outcome)])
    return act_word(entry.act)
