"""Irregular admissions: people who went in on a ticket that was void, derived by every node alike.

What the gate could know is told by positions in the feed: that of the list on which it decided, and
that of the change that made the ticket void. Only what was not in the list is compared by time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gate.core.entry import Act, Entry
from gate.core.history import annulled, entry_order
from gate.core.hlc import JUMP_MS
from gate.core.outcome import Reason
from gate.core.ticket import Void

DRIFT_MS = 5_000
"""What a clock may have gone wrong since it was compared: 12 hours at 100 ppm."""
VOID_REASONS = frozenset({Reason.REVOKED, Reason.DELETED, Reason.BLOCKED_AT_DOOR})


class Irregularity(StrEnum):
    """How an admission stands to the void of its ticket."""

    AGAINST_LIST = "against_list"
    """The gate had the void in its list."""
    AFTER_VOID = "irregular"
    """The gate could not know; it was after the void, by both clocks."""
    CANNOT_TELL = "cannot_be_told"
    """The gate could not know; the clocks do not tell which was first."""
    USED_BEFORE = "used_before_void"
    """Used while it was good, and made void afterwards: told, and nobody's fault."""


ALARMING = (Irregularity.AGAINST_LIST, Irregularity.AFTER_VOID, Irregularity.CANNOT_TELL)
"""What a supervisor looks into, the gravest first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One admission, and the void that it is compared with."""

    entry: Entry
    kind: Irregularity
    void: Void

    @property
    def needs_resolution(self) -> bool:
        """Whether a supervisor has to look into it; who overruled the void has said why."""
        return self.kind in ALARMING and self.entry.overruled not in VOID_REASONS


@dataclass(frozen=True, slots=True)
class Irregular:
    """A ticket that was used and is, or was, void."""

    ticket: str
    ticket_type: str
    admissions: tuple[Judged, ...]
    """Only those that there is something to say of, the smallest (HLC, origin, seq) first."""
    resolution: Entry | None = None
    """The supervisor's word on exactly these admissions, once it is there."""

    @property
    def kind(self) -> Irregularity:
        """The gravest of its admissions' kinds."""
        return min((one.kind for one in self.admissions), key=list(Irregularity).index)

    @property
    def is_open(self) -> bool:
        """Whether a supervisor has to look into it still."""
        return self.resolution is None and any(one.needs_resolution for one in self.admissions)


def irregular(entries: Iterable[Entry], voids: Sequence[Void], life: str) -> Irregular | None:
    """Derive what is irregular about a ticket's admissions; ``None`` when nothing is.

    ``life`` is the epoch of the feed that told of ``voids``.
    """
    if not voids:
        return None
    known = set(entries)
    gone = annulled(known)
    admissions = [e for e in known if e.act is Act.ADMISSION and e.name not in gone]
    judged = [
        one
        for entry in sorted(admissions, key=entry_order)
        if (one := judge(entry, voids, life)) is not None
    ]
    if not judged:
        return None
    return Irregular(
        ticket=judged[0].entry.ticket,
        ticket_type=judged[0].entry.ticket_type,
        admissions=tuple(judged),
        resolution=_resolution(judged, known, life),
    )


def judge(entry: Entry, voids: Sequence[Void], life: str) -> Judged | None:
    """How an admission stands to its ticket's voids; ``None`` when there is nothing to say of it.

    The last void before it is the one that counts.
    """
    in_force = [void for void in voids if _is_in_force(entry.position, void, life)]
    if in_force or entry.overruled in VOID_REASONS:
        return Judged(entry, Irregularity.AGAINST_LIST, (in_force or voids)[-1])
    unseen = [void for void in voids if not _knew(entry.position, void.at, life)]
    if not unseen:
        return None
    between = server_time(entry)
    if between is None:
        return Judged(entry, Irregularity.CANNOT_TELL, unseen[-1])
    first_ms, last_ms = between
    touched = [
        void
        for void in unseen
        if void.at_ms <= last_ms and (not void.until or max(first_ms, void.at_ms) < void.until_ms)
    ]
    if touched:
        void = touched[-1]
        is_within = void.at_ms < first_ms and (not void.until or last_ms < void.until_ms)
        kind = Irregularity.AFTER_VOID if is_within else Irregularity.CANNOT_TELL
        return Judged(entry, kind, void)
    is_void_now = not unseen[-1].until and last_ms < unseen[-1].at_ms
    return Judged(entry, Irregularity.USED_BEFORE, unseen[-1]) if is_void_now else None


def server_time(entry: Entry) -> tuple[int, int] | None:
    """Between which moments of the server's clock it was made; ``None`` when that is not known.

    A clock that was believed but never compared is taken to be right within the jump that would
    have made it unbelievable.
    """
    if not entry.trusted:
        return None
    if entry.server_ahead_ms is None or entry.server_error_ms is None:
        return entry.at_ms - JUMP_MS, entry.at_ms + JUMP_MS
    at_ms = entry.at_ms - entry.offset_ms + entry.server_ahead_ms
    error_ms = entry.server_error_ms + DRIFT_MS
    return at_ms - error_ms, at_ms + error_ms


def _resolution(judged: Sequence[Judged], known: Iterable[Entry], life: str) -> Entry | None:
    open_ones = [one for one in judged if one.needs_resolution]
    if not open_ones:
        alarming = [one.entry for one in judged if one.kind in ALARMING]
        return alarming[0] if alarming else None
    names = {one.entry.name for one in open_ones}
    words = [
        entry
        for entry in known
        if entry.act is Act.RESOLUTION
        and names <= set(entry.covers)
        # Whoever had not heard of the void has settled something else.
        and all(_knew(entry.position, one.void.at, life) for one in open_ones)
    ]
    return min(words, key=entry_order) if words else None


def _is_in_force(position: str, void: Void, life: str) -> bool:
    is_over = bool(void.until) and _knew(position, void.until, life)
    return _knew(position, void.at, life) and not is_over


def _knew(position: str, at: str, life: str) -> bool:
    """Whether a list of one position had the change of another in it.

    What a former life of the feed has told is in the list with which the present one began.
    """
    epoch, seq = _split(position)
    void_epoch, void_seq = _split(at)
    if epoch == void_epoch:
        return seq >= void_seq
    return epoch == life


def _split(position: str) -> tuple[str, int]:
    epoch, _colon, seq = position.partition(":")
    if not (epoch and seq.isascii() and seq.isdecimal() and len(seq) < 16):
        return "", -1
    return epoch, int(seq)
