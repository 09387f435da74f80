"""Who may import whom: what the static contracts cannot see, seen at run time."""

import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.system


def loaded_by(module: str) -> set[str]:
    """The modules that are there after importing one."""
    script = f"import {module}, sys; print('\\n'.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.long
@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("gate.core.intake", {"sqlite3", "socket", "asyncio", "logging", "cryptography"}),
        ("gate.core.ticket_feed", {"sqlite3", "socket", "asyncio", "logging", "cryptography"}),
        ("sync.session.server_session", {"httpx", "websockets", "asyncio", "starlette", "textual"}),
        ("sync.session.peer_session", {"httpx", "websockets", "asyncio", "starlette", "textual"}),
        ("gate.core.rules", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.core.history", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.core.hlc", {"sqlite3", "socket", "asyncio", "time.sleep", "msgspec"}),
        ("gate.credential", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.lane.lane", {"textual", "cv2", "zxingcpp", "httpx", "ssl", "rich"}),
        ("gate.storage.journal", {"textual", "cv2", "httpx", "ssl"}),
        ("gate.lane.inputs", {"textual", "cv2", "zxingcpp", "pyzbar", "evdev"}),
        ("gate.cli.lane_session", {"textual", "cv2", "zxingcpp", "pyzbar"}),
        ("gate.capture.decode", {"cv2", "numpy", "zxingcpp", "pyzbar"}),
        ("gate.demo.demo", {"cv2", "zxingcpp"}),
        ("gate.cli.main", {"sqlite3", "sqlite_utils", "msgspec", "textual", "cv2", "numpy"}),
        ("gate.cli.main", {"gate.config", "gate.errors", "sync", "zoneinfo"}),
        ("gate.ui.tui.app", {"cv2", "zxingcpp", "pyzbar", "sync"}),
        ("gate.core.coverage", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.core.replication", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.core.allowance", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        (
            "sync.worker.worker",
            {"textual", "cv2", "zxingcpp", "starlette", "uvicorn", "sqlalchemy"},
        ),
        ("sync.server.app", {"textual", "cv2", "zxingcpp", "websockets", "sync.cardapi"}),
        ("sync.server.serve", {"textual", "cv2", "zxingcpp", "sync.cardapi"}),
        ("sync.cardapi.card", {"sqlalchemy", "httpx", "starlette", "sqlite3"}),
        ("sync.cardapi.projection", {"sqlalchemy", "httpx", "starlette", "sqlite3"}),
    ],
)
def test_what_is_absent_after_an_import(module: str, absent: set[str]) -> None:
    """A module drags in nothing that its floor may not have."""
    assert loaded_by(module) & absent == set()


def lint(tree: Path) -> str:
    """What import-linter says of the packages in a folder."""
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", script, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False).stdout


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(settings["tool"]["importlinter"]["contracts"])


def illegal() -> list[tuple[str, str]]:
    """For every floor an import of what is above it, and one of what is beside it."""
    found = []
    for contract in contracts():
        if contract["type"] != "layers":
            continue
        (package,) = contract["containers"]
        floors = [[part.strip() for part in floor.split("|")] for floor in contract["layers"]]
        for above, floor in pairwise(floors):
            found += [(f"{package}.{lower}", f"{package}.{above[0]}") for lower in floor]
        beside = [floor for floor in floors if len(floor) > 1]
        found += [(f"{package}.{a}", f"{package}.{b}") for a, b, *_more in beside]
    return found


def add_import(tree: Path, module: str, imported: str) -> None:
    """As one that is easily overlooked: within a function."""
    path = tree / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"\n\ndef mutant():\n    import {imported}\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of both packages, and what is asked of them."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    leave_out = shutil.ignore_patterns("locale", "__pycache__")
    for package in ("gate", "sync"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=leave_out)
    return tmp_path


def test_every_floor_is_kept_and_can_be_broken(tree: Path) -> None:
    """As it stands no contract is broken; with an import upwards from every floor each is told."""
    assert "0 broken" in lint(tree)
    for module, imported in illegal():
        add_import(tree, module, imported)
    said = lint(tree)
    missed = [f"{a} -> {b}" for a, b in illegal() if f"{a} -> {b} " not in said]
    assert missed == []


def test_every_wall_to_the_outside_can_be_broken(tree: Path) -> None:
    """Each contract about other packages fails by one import of what it forbids."""
    walls = [contract for contract in contracts() if contract["type"] == "forbidden"]
    for contract in walls:
        add_import(tree, contract["source_modules"][0], contract["forbidden_modules"][-1])
    said = lint(tree)
    assert [wall["name"] for wall in walls if f"{wall['name']} BROKEN" not in said] == []


def test_a_part_without_a_floor_is_told(tree: Path) -> None:
    """Whoever adds a part has to say where it belongs."""
    (tree / "sync" / "helpers.py").write_text('"""Nobody knows where."""\n', encoding="utf-8")
    assert "sync.helpers" in lint(tree)
