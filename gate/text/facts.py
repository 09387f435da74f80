"""The fact behind each reason, in a sentence: what the ticket, the list or the clock says."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from gate.core.boarding import flight_of, is_flight, legs_of_gate
from gate.core.history import Movement
from gate.core.outcome import Outcome, Reason
from gate.core.place import Direction, Place
from gate.core.ticket import UNLIMITED
from gate.core.validity import window
from gate.core.verdict import Verdict
from gate.i18n import _, ngettext, sentences
from gate.text.boarding_words import dated_flights, day_of, flights
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.rule_words import unmet_words
from gate.text.ticket_words import block_words, describe, type_zone
from gate.text.times import age_or_time, ago, clock_time, is_age, old

AGE_TOLD_MS = 7 * 86_400_000
"""An age beyond this says more of a clock than of a list."""

_Fact = Callable[[Verdict, Place, ZoneInfo], str]


def fact(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    """What makes the verdict what it is; empty where the rule says it all."""
    if verdict.rivals:
        return " / ".join(describe(ticket) for ticket in verdict.rivals[:2])
    if verdict.reason is Reason.FAULT:
        return verdict.hint
    tell = _FACTS.get(verdict.reason)
    fact = "" if tell is None else tell(verdict, place, time_zone)
    note = printable(verdict.ticket.status_note) if verdict.ticket else ""
    return " · ".join(part for part in (note, fact) if part)


def _movement(movement: Movement, verdict: Verdict, time_zone: ZoneInfo) -> str:
    trusted = movement.trusted and verdict.clock_trusted
    has_age = is_age(movement.at_ms, verdict.at_ms, trusted=trusted)
    when = clock_time(movement.at_ms, time_zone, near_ms=verdict.at_ms, dated=not has_age)
    if has_age:
        when += f" ({ago(verdict.at_ms - movement.at_ms)})"
    elif not trusted:
        when += " (" + _("clock not trusted") + ")"
    words = f"{printable(movement.gate)}, {when}"
    if movement.operator:
        words += _(", operator {name}").format(name=printable(movement.operator))
    return words


def _first_use(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    first = verdict.history.first
    if first is None:
        return ""
    return _("In at {movement}").format(movement=_movement(first, verdict, time_zone))


def _claimed(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    claims = verdict.history.claims
    if not claims:
        return ""
    sentence = _("Undone at {movement}; not confirmed yet")
    return sentence.format(movement=_movement(claims[-1], verdict, time_zone))


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
    if verdict.legs and not any(is_flight(place.flight, leg) for leg in verdict.legs):
        return _only(flights(verdict.legs), place.flight)
    return _only(verdict.ticket.type.flight, place.flight) if verdict.ticket else ""


def _leg(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _only(verdict.ticket.type.flight, place.flight) if verdict.ticket else ""


def _day(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    zone = type_zone(verdict.ticket, time_zone) if verdict.ticket else time_zone
    legs = legs_of_gate(verdict.legs, place.flight)
    return _("The pass is for {flights}; here it is {today}.").format(
        flights=dated_flights(legs, verdict.at_ms, zone), today=day_of(verdict.at_ms, zone)
    )


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
    sentence = _("Good from {when}; now it is {now}.")
    if opens != begin:
        sentence = _("Let in here from {opens} (good from {when}); now it is {now}.")
    zones = type_zone(ticket, time_zone), time_zone
    return _in_zones(verdict, zones, sentence, begin, opens)


def _ended(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    ticket = verdict.ticket
    _begin, end = window(ticket) if ticket else (None, None)
    if ticket is None or end is None:
        return _("The issuer says it has expired.")
    closes = end if verdict.bound_at is None else verdict.bound_at
    sentence = _("Good until {when}; now it is {now}.")
    if closes != end:
        sentence = _("Let in here until {closes} (good until {when}); now it is {now}.")
    zones = type_zone(ticket, time_zone), time_zone
    return _in_zones(verdict, zones, sentence, end, closes)


def _in_zones(
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


def _code_age(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.code_ms is None:
        return ""
    made = clock_time(verdict.code_ms, time_zone, near_ms=verdict.at_ms, seconds=True)
    now = clock_time(verdict.at_ms, time_zone, seconds=True)
    return _("Made at {made} by the phone's clock; now it is {now}.").format(made=made, now=now)


def _hours(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    ticket = verdict.ticket
    if ticket is None:
        return ""
    days = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    hours = ", ".join(
        f"{days[h.day - 1]} {h.begin // 60:02}:{h.begin % 60:02}-{h.end // 60:02}:{h.end % 60:02}"
        for h in ticket.type.weekly
    )
    zone = type_zone(ticket, time_zone)
    now = clock_time(verdict.at_ms, zone)
    if _differ(zone, time_zone, verdict.at_ms):
        here = clock_time(verdict.at_ms, time_zone)
        now = _("{time} in {zone}, {here} here").format(time=now, zone=zone.key, here=here)
        return _("{hours}; now it is {now}.").format(hours=hours, now=now)
    if " " in now:
        return _("{hours}; now it is {now}.").format(hours=hours, now=now)
    return hours


def _unmet(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.ticket is None:
        return ""
    return unmet_words(verdict.unmet, verdict.ticket, place.gate, verdict.at_ms, time_zone)


def _unreadable(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return _("It does not know: {word}").format(word=printable(verdict.unreadable))


def _left(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.ticket is None or verdict.ticket.use_limit == UNLIMITED:
        return ""
    left = max(0, verdict.ticket.use_limit - verdict.history.used)
    return ngettext("{n} person left", "{n} people left", left).format(n=left)


def _inside(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    n = verdict.history.inside
    return ngettext("{n} person inside on it", "{n} people inside on it", n).format(n=n)


def _more(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    tell = _inside if verdict.direction is Direction.OUT else _left
    return tell(verdict, place, time_zone)


def _unlisted(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.list_as_of_ms is None:
        return _("The list is up to date: it was not sold, or only just now.")
    return _no_ticket(verdict, place, time_zone)


def _unknown_type(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    kind = verdict.ticket.type.id if verdict.ticket else ""
    return _("Its kind is {type}; where and when that is good is not known here.").format(
        type=printable(kind, 40)
    )


def _no_ticket(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    age = _not_in_list(verdict, time_zone)
    if not verdict.legs:
        return age
    shown = dated_flights(verdict.legs, verdict.at_ms, time_zone)
    words = [_("A boarding pass of {flights}.").format(flights=shown)]
    if flight_of(place.flight) and not any(is_flight(place.flight, leg) for leg in verdict.legs):
        words.append(_("This gate boards {flight}.").format(flight=printable(place.flight)))
    return sentences(*words, age)


def _not_in_list(verdict: Verdict, time_zone: ZoneInfo) -> str:
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


def _asked(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    return "" if verdict.outcome is Outcome.ASK else printable(verdict.question)


def _file_asked(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    """What no lane can take."""
    is_held = verdict.outcome is Outcome.HOLD
    return _("It wants a file, which cannot be given here.") if is_held else ""


def _overruled(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    if verdict.overruled is None:
        return ""
    return _("Against: {rule}").format(rule=_(REASON_WORDS[verdict.overruled]))


def _blocked(verdict: Verdict, place: Place, time_zone: ZoneInfo) -> str:
    """Why and by whom it is blocked, and what its issuer says of it beside that."""
    ticket = verdict.ticket
    return block_words(ticket, time_zone) if ticket else ""


_FACTS: dict[Reason, _Fact] = {
    Reason.UNREADABLE: _not_text,
    Reason.BLOCKED_AT_DOOR: _blocked,
    Reason.UNKNOWN: _no_ticket,
    Reason.UNSEEN: _unlisted,
    Reason.TYPE_UNKNOWN: _unknown_type,
    Reason.SAME_TICKET: _same,
    Reason.MORE_USES: _more,
    Reason.WRONG_EVENT: _event,
    Reason.WRONG_TYPE: _type,
    Reason.WRONG_ENTRANCE: _entrance,
    Reason.WRONG_ZONE: _zone,
    Reason.WRONG_ROOM: _room,
    Reason.WRONG_FLIGHT: _flight,
    Reason.WRONG_LEG: _leg,
    Reason.WRONG_DAY: _day,
    Reason.TOO_EARLY: _begins,
    Reason.TOO_LATE: _ended,
    Reason.OUTSIDE_HOURS: _hours,
    Reason.STALE_CODE: _code_age,
    Reason.REPLAYED_CODE: _code_age,
    Reason.CODE_CLOCK: _code_age,
    Reason.RULE: _unmet,
    Reason.RULE_UNREADABLE: _unreadable,
    Reason.ALREADY_USED: _first_use,
    Reason.REENTRY: _last_move,
    Reason.NOT_ENOUGH_USES: _left,
    Reason.PASS_BACK: _last_move,
    Reason.UNDO_CLAIMED: _claimed,
    Reason.OVERRIDE: _overruled,
    Reason.QUESTION: _asked,
    Reason.ANSWERS: _file_asked,
}
