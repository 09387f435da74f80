"""What values mean: dates as people write them, codes as spreadsheets leave them, plus-ones."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.lists import codes, rows
from gate.lists.codes import mended
from gate.lists.columns import understand
from gate.lists.dates import Dates, DayOrder
from gate.lists.table import OnlyTime
from gate.lists.values import Values
from gate.storage.row_values import BadRow
from tests.lists.test_files import CASES, complaints, fields, opened


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("31.12.2026 18:00", "2026-12-31 18:00"),
        ("1.2.2026", "2026-02-01"),
        ("31/12/2026 6:00 PM", "2026-12-31 18:00"),
        ("12/31/2026", "2026-12-31"),
        ("3/3/2026", "2026-03-03"),
        ("2026/12/31 18:00:30", "2026-12-31 18:00:30"),
        ("2026-12-31T18:00+01:00", "2026-12-31T18:00+01:00"),
        ("31. Dezember 2026, 18:00 Uhr", "2026-12-31 18:00"),
        ("31 décembre 2026 18h30", "2026-12-31 18:30"),
        ("31 de diciembre de 2026", "2026-12-31"),
        ("Thu Dec 31, 2026 12:05 am", "2026-12-31 00:05"),
        ("2026年3月1日 18:00", "2026-03-01 18:00"),
        (datetime(2026, 12, 31, 18), "2026-12-31 18:00"),
        (date(2026, 12, 31), "2026-12-31"),
        ("20261231", "20261231"),
        ("46387", "46387"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_dates_as_people_write_them(text: object, told: str) -> None:
    """What has one meaning is taken; the rest goes on to where it is refused."""
    assert Dates().stated(text) == told


@pytest.mark.parametrize(
    ("order", "text", "told"),
    [
        (None, "01/02/2026", "Say --dates dmy or --dates mdy"),
        (None, "01-02-2026", "Say --dates dmy or --dates mdy"),
        (None, "31.12.26", "four digits"),
        (None, "13/13/2026", "is no date"),
        ("dmy", "12/31/2026", "12/31/2026 is no date with dmy"),
        ("mdy", "31.12.2026", "is no date with mdy"),
        ("ymd", "01/02/2026", "is no date with ymd"),
        (None, OnlyTime("18:00:00"), "without a date"),
        (None, "12/31/2026 13:00 pm", "there is no such time"),
    ],
)
def test_what_could_be_another_day_is_a_mistake(order: str | None, text: object, told: str) -> None:
    """Nothing is guessed, and the line says what to do."""
    with pytest.raises(BadRow, match=told):
        Dates(DayOrder(order) if order else None).stated(text)


def test_a_file_has_one_order() -> None:
    """31/12 in one row and 12/31 in another cannot both be right."""
    seen = Dates()
    seen.stated("31/12/2026")
    with pytest.raises(BadRow, match="the other way round"):
        seen.stated("12/31/2026")


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(list(DayOrder)))
def test_dates_come_back_in_every_order(day: date, order: DayOrder) -> None:
    """A day that is written in an order that was said is that day."""
    signs = {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y", "ymd": "%Y/%m/%d"}
    assert Dates(order).stated(day.strftime(signs[order])) == day.isoformat()


def test_the_order_is_not_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: whoever takes the day to be first is on the wrong day, and nobody hears of it."""
    assumed = Dates(DayOrder.DMY)
    monkeypatch.setattr(rows, "Dates", lambda order: assumed)
    assert complaints(opened(CASES / "libreoffice" / "en-US.csv"))[0].startswith("en-US.csv:2")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("717523732898.0", "717523732898"),
        ("717523732898,0", "717523732898"),
        ("7.17523732898E+11", "717523732898"),
        ('="00002408"', "00002408"),
        ("'00002409", "00002409"),
        ("2410", "2410"),
        ("A-1001\u00a0", "A-1001"),
        ("A-10\u200b02", "A-1002"),
        ("A-1003\u3000", "A-1003"),
        ("A\u00a0B", "A B"),
        (717523732898.0, "717523732898"),
        (12, "12"),
        ("12E5", "12E5"),
        ("1.5", "1.5"),
        ("O'Neil", "O'Neil"),
        ("01\x1d12345", "01\x1d12345"),
        ("票-1001", "票-1001"),
    ],
)
def test_codes_are_mended_where_nothing_is_lost(cell: object, code: str) -> None:
    """What a spreadsheet put around a code goes; what is the code's own stays."""
    assert mended(cell)[0] == code


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("7.17524E+11", "has lost its digits"),
        ("1E+11", "has lost its digits"),
        ("1234567890123456.0", "keeps only 15 digits"),
        (1234567890123456.0, "keeps only 15 digits"),
        (1.5, "fraction"),
        (True, "format the column as text"),
        (date(2026, 1, 1), "format the column as text"),
        ("EVENT 7\nK7QX", "line break"),
    ],
)
def test_codes_that_are_lost_are_named(cell: object, told: str) -> None:
    """Better no import than a guest who is refused."""
    with pytest.raises(BadRow, match=told):
        mended(cell)


