"""The page on codes: its Python and its JavaScript make what its table says and gates take."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gate.core import rotation
from gate.credential.rotating import Pattern, current, totp
from tests.conftest import needs
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "codes.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\d+)` \| (\d+) \| (\d+) \| (\d+) \| `(\d+)` \|$", re.M)
VECTORS = [(key, int(at), int(period), int(digits), made) for key, at, period, digits, made
           in ROW.findall(PAGE)]  # fmt: skip
AT_MS = 1_800_000_007_000


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return str(found)


def test_the_table_is_what_gates_make() -> None:
    """Every row; there are five."""
    assert len(VECTORS) == 5
    for key, at_ms, period_ms, digits, made in VECTORS:
        assert totp(key.encode(), at_ms // period_ms, digits) == made


def test_the_python_of_the_page() -> None:
    """As it stands there."""
    said: dict[str, Any] = {}
    exec(block("python"), said)
    for key, at_ms, period_ms, digits, made in VECTORS:
        assert said["value"](key.encode(), at_ms, period_ms, digits) == made
    assert said["text"]("C1", b"k" * 20, AT_MS) == taken()


def test_the_javascript_of_the_page(tmp_path: Path) -> None:
    """As it stands there, by node."""
    needs(shutil.which("node") is not None, "node")
    (tmp_path / "page.mjs").write_text(block("js"))
    vectors = [[key, at_ms, period, digits] for key, at_ms, period, digits, _made in VECTORS]
    script = (
        'import { value, text } from "./page.mjs";'
        f"const made = {json.dumps(vectors)}.map(v => value(Buffer.from(v[0]), v[1], v[2], v[3]));"
        f'made.push(text("C1", Buffer.from("{"k" * 20}"), {AT_MS}));'
        "console.log(JSON.stringify(made));"
    )
    (tmp_path / "run.mjs").write_text(script)
    ran = subprocess.run(
        ["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ran.stdout) == [*(made for *_said, made in VECTORS), taken()]


def taken() -> str:
    """What a gate takes of such a ticket at that moment."""
    pattern = Pattern("{code}-{totp_timestamp_seconds}-{totp_value_0}")
    return current(pattern, "C1", [b"k" * 20], AT_MS).text


def test_what_the_page_says_of_the_window_is_so() -> None:
    """Its figures are those of the rules."""
    assert (rotation.PHONE_DRIFT_MS, rotation.AHEAD_MS, rotation.UNMEASURED_MS) == (
        120_000, 5000, 600_000,
    )  # fmt: skip


@pytest.mark.parametrize("word", ["refuse", "hold", "flag", "admit"])
def test_what_an_event_may_decide_is_on_the_page(word: str) -> None:
    """Each of the four."""
    assert f"`{word}`" in PAGE
