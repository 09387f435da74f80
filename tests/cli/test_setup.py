"""``gate setup`` as a command: a file of answers, its exit codes, and the way back."""

from pathlib import Path

import pytest

from gate.cli.main import main
from tests.setup.conftest import make_root, tree


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's files; nobody used sudo."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SUDO_USER", raising=False)
    return make_root(tmp_path / "root")


def setup(root: Path, *arguments: str) -> int:
    where = ("--root", str(root), "--data-dir", str(root.parent / "data"))
    return main(["setup", *where, *arguments])


def answers(root: Path, text: str) -> str:
    file = root.parent / "answers.toml"
    file.write_text(text)
    return str(file)


def test_a_file_sets_a_machine_up_and_undo_takes_it_back(root: Path) -> None:
    """Both with exit code 0."""
    before = tree(root)
    text = 'camera = "off"\nautostart = "tty1"\nconsole_font = "10x20"\nwrite = true\n'
    assert setup(root, "--answers", answers(root, text)) == 0
    unit = (root / "etc/systemd/system/venue-gate-lane.service").read_text()
    assert f"scan --data-dir {root.parent / 'data'}\n" in unit
    assert '[camera]\ndevice = "off"' in (root.parent / "home/venue-gate/config.toml").read_text()
    assert setup(root, "--undo") == 0
    assert tree(root) == before
    assert not (root.parent / "home/venue-gate/config.toml").exists()


def test_a_step_that_fails_is_the_exit_code(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here a link that is none, and a camera that is not there."""
    (root.parent / "link").write_text("venuegate:nothing")
    text = (
        f'camera = "/dev/video77"\nenrol = "link"\nlink_file = "{root.parent}/link"\nwrite = true'
    )
    assert setup(root, "--answers", answers(root, text)) == 1
    said = capsys.readouterr().out
    assert "FAIL: this is no enrolment link" in said
    assert "/dev/video77" in said
    assert (root / "etc/systemd/system/venue-gate-lane.service").exists()


def test_undo_of_what_was_changed_since_is_exit_code_1(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named and left."""
    assert setup(root, "--answers", answers(root, 'camera = "off"\nwrite = true')) == 0
    unit = root / "etc/systemd/system/venue-gate-lane.service"
    unit.write_text("mine\n")
    assert setup(root, "--undo") == 1
    assert unit.read_text() == "mine\n"
    assert f"left as it is: {unit}" in capsys.readouterr().out


def test_an_unknown_answer_is_an_error_of_usage(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is asked or written."""
    before = tree(root)
    assert setup(root, "--answers", answers(root, "autostrat = true")) == 2
    assert "did you mean autostart?" in capsys.readouterr().err
    assert tree(root) == before


def test_no_gate_of_root_by_sudo(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its data folder and its lane would be root's: who called sudo is told how to do it."""
    monkeypatch.setenv("SUDO_USER", "kim")
    monkeypatch.setattr("gate.setup.machine.os.geteuid", lambda: 0)
    assert setup(root, "--undo") == 2
    assert "As kim, without sudo: gate setup --apply" in capsys.readouterr().err
