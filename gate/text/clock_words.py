"""How far a lane's clock is off, by whom, in the operator's words."""

from gate.core.clock_error import ClockState, Source, TrueTime
from gate.i18n import N_, _

_SOURCE_WORDS = {
    Source.SERVER: N_("the server"),
    Source.TIME_SERVER: N_("a time server"),
    Source.WATCH: N_("a supervisor's watch"),
    Source.RELAYED: N_("the server, through another gate"),
    Source.PEERS: N_("the other gates' clocks"),
}


def bound_words(known: TrueTime, at_ms: int) -> str:
    """How far a clock that shows ``at_ms`` is off, with the bound and by whose word."""
    who = ", ".join(_(_SOURCE_WORDS[source]) for source in known.sources)
    if not known.agrees:
        apart = _("{who} contradict each other, by {apart}")
        return apart.format(who=who, apart=_length(2 * known.error_ms))
    bound = _length(known.error_ms)
    if not known.is_off(at_ms):
        return _("right to {bound}, by {who}").format(bound=bound, who=who)
    off_ms = at_ms - known.at_ms
    words = (
        _("{off} fast by {who}, ± {bound}") if off_ms > 0 else _("{off} slow by {who}, ± {bound}")
    )
    return words.format(off=_length(abs(off_ms)), bound=bound, who=who)


def clock_line(state: ClockState, known: TrueTime | None, at_ms: int) -> str:
    """What is told of a clock whose state has changed."""
    if state is ClockState.RIGHT or known is None:
        return _("This gate's clock is right again.")
    found = bound_words(known, at_ms)
    if state is ClockState.UNSURE:
        unsure = _("This gate is not sure of the time: {found}. Connect it, or see F9.")
        return unsure.format(found=found)
    return _("This gate's clock: {found}. Set it on F9.").format(found=found)


def _length(ms: int) -> str:
    if ms < 10_000:
        return _("{n} s").format(n=f"{max(ms, 1) / 1000:.1g}" if ms < 1000 else f"{ms / 1000:.1f}")
    if ms < 600_000:
        return _("{n} s").format(n=ms // 1000)
    return _("{n} min").format(n=ms // 60_000)
