"""What a USB scanner meant by a text that is no ticket's code: its usual flaws, undone.

A repair is a guess, and a guess admits nobody: ``scanners`` says when one is believed. What the
standards themselves let a reader make of a code is no flaw but a spelling.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import TypeAlias

from gate.credential.layouts import LAYOUTS, SCANNERS, retyped
from gate.credential.spellings import GS

MOST_WRAPPING = 4
"""Characters that a prefix or suffix of a scanner has at most."""
MOST_LOST = 8
MOST_REPAIRS = 500
LONGEST = 512
"""Longer texts are not repaired."""


class Kind(StrEnum):
    """What is wrong with a scanner."""

    LAYOUT = "layout"
    """It types for another keyboard than the computer has: ``computer>scanner``."""
    CASE = "case"
    """Capitals and small letters: ``swap`` (Caps Lock), ``upper``, ``lower`` (it changes all)."""
    ALT = "alt"
    """It types the numbers of characters on the keypad: so many digits each, 0 for as needed."""
    ADDED_FIRST = "added-first"
    """It puts so many characters before the code."""
    ADDED_LAST = "added-last"
    LOST_FIRST = "lost-first"
    """It leaves out these characters at the beginning."""
    LOST_LAST = "lost-last"
    ECI = "eci"
    """It tells character sets within the text, and doubles backslashes."""
    GS_AS = "gs-as"
    """It types this instead of GS."""
    GS_LOST = "gs-lost"
    """It leaves out GS before the character of this number."""
    GS_ADDED = "gs-added"
    """It types GS where the code has none."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong."""

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.detail}"


Flaws: TypeAlias = tuple[Flaw, ...]
"""All that is wrong, what is to be undone first coming first."""


def read_flaw(text: str) -> Flaw:
    """A flaw from what ``str`` made of it. Raises ValueError for anything else."""
    kind, _colon, detail = text.partition(":")
    flaw = Flaw(Kind(kind), detail)
    is_wrapping = flaw.kind in (Kind.ADDED_FIRST, Kind.ADDED_LAST)
    if undone((flaw,), "0" * LONGEST) is None and is_wrapping:
        raise ValueError(text)
    return flaw


def undone(flaws: Iterable[Flaw], text: str) -> str | None:
    """The text without the flaws; ``None`` where it cannot have come by them.

    Raises ValueError for a flaw with a detail that is none.
    """
    meant: str | None = text
    for flaw in flaws:
        if meant is None:
            return None
        meant = _UNDO[flaw.kind](meant, flaw.detail)
    return meant


def repairs(
    text: str, heads: Iterable[str] = (), tails: Iterable[str] = ()
) -> Iterator[tuple[Flaws, str]]:
    """What may have been meant, the likeliest first, and what would then be wrong.

    Layouts that make the same of the text are told apart: each is a reading of its own, although
    the meaning is one. ``heads`` and ``tails`` are how codes have begun and ended here, for those
    that a scanner cuts.
    """
    if len(text) > LONGEST:
        return
    made = 0
    for flaws in _suspects(text, tuple(heads), tuple(tails)):
        meant = undone(flaws, text)
        if meant and meant != text:
            made += 1
            yield flaws, meant
        if made >= MOST_REPAIRS:
            return


LAYOUT_FLAWS = tuple(
    Flaw(Kind.LAYOUT, detail)
    for name in LAYOUTS
    if name != "us"
    for detail in (f"{name}>us", *((f"us>{name}",) if name in SCANNERS else ()))
)
"""A US scanner at every other keyboard, and a scanner set to any other at a US one."""
_SWAP = Flaw(Kind.CASE, "swap")
_FIRST = tuple(Flaw(Kind.ADDED_FIRST, str(n)) for n in range(1, MOST_WRAPPING + 1))
_LAST = tuple(Flaw(Kind.ADDED_LAST, str(n)) for n in range(1, MOST_WRAPPING + 1))
_WRAPPED: tuple[Flaws, ...] = (
    *((one,) for one in _FIRST),
    *((one,) for one in _LAST),
    *product(_FIRST[:3], _LAST[:3]),
)


