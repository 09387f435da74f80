"""Tickets: found by what somebody types, their whole story, and the venue's own word on them.

What was typed may be a code, so it is never in an address. Nobody is let in from here.
"""

from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.clock import read_wall_ms
from gate.core.story import Chapter
from gate.core.ticket import DoorAct, DoorWord, Status, Ticket
from gate.core.validity import window
from gate.i18n import N_, _
from gate.text.printable import printable
from gate.text.story_words import left_out, sentence
from gate.text.ticket_words import STATUS_WORDS, block_words, describe, standing, type_zone, uses_of
from gate.text.times import clock_time
from sync.server.http import Denied
from sync.server.web import guard
from sync.server.web.conflict_pages import matter_view
from sync.server.web.level import Level
from sync.server.web.pages import MenuLine, Pages, Visit
from sync.server.web.review import (
    MOST_TYPED,
    TICKETS,
    Findings,
    Past,
    Review,
    address_of_ticket,
    mark_of_door,
)

_FIND: Final = "gate-find"
_FOR_S: Final = 600
_LONGEST_KEPT: Final = 3000
"""Bytes of what was typed that a browser keeps in a cookie."""
_MOST_ID: Final = 128
_DONE: Final = {
    DoorAct.BLOCKED: N_("Blocked at the door. Every gate hears of it."),
    DoorAct.FREED: N_("Free again at the door. Every gate hears of it."),
    DoorAct.NOTED: N_("Noted. Every gate hears of it."),
}


class TicketPages:
    """The search, a ticket's story, and what a supervisor says of it."""

    def __init__(self, pages: Pages, review: Review) -> None:
        self._pages = pages
        self._review = review
        pages.menu.append(MenuLine(TICKETS, N_("Tickets"), Level.STAFF))

    def routes(self) -> list[BaseRoute]:
        """All of them; an id may have any character that can be seen, strokes too."""
        page, action = self._pages.page, self._pages.action
        return [
            page("/tickets", Level.STAFF, self._tickets),
            action("/tickets/find", Level.STAFF, self._find),
            action("/tickets/block", Level.SUPERVISOR, self._block),
            action("/tickets/free", Level.SUPERVISOR, self._free),
            action("/tickets/note", Level.SUPERVISOR, self._note),
            page("/tickets/of/{ticket:path}", Level.STAFF, self._ticket),
        ]

    async def _tickets(self, visit: Visit) -> Response:
        """The search, with what was found last: whoever looked at one comes back to the others."""
        typed = _typed_last(visit)
        return await self._found(visit, typed) if typed else _search(visit, "", None)

    async def _find(self, visit: Visit) -> Response:
        """Look for what was typed; the one ticket that it names is shown at once."""
        typed = visit.form.text("find", MOST_TYPED + 1)
        if not 0 < len(typed) <= MOST_TYPED:
            reason = _("find: 1 to {most} characters of a name, order, seat or code")
            raise Denied(422, "invalid", reason.format(most=MOST_TYPED))
        found = await self._review.find(visit.visitor.event, typed)
        kept = f"{visit.visitor.session} {quote(typed, safe='')}"
        if len(found.lines) == 1 and not found.has_more:
            response = visit.go(address_of_ticket(found.lines[0].ticket.id))
        elif len(kept) <= _LONGEST_KEPT:
            response = visit.go(TICKETS)
        else:
            return _search(visit, typed, found)
        if len(kept) <= _LONGEST_KEPT:
            response.set_cookie(
                _FIND, quote(kept, safe="%"), _FOR_S, path=TICKETS, httponly=True,
                samesite="strict", secure=guard.is_secure(visit.request),
            )  # fmt: skip
        return response

    async def _found(self, visit: Visit, typed: str) -> Response:
        return _search(visit, typed, await self._review.find(visit.visitor.event, typed))

    async def _ticket(self, visit: Visit) -> Response:
        """All that came of it."""
        past = await self._review.past(visit.visitor.event, visit.request.path_params["ticket"])
        ticket, zone = past.ticket, visit.zone
        names = visit.shows_names
        matter = matter_view(past.matter, zone, {}, show_names=names) if past.matter else None
        return visit.render(
            "ticket.html",
            200,
            as_of=visit.as_of,
            ticket=ticket,
            holder=ticket.holder if names else "",
            described=describe(ticket),
            facts=_facts(past, zone),
            is_good=ticket.status is Status.NORMAL,
            standing=standing(ticket),
            block=block_words(ticket, zone),
            matter=matter,
            story=[sentence(_shown(one, names=names), zone) for one in past.story.chapters],
            left_out=list(left_out(past.story)),
            mark=mark_of_door(ticket),
        )

    async def _block(self, visit: Visit) -> Response:
        """Let nobody in on it, whatever its issuer says."""
        return await self._say(visit, DoorAct.BLOCKED, visit.form.why())

    async def _free(self, visit: Visit) -> Response:
        """Take a block back."""
        return await self._say(visit, DoorAct.FREED, visit.form.why())

    async def _note(self, visit: Visit) -> Response:
        """Set the venue's own note, or take it away."""
        return await self._say(visit, DoorAct.NOTED, visit.form.text("note", 120))

    async def _say(self, visit: Visit, act: DoorAct, text: str) -> Response:
        id_ = visit.form["ticket"][:_MOST_ID]
        word = DoorWord(act, text, visit.who, read_wall_ms())
        await self._review.put_word(visit, id_, word, visit.form["seen"])
        return visit.go(address_of_ticket(id_), _(_DONE[act]))


def _search(visit: Visit, typed: str, found: Findings | None) -> Response:
    lines = [
        (
            one.ticket,
            one.ticket.holder if visit.shows_names else "",
            describe(one.ticket),
            standing(one.ticket),
            uses_of(one.ticket, one.history),
            address_of_ticket(one.ticket.id),
        )
        for one in (found.lines if found else ())
    ]
    return visit.render("tickets.html", 200, typed=typed, found=found, lines=lines)


def _typed_last(visit: Visit) -> str:
    """What was looked for last, by whoever is signed in now."""
    session, _space, typed = unquote(visit.request.cookies.get(_FIND, "")).partition(" ")
    return unquote(typed)[:MOST_TYPED] if session == visit.visitor.session else ""


def _shown(one: Chapter, *, names: bool) -> Chapter:
    """Without whose ticket it was and became, where the event hides names."""
    if names:
        return one
    return replace(one, changes=tuple(c for c in one.changes if c.name != "holder"))


def _facts(past: Past, zone: ZoneInfo) -> list[tuple[str, str]]:
    """What it is and how it stands; a value that is empty is not known."""
    ticket = past.ticket
    status = _(STATUS_WORDS[ticket.status])
    note = f" ({printable(ticket.status_note)})" if ticket.status_note else ""
    return [
        (_("what"), describe(ticket)),
        (_("by its issuer"), status + note),
        (_("used"), uses_of(ticket, past.history)),
        (_("inside now"), str(past.history.inside)),
        (_("order"), printable(ticket.order)),
        (_("good"), _good(ticket, zone)),
        (_("issuer's note"), printable(ticket.note, 500)),
        (_("id"), printable(ticket.id)),
    ]


def _good(ticket: Ticket, here: ZoneInfo) -> str:
    begin, end = window(ticket)
    if begin is None and end is None:
        return ""
    zone = type_zone(ticket, here)
    times = ("-" if at is None else clock_time(at * 1000, zone, dated=True) for at in (begin, end))
    words = " - ".join(times)
    return words if zone.key == here.key else f"{words} ({zone.key})"
