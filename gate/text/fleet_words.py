"""Devices and conflicts in a supervisor's words. Every part is safe to put on a terminal."""

from zoneinfo import ZoneInfo

from gate.core.entry import WATCHES, Entry
from gate.core.history import Claimed, Conflict
from gate.core.irregular import Irregular, Irregularity, Judged
from gate.core.origins import OriginCounts
from gate.core.outcome import Basis
from gate.i18n import N_, _, ngettext
from gate.storage.fleet_devices import Device
from gate.storage.matters import Matter
from gate.text.connectivity_words import basis_words
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.ticket_words import describe
from gate.text.times import brief, clock_time

STATE_WORDS = {
    "open": N_("open"),
    "closed": N_("closed"),
    WATCHES: N_("watches"),
    "retired": N_("retired"),
    "revoked": N_("revoked"),
}


IRREGULAR_WORDS = {
    Irregularity.AGAINST_LIST: N_("against the list"),
    Irregularity.AFTER_VOID: N_("irregular"),
    Irregularity.CANNOT_TELL: N_("cannot be told"),
    Irregularity.USED_BEFORE: N_("refunded after it was used"),
}


ALARM_WORDS = {
    "branched": N_("{device}: cloned, restored from a backup or set back"),
    "twin": N_("{device}: another machine uses its credential"),
    "flood": N_("{device}: tells far more than others do"),
}


def device_name(device: Device) -> str:
    """What people call a device."""
    name = printable(device.name or device.gate or device.id[:8], 24)
    return _("{name} (this one)").format(name=name) if device.is_own else name


def device_state(device: Device) -> str:
    """Whether its lane is open; empty when nobody has said."""
    return _(STATE_WORDS[device.state]) if device.state in STATE_WORDS else ""


def retired(device: Device, time_zone: ZoneInfo) -> str:
    """Who retired it, where, when and why; empty while it is not, or was not at a gate."""
    by = device.retired
    if device.state != "retired" or by is None:
        return ""
    return _("retired by {name} at {gate}, {when}: {note}").format(
        name=printable(by.by or "-", 24),
        gate=printable(by.at, 24),
        when=clock_time(by.at_ms, time_zone),
        note=printable(by.note),
    )


def sign_off(entry: Entry, time_zone: ZoneInfo) -> str:
    """Who signed off the gates, when and where, and what was not green then."""
    sentence = _("Signed off by {name}, {when}.").format(
        name=printable(entry.operator, 80),
        when=clock_time(entry.at_ms, time_zone, dated=True, seconds=True),
    )
    where = _("At {gate}.").format(gate=printable(entry.gate or entry.device[:8], 24))
    seen = ngettext("{n} gate", "{n} gates", entry.count).format(n=entry.count)
    if entry.note:
        found = _("not green: {found}").format(found=printable(entry.note))
    else:
        found = _("all green")
    return f"{sentence} {where} {seen} · {found}"


def last_heard(device: Device, time_zone: ZoneInfo, now_ms: int) -> str:
    """When it was last heard, or else the time of the newest thing known of it."""
    if device.is_own:
        return ""
    if device.heard_ago_ms is not None:
        return brief(device.heard_ago_ms)
    if device.newest_ms is None:
        return _("never")
    when = clock_time(device.newest_ms, time_zone, near_ms=now_ms)
    return _("last entry {when}").format(when=when)


def number(count: int | None) -> str:
    """A count, or nothing where nobody has said."""
    return "" if count is None else str(count)


def excess(found: Conflict) -> str:
    """How many too many."""
    return ngettext("{n} too many", "{n} too many", found.excess).format(n=found.excess)


def matter(found: Matter) -> str:
    """What there is to look into about a ticket."""
    parts = [excess(found.conflict)] if found.conflict else []
    parts += [irregularities(found.irregular)] if found.irregular else []
    parts += [_("undo not confirmed")] if found.claimed else []
    return ", ".join(parts)


def guest(found: Matter, *, show_names: bool = True) -> str:
    """Whose ticket it is, if names are shown; what it is for, where it sits."""
    ticket = found.details
    if ticket is None:
        return _("not in the list here")
    holder = printable(ticket.holder, 40) if show_names else ""
    return " · ".join(part for part in (holder, describe(ticket)) if part)


def sides(found: Matter, time_zone: ZoneInfo) -> list[str]:
    """Every admission that it is about, each followed by the void it is compared with."""
    strange = {one.entry: one for one in found.irregular.admissions} if found.irregular else {}
    lines = []
    claimed = found.claimed
    for entry in dict.fromkeys(
        [*found.admissions, *strange, *(claimed.targets if claimed else ())]
    ):
        lines.append(evidence(entry, time_zone))
        if entry in strange:
            lines.append("  " + void_side(strange[entry], time_zone))
        undos = claimed.undos if claimed else ()
        lines += ["  " + undo_side(one, time_zone) for one in undos if one.target == entry.name]
    return lines


def undo_side(undo: Entry, time_zone: ZoneInfo) -> str:
    """Who says that it was undone, where, when and why."""
    return _("undone at {gate} by {name}, {when}, not confirmed: {note}").format(
        gate=printable(undo.gate or undo.device[:8], 24),
        name=printable(undo.operator or "-", 24),
        when=clock_time(undo.at_ms, time_zone),
        note=printable(undo.note),
    )


