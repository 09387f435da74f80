"""Lists of people: for the fire brigade on paper, and to be taken along as files."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.local_time import moment_of
from gate.i18n import N_, _
from gate.storage.attendees import LIST_NAMES, AttendeeList, ListName
from gate.text.attendee_forms import TITLES, as_csv, as_json, contact_lines, head, warning
from gate.text.times import clock_time
from sync.server.http import Denied
from sync.server.web.import_pages import HOME, ImportPages
from sync.server.web.level import Level
from sync.server.web.list_source import ListSource
from sync.server.web.pages import MenuLine, Pages, Visit

CSV, JSON = "text/csv; charset=utf-8", "application/json"
_FORMS: Final[dict[str, tuple[str, Callable[[AttendeeList, ZoneInfo], Iterator[str]]]]] = {
    "csv": (CSV, as_csv),
    "json": (JSON, as_json),
}


class PeoplePages:
    """What lists there are, each to look at, to print and to keep."""

    def __init__(self, pages: Pages, source: ListSource, imports: ImportPages) -> None:
        self._pages = pages
        self._source = source
        self._imports = imports
        pages.menu.append(MenuLine(HOME, N_("Lists"), Level.SUPERVISOR))

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            self._pages.page("/lists", Level.SUPERVISOR, self._all),
            self._pages.page("/lists/people/{name}", Level.SUPERVISOR, self._people),
            self._pages.page("/lists/people/{name}/{form}", Level.SUPERVISOR, self._file),
        ]

    async def _all(self, visit: Visit) -> Response:
        """Which lists there are, and the way for another one in."""
        waiting = self._imports.uploads.all_of(visit.visitor.event)
        return visit.render("lists.html", 200, titles=TITLES, waiting=waiting)

    async def _people(self, visit: Visit) -> Response:
        """Everybody on a list, by zone and name, with how far it can be believed."""
        name = _name(visit)
        zone = zone_of(visit)
        found = await self._read(visit, name)
        with closing(found):
            lines = head(found, zone)
            said = warning(found)
            return await visit.render_long(
                "people.html",
                title=_(TITLES[name]),
                name=name,
                warning=said,
                when=clock_time(found.at_ms, zone, dated=True, seconds=True),
                zone=zone.key,
                lines=lines[2:] if said else lines[1:],
                gates=contact_lines(found, zone),
                zones=found.sorted.zones(),
                people=found.sorted,
                time=lambda at_ms: clock_time(at_ms, zone, near_ms=found.at_ms),
            )

    async def _file(self, visit: Visit) -> Response:
        """The same for a spreadsheet, or for a program."""
        name, zone = _name(visit), zone_of(visit)
        form = visit.request.path_params["form"]
        if form not in _FORMS:
            raise _nothing()
        media_type, write = _FORMS[form]
        await visit.change(lambda _connection: None, "list kept", f"{name} {form}")
        found = await self._read(visit, name)
        with closing(found):
            at = moment_of(found.at_ms // 1000, zone)
            file_name = f"{name}-{at.day}-{at.shown:%H%M%S}.{form}"
            return await visit.send_long(lambda: write(found, zone), media_type, file_name)

    async def _read(self, visit: Visit, name: ListName) -> AttendeeList:
        return await visit.read_long(self._source.attendees, visit.visitor.event, name)


def zone_of(visit: Visit) -> ZoneInfo:
    """In which the event's times are told."""
    return ZoneInfo(visit.event.time_zone or "UTC")


def _name(visit: Visit) -> ListName:
    stated = visit.request.path_params["name"]
    for name in LIST_NAMES:
        if name == stated:
            return name
    raise _nothing()


def _nothing() -> Denied:
    return Denied(404, "not_found", _("There is no such page."))
