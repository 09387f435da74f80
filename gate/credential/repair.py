"""What a USB scanner meant by a text that is no ticket's code: its usual flaws, undone.

A repair is a guess. Whoever asks accepts one only if it gives the code of a known ticket, and only
if that can be no accident (``is_telling``).
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, product
from typing import TypeAlias

from gate.credential.layouts import LAYOUTS, retyped

GS = "\x1d"
"""What stands for FNC1 between GS1 fields (GS1 General Specifications, 7.8)."""
MOST_WRAPPING = 4
"""Characters that a prefix or suffix of a scanner has at most."""
MOST_LOST = 8
MOST_REPAIRS = 500
TELLING_BITS = 36.0
"""A text with less is hit by accident among a million tickets and all repairs."""
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
    if undone((flaw,), "0" * LONGEST) is None and flaw.kind is not Kind.ALT:
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

    ``heads`` and ``tails`` are how codes have begun and ended here, for those that a scanner cuts.
    """
    seen = {text}
    if len(text) > LONGEST:
        return
    for flaws in _suspects(text, tuple(heads), tuple(tails)):
        meant = undone(flaws, text)
        if meant and meant not in seen:
            seen.add(meant)
            yield flaws, meant
        if len(seen) > MOST_REPAIRS:
            return


def is_telling(flaws: Iterable[Flaw], text: str, meant: str) -> bool:
    """Whether it is no accident that a repaired text is some ticket's code."""
    loses = any(flaw.kind in _LOSING or flaw.detail in ("upper", "lower") for flaw in flaws)
    return min(_bits(text), _bits(meant) if loses else math.inf) >= TELLING_BITS


def _bits(text: str) -> float:
    kinds = ((str.isdigit, 10), (str.isalpha, 26))
    return sum(
        math.log2(next((n for is_kind, n in kinds if is_kind(character)), 64)) for character in text
    )


def _suspects(text: str, heads: tuple[str, ...], tails: tuple[str, ...]) -> Iterator[Flaws]:
    layouts = [Flaw(Kind.LAYOUT, f"{name}>us") for name in LAYOUTS if name != "us"]
    layouts += [Flaw(Kind.LAYOUT, f"us>{name}") for name in LAYOUTS if name != "us"]
    swap = Flaw(Kind.CASE, "swap")
    first = [Flaw(Kind.ADDED_FIRST, str(n)) for n in range(1, MOST_WRAPPING + 1)]
    last = [Flaw(Kind.ADDED_LAST, str(n)) for n in range(1, MOST_WRAPPING + 1)]
    wrapped = [*((one,) for one in first), *((one,) for one in last), *product(first[:3], last[:3])]
    groups = [*_gs_flaws(text)]
    alone: list[Flaws] = [(one,) for one in layouts]
    alone += [(swap,), (Flaw(Kind.CASE, "upper"),), (Flaw(Kind.CASE, "lower"),)]
    alone += [(Flaw(Kind.ALT, width),) for width in "034"]
    alone += [(Flaw(Kind.ECI),), *((one,) for one in groups)]
    lost = [Flaw(Kind.LOST_FIRST, head[:n]) for head in heads for n in range(1, MOST_LOST + 1)]
    lost += [Flaw(Kind.LOST_LAST, tail[-n:]) for tail in tails for n in range(1, MOST_LOST + 1)]
    pairs = chain(
        ((swap, one) for one in layouts),
        ((layout, *wrapping) for layout in layouts for wrapping in wrapped[:8]),
        ((layout, group) for layout in layouts for group in groups if group.kind is Kind.GS_AS),
        ((swap, *wrapping) for wrapping in wrapped[:8]),
        ((Flaw(Kind.ECI), *wrapping) for wrapping in wrapped[:8]),
        ((Flaw(Kind.ALT, width), *wrapping) for width in "034" for wrapping in wrapped[:8]),
    )
    return chain(alone, wrapped, ((one,) for one in dict.fromkeys(lost)), pairs)


_GS_SIGNS = ("{GS}", "<GS>", "[GS]", "^]", "\\x1d", "\\u001d", "\\F", "~1", "\x1b[", "|", "029")
_GS1_BEGINS = re.compile(r"(?:01\d{14}|00\d{18}|8\d{3}|2\d{2})")


def _gs_flaws(text: str) -> Iterator[Flaw]:
    for sign in _GS_SIGNS:
        if sign in text:
            yield Flaw(Kind.GS_AS, sign)
    if GS in text:
        yield Flaw(Kind.GS_ADDED)
    elif _GS1_BEGINS.match(text):
        # A field that may be of any length ends somewhere before the number of another.
        yield from (
            Flaw(Kind.GS_LOST, str(at))
            for at in range(2, min(len(text) - 2, 90))
            if text[at : at + 2].isdigit()
        )


def _retyped(text: str, detail: str) -> str:
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
_LOSING = {Kind.ADDED_FIRST, Kind.ADDED_LAST, Kind.LOST_FIRST, Kind.LOST_LAST}
