"""Verdicts in the operator's words (rule, fact, remedy), and strangers' text made safe."""

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gate.core.coverage import Coverage, OtherLane
from gate.core.history import Movement
from gate.core.local_time import abbreviation, is_twice, moment_of
from gate.core.outcome import Basis, Flag, Outcome, Reason
from gate.core.place import Direction, Place
from gate.core.ticket import Kind, Ticket
from gate.core.validity import window
from gate.core.verdict import Verdict
from gate.i18n import _, ngettext
from gate.storage.damage import JOURNAL, Damage
from gate.storage.sync_status import SyncStatus

SHOWN = 200
"""Longest piece of a stranger's text that is shown."""
LINK_LOST_MS = 60_000
"""After so long a connection that brings nothing is none, whatever the sync worker last said."""
CATCHING_UP_MS = 10_000
"""A lane that was heard so lately is not unheard: what it did is not all here yet."""
AGE_TOLD_MS = 7 * 86_400_000
"""An age beyond this says more of a clock than of a list."""
OLD_MS = 366 * 86_400_000
"""From this age on a time is told as it is: the clocks may be the reason, not the years."""
UNHEARD_SHOWN = 3
"""How many unheard lanes are named; of the others only the number."""


def N_(message: str) -> str:  # noqa: N802  gettext's own name for it
    """Mark a message for translation without translating it yet."""
    return message


OUTCOME_WORDS = {
    Outcome.ADMIT: N_("ENTER"),
    Outcome.EXIT: N_("EXIT"),
    Outcome.ATTENTION: N_("CHECK"),
    Outcome.REFUSE: N_("STOP"),
    Outcome.HOLD: N_("WAIT"),
    Outcome.RESCAN: N_("SAME TICKET"),
    Outcome.VALID: N_("VALID"),
}

DIRECTION_WORDS = {
    Direction.IN: N_("in"),
    Direction.OUT: N_("out"),
    Direction.BOTH: N_("in and out"),
    Direction.CHECK: N_("check only"),
}

BASIS_WORDS = {
    Basis.ONLY: N_("only lane"),
    Basis.CENTRAL: N_("sure: server"),
    Basis.LAN: N_("sure: all gates"),
    Basis.ALONE: N_("alone"),
    Basis.UNSEEN: N_("not in the list yet"),
}

REASON_WORDS = {
    Reason.ADMITTED: N_("Good ticket"),
    Reason.REENTRY: N_("Welcome back"),
    Reason.EXITED: N_("Exit recorded"),
    Reason.OVERRIDE: N_("Admitted by a supervisor"),
    Reason.UNREADABLE: N_("Not a ticket code"),
    Reason.UNKNOWN: N_("Unknown code"),
    Reason.AMBIGUOUS: N_("This code is that of two tickets"),
    Reason.TWO_TICKETS: N_("Two tickets, by how the scanner types"),
    Reason.REVOKED: N_("Ticket cancelled"),
    Reason.DELETED: N_("Ticket deleted by its owner"),
    Reason.GIFTING: N_("Ticket is being given away"),
    Reason.TRANSFERRED: N_("Ticket was given to somebody else"),
    Reason.REPLACED: N_("This code was replaced by a new one"),
    Reason.UNCLAIMED: N_("Ticket not claimed yet"),
    Reason.LIMITED: N_("One person may use no more of these tickets"),
    Reason.SAME_TICKET: N_("The same ticket again"),
    Reason.MORE_USES: N_("More people on this ticket"),
    Reason.WRONG_EVENT: N_("Ticket for another event"),
    Reason.WRONG_PLACE: N_("Ticket for another place"),
    Reason.WRONG_TYPE: N_("This gate does not take this kind of ticket"),
    Reason.WRONG_ENTRANCE: N_("Wrong entrance"),
    Reason.WRONG_ZONE: N_("Wrong zone"),
    Reason.WRONG_ROOM: N_("Wrong hall"),
    Reason.WRONG_FLIGHT: N_("Wrong flight"),
    Reason.PLACE_UNKNOWN: N_("This gate has not been told where it is"),
    Reason.NOT_CHECKED_IN: N_("Not checked in"),
    Reason.TOO_EARLY: N_("Too early"),
    Reason.TOO_LATE: N_("Too late"),
    Reason.OUTSIDE_HOURS: N_("Outside opening hours"),
    Reason.ALREADY_USED: N_("Already used"),
    Reason.USED_ELSEWHERE: N_("Already used somewhere else"),
    Reason.NOT_ENOUGH_USES: N_("Not enough left on this ticket"),
    Reason.PASS_BACK: N_("This ticket is inside already"),
    Reason.ZONE_FULL: N_("Zone full"),
    Reason.ALONE: N_("Other gates not heard"),
    Reason.ISOLATED: N_("Nobody heard for too long"),
    Reason.UNDO_CLAIMED: N_("An undo is not confirmed"),
    Reason.CLOCK_NOT_TRUSTED: N_("Clock not trusted"),
    Reason.QUESTION: N_("Ask before you let in"),
    Reason.LOOK: N_("Look before you let in"),
    Reason.FAULT: N_("Fault"),
    Reason.GATE_REVOKED: N_("This gate was revoked"),
}

