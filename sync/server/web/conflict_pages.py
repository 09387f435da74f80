"""Conflicts, irregular admissions, undos and alarms: both sides' evidence, and a person's word."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import BaseRoute

from gate.core.entry import Entry
from gate.core.irregular import Irregularity
from gate.i18n import N_, _, ngettext
from gate.storage.matters import Matter
from gate.text import fleet_words
from gate.text.connectivity_words import basis_words
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from sync.server.devices import hash_of, name_of
from sync.server.web.level import Level
from sync.server.web.pages import PREFIX, MenuLine, Pages, Visit
from sync.server.web.review import Review, address_of_ticket, mark_of_matter

CONFLICTS: Final = f"{PREFIX}/conflicts"
SHOWN: Final = 30
"""Tickets on one page, those that wait first."""
_ALARM_REMEDIES: Final = {
    "branched": N_("Ask which machine was copied or set back. Both sides of it are kept."),
    "twin": N_("Revoke it and enrol the right machine anew: only one may have a credential."),
    "flood": N_("What it tells is held back. Look at the machine; revoke it if it is not yours."),
}


_TOO_MANY: Final = N_(
    "More went in on it than it is good for: gates could not hear each other. All of them are in,"
    " and nobody is undone by settling it."
)
_CLAIMED: Final = N_("Another gate undid an admission. That counts once somebody confirms it.")
_IRREGULAR: Final = {
    Irregularity.AGAINST_LIST: N_("A gate let in, though its list had the ticket as void."),
    Irregularity.AFTER_VOID: N_("The ticket was void already; the gate could not know it yet."),
    Irregularity.CANNOT_TELL: N_(
        "The ticket is void, and was used: which was first, the clocks do not tell."
    ),
    Irregularity.USED_BEFORE: N_("It was used while it was good, and made void afterwards."),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One admission as it is shown: what it has to say for itself, and what against it."""

    where: str
    device: str
    operator: str
    when: str
    basis: str
    people: str
    overruled: str
    void: str
    undos: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """One that waits to be confirmed."""

    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class MatterView:
    """A ticket with what there is to look into, in words."""

    id: str
    """Of its part of the page."""
    matter: Matter
    what: str
    guest: str
    explained: tuple[str, ...]
    """What is the matter, a sentence for each thing."""
    sides: tuple[Side, ...]
    undos: tuple[Undo, ...]
    settled: str
    mark: str
    path: str
    """Of the ticket's story; empty where it is in no list."""


class ConflictPages:
    """What waits for a supervisor's word, and how it is given."""

    def __init__(self, pages: Pages, review: Review) -> None:
        self._pages = pages
        self._review = review
        pages.menu.append(MenuLine(CONFLICTS, N_("Conflicts"), Level.STAFF))

    def routes(self) -> list[BaseRoute]:
        """The page, and what its forms do."""
        return [
            self._pages.page("/conflicts", Level.STAFF, self._conflicts),
            self._pages.action("/conflicts/settle", Level.SUPERVISOR, self._settle),
            self._pages.action("/conflicts/confirm", Level.SUPERVISOR, self._confirm),
        ]

    async def _conflicts(self, visit: Visit) -> Response:
        """All of them, those that wait first."""
        found = await self._review.matters(visit.visitor.event)
        shown = [
            matter_view(one, visit.zone, found.names, show_names=visit.shows_names)
            for one in found.matters[:SHOWN]
        ]
        alarms = [
            (
                _(fleet_words.ALARM_WORDS[kind]).format(device=name_of(found.names, device)),
                _(_ALARM_REMEDIES[kind]),
            )
            for kind, device in found.alarms
        ]
        return visit.render(
            "conflicts.html",
            200,
            as_of=visit.as_of,
            waiting=[one for one in shown if one.matter.is_open],
            settled=[one for one in shown if not one.matter.is_open],
            open_in_all=sum(one.is_open for one in found.matters),
            in_all=len(found.matters),
            shown=len(shown),
            alarms=alarms,
            settles=self._review.settles,
        )

    async def _settle(self, visit: Visit) -> Response:
        """Somebody has looked into it, and says what came of it."""
        why, ticket = visit.form.why(), visit.form["ticket"]
        await self._review.settle(visit, ticket, visit.form["seen"], why)
        return visit.go(CONFLICTS, _("Settled. Every gate hears of it."))

    async def _confirm(self, visit: Visit) -> Response:
        """What another gate had undone counts as undone."""
        why = visit.form.why()
        await self._review.confirm(visit, visit.form["undo"], why)
        return visit.go(CONFLICTS, _("Confirmed: it counts as undone everywhere."))


def matter_view(
    found: Matter, zone: ZoneInfo, names: Mapping[str, str], *, show_names: bool
) -> MatterView:
    """A matter in words."""
    undos = found.claimed.undos if found.claimed else ()
    return MatterView(
        id=f"m-{hash_of(found.ticket)[:12]}",
        matter=found,
        what=fleet_words.matter(found),
        guest=fleet_words.guest(found, show_names=show_names),
        explained=tuple(_explained(found)),
        sides=tuple(_sides(found, zone, names)),
        undos=tuple(Undo(one.name, fleet_words.undo_side(one, zone)) for one in undos),
        settled=fleet_words.settled(found, zone),
        mark=mark_of_matter(found),
        path=address_of_ticket(found.ticket) if found.details else "",
    )


def _explained(found: Matter) -> Iterator[str]:
    if found.conflict:
        yield _(_TOO_MANY)
    kinds = {one.kind for one in found.irregular.admissions} if found.irregular else set()
    yield from (_(words) for kind, words in _IRREGULAR.items() if kind in kinds)
    if found.claimed:
        yield _(_CLAIMED)


def _sides(found: Matter, zone: ZoneInfo, names: Mapping[str, str]) -> Iterator[Side]:
    strange = {one.entry: one for one in found.irregular.admissions} if found.irregular else {}
    claimed = found.claimed
    targets = claimed.targets if claimed else ()
    for entry in dict.fromkeys((*found.admissions, *strange, *targets)):
        undos = claimed.undos if claimed else ()
        judged = strange.get(entry)
        yield _side(
            entry,
            zone,
            names,
            void=fleet_words.void_side(judged, zone) if judged else "",
            undos=tuple(
                fleet_words.undo_side(one, zone) for one in undos if one.target == entry.name
            ),
        )


def _side(
    entry: Entry, zone: ZoneInfo, names: Mapping[str, str], *, void: str, undos: tuple[str, ...]
) -> Side:
    people = ngettext("{n} person", "{n} people", entry.persons).format(n=entry.persons)
    return Side(
        where=printable(entry.gate or "-", 40),
        device=printable(name_of(names, entry.origin), 40),
        operator=printable(entry.operator, 40),
        when=fleet_words.bounded_time(entry, zone),
        basis=basis_words(entry.basis, entry.basis_age_ms),
        people=people,
        overruled=_(REASON_WORDS[entry.overruled]) if entry.overruled else "",
        void=void,
        undos=undos,
    )
