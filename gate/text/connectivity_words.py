"""How sure a verdict is, and who was heard when: what a person has to know of the network."""

import math
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from gate.core.coverage import Coverage, OtherLane
from gate.core.outcome import Basis
from gate.core.silence import Change
from gate.i18n import N_, _, ngettext
from gate.storage.sync_status import SyncStatus
from gate.text.printable import printable
from gate.text.times import brief, clock_time

LINK_LOST_MS = 60_000
"""After so long a connection that brings nothing is none, whatever the sync worker last said."""
CATCHING_UP_MS = 10_000
"""A lane that was heard so lately is not unheard: what it did is not all here yet."""
UNHEARD_SHOWN = 3
"""How many unheard lanes are named; of the others only the number."""

BASIS_WORDS = {
    Basis.ONLY: N_("only lane"),
    Basis.CENTRAL: N_("sure: server"),
    Basis.LAN: N_("sure: all gates"),
    Basis.ALONE: N_("alone"),
    Basis.UNSEEN: N_("not in the list yet"),
}


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
    names = [_unheard(lane, boot_ms, at_ms, time_zone) for lane in lanes[:UNHEARD_SHOWN]]
    more = len(lanes) - len(names)
    if more > 0:
        names.append(ngettext("{n} more", "{n} more", more).format(n=more))
    return ", ".join(names)


def _unheard(lane: OtherLane, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    name = printable(lane.name or lane.device[:8], 24)
    heard_boot_ms = lane.heard_boot_ms
    if heard_boot_ms is None:
        return _("{name} never heard").format(name=name)
    if boot_ms - heard_boot_ms < CATCHING_UP_MS:
        if lane.behind:
            sentence = ngettext("{name}: {n} behind", "{name}: {n} behind", lane.behind)
            return sentence.format(name=name, n=lane.behind)
        return _("{name}: catching up").format(name=name)
    heard_ms = at_ms - (boot_ms - heard_boot_ms)
    return _("{name} unheard since {when}").format(
        name=name, when=clock_time(heard_ms, time_zone, near_ms=at_ms)
    )


def silence_words(
    changes: Sequence[Change], boot_ms: int, at_ms: int, time_zone: ZoneInfo
) -> list[str]:
    """Who has fallen silent, and who is heard again: a line for each of both, if there are any.

    ``boot_ms`` and ``at_ms`` are the same moment.
    """
    silent = [change.lane for change in changes if not change.is_heard]
    heard = [change.lane for change in changes if change.is_heard]
    lines = []
    if silent:
        names = unheard(silent, boot_ms, at_ms, time_zone)
        lines.append(_("Silent with its lane open: {names}").format(names=names))
    if heard:
        named = ", ".join(printable(lane.name or lane.device[:8], 24) for lane in heard)
        lines.append(_("Heard again: {names}").format(names=named))
    return lines


def server_link(status: SyncStatus, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    """How server and gates were last heard, in a few words; the two times are the same moment."""
    is_told = boot_ms - status.boot_ms < LINK_LOST_MS
    gates = _("LAN {n}").format(n=status.connected_peers if is_told else 0)
    if not status.server and status.boot_id:
        return gates
    central = _server(status, boot_ms, at_ms, time_zone)
    return f"{central} · {gates}" if status.connected_peers and is_told else central


def _server(status: SyncStatus, boot_ms: int, at_ms: int, time_zone: ZoneInfo) -> str:
    heard_boot_ms = status.server_boot_ms
    if heard_boot_ms is None:
        return _("central not heard yet")
    if status.link and boot_ms - heard_boot_ms < LINK_LOST_MS:
        return _("central {ago}").format(ago=brief(boot_ms - heard_boot_ms))
    return _("central unheard since {when}").format(
        when=clock_time(at_ms - (boot_ms - heard_boot_ms), time_zone, near_ms=at_ms)
    )