KIND_WORDS = {
    Kind.MEETING: N_("Show"),
    Kind.SCENIC: N_("Scenic spot"),
    Kind.MOVIE: N_("Movie"),
    Kind.BOARDING: N_("Flight"),
}

_REMEDIES = {
    Reason.UNREADABLE: N_("Scan again, or look the guest up by name (F4)."),
    Reason.UNKNOWN: N_("For this event? Look the guest up by name (F4)."),
    Reason.AMBIGUOUS: N_("Look the guest up by name (F4)."),
    Reason.TWO_TICKETS: N_(
        "Look the guest up by name (F4); test the scanner: gate doctor --scanner."
    ),
    Reason.REVOKED: N_("Send the guest to the ticket desk."),
    Reason.DELETED: N_("Send the guest to the ticket desk."),
    Reason.GIFTING: N_("The friend takes it, or the gift is called back; then scan again."),
    Reason.TRANSFERRED: N_("Ask for the new code: only its new owner's is good."),
    Reason.REPLACED: N_("Ask for the newest code of this ticket."),
    Reason.UNCLAIMED: N_("The guest claims it on the phone first."),
    Reason.LIMITED: N_("Send the guest to the ticket desk."),
    Reason.WRONG_EVENT: N_("Ask for the ticket of this event."),
    Reason.WRONG_PLACE: N_("Send the guest to the place on the ticket."),
    Reason.WRONG_TYPE: N_("Send the guest to a gate that takes it."),
    Reason.WRONG_ZONE: N_("Send the guest to that zone."),
    Reason.WRONG_ROOM: N_("Send the guest to that hall."),
    Reason.WRONG_FLIGHT: N_("Send the passenger to the gate of that flight."),
    Reason.PLACE_UNKNOWN: N_("Send the guest where the ticket says; give this gate its profile."),
    Reason.NOT_CHECKED_IN: N_("Send the passenger to check-in."),
    Reason.TOO_EARLY: N_("Ask the guest to come back then."),
    Reason.TOO_LATE: N_("Send the guest to the ticket desk."),
    Reason.OUTSIDE_HOURS: N_("Ask the guest to come in the opening hours."),
    Reason.ALREADY_USED: N_("Ask for the guest's other tickets; in doubt call a supervisor."),
    Reason.USED_ELSEWHERE: N_("Send the guest to the ticket desk."),
    Reason.NOT_ENOUGH_USES: N_("Let in as many as are left."),
    Reason.PASS_BACK: N_("Look who is holding it; in doubt call a supervisor."),
    Reason.ZONE_FULL: N_("Wait until somebody leaves; a supervisor may admit (Ctrl+O)."),
    Reason.ALONE: N_("Call a supervisor."),
    Reason.ISOLATED: N_("Connect this gate; until then a supervisor may admit (Ctrl+O)."),
    Reason.UNDO_CLAIMED: N_("Ask the guest, and look who else came on it (F4)."),
    Reason.CLOCK_NOT_TRUSTED: N_("Check the time on the ticket yourself. Set the clock on F9."),
    Reason.GATE_REVOKED: N_("It lets nobody in any more. Send the guest to another gate."),
    Reason.UNPAID: N_("Send the guest to the ticket desk."),
    Reason.UNAPPROVED: N_("Send the guest to the ticket desk."),
    Reason.BLOCKED: N_("Send the guest to the ticket desk."),
    Reason.MORE_USES: N_("F7 lets the next person through, Ctrl+N a number."),
}


