"""Starts a real pretix for tests, as a process of its own: nothing of it is imported."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.pretix import python
from tests.system.network import free_port

WITHIN_S = 90.0
_CONFIG = """[pretix]
instance_name=test
url=http://127.0.0.1:{port}
datadir={folder}
[database]
{database}
[mail]
from=none@localhost
host=127.0.0.1
port=1
"""


class RealPretix:
    """A pretix that runs."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(timeout=60)

    def do(self, what: str, **more: Any) -> Any:
        """Change or ask something in pretix's own process (``inside``)."""
        answer = self._http.post(f"{self.url}/-/do", json={"what": what} | more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def is_up(self) -> bool:
        """Whether it answers: to whoever shows nothing, that it does not let them in."""
        try:
            return self._http.get(f"{self.url}/api/v1/version").status_code in (401, 403)
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        """Ask no more."""
        self._http.close()


@contextmanager
def real_pretix(
    folder: Path, database: str = "backend=sqlite3", processes: int = 1
) -> Iterator[RealPretix]:
    """A pretix with made-up data, until the end of the block.

    ``database`` is what its configuration says of that; more than one process wants a PostgreSQL.
    """
    executable, port, here = python(), free_port(), Path(__file__).parent
    assert executable is not None
    config = folder / "pretix.cfg"
    config.write_text(_CONFIG.format(port=port, folder=folder, database=database), encoding="utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "PRETIX_CONFIG_FILE": str(config),
        "DJANGO_SETTINGS_MODULE": "no_migrations",
        "PYTHONPATH": str(here),
        "HOME": str(folder),
    }
    with (folder / "pretix.log").open("wb") as log:
        process = subprocess.Popen(
            [executable, here / "inside.py", str(port), str(processes)],
            env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        pretix = RealPretix(port)
        try:
            until = time.monotonic() + WITHIN_S
            while not pretix.is_up():
                assert process.poll() is None, (folder / "pretix.log").read_text()[-3000:]
                assert time.monotonic() < until, "pretix did not answer"
                time.sleep(0.2)
            yield pretix
        finally:
            pretix.close()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
