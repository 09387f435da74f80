"""What was found damaged in the data folder, and what has become of it."""

from zoneinfo import ZoneInfo

from gate.i18n import _, ngettext
from gate.storage.damage import JOURNAL, Damage
from gate.text.printable import printable
from gate.text.times import clock_time


def damage_line(damage: Damage, time_zone: ZoneInfo) -> str:
    """What was found damaged, when, and what has become of it."""
    at = clock_time(damage.at_ms, time_zone, dated=True)
    return f"{at} {printable(damage.why, 200)}: {damage_end(damage)}"


def damage_end(damage: Damage) -> str:
    """What has become of a file that was found damaged."""
    if not damage.mended_ms:
        is_journal = damage.file.startswith(JOURNAL)
        return _("the lane holds everybody") if is_journal else _("it is being fetched again")
    if damage.lost:
        sentence = ngettext(
            "a new one goes on, {n} entry is lost",
            "a new one goes on, {n} entries are lost",
            damage.lost,
        )
        return sentence.format(n=damage.lost)
    return _("a new one goes on")