CLAIM_TOLD = N_(
    "It counts once the gate that did it, or the server, confirms it. "
    "Until then the ticket is CHECK."
)


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one verdict. Every part is safe to put on a terminal."""

    word: str
    """The one word, largest on the screen."""
    rule: str
    fact: str = ""
    remedy: str = ""
    ticket: str = ""
    """Type, seat, zone: what helps to find the place."""
    holder: str = ""
    note: str = ""
    """What the issuer wants looked at."""
    uses: str = ""
    basis: str = ""
    scanner: str = ""
    """What is wrong with the scanner, and what it takes to believe that."""


def explain(
    verdict: Verdict,
    place: Place,
    time_zone: ZoneInfo,
    *,
    show_names: bool = True,
    unheard: str = "",
) -> Words:
    """Put a verdict into words for the person at the door; ``unheard`` says why it is alone."""
    ticket = verdict.ticket
    return Words(
        word=_(OUTCOME_WORDS[verdict.outcome]),
        rule=_(REASON_WORDS[verdict.reason]),
        fact=_fact(verdict, place, time_zone),
        remedy=_remedy(verdict, place),
        ticket=describe(ticket) if ticket else "",
        holder=printable(ticket.holder) if ticket and show_names else "",
        note=_note(ticket) if ticket else "",
        uses=_uses(verdict),
        basis=_basis(verdict, unheard),
    )


def revoked_words() -> Words:
    """What a gate that was revoked shows all the time."""
    return Words(
        word=_(OUTCOME_WORDS[Outcome.REFUSE]),
        rule=_(REASON_WORDS[Reason.GATE_REVOKED]),
        remedy=_(_REMEDIES[Reason.GATE_REVOKED]),
    )


def describe(ticket: Ticket) -> str:
    """The ticket in one line: what it is for, where it sits, and when that begins."""
    kind = ticket.type
    is_flight = kind.kind is Kind.BOARDING
    title = kind.title or kind.id
    parts = [
        title,
        ticket.ticket_class or kind.ticket_class or ticket.travel_class,
        # Many a flight is its card's whole title.
        "" if kind.flight in title else kind.flight,
        _("gate {gate}").format(gate=ticket.way_in) if is_flight and ticket.way_in else "",
        ticket.zone,
        ticket.screening_room,
        ", ".join(ticket.seats),
        f"{kind.origin}-{kind.destination}" if kind.origin and kind.destination else "",
        _begins_at(ticket),
    ]
    return " · ".join(printable(part) for part in parts if part)


def beside(ticket: Ticket | None, more: int = 0, *, show_names: bool = True) -> str:
    """What is said beside a verdict: a further ticket in view waits, or a code is no ticket's."""
    if ticket is None:
        return _("Beside it is a code that is no ticket here. It does not count.")
    holder = printable(ticket.holder) if show_names else ""
    name = " · ".join(part for part in (describe(ticket), holder) if part)
    name += f" [{printable(ticket.id, 12)}]"
    if more:
        name += " " + ngettext("and {n} more", "and {n} more", more).format(n=more)
    told = _("Another ticket waits: {ticket}. Take the first one away; Ctrl+T counts this one too.")
    return told.format(ticket=name)


def damage_line(damage: Damage, time_zone: ZoneInfo) -> str:
    """What was found damaged, when, and what has become of it."""
    at = clock_time(damage.at_ms, time_zone, dated=True)
    return f"{at} {printable(damage.why, 200)}: {damage_end(damage)}"


def damage_end(damage: Damage) -> str:
    """What has become of a file that was found damaged."""
    if not damage.mended_ms:
        is_journal = damage.file.startswith(JOURNAL)
        return _("the lane holds everybody") if is_journal else _("it is being fetched again")
    if damage.lost:
        told = ngettext(
            "a new one goes on, {n} entry is lost",
            "a new one goes on, {n} entries are lost",
            damage.lost,
        )
        return told.format(n=damage.lost)
    return _("a new one goes on")


def furniture(text: str, symbology: str, across: float) -> str:
    """An unknown code that lies in the picture all the time, and where."""
    places = (_("on the left"), _("in the middle"), _("on the right"))
    where = places[min(2, max(0, int(across * 3)))]
    told = _("A code that is no ticket here lies {where}: {kind} {text}. It is not answered.")
    return told.format(where=where, kind=symbology, text=printable(text, 12))


