"""The program as it is handed out: whole, installed elsewhere, updated and taken back."""

import email.parser
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.system
OLD, NEW = "7.1.0", "7.2.0"
CODES = ("GOOD1", "GOOD2", "GOOD3")


def run(*words: str, cwd: Path, stdin: str = "", **environment: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ran = subprocess.run(
        words, cwd=cwd, env=kept | environment, input=stdin, capture_output=True, text=True,
        check=False, timeout=110,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def build(tree: Path, version: str) -> tuple[Path, Path]:
    """A source archive and a wheel of a tree."""
    out = tree.parent / f"dist-{version}"
    run(
        sys.executable, "-m", "hatchling", "build", "-d", str(out), cwd=tree,
        SETUPTOOLS_SCM_PRETEND_VERSION=version, SOURCE_DATE_EPOCH="1796000000",
    )  # fmt: skip
    (archive,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return archive, wheel


def copy_of_tree(to: Path) -> Path:
    """What is committed, as it is on the disk now."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in names:
        if name and not name.startswith(("tests/", "benchmarks/")) and (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    return to


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def old(folder: Path) -> tuple[Path, Path]:
    return build(copy_of_tree(folder / "old"), OLD)


@pytest.fixture(scope="module")
def new(folder: Path) -> tuple[Path, Path]:
    """A program of next year: its journals have an act, and its files an index, unknown to ours."""
    tree = copy_of_tree(folder / "new")
    change(tree / "gate/core/entry.py", 'NO_PASSAGE = "no_passage"', 'NO_PASSAGE = "flew_over"')
    change(
        tree / "gate/storage/schema.py",
        "@peers()\ndef index_sign_offs_of_others",
        "@journal()\ndef of_next_year(db: Database) -> None:\n"
        '    _run(db, "CREATE TABLE next_year (id INTEGER PRIMARY KEY) STRICT;")\n\n\n'
        "@peers()\ndef index_sign_offs_of_others",
    )
    return build(tree, NEW)


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


class Installed:
    """A wheel beside the packages that the tests have, and far from the checkout."""

    def __init__(self, wheel: Path, home: Path) -> None:
        self.home, self.site = home, home / wheel.stem
        run(
            sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
            "--disable-pip-version-check", "--target", str(self.site), str(wheel), cwd=home,
        )  # fmt: skip

    def python(self, script: str) -> str:
        return run(sys.executable, "-P", "-c", script, cwd=self.home, PYTHONPATH=str(self.site))

    def gate(self, *words: str, stdin: str = "") -> str:
        return run(
            sys.executable, "-P", "-m", "gate", *words, cwd=self.home, stdin=stdin,
            PYTHONPATH=str(self.site), XDG_CONFIG_HOME=str(self.home), LANG="C.UTF-8",
        )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    rows = "".join(f"{code},Standing\n" for code in CODES)
    (tmp_path / "tickets.csv").write_text("code,type\n" + rows, encoding="utf-8")
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_what_is_handed_out_is_well_formed(old: tuple[Path, Path]) -> None:
    """As an index checks it; its page can be read, its licence is along."""
    says = run(sys.executable, "-m", "twine", "check", "--strict", *map(str, old), cwd=ROOT)
    assert says.count("PASSED") == 2
    with zipfile.ZipFile(old[1]) as wheel:
        (name,) = [one for one in wheel.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = email.parser.Parser().parsestr(wheel.read(name).decode())
    assert (metadata["Name"], metadata["Version"]) == ("venue-gate", OLD)
    assert {"usb", "gpio", "postgres"} <= set(metadata.get_all("Provides-Extra") or ())


def test_a_wheel_has_all_that_the_program_reads(old: tuple[Path, Path]) -> None:
    """Every file of both packages, and none of the tests."""
    with zipfile.ZipFile(old[1]) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    there = subprocess.run(
        ["git", "ls-files", "gate", "sync"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert {name for name in there if name and (ROOT / name).is_file()} <= packed
    assert {name.partition("/")[0] for name in packed} == {"gate", "sync"}


@pytest.mark.long
def test_a_source_archive_makes_the_same_wheel(old: tuple[Path, Path], tmp_path: Path) -> None:
    """Whoever has nothing else can build it, byte for byte."""
    with tarfile.open(old[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    _archive, again = build(tree, OLD)
    with zipfile.ZipFile(again) as ours, zipfile.ZipFile(old[1]) as theirs:
        assert {one.filename: one.CRC for one in ours.infolist()} == {
            one.filename: one.CRC for one in theirs.infolist()
        }


@pytest.mark.long
def test_it_works_far_from_the_checkout(old: tuple[Path, Path], home: Path) -> None:
    """Tickets in, a scan, the journal: by the installed program and nothing of ours."""
    program = Installed(old[1], home)
    assert program.python("import gate; print(gate.__file__)").startswith(str(program.site))
    assert OLD in program.gate("--version")
    program.gate("import", "--data-dir", "data", "--kind", "meeting", "tickets.csv")
    told = program.gate("scan", "--plain", "--camera", "off", "--data-dir", "data", stdin="GOOD1\n")
    assert " admit " in told.lower()
    assert "admission" in program.gate("log", "--data-dir", "data", "--format", "jsonl")


def scanned(program: Installed, code: str) -> str:
    lines = program.gate(
        "scan", "--plain", "--camera", "off", "--data-dir", "data", stdin=f"{code}\n"
    )
    return "\n".join(line for line in lines.splitlines() if line and not line.startswith("#"))


NOTE_IT = """
from pathlib import Path
from gate.clock import SystemClock
from gate.config import load
from gate.core.verdict import Scan
from gate.lane.lane import Lane
from gate.storage.folder import Folder
config = load(None, {}, [])
lane = Lane(Folder(Path("data")), SystemClock(), config.place(), config.house_rules())
verdict = lane.admit(Scan("GOOD2", source="camera"))
print(verdict.outcome, lane.note_no_passage(verdict.entry) is not None)
lane.close()
"""
"""An evening at the newer one: somebody comes in, and then what ours has no word for."""


def there_and_back(before: Installed, after: Installed) -> None:
    """An evening at the older one, one at the newer one, and another at the older one."""
    before.gate("import", "--data-dir", "data", "--kind", "meeting", "tickets.csv")
    assert " ADMIT " in scanned(before, "GOOD1")
    assert " ADMIT " not in scanned(after, "GOOD1")
    assert "admit True" in after.python(NOTE_IT)
    after.gate("verify", "--data-dir", "data")
    assert "flew_over" in after.gate("log", "--data-dir", "data", "--format", "jsonl")
    for code in ("GOOD1", "GOOD2"):
        assert " ADMIT " not in scanned(before, code)
    assert " ADMIT " in scanned(before, "GOOD3")
    before.gate("verify", "--data-dir", "data")
    assert not list((before.home / "data").glob("journal-2.db"))


@pytest.mark.long
def test_a_gate_is_brought_up_to_date_and_taken_back(
    old: tuple[Path, Path], new: tuple[Path, Path], home: Path
) -> None:
    """Between two evenings, in one folder: what was used stays used, each way, and all is sound."""
    there_and_back(Installed(old[1], home), Installed(new[1], home))


@pytest.mark.long
def test_mutation_a_program_that_reads_only_its_own_words_is_caught(
    new: tuple[Path, Path], home: Path, folder: Path
) -> None:
    """What it does not know it would take for damage."""
    tree = copy_of_tree(folder / "mutant")
    change(tree / "gate/core/entry.py", "act = str.__new__(cls, value)", "return None")
    mutant = build(tree, "7.1.1")
    with pytest.raises(AssertionError):
        there_and_back(Installed(mutant[1], home), Installed(new[1], home))
