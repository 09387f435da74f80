"""``gate setup`` as a command: a file of answers, its exit codes, and the way back."""

from pathlib import Path

import pytest

from gate.cli.main import main
from gate.storage.enrolment_link import parse_link
from tests.setup.conftest import make_root, tree
from tests.support.terminal import Terminal
from tests.sync.server.test_serve import serving


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


def test_a_gate_is_taken_in_by_a_server(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the link in a file; its tickets are there, and of the link nothing is kept."""
    with serving(root.parent / "server") as server:
        link = server.link("North")
        (root.parent / "link").write_text(link)
        text = (
            f'camera = "off"\nenrol = "link"\nlink_file = "{root.parent}/link"\nautostart = false'
        )
        assert setup(root, "--answers", answers(root, text)) == 0
    assert "Enrolled as North" in capsys.readouterr().out
    data = root.parent / "data"
    assert (data / "server.json").exists()
    assert (data / "tickets.current").exists()
    token = parse_link(link).token
    assert token not in (data / "setup.json").read_text()
    assert setup(root, "--answers", answers(root, 'camera = "off"')) == 0
    assert "enrolled as North for default" in capsys.readouterr().out


def test_ctrl_c_and_on_again(root: Path) -> None:
    """At a real keyboard: interrupted at a question, it goes on there; nothing was written."""
    before = tree(root)
    command = ("setup", "--root", str(root), "--data-dir", str(root.parent / "data"))
    first = Terminal(*command, owns_terminal=True)
    try:
        first.wait(lambda text: "Which camera" in text and text.endswith(": "))
        first.type("off\n")
        first.wait(lambda text: "The scanner" in text and text.endswith(": "))
        first.type("\x03")
        assert first.wait_for_end() == 130
    finally:
        first.close()
    assert tree(root) == before
    again = Terminal(*command, owns_terminal=True)
    try:
        text = again.wait(lambda text: "The scanner" in text and text.endswith(": "))
        assert "Which camera off (answered before)" in text
    finally:
        again.close()
