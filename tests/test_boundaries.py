"""Who may import whom: what the static contracts cannot see, seen at run time."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.system


def loaded_by(module: str) -> set[str]:
    """The top-level modules that are there after importing one."""
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
        ("sync.central.app", {"textual", "cv2", "zxingcpp", "websockets"}),
        ("sync.wechat.card", {"sqlalchemy", "httpx", "starlette", "sqlite3"}),
        ("sync.wechat.projection", {"sqlalchemy", "httpx", "starlette", "sqlite3"}),
    ],
)
def test_what_is_absent_after_an_import(module: str, absent: set[str]) -> None:
    """A module drags in nothing that its floor may not have."""
    assert loaded_by(module) & absent == set()
