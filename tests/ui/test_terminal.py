"""The real program, end to end, in a pseudo-terminal."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from gate.capture.symbol_readers import backends
from gate.core.entry import Act
from gate.storage.audit import audit_journal
from gate.storage.folder import Folder
from gate.storage.journal_reader import JournalReader
from tests.conftest import needs
from tests.support.venue import fill

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are Unix's", allow_module_level=True)

from tests.support.terminal import Terminal

Open = Callable[..., Terminal]

NEXT_GUEST_S = 0.15
"""Lines that come quicker are one trigger's."""
NEXT_KEY_S = 0.6
"""A key that answers has silence around it."""
SLOW = ("--set", "scanner.gap_ms=300")
"""A busy machine hears the keys of one burst with gaps between them."""
LONE_S = 0.45
"""A key that comes sooner after a code may be part of it there."""


@pytest.fixture
def terminal() -> Iterator[Open]:
    """Opens programs in terminals and closes them at the end."""
    opened: list[Terminal] = []

    def open_one(*command: str, **options: object) -> Terminal:
        opened.append(Terminal(*command, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def scan(terminal: Open, venue: Folder, *more: str) -> Terminal:
    return terminal("scan", "--data-dir", str(venue.path), "--camera", "off", *more)


def acts(venue: Folder) -> list[Act]:
    reader = JournalReader(venue.journal)
    made = [entry.act for _row, entry in reader.page()]
    reader.close()
    return made


def test_a_usb_scanner_at_the_real_program(terminal: Open, venue: Folder) -> None:
    """Typed in bursts: in, a second use, an unknown code; then asked twice to quit."""
    gate = scan(terminal, venue, *SLOW)
    gate.wait(lambda text: "Ready." in text)
    gate.type("GOOD001\r")
    gate.wait(lambda text: "Good ticket" in text)
    time.sleep(NEXT_GUEST_S)
    gate.type("VOID1\r\n")
    gate.wait(lambda text: "Ticket cancelled" in text)
    time.sleep(NEXT_GUEST_S)
    gate.type("s]q\x1d\x1aX\r")
    gate.wait(lambda text: "Unknown code" in text)
    assert gate.process.poll() is None
    time.sleep(LONE_S)
    gate.type("\x11")
    gate.wait(lambda text: "Once more" in text)
    time.sleep(LONE_S)
    gate.type("\x11")
    assert gate.wait_for_end() == 0
    assert "Traceback" not in gate.text
    assert acts(venue) == [
        Act.LANE_OPENED, Act.ADMISSION, Act.REFUSAL, Act.REFUSAL, Act.LANE_CLOSED
    ]  # fmt: skip


@pytest.mark.long
def test_a_killed_gate_starts_again_and_knows_everything(terminal: Open, venue: Folder) -> None:
    """Kill -9 in the middle of the evening; the next start refuses the second use."""
    gate = scan(terminal, venue)
    gate.wait(lambda text: "Ready." in text)
    gate.type("GOOD001\r")
    gate.wait(lambda text: "Good ticket" in text)
    os.killpg(gate.process.pid, signal.SIGKILL)
    gate.process.wait()
    again = scan(terminal, venue, "--set", "debounce.rescan_s=0")
    again.wait(lambda text: "Ready." in text)
    again.type("GOOD001\r")
    again.wait(lambda text: "Already used" in text)
    again.close()
    assert audit_journal(venue.journal).findings == []


def test_plain_in_a_terminal_takes_codes_and_lone_keys(terminal: Open, venue: Folder) -> None:
    """Codes end with Enter, keys alone are commands, keys within a code are not."""
    gate = scan(terminal, venue, "--plain", *SLOW)
    gate.wait(lambda text: "# Gate" in text)
    gate.type("GOOD001\r")
    gate.wait(lambda text: " ADMIT " in text)
    time.sleep(NEXT_GUEST_S)
    gate.type("AB\x1a\x03C\r")
    gate.wait(lambda text: " REFUSE " in text)
    time.sleep(LONE_S)
    gate.type("\x1b[17~")
    gate.wait(lambda text: "<<< OUT <<<? F6 again" in text)
    time.sleep(LONE_S)
    gate.type("\x1b[17~")
    gate.wait(lambda text: "direction: out" in text)
    time.sleep(LONE_S)
    gate.type("\x1a")
    gate.wait(lambda text: "Winter Gala [good-1], in at" in text and "Ctrl+Z again" in text)
    assert "# undone" not in gate.text
    time.sleep(LONE_S)
    gate.type("\x1a")
    gate.wait(lambda text: "# undone: Winter Gala [good-1]" in text)
    time.sleep(LONE_S)
    gate.type("\x03")
    assert gate.wait_for_end() == 0
    assert acts(venue)[-2:] == [Act.ANNULMENT, Act.LANE_CLOSED]


def test_plain_undoes_at_once_what_its_last_line_shows(terminal: Open, venue: Folder) -> None:
    """It is named all the same before it is done."""
    gate = scan(terminal, venue, "--plain", *SLOW)
    gate.wait(lambda text: "# Gate" in text)
    gate.type("NAMED1\r")
    gate.wait(lambda text: " ADMIT " in text)
    time.sleep(LONE_S)
    gate.type("\x1a")
    text = gate.wait(lambda text: "# undone" in text)
    assert text.index("# undo: José Ångström · Winter Gala [named-1], in at") < text.index("undone")


@pytest.mark.long
def test_plain_takes_the_answer_to_a_question(terminal: Open, venue: Folder) -> None:
    """A lone key answers, Esc leaves it, and within a code it is part of the code."""
    fill(
        venue,
        [
            {"id": "ADULT", "kind": "meeting", "ask": "Over 18?"},
            *({"code": f"ADULT{n}", "type": "ADULT", "id": f"adult-{n}"} for n in (1, 2)),
        ],
    )
    gate = scan(terminal, venue, "--plain", "--set", "screen.bell=false")
    gate.wait(lambda text: "# Gate" in text)
    gate.type("ADULT1\r")
    gate.wait(lambda text: " ASK " in text and "Over 18?" in text)
    time.sleep(NEXT_KEY_S)
    gate.type("y\r")
    gate.wait(lambda text: "Unknown code" in text)
    gate.type("ADULT1\r")
    gate.wait(lambda text: text.count("Over 18?") == 2)
    time.sleep(NEXT_KEY_S)
    gate.type("\x1b")
    gate.wait(lambda text: "# Not answered" in text)
    time.sleep(NEXT_KEY_S)
    gate.type("y")
    time.sleep(NEXT_KEY_S)
    gate.type("ADULT2\r")
    gate.wait(lambda text: text.count("Over 18?") == 3)
    time.sleep(NEXT_KEY_S)
    gate.type("y")
    gate.wait(lambda text: " ADMIT " in text)
    time.sleep(NEXT_KEY_S)
    gate.type("\x03")
    assert gate.wait_for_end() == 0
    assert acts(venue)[-3:] == [Act.REFUSAL, Act.ADMISSION, Act.LANE_CLOSED]


@pytest.mark.long
def test_plain_takes_what_is_typed_as_an_answer(terminal: Open, venue: Folder) -> None:
    """Slow keys and Enter answer, Esc leaves it, and a burst is the next scan."""
    questions = (
        '[{"id": "meal", "text": "Which meal?", "kind": "choice", "options":'
        ' [{"id": "soup", "text": "Soup"}, {"id": "fish"}]},'
        ' {"id": "plate", "text": "Number plate?", "required": false}]'
    )
    gate = scan(terminal, venue, "--plain", "--set", f"rules.questions={questions}")
    gate.wait(lambda text: "# Gate" in text)
    gate.type("GOOD001\r")
    gate.wait(lambda text: " ASK " in text and "#   1  Soup" in text)
    time.sleep(NEXT_KEY_S)
    gate.type("\x1b")
    gate.wait(lambda text: "# Not answered" in text)
    gate.type("GOOD002\r")
    gate.wait(lambda text: text.count("Which meal?") == 2)
    time.sleep(NEXT_KEY_S)
    gate.type("GOOD003\r")
    gate.wait(lambda text: "# closed for a scan" in text and text.count("Which meal?") == 3)
    for key in ("9\r", "2\r"):
        time.sleep(NEXT_KEY_S)
        gate.type(key[0])
        time.sleep(0.2)
        gate.type(key[1])
        gate.wait(lambda text: "# Not understood" in text)
    gate.wait(lambda text: "Number plate?" in text)
    time.sleep(NEXT_KEY_S)
    gate.type("\r")
    gate.wait(lambda text: " ADMIT " in text)
    time.sleep(NEXT_KEY_S)
    gate.type("\x03")
    assert gate.wait_for_end() == 0
    reader = JournalReader(venue.journal)
    made = [e for _row, e in reader.page() if e.ticket]
    reader.close()
    assert [(e.ticket, e.act, e.answered) for e in made] == [
        ("good-3", Act.ADMISSION, ("meal", "plate"))
    ]


@pytest.mark.long
def test_plain_takes_a_code_that_is_typed_by_hand(terminal: Open, venue: Folder) -> None:
    """Ctrl+K asks for it; slow keys are the code, and a burst meanwhile is a scan."""
    gate = scan(terminal, venue, "--plain")
    gate.wait(lambda text: "# Gate" in text)
    gate.type("\x0b")
    gate.wait(lambda text: "# type the code" in text)
    for key in "GOOD0022\x7f\r":
        time.sleep(0.15)
        gate.type(key)
    gate.wait(lambda text: " ADMIT " in text)
    time.sleep(0.3)
    gate.forget()
    gate.type("\x0b")
    gate.wait(lambda text: "# type the code" in text)
    time.sleep(0.3)
    gate.type("GOOD003\r\n")
    gate.wait(lambda text: "# closed for a scan" in text and " ADMIT " in text)
    time.sleep(0.3)
    gate.type("\x03")
    assert gate.wait_for_end() == 0
    reader = JournalReader(venue.journal)
    made = [e for _row, e in reader.page() if e.act is Act.ADMISSION]
    reader.close()
    assert [(e.ticket, e.source) for e in made] == [("good-2", "hand"), ("good-3", "keyboard")]


def test_two_gates_on_one_folder(terminal: Open, venue: Folder) -> None:
    """The second is refused with one line while the first goes on."""
    first = scan(terminal, venue)
    first.wait(lambda text: "Ready." in text)
    second = scan(terminal, venue)
    assert second.wait_for_end() == 1
    assert "another gate is using" in second.text
    first.type("GOOD001\r")
    first.wait(lambda text: "Good ticket" in text)


@pytest.mark.long
def test_the_demo_on_a_screen(terminal: Open) -> None:
    """It paints verdicts, ends by itself, sums up, and leaves no folder behind."""
    demo = terminal("demo", "--seconds", "10", size=(100, 30))
    demo.wait(lambda text: "Good ticket" in text)
    assert demo.wait_for_end() == 0
    assert "verdicts: ADMIT" in demo.text


def hidden(script: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell script in a mount namespace of its own, in which files can be hidden."""
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    needs(probe.returncode == 0, "mount namespaces (unshare -rm)")
    return subprocess.run(
        ["unshare", "-rm", "sh", "-ec", script], capture_output=True, text=True, check=False,
        timeout=100, env=os.environ | {"GATE_LANGUAGE": "en", "PYTHON": sys.executable},
    )  # fmt: skip


def hide(module: str) -> str:
    """Shell lines that put nothing in the place of an installed package's libraries."""
    find = (
        f"import importlib.util as u; print(u.find_spec('{module}').submodule_search_locations[0])"
    )
    return (
        f'at="$("$PYTHON" -c "{find}")"\n'
        'find "$at" -name "*.so" | while read -r f; do mount --bind /dev/null "$f"; done\n'
    )


HIDE_ZBAR = (
    "for f in $(ldconfig -p | awk '/libzbar/ {print $NF}'); do\n"
    '    mount --bind /dev/null "$f"\n'
    "done\n"
)


@pytest.mark.long
def test_without_opencv_a_typing_scanner_still_scans(venue: Folder) -> None:
    """cv2 is not there: wedge scanning works, and the doctor says what is missing."""
    ran = hidden(
        hide("cv2")
        + f'cd "{venue.path.parent}"; : >out\n'
        + 'printf "GOOD001\\n" | '
        + f'timeout 60 "$PYTHON" -m gate scan --plain --data-dir "{venue.path}" >out &\n'
        + 'for n in $(seq 1000); do grep -q " ADMIT " out && break; sleep 0.05; done\n'
        + "kill $!; wait $! || true; cat out\n"
        + f'"$PYTHON" -m gate doctor --data-dir "{venue.path}" || true'
    )
    assert " ADMIT " in ran.stdout, ran.stderr
    assert "OpenCV is not there" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_without_zbar_everything_works_and_the_doctor_names_the_package(venue: Folder) -> None:
    """Libzbar is optional; apt's name for it is told."""
    ran = hidden(HIDE_ZBAR + f'"$PYTHON" -m gate doctor --data-dir "{venue.path}" || true')
    assert "apt install libzbar0" in ran.stdout, ran.stderr
    assert "zxing-cpp 3" in ran.stdout


def test_without_zxing_the_demo_reads_with_pyzbar() -> None:
    """Where zxing-cpp cannot load, pyzbar takes the live pictures."""
    needs(bool(backends()["pyzbar"]), "libzbar")
    ran = hidden(
        hide("zxingcpp")
        + '"$PYTHON" -c "from gate.capture.symbol_readers import backends; print(backends())"'
    )
    assert "'zxing-cpp': ''" in ran.stdout, ran.stderr
    assert "'pyzbar': ''" not in ran.stdout


def test_a_full_disk_is_a_hold(venue: Folder) -> None:
    """Nobody is let in, the hint says what to do, what was shown stays, room brings it back."""
    ran = hidden(
        f'cd "{venue.path.parent}"; mkdir disk; mount -t tmpfs -o size=3m none disk\n'
        f'cp -r "{venue.path}" disk/data\n'
        'gate() { "$PYTHON" -m gate "$@"; }\n'
        'export GATE_DATA_DIR="$PWD/disk/data"; : >out\n'
        # Until so many verdicts were told, which takes long on a busy machine.
        "told() { for n in $(seq 600); do\n"
        '    [ "$(grep -c "^..:..:.. " out)" -ge "$1" ] && break; sleep 0.05\n'
        "done; }\n"
        "(echo GOOD001; told 1; dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true\n"
        " echo GOOD002; told 2; rm disk/filler; echo GOOD003; told 3)"
        " | gate scan --plain --camera off >out\n"
        "cat out; gate verify; gate log --outcome admit\n"
    )
    lines = [line for line in ran.stdout.splitlines() if line[2:3] == ":"]
    assert [line.split()[1] for line in lines] == ["ADMIT", "HOLD", "ADMIT"], ran.stderr
    assert "Call a supervisor. The disk is full" in ran.stdout
    assert "0 problems" in ran.stdout
    assert sum(" ADMIT " in line for line in ran.stdout.splitlines() if line[4:5] == "-") == 2
    assert ran.stderr == ""


def test_a_read_only_disk_is_told_at_the_start(venue: Folder) -> None:
    """One line that names the file and what to do; nothing is changed."""
    ran = hidden(
        f'mount --bind "{venue.path}" "{venue.path}"\n'
        f'mount -o remount,ro,bind "{venue.path}"\n'
        f'"$PYTHON" -m gate scan --plain --camera off --data-dir "{venue.path}" </dev/null\n'
    )
    assert ran.returncode == 1
    assert "cannot write gate.lock" in ran.stderr
    assert "read-only" in ran.stderr.casefold()
    assert "Traceback" not in ran.stderr


DEMO_SAYS = (
    " ADMIT ", " REFUSE ", " EXIT ", " RESCAN ", "Already used", "Wrong entrance", "Too early",
    "Ticket cancelled", "Unknown code", "of 4 used",
)  # fmt: skip


def demo_in_lines() -> str:
    """What a demo of 20 seconds says."""
    ran = subprocess.run(
        [sys.executable, "-m", "gate", "demo", "--plain", "--seconds", "20"],
        capture_output=True, text=True, check=False, timeout=100,
        env=os.environ | {"GATE_LANGUAGE": "en"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_demo_in_lines() -> None:
    """The first 20 seconds: a dozen verdicts, in, out and refused, then the summary.

    A busy machine sees too little of whoever holds up a code for two seconds: it is played anew.
    """
    for _evening in range(3):
        out = demo_in_lines()
        assert "from frame to durable verdict: p50" in out
        verdicts = [line for line in out.splitlines() if line[:2].isdigit()]
        missing = [told for told in DEMO_SAYS if told not in "\n".join(verdicts)]
        if not missing and len(verdicts) >= 12:
            return
    pytest.fail(f"{len(verdicts)} verdicts; none said: {missing}\n{out}")
