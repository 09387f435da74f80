"""What of an organiser's rule is in the way, in words: what is wanted, and what it is."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from gate.core.history import History
from gate.core.organisers_rule import judge, rule_of, unmet, unreadable_in
from gate.core.outcome import Reason
from gate.core.ticket import Ticket
from gate.core.unmet_terms import Term
from gate.core.verdict import Context
from gate.i18n import N_, _
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.ticket_words import type_zone
from gate.text.times import clock_time

_Zones = tuple[ZoneInfo, ZoneInfo]
"""The ticket type's, and that of whoever reads."""

_COUNTED = {
    "entries_number": N_("entries"),
    "entries_today": N_("entries today"),
    "entries_days": N_("days with an entry"),
    "entries_since": N_("entries since {when}"),
    "entries_before": N_("entries before {when}"),
    "entries_days_since": N_("days with an entry since {when}"),
    "entries_days_before": N_("days with an entry before {when}"),
    "minutes_since_first_entry": N_("minutes since the first entry"),
    "minutes_since_last_entry": N_("minutes since the last entry"),
}
_BOUNDS = {
    "<": N_("fewer than {wanted}"),
    "<=": N_("at most {wanted}"),
    ">": N_("more than {wanted}"),
    ">=": N_("at least {wanted}"),
    "==": N_("exactly {wanted}"),
    "!=": N_("other than {wanted}"),
    "inList": N_("one of {wanted}"),
}
_STATUS = {
    ("==", "present"): N_("Only for guests who are inside."),
    ("==", "absent"): N_("The guest is inside already."),
    ("!=", "present"): N_("The guest is inside already."),
    ("!=", "absent"): N_("Only for guests who are inside."),
}


def unmet_words(
    terms: Sequence[Term], ticket: Ticket, gate: str, now_ms: int, here: ZoneInfo
) -> str:
    """What would have to be otherwise for the ticket to be let in.

    Times are by the clock of its type's zone, which is named where the clocks ``here`` show others.
    """
    zones = type_zone(ticket, here), here
    words = (_term(term, ticket, gate, now_ms, zones) for term in terms)
    return " ".join(dict.fromkeys(filter(None, words)))


def rule_now(ticket: Ticket, history: History, context: Context, here: ZoneInfo) -> str:
    """Whether the rule would let in now, in a line; empty where there is none.

    ``history`` has to say when people were let in.
    """
    if not rule_of(ticket, context.rules):
        return ""
    if judge(ticket, history, context).is_met:
        return _("organiser's rule: lets in now")
    if unreadable_in(ticket, context):
        return _(REASON_WORDS[Reason.RULE_UNREADABLE])
    terms = unmet(ticket, history, context)
    why = unmet_words(terms, ticket, context.place.gate, context.at_ms, here)
    return _("organiser's rule: does not let in now. {why}").format(why=why).strip()


def _term(term: Term, ticket: Ticket, gate: str, now_ms: int, zones: _Zones) -> str:
    if term.variable == "now":
        return _time(term, now_ms, *zones)
    if term.variable == "entry_status":
        sentence = _STATUS.get((term.operator, str(term.wanted)), "")
        return _(sentence) if sentence else ""
    if term.variable in ("gate", "product", "variation"):
        kind = ticket.type.title or ticket.type.id
        return _named_otherwise(term, printable(gate if term.variable == "gate" else kind))
    return _number(term, now_ms, zones[0])


def _named_otherwise(term: Term, here: str) -> str:
    if term.operator == "!=":
        return _("Not for {here}.").format(here=here)
    return _("Only {wanted}; this is {here}.").format(wanted=_wanted(term) or "–", here=here)


def _number(term: Term, now_ms: int, zone: ZoneInfo) -> str:
    if term.variable == "now_isoweekday":
        days = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
        return _compared(_("day of the week"), term, days)
    if term.variable in _COUNTED:
        when = "" if term.cutoff_ms is None else _when(term.cutoff_ms, now_ms, zone)
        return _compared(_(_COUNTED[term.variable]).format(when=when), term, ())
    return ""


def _time(term: Term, now_ms: int, zone: ZoneInfo, here: ZoneInfo) -> str:
    if not isinstance(term.wanted, int | float):
        return ""
    sentence = _("Only before {when}; now it is {now}.")
    if term.operator == "isAfter":
        sentence = _("Only after {when}; now it is {now}.")
    now, now_here = _when(now_ms, now_ms, zone), clock_time(now_ms, here)
    if now != now_here:
        now = _("{time} in {zone}, {here} here").format(time=now, zone=zone.key, here=now_here)
    return sentence.format(when=_when(term.wanted, now_ms, zone), now=now)


def _when(at_ms: float, now_ms: int, zone: ZoneInfo) -> str:
    return clock_time(int(at_ms), zone, near_ms=now_ms)


def _compared(what: str, term: Term, names: Sequence[str]) -> str:
    if term.operator not in _BOUNDS:
        return ""
    bound = _(_BOUNDS[term.operator]).format(wanted=_wanted(term, names))
    never = term.variable.startswith("minutes_since") and term.found == -1
    found = _("none yet") if never else _named(term.found, names)
    return _("Wanted: {what} {bound}; now: {found}.").format(what=what, bound=bound, found=found)


def _wanted(term: Term, names: Sequence[str] = ()) -> str:
    wanted = term.wanted if isinstance(term.wanted, tuple) else (term.wanted,)
    return ", ".join(_named(one, names) for one in wanted)


def _named(value: float | str, names: Sequence[str]) -> str:
    """A number as it is, or by the name that it stands for."""
    text = f"{value:g}" if isinstance(value, int | float) else printable(value)
    number = int(text) if text.isascii() and text.isdecimal() else 0
    return names[number - 1] if 0 < number <= len(names) else text
