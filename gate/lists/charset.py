"""In which characters a text was written."""

import codecs
from pathlib import Path
from typing import BinaryIO, NamedTuple

from charset_normalizer import CharsetMatch, from_bytes

from gate.errors import ImportFault
from gate.i18n import _
from gate.storage.sqlite import faults

_BLOCK = 1 << 16
_SAMPLE = 1 << 15
"""Bytes of lines beyond ASCII that are looked at."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LIKELY = ("cp1252", "gb18030", "cp1251", "cp1250", "big5", "cp932", "cp949", "cp1253", "cp1254")
"""What spreadsheets write besides Unicode, by how many do; Latin-1 reads as Windows-1252."""
_NAMES = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16", "gb18030": "GB18030", "big5": "Big5", "cp932": "Shift-JIS",
    "cp949": "EUC-KR",
}  # fmt: skip


class Charset(NamedTuple):
    """What a text was written in."""

    codec: str
    """Python's name of it."""
    rivals: tuple[str, ...] = ()
    """Others that it may be as well, which would make other characters of it."""

    @property
    def name(self) -> str:
        """What people call it."""
        return name_of(self.codec)


def name_of(codec: str) -> str:
    """What people call a charset."""
    if codec.startswith("cp125"):
        return f"Windows-{codec[2:]}"
    return _NAMES.get(codec, codec)


def named_charset(name: str) -> Charset:
    """The charset that somebody names. Raises ImportFault."""
    try:
        return Charset(codecs.lookup(name).name)
    except LookupError as error:
        raise ImportFault(
            _("{name!r} is no charset").format(name=name[:40]), _("Such as utf-8, cp1252, gb18030.")
        ) from error


def charset_of(path: Path) -> Charset:
    """What a file was written in: Unicode where it can be, else what its characters make likely.

    Raises ImportFault for what is no text.
    """
    with faults(path), path.open("rb") as file:
        start = file.read(4096)
        for bom, codec in _BOMS:
            if start.startswith(bom):
                return Charset(codec)
        if b"\0" in start:
            return _without_bom(path, start)
        file.seek(0)
        sample = _beyond_ascii(file)
    return Charset("utf-8") if sample is None else _likeliest(sample)


def _without_bom(path: Path, start: bytes) -> Charset:
    """UTF-16 of which every other byte is zero where it is ASCII."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) < len(start) // 8 or min(even, odd) > max(even, odd) // 8:
        raise ImportFault(
            _("{file}: not a kind of file that can be imported").format(file=path.name),
            _("A list is .csv, .xlsx, .ods or .jsonl."),
        )
    return Charset("utf-16-le" if odd > even else "utf-16-be")


def _beyond_ascii(file: BinaryIO) -> bytes | None:
    """The first lines that are no ASCII; ``None`` if the text is UTF-8, but for a line or two."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        file.seek(0)
    else:
        return None
    sample, unicode = bytearray(), 0
    lines = 0
    while (line := file.readline(_BLOCK)) and len(sample) < _SAMPLE:
        if line.isascii():
            continue
        lines += 1
        try:
            line.decode()
            unicode += 1
        except UnicodeDecodeError:
            sample += line
    return None if unicode > lines // 2 else bytes(sample)


def _likeliest(sample: bytes) -> Charset:
    matches = from_bytes(sample, cp_isolation=list(_LIKELY), enable_fallback=False)
    found = sorted(matches, key=lambda match: (match.chaos, -match.coherence))
    if not found:
        return Charset("cp1252")
    # Few words tell little: of those that look alike the one that is seen more often.
    alike = sorted(
        (_place(match), match) for match in found if match.chaos <= found[0].chaos + 0.01
    )
    return Charset(_LIKELY[alike[0][0]], tuple(_LIKELY[place] for place, _match in alike[1:]))


def _place(match: CharsetMatch) -> int:
    """Where in order of likelihood the first charset is that makes the same text."""
    return min(_LIKELY.index(name) for name in match.could_be_from_charset if name in _LIKELY)