def _suspects(text: str, heads: tuple[str, ...], tails: tuple[str, ...]) -> Iterator[Flaws]:
    """Flaws one by one, then those that go together; a layout that changes nothing is none."""
    retypings: dict[str, Flaw] = {}
    for layout in LAYOUT_FLAWS:
        meant = undone((layout,), text)
        if meant and meant != text:
            retypings.setdefault(meant, layout)
            yield (layout,)
    yield (_SWAP,)
    yield (Flaw(Kind.CASE, "upper"),)
    yield (Flaw(Kind.CASE, "lower"),)
    numbered = [Flaw(Kind.ALT, width) for width in "034"] if text.isdecimal() else []
    signs = [Flaw(Kind.GS_AS, sign) for sign in _GS_SIGNS if sign in text]
    yield from ((one,) for one in (*numbered, *signs))
    yield from _WRAPPED
    lost = [Flaw(Kind.LOST_FIRST, head[:n]) for head in heads for n in range(1, MOST_LOST + 1)]
    lost += [Flaw(Kind.LOST_LAST, tail[-n:]) for tail in tails for n in range(1, MOST_LOST + 1)]
    yield from ((one,) for one in dict.fromkeys(lost))
    for one in retypings.values():
        yield from ((_SWAP, one), *((one, sign) for sign in signs))
    for one in (*retypings.values(), _SWAP, *numbered):
        yield from ((one, *wrapping) for wrapping in _WRAPPED[:8])


_GS_SIGNS = ("{GS}", "<GS>", "[GS]", "^]", "\\x1d", "\\u001d", "\\F", "~1", "\x1b[", "|", "029")


def _retyped(text: str, detail: str) -> str | None:
    computer, arrow, scanner = detail.partition(">")
    if not arrow or computer not in LAYOUTS or scanner not in LAYOUTS:
        raise ValueError(detail)
    return retyped(text, computer, scanner)


def _cased(text: str, detail: str) -> str:
    how = {"swap": str.swapcase, "upper": str.upper, "lower": str.lower}.get(detail)
    if how is None:
        raise ValueError(detail)
    # No key makes two letters of one.
    return "".join(other if len(other := how(one)) == 1 else one for one in text)


def _numbered(text: str, detail: str) -> str | None:
    width = int(detail)
    if not text.isascii() or not text.isdigit():
        return None
    # Without leading zeros a character that is typed has two digits, or three from 100 on.
    found = re.findall(rf"\d{{{width}}}" if width else r"1\d\d|\d\d", text)
    numbers = [int(number) for number in found]
    is_whole = sum(len(number) for number in found) == len(text)
    printed = all(number == ord(GS) or 32 <= number < 256 for number in numbers)
    return "".join(map(chr, numbers)) if is_whole and printed and len(numbers) > 1 else None


def _without_first(text: str, detail: str) -> str | None:
    return text[int(detail) :] or None


def _without_last(text: str, detail: str) -> str | None:
    return text[: -int(detail)] or None


def _without_eci(text: str, detail: str) -> str:  # noqa: ARG001  all are called alike
    return re.sub(r"\\\d{6}", "", text).replace("\\\\", "\\")


def _with_gs_at(text: str, detail: str) -> str:
    at = int(detail)
    return text[:at] + GS + text[at:]


_UNDO: dict[Kind, Callable[[str, str], str | None]] = {
    Kind.LAYOUT: _retyped,
    Kind.CASE: _cased,
    Kind.ALT: _numbered,
    Kind.ADDED_FIRST: _without_first,
    Kind.ADDED_LAST: _without_last,
    Kind.LOST_FIRST: lambda text, detail: detail + text,
    Kind.LOST_LAST: lambda text, detail: text + detail,
    Kind.ECI: _without_eci,
    Kind.GS_AS: lambda text, detail: text.replace(detail, GS),
    Kind.GS_LOST: _with_gs_at,
    Kind.GS_ADDED: lambda text, detail: text.replace(GS, detail),
}
