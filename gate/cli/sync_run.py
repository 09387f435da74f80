"""The sync worker from opening to closing: once, or until it is stopped."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any

from gate.cli.exit_codes import FAILED, OK, QUARANTINED, UNAUTHORIZED, UNREACHABLE, USAGE
from gate.clock import SystemClock
from gate.config import Config
from gate.errors import DamagedError, GateError, RevokedError, UsageError
from gate.i18n import _
from gate.storage.bundle import sign
from gate.storage.certificates import load_membership
from gate.storage.enrolment import Enrolment, load
from gate.storage.folder import Folder, Lock, is_locked
from gate.storage.log_file import open_log
from gate.storage.mending import mend
from gate.storage.naming import enrolled_name
from gate.storage.nudge import try_now
from gate.storage.revocation import require_not_revoked, revoke
from gate.storage.sync_status import SyncStatus
from gate.text.printable import printable
from sync.transport.http_client import (
    ProtocolMismatch,
    Revoked,
    ServerClient,
    ServerUnreachable,
    Unauthorized,
)
from sync.worker.feed_follower import Progress
from sync.worker.life_sign import LifeSign
from sync.worker.worker import Worker, follow_parent

log = logging.getLogger(__name__)

LOG = "sync.log"
LOCK_WAIT_S = 3.0
PARENT_S = 5.0
"""Whoever ends a service ends all of it at once: the lane is to be closed before its worker is."""


def sync_once(folder: Folder, config: Config, progress: Progress) -> int:
    """Exchange everything once; the answer is the exit code."""
    worker, lock, client = _mended_worker(folder, config, progress=progress)
    try:
        if client is None:
            raise UsageError(
                _("this device has no server; the other gates are heard while it works"),
                _("Let it work: gate sync"),
            )
        with _logged(folder):
            worker.once()
        return QUARANTINED if worker.quarantined() else OK
    finally:
        _end(folder, worker, client, lock)


def sync_on(folder: Folder, config: Config, *, is_child: bool) -> int:
    """Work until stopped; the answer is the exit code."""
    shown = _StatusLine() if sys.stderr.isatty() and not is_child else None
    working = _CurrentWorker()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        # Started with nohup it is to outlive the window.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: working.stop(PARENT_S if is_child else 0))
    if is_child:
        follow_parent(working.nudge, working.stop)
    with _logged(folder), _pages(folder, config):
        if shown is not None:
            shown.begin(folder)
        while True:
            life = LifeSign(folder.path / LOG)
            notify = shown or _silent
            worker, lock, client = _mended_worker(folder, config, notify=notify, sign=life.sign)
            try:
                working.begin(worker)
                with life:
                    worker.run()
            except DamagedError as fault:
                damaged = fault
            else:
                return OK
            finally:
                _end(folder, worker, client, lock)
            with closing(Lock(folder, "sync", wait_s=LOCK_WAIT_S)):
                if not mend(folder, damaged):
                    raise damaged


def _pages(folder: Folder, config: Config) -> AbstractContextManager[None]:
    """The pages of a venue without a server, at its host, where they are wanted."""
    if not (config.web.listen and folder.venue.exists()):
        return nullcontext()
    from gate.lane.operators import Operators
    from gate.reports.ticket_import import import_files
    from sync.host.pages import shown

    return shown(folder, config.web.listen, Operators(folder).rows, import_files, config)


class _CurrentWorker:
    """The worker that is at work now: after a file was mended it is another one."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._is_stopping = False

    def begin(self, worker: Worker) -> None:
        """From now on it is this one."""
        self._worker = worker
        if self._is_stopping:
            worker.stop()

    def nudge(self) -> None:
        """Say that there is something new; from any thread."""
        if self._worker is not None:
            self._worker.nudge()

    def stop(self, within_s: float = 0.0) -> None:
        """Come to an end soon, or at the latest within so long; from any thread."""
        self._is_stopping = True
        if self._worker is not None:
            self._worker.stop(within_s)


def ask_to_try(folder: Folder) -> None:
    """Have the worker that is running try now. Raises UsageError when there is none."""
    if not is_locked(folder, "sync"):
        raise UsageError(
            _("no sync worker is running"), _("Start the lane, or the worker with: gate sync")
        )
    try_now(folder)


