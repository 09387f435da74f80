"""What is written is taken back exactly, by whoever wrote it, and nothing of anybody else's."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

from gate.errors import StoreError
from gate.setup import hands, written
from gate.setup.changes import Change, Command, State, file, link, shown
from gate.setup.machine import Machine
from tests.setup.conftest import Bench, tree

RELOAD = ("systemctl", "daemon-reload")


def changes(root: Path, text: str = "new\n") -> list[Change]:
    """A file in folders that are not there, a changed file, a changed link and a new one."""
    etc = root / "etc"
    return [
        file(etc / "udev/rules.d/70-venue-gate.rules", text, RELOAD),
        file(etc / "default/console-setup", text, mode=0o640),
        link(etc / "localtime", "/usr/share/zoneinfo/Europe/Berlin"),
        link(etc / "systemd/system/x.wants/a.service", "/etc/a.service", RELOAD),
    ]


def carry_out(bench: Bench, text: str = "new\n") -> None:
    manifest = bench.written
    for change in changes(bench.root, text):
        manifest.carry_out(change)


def without_sudo(command: Command) -> int:
    assert command[0] == "sudo"
    return subprocess.run(command[1:], check=False).returncode


def shown_commands(bench: Bench) -> list[list[str]]:
    lines = bench.said().splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("  sudo ")]


def test_what_was_written_is_taken_back(bench: Bench) -> None:
    """Files, links, modes, and folders that were made for them: nothing of it stays."""
    before = tree(bench.root)
    carry_out(bench)
    assert [path for path in tree(bench.root) if tree(bench.root)[path] != before.get(path)]
    assert (bench.root / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/Europe/Berlin")
    undone = bench.written.undo()
    assert (len(undone.taken_back), undone.left, undone.waiting) == (4, [], [])
    assert tree(bench.root) == before
    assert not bench.folder.setup_written.exists()


def test_a_second_run_takes_back_to_the_first_state(bench: Bench) -> None:
    """Whatever was written in between."""
    before = tree(bench.root)
    carry_out(bench)
    carry_out(bench, "newer\n")
    bench.written.undo()
    assert tree(bench.root) == before


def test_what_somebody_else_changed_stays(bench: Bench) -> None:
    """It is named, and so it is the next time."""
    carry_out(bench)
    changed = bench.root / "etc/default/console-setup"
    changed.write_text("by hand\n")
    for _time in range(2):
        assert bench.written.undo().left == [changed]
        assert changed.read_text() == "by hand\n"


def test_whoever_does_not_look_takes_back_too_much(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: without a comparison the other one's work is lost."""
    monkeypatch.setattr(written._Row, "is_ours", lambda _row, _now: True)
    with pytest.raises(AssertionError):
        test_what_somebody_else_changed_stays(bench)


def test_a_foreign_change_before_a_second_run_is_what_is_given_back(bench: Bench) -> None:
    """It is shown and agreed to be overwritten; then it is what was there before."""
    carry_out(bench)
    changed = bench.root / "etc/default/console-setup"
    changed.write_text("by hand\n")
    carry_out(bench, "newer\n")
    bench.written.undo()
    assert changed.read_text() == "by hand\n"


def interrupt(*_anything: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", ["fsync", "fchmod", "replace"])
def test_an_interruption_leaves_all_or_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """No half of a file, and none beside it; and it can be taken back."""
    before = tree(bench.root / "etc/default")
    change = changes(bench.root)[1]
    manifest = bench.written
    with monkeypatch.context() as patch:
        manifest._save()
        patch.setattr(manifest, "_save", lambda: None)
        patch.setattr(os, call, interrupt)
        with pytest.raises(KeyboardInterrupt):
            manifest.carry_out(change)
    manifest._save()
    assert tree(bench.root / "etc/default") == before
    assert bench.written.undo().left == []
    assert tree(bench.root / "etc/default") == before


def test_a_plain_write_would_leave_half(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: whoever writes into the file itself."""

    def plain(path: Path, state: State) -> None:
        path.write_bytes((state.content or b"")[:2])
        os.fchmod(0, 0)

    monkeypatch.setattr(hands, "put", plain)
    with pytest.raises(AssertionError):
        test_an_interruption_leaves_all_or_nothing(bench, monkeypatch, "fchmod")


def test_a_read_only_etc_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the file's name, and nothing is remembered as written."""
    before = tree(bench.root)

    def refuse(*_anything: object, **_more: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(StoreError, match="console-setup"):
        bench.written.carry_out(changes(bench.root)[1])
    assert tree(bench.root) == before
    undone = bench.written.undo()
    assert (undone.taken_back, undone.left) == ([], [])


def test_sudo_does_the_same(bench: Bench) -> None:
    """File by file, link by link; and back."""
    before = tree(bench.root)
    carry_out(bench)
    wanted = tree(bench.root)
    bench.written.undo()
    bench.is_ours, bench.by_sudo, bench.run = False, True, without_sudo
    carry_out(bench)
    assert tree(bench.root) == wanted
    bench.written.undo()
    assert tree(bench.root) == before
    assert not bench.folder.setup_drafts.exists()


def test_an_interrupted_sudo_leaves_the_file_as_it_was(bench: Bench) -> None:
    """What was put beside it is taken away."""
    before = tree(bench.root)

    def until_moved(command: Command) -> int:
        if command[1] == "mv":
            raise KeyboardInterrupt
        return without_sudo(command)

    bench.is_ours, bench.by_sudo, bench.run = False, True, until_moved
    with pytest.raises(KeyboardInterrupt):
        bench.written.carry_out(changes(bench.root)[1])
    assert tree(bench.root) == before
    assert bench.written.undo().left == []


def test_without_root_commands_are_shown(bench: Bench) -> None:
    """They do exactly what would have been done, and so do those that take it back."""
    before = tree(bench.root)
    carry_out(bench)
    wanted = tree(bench.root)
    bench.written.undo()
    bench.is_ours = False
    carry_out(bench)
    assert tree(bench.root) == before
    for command in shown_commands(bench):
        subprocess.run(command, check=True)
    assert tree(bench.root) == wanted
    assert len(bench.written.undo().waiting) == 4
    for command in shown_commands(bench):
        subprocess.run(command, check=True)
    undone = bench.written.undo()
    assert (undone.left, undone.waiting) == ([], [])
    assert tree(bench.root) == before


def test_what_is_shown_of_a_change(bench: Bench) -> None:
    """A new file whole, of another one what is different, a link with its target."""
    new, changed, *_links = changes(bench.root)
    assert list(shown(new)) == [f"{new.path}:", "    new"]
    lines = list(shown(changed))
    assert '    -CODESET="Lat15"' in lines
    assert "    +new" in lines


def test_the_running_system_reads_what_changed(bench: Bench) -> None:
    """Once each, by root itself or by sudo; of another machine's files nothing is run."""
    bench.written.reload(changes(bench.root))
    assert bench.ran == []
    running = hands.Hands(
        Machine(Path("/"), "gate", is_ours=True),
        bench.folder.setup_drafts,
        print,
        run=bench._record,
    )
    running.reload([RELOAD, RELOAD])
    assert bench.ran == [RELOAD]
    running.reload([])
    failing = hands.Hands(
        Machine(Path("/"), "gate", is_ours=False),
        bench.folder.setup_drafts,
        print,
        by_sudo=True,
        run=lambda _command: 1,
    )
    with pytest.raises(StoreError, match="sudo systemctl daemon-reload ended with 1"):
        failing.reload([RELOAD])
