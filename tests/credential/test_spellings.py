"""The table of lossless spellings: what readers make of one symbol finds the listed code."""

import time
import unicodedata

import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from gate.credential import FRAMING, alphabet_of, gs1, has_other_than, parse
from gate.credential import spellings as spellings_module
from gate.credential.spellings import GS, MOST_SPELLINGS, folded, has_check_digit, spellings
from gate.storage.folder import Folder
from gate.storage.tickets import Tickets
from tests.support.venue import fill

GS1 = f"010401234567890110LOT7{GS}21ABC123"
IN_BRACKETS = "(01)04012345678901(10)LOT7(21)ABC123"


@pytest.mark.parametrize(
    ("listed", "read", "told"),
    [
        ("070177137069", "0070177137069", {}),
        ("070177137069", "0070177137069", {"symbology": "EAN13"}),
        ("0070177137069", "070177137069", {}),
        ("0070177137069", "070177137069", {"aim": "E0"}),
        (GS1.replace(GS, ""), GS1, {"symbology": "DataMatrix"}),
        (GS1, GS1.replace(GS, ""), {}),
        (GS1, IN_BRACKETS, {}),
        (GS1.replace(GS, ""), IN_BRACKETS, {}),
        (IN_BRACKETS, GS1, {}),
        (IN_BRACKETS, GS1.replace(GS, ""), {}),
        (GS1, f"0104012345678901{GS}10LOT7{GS}21ABC123", {}),
        (f"10LOT7{GS}21A", "10LOT721A", {"aim": "C1"}),
        ("(10)LOT7(21)A(B", f"10LOT7{GS}21A(B", {}),
        ("ticket-42", "+T+I+C+K+E+T-42", {}),
        ("ticket-42", "+T+I+C+K+E+T-42", {"symbology": "Code39"}),
        ("+T-42", "t-42", {"aim": "A4"}),
        ("A\\B", "\\000026A\\\\B", {}),
        ("票-1001", "Æ±-1001", {}),
        ("票-1001", "?", {"raw": "票-1001".encode("gb18030")}),
        ("票-1001", "?", {"raw": "票-1001".encode("big5")}),
        ("チケ-1", "?", {"raw": "チケ-1".encode("shift_jis")}),
        ("표-1", "?", {"raw": "표-1".encode("euc_kr")}),
        ("§12", "?", {"raw": "§12".encode("latin-1")}),
        ("€12", "?", {"raw": "€12".encode("cp1252")}),
        ("Mu\u0308ller", "Müller", {}),
        ("Müller", "Mu\u0308ller", {}),
    ],
)
def test_each_spelling_finds_the_listed_code(listed: str, read: str, told: dict[str, str]) -> None:
    """The code that was read is first, and the listed one among the others, each once."""
    # A reader without a text for the bytes shows them as Latin-1.
    text = told["raw"].decode("latin-1") if read == "?" else read  # type: ignore[attr-defined]
    found = spellings(text, **told)  # type: ignore[arg-type]
    assert found[0] == text
    assert listed in found
    assert len(set(found)) == len(found) <= MOST_SPELLINGS


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ("0070177137069", {"symbology": "QRCode"}),
        ("0070177137069", {"aim": "Q1"}),
        ("0070177137068", {}),
        ("070177137068", {}),
        ("1070177137069", {}),
        ("+T+I", {"symbology": "QRCode"}),
        ("+T+I", {"aim": "C0"}),
        ("+t+i", {}),
        ("t-42", {}),
        ("K7QX-0001", {}),
        ("717523732898", {"symbology": "Code128"}),
        ("P717523732898", {}),
        ("717523732899-2", {}),
        ("21ABC10LOT7", {}),
    ],
)
def test_what_no_standard_says_is_no_spelling(read: str, told: dict[str, str]) -> None:
    """Twelve digits in a QR code are no UPC-A, and without its check digit nothing is."""
    assert spellings(read, **told) == (read,)  # type: ignore[arg-type]


def test_full_ascii_is_what_zxing_reads() -> None:
    """Every character of ASCII that Code 39 spells as a pair, by another reader's table."""
    for begin in range(1, 127, 8):
        text = "".join(map(chr, range(begin, min(begin + 8, 127)))) + "x"
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code39Ext)
        picture = np.array(made.to_image(scale=3, add_quiet_zones=True))
        code39 = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.Code39Std)
        (plain,) = zxingcpp.read_barcodes(picture, formats=code39)
        assert text in spellings(plain.text, symbology="Code39"), plain.text
        assert plain.text in spellings(text, aim="A4")


@given(st.text(max_size=60), st.binary(max_size=40), st.sampled_from(["", "EAN13", "Code39"]))
def test_spellings_are_few_and_harmless(text: str, raw: bytes, symbology: str) -> None:
    """Whatever is read, there are few, each once, the text itself first."""
    found = spellings(text, raw, symbology)
    assert found[:1] == (text,)
    assert len(set(found)) == len(found) <= MOST_SPELLINGS


