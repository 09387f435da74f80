"""How an upstream stands, in sentences for supervisors: at a lane, on a page, on paper."""

from gate.core.upstream_state import UpstreamState
from gate.i18n import _, sentences
from gate.text.printable import printable
from gate.text.times import ago


def upstream_line(state: UpstreamState, since_ms: int = 0) -> str:
    """All of it in a line; ``since_ms`` is how long ago that was so."""
    return " · ".join([state.kind, *_parts(state, since_ms)])


def trouble_line(state: UpstreamState, since_ms: int = 0) -> str:
    """What somebody has to do about it; empty while nobody has to."""
    if not state.is_stuck:
        return ""
    heard = _("{upstream}: {heard}.").format(upstream=state.kind, heard=_heard(state, since_ms))
    return " ".join(part for part in (heard, _error(state), remedy(state)) if part)


def remedy(state: UpstreamState) -> str:
    """What is to be done, by whoever looks after the server; empty: nothing."""
    if state.is_stopped:
        sentence = _("It is not asked any more: put that right, then: gate {upstream} retry EVENT")
        return sentence.format(upstream=state.kind)
    if state.missing:
        sentence = _(
            "{n} tickets are not there any more and still good here: look at them, then: "
            "gate {upstream} void-missing EVENT"
        )
        return sentence.format(n=state.missing, upstream=state.kind)
    if state.error or state.is_stuck:
        sentence = _(
            "It is asked again by itself, and gates scan on. Now: gate {upstream} retry EVENT"
        )
        return sentence.format(upstream=state.kind)
    return ""


def _parts(state: UpstreamState, since_ms: int) -> list[str]:
    parts = [_heard(state, since_ms)]
    if not state.is_complete:
        line = _("tickets on their way: {done} of {total}")
        parts.append(line.format(done=state.done, total=state.total or "?"))
    if state.waiting:
        line = _("{n} still to be told, the oldest due {age}")
        parts.append(line.format(n=state.waiting, age=ago(state.oldest_ago_ms + since_ms)))
    if state.failed:
        parts.append(_failed(state))
    if state.missing:
        parts.append(_("{n} tickets missing there").format(n=state.missing))
    if state.error:
        parts.append(_error(state))
    return parts


def _heard(state: UpstreamState, since_ms: int) -> str:
    if state.heard_ago_ms is None:
        return _("never heard")
    return _("heard {age}").format(age=ago(state.heard_ago_ms + since_ms))


def _failed(state: UpstreamState) -> str:
    line = _("{n} not taken").format(n=state.failed)
    if not state.why_failed:
        return line
    return _("{what}, the newest: {why}").format(what=line, why=printable(state.why_failed, 400))


def _error(state: UpstreamState) -> str:
    return sentences(printable(state.error, 400)) if state.error else ""
