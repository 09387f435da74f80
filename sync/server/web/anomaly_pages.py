"""Anomalies: each in a sentence, with what to do about it and the entries that it rests on."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.anomalies.anomaly import Anomaly
from gate.core.entry import Act, Entry
from gate.core.story import Chapter, Happening
from gate.i18n import N_, _
from gate.text.anomaly_words import AnomalyView, views
from gate.text.printable import printable
from gate.text.story_words import sentence
from sync.server.devices import hash_of, name_of
from sync.server.http import Denied
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.review import Anomalies, Review, address_of_ticket

ANOMALIES: Final = f"{PREFIX}/anomalies"
SHOWN: Final = 50
"""On one page, the gravest first."""
CODE_DIGITS: Final = 8
"""Of an unknown code's keyed hash: enough to see that it came again."""


class AnomalyLine(NamedTuple):
    """One in words, and where its entries are."""

    id: str
    view: AnomalyView
    ticket: str
    """Where the story of the ticket is that it is about; empty: it is about none."""


class EntryLine(NamedTuple):
    """One entry that it rests on."""

    sentence: str
    device: str
    ticket: str
    code: str


class AnomalyPages:
    """All of them, and one with its entries."""

    def __init__(self, pages: Pages, review: Review) -> None:
        self._pages = pages
        self._review = review
        pages.menu.append(MenuLine(ANOMALIES, N_("Anomalies"), Level.STAFF))

    def routes(self) -> list[BaseRoute]:
        """Both."""
        return [
            self._pages.page("/anomalies", Level.STAFF, self._anomalies),
            self._pages.page("/anomalies/{anomaly}", Level.STAFF, self._anomaly),
        ]

    async def _anomalies(self, visit: Visit) -> Response:
        """The gravest first."""
        known = await self._review.anomalies(visit.visitor.event)
        lines = [_line(one, known, visit.zone) for one in known.found[:SHOWN]]
        in_all, as_of = len(known.found), visit.as_of
        return visit.render("anomalies.html", 200, lines=lines, in_all=in_all, as_of=as_of)

    async def _anomaly(self, visit: Visit) -> Response:
        """One with its entries; it may be gone, as what it rests on was undone or disowned."""
        event = visit.visitor.event
        known = await self._review.anomalies(event)
        wanted = visit.request.path_params["anomaly"]
        found = next((one for one in known.found if _id_of(one) == wanted), None)
        if found is None:
            raise Denied(404, "no_anomaly", _("This is not there any more: look at the list."))
        entries, names = await self._review.entries(event, found.entries)
        lines = [_entry(one, visit.zone, names) for one in entries]
        line = _line(found, known, visit.zone)
        missing = len(found.entries) - len(entries)
        return visit.render("anomaly.html", 200, line=line, entries=lines, missing=missing)


def _line(one: Anomaly, known: Anomalies, zone: ZoneInfo) -> AnomalyLine:
    (view,) = views([one], zone, lambda id_: known.names.get(id_, id_))
    return AnomalyLine(_id_of(one), view, _story_of(one.about if one.is_of_ticket else ""))


def _story_of(ticket: str) -> str:
    return address_of_ticket(ticket) if ticket else ""


def _id_of(one: Anomaly) -> str:
    """The same while it grows, and no name in it: it stands in addresses."""
    return hash_of(" ".join(map(str, one.key)))[:16]


def _entry(entry: Entry, zone: ZoneInfo, names: Mapping[str, str]) -> EntryLine:
    kind = Happening.UNDONE if entry.act is Act.ANNULMENT else Happening.SCANNED
    return EntryLine(
        sentence(Chapter(kind, entry.at_ms, entry=entry), zone),
        printable(name_of(names, entry.origin), 40),
        _story_of(entry.ticket),
        entry.code[:CODE_DIGITS],
    )
