"""The command line as a user types it: answers, exit codes, one clear line for every mistake."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import segno
import zxingcpp

from gate import __version__
from gate.cli.main import main
from gate.core.verdict import Scan
from gate.credential.layouts import retyped
from gate.storage.folder import Folder, Lock
from tests.conftest import MakeLane
from tests.support.paths import DATA
from tests.support.venue import TICKETS, TYPES, fill, write_rows


@pytest.fixture
def gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> "Gate":
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    for name in [name for name in os.environ if name.startswith("GATE_")]:
        monkeypatch.delenv(name)
    return Gate(capsys)


class Gate:
    """Runs the program in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = self._capsys.readouterr()
        assert "Traceback" not in told.err + told.out
        return code, told.out, told.err


@pytest.fixture
def worked(make_lane: MakeLane, venue: Folder) -> Folder:
    lane = make_lane()
    for code in ("GOOD001", "NAMED1", "VOID1", "NOBODY"):
        lane.admit(Scan(code))
    lane.close()
    return venue


def test_help_and_version(gate: Gate) -> None:
    """Every command is listed and has its own help with an example where one helps."""
    code, out, _err = gate("--help")
    assert code == 0
    for command in ("scan", "enrol", "sync", "demo", "import", "lookup", "report", "log", "verify",
                    "doctor", "read", "operator", "serve", "venue", "cards", "tickets",
                    "wipe"):  # fmt: skip
        assert f"    {command} " in out
        assert gate(command, "--help")[0] == 0
    assert gate("--version")[1] == f"venue-gate {__version__}\n"


def test_enrol_is_enroll_too(gate: Gate, tmp_path: Path) -> None:
    """Both spellings are one command."""
    assert gate("enroll", "--help") == gate("enrol", "--help")
    told = [gate(name, "--link-file", tmp_path / "none") for name in ("enrol", "enroll")]
    assert told[0] == told[1]
    assert (told[0][0], "cannot read" in told[0][2]) == (2, True)


def test_import_report_lookup_log_verify(gate: Gate, tmp_path: Path) -> None:
    """The way a newcomer goes, from files to figures."""
    rows = write_rows(tmp_path / "t.jsonl", [*TYPES, *TICKETS])
    code, out, _err = gate("import", rows)
    assert code == 0
    assert out.startswith(f"{len(TYPES)} ticket types and {len(TICKETS)} tickets imported (")
    assert "venue-gate/default" in out
    code, out, _err = gate("report", "--format", "json")
    assert json.loads(out)["event"]["issued"] == len(TICKETS)
    code, out, _err = gate("lookup", "ångström")
    assert (code, "José Ångström" in out) == (0, True)
    code, out, _err = gate("lookup", "GOOD001", "--json")
    assert json.loads(out)[0]["ticket"]["id"] == "good-1"
    assert gate("lookup", "nobody")[0] == 1
    assert gate("log") == (0, "", "")
    assert gate("verify") == (0, "no journal yet\n", "")


def test_report_log_and_verify_of_an_evening(gate: Gate, worked: Folder) -> None:
    """Counts, lines and the audit."""
    data = ("--data-dir", worked.path)
    code, out, _err = gate("report", *data, "--by", "outcome")
    assert code == 0
    assert "admit" in out
    assert "gate " not in out
    code, out, _err = gate("log", *data, "--outcome", "refuse", "--format", "csv")
    assert len(out.splitlines()) == 3
    code, out, _err = gate("log", *data, "--since", "2099-01-01T00:00")
    assert out == ""
    code, out, _err = gate("verify", *data)
    assert (code, out.splitlines()[0]) == (0, "5 entries of 1 starts, 2 tickets: 0 problems")


def test_verify_tells_tampering_by_its_exit_code(gate: Gate, worked: Folder) -> None:
    """What was changed is named, and the code is not 0."""
    content = worked.journal.read_bytes().replace(b'"gate":"North"', b'"gate":"South"')
    worked.journal.write_bytes(content)
    code, out, _err = gate("verify", "--data-dir", worked.path)
    assert code == 1
    assert "is not what was hashed" in out


