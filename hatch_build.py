"""What of the program is derived when it is built: its version, and the moment of its commit.

``gate/_built.py`` is written into the source tree (for an editable installation), into the wheel
and into the source archive; there it is kept as it is, for nobody is left to ask.
"""

import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "gate/_built.py"


class BuiltHook(BuildHookInterface):  # type: ignore[type-arg]
    """Writes what the program says of itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Before anything is packed: write the file, or keep the one of the source archive."""
        build_data["artifacts"].append(BUILT)
        root = Path(self.root)
        built_s = committed_s(root)
        if built_s is None:
            if (root / BUILT).exists():
                return
            hint = "Build from a clone or a release, or set SOURCE_DATE_EPOCH."
            raise SystemExit("when this source was made is written nowhere. " + hint)
        text = f'VERSION = "{self.metadata.version}"\nBUILT_S = {built_s}\n'
        (root / BUILT).write_text(text, encoding="utf-8")


def committed_s(root: Path) -> int | None:
    """When the source was committed (Unix seconds): no true clock of a user can be earlier.

    From SOURCE_DATE_EPOCH (reproducible-builds.org), Git, or what ``git archive`` wrote.
    """
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(epoch)
    if (root / ".git").exists():
        git = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
        answer = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603
        if answer.returncode == 0 and answer.stdout.strip():
            return int(answer.stdout)
    for line in (root / ".git_archival.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("node-date: 2"):
            return int(datetime.fromisoformat(line.removeprefix("node-date: ")).timestamp())
    return None
