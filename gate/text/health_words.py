"""How a device is, in a supervisor's words. Every part is safe to put on a terminal."""

from gate.core.health import Health, Worry, worries
from gate.i18n import N_, _
from gate.text.printable import printable
from gate.text.times import old

_STATE_WORDS = {
    "starting": N_("starting"),
    "live": N_("on"),
    "on": N_("on"),
    "still": N_("STANDS STILL"),
    "lost": N_("LOST"),
    "broken": N_("BROKEN"),
    "bell": N_("by the bell"),
    "ended": N_("ended"),
}


def health_parts(health: Health) -> dict[Worry, str]:
    """What is known of it, a few words for each."""
    parts = {
        Worry.DISK: _disk(health.disk_free_mb),
        Worry.BATTERY: _battery(health),
        Worry.HEAT: "" if health.heat_c is None else f"{health.heat_c} °C",
        Worry.CAMERA: _state(_("camera {state}"), health.camera),
        Worry.SCANNER: _state(_("scanner {state}"), health.scanner),
        Worry.TURNSTILE: _state(_("turnstile {state}"), health.turnstile),
        Worry.PASSAGE: _passage(health),
        Worry.SOUND: _state(_("sound {state}"), health.sound),
        Worry.CLOCK: _clock(health.is_clock_trusted),
        Worry.LIST: _list(health.list_age_s),
    }
    return {worry: words for worry, words in parts.items() if words}


def health_line(health: Health) -> str:
    """All that is known of it in a line; what is not well first, and marked."""
    parts, bad = health_parts(health), worries(health)
    ordered = sorted(parts, key=lambda worry: worry not in bad)
    return " · ".join(f"! {parts[one]}" if one in bad else parts[one] for one in ordered)


def worry_words(health: Health) -> str:
    """What of it is not well; empty where all is."""
    parts = health_parts(health)
    return ", ".join(parts[one] for one in worries(health))


def _disk(free_mb: int | None) -> str:
    if free_mb is None:
        return ""
    size = f"{free_mb} MB" if free_mb < 10_240 else f"{free_mb // 1024} GB"
    return _("disk {size} free").format(size=size)


def _battery(health: Health) -> str:
    if health.battery is None:
        return ""
    words = _("battery {n} %, charging") if health.is_charging else _("battery {n} %")
    return words.format(n=health.battery)


def _state(words: str, state: str) -> str:
    if not state:
        return ""
    named = _(_STATE_WORDS[state]) if state in _STATE_WORDS else printable(state, 12)
    return words.format(state=named)


def _passage(health: Health) -> str:
    """How many did not go through; in a row, where that is no chance any more."""
    if health.not_passed is None:
        return ""
    if not health.not_passed:
        return _("all went through")
    if Worry.PASSAGE in worries(health):
        return _("{n} in a row did not go through").format(n=health.not_passed_in_row)
    return _("{n} did not go through").format(n=health.not_passed)


def _clock(is_trusted: bool | None) -> str:
    if is_trusted is None:
        return ""
    return _("clock trusted") if is_trusted else _("clock not trusted")


def _list(age_s: int | None) -> str:
    return "" if age_s is None else _("list {age}").format(age=old(age_s * 1000))
