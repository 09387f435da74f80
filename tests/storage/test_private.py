"""Nobody but its user reads a data folder, whatever the umask was; mended, or refused in a line."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.clock import SystemClock
from gate.config import load
from gate.errors import StoreError
from gate.reports.checks.finding import Status
from gate.reports.doctor import examine
from gate.storage import venue_host
from gate.storage.folder import Folder, make_private, not_private
from tests.conftest import needs
from tests.support.programs import run
from tests.system.network import EVENT, Device, Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that gives everything to everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(path: Path) -> list[str]:
    found = [path, *path.rglob("*")]
    return [str(one) for one in found if one.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]


@pytest.mark.usefixtures("careless")
@pytest.mark.long
def test_whatever_the_umask_was(tmp_path: Path) -> None:
    """Server, gate, snapshot, journal, log, bundle, export: 0700 and 0600 throughout."""
    server = Server(tmp_path / "server")
    try:
        server.issue(5)
        gate = Device(tmp_path / "gate", server, "gate")
        where = ("--data-dir", str(gate.folder.path))
        assert gate.once().returncode == 0
        assert run("scan", "--plain", "--camera", "off", *where, input_="C000001\n",
                   timeout=60).returncode == 0  # fmt: skip
        own = tmp_path / "own"
        added = run(
            "operator", "--data-dir", str(own), "add", "Kim", "--role", "staff",
            input_="80521\n", timeout=60,
        )  # fmt: skip
        assert added.returncode == 0, added.stderr
        assert (own / "operators.json").exists()
        bundle, kept = tmp_path / "x.bundle", tmp_path / "kept.jsonl"
        assert run("log", "--bundle", str(bundle), *where, timeout=60).returncode == 0
        names = {path.name for path in gate.folder.path.iterdir()}
        assert {"journal.db", "gate.log", "sync.log", "device.key"} <= names
        assert any((server.folder / "snapshots" / EVENT).iterdir())
        for path in (server.folder, gate.folder.path, own, bundle):
            assert open_to_others(path) == []
        assert run("wipe", "--yes", "--export", str(kept), *where, timeout=60).returncode == 0
        assert open_to_others(kept) == []
    finally:
        server.close()


@pytest.mark.usefixtures("careless")
def test_what_was_open_is_mended(folder: Folder) -> None:
    """A folder that was copied, or made by hand: closed at the next start, files and rooms too."""
    venue_host.create(folder, "Gala", "North", "UTC")
    (folder.inbox / "deep").mkdir(parents=True, exist_ok=True)
    (folder.inbox / "deep" / "x.part").write_text("x")
    for path in (folder.path, *folder.path.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    folder.create()
    assert open_to_others(folder.path) == []


def test_other_people_s_folders_inside_stay(folder: Folder) -> None:
    """A folder that is none of ours is not touched, though it lies there."""
    mine = folder.path / "photos"
    mine.mkdir()
    mine.chmod(0o755)
    folder.create()
    assert stat.S_IMODE(mine.stat().st_mode) == 0o755


def test_what_cannot_be_mended_is_refused(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a stick with FAT, where a mode stays what it is."""
    folder.path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(StoreError, match="can be read by other users"):
        folder.create()


def test_a_folder_for_everybody_is_refused(tmp_path: Path) -> None:
    """``/tmp`` itself is no data folder, and is left as it is."""
    tmp_path.chmod(0o1777)
    with pytest.raises(StoreError, match="can be read by other users"):
        Folder(tmp_path).create()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_another_user_s_folder_is_refused(folder: Folder) -> None:
    """In one clear line, with what to do; and the doctor says so too."""
    needs(os.geteuid() == 0, "way to give a file to another user")
    (folder.path / "device").write_text("ab" * 8)
    os.chown(folder.path / "device", 12345, 12345)
    ran = run("scan", "--plain", "--camera", "off", "--data-dir", str(folder.path), timeout=60)
    assert ran.returncode == 1
    assert "device belongs to another user" in ran.stderr
    assert len(ran.stderr.splitlines()) <= 2
    assert "Traceback" not in ran.stderr


def test_the_doctor_looks(folder: Folder) -> None:
    """Open to others: a finding; mended: none."""
    (folder.path / "device").write_text("ab" * 8)

    def found() -> Status:
        config = load(None, {}, [f"data_dir={folder.path}", "camera.device=off"])
        checks = examine(config, folder, SystemClock(), camera=False)
        return next(check.status for check in checks if check.name == "data folder")

    (folder.path / "device").chmod(0o644)
    assert [path.name for path in not_private(folder.path)] == ["device"]
    assert found() is Status.FAIL
    make_private(folder.path)
    assert found() is not Status.FAIL
