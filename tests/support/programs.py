"""The program as processes of its own, forked from one that has read all its modules already.

A process each, which can be killed, stopped and starved like any other; only what Python does
before ``main`` is done once. Where that matters too, tests start ``python -m gate`` themselves.
"""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

CLONE_NEWNET = 0x40000000
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["tests.support.programs", "gate.cli.main", "gate.cli.lane_session",
     "gate.reports.ticket_import", "gate.cli.sync_report", "gate.cli.sync_run",
     "sync.server.serve", "tests.system.race_worker"]
)  # fmt: skip
"""For other processes of the tests, too."""


class Program:
    """``gate`` with these arguments; handled as ``subprocess.Popen`` is."""

    def __init__(
        self,
        *arguments: str,
        input_: str | None = None,
        output: Path | None = None,
        complaints: Path | None = None,
        network: str = "",
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """Begin it; ``network`` is the namespace it is to be in, ``prepare`` what it does first.

        What is read from ``stdin`` is what ``input_`` says, or what is put into it until it is
        closed.
        """
        reader, self.stdin = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(
            target=_work,
            args=(arguments, dict(os.environ), reader, output, complaints, network, prepare),
        )
        self._process.start()
        reader.close()
        if input_ is not None:
            os.write(self.stdin.fileno(), input_.encode())
            self.stdin.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal that ended it; ``None`` while it lives."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("gate", timeout or 0)
        if not self.stdin.closed:
            self.stdin.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def run(*arguments: str, input_: str = "", timeout: float) -> subprocess.CompletedProcess[str]:
    """Let it do what it is told to its end."""
    with tempfile.TemporaryDirectory() as folder:
        output, complaints = Path(folder, "out"), Path(folder, "err")
        program = Program(*arguments, input_=input_, output=output, complaints=complaints)
        try:
            code = program.wait(timeout)
        finally:
            program.kill()
        return subprocess.CompletedProcess(
            ["gate", *arguments], code, output.read_text(), complaints.read_text()
        )


def stop() -> None:
    """End the process that others are forked from."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def enter(network: str) -> None:
    """Be in another network namespace from now on, in this thread."""
    with Path("/run/netns", network).open("rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {network}")


def _work(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    reader: Connection,
    output: Path | None,
    complaints: Path | None,
    network: str,
    prepare: Callable[[], None] | None,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    if hasattr(time, "tzset"):
        time.tzset()
    with closing(reader):
        os.dup2(reader.fileno(), 0)
    sys.stdin = os.fdopen(0, closefd=False)
    for number, path in ((1, output), (2, complaints)):
        file = os.open(path or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    if network:
        enter(network)
    if prepare is not None:
        prepare()
    from gate.cli.main import main  # noqa: PLC0415  in this process only

    raise SystemExit(main(list(arguments)))
