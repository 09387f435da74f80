"""Yes and no as people type them: in English, and in the language that they read."""

import unicodedata

from gate.i18n import _


def is_yes(typed: str, *, whole: bool = False) -> bool:
    """Whether that is a yes; ``whole``: the word, because a letter is typed too easily."""
    return _means(typed, "yes", _("yes"), whole=whole)


def is_no(typed: str) -> bool:
    """Whether that is a no."""
    return _means(typed, "no", _("no"), whole=False)


def letters() -> dict[str, bool]:
    """Keys that mean yes and no: y and n, and how the reader's own words begin."""
    own = {_folded(_("no"))[0]: False, _folded(_("yes"))[0]: True}
    return {"y": True, "n": False} | own


def _means(typed: str, english: str, own: str, *, whole: bool) -> bool:
    words = {english, _folded(own)}
    return _folded(typed.strip()) in words | (set() if whole else {word[0] for word in words})


def _folded(text: str) -> str:
    """Without case and accents: whoever has no key for ``í`` types ``si``."""
    parts = unicodedata.normalize("NFD", text.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one))
