"""What a file is: any way in which spreadsheets write tables, found out and named."""

import codecs
import csv
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import ImportFault
from gate.lists import charset, workbook
from gate.lists.charset import charset_of, named_charset
from gate.lists.dates import DayOrder
from gate.lists.rows import ListRow, Reading, TicketList, open_lists
from gate.storage.row_values import BadRow
from tests.support.paths import DATA

CASES = DATA / "lists"


def opened(path: Path, said: Reading | None = None) -> TicketList:
    (only,) = open_lists([path], said or Reading())
    return only


def fields(rows: TicketList) -> list[dict[str, object]]:
    return [row.fields for row in rows.rows if not isinstance(row.fields, BadRow)]


def complaints(rows: TicketList) -> list[str]:
    return [f"{row.where}: {row.fields}" for row in rows.rows if isinstance(row.fields, BadRow)]


@pytest.mark.parametrize(
    ("name", "written", "holder"),
    [
        ("file-dialects/semicolon.csv", "semicolons, UTF-8", "Müller"),
        ("file-dialects/utf16.csv", "tabs, UTF-16", None),
        ("file-dialects/gbk.csv", "commas, GB18030", "张伟"),
        ("excel/german.csv", "semicolons, Windows-1252", "Jürgen Groß"),
        ("excel/utf8-bom.csv", "commas, UTF-8", "François"),
    ],
)
def test_dialects_are_found_and_named(name: str, written: str, holder: str | None) -> None:
    """Separator and charset are found out; nobody has to say them."""
    found = opened(CASES / name)
    assert found.written == written
    assert fields(found)[0].get("holder") == holder


TEXT = "code{0}type{0}holder\r\nA-1{0}gala{0}{1}\r\nA-2{0}gala{0}{1} und Ångström\r\n"


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("begin", ["", "sep=SIGN\r\n", "\r\n\r\n", "The list of 2026\r\n"])
def test_every_way_of_writing_says_the_same(
    tmp_path: Path, codec: str, sign: str, begin: str
) -> None:
    """The same rows come out of every charset, separator and beginning."""
    path = tmp_path / "list.csv"
    text = begin.replace("SIGN", sign) + TEXT.format(sign, "Jürgen Groß")
    path.write_bytes(text.encode(codec))
    rows = fields(opened(path))
    assert [row["code"] for row in rows] == ["A-1", "A-2"]
    assert rows[0]["holder"] == "Jürgen Groß"


NAMES = {
    "cp1252": ["Jürgen Groß", "José García", "François Lefèvre", "Señor Nuñez"],
    "gb18030": ["张伟", "王小明", "李芳", "欧阳娜娜"],
    "cp1251": ["Иван Петров", "Елкина Мария"],
    "cp932": ["山田太郎", "田中花子"],
}


@pytest.mark.parametrize("codec", NAMES)
def test_older_charsets_are_found_by_names(tmp_path: Path, codec: str) -> None:
    """Some names are enough."""
    path = tmp_path / "names.csv"
    path.write_bytes("".join(f"A,gala,{name}\n" for name in NAMES[codec]).encode(codec))
    assert charset_of(path).codec == codec


def test_a_charset_that_is_not_certain_is_said_and_can_be_named(tmp_path: Path) -> None:
    """Łukasz Żółw may be read as Windows-1252; the list says so, and takes another word."""
    path = tmp_path / "list.csv"
    path.write_bytes("code,type,holder\nA,gala,Łukasz Żółw\n".encode("cp1250"))
    found = opened(path)
    assert "--charset cp1250" in found.notes[0]
    said = Reading(charset=named_charset("windows-1250"))
    assert fields(opened(path, said))[0]["holder"] == "Łukasz Żółw"
    with pytest.raises(ImportFault, match="no charset"):
        named_charset("utf-9")


def test_a_column_that_is_not_there_is_said(tmp_path: Path) -> None:
    """With those that are; a dash means none and is always right."""
    path = tmp_path / "list.csv"
    path.write_text("code,Wer\nA,Ann\n")
    assert fields(opened(path, Reading({"holder": "wer"}))) == [{"code": "A", "holder": "Ann"}]
    assert fields(opened(path, Reading({"type": "-"}))) == [{"code": "A"}]
    with pytest.raises(ImportFault, match="there is no column holder=Who") as caught:
        opened(path, Reading({"holder": "Who"}))
    assert caught.value.hint == "Columns: code, Wer"


def test_one_damaged_line_does_not_make_another_charset_of_a_file(tmp_path: Path) -> None:
    """Where most lines are UTF-8 the one that is not is a mistake."""
    path = tmp_path / "list.csv"
    lines = ["code,type,holder", "A,gala,Jürgen", "B,gala,Zoë", "C,gala,Ann"]
    path.write_bytes("\n".join(lines).encode() + b"\nD,gala,Jos\xe9\n")
    found = opened(path)
    assert found.written == "commas, UTF-8"
    assert complaints(found)[0].startswith("list.csv:5: not UTF-8")