def origin_line(line: OriginCounts, time_zone: ZoneInfo) -> str:
    """What was done under one origin, and what of it stands out."""
    exits, undos = line.exits_without_entry, line.annulments_of_others
    marks = []
    if exits:
        marks.append(
            ngettext("{n} exit without entry", "{n} exits without entry", exits).format(n=exits)
        )
    if undos:
        marks.append(
            ngettext("{n} undo of another gate's", "{n} undos of other gates'", undos).format(
                n=undos
            )
        )
    sentence = _("since {when}: in {admissions}, out {exits}, undone {annulments}").format(
        when=clock_time(line.first_ms, time_zone),
        admissions=line.admissions,
        exits=line.exits,
        annulments=line.annulments,
    )
    return f"! {sentence} · {', '.join(marks)}" if marks else sentence


def what_next(found: Matter, time_zone: ZoneInfo) -> str:
    """Who has settled it, or what settles it."""
    if word := settled(found, time_zone):
        return word
    if not found.is_open:
        return _("Nothing to settle: the ticket was good when it was used.")
    if found.conflict is not None:
        return _("Both are in. Enter settles it, with a reason.")
    if found.claimed is not None:
        return _("c confirms the undo at the gate that let in; Enter settles it, with a reason.")
    return _("Enter settles it, with a reason.")


def gates(found: Conflict | Matter) -> str:
    """Where they went in, the first first."""
    names = dict.fromkeys(printable(e.gate or e.device[:8], 24) for e in found.admissions)
    return ", ".join(names)


def evidence(entry: Entry, time_zone: ZoneInfo) -> str:
    """What one side of a conflict has to say: where, who, when and how surely, on what basis."""
    parts = [
        printable(entry.gate or entry.device[:8], 24),
        _("operator {name}").format(name=printable(entry.operator, 24)) if entry.operator else "",
        bounded_time(entry, time_zone),
        basis_words(entry.basis, entry.basis_age_ms) if entry.basis in set(Basis) else "",
        ngettext("{n} person", "{n} people", entry.persons).format(n=entry.persons),
        _("against: {rule}").format(rule=_(REASON_WORDS[entry.overruled]))
        if entry.overruled
        else "",
    ]
    return " · ".join(part for part in parts if part)


def irregularities(found: Irregular) -> str:
    """What is the matter with the ticket's admissions, the gravest first."""
    kinds = {one.kind for one in found.admissions}
    return ", ".join(_(IRREGULAR_WORDS[kind]) for kind in Irregularity if kind in kinds)


def void_side(one: Judged, time_zone: ZoneInfo) -> str:
    """The void's side: what it makes of the admission, when it was, and what the list had."""
    since = _second(one.void.at_ms, time_zone)
    sentence = _("blocked at the door since {when}") if one.void.by_door else _("void since {when}")
    until = ""
    if one.void.until:
        until = _second(one.void.until_ms, time_zone)
        sentence = _("void from {when} to {until}")
        if one.void.by_door:
            sentence = _("blocked at the door from {when} to {until}")
    sentence = sentence.format(when=since, until=until)
    here = _seq(one.entry.position) if one.entry.position else _("none")
    lists = _("change {n} of the list; the gate's list: {here}").format(
        n=_seq(one.void.at), here=here
    )
    return f"{_(IRREGULAR_WORDS[one.kind])} · {sentence} · {lists}"


def _seq(position: str) -> str:
    return printable(position.rpartition(":")[2], 20)


def settled(found: Conflict | Irregular | Claimed | Matter, time_zone: ZoneInfo) -> str:
    """Who has looked into it and what they said; empty while it is open."""
    word = found.resolution
    if word is None:
        return ""
    return _("settled by {name}, {when}: {note}").format(
        name=printable(word.operator or "-", 24),
        when=clock_time(word.at_ms, time_zone),
        note=printable(word.note),
    )


def bounded_time(entry: Entry, time_zone: ZoneInfo) -> str:
    """When it happened, by the server's clock where the device had compared its own with it."""
    ahead_ms, error_ms = entry.server_ahead_ms, entry.server_error_ms
    # What the server's clock was ahead of is the device's own, without a supervisor's addition.
    own_ms = entry.at_ms - (0 if ahead_ms is None else entry.offset_ms)
    moment = _second(own_ms + (ahead_ms or 0), time_zone)
    if ahead_ms is None or error_ms is None:
        sentence = _("clock not compared") if entry.trusted else _("clock not trusted")
        return f"{moment} ({sentence})"
    return f"{moment} ±{bound(error_ms)}"


def bound(ms: int) -> str:
    """A bound of error, in the unit that suits it."""
    return _("{n} ms").format(n=ms) if ms < 1000 else _("{n} s").format(n=f"{ms / 1000:.1f}")


def offset(ahead_ms: int | None, error_ms: int | None) -> str:
    """How a device's clock stands to the server's, or ours: plus when the device is behind."""
    if ahead_ms is None or error_ms is None:
        return ""
    is_small = abs(ahead_ms) < 10_000
    size = (
        _("{n} ms").format(n=f"{ahead_ms:+d}")
        if is_small
        else _("{n} s").format(n=f"{ahead_ms / 1000:+.0f}")
    )
    return f"{size} ±{bound(error_ms)}"


def _second(at_ms: int, time_zone: ZoneInfo) -> str:
    return clock_time(at_ms, time_zone, seconds=True)
