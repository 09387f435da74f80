"""The language of everything an operator reads. English is the source; ``locale/`` has the rest."""

import gettext
import locale
import os
from pathlib import Path

LOCALE_FOLDER = Path(__file__).parent / "locale"
DOMAIN = "gate"

_current: gettext.NullTranslations = gettext.NullTranslations()


def use(language: str) -> None:
    """Speak ``language`` from now on: a locale name such as ``zh_CN``, or ``auto``."""
    global _current  # noqa: PLW0603  the whole program speaks one language
    names = _environment() if language in ("", "auto") else [language]
    _current = gettext.translation(DOMAIN, str(LOCALE_FOLDER), names, fallback=True)


def available() -> list[str]:
    """The languages there are words for, English first."""
    found = {path.parent.parent.name for path in LOCALE_FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")}
    return ["en", *sorted(found)]


def _(message: str) -> str:
    """The message in the current language."""
    return _current.gettext(message)


def N_(message: str) -> str:  # noqa: N802  gettext's own name for it
    """Mark a message for translation without translating it yet."""
    return message


def ngettext(singular: str, plural: str, count: int) -> str:
    """The message for a count in the current language."""
    return _current.ngettext(singular, plural, count)


def _environment() -> list[str]:
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            name = locale.normalize(value.partition(":")[0]).partition(".")[0]
            return [name] if name not in ("C", "POSIX") else []
    return []
