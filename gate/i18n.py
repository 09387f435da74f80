"""The language of everything an operator reads. English is the source; ``locale/`` has the rest."""

import gettext
import locale
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LOCALE_FOLDER = Path(__file__).parent / "locale"
DOMAIN = "gate"

_ENDS = tuple(".!?…。！？：:")

_current: gettext.NullTranslations = gettext.NullTranslations()
_readers: ContextVar[gettext.NullTranslations | None] = ContextVar("_readers", default=None)
"""The language of whoever reads what is made now, where that is not the program's."""


def use(language: str) -> None:
    """Speak ``language`` from now on: a locale name such as ``de`` or ``zh_CN``, or ``auto``."""
    global _current  # noqa: PLW0603  the whole program speaks one language
    names = _environment() if language in ("", "auto") else [language]
    _current = gettext.translation(DOMAIN, str(LOCALE_FOLDER), names, fallback=True)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak ``language``, one of those that are ``available``, to whoever this is made for."""
    token = _readers.set(_words(language))
    try:
        yield
    finally:
        _readers.reset(token)


@cache
def _words(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, str(LOCALE_FOLDER), [language], fallback=True)


def available() -> list[str]:
    """The languages there are words for, English first."""
    found = {path.parent.parent.name for path in LOCALE_FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")}
    return ["en", *sorted(found)]


def spoken_for(tag: str) -> str:
    """Which of the languages there are words for a tag such as ``zh-hans`` or ``en-GB`` means.

    Empty: none of them. Where Chinese is written otherwise it is another language to read.
    """
    parts = tag.casefold().replace("_", "-").split("-")
    if parts[0] == "zh":
        is_simplified = not {"hant", "tw", "hk", "mo"} & set(parts)
        parts = ["zh", "cn"] if is_simplified else []
    names = {name.casefold().replace("_", "-"): name for name in available()}
    return names.get("-".join(parts)) or names.get("".join(parts[:1]), "")


@contextmanager
def speaking_to_guest(tag: str) -> Iterator[None]:
    """Speak to a guest in the language of a tag; as before where it cannot be said or shown."""
    language = spoken_for(tag)
    if not language or not _can_be_shown(language):
        yield
        return
    with speaking(language):
        yield


def _(message: str) -> str:
    """The message in the current language."""
    return (_readers.get() or _current).gettext(message)


def N_(message: str) -> str:  # noqa: N802  gettext's own name for it
    """Mark a message for translation without translating it yet."""
    return message


def ngettext(singular: str, plural: str, count: int) -> str:
    """The message for a count in the current language."""
    return (_readers.get() or _current).ngettext(singular, plural, count)


def has_ideographs(language: str) -> bool:
    """Whether it is written in signs that no font of the Linux console has."""
    return language.startswith(("zh", "ja", "ko"))


def _can_be_shown(name: str) -> bool:
    # The Linux console's fonts have 512 characters at most.
    is_for_console = os.environ.get("TERM") != "linux" or not has_ideographs(name)
    return name not in ("C", "POSIX") and is_for_console


def sentences(*parts: str) -> str:
    """The parts that say something, each with one end: its own, or its script's full stop."""
    return " ".join(_ended(part.strip()) for part in parts if part.strip())


def _ended(part: str) -> str:
    if part.endswith(_ENDS):
        return part
    return part + ("。" if unicodedata.east_asian_width(part[-1]) in "WF" else ".")


def _environment() -> list[str]:
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            name = locale.normalize(value.partition(":")[0]).partition(".")[0]
            return [name] if _can_be_shown(name) else []
    return []
