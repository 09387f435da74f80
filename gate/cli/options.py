"""What commands read from the flags they were given: configuration, data folder, checked values."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate import i18n
from gate.i18n import _

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gate.config import Config
    from gate.storage.folder import Folder
    from gate.storage.moments import Side

_SETTINGS = {
    "data_dir": "data_dir",
    "gate_name": "gate.name",
    "direction": "gate.direction",
    "camera": "camera.device",
    "camera_file": "camera.file",
    "camera_folder": "camera.folder",
    "evdev": "scanner.evdev",
    "serial": "scanner.serial",
    "kiosk": "screen.kiosk",
    "time_zone": "time_zone",
}
"""Which setting a flag is short for."""

DEVICE_STATES = {
    "retire": "retired", "unretire": "enrolled", "reinstate": "enrolled", "revoke": "revoked"
}  # fmt: skip
"""What a word of the command line makes of a device."""


def config_of(options: argparse.Namespace) -> "Config":
    """The configuration, and its language from now on: flags beat environment beats file.

    Raises ConfigError.
    """
    from gate.config import load

    file = getattr(options, "config", None) or os.environ.get("GATE_CONFIG")
    settings = list(getattr(options, "set", None) or [])
    for flag, key in _SETTINGS.items():
        value = getattr(options, flag, None)
        if value is not None:
            settings.append(f"{key}={value}")
    config = load(Path(file) if file else None, settings=settings)
    if config.language not in ("", "auto"):
        i18n.use(config.language)
    return config


def folder_of(config: "Config") -> "Folder":
    """The data folder, whether or not it is there yet; of several lists, that of the open one."""
    from gate.storage.gate_lists import open_folder

    return open_folder(base_of(config))


def base_of(config: "Config") -> "Folder":
    """The data folder as it is named: where a gate has several lists, theirs are beneath it."""
    from gate.storage.folder import Folder

    return Folder(config.folder())


def worker_arguments(options: argparse.Namespace, folder: "Folder") -> list[str]:
    """What makes a sync worker use the same folder and settings."""
    arguments = ["--data-dir", str(folder.path.absolute())]
    file = getattr(options, "config", None)
    if file:
        arguments += ["--config", str(Path(file).absolute())]
    for setting in getattr(options, "set", None) or []:
        arguments += ["--set", setting]
    if getattr(options, "gate_name", None):
        arguments += ["--set", f"gate.name={options.gate_name}"]
    return arguments


def existing_folder(config: "Config") -> "Folder":
    """The data folder; of several lists that of the open one, which is named on standard error.

    Raises UsageError when there is none.
    """
    from gate.errors import UsageError
    from gate.storage.gate_lists import list_of

    folder = folder_of(config)
    if (own := list_of(folder)) is not None:
        from gate.text.lane_words import list_line

        line = _("list: {list} (another: --data-dir {folder})")
        room = folder.path.parent / "…"
        sys.stderr.write(line.format(list=list_line(own), folder=room) + "\n")
    if not folder.path.is_dir():
        raise UsageError(
            _("{folder}: there is no such data folder").format(folder=folder.path),
            _("Name it with --data-dir, or begin with: gate import FILE"),
        )
    return folder


def path_of(name: str | None) -> Path | None:
    """A path as somebody wrote it, ``~`` and all; None when nobody did."""
    return Path(name).expanduser() if name else None


def moment_ms(text: str | None, zone: "ZoneInfo", side: "Side") -> int | None:
    """Unix milliseconds; of an end those after its last second. Raises UsageError."""
    from gate.errors import UsageError
    from gate.storage.moments import BadMoment, Side, second_of

    if text is None:
        return None
    try:
        at = second_of(text, zone, side)
    except BadMoment as bad:
        raise UsageError(str(bad), _("Like this: 2026-12-31T19:30")) from bad
    return (at + (side is Side.END)) * 1000


def days(text: str) -> int:
    """Days as a flag states them. Raises ArgumentTypeError."""
    if text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= 3650:
        return int(text)
    raise argparse.ArgumentTypeError(_("a number of days, at most 3650"))


def hours(text: str) -> int:
    """Hours as a flag states them, one at least. Raises ArgumentTypeError."""
    if text.isascii() and text.isdecimal() and len(text) <= 4 and 0 < int(text) <= 8760:
        return int(text)
    raise argparse.ArgumentTypeError(_("a number of hours, 1 to 8760"))


def check_names(*names: str) -> None:
    """Raises UsageError for what nobody could read as a name."""
    from gate.errors import UsageError

    for name in names:
        if not name.strip() or not name.isprintable() or len(name) > 200:
            raise UsageError(_("{name!r} cannot be a name").format(name=name[:80]), "")


def check_zone(name: str) -> None:
    """Raises UsageError for what is no time zone."""
    from gate.errors import UsageError
    from gate.text.zones import is_zone

    if not is_zone(name):
        raise UsageError(
            _("{found!r} is no time zone").format(found=name[:80]), _("Like this: Europe/Berlin")
        )
