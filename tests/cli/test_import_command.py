"""``gate import``: what a person is told of a list, before and after it is taken in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gate.cli.main import main

LIST = "Code;Ticketart;Name;Telefon\nA-1;Gala;Jürgen;1\nA-2;Gala;Ann;2\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Imports a list, and tells the exit code and what was said."""

    def do(content: str, *flags: str, codec: str = "cp1252") -> tuple[int, str, str]:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode(codec))
        capsys.readouterr()
        code = main(["import", "--data-dir", str(tmp_path / "data"), str(path), *flags])
        said = capsys.readouterr()
        return code, said.out, said.err

    return do


def test_a_dry_run_shows_all_that_was_found_out(run: Run) -> None:
    """Dialect, columns, what is left out, first rows, counts by type; the real one says less."""
    code, out, _err = run(LIST, "--dry-run", "--kind", "meeting")
    assert code == 0
    for line in (
        "list.csv: semicolons, Windows-1252",
        "  Code → code, Ticketart → type, Name → holder",
        "  left out: Telefon",
        "list.csv:2: code=A-1, type=Gala, holder=Jürgen",
        "        2  Gala",
    ):
        assert line in out.splitlines()
    assert "1 ticket types and 2 tickets would be imported (2 new, 0 changed, 0 as before)" in out
    code, out, err = run(LIST, "--kind", "meeting")
    assert (code, "2 new, 0 changed" in out, "semicolons" in err) == (0, True, True)
    assert "code=" not in out + err


def test_a_dry_run_with_mistakes_says_so_by_its_exit_code(run: Run) -> None:
    """All the lines are named, and nothing was taken."""
    code, out, _err = run(LIST + "7,1E+11;Gala;Bob;3\n", "--dry-run", "--kind", "meeting")
    assert code == 1
    assert "list.csv:4: code 7,1E+11 has lost its digits" in out


def test_what_is_missing_is_told(run: Run) -> None:
    """How many stay good, and how to cancel them; those that were are named."""
    run(LIST, "--kind", "meeting")
    shorter = LIST[: LIST.index("A-2")]
    assert "1 ticket is in no file and stays good (--cancel-missing cancels it)" in run(shorter)[1]
    out = run(shorter, "--cancel-missing")[1]
    assert "1 ticket is in no file and is cancelled" in out
    assert "Ann" in out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--skip-bad", "--cancel-missing"), "would cancel the tickets of bad rows"),
        (("--map", "colour=x"), "a field is one of"),
        (("--map", "holder=Who"), "there is no column holder=Who"),
        (("--charset", "utf-9"), "no charset"),
    ],
)
def test_what_cannot_be_meant_is_said(run: Run, flags: tuple[str, ...], told: str) -> None:
    """With what to do instead, and nothing is taken."""
    code, _out, err = run(LIST, *flags, "--kind", "meeting")
    assert code != 0
    assert told in err


def test_names_can_be_left_out(run: Run) -> None:
    """Whoever says so has no name on any device."""
    assert "holder" not in run(LIST, "--dry-run", "--kind", "meeting", "--map", "holder=-")[1]


def test_strangers_text_moves_no_cursor(run: Run) -> None:
    """Headings and cells are escaped before they reach a terminal."""
    evil = "code;Name;\x1b[2Jred\nA-1;\x1b[31mAnn;x\nA-2;Bob\n"
    for flags in ((), ("--dry-run",), ("--skip-bad",)):
        _code, out, err = run(evil, *flags, "--kind", "meeting", "--type", "A")
        assert "\x1b" not in out + err
