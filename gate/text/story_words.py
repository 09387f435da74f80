"""A ticket's story in sentences, one for each thing that came of it."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from gate.core.entry import Entry
from gate.core.outcome import Basis, Flag
from gate.core.story import Chapter, FieldChange, Happening, Story
from gate.i18n import N_, _
from gate.text.connectivity_words import basis_words
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.times import clock_time

_WORDS = {
    Happening.ISSUED: N_("issued"),
    Happening.STATED: N_("stated; what was before is not kept"),
    Happening.CHANGED: N_("changed"),
    Happening.VOIDED: N_("cancelled by its issuer"),
    Happening.GOOD_AGAIN: N_("good again"),
    Happening.CODE_REPLACED: N_("another code; the one before opens no gate"),
    Happening.CODE_ADDED: N_("another code beside the one before"),
    Happening.ERASED: N_("erased: names and codes are gone"),
    Happening.BLOCKED: N_("blocked at the door"),
    Happening.FREED: N_("free again at the door"),
    Happening.NOTED: N_("note at the door"),
    Happening.UNDONE: N_("undone"),
    Happening.UNDO_CLAIMED: N_("undone, not confirmed"),
    Happening.SETTLED: N_("settled"),
}
_FLAG_WORDS = {
    Flag.YES: N_("answered yes"),
    Flag.PAID_HERE: N_("paid here"),
}
_MOMENTS = frozenset(
    {"issued_at", "claimed_at", "gifted_at", "begin_time", "end_time", "show_time", "boarding_time"}
)
"""Fields that are Unix seconds."""
_LONGEST = 60


def sentences(told: Story, time_zone: ZoneInfo) -> list[str]:
    """All that came of a ticket, the first first, and what of it is not known here."""
    return [*(sentence(one, time_zone) for one in told.chapters), *left_out(told)]


def left_out(told: Story) -> Iterator[str]:
    """What of a story is not known where it is told."""
    if not told.has_all_statements:
        yield _("Not all that was stated of it is kept here.")
    if not told.has_all_entries:
        yield _("Older scans are left out.")


def sentence(one: Chapter, time_zone: ZoneInfo) -> str:
    """One thing that came of it: when, what, and by whom."""
    if one.entry is not None:
        return _of_entry(one, one.entry, time_zone)
    when = clock_time(one.at_ms, time_zone, dated=True) if one.at_ms else _("time not known")
    words = f"{when} {_(_WORDS[one.kind])}"
    if one.changes:
        words += ": " + ", ".join(_change(change, time_zone) for change in one.changes)
    if one.word is not None:
        words += f" ({printable(one.word.who)})" if one.word.who else ""
        words += f": {printable(one.word.text) or '-'}"
    return words


def _change(change: FieldChange, time_zone: ZoneInfo) -> str:
    before, after = (
        _value(change.name, value, time_zone) for value in (change.before, change.after)
    )
    return f"{printable(change.name)} {before} > {after}"


def _value(name: str, value: object, time_zone: ZoneInfo) -> str:
    if value in (None, "", [], ()):
        return "-"
    if name in _MOMENTS and isinstance(value, int):
        return clock_time(value * 1000, time_zone, dated=True)
    parts = value if isinstance(value, list | tuple) else [value]
    return printable(" ".join(map(str, parts)), _LONGEST)


def _of_entry(one: Chapter, entry: Entry, time_zone: ZoneInfo) -> str:
    when = clock_time(entry.at_ms, time_zone, dated=True)
    when += "" if entry.trusted else f" ({_('clock not trusted')})"
    what = _(REASON_WORDS[entry.reason]) if entry.reason else entry.act
    what = what if one.kind is Happening.SCANNED else _(_WORDS[one.kind])
    words = f"{when} {printable(entry.gate)} {what}"
    words += f" x{entry.persons}" if entry.persons > 1 else ""
    words += "".join(
        f", {_(flagged)}" for flag, flagged in _FLAG_WORDS.items() if flag in entry.flags
    )
    if entry.overruled:
        words += ", " + _("against: {rule}").format(rule=_(REASON_WORDS[entry.overruled]))
    if one.kind is Happening.SCANNED and entry.basis is not Basis.ONLY:
        words += f", {basis_words(entry.basis, entry.basis_age_ms)}"
    if one.has_no_effect:
        words += ", " + _("has no effect: its device was disowned")
    words += f" ({printable(entry.operator)})" if entry.operator else ""
    return words + (f": {printable(entry.note)}" if entry.note else "")
