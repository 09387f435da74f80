"""A verdict in one line, for the lane without a screen."""

from zoneinfo import ZoneInfo

from gate.core.place import Place
from gate.core.verdict import Verdict
from gate.i18n import sentences
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.text.verdict_words import explain


def verdict_line(
    verdict: Verdict,
    place: Place,
    time_zone: ZoneInfo,
    *,
    show_names: bool = True,
    unheard: str = "",
) -> str:
    """``HH:MM:SS OUTCOME``, then reason, ticket, place and time from scan to verdict."""
    words = explain(verdict, place, time_zone, show_names=show_names, unheard=unheard)
    reason = sentences(words.rule, words.note, words.fact, words.remedy)
    about = (words.ticket, words.holder, words.remark, words.uses)
    ticket = " · ".join(part for part in about if part)
    number = f"[{printable(verdict.ticket.id, 12)}]" if verdict.ticket else ""
    parts = [
        f"{clock_time(verdict.at_ms, time_zone, seconds=True)} {verdict.outcome.name:<9} {reason}",
        " ".join(part for part in (ticket, number) if part) or "-",
        printable(place.gate),
        words.basis,
        f"{verdict.latency_ms or 0:.0f} ms",
    ]
    return " | ".join(part for part in parts if part)