def test_bad_rows_stop_an_import(gate: Gate, tmp_path: Path) -> None:
    """Line and reason on standard error, exit code 1, nothing imported."""
    rows = write_rows(tmp_path / "t.jsonl", [TYPES[0], {"code": "X", "type": "NONE"}])
    code, out, err = gate("import", rows)
    assert (code, out) == (1, "")
    assert "t.jsonl:2: there is no ticket type 'NONE'" in err
    assert "Nothing was imported" in err
    assert gate("report")[1].splitlines()[0].split() == ["issued", "0"]
    code, out, err = gate("import", rows, "--skip-bad")
    assert (code, "1 bad row left out" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "COMMAND"),
        (["fly"], 2, "invalid choice"),
        (["import"], 2, "FILE"),
        (["import", "none.csv"], 1, "cannot read none.csv"),
        (["report", "--data-dir", "/nowhere/at/all"], 2, "there is no such data folder"),
        (["scan", "--config", "/nowhere.toml"], 1, "/nowhere.toml: there is no such file"),
        (["report", "--set", "gate.nam=x"], 1, "did you mean gate.name?"),
        (
            ["log", "--since", "yesterday", "--data-dir", "."],
            2,
            "'yesterday' is neither Unix seconds",
        ),
        (["read", "/nowhere.png"], 1, "cannot read"),
        (["scan", "--direction", "up"], 2, "invalid choice"),
        (["wipe", "--data-dir", "."], 2, "wiping wants a yes"),
    ],
)
def test_mistakes_are_one_clear_line(
    gate: Gate, arguments: list[str], code: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong, where, and an exit code that says it."""
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123
    got, _out, err = gate(*arguments)
    sys.stdin.close()
    assert got == code
    assert told in err


def test_flags_work_before_and_after_the_command(gate: Gate, worked: Folder) -> None:
    """Gate --data-dir X report and gate report --data-dir X are the same."""
    before = gate("--data-dir", worked.path, "report")
    after = gate("report", "--data-dir", worked.path)
    assert before == after
    assert "issued" in before[1]


def test_operators_are_added_listed_and_removed(
    gate: Gate, venue: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The PIN comes from standard input, never from the command line."""
    data = ("--data-dir", venue.path)
    pin = tmp_path / "pin"
    for text, code in (("80521x\n", 0), ("1234\n", 1), ("", 1)):
        pin.write_text(text)
        with pin.open() as file:
            monkeypatch.setattr("sys.stdin", file)
            assert gate("operator", *data, "add", "Boss", "--role", "supervisor")[0] == code
    assert gate("operator", *data, "list")[1] == "supervisor Boss\n"
    assert gate("operator", *data, "remove", "Boss")[0] == 0
    assert gate("operator", *data, "remove", "Boss")[0] == 1


def picture(path: Path, text: str) -> Path:
    symbol = np.array(
        zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=6)
    )
    cv2.imwrite(str(path), np.pad(symbol, 40, constant_values=255))
    return path


def test_read_tells_what_is_on_pictures(gate: Gate, tmp_path: Path) -> None:
    """What, where and how long; hostile text harmless; nothing found is exit code 1."""
    first = picture(tmp_path / "a.png", "TICKET-42")
    second = picture(tmp_path / "b.png", "\x1b[2J-evil")
    code, out, _err = gate("read", first, second)
    assert code == 0
    assert "  QRCode TICKET-42 @ " in out
    assert "\\x1b[2J-evil" in out
    code, out, _err = gate("read", first, "--json")
    assert json.loads(out)["codes"][0]["symbology"] == "QRCode"
    blank = tmp_path / "c.png"
    cv2.imwrite(str(blank), np.full((50, 50), 255, np.uint8))
    code, out, _err = gate("read", first, blank)
    assert (code, "nothing found" in out) == (1, True)


def test_read_says_why_it_gives_no_code(gate: Gate, tmp_path: Path) -> None:
    """A symbology that is off, parts of a code, and what only one way to look reads."""
    barcode = zxingcpp.create_barcode("A12345678B", zxingcpp.BarcodeFormat.Codabar)
    codabar = tmp_path / "codabar.png"
    cv2.imwrite(str(codabar), np.array(barcode.to_image(scale=4)))
    code, out, _err = gate("read", codabar)
    assert (code, "Codabar code, which is not switched on here: camera.formats" in out) == (1, True)
    code, out, _err = gate("read", codabar, "--json")
    assert json.loads(out)["switched_off"] == ["Codabar"]
    code, out, _err = gate("read", codabar, "--set", 'camera.formats=["Codabar"]')
    assert (code, "  Codabar A12345678B @ " in out) == (0, True)
    parts = []
    for number, symbol in enumerate(segno.make_sequence("TICKET-42-OF-THE-EVENT", symbol_count=2)):
        parts.append(tmp_path / f"part{number}.png")
        symbol.save(str(parts[-1]), scale=5)
    code, out, _err = gate("read", parts[1])
    assert (code, "Part 2 of 2 of a code: show the others" in out) == (1, True)
    code, out, _err = gate("read", *parts)
    assert (code, "  QRCode TICKET-42-OF-THE-EVENT @ " in out) == (0, True)
    code, out, _err = gate("read", DATA / "misread-ean13.png")
    assert (code, "it may be misread" in out) == (0, True)


