"""The machine's configuration as it was answered, and the file that says so."""

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace

from gate.config import AUTO, Config
from gate.errors import UsageError
from gate.i18n import _
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import NO, YES, Answers
from gate.setup.changes import Change, file
from gate.setup.conversation import Conversation
from gate.setup.step import Site

OFF = "off"
Setting = tuple[str, str, str | int | bool]
"""Section, key and value."""


class ConfigurationStep:
    """What the answers come to in the machine's configuration; nothing is asked."""

    def __init__(self, site: Site, ours: Callable[[Path], bool]) -> None:
        """``ours``: whether we wrote that file."""
        self._site, self._ours = site, ours

    @property
    def name(self) -> str:
        """What it is called."""
        return _("configuration")

    def look(self) -> Finding:
        """Which file it is, and whose."""
        path = self._site.config_file
        if not path.exists():
            return Finding(Status.OK, _("there is no {file} yet").format(file=path))
        if self._ours(path):
            return Finding(Status.OK, _("{file}, written by gate setup").format(file=path))
        return Finding(Status.OK, _("{file} is yours, so it is not written").format(file=path))

    def ask(self, talk: Conversation) -> Finding | None:
        """Nothing: every other step has."""

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The file, if it is ours to write, with what is not the default."""
        path = self._site.config_file
        is_ours = self._ours(path)
        stated = differing(Config() if is_ours else self._site.config, answers)
        if not stated and not is_ours:
            return ()
        if path.exists() and not is_ours:
            lines = "; ".join(
                f"[{section}] {key} = {_toml(value)}" for section, key, value in stated
            )
            raise UsageError(
                _("{file} is yours, so it is not written").format(file=path),
                _("Put into it: {lines}").format(lines=lines),
            )
        text = "# Written by gate setup; the program's own config.toml shows every setting.\n"
        return (file(path, text + "".join(_sections(stated)), mode=0o600),)


def configured(config: Config, answers: Answers) -> Config:
    """The configuration as it was answered so far."""
    for section, key, value in _stated(answers):
        table = replace(getattr(config, section), **{key: value})
        if (section, key) == ("camera", "device"):
            # Whoever names a camera wants no picture from elsewhere.
            table = replace(table, file="", folder="")
        config = replace(config, **{section: table})
    return config


def differing(config: Config, answers: Answers) -> list[Setting]:
    """What the machine's file has to say to be as answered: no more than what it is not already."""
    return [
        (section, key, value)
        for section, key, value in _stated(answers)
        if getattr(getattr(config, section), key) != value
    ]


def is_kept(text: str) -> bool:
    """Whether a scanner so answered is kept to the gate alone."""
    return text == AUTO or text.startswith("/dev/input/")


def _stated(answers: Answers) -> list[Setting]:
    """Settings for all that was answered, section by section."""
    found: list[Setting] = []
    if answers.camera is not None:
        found.append(("camera", "device", answers.camera))
    if answers.scanner is not None:
        found.append(("scanner", "evdev", answers.scanner if is_kept(answers.scanner) else ""))
    if answers.serial is not None:
        found.append(("scanner", "serial", "" if answers.serial == OFF else answers.serial))
    if answers.relay is not None:
        found.append(("output", "relay", "" if answers.relay == NO else answers.relay))
    if answers.passage is not None:
        found.append(("output", "passage", "" if answers.passage == NO else answers.passage))
    if answers.kiosk is not None:
        found.append(("screen", "kiosk", answers.kiosk == YES))
    if answers.sound is not None:
        found.append(("screen", "bell", answers.sound != OFF))
        found.append(("screen", "sound", "bell" if answers.sound == "bell" else AUTO))
    if answers.volume is not None:
        found.append(("screen", "volume", int(answers.volume)))
    return found


def _sections(stated: list[Setting]) -> Iterator[str]:
    for section, settings in groupby(stated, key=lambda setting: setting[0]):
        yield f"\n[{section}]\n"
        yield from (f"{key} = {_toml(value)}\n" for _section, key, value in settings)


def _toml(value: str | int | bool) -> str:
    # JSON's texts, numbers and truths are TOML's too.
    return json.dumps(value, ensure_ascii=False)