class _StatusLine:
    """Tells whoever watches on a terminal how things stand, whenever that changes."""

    def __init__(self) -> None:
        self._last = ""

    def begin(self, folder: Folder) -> None:
        """Say who is at work, and how to end it."""
        enrolment = load(folder)
        name = printable(enrolment.name if enrolment else "") or folder.device_id()
        if enrolment and enrolment.credential:
            line = _("{name} talks to {server}. Ctrl+C ends it.")
            self._write(line.format(name=name, server=printable(enrolment.url, 200)))
        else:
            line = _("{name} talks to the other gates. Ctrl+C ends it.")
            self._write(line.format(name=name))

    def __call__(self, status: SyncStatus) -> None:
        """Say it, if it is new."""
        links = {
            "stream": _("the server is heard"),
            "poll": _("the server is asked again and again"),
        }
        server = links.get(status.link, "") or printable(status.last_error, 200)
        if status.server and not server:
            return
        gates = _("gates heard: {n}").format(n=status.connected_peers)
        has_gates = status.connected_peers or not status.server
        line = " · ".join([*([server] if server else []), *([gates] if has_gates else [])])
        if line != self._last:
            self._last = line
            self._write(line)

    def _write(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def _silent(_status: SyncStatus) -> None:
    """Nobody watches."""


def _end(folder: Folder, worker: Worker, client: ServerClient | None, lock: Lock) -> None:
    worker.close()
    try:
        if isinstance(sys.exception(), Revoked):
            revoke(folder, lambda marks: sign(folder, marks))
            log.warning("this device was revoked: names, codes and keys are deleted")
    finally:
        _close(client, lock)


def _close(client: ServerClient | None, lock: Lock) -> None:
    if client is not None:
        client.close()
    lock.close()


def exit_code(fault: GateError) -> int:
    """What a fault makes of a run; only those after which a new try is of no use are 2 and 4."""
    if isinstance(fault, UsageError):
        return USAGE
    if isinstance(fault, ServerUnreachable):
        return UNREACHABLE
    is_over = isinstance(fault, Unauthorized | ProtocolMismatch | RevokedError)
    return UNAUTHORIZED if is_over else FAILED


def _worker(
    folder: Folder,
    config: Config,
    *,
    progress: Progress = lambda _what, _done, _total: None,
    notify: Callable[[SyncStatus], None] = _silent,
    sign: Callable[[], None] = lambda: None,
) -> tuple[Worker, Lock, ServerClient | None]:
    require_not_revoked(folder)
    enrolment = load(folder)
    membership = load_membership(folder)
    if enrolment is None and membership is None:
        raise UsageError(
            _("this device is not enrolled with a server or a venue"),
            _("Enrol it with: gate enrol"),
        )
    folder.create()
    enrolment = enrolment or Enrolment("", "", "")
    # Whoever looks whether a worker lives holds the lock for a moment.
    lock = Lock(folder, "sync", wait_s=LOCK_WAIT_S)
    client = ServerClient(enrolment) if enrolment.credential else None
    try:
        worker = Worker(
            folder,
            enrolment,
            client,
            SystemClock(),
            gate=config.named(enrolled_name(folder)).place().gate,
            poll_s=config.sync.poll_s,
            membership=membership,
            lan=config.lan,
            progress=progress,
            notify=notify,
            sign=sign,
        )
    except BaseException:
        _close(client, lock)
        raise
    return worker, lock, client


def _mended_worker(
    folder: Folder, config: Config, **more: Any
) -> tuple[Worker, Lock, ServerClient | None]:
    """The same, where the peer store is damaged already with a new one."""
    try:
        return _worker(folder, config, **more)
    except DamagedError as fault:
        with closing(Lock(folder, "sync", wait_s=LOCK_WAIT_S)):
            if not mend(folder, fault):
                raise
        return _worker(folder, config, **more)


@contextmanager
def _logged(folder: Folder) -> Iterator[None]:
    """What happens meanwhile, and the fault that ends it, goes into ``sync.log``."""
    root, kept = logging.getLogger(), open_log(folder.path / LOG)
    root.addHandler(kept)
    root.setLevel(logging.INFO)
    try:
        yield
    except GateError as fault:
        log.error("%s %s", fault.message, fault.hint)
        raise
    except Exception:
        log.exception("unforeseen fault")
        raise
    finally:
        root.removeHandler(kept)
        kept.close()
