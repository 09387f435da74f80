"""The units: systemd understands them, and the command is read back as it was."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gate.setup.autostart import LANE, WORKER, command_line, lane_unit, worker_unit
from tests.conftest import needs

COMMAND = ("/usr/bin/env", "-m", "gate", "--data-dir", '/srv/a "b" c')


def verified(folder: Path, name: str, text: str) -> str:
    """What systemd says of a unit; empty: it is good."""
    needs(shutil.which("systemd-analyze") is not None, "systemd-analyze")
    unit = folder / name
    unit.write_text(text)
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "\n".join(line for line in ran.stderr.splitlines() if name in line)


@pytest.mark.parametrize("starts_worker", [True, False])
def test_systemd_understands_the_units(tmp_path: Path, starts_worker: bool) -> None:
    """It has nothing to say of any line."""
    lane = lane_unit("root", COMMAND, starts_worker=starts_worker)
    assert verified(tmp_path, LANE, lane) == ""
    assert verified(tmp_path, WORKER, worker_unit("root", COMMAND)) == ""


def test_a_line_that_systemd_does_not_know_is_told(tmp_path: Path) -> None:
    """Mutation: a slip in a key."""
    lane = lane_unit("root", COMMAND, starts_worker=True).replace("TTYPath", "TTYPaht")
    assert "TTYPaht" in verified(tmp_path, LANE, lane)


@pytest.mark.parametrize("word", ["plain", "a b", 'a"b', "a\\b", "50%", "$HOME", "a'b;c", ""])
def test_a_word_is_read_back(word: str) -> None:
    """By the quoting that systemd shares with a shell, percent and dollar doubled."""
    line = command_line(("gate", word))
    (_gate, read) = shlex.split(line)
    assert read.replace("%%", "%").replace("$$", "$") == word
    assert not re.search(r"(?<!%)%(?!%)|(?<!\$)\$(?!\$)", line)


def test_the_lane_takes_the_console_and_gives_it_back() -> None:
    """The login is stopped before; a lane that fails is started anew."""
    unit = lane_unit("gate", COMMAND, starts_worker=True)
    for line in (
        "Conflicts=getty@tty1.service",
        "TTYPath=/dev/tty1",
        "Restart=on-failure",
        "User=gate",
        "NotifyAccess=main",
    ):
        assert f"\n{line}\n" in unit
    assert "START_WORKER" not in unit


def test_an_older_lane_lives_with_the_same_unit() -> None:
    """It tells systemd nothing; so nobody may wait for that before the lane itself has asked."""
    unit = lane_unit("gate", COMMAND, starts_worker=True)
    assert not re.search(r"^(WatchdogSec|Type=notify)", unit, re.M)


def started_after(folder: Path, result: str, jobs: str) -> str:
    """What the lane's end starts, by its result and the jobs that systemd has for it."""
    unit = lane_unit("gate", COMMAND, starts_worker=True)
    found = re.search(r"^ExecStopPost=\+-/bin/sh -c '(.*)'$", unit, re.M)
    assert found
    stand_in = folder / "systemctl"
    stand_in.write_text(
        f'#!/bin/sh\n[ "$1" = list-jobs ] && echo "{jobs}" || echo "$@" >> "{folder}/ran"\n'
    )
    stand_in.chmod(0o755)
    env = {"PATH": f"{folder}:/usr/bin:/bin", "SERVICE_RESULT": result}
    subprocess.run(["/bin/sh", "-c", found[1].replace("$$", "$")], env=env, check=True)
    ran = folder / "ran"
    return ran.read_text().strip() if ran.exists() else ""


@pytest.mark.parametrize(
    ("result", "jobs", "starts"),
    [
        pytest.param("success", "", True, id="closed by a person"),
        pytest.param("success", f"7 {LANE} stop running", True, id="stopped"),
        pytest.param("success", f"7 {LANE} restart running", False, id="restarted"),
        pytest.param("exit-code", "", False, id="failed"),
        pytest.param("signal", "", False, id="killed"),
    ],
)
def test_the_login_comes_back_when_the_lane_was_closed(
    tmp_path: Path, result: str, jobs: str, starts: bool
) -> None:
    """Not beside a lane that is being started anew."""
    login = "--no-block start getty@tty1.service" if starts else ""
    assert started_after(tmp_path, result, jobs) == login


def test_a_revoked_worker_is_not_started_again() -> None:
    """Nor one without a folder: see the exit codes of ``gate sync``."""
    assert "RestartPreventExitStatus=2 4" in worker_unit("gate", COMMAND)
