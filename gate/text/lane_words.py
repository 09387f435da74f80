"""Why a lane is alone, and what that will come to."""

from zoneinfo import ZoneInfo

from gate.core.outcome import Basis, Flag
from gate.core.verdict import Verdict
from gate.i18n import _
from gate.lane.lane import Lane
from gate.storage.gate_lists import GateList
from gate.text.connectivity_words import why_alone
from gate.text.printable import printable
from gate.text.times import clock_time

LIST_LENGTH = 40


def unheard_at(lane: Lane, verdict: Verdict, time_zone: ZoneInfo) -> str:
    """Which lanes a verdict could not hear of, and since when; empty when that is nobody."""
    if verdict.basis is not Basis.ALONE and Flag.ALONE not in verdict.flags:
        return ""
    connectivity = lane.connectivity()
    return why_alone(connectivity.coverage, connectivity.boot_ms, lane.now_ms(), time_zone)


def isolation_words(lane: Lane, time_zone: ZoneInfo) -> str:
    """From when on the lane holds everybody, because nobody is heard; empty while it will not."""
    from_ms = lane.holds_from_ms
    if from_ms is None:
        return ""
    if from_ms <= lane.now_ms():
        return _("NOBODY HEARD: ALL WAIT")
    when = clock_time(from_ms, time_zone, near_ms=lane.now_ms())
    return _("nobody heard: all wait from {when}").format(when=when)


def list_line(one: GateList) -> str:
    """A list's name, safe to print."""
    return printable(one.name, LIST_LENGTH)
