"""Small inputs out of the field, by the whole program: what a door does with them."""

import re
from pathlib import Path

import pytest

from tests.support.paths import DATA
from tests.support.programs import run

CASES = DATA / "cases"


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GATE_LANGUAGE", "en")


class Door:
    """The program on a case's own tickets."""

    def __init__(self, case: str, home: Path) -> None:
        self.case = CASES / case
        self._data = home / "data"
        self.run("import", str(self.case / "types.csv"), str(self.case / "tickets.csv"))

    def run(self, *arguments: str, typed: bytes = b"") -> str:
        """What the program prints."""
        done = run(*arguments, "--data-dir", str(self._data), input_=typed.decode(), timeout=60)
        assert "Traceback" not in done.stderr + done.stdout
        assert done.returncode == 0, done.stderr
        return done.stdout

    def scan(self, typed: bytes, *more: str) -> list[tuple[str, str]]:
        """Outcome and ticket of every verdict."""
        told = self.run("scan", "--plain", *more, typed=typed)
        found = re.findall(r"^\d\d:\d\d:\d\d (\w+) .*?\| ([^|]*)", told, re.MULTILINE)
        return [(outcome, ticket.strip()) for outcome, ticket in found]


def scans(case: str) -> list[bytes]:
    return (CASES / case / "scans.txt").read_bytes().split(b"\n")


def test_a_voucher_is_not_repaired_into_a_ticket(tmp_path: Path) -> None:
    """A parking voucher and an add-on beside real tickets' numbers are nobody's ticket."""
    door = Door("repair-wrong-green", tmp_path)
    typed = (door.case / "scans.txt").read_bytes()
    outcomes = [outcome for outcome, _ticket in door.scan(typed, "--camera", "off")]
    assert outcomes == ["ADMIT", "REFUSE", "REFUSE"]


@pytest.mark.parametrize("n", range(4))
def test_framing_characters_are_the_scanners(tmp_path: Path, n: int) -> None:
    """STX and ETX, EOT, a BOM and a no-break space around a code are no part of it."""
    door = Door("framing-characters", tmp_path)
    scan = scans("framing-characters")[n]
    assert scan.strip() != b"7175237328"
    assert door.scan(scan + b"\n", "--camera", "off")[0][0] == "ADMIT"


@pytest.mark.long
def test_characters_are_read_in_any_set(tmp_path: Path) -> None:
    """GBK, Latin-1 and UTF-8 with a BOM are one ticket each, with the camera's own decoders."""
    door = Door("charset-of-codes", tmp_path)
    told = door.scan(b"", "--camera-folder", str(door.case / "pictures"))
    assert [outcome for outcome, _ticket in told].count("REFUSE") == 0
    # zh_gbk and zh_utf8 are one ticket; so are the others' own.
    assert [outcome for outcome, _ticket in told].count("ADMIT") == 5


@pytest.mark.long
def test_spellings_of_one_symbol_are_one_ticket(tmp_path: Path) -> None:
    """UPC-A, EAN-13 with a zero, GS1 with GS and full ASCII Code 39, as the camera reads them."""
    door = Door("two-spellings-of-one-symbol", tmp_path)
    told = door.scan(b"", "--camera-folder", str(door.case / "pictures"))
    assert [outcome for outcome, _ticket in told] == ["ADMIT"] * 4
    typed = (
        b"0070177137069\n]E00202445000007\n+T+I+C+K+E+T-42\n(01)04012345678901(10)LOT721ABC123\n"
    )
    again = [outcome for outcome, _ticket in door.scan(typed, "--camera", "off")]
    assert set(again) <= {"RESCAN", "REFUSE"}
    assert len(again) == 4


@pytest.mark.parametrize(
    ("text", "keyboard"),
    [
        ("K7QXß0001", "German"),
        ("KýQX=éééě", "Czech"),
        ("Л7ЙЧ-0001", "Russian"),
        ("K7QXüööö2", "Hungarian"),
        ("K7QX*0001", "Turkish"),
        ("Κ7:Χ-0002", "Greek"),
    ],
)
def test_an_unknown_keyboard_is_named_and_admits_nobody(
    tmp_path: Path, text: str, keyboard: str
) -> None:
    """The README's own codes on keyboards of Europe: unknown, and the line says what would help."""
    door = Door("unknown-keyboards", tmp_path)
    told = door.run("scan", "--plain", "--camera", "off", typed=text.encode() + b"\n")
    assert " REFUSE " in told
    assert "ADMIT" not in told
    assert re.search(rf"^# .*{keyboard}.*Ctrl\+S", told, re.MULTILINE)