def test_wipe_asks_and_keeps_the_journal(
    gate: Gate, worked: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --yes a no is a no; with it the journal is kept and the rest is gone."""
    data = ("--data-dir", worked.path)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _question: "no")
    assert gate("wipe", *data)[1] == "Nothing was wiped.\n"
    assert gate("wipe", *data, "--yes")[0] == 2
    export = tmp_path / "kept.jsonl"
    code, out, _err = gate("wipe", *data, "--yes", "--export", export)
    assert (code, "5 entries kept" in out) == (0, True)
    assert not worked.journal.exists()


def test_doctor_says_what_to_do_and_fails_when_something_fails(gate: Gate, worked: Folder) -> None:
    """Each check has a line; a hint follows where there is one."""
    code, out, _err = gate("doctor", "--data-dir", worked.path, "--camera-off")
    assert code == 2
    code, out, _err = gate("doctor", "--data-dir", worked.path, "--set", "camera.device=off")
    checks = {line.split(":")[0].split(None, 1)[1] for line in out.splitlines()
              if not line.startswith(" ")}  # fmt: skip
    assert {"program", "tickets", "journal", "clock", "decoders", "camera"} <= checks
    worked.journal.write_bytes(b"garbage" * 1000)
    code, out, _err = gate("doctor", "--data-dir", worked.path, "--set", "camera.device=off",
                           "--json")  # fmt: skip
    assert code == 1
    found = [json.loads(line) for line in out.splitlines()]
    assert [c["status"] for c in found if c["name"] == "journal"] == ["fail"]


def test_a_second_gate_on_one_folder_is_refused(gate: Gate, venue: Folder) -> None:
    """One clear line that names the folder and the way out."""
    lock = Lock(venue)
    code, _out, err = gate("scan", "--plain", "--data-dir", venue.path, "--camera", "off")
    lock.close()
    assert code == 1
    assert "another gate is using" in err
    assert "--data-dir" in err


def run_plain(venue: Folder, typed: str, *arguments: str) -> tuple[int, list[str], str]:
    ran = subprocess.run(
        [sys.executable, "-m", "gate", "scan", "--plain", "--data-dir", str(venue.path),
         "--camera", "off", *arguments],
        input=typed, capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"GATE_LANGUAGE": "en"},
    )  # fmt: skip
    return ran.returncode, ran.stdout.splitlines(), ran.stderr


@pytest.mark.system
def test_plain_scans_what_comes_down_a_pipe(venue: Folder) -> None:
    """One line a verdict, in order, beginning with time and outcome."""
    code, lines, err = run_plain(venue, "GOOD001\nVOID1\r\nNOBODY\n", "--gate", "West")
    assert (code, err) == (0, "")
    verdicts = [line for line in lines if not line.startswith("#")]
    assert [line.split()[1] for line in verdicts] == ["ADMIT", "REFUSE", "REFUSE"]
    assert all(time.strptime(line[:8], "%H:%M:%S") for line in verdicts)
    assert all("| West |" in line and line.endswith(" ms") for line in verdicts)


@pytest.mark.system
def test_plain_prints_nothing_that_moves_a_cursor(venue: Folder) -> None:
    """Whatever is scanned, standard output has no escape."""
    _code, lines, _err = run_plain(venue, "\x1b[2J\x1b]0;x\x07\n\u202eRLO\n", "--gate", "\x1b[31m")
    assert not any("\x1b" in line or "\x07" in line or "\u202e" in line for line in lines)


@pytest.mark.system
def test_outcomes_are_english_in_every_language(venue: Folder) -> None:
    """Programs read the outcome, people the rest."""
    ran = subprocess.run(
        [sys.executable, "-m", "gate", "scan", "--plain", "--data-dir", str(venue.path),
         "--camera", "off"],
        input="GOOD001\n", capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"GATE_LANGUAGE": "zh_CN", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert any(line.split()[1:2] == ["ADMIT"] for line in ran.stdout.splitlines())


@pytest.mark.system
def test_a_terminal_of_few_letters_is_enough(venue: Folder) -> None:
    """Names outside its character set are written as escapes."""
    ran = subprocess.run(
        [sys.executable, "-m", "gate", "lookup", "--data-dir", str(venue.path), "李"],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\\u674e" in ran.stdout


def test_an_unforeseen_fault_is_one_line(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, venue: Folder
) -> None:
    """Our own mistakes show no traceback either."""

    def broken(*_args: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("gate.reports.report.overview", broken)
    code, _out, err = gate("report", "--data-dir", venue.path)
    assert (code, err) == (1, "gate: unforeseen fault: ZeroDivisionError: oops\n")


def test_an_interrupt_is_told(gate: Gate, monkeypatch: pytest.MonkeyPatch, venue: Folder) -> None:
    """Ctrl+C ends with 130 and a word."""

    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gate.reports.report.overview", interrupted)
    assert gate("report", "--data-dir", venue.path)[0] == 130


@pytest.mark.system
def test_a_closed_pipe_is_no_fault(worked: Folder) -> None:
    """Gate log | head -1 says nothing on standard error."""
    ran = subprocess.run(
        f'"{sys.executable}" -m gate log --data-dir "{worked.path}" | head -1',
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stderr == ""


def test_plain_tells_what_the_scanner_types_wrongly(folder: Folder) -> None:
    """What would explain a text is a quiet line below its refusal; nobody goes in on it."""
    code = "K7QX-2026-YZAW;MQ/9"
    fill(folder, [{"code": code, "type": "PASS", "id": "long-1"}])
    typed = retyped(code, "us", "fr")
    same = ("--set", "debounce.scanner_ms=60000")  # however slow the machine is
    _code, lines, _err = run_plain(folder, f"{typed}\nGOOD001\n{typed}\n", *same)
    told = "\n".join(lines)
    assert told.count("French (AZERTY)") == told.count("Ctrl+S") == 1
    assert told.count(" REFUSE ") == 1
    assert told.count(" ADMIT ") == 1
