"""What the program says of itself is derived from what was committed (``hatch_build.py``)."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

COMMITTED_S = 1_796_000_000
GIT = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]


def committed_s(root: Path) -> int | None:
    """What the build would write."""
    found = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    answer = module.committed_s(root)
    assert answer is None or isinstance(answer, int)
    return answer


@pytest.fixture(autouse=True)
def no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever builds a distribution sets this; nobody has here."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / "clone"
    root.mkdir()
    for name in (".git_archival.txt", ".gitattributes"):
        (root / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    date = {"GIT_COMMITTER_DATE": f"{COMMITTED_S} +0800", "PATH": "/usr/bin:/bin"}
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*GIT, *command], cwd=root, check=True, env=date)
    return root


def test_a_clone_was_made_when_it_was_committed(clone: Path) -> None:
    """Not when it was built: a machine that builds may have any clock."""
    assert committed_s(clone) == COMMITTED_S


def test_an_archive_was_made_when_its_commit_was(clone: Path, tmp_path: Path) -> None:
    """Who downloads a forge's archive has no repository; Git has written the date into a file."""
    archive = tmp_path / "archive"
    archive.mkdir()
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=clone, check=True, capture_output=True)
    subprocess.run(["tar", "-x"], cwd=archive, check=True, input=packed.stdout)
    assert committed_s(archive) == COMMITTED_S


def test_a_copy_of_the_files_does_not_know(clone: Path) -> None:
    """Neither repository nor archive: nothing is made up."""
    subprocess.run(["rm", "-r", ".git"], cwd=clone, check=True)
    assert committed_s(clone) is None


def test_a_distribution_says_when(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH comes first."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1797000000")
    assert committed_s(clone) == 1_797_000_000
