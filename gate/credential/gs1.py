"""GS1 codes: which item a text names, in whichever of GS1's spellings it does.

Element strings with FNC1 (GS) or in brackets (GS1 General Specifications, 7.8), and addresses as
GS1 Digital Link has them, whatever their host: read by biip, and nothing is opened.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from gate.credential.spellings import GS, is_item, taken_apart

if TYPE_CHECKING:
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI
    from biip.gs1_messages import GS1Message

# biip is imported when the first GS1 code is met: that takes 0.1 s, which most lanes never need.

Elements = tuple[tuple[str, str], ...]
"""Application identifiers with their data, in the order of the code."""
MOST_LENGTH = 512
"""In characters: no symbol of GS1 has more, and an address little more."""

_OF_ONE_ITEM = (
    ("01", "21"), ("8006", "21"), ("8010", "8011"), ("414", "254"),
    ("00",), ("401",), ("402",), ("8004",), ("8017",), ("8018",),
)  # fmt: skip
"""Keys that name one single thing, of one element or with its serial number; the first counts."""
_SERIAL_AFTER = {"253": 13, "255": 13, "8003": 14}
"""Keys that name one thing where they go on behind so many digits."""
_FIRST = frozenset("0248(hH")
"""What a code that is read begins with, where it has no GS: most codes are no GS1 codes."""
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_KEY = re.compile(r"253\d{13}|255\d{13}|8003\d{14}|8004|8006\d{18}|8010|801[78]\d{18}|414\d{13}254")


def read(text: str) -> Elements:
    """What a GS1 code says; empty for any other text, and for one that may be another's code.

    Data run to the next GS or the end, as the standard has it: where a scanner has dropped a GS,
    see ``rivals``.
    """
    may_be = text[:1] in _FIRST or GS in text
    if not may_be or len(text) > MOST_LENGTH or not text.isascii():
        return ()
    if _ADDRESS.match(text):
        return _parsed(text, _link)
    if text.startswith("("):
        return _parsed(text, _brackets)
    begin = text.lstrip(GS)
    if GS in text or _KEY.match(begin) or is_item(begin):
        return _parsed(begin, _elements)
    return ()


def identity(elements: Elements) -> str:
    """The one thing that elements name: a key with its serial number, or else all of them.

    Empty where they name only a kind of thing, of which everybody's ticket may be one.
    """
    if not elements:
        return ""
    held = dict(elements)
    if len(held) < len(elements):
        return ""  # the same identifier twice, or differently: no one thing
    for key in _OF_ONE_ITEM:
        if all(name in held for name in key):
            return _joined((name, held[name]) for name in key)
    for name, length in _SERIAL_AFTER.items():
        if len(held.get(name, "")) > length:
            return _joined([(name, held[name])])
    return _joined(sorted(held.items())) if len(held) > 1 else ""


def rivals(text: str) -> tuple[str, ...] | None:
    """Other things that a typed text may name if its scanner has dropped a GS; as identities.

    ``None``: too many to be looked up.
    """
    if GS in text or not text[:2].isdecimal():
        return ()
    ways = taken_apart(text)
    if not ways.are_all:
        return None
    return tuple(dict.fromkeys(found for way in ways.found if (found := identity(way))))


def _joined(elements: Iterable[tuple[str, str]]) -> str:
    return GS.join(f"{name}{data}" for name, data in elements)


def _parsed(text: str, parse: "Callable[[str], GS1Message | GS1DigitalLinkURI]") -> Elements:
    from biip import ParseError  # noqa: PLC0415  see above

    try:
        found = parse(text)
    except (ParseError, ValueError):
        return ()
    return tuple((one.ai.ai, one.value) for one in found.element_strings)


def _link(text: str) -> "GS1DigitalLinkURI":
    from biip.gs1_digital_link_uris import GS1DigitalLinkURI  # noqa: PLC0415

    return GS1DigitalLinkURI.parse(text)


def _brackets(text: str) -> "GS1Message":
    from biip.gs1_messages import GS1Message  # noqa: PLC0415

    return GS1Message.parse_hri(text)


def _elements(text: str) -> "GS1Message":
    from biip.gs1_messages import GS1Message  # noqa: PLC0415

    return GS1Message.parse(text)
