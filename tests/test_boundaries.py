"""Who may import whom: what the static contracts cannot see, seen at run time."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.system


def loaded_by(module: str) -> set[str]:
    """The modules that are there after importing one."""
    script = f"import {module}, sys; print('\\n'.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("gate.domain.rules", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.domain.history", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.domain.clock", {"sqlite3", "socket", "asyncio", "time.sleep", "msgspec"}),
        ("gate.credential", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("gate.lane", {"textual", "cv2", "zxingcpp", "httpx", "ssl", "rich"}),
        ("gate.store.journal", {"textual", "cv2", "httpx", "ssl"}),
        ("gate.inputs", {"textual", "cv2", "zxingcpp", "pyzbar", "evdev"}),
        ("gate.session", {"textual", "cv2", "zxingcpp", "pyzbar"}),
        ("gate.scanner.decode", {"cv2", "numpy", "zxingcpp", "pyzbar"}),
        ("gate.scanner.drawn", {"cv2", "numpy", "zxingcpp"}),
        ("gate.__main__", {"sqlite3", "sqlite_utils", "msgspec", "textual", "cv2", "numpy"}),
        ("gate.tui.app", {"cv2", "zxingcpp", "pyzbar", "sync"}),
        ("gate.domain.coverage", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("sync.exchange", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("sync.allowance", {"sqlite3", "socket", "asyncio", "logging", "msgspec"}),
        ("sync.worker", {"textual", "cv2", "zxingcpp", "starlette", "uvicorn", "sqlalchemy"}),
        ("sync.central.app", {"textual", "cv2", "zxingcpp", "websockets", "sync.wechat"}),
        ("sync.central.serve", {"textual", "cv2", "zxingcpp", "sync.wechat"}),
        ("sync.wechat.card", {"sqlalchemy", "httpx", "starlette", "sqlite3"}),
        ("sync.wechat.projection", {"sqlalchemy", "httpx", "starlette", "sqlite3"}),
    ],
)
def test_what_is_absent_after_an_import(module: str, absent: set[str]) -> None:
    """A module drags in nothing that its floor may not have."""
    assert loaded_by(module) & absent == set()


def check_contract(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """What import-linter says of one contract of the packages in a folder."""
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", script, "--contract", contract, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_the_contract_of_the_server_and_the_card_api_can_fail(tmp_path: Path) -> None:
    """As it stands the server imports nothing of the card API; with one deferred import it does."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("gate", "sync"):
        leave_out = shutil.ignore_patterns("locale", "__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=leave_out)
    contract = "server-knows-no-card-api"
    kept = check_contract(tmp_path, contract)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    with (tmp_path / "sync" / "central" / "disowned.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef mutant():\n    from sync.wechat import projection\n")
    broken = check_contract(tmp_path, contract)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert "sync.central.disowned -> sync.wechat.projection" in broken.stdout
