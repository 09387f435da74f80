"""Strangers' text made safe for terminals, logs and files."""

import unicodedata

SHOWN = 200
"""Longest piece of a stranger's text that is shown."""


def printable(text: str, limit: int = SHOWN) -> str:
    """A stranger's text without anything that could move a cursor, hide or reverse text."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        # Nothing of the categories below is in it: nearly always so, and ten times as quick.
        return cut
    return "".join(c if _is_harmless(c) else _escaped(c) for c in cut)


def _is_harmless(character: str) -> bool:
    if character in "\u200c\u200d":
        return True  # joiners belong to the spelling of names and emoji
    return unicodedata.category(character)[0] not in "CZ" or character in " \u3000"


def _escaped(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
