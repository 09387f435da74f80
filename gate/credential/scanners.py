"""What is believed of the scanner at one input, and what its texts then mean.

Law 13: a guess never admits. That a scanner types for another keyboard, or puts a letter before
every code, is a hypothesis about that scanner, and it is *established* by evidence before anybody
goes in on it. The tell-tale is a character that no code of this event has: a clean scanner that
reads a ticket cannot have typed it. Where a text holds none, nothing that is counted tells a wrong
scanner from a guest with somebody else's voucher.

Pure: what tickets there are is asked through ``Codes``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from gate.credential import has_other_than
from gate.credential.repair import Flaws, Kind, repairs, undone

TICKETS_NEEDED = 3
"""So many different tickets' texts, which one reading explains, establish a flaw."""
_SHOWS = frozenset({Kind.LAYOUT, Kind.ALT})
"""Flaws of the whole text, which show themselves where they make characters that no code has."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What is known of the event's codes."""

    find: Callable[[str], str]
    """The id of the ticket whose code, or a lossless spelling of it, a text is; empty for none."""
    alphabet: Callable[[], str]
    """Classes of characters in the event's codes; empty where that is not known."""
    heads: Sequence[str] = ()
    tails: Sequence[str] = ()
    """How codes have begun and ended here."""
    is_spent: Callable[[], bool] = lambda: False
    """Whether ``find`` has left out texts, because too many were looked up."""


@dataclass(frozen=True, slots=True)
class Established:
    """What is believed of a scanner."""

    flaws: tuple[Flaws, ...]
    """Readings that nothing has told apart yet; usually one."""
    is_sure: bool = False
    """By the test code or a supervisor: so also of texts that do not show it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would explain a text, and whose ticket it would then be. It admits nobody."""

    text: str
    meant: str
    flaws: Flaws
    ticket: str
    shows: bool
    """Whether the text holds a tell-tale: then staff may believe it, else a supervisor."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scanner's text is."""

    ticket: str = ""
    """Whose code it is: as it stands, or by what is established."""
    meant: str = ""
    """Its code, where that is not the text as it stands."""
    flaws: Flaws = ()
    """What was undone."""
    rival: str = ""
    """Another ticket that it may be as well: then it is neither's."""
    proposal: Proposal | None = None
    ended: Flaws = ()
    """What is no longer believed, because of this text."""
    is_new: bool = False
    """Whether it was this text that established the flaws."""


NO_READING = Reading()
"""Nothing is known of it."""


@dataclass(slots=True)
class Scanner:
    """One input that scanners type into. It belongs to one thread."""

    established: Established | None = None
    _suspected: dict[Flaws, None] = field(default_factory=dict)
    _tickets: set[str] = field(default_factory=set)

    def read(self, text: str, ticket: str, codes: Codes) -> Reading:
        """What a text is. ``ticket`` is the id of the one whose code it is as it stands."""
        if ticket:
            return self._known(text, ticket, codes)
        shows = _shows(text, codes)
        found = self._by_established(text, codes, shows=shows)
        return found or self._explained(text, codes, shows=shows)

    def peek(self, text: str, codes: Codes) -> str:
        """The ticket that what is established makes of a text; nothing is learnt from it."""
        found = self._by_established(text, codes, shows=_shows(text, codes), learns=False)
        return found.ticket if found and not found.rival else ""

    def believe(self, proposal: Proposal, *, is_sure: bool) -> Established:
        """Take a person's word for it; the answer is what is believed now."""
        alike = [flaws for flaws in self._suspected if undone(flaws, proposal.text)]
        same = [f for f in alike if undone(f, proposal.text) == proposal.meant]
        flaws = (proposal.flaws, *(f for f in same if f != proposal.flaws))
        self.established = Established(flaws[:1] if is_sure else flaws, is_sure)
        self._forget_suspicion()
        return self.established

    def forget(self) -> None:
        """Believe nothing: another scanner may be there."""
        self.established = None
        self._forget_suspicion()

    def _known(self, text: str, ticket: str, codes: Codes) -> Reading:
        believed = self.established
        if believed is None or not believed.is_sure:
            # A text that is a ticket's has no tell-tale, so what shows itself does not touch it.
            return Reading(ticket)
        (flaws,) = believed.flaws
        meant = undone(flaws, text)
        if meant is None or meant == text:
            return Reading(ticket)
        other = codes.find(meant)
        if other and other != ticket:
            return Reading(ticket, meant, flaws, rival=other)
        if other:
            return Reading(ticket)
        # A scanner with the flaw cannot have typed a ticket's code as it stands.
        shows_itself = all(flaw.kind in _SHOWS for flaw in flaws)
        self.established = replace(believed, is_sure=False) if shows_itself else None
        return Reading(ticket, ended=flaws)

    def _by_established(
        self, text: str, codes: Codes, *, shows: bool, learns: bool = True
    ) -> Reading | None:
        believed = self.established
        if believed is None or not (believed.is_sure or shows):
            return None
        found: dict[str, Reading] = {}
        agreeing = []
        for flaws in believed.flaws:
            meant = undone(flaws, text)
            if meant and meant != text and (ticket := codes.find(meant)):
                found.setdefault(ticket, Reading(ticket, meant, flaws))
                agreeing.append(flaws)
        if not found:
            return None
        first, *others = found.values()
        if others:
            return replace(first, rival=others[0].ticket)
        if learns:
            # The first text on which they differ decides between readings.
            self.established = replace(believed, flaws=tuple(agreeing))
        return first

    def _explained(self, text: str, codes: Codes, *, shows: bool) -> Reading:
        found = [
            (flaws, meant, ticket)
            for flaws, meant in repairs(text, codes.heads, codes.tails)
            if (ticket := codes.find(meant))
        ]
        # Where not every meaning was looked up there may be a rival: a supervisor has to say so.
        shows = shows and not codes.is_spent()
        proposals = [
            Proposal(
                text, meant, flaws, ticket, shows and all(flaw.kind in _SHOWS for flaw in flaws)
            )
            for flaws, meant, ticket in found
        ]
        if len({proposal.ticket for proposal in proposals}) != 1:
            return Reading()
        shown = [proposal for proposal in proposals if proposal.shows]
        if shown and (reading := self._counted(shown)):
            return reading
        return Reading(proposal=(shown or proposals)[0])

    def _counted(self, shown: list[Proposal]) -> Reading | None:
        """Count a text as evidence; the answer is its reading once there is enough."""
        explaining = {proposal.flaws: proposal for proposal in shown}
        left = {flaws: None for flaws in self._suspected if flaws in explaining}
        if not left:
            left = dict.fromkeys(explaining)
            self._tickets.clear()
        self._suspected = left
        first = explaining[next(iter(left))]
        self._tickets.add(first.ticket)
        if len(self._tickets) < TICKETS_NEEDED:
            return None
        self.established = Established(tuple(left))
        self._forget_suspicion()
        return Reading(first.ticket, first.meant, first.flaws, is_new=True)

    def _forget_suspicion(self) -> None:
        self._suspected, self._tickets = {}, set()


def _shows(text: str, codes: Codes) -> bool:
    alphabet = codes.alphabet()
    return bool(alphabet) and has_other_than(alphabet, text)
