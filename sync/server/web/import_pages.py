"""Lists of tickets taken in by a browser: sent, looked through, columns named, all or nothing."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.ticket import Kind
from gate.i18n import N_, _
from gate.lists.columns import TICKET_FIELDS, TYPE_FIELDS, Field
from gate.lists.dates import DayOrder
from gate.text.column_words import column_word
from gate.text.zones import machine_zone
from sync.server.web import guard
from sync.server.web.columns_form import chosen
from sync.server.web.level import Level
from sync.server.web.list_source import ListSource, Who
from sync.server.web.multipart import MAX_BYTES, FileForm
from sync.server.web.pages import PREFIX, Form, Pages, Visit
from sync.server.web.uploads import PREFIX as FILES
from sync.server.web.uploads import Stage, Upload, Uploads

HOME: Final = f"{PREFIX}/lists"
ORDER_WORDS: Final = {
    DayOrder.DMY: N_("day, month, year: 31.12.2026"),
    DayOrder.MDY: N_("month, day, year: 12/31/2026"),
    DayOrder.YMD: N_("year, month, day: 26/12/31"),
}
KIND_WORDS: Final = {
    Kind.MEETING: N_("concert, fair, meeting"),
    Kind.SCENIC: N_("park, museum"),
    Kind.MOVIE: N_("film"),
    Kind.BOARDING: N_("flight"),
}
_AGAIN_S: Final = "1"
"""How soon a page of a list at work is asked for again, script or not."""


class ImportPages:
    """The way of a list from a browser into the event."""

    def __init__(self, pages: Pages, source: ListSource) -> None:
        self._pages = pages
        self._source = source
        self.uploads = Uploads(source)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        pages, one = self._pages, "/lists/upload/{id}"
        return [
            pages.open("/lists/upload", self._send, methods=["POST"]),
            pages.open(one, self._show),
            pages.action(f"{one}/check", Level.SUPERVISOR, self._check),
            pages.action(f"{one}/take", Level.SUPERVISOR, self._take),
            pages.action(f"{one}/forget", Level.SUPERVISOR, self._forget),
        ]

    async def _send(self, request: Request) -> Response:
        """Keep a file; its form is believed before any of it is written."""
        visit = await self._pages.visit(request, Level.SUPERVISOR)
        event = visit.visitor.event
        self.uploads.check_room(event)

        def check(form: Form) -> None:
            guard.check_form(request, guard.cookie(request, guard.SESSION), form["form"])

        sent = FileForm(self._source.uploads, FILES, check)
        path = await sent.read(request)
        upload = await self.uploads.add(event, path, visit.event.time_zone or machine_zone().name)
        return visit.go(_address(upload))

    async def _show(self, request: Request) -> Response:
        """What is in it, what it would change, and what of it somebody has to say."""
        # It asks again by itself: a page that was left open is no sign of somebody there.
        visit = await self._pages.visit(request, Level.SUPERVISOR, touches=False)
        upload = self._of(visit)
        answer = visit.render("upload.html", 200, upload=upload, **_offered(upload))
        if upload.is_busy:
            answer.headers["Refresh"] = _AGAIN_S
        return answer

    async def _check(self, visit: Visit) -> Response:
        """Look through it again, as the form says."""
        upload = self._of(visit)
        await self.uploads.choose(upload, chosen(visit.form, upload.understood))
        return visit.go(_address(upload))

    async def _take(self, visit: Visit) -> Response:
        """Take it in as it was looked through."""
        upload = self._of(visit)
        self.uploads.take(upload, Who(visit.actor, visit.form.why()))
        return visit.go(_address(upload))

    async def _forget(self, visit: Visit) -> Response:
        """Put it aside, and delete its file."""
        upload = self._of(visit)
        self.uploads.drop(upload)
        said = "" if upload.stage is Stage.TAKEN else _("Put aside. Nothing of it was kept.")
        return visit.go(HOME, said)

    def _of(self, visit: Visit) -> Upload:
        return self.uploads.get(visit.visitor.event, visit.request.path_params["id"])


def _address(upload: Upload) -> str:
    return f"{HOME}/upload/{upload.id}"


def _offered(upload: Upload) -> dict[str, Any]:
    """What can be chosen for a list."""
    when = {one.name for one in (*TICKET_FIELDS, *TYPE_FIELDS) if one.value.name == "WHEN"}
    found = upload.imported
    return {
        "Stage": Stage,
        "fields": {True: _choices(TYPE_FIELDS), False: _choices(TICKET_FIELDS)},
        "orders": ORDER_WORDS,
        "kinds": KIND_WORDS,
        "has_dates": any(c.field in when for sheet in upload.sheets for c in sheet.columns),
        "asks_order": found is not None and found.asks_day_order,
        "lacks_types": found is not None and found.lacks_types,
        "most_mb": MAX_BYTES // 1024**2,
    }


def _choices(fields: tuple[Field, ...]) -> list[tuple[str, str]]:
    return [(one.name, column_word(one.name)) for one in fields]