@given(st.text("0123456789()\x1dABC", max_size=120))
def test_no_element_string_takes_long(text: str) -> None:
    """What could be taken apart in thousands of ways is given up."""
    assert len(spellings("0104012345678901" + text, aim="C1")) <= MOST_SPELLINGS


HOSTILE = "0109506000134352" + "91" * 2000


@pytest.mark.parametrize("code", [HOSTILE, "9" * 512, "0109506000134352" + "10" * 700 + "!"])
def test_no_text_keeps_a_lane_busy(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no way leads to the end it is not looked for until the evening is over."""
    began = time.process_time()
    assert not spellings_module.taken_apart(code).are_all
    assert gs1.rivals(code) is None
    assert len(spellings(code, b"", "", "C1")) < 60
    assert time.process_time() - began < 0.5
    # Without the bound: thirty times as many steps come no nearer to an end.
    monkeypatch.setattr(spellings_module, "MOST_STEPS", 30_000)
    assert not spellings_module.taken_apart(code).are_all


def test_framing_is_what_nobody_sees() -> None:
    """Unicode's separators, controls and invisible format characters, and nothing with a shape."""
    shown = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd")
    shown |= {"\U000110cd", *map(chr, range(0x13430, 0x13440))}
    for number in range(0x110000):
        character = chr(number)
        is_unseen = unicodedata.category(character) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
        assert (character in FRAMING) <= (is_unseen or number in range(0x2060, 0x2070)), hex(number)
        assert (is_unseen and character not in shown) <= (character in FRAMING), hex(number)


@pytest.mark.parametrize(
    "text",
    ["\x02K7\x03", "K7\x04", "\ufeffK7", "K7\xa0", "\u200bK7\u200b", "\u3000K7", "]Q3\x1dK7\x1d"],
)
def test_framing_goes(text: str) -> None:
    """What a scanner or copying puts around a code is no part of it."""
    assert parse(text).code == "K7"


@pytest.mark.parametrize("text", ["", "\u200b\x02\x03", "]Q3\x02", "\ud800"])
def test_framing_alone_is_no_code(text: str) -> None:
    """Nothing is left to look up, or what is left is no text."""
    assert parse(text).problem is not None or text == "]Q3\x02"


def test_check_digits() -> None:
    """Of UPC, EAN and SSCC alike: weights from the right."""
    for number in ("070177137069", "0202445000007", "4012345678901", "340123450000000000"):
        assert has_check_digit(number)
        assert not has_check_digit(number[:-1] + str((int(number[-1]) + 1) % 10))


def test_alphabets_tell_classes_only() -> None:
    """Digits, capitals and small letters are one class each; a sign is its own."""
    assert alphabet_of(["K7QX-0001", "票A"]) == "-0A\u797f"
    assert not has_other_than("-0A", "ZZ-99")
    assert has_other_than("-0A", "zz-99")
    assert has_other_than("-0A", "K7QXß0001")


CASES: list[tuple[list[str], str, bool]] = [
    (["ABCD-1234", "EFGH-5678"], "abcd-1234", True),
    (["ABCD-1234"], "ＡＢＣＤ－１２３４", True),
    (["abcd-1234"], "ABCD-1234", True),
    (["ABCD-1234", "abcd-5678"], "abcd-1234", False),
    (["ABCd-1234"], "ABCD-1234", False),
    (["ABCD-1234", "票-1"], "abcd-1234", True),
    (["ＡＢ-1"], "AB-1", False),
    (["12345678"], "１２３４５６７８", True),
]


@pytest.mark.parametrize(("codes", "read", "is_it"), CASES)
def test_case_and_width_where_all_codes_are_of_one(
    folder: Folder, codes: list[str], read: str, is_it: bool
) -> None:
    """Small letters are capitals only where no code of the type could mean small letters."""
    rows = [{"code": code, "type": "CASE", "id": f"t{n}"} for n, code in enumerate(codes)]
    fill(folder, [{"id": "CASE", "kind": "meeting"}, *rows])
    tickets = Tickets(folder)
    found = tickets.codes.match(read).ticket
    tickets.close()
    assert (found is not None and found.id == "t0") is is_it
    assert read not in folded(read)


def test_two_tickets_by_two_spellings_are_ambiguous(folder: Folder) -> None:
    """Listed as UPC-A and as EAN-13, one symbol is two tickets: neither is chosen."""
    rows = [
        {"code": "070177137069", "type": "SHOW", "id": "a"},
        {"code": "0070177137069", "type": "SHOW", "id": "b"},
    ]
    fill(folder, rows)
    tickets = Tickets(folder)
    for read in ("070177137069", "0070177137069"):
        assert {ticket.id for ticket in tickets.codes.match(read).tickets} == {"a", "b"}
        assert tickets.codes.match(read).ticket is None
        assert tickets.codes.ticket_of(read) is None
    tickets.close()
