"""The event itself: where its clocks are, when it ends, and for how long something is so."""

from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.event_settings import EventFields
from gate.i18n import _
from gate.storage.event import EventRow
from gate.storage.moments import BadMoment, Side, second_of
from gate.text.times import clock_time
from sync.api.administration import MOST_ISOLATED_HOURS
from sync.server.http import Denied
from sync.server.web.authority import Authority
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, Pages, Visit

PATH: Final = f"{PREFIX}/settings/event"
MOST_DAYS: Final = 3650
_NAMES: Final = ("time_zone", "ends", "keep_days", "isolated_hours")


class EventPage:
    """The organiser's: by an end what is personal is dropped, which cannot be taken back."""

    def __init__(self, pages: Pages, authority: Authority) -> None:
        self._pages = pages
        self._authority = authority

    def routes(self) -> list[BaseRoute]:
        """Both."""
        path, level = "/settings/event", Level.ORGANISER
        return [
            self._pages.page(path, level, self._ask),
            self._pages.action(path, level, self._change),
        ]

    async def _ask(self, visit: Visit) -> Response:
        """As it is stated."""
        return visit.render("event.html", 200, stated=stated(visit.event))

    async def _change(self, visit: Visit) -> Response:
        """State what was written otherwise than it was shown."""
        form, why = visit.form, visit.form.why()
        changed = {
            name: form[name].strip()
            for name in _NAMES
            if form[name].strip() != form[f"was-{name}"].strip()
        }
        if not changed:
            return visit.go(PATH, _("Nothing was changed."))
        about = " ".join(f"{name}={text}" for name, text in changed.items())
        fields = fields_of(changed, visit.event.time_zone)
        await self._authority.change_fields(visit, fields, about[:120], why)
        return visit.go(PATH, _("Said to the gates."))


def stated(event: EventRow) -> dict[str, str]:
    """What an event says of itself, as a form has it."""
    zone = ZoneInfo(event.time_zone or "UTC")
    ends = clock_time(event.ends_s * 1000, zone, dated=True, seconds=True) if event.ends_s else ""
    return {
        "time_zone": event.time_zone,
        "ends": ends,
        "keep_days": str(event.keep_days),
        "isolated_hours": str(event.isolated_hours),
    }


def fields_of(changed: dict[str, str], time_zone: str) -> EventFields:
    """What is to be other. Raises Denied."""
    zone = changed.get("time_zone")
    known = _zone(time_zone if zone is None else zone)
    return EventFields(
        time_zone=zone,
        ends_s=_end(changed["ends"], known) if "ends" in changed else None,
        keep_days=_number("keep_days", changed, MOST_DAYS),
        isolated_hours=_number("isolated_hours", changed, MOST_ISOLATED_HOURS),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise Denied(422, "invalid", _("{found!r} is no time zone").format(found=name)) from error


def _end(text: str, zone: ZoneInfo) -> int:
    try:
        return second_of(text, zone, Side.END) if text else 0
    except BadMoment as bad:
        raise Denied(422, "invalid", f"ends: {bad}") from bad


def _number(name: str, changed: dict[str, str], most: int) -> int | None:
    text = changed.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= most):
        sentence = _("{key}: found {found!r}; allowed: {allowed}")
        allowed = _("a whole number from 0 to {most}").format(most=most)
        raise Denied(422, "invalid", sentence.format(key=name, found=text, allowed=allowed))
    return int(text)