@pytest.mark.examples(3)
@pytest.mark.parametrize("suffix", ["csv", "ods", "xlsx"])
@pytest.mark.parametrize(
    ("locale", "names", "dates"),
    [
        ("de", ["Jürgen Groß", "Anna Müller"], None),
        ("en-US", ["Ann Lee", "Bob O'Neil"], "mdy"),
        ("zh-CN", ["张伟", "王小明"], None),
    ],
)
def test_what_libreoffice_writes_in_three_locales(
    suffix: str, locale: str, names: list[str], dates: str | None
) -> None:
    """Real files: codes keep their zeros, dates are the day that was meant."""
    order = DayOrder(dates) if dates and suffix == "csv" else None
    rows = fields(opened(CASES / "libreoffice" / f"{locale}.{suffix}", Reading(day_order=order)))
    assert [row["holder"] for row in rows] == names
    assert [row["code"] for row in rows] == ["00012", "A-2"]
    assert [row["type"] for row in rows] == ["Gala", "Gala"]
    ends = [str(row["end_time"]) for row in rows]
    assert [end.replace("2027-2-1", "2027-02-01") for end in ends] == ["2026-12-31", "2027-02-01"]


def test_an_american_date_is_asked_about() -> None:
    """02/01/2027 may be two days; without a word the line is named."""
    (told,) = complaints(opened(CASES / "libreoffice" / "en-US.csv"))
    assert told.startswith("en-US.csv:3: 02/01/2027: is the day first, or the month?")


def test_sheets_of_a_workbook_are_lists_each() -> None:
    """Hidden ones are not looked at, those without tickets are named, titles may stand above."""
    types, guests = open_lists([CASES / "excel" / "list.xlsx"], Reading())
    assert types.is_types
    assert fields(types)[0]["begin"] == "2026-12-31 18:00"
    assert [row["code"] for row in fields(guests)] == ["717523732898", "00012", "2410"]
    assert guests.left_out == ["Telefon"]
    assert "2 codes are kept as numbers" in guests.notes[-1]
    assert "Notizen" in types.notes[0]


def test_what_is_no_list_is_said(tmp_path: Path) -> None:
    """A picture, a broken workbook, an empty file; nothing makes a traceback."""
    path = tmp_path / "x.csv"
    for content, told in [
        (b"\x89PNG\r\n\x1a\n\0\0\0\r\1\2\3\4", "not a kind of file"),
        (b"PK\3\4 broken", "cannot be read as a workbook"),
        (b"colour,size\nred,3\n", "no column says what a row is of"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ImportFault, match=told):
            opened(path)
    path.write_bytes(b"")
    assert open_lists([path], Reading()) == []


def test_a_workbook_that_would_fill_the_memory_is_declined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its unpacked size is looked at before it is unpacked."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", bytes(2_000_000))
    monkeypatch.setattr(workbook, "MAX_BYTES", 1_000_000)
    with pytest.raises(ImportFault, match="too large"):
        opened(path)


def test_a_workbook_that_asks_for_all_memory_ends_only_its_reader(tmp_path: Path) -> None:
    """One cell in the last row and column; the process that takes lists in goes on."""
    source, path = CASES / "libreoffice" / "de.xlsx", tmp_path / "far.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename.endswith("sheet1.xml"):
                far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                assert b"</sheetData>" in content
                content = content.replace(b"</sheetData>", far)
            new.writestr(part.filename, content)
    with pytest.raises(ImportFault, match="too large for a workbook"):
        opened(path)


def test_a_code_that_a_spreadsheet_took_for_a_date_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1-2 becomes the first of February; what it was is lost."""
    monkeypatch.setattr(
        "gate.lists.workbook._read",
        lambda _path, *sheet: iter(
            [b'[1,["code","zone"]]', b'[2,[{"date":"2026-02-01"},{"time":"18:00:00"}]]']
            if sheet
            else [b'"Sheet1"']
        ),
    )
    (told,) = complaints(opened(CASES / "libreoffice" / "de.xlsx"))
    assert "2026-02-01 is no text; format the column as text" in told


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_a_fault(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Never a traceback."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        rows = [row for one in open_lists([path], Reading()) for row in one.rows]
    except ImportFault:
        return
    assert all(isinstance(row, ListRow) for row in rows)


CELLS = st.text(
    st.characters(codec="gb18030", exclude_categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Co", "Cn"]),
    min_size=1,
    max_size=12,
).filter(lambda text: not text.startswith(("'", "=")) and "\ufffd" not in text)


@given(
    st.lists(st.tuples(st.from_regex(r"[A-Z][0-9A-Z]{3,9}", fullmatch=True), CELLS), min_size=1),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_exported_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    tickets: list[tuple[str, str]],
    sign: str,
    codec: str,
) -> None:
    """Any names in any dialect are the same tickets again."""
    path = tmp_path_factory.getbasetemp() / "export.csv"
    with path.open("w", encoding=codec, newline="") as file:
        writer = csv.writer(file, delimiter=sign)
        writer.writerows([("code", "zone"), *tickets])
    assert [(row["code"], row["zone"]) for row in fields(opened(path))] == tickets


def test_the_charset_is_not_assumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: who takes UTF-8 for granted loses everybody with an umlaut."""
    path = tmp_path / "list.csv"
    path.write_bytes("code,type,holder\nA,gala,Müller\n".encode("cp1252"))
    assert fields(opened(path))[0]["holder"] == "Müller"
    monkeypatch.setattr(charset, "_beyond_ascii", lambda file: None)
    assert fields(opened(path)) == []
    assert codecs.lookup("gb18030").name in charset._LIKELY
