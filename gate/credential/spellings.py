"""One ticket, many spellings: the texts that readers make of one symbol.

Each is one-to-one from the code as it is listed, and its standard says that it is the same data. So
none is a guess: whoever shows one shows the ticket's own code. What a *fault* of a scanner makes of
a code is not here but in ``repair``.

- Unicode: composed and decomposed letters (NFC, NFD; Unicode Standard Annex 15).
- Character sets: the bytes of a symbol as UTF-8, with or without a byte order mark, GB 18030,
  ISO 8859-1 or Windows-1252, Shift-JIS, Big5, EUC-KR. QR codes rarely say which (ISO/IEC 18004,
  7.3).
- UPC-A with 12 digits, or as EAN-13 with a zero before them (GS1 General Specifications, 5.2),
  where the check digit is right.
- UPC-E with the 8 digits that are printed, or as the UPC-A that they stand for (5.2.2.4.2).
- GS1 element strings with FNC1 (GS), without, and in brackets (GS1 General Specifications, 7.8).
- ECI escapes of six digits with doubled backslashes (AIM ITS/04-001).
- Full ASCII Code 39 as its pairs (ISO/IEC 16388, annex A).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

GS = "\x1d"
"""What stands for FNC1 between GS1 fields (GS1 General Specifications, 7.8)."""
MOST_SPELLINGS = 64
"""Of one text; codes that could be taken apart in more ways are none."""

CHARACTER_SETS = ("utf-8-sig", "gb18030", "latin-1", "cp1252", "shift_jis", "big5", "euc_kr")
_SINGLE_BYTE = ("latin-1", "cp1252")
"""How a reader shows bytes that it has no character set for."""
_UPC = frozenset({"EAN13", "UPCA", "UPCE"})
_SIGNS = frozenset(f"{GS}\\($%/+")
"""Of GS1, of ECI escapes, of pairs of Code 39: without them only digits have another spelling."""


def spellings(code: str, raw: bytes = b"", symbology: str = "", aim: str = "") -> tuple[str, ...]:
    """How a list may spell what was read as ``code``: as it stands first, each once.

    ``raw`` are the symbol's bytes, ``symbology`` and ``aim`` what is known of its kind; empty where
    the reader does not say.
    """
    is_plain = code.isascii() and not aim and _SIGNS.isdisjoint(code)
    if is_plain and not (code[:1] == "0" or code.isdecimal()):
        return (code,)
    found = dict.fromkeys((code, *_others(code, raw, symbology, aim)))
    found.pop("", None)
    return tuple(found)[:MOST_SPELLINGS]


def folded(code: str) -> tuple[str, ...]:
    """The code in letters of one case and of the usual width, where that changes it.

    Only for types whose codes are all of one case and width: to others these are other codes.
    """
    narrow = unicodedata.normalize("NFKC", code)
    if not narrow.isascii():
        return ()
    return tuple(one for one in dict.fromkeys((narrow.upper(), narrow.lower())) if one != code)


def _others(code: str, raw: bytes, symbology: str, aim: str) -> Iterator[str]:
    if not code.isascii():
        yield from (unicodedata.normalize(form, code) for form in ("NFC", "NFD"))
        yield from _recoded(code, raw)
    if code.isascii() and code.isdecimal() and (symbology in _UPC or not symbology):
        yield from _upc(code, aim)
        if symbology == "UPCE" and len(code) == 13:
            yield from _upc_e(code)
    yield from _gs1(code, is_named=aim in ("C1", "d2", "Q3", "e0", "J1"))
    if re.search(r"\\\d{6}", code):
        yield re.sub(r"\\\d{6}", "", code).replace("\\\\", "\\")
    if symbology in ("", "Code39") and (not aim or aim[0] == "A"):
        yield from _code39(code, is_named=bool(symbology or aim))


def _recoded(code: str, raw: bytes) -> Iterator[str]:
    held = [raw] if raw else []
    for name in _SINGLE_BYTE if not raw else ():
        try:
            held.append(code.encode(name))
        except UnicodeEncodeError:
            continue
    for data in dict.fromkeys(held):
        for name in CHARACTER_SETS:
            try:
                yield data.decode(name)
            except UnicodeDecodeError:
                continue


def _upc(code: str, aim: str) -> Iterator[str]:
    if aim and aim[0] != "E":
        return
    if len(code) == 12 and has_check_digit(code):
        yield "0" + code
    elif len(code) == 13 and code[0] == "0" and has_check_digit(code):
        yield code[1:]


def _upc_e(code: str) -> Iterator[str]:
    """The 8 digits that stand for a UPC-A: zeros are left out, and the last but one says which."""
    first, maker, product, check = code[1], code[2:7], code[7:12], code[12]
    if maker[2] in "012" and maker[3:] == "00" and product[:2] == "00":
        yield first + maker[:2] + product[2:] + maker[2] + check
    elif maker[3:] == "00" and product[:3] == "000":
        yield first + maker[:3] + product[3:] + "3" + check
    elif maker[4] == "0" and product[:4] == "0000":
        yield first + maker[:4] + product[4] + "4" + check
    elif product[:4] == "0000" and product[4] in "56789":
        yield first + maker + product[4] + check


def has_check_digit(number: str) -> bool:
    """Whether digits end with their check digit (GS1 General Specifications, 7.9.1)."""
    weighed = sum(int(digit) * (3, 1)[n % 2] for n, digit in enumerate(reversed(number[:-1])))
    return (weighed + int(number[-1])) % 10 == 0


_CODE39 = re.compile(r"[0-9A-Z\-. $/+%]+")
_PAIR = re.compile(r"[$%/+][A-Z]")
_PAIRS = {"$" + chr(64 + n): chr(n) for n in range(1, 27)}
_PAIRS |= {"+" + chr(64 + n): chr(96 + n) for n in range(1, 27)}
_PAIRS |= {"/" + chr(65 + n): sign for n, sign in enumerate("!\"#$%&'()*+,")}
_PAIRS |= {"/O": "/", "/Z": ":"}
_PAIRS |= dict(
    zip(
        (f"%{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVW"),
        "\x1b\x1c\x1d\x1e\x1f;<=>?[\\]^_{|}~\x7f\0@`",
        strict=True,
    )
)
_PAIR_OF = {meant: pair for pair, meant in _PAIRS.items()}


def _no_shift(pair: re.Match[str]) -> str:
    return "" if pair[0] in _PAIRS else pair[0]


def _code39(code: str, *, is_named: bool) -> Iterator[str]:
    if _PAIR.search(code) and _CODE39.fullmatch(code):
        # A shift sign that shifts nothing is a sign of the plain Code 39.
        if not re.search(r"[$%/+]", _PAIR.sub(_no_shift, code)):
            yield _PAIR.sub(lambda pair: _PAIRS[pair[0]], code)
    elif is_named and code.isascii():
        yield "".join(
            sign if _CODE39.fullmatch(sign) and sign not in "$%/+" else _PAIR_OF.get(sign, sign)
            for sign in code
        )


# Lengths of fields that need no FNC1 after them, number included, by their first two digits (GS1
# General Specifications, figure 7.8.5-2).
_FIXED = {"00": 20, "01": 16, "02": 16, "03": 16, "04": 18, "20": 4, "41": 16}
_FIXED |= {f"{n}": 8 for n in range(11, 20)} | {f"{n}": 10 for n in range(31, 37)}
_NUMBER = re.compile(
    r"0[0-4]|1[0-9]|2[012]|235|24[0-3]|25[0-5]|30|3[1-6]\d\d|37|39[0-5]\d|40[0-3]|41[0-7]|42[0-7]"
    r"|43[0-3]\d|70\d\d|71\d|72\d\d|8[012]\d\d|9\d"
)
_MOST = {"10": 20, "21": 20, "22": 20, "30": 8, "37": 8, "242": 6, "422": 3, "424": 3, "426": 3}
"""Longest data of a field, where it is much shorter than 90."""
_DATA = re.compile(r"[!-\"%-/0-9:-?A-Z_a-z]+")
_BRACKETS = re.compile(r"\((\d{2,4})\)([^(]+(?:\((?!\d{2,4}\))[^(]*)*)")
MOST_WAYS, MOST_STEPS = 24, 1000
"""A text can be made that is taken apart in more ways than anybody could try in a life."""

Fields = tuple[tuple[str, str], ...]


def _gs1(code: str, *, is_named: bool) -> Iterator[str]:
    if code.startswith("("):
        matches = list(_BRACKETS.finditer(code))
        if not matches or sum(len(match[0]) for match in matches) != len(code):
            return
        fields: Fields = tuple((match[1], match[2]) for match in matches)
        if all(_NUMBER.fullmatch(number) and _DATA.fullmatch(data) for number, data in fields):
            yield from (_with_gs(fields), _plain(fields))
    elif GS in code:
        yield code.replace(GS, "")
        for fields in taken_apart(code).found:
            yield from (_with_gs(fields), _bracketed(fields))
    elif is_named or is_item(code):
        for fields in taken_apart(code).found:
            yield from (_with_gs(fields), _bracketed(fields))


def is_item(code: str) -> bool:
    """Whether an element string begins with an SSCC or GTIN whose check digit is right."""
    if not (len(code) >= 16 and code[:16].isdecimal() and code[0] == "0"):
        return False
    if code[1] == "0":
        return len(code) >= 20 and code[:20].isdecimal() and has_check_digit(code[2:20])
    return code[1] in "12" and has_check_digit(code[2:16])


class Ways(NamedTuple):
    """How an element string can be taken apart."""

    found: list[Fields]
    are_all: bool


def taken_apart(code: str) -> Ways:
    """How an element string can be taken apart; with GS in it there is one way at most."""
    found: list[Fields] = []
    open_: list[tuple[int, Fields]] = [(0, ())]
    has_gs = GS in code
    steps = 0
    while open_ and len(found) < MOST_WAYS and steps < MOST_STEPS:
        steps += 1
        at, fields = open_.pop()
        if at == len(code):
            found.append(fields)
            continue
        number = _NUMBER.match(code, at)
        if number is None or len(fields) > 12:
            continue
        begin = number.end()
        if fixed := _FIXED.get(number[0][:2]):
            end = at + fixed
            if end <= len(code) and GS not in code[at:end]:
                # A separator after such a field is allowed and means nothing.
                after = end + 1 if code[end : end + 1] == GS else end
                open_.append((after, (*fields, (number[0], code[begin:end]))))
            continue
        data = _DATA.match(code, begin, begin + _MOST.get(number[0], 90))
        if data is None:
            continue
        if has_gs:
            gs = code.find(GS, begin)
            ends = [(gs, gs + 1)] if gs >= 0 else [(len(code), len(code))]
        else:
            ends = [(end, end) for end in range(begin + 1, data.end() + 1)]
        open_ += [
            (after, (*fields, (number[0], code[begin:end])))
            for end, after in ends
            if begin < end <= data.end()
        ]
    return Ways(found, not open_)


def _with_gs(fields: Fields) -> str:
    last = len(fields) - 1
    return "".join(
        number + data + ("" if n == last or number[:2] in _FIXED else GS)
        for n, (number, data) in enumerate(fields)
    )


def _plain(fields: Fields) -> str:
    return "".join(number + data for number, data in fields)


def _bracketed(fields: Fields) -> str:
    return "".join(f"({number}){data}" for number, data in fields)
