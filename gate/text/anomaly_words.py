"""Anomalies in a supervisor's words: what it is, in a sentence, and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gate.core.anomalies.anomaly import Anomaly, Kind, Severity
from gate.i18n import N_, _
from gate.text.printable import printable
from gate.text.times import clock_time

TITLES = {
    Kind.TOO_FAST: N_("two places at once"),
    Kind.UNKNOWN_CODES: N_("many unknown codes"),
    Kind.NEAR_MISSES: N_("codes made up"),
    Kind.COMES_ELSEWHERE: N_("tried at many gates"),
    Kind.OVERRIDES: N_("many overrides"),
    Kind.UNDOS: N_("many undos"),
    Kind.FAST_LANE: N_("a lane too fast"),
    Kind.EXITS: N_("exits above entries"),
    Kind.ORDER_SPREAD: N_("an order one by one"),
    Kind.REVOKED_RETURNS: N_("void, again and again"),
    Kind.OUTSIDE_HOURS: N_("outside opening hours"),
}
_SENTENCES = {
    Kind.TOO_FAST: N_(
        "Ticket {about} was shown at {gates} within {count} s; "
        "nobody walks that in less than {usual} s."
    ),
    Kind.UNKNOWN_CODES: N_(
        "{count} different unknown codes that look like tickets were shown at {gates}."
    ),
    Kind.NEAR_MISSES: N_(
        "{count} different codes, each one change away from a real one, were shown at {gates}."
    ),
    Kind.COMES_ELSEWHERE: N_("Refused, and tried at {count} gates ({gates}): {about}."),
    Kind.OVERRIDES: N_(
        "{about} overruled {count} of {out_of} refusals at {gates}; {usual} would be usual."
    ),
    Kind.UNDOS: N_(
        "{about} took {count} uses back, of {out_of} at {gates}; {usual} would be usual."
    ),
    Kind.FAST_LANE: N_(
        "{gates} let {count} tickets in within a minute; nobody walks faster than {usual}."
    ),
    Kind.EXITS: N_("{gates} let {count} people out who never came in, of {out_of} in all."),
    Kind.ORDER_SPREAD: N_(
        "{out_of} tickets of order {about} came one by one, at {count} gates: {gates}."
    ),
    Kind.REVOKED_RETURNS: N_("Ticket {about} is void and was tried {count} times: {gates}."),
    Kind.OUTSIDE_HOURS: N_("{gates} let {count} in while the event is closed."),
}
REMEDIES = {
    Kind.TOO_FAST: N_("Two people have this ticket. Look at who is in, and who sold it."),
    Kind.UNKNOWN_CODES: N_("Go there: is it a group with another day's tickets, or is it guessed?"),
    Kind.NEAR_MISSES: N_("Go there: somebody counts on from a real ticket, or types badly."),
    Kind.COMES_ELSEWHERE: N_("Ask who shows it where they bought it: others may have the same."),
    Kind.OVERRIDES: N_("Ask them for the reasons; each override has its note in the journal."),
    Kind.UNDOS: N_("Ask them why. An undone ticket lets somebody else in."),
    Kind.FAST_LANE: N_("Go there: is a class let in from a sheet, or a pile of codes scanned?"),
    Kind.EXITS: N_("Ask whether people came in unscanned. An exit makes a ticket good again."),
    Kind.ORDER_SPREAD: N_("Ask the seller about the buyer: it may have been sold on."),
    Kind.REVOKED_RETURNS: N_("Who took the money back is here. Tell the gates."),
    Kind.OUTSIDE_HOURS: N_("Ask who was there, and why."),
}
_SEVERITIES = {Severity.HIGH: N_("look now"), Severity.LOW: N_("look later")}


@dataclass(frozen=True, slots=True)
class AnomalyView:
    """An anomaly as a page, a screen or a list shows it; every text is safe to show."""

    kind: Kind
    severity: Severity
    urgency: str
    """The severity in words."""
    title: str
    sentence: str
    remedy: str
    about: str
    gates: tuple[str, ...]
    at_ms: int
    until_ms: int
    when: str
    entries: tuple[str, ...]
    """Names of the entries that it rests on, at most 40."""


def views(
    found: Iterable[Anomaly], time_zone: ZoneInfo, name_of: Callable[[str], str] = str
) -> list[AnomalyView]:
    """Anomalies in words; ``name_of`` makes of a ticket's id what people call it."""
    return [_view(one, time_zone, name_of) for one in found]


def _view(one: Anomaly, time_zone: ZoneInfo, name_of: Callable[[str], str]) -> AnomalyView:
    about = printable(name_of(one.about) if one.is_of_ticket else one.about, 40)
    gates = tuple(printable(gate or "-", 24) for gate in one.gates)
    sentence = _(_SENTENCES[one.kind]).format(
        about=_said(one, about),
        gates=", ".join(gates),
        count=one.count,
        out_of=one.out_of,
        usual=f"{one.usual:.0f}",
    )
    first, last = (clock_time(ms, time_zone, dated=True) for ms in (one.at_ms, one.until_ms))
    return AnomalyView(
        kind=one.kind,
        severity=one.severity,
        urgency=_(_SEVERITIES[one.severity]),
        title=_(TITLES[one.kind]),
        sentence=sentence,
        remedy=_(REMEDIES[one.kind]),
        about=about,
        gates=gates,
        at_ms=one.at_ms,
        until_ms=one.until_ms,
        when=first if first == last else f"{first} - {last}",
        entries=one.entries,
    )


def _said(one: Anomaly, about: str) -> str:
    """What it is about, as the sentence has it."""
    if one.kind is not Kind.COMES_ELSEWHERE:
        return about
    if one.is_code:
        return _("an unknown code ({hash})").format(hash=about[:8])
    return _("ticket {ticket}").format(ticket=about)
