"""A PostgreSQL of our own for the time of the tests."""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.system.network import free_port


@cache
def programs() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


def can_run() -> bool:
    """Whether there is one that may be started here: it refuses to run as root."""
    if programs() is None:
        return False
    if os.geteuid():
        return True
    with suppress(KeyError):
        return bool(pwd.getpwnam("postgres")) and shutil.which("runuser") is not None
    return False


@cache
def _cluster() -> str:
    """An empty cluster to be copied; made once in a process, as it takes long."""
    at = programs()
    assert at is not None
    folder = tempfile.mkdtemp(prefix="venue-gate-pg-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    subprocess.run(
        [*_as_user(), str(at / "initdb"), "-D", f"{folder}/data", "-A", "trust", "-U", "gate",
         "-E", "UTF8", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    return f"{folder}/data"


def _as_user() -> list[str]:
    """It refuses to run as root."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


@contextmanager
def postgres(*, durable: bool = False, on_socket: bool = False) -> Iterator[str]:
    """A cluster in a temporary folder, on loopback; what is given is SQLAlchemy's address of it.

    A host of its own reaches it by the socket in that folder.
    """
    at = programs()
    assert at is not None
    as_user = _as_user()
    folder = Path(tempfile.mkdtemp(prefix="venue-gate-pg-"))
    if as_user:
        shutil.chown(folder, "postgres")
    data, port = folder / "data", free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    # As its user, who alone may own it.
    subprocess.run([*as_user, "cp", "-a", _cluster(), str(data)], check=True, **quiet)  # type: ignore[call-overload]
    options = (
        f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync={'on' if durable else 'off'}"
    )
    start = [*as_user, str(at / "pg_ctl"), "-D", str(data), "-w", "-o", options, "start"]
    stop = [*as_user, str(at / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]
    subprocess.run(start, check=True, **quiet)  # type: ignore[call-overload]
    try:
        at_socket = f"postgresql+psycopg://gate@/postgres?host={folder}&port={port}"
        yield at_socket if on_socket else f"postgresql+psycopg://gate@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(stop, check=False, **quiet)  # type: ignore[call-overload]
        shutil.rmtree(folder, ignore_errors=True)
