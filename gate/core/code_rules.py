"""Rules about codes that move: what is said of a picture, of the static part, of clocks apart."""

from gate.core.history import History
from gate.core.outcome import Flag, Reason
from gate.core.place import Policy
from gate.core.rotation import Age, Shown
from gate.core.ticket import Ticket
from gate.core.time_rules import span_of_now
from gate.core.verdict import Context, Scan


def stale_code(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """What is said against a code: a picture, an older one, a wrong one, its static part."""
    shown, now = context.rotation, span_of_now(context)
    if shown is None:
        return None
    if shown.shown is Shown.STATIC:
        allowed = context.rules.static_codes in (Policy.ADMIT, Policy.FLAG)
        return None if allowed else Reason.STATIC_CODE
    if shown.shown is Shown.WRONG:
        # Where the clock is wrong, a good code is looked for among those of another hour.
        return None if shown.needs_clock and now is None else Reason.WRONG_CODE
    if shown.is_replayed:
        return Reason.REPLAYED_CODE
    return Reason.STALE_CODE if _age_of_code(scan, context) is Age.STALE else None


def code_off(ticket: Ticket, history: History, scan: Scan, context: Context) -> Reason | None:
    """What of a code wants a look: clocks that are apart, a clock that nobody knows."""
    shown = context.rotation
    if shown is None:
        return None
    if shown.shown is Shown.STATIC:
        return Reason.STATIC_CODE if context.rules.static_codes is Policy.FLAG else None
    if span_of_now(context) is None:
        return Reason.CLOCK_NOT_TRUSTED
    return None if _age_of_code(scan, context) is Age.FRESH else Reason.CODE_CLOCK


def _age_of_code(scan: Scan, context: Context) -> Age | None:
    """How a rotating code stands to now; ``None`` without one that its key has made, or a clock."""
    shown, now = context.rotation, span_of_now(context)
    if shown is None or shown.shown is not Shown.MOVING or now is None:
        return None
    since_ms = 0 if scan.read_ms is None else max(0, context.at_ms - scan.read_ms)
    earliest, latest = now[0] - since_ms, now[1] - since_ms
    return shown.age(earliest, latest, is_measured=context.true_time is not None)


def code_flags(
    ticket: Ticket, history: History, scan: Scan, context: Context, *, leaves: bool = False
) -> tuple[str, ...]:
    """What was not as it should be of a rotating code; nobody who leaves is refused for it."""
    shown = context.rotation
    if shown is None:
        return ()
    if shown.shown is Shown.STATIC:
        return (Flag.STATIC_CODE,)
    refused = stale_code(ticket, history, scan, context)
    if refused is not None:
        return (refused.value,) if leaves else ()
    is_off = code_off(ticket, history, scan, context) is Reason.CODE_CLOCK
    return (Flag.CODE_CLOCK,) if is_off else ()