def _begins_at(ticket: Ticket) -> str:
    """When the film begins or boarding does, on the clock of its place."""
    at = ticket.show_time if ticket.type.kind is Kind.MOVIE else None
    if ticket.type.kind is Kind.BOARDING:
        at = ticket.boarding_time or ticket.type.boarding_time
    return "" if at is None else clock_time(at * 1000, type_zone(ticket, ZoneInfo("UTC")))


def type_zone(ticket: Ticket, here: ZoneInfo) -> ZoneInfo:
    """The zone of the ticket's type; ``here`` where it names none that is known on this machine."""
    try:
        return ZoneInfo(ticket.type.time_zone) if ticket.type.time_zone else here
    except (ValueError, KeyError, OSError):
        return here


def clock_time(
    at_ms: int,
    time_zone: ZoneInfo,
    *,
    near_ms: int | None = None,
    dated: bool = False,
    seconds: bool = False,
) -> str:
    """Hours and minutes, with the date where it is another day than ``near_ms``, or ``dated``.

    A time that the clocks show twice says which one it is: ``02:30 CET``.
    """
    moment, day = moment_of(at_ms // 1000, time_zone)
    near_day = day if near_ms is None else moment_of(near_ms // 1000, time_zone).day
    told = moment.strftime("%H:%M:%S" if seconds else "%H:%M")
    if dated or day != near_day:
        told = f"{day} {told}"
    return f"{told} {abbreviation(moment)}" if is_twice(moment) else told


def age_or_time(at_ms: int, now_ms: int, time_zone: ZoneInfo, *, trusted: bool = True) -> str:
    """How long ago it was; the time itself, with its date, where clocks cannot tell an age."""
    if is_age(at_ms, now_ms, trusted=trusted):
        return ago(now_ms - at_ms)
    return clock_time(at_ms, time_zone, dated=True)


def is_age(at_ms: int, now_ms: int, *, trusted: bool = True) -> bool:
    """Whether the time between two readings of clocks is worth telling."""
    return trusted and -1000 <= now_ms - at_ms < OLD_MS


def ago(ms: int) -> str:
    """How long ago in the largest whole unit."""
    seconds = max(0, ms // 1000)
    if seconds < 60:
        return ngettext("{n} s ago", "{n} s ago", seconds).format(n=seconds)
    if seconds < 3600:
        return ngettext("{n} min ago", "{n} min ago", seconds // 60).format(n=seconds // 60)
    if seconds < 86400:
        return ngettext("{n} h ago", "{n} h ago", seconds // 3600).format(n=seconds // 3600)
    days = seconds // 86400
    return ngettext("{n} day ago", "{n} days ago", days).format(n=days)


def old(ms: int) -> str:
    """How old in the largest whole unit."""
    seconds = max(0, ms // 1000)
    if seconds < 60:
        return ngettext("{n} s old", "{n} s old", seconds).format(n=seconds)
    if seconds < 3600:
        return ngettext("{n} min old", "{n} min old", seconds // 60).format(n=seconds // 60)
    if seconds < 86400:
        return ngettext("{n} h old", "{n} h old", seconds // 3600).format(n=seconds // 3600)
    days = seconds // 86400
    return ngettext("{n} day old", "{n} days old", days).format(n=days)


def brief(ms: int) -> str:
    """How long, short enough for a status bar: tenths of a second while it is fresh."""
    if 0 <= ms < 10_000:
        return _("{seconds} s ago").format(seconds=f"{ms / 1000:.1f}")
    return ago(ms)


def isolated_words(hours: int) -> str:
    """For how long a gate that hears nobody lets people in."""
    if not hours:
        return _("a gate that hears nobody goes on without an end")
    told = ngettext(
        "a gate that has heard nobody for {n} hour lets nobody in",
        "a gate that has heard nobody for {n} hours lets nobody in",
        hours,
    )
    return told.format(n=hours)


def basis_words(basis: Basis, age_ms: int | None = None, *, is_brief: bool = False) -> str:
    """What a verdict is worth; while it is sure, up to how long before it, and by whose word.

    For a status bar, which tells by itself who is heard, without the latter.
    """
    words = _(BASIS_WORDS[basis])
    if age_ms is None or basis not in (Basis.CENTRAL, Basis.LAN):
        return words
    # Rounded up: it is promised that nothing older is missing.
    seconds = max(0.1, math.ceil(age_ms / 100) / 10)
    if is_brief:
        return _("sure: {seconds} s").format(seconds=f"{seconds:.1f}")
    return _("{sure}, {seconds} s").format(sure=words, seconds=f"{seconds:.1f}")


def why_alone(coverage: Coverage, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    """Why nothing is sure; ``boot_ms`` and ``at_ms`` are the same moment."""
    if coverage.is_refetching:
        return _("what the others did is being fetched again")
    return unheard(coverage.unheard, boot_ms, at_ms, time_zone)


def unheard(lanes: Sequence[OtherLane], boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    """Of whom too little is known, and why; ``boot_ms`` and ``at_ms`` are the same moment."""
    told = [_unheard(lane, boot_ms, at_ms, time_zone) for lane in lanes[:UNHEARD_SHOWN]]
    more = len(lanes) - len(told)
    if more > 0:
        told.append(ngettext("{n} more", "{n} more", more).format(n=more))
    return ", ".join(told)


def _unheard(lane: OtherLane, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    name = printable(lane.name or lane.device[:8], 24)
    heard_boot_ms = lane.heard_boot_ms
    if heard_boot_ms is None:
        return _("{name} never heard").format(name=name)
    if boot_ms - heard_boot_ms < CATCHING_UP_MS:
        if lane.behind:
            told = ngettext("{name}: {n} behind", "{name}: {n} behind", lane.behind)
            return told.format(name=name, n=lane.behind)
        return _("{name}: catching up").format(name=name)
    heard_ms = at_ms - (boot_ms - heard_boot_ms)
    return _("{name} unheard since {when}").format(
        name=name, when=clock_time(heard_ms, time_zone, near_ms=at_ms)
    )


def server_link(freshness: SyncStatus, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    """How server and gates were last heard, in a few words; the two times are the same moment."""
    is_told = boot_ms - freshness.boot_ms < LINK_LOST_MS
    gates = _("LAN {n}").format(n=freshness.gates if is_told else 0)
    if not freshness.server and freshness.boot_id:
        return gates
    central = _server(freshness, boot_ms, at_ms, time_zone)
    return f"{central} · {gates}" if freshness.gates and is_told else central


def _server(freshness: SyncStatus, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    heard_boot_ms = freshness.server_boot_ms
    if heard_boot_ms is None:
        return _("central not heard yet")
    if freshness.link and boot_ms - heard_boot_ms < LINK_LOST_MS:
        return _("central {ago}").format(ago=brief(boot_ms - heard_boot_ms))
    return _("central unheard since {when}").format(
        when=clock_time(at_ms - (boot_ms - heard_boot_ms), time_zone, near_ms=at_ms)
    )


def printable(text: str, limit: int = SHOWN) -> str:
    """A stranger's text without anything that could move a cursor, hide or reverse text."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if _is_harmless(c) else _escaped(c) for c in cut)


def _is_harmless(character: str) -> bool:
    if character in "\u200c\u200d":
        return True  # joiners belong to the spelling of names and emoji
    return unicodedata.category(character)[0] not in "CZ" or character in " \u3000"


def _escaped(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _note(ticket: Ticket) -> str:
    return printable(" · ".join(n for n in (ticket.attention, ticket.type.attention) if n))


def _uses(verdict: Verdict) -> str:
    ticket = verdict.ticket
    if ticket is None or ticket.use_limit == 1:
        return ""
    return _("{used} of {limit} used").format(used=verdict.used, limit=ticket.use_limit)


def _basis(verdict: Verdict, unheard: str) -> str:
    told = basis_words(verdict.basis, verdict.basis_age_ms)
    words = [] if verdict.basis is Basis.ONLY else [told]
    if verdict.basis is Basis.ALONE and unheard:
        words = [_("alone: {unheard}").format(unheard=unheard)]
    if Flag.NOT_INSIDE in verdict.flags:
        words.append(_("was not seen coming in"))
    if Flag.CLOCK_NOT_TRUSTED in verdict.flags:
        words.append(_("clock not trusted"))
    return ", ".join(words)


def _fact(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.rivals:
        return " / ".join(describe(ticket) for ticket in verdict.rivals[:2])
    if verdict.reason is Reason.FAULT:
        return verdict.hint
    tell = _FACTS.get(verdict.reason)
    fact = "" if tell is None else tell(verdict, place, time_zone)
    note = printable(verdict.ticket.status_note) if verdict.ticket else ""
    return " · ".join(part for part in (note, fact) if part)


def _remedy(verdict: Verdict, place: Place) -> str:
    ticket = verdict.ticket
    if verdict.outcome is Outcome.VALID:
        return _("Checked only: nothing was redeemed.")
    if ticket is None and verdict.direction is Direction.OUT:
        return _("Let them out; nothing is recorded.") if verdict.outcome is Outcome.REFUSE else ""
    if verdict.list_as_of_ms is not None:
        return _("It may be newer than the list: ask at the ticket desk.")
    if verdict.reason is Reason.WRONG_ENTRANCE and ticket is not None:
        way = place.ways.get(ticket.way_in, "")
        return printable(way) or _("Send the guest there.")
    if verdict.reason is Reason.MORE_USES and verdict.direction is Direction.OUT:
        return _("F7 lets the next person out.")
    return _(_REMEDIES[verdict.reason]) if verdict.reason in _REMEDIES else ""


_Fact = Callable[[Verdict, Place, ZoneInfo], str]


def _movement(movement: Movement, verdict: Verdict, time_zone: ZoneInfo) -> str:
    trusted = movement.trusted and verdict.clock_trusted
    has_age = is_age(movement.at_ms, verdict.at_ms, trusted=trusted)
    when = clock_time(movement.at_ms, time_zone, near_ms=verdict.at_ms, dated=not has_age)
    if has_age:
        when += f" ({ago(verdict.at_ms - movement.at_ms)})"
    elif not trusted:
        when += " (" + _("clock not trusted") + ")"
    told = f"{printable(movement.gate)}, {when}"
    if movement.operator:
        told += _(", operator {name}").format(name=printable(movement.operator))
    return told


def _first_use(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    first = verdict.history.first
    if first is None:
        return ""
    return _("In at {movement}").format(movement=_movement(first, verdict, time_zone))


def _claimed(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    claims = verdict.history.claims
    if not claims:
        return ""
    told = _("Undone at {movement}; not confirmed yet")
    return told.format(movement=_movement(claims[-1], verdict, time_zone))


def _last_move(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    last = verdict.history.last
    if last is None:
        return ""
    return _("Last at {movement}").format(movement=_movement(last, verdict, time_zone))


def _same(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    last = verdict.history.last
    if last is None:
        return ""
    trusted = last.trusted and verdict.clock_trusted
    age = age_or_time(last.at_ms, verdict.at_ms, time_zone, trusted=trusted)
    return _("Done already, {ago}.").format(ago=age)


def _only(wanted: str, here: str) -> str:
    return _("Only {wanted}; this is {here}.").format(
        wanted=printable(wanted), here=printable(here)
    )


def _entrance(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _only(verdict.ticket.way_in, place.entrance) if verdict.ticket else ""


def _zone(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _only(verdict.ticket.zone, place.zone) if verdict.ticket else ""


def _room(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _only(verdict.ticket.screening_room, place.screening_room) if verdict.ticket else ""


def _flight(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _only(verdict.ticket.type.flight, place.flight) if verdict.ticket else ""


def _event(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _only(verdict.ticket.type.event, place.event) if verdict.ticket else ""


def _type(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.ticket is None:
        return ""
    accepted = ", ".join(printable(name) for name in place.accepted_types)
    return _("This is {type}; taken here: {accepted}.").format(
        type=printable(verdict.ticket.type.title or verdict.ticket.type.id), accepted=accepted
    )


def _begins(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    ticket = verdict.ticket
    begin, _end = window(ticket) if ticket else (None, None)
    if ticket is None or begin is None:
        return ""
    opens = begin if verdict.bound_at is None else verdict.bound_at
    told = _("Good from {when}; now it is {now}.")
    if opens != begin:
        told = _("Let in here from {opens} (good from {when}); now it is {now}.")
    zones = type_zone(ticket, time_zone), time_zone
    return _told(verdict, zones, told, begin, opens)


def _ended(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    ticket = verdict.ticket
    _begin, end = window(ticket) if ticket else (None, None)
    if ticket is None or end is None:
        return _("The issuer says it has expired.")
    closes = end if verdict.bound_at is None else verdict.bound_at
    told = _("Good until {when}; now it is {now}.")
    if closes != end:
        told = _("Let in here until {closes} (good until {when}); now it is {now}.")
    zones = type_zone(ticket, time_zone), time_zone
    return _told(verdict, zones, told, end, closes)


def _told(
    verdict: Verdict, zones: tuple[ZoneInfo, ZoneInfo], sentence: str, when: int, bound: int
) -> str:
    """Times of a ticket in the zone of its type, which is named where clocks here show others."""
    (zone, here), now_ms = zones, verdict.at_ms
    shown = {"when": when * 1000, "opens": bound * 1000, "closes": bound * 1000}
    texts = {name: clock_time(at_ms, zone, near_ms=now_ms) for name, at_ms in shown.items()}
    now = clock_time(now_ms, zone)
    if now in texts.values():
        # Two different moments that look the same would contradict each other.
        texts = {
            name: clock_time(at_ms, zone, near_ms=now_ms, seconds=True)
            for name, at_ms in shown.items()
        }
        now = clock_time(now_ms, zone, seconds=True)
    if any(_differ(zone, here, at_ms) for at_ms in (now_ms, *shown.values())):
        now = _("{time} in {zone}, {here} here").format(
            time=now, zone=zone.key, here=clock_time(now_ms, here)
        )
    return sentence.format(now=now, **texts)


def _differ(one: ZoneInfo, other: ZoneInfo, at_ms: int) -> bool:
    return one.key != other.key and clock_time(at_ms, one, dated=True) != clock_time(
        at_ms, other, dated=True
    )


def _hours(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    ticket = verdict.ticket
    if ticket is None:
        return ""
    days = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    told = ", ".join(
        f"{days[h.day - 1]} {h.begin // 60:02}:{h.begin % 60:02}-{h.end // 60:02}:{h.end % 60:02}"
        for h in ticket.type.weekly
    )
    zone = type_zone(ticket, time_zone)
    now = clock_time(verdict.at_ms, zone)
    if _differ(zone, time_zone, verdict.at_ms):
        here = clock_time(verdict.at_ms, time_zone)
        now = _("{time} in {zone}, {here} here").format(time=now, zone=zone.key, here=here)
        return _("{hours}; now it is {now}.").format(hours=told, now=now)
    if " " in now:
        return _("{hours}; now it is {now}.").format(hours=told, now=now)
    return told


def _left(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.ticket is None:
        return ""
    left = max(0, verdict.ticket.use_limit - verdict.history.used)
    return ngettext("{n} person left", "{n} people left", left).format(n=left)


def _inside(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    n = verdict.history.inside
    return ngettext("{n} person inside on it", "{n} people inside on it", n).format(n=n)


def _more(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    tell = _inside if verdict.direction is Direction.OUT else _left
    return tell(verdict, place, time_zone)


def _no_ticket(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    as_of_ms = verdict.list_as_of_ms
    if as_of_ms is None:
        return _("No ticket here has this code.")
    if as_of_ms == 0:
        return _("Not in the list, and nobody has said yet how old the list is.")
    when = clock_time(as_of_ms, time_zone, near_ms=verdict.at_ms)
    age_ms = verdict.at_ms - as_of_ms
    if not 0 <= age_ms <= AGE_TOLD_MS:
        return _("Not in the list of {when}.").format(when=when)
    return _("Not in the list of {when} ({age}).").format(when=when, age=old(age_ms))


def _not_text(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _("What was read is empty, too long or not text.")


def _overruled(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.overruled is None:
        return ""
    return _("Against: {rule}").format(rule=_(REASON_WORDS[verdict.overruled]))


_FACTS: dict[Reason, _Fact] = {
    Reason.UNREADABLE: _not_text,
    Reason.UNKNOWN: _no_ticket,
    Reason.SAME_TICKET: _same,
    Reason.MORE_USES: _more,
    Reason.WRONG_EVENT: _event,
    Reason.WRONG_TYPE: _type,
    Reason.WRONG_ENTRANCE: _entrance,
    Reason.WRONG_ZONE: _zone,
    Reason.WRONG_ROOM: _room,
    Reason.WRONG_FLIGHT: _flight,
    Reason.TOO_EARLY: _begins,
    Reason.TOO_LATE: _ended,
    Reason.OUTSIDE_HOURS: _hours,
    Reason.ALREADY_USED: _first_use,
    Reason.REENTRY: _last_move,
    Reason.NOT_ENOUGH_USES: _left,
    Reason.PASS_BACK: _last_move,
    Reason.UNDO_CLAIMED: _claimed,
    Reason.OVERRIDE: _overruled,
}
