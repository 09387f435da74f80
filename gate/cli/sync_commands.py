"""What ``gate enrol`` and ``gate sync`` do."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

import msgspec
from rich.cells import cell_len

from gate import __version__
from gate.clock import SystemClock
from gate.config import Config
from gate.core.enrolment import Enrol
from gate.core.outcome import Basis
from gate.errors import BusyError, DamagedError, GateError, RevokedError, UsageError
from gate.i18n import _
from gate.storage import damage
from gate.storage.bundle import sign
from gate.storage.certificates import join, load_membership
from gate.storage.connectivity import HEARD_WITHIN_S, ConnectivityReader
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment, load, parse_link, save
from gate.storage.folder import Folder, Lock, is_locked
from gate.storage.log_file import open_log
from gate.storage.mending import mend
from gate.storage.naming import enrolled_name
from gate.storage.nudge import try_now
from gate.storage.peer_store import PeerStore
from gate.storage.revocation import is_revoked, require_not_revoked, revoke, revoked
from gate.storage.sync_status import SyncStatus
from gate.storage.tickets import Tickets
from gate.text.connectivity_words import basis_words
from gate.text.damage_words import damage_end
from gate.text.printable import printable
from sync.session.send_window import unacked
from sync.transport.http_client import (
    ProtocolMismatch,
    Revoked,
    ServerClient,
    ServerUnreachable,
    Unauthorized,
    asked_in_vain,
    enrol,
)
from sync.transport.tls import fetch_certificate
from sync.worker.feed_follower import Progress
from sync.worker.status_writer import alarmed
from sync.worker.worker import Worker, follow_parent

log = logging.getLogger(__name__)

DONE, FAILED, USAGE, UNREACHABLE, NOT_WELCOME, QUARANTINED = 0, 1, 2, 3, 4, 5
"""Exit codes of ``gate sync``: see ``docs/network.md``."""
LOCK_WAIT_S = 3.0
PARENT_S = 5.0
"""Whoever ends a service ends all of it at once: the lane is to be closed before its worker is."""


def enrol_device(folder: Folder, link: str, *, again: bool, name: str = "") -> Enrolment:
    """Trade a link for a credential and keep it; ``name`` is what the gate calls itself.

    Raises UsageError, ServerFault.
    """
    if folder.enrolment.exists() and not again:
        raise UsageError(
            _("this device is enrolled already"),
            _("To enrol it anew, with another link: gate enrol --again"),
        )
    require_not_revoked(folder)
    invitation = parse_link(link)
    folder.create()
    if is_locked(folder, "sync"):
        raise UsageError(_("this gate is at work"), _("Close its lane first; the link stays good."))
    try:
        certificate = fetch_certificate(invitation)
    except OSError as error:
        raise ServerUnreachable(
            _("the server cannot be reached: {detail}").format(detail=error),
            asked_in_vain(),
        ) from error
    key = DeviceKey(folder)
    asked = Enrol(invitation.token, folder.device_id(), key.public, __version__, name)
    answer = enrol(invitation.url, certificate, asked)
    enrolment = Enrolment(
        url=invitation.url,
        credential=answer.credential,
        event=answer.event,
        event_name=answer.event_name,
        name=answer.name,
        time_zone=answer.time_zone,
        certificate=certificate,
    )
    join(folder, answer)
    save(folder, enrolment)
    return enrolment


def sync_once(folder: Folder, config: Config, progress: Progress) -> int:
    """Tell and hear everything once; the answer is the exit code."""
    worker, lock, client = _mended_worker(folder, config, progress=progress)
    try:
        if client is None:
            raise UsageError(
                _("this device has no server; the other gates are heard while it works"),
                _("Let it work: gate sync"),
            )
        with _logged(folder):
            worker.once()
        return QUARANTINED if worker.quarantined() else DONE
    finally:
        _end(folder, worker, client, lock)


def sync_on(folder: Folder, config: Config, *, is_child: bool) -> int:
    """Work until stopped; the answer is the exit code."""
    shown = _Shown() if sys.stderr.isatty() and not is_child else None
    working = _Working()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        # Started with nohup it is to outlive the window.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: working.stop(PARENT_S if is_child else 0))
    if is_child:
        follow_parent(working.nudge, working.stop)
    with _logged(folder):
        if shown is not None:
            shown.begin(folder)
        while True:
            worker, lock, client = _mended_worker(folder, config, notify=shown or _silent)
            try:
                working.begin(worker)
                worker.run()
            except DamagedError as fault:
                damaged = fault
            else:
                return DONE
            finally:
                _end(folder, worker, client, lock)
            with closing(Lock(folder, "sync", wait_s=LOCK_WAIT_S)):
                if not mend(folder, damaged):
                    raise damaged


class _Working:
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


class _Shown:
    """Tells whoever watches on a terminal how things stand, whenever that changes."""

    def __init__(self) -> None:
        self._last = ""

    def begin(self, folder: Folder) -> None:
        """Say who is at work, and how to end it."""
        enrolment = load(folder)
        name = printable(enrolment.name if enrolment else "") or folder.device_id()
        if enrolment and enrolment.credential:
            told = _("{name} talks to {server}. Ctrl+C ends it.")
            self._write(told.format(name=name, server=printable(enrolment.url, 200)))
        else:
            told = _("{name} talks to the other gates. Ctrl+C ends it.")
            self._write(told.format(name=name))

    def __call__(self, freshness: SyncStatus) -> None:
        """Say it, if it is new."""
        links = {
            "stream": _("the server is heard"),
            "poll": _("the server is asked again and again"),
        }
        server = links.get(freshness.link, "") or printable(freshness.last_error, 200)
        if freshness.server and not server:
            return
        gates = _("gates heard: {n}").format(n=freshness.gates)
        has_gates = freshness.gates or not freshness.server
        said = " · ".join([*([server] if server else []), *([gates] if has_gates else [])])
        if said != self._last:
            self._last = said
            self._write(said)

    def _write(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def _silent(_freshness: SyncStatus) -> None:
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
    return NOT_WELCOME if is_over else FAILED


def status(folder: Folder, heard_within_s: float = HEARD_WITHIN_S) -> dict[str, Any]:
    """How things stand, whether or not a worker is at work."""
    clock = SystemClock().read()
    standing = ConnectivityReader(folder, heard_within_s).read(clock)
    fresh = standing.freshness
    enrolment = load(folder)
    is_working = is_locked(folder, "sync")
    kept = _Kept(fresh.unacked, fresh.quarantined, fresh.alarms, fresh.floods)
    if not is_working:
        # A worker that has just begun tells from now on.
        with suppress(BusyError, DamagedError):
            kept = _kept(folder)
    has_server = enrolment is not None and bool(enrolment.credential)

    def ago_s(boot_ms: int | None) -> float | None:
        return None if boot_ms is None else round((clock.boot_ms - boot_ms) / 1000, 1)

    def age_s(at_ms: int | None) -> float | None:
        # By the clock of the server, as far as that was measured.
        now_ms = clock.wall_ms + (fresh.ahead_ms or 0)
        return None if at_ms is None else max(0.0, round((now_ms - at_ms) / 1000, 1))

    return {
        "revoked": is_revoked(folder),
        "server": enrolment.url if enrolment and has_server else "",
        "member": load_membership(folder) is not None,
        "event": enrolment.event if enrolment else "",
        "name": enrolment.name if enrolment else "",
        "working": is_working,
        "link": fresh.link if is_working else "",
        "basis": standing.coverage.basis.value,
        "basis_age_ms": standing.age_ms,
        "refetching": standing.coverage.is_refetching,
        "unheard": [lane.name or lane.device for lane in standing.coverage.unheard],
        "gates_heard": fresh.gates if is_working else 0,
        "turned_away": fresh.turned_away,
        "server_heard_s_ago": ago_s(fresh.server_boot_ms),
        "tickets_complete_s_ago": ago_s(fresh.tickets_boot_ms),
        "tickets_as_of_s_ago": age_s(_built_ms(folder)),
        # Only the worker knows what other gates hold.
        "unacked": kept.unacked if has_server else fresh.unacked,
        "quarantined": kept.quarantined,
        "server_ahead_ms": fresh.ahead_ms,
        "server_error_ms": fresh.error_ms,
        "alarms": list(kept.alarms),
        "floods": list(kept.floods),
        "disk_full": fresh.is_full,
        "last_error": fresh.last_error,
        "damaged": [
            {
                "file": one.file,
                "why": one.why,
                "s_ago": max(0.0, round((clock.wall_ms - one.at_ms) / 1000, 1)),
                "is_mended": one.mended_ms > 0,
                "lost": one.lost,
                "told": damage_end(one),
            }
            for one in damage.every(folder)
        ],
        "others": [
            {
                "device": lane.device,
                "name": lane.name,
                "active": lane.active,
                "state": lane.state,
                "heard_s_ago": ago_s(lane.central_boot_ms),
                "lan_heard_s_ago": ago_s(lane.lan_boot_ms),
                "held_s_ago": ago_s(lane.held_boot_ms),
                "behind": lane.behind,
                "unacked": lane.unacked,
            }
            for lane in fresh.lanes
        ],
    }


def as_json(told: dict[str, Any]) -> str:
    """One line for programs."""
    return msgspec.json.encode(told).decode()


def _built_ms(folder: Folder) -> int | None:
    """As of when the tickets here are complete, by the clock of whoever made them."""
    if not folder.pointer.exists():
        return None
    with closing(Tickets(folder)) as tickets:
        with suppress(DamagedError):
            tickets.refresh()
        return tickets.replica.built_ms or None


def as_text(told: dict[str, Any], words: Callable[[float | None], str]) -> str:
    """Lines for people; ``words`` says how long ago something was."""
    if told["revoked"]:
        return revoked().message
    if not told["server"] and not told["member"]:
        return _("not enrolled with a server or a venue")
    offset = _("not measured")
    if told["server_ahead_ms"] is not None:
        offset = f"{told['server_ahead_ms']:+d} ± {told['server_error_ms']} ms"
    complete_s = told["tickets_complete_s_ago"]
    if complete_s is None:
        complete_s = told["tickets_as_of_s_ago"]
    basis = basis_words(Basis(told["basis"]), told["basis_age_ms"])
    if told["refetching"]:
        basis += " · " + _("what the others did is being fetched again")
    elif told["unheard"]:
        unheard = ", ".join(printable(name, 40) for name in told["unheard"])
        basis += " · " + _("not heard: {lanes}").format(lanes=unheard)
    lines = [
        (_("server"), told["server"] or _("none: the gates keep each other informed")),
        *([(_("event"), told["event"])] if told["event"] else []),
        *([(_("known there as"), told["name"])] if told["name"] else []),
        (_("sync worker"), _("at work") if told["working"] else _("not running")),
        (_("verdicts"), basis),
        (_("gates heard"), str(told["gates_heard"])),
        *(
            [
                (_("server heard"), words(told["server_heard_s_ago"])),
                (_("server's clock"), offset),
            ]
            if told["server"]
            else []
        ),
        (_("tickets complete"), words(complete_s)),
        (_("unsent"), str(told["unacked"])),
        (_("quarantined"), str(told["quarantined"])),
        *([(_("ALARM"), ", ".join(told["alarms"]))] if told["alarms"] else []),
        *([(_("TELLS TOO MUCH"), ", ".join(told["floods"]))] if told["floods"] else []),
        *(
            [(_("DISK FULL"), _("nothing of other devices is taken in; scanning goes on"))]
            if told["disk_full"]
            else []
        ),
        *(
            (_("damaged"), f"{printable(one['why'], 200)} · {words(one['s_ago'])} · {one['told']}")
            for one in told["damaged"]
        ),
        *([(_("last error"), told["last_error"])] if told["last_error"] else []),
    ]
    width = max(cell_len(name) for name, _said in lines)
    return "\n".join(f"{name}{' ' * (width - cell_len(name))}  {said}" for name, said in lines)


def _worker(
    folder: Folder,
    config: Config,
    *,
    progress: Progress = lambda _what, _done, _total: None,
    notify: Callable[[SyncStatus], None] = _silent,
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


class _Kept(NamedTuple):
    """What the files say, whoever has or has not said it in this boot."""

    unacked: int
    quarantined: int
    alarms: tuple[str, ...]
    floods: tuple[str, ...]


def _kept(folder: Folder) -> _Kept:
    """What the files say, while no worker has them. Raises BusyError."""
    if not folder.peers.exists() and not folder.journal.exists():
        return _Kept(0, 0, (), ())
    with closing(Lock(folder, "sync")), closing(PeerStore(folder)) as peer_store:
        waiting = unacked(peer_store, peer_store.receipts.acked())
        floods = tuple(peer_store.floods())
        return _Kept(waiting, peer_store.quarantine.count(), alarmed(peer_store), floods)


def unsent_of(folder: Folder) -> int:
    """How many of this device's entries the server has not said it holds."""
    return _kept(folder).unacked


@contextmanager
def _logged(folder: Folder) -> Iterator[None]:
    """What happens meanwhile, and the fault that ends it, goes into ``sync.log``."""
    root, kept = logging.getLogger(), open_log(folder.path / "sync.log")
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