def test_the_spoilt_codes_that_were_seen_at_doors() -> None:
    """Every code of the list opens the door as it is printed, or its line is named."""
    path = CASES / "spreadsheet-codes" / "tickets.csv"
    assert [row["code"] for row in fields(opened(path))] == [
        "717523732898", "00002408", "00002409", "2410", "A-1001", "A-1002", "A-1003",
    ]  # fmt: skip
    assert complaints(opened(path)) == [
        (
            "tickets.csv:2: code 7.17524E+11 has lost its digits; "
            "format the column as text and enter it again"
        )
    ]
    rows = opened(path)
    fields(rows)
    assert rows.notes == ["tickets.csv: 6 codes that a spreadsheet had changed were mended"]
    (told,) = complaints(opened(CASES / "line-break" / "linebreak.csv"))
    assert "line break" in told


@given(st.text(st.characters(whitelist_categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=24))
def test_a_plain_code_stays_as_it_is(code: str) -> None:
    """Letters and digits are nobody's to mend."""
    assert mended(code) == (code, False)


def test_codes_without_mending_are_no_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: taken as they stand, seven of eight would be refused at the door."""
    monkeypatch.setattr("gate.lists.values.mended", lambda cell: (str(cell), False))
    found = [row["code"] for row in fields(opened(CASES / "spreadsheet-codes" / "tickets.csv"))]
    assert "00002408" not in found
    assert "A-1002" not in found
    assert codes.mended("A-1002\u200b")[0] == "A-1002"


def row_of(headings: str, *cells: object) -> dict[str, object]:
    return Values(Dates()).row(understand(headings.split(","), {}), cells)


@pytest.mark.parametrize(
    ("headings", "cells", "row"),
    [
        ("name,plus", ("Ann", "+2"), {"holder": "Ann", "party": "3", "uses": "3"}),
        ("name,plus one", ("Ann", "yes"), {"holder": "Ann", "party": "2", "uses": "2"}),
        ("name,plus", ("Ann", "0"), {"holder": "Ann"}),
        ("name", ("Ann Lee +2",), {"holder": "Ann Lee", "party": "3", "uses": "3"}),
        ("code,name", ("X", "Ann +2"), {"code": "X", "holder": "Ann +2"}),
        ("name,people", ("Ann", 4.0), {"holder": "Ann", "party": "4", "uses": "4"}),
        ("first name,last name", ("Ann", "Lee"), {"holder": "Ann Lee"}),
        ("名,姓", ("小明", "王"), {"holder": "王小明"}),
        ("code,status", ("X", "Refunded"), {"code": "X", "status": "revoked"}),
        ("code,status", ("X", "bezahlt"), {"code": "X", "status": "normal"}),
        ("code,checked_in", ("X", "ja"), {"code": "X", "checked_in": True}),
        ("code,attention", ("X", "No"), {"code": "X"}),
        ("code,Requires special attention", ("X", "Yes"),
         {"code": "X", "attention": "Requires special attention"}),
        ("code,zone", ("X", 12.0), {"code": "X", "zone": "12"}),
        ("code,status,plus", ("X", " ", "\u00a0"), {"code": "X"}),
    ],
)  # fmt: skip
def test_values_are_read(headings: str, cells: tuple[object, ...], row: dict[str, object]) -> None:
    """Yes and no, what other systems call a status, names in parts, and who comes along."""
    assert row_of(headings, *cells) == row


@pytest.mark.parametrize(
    ("headings", "cells", "told"),
    [
        ("code,status", ("X", "lost"), "status 'lost' is not known"),
        ("code,checked_in", ("X", "maybe"), "neither yes nor no"),
        ("name,plus", ("Ann", "Bob"), "does not say how many come along"),
    ],
)
def test_values_that_say_nothing_are_mistakes(
    headings: str, cells: tuple[object, ...], told: str
) -> None:
    """Nobody is let in on a word that was not understood."""
    with pytest.raises(BadRow, match=told):
        row_of(headings, *cells)
