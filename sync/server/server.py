"""What the routes share: the database, who may come, what is new, and the running parts."""

import asyncio
import hmac
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from gate.clock import boot_ms, read_wall_ms
from gate.core.model import device_of
from gate.core.replication import Have, tips_to_text
from gate.core.signed_tip import Rejected, SignedTip
from gate.errors import StoreError
from gate.i18n import _
from gate.storage.device_key import is_good
from gate.storage.room import has_room
from sync.server import audit, devices, journals, organisers
from sync.server.audit import Actor
from sync.server.database import GroupCommit, file_of, reading
from sync.server.device_cache import CLOCK, READ_EVERY_S, DeviceCache
from sync.server.devices import Device, State
from sync.server.head_cache import Memory
from sync.server.http import Denied, decode
from sync.server.intake import Push
from sync.server.limits import Buckets
from sync.server.metrics import Metrics
from sync.server.organisers import ROOT, Organiser, Right
from sync.server.push_batches import PushBatches, Writer, quarantine, read_entries
from sync.server.snapshot import Snapshots
from sync.server.stream import Streams
from sync.server.tip_cache import TipCache
from sync.session.twins import RUN_HEADER, Twins
from sync.transport.listening import CONNECTION
from sync.wire import MAX_LATER, Frame, SyncRequest, SyncResponse, SyncResponseStamp

log = logging.getLogger(__name__)
T = TypeVar("T")
READERS = 4
HEADS_AT_ONCE = 8
"""More signatures than these are checked beside the event loop."""
BYTES_AT_ONCE = 64 * 1024
"""A longer body is decoded beside the event loop."""
LANES_EVERY_S = 1.0
USED_EVERY_MS = 3_600_000
FAILED_EVERY_S = 60.0
"""How often failed sign-ins are written into the audit log, all of an address in one row."""
FAILED_AT_ONCE = 20
"""Addresses that get a row of their own each time; all others share one."""
OF_DEVICE, OF_BACKEND = 16, 200
"""Connections of one device, and of one token of the organiser's or of a part's."""
FLOOD_COSTS = 10.0
"""As how many requests one counts that brought more than is taken now."""
_decoder = msgspec.json.Decoder(SyncRequest)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server was told at its start."""

    folder: Path
    """Where it keeps its snapshots."""
    admin_hash: str
    """SHA-256 of the admin token, hex."""
    url: str = ""
    """How others reach it, where that is not where a request finds it (``--url``)."""
    device_per_s: float = 50.0
    device_burst: float = 200.0
    address_per_s: float = 5.0
    """Enrolments and failed credentials of one address."""
    address_burst: float = 20.0
    body_s: float = 20.0
    """How long a body may take."""
    snapshot_wait_s: float = 5.0


class Left(NamedTuple):
    """What was not taken in of what a device brought."""

    refused: Sequence[Rejected] = ()
    """Never will be."""
    later: Sequence[str] = ()
    """Devices of which more came than is taken now."""


TWIN_EVERY_MS = 60_000
"""How often it is written down at most that a device has a twin."""


class Server:
    """One process of the central server, between its start and its end."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.metrics = Metrics()
        self.device_cache = DeviceCache(partial(self.read, devices.all_devices))
        self.tip_cache = TipCache(self.read)
        self.streams = Streams(self)
        self.snapshots = Snapshots(engine, settings.folder / "snapshots")
        self._file = file_of(str(engine.url))
        self._devices = Buckets(settings.device_per_s, settings.device_burst)
        self._addresses = Buckets(settings.address_per_s, settings.address_burst)
        self._told_lanes: dict[str, float] = {}
        self._used_ms: dict[str, int] = {}
        self._failures: Counter[str] = Counter()
        self._failures_s = float("-inf")
        self._twins = Twins()
        self._twinned: set[str] = set()
        """Devices with a twin that is not written down yet."""
        self._readers = ThreadPoolExecutor(READERS, "read")
        self._commit: GroupCommit | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.metrics.watch("gate_streams", "Connected streams", lambda: self.streams.connected)
        self.metrics.watch("gate_devices_heard", "Devices heard in the last minute", self._heard)

    async def start(self) -> None:
        """Begin to work."""
        self._commit = GroupCommit(self.engine)
        self.writer = Writer(self._commit)
        self.memory = Memory(self.engine)
        self.push_batches = PushBatches(self._commit, self.memory)
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Finish what is waiting, and stop."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await self.streams.stop()
        await self.snapshots.stop()
        if self._commit is not None:
            with suppress(SQLAlchemyError):
                await self._flush()
                await self._note_failures()
            await asyncio.to_thread(self._commit.close)
        self._readers.shutdown()

    async def read(self, job: Callable[..., T], *arguments: Any) -> T:
        """Have something read, in a short transaction of its own, beside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, job, arguments)

    def _read(self, job: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        with reading(self.engine) as connection:
            return job(connection, *arguments)

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Have something written; on disk when this returns."""
        return await self.writer.do(job)

    def tell_changes(self, event: str) -> None:
        """The feed of an event went on here: let connected devices hear of it."""
        self.tip_cache.forget(event)
        self.streams.wake(event, {})

    async def device_of(self, asking: HTTPConnection) -> Device:
        """The device whose credential came with a request. Raises Denied."""
        hashed = self._hash_of(asking)
        await self.device_cache.freshen()
        device = self.device_cache.with_credential(hashed) if hashed else None
        if device is None:
            self._count_failure(asking)
            if hashed:
                # It may have enrolled at another server just now.
                await self.device_cache.refresh()
                device = self.device_cache.with_credential(hashed)
            if device is None:
                raise _unauthorised()
        if device.state == State.REVOKED:
            self._count_failure(asking)
            raise Denied(401, "revoked", _("This device was revoked. Ask a supervisor."))
        prove(asking, device.id, OF_DEVICE)
        self.note_run(device, run_of(asking))
        return device

    def note_run(self, device: Device, run: str) -> None:
        """A worker of a device was heard; two machines may be the same one."""
        if self._twins.seen(device.credential, run, time.monotonic()):
            self.note_twin(device)

    def note_twin(self, device: Device) -> None:
        """Two machines use one credential: who has to know is told."""
        known = self.device_cache.get(device.id) or device
        if read_wall_ms() - known.twin_ms < TWIN_EVERY_MS:
            return
        if device.id not in self._twinned:
            self._twinned.add(device.id)
            log.warning("another machine uses the credential of device %s", device.id)

    async def organiser_of(self, asking: HTTPConnection, right: Right, event: str) -> Organiser:
        """Whose token came with a request, for a right and, if one is named, an event.

        Raises Denied.
        """
        stated, now_ms = self._hash_of(asking), read_wall_ms()
        found: Organiser | None = None
        if stated and hmac.compare_digest(stated, self.settings.admin_hash):
            found = ROOT
        elif stated:
            found = await self.read(organisers.with_token, stated)
        if found is None:
            self._count_failure(asking)
            raise _unauthorised()
        if found.ends_ms and found.ends_ms <= now_ms:
            self._count_failure(asking)
            raise Denied(
                401, "expired_token", _("This token has come to its end. Ask for another.")
            )
        if right not in found.rights:
            reason = _("This token lacks the right: {right}").format(right=right.value)
            raise Denied(403, "not_allowed", reason)
        if event:
            check_reach(found, event)
        prove(asking, f"token {found.id}", OF_BACKEND)
        await self._note_use(found, asking, now_ms)
        return found

    async def _note_use(self, organiser: Organiser, asking: HTTPConnection, now_ms: int) -> None:
        """The audit log has every token's first use, and then one an hour."""
        if now_ms - self._used_ms.get(organiser.id, 0) < USED_EVERY_MS:
            return
        self._used_ms[organiser.id] = now_ms

        def keep(connection: Connection) -> None:
            organisers.note_use(connection, organiser.id, now_ms)
            actor = Actor(organiser.who, address_of(asking))
            audit.note(connection, actor, "token used", now_ms, event=organiser.event)

        await self.write(keep)

    def check_rate(self, device: Device) -> None:
        """Raises Denied when a device asks too often."""
        _not_before(self._devices.take(device.id))

    def wait_of(self, device: Device) -> float:
        """How many seconds a device on a stream has to wait."""
        return self._devices.take(device.id)

    def public_url(self, asking: HTTPConnection) -> str:
        """Where the server is reached, without a slash at its end.

        As it was told at its start, or else as whoever asks has reached it.
        """
        return self.settings.url or str(asking.base_url).rstrip("/")

    def check_address(self, asking: HTTPConnection) -> None:
        """Raises Denied when an address does too often what strangers do."""
        _not_before(self._addresses.take(address_of(asking)))

    def _count_failure(self, asking: HTTPConnection) -> None:
        address = address_of(asking)
        is_new = address not in self._failures
        self._failures["" if is_new and len(self._failures) >= FAILED_AT_ONCE else address] += 1
        self.check_address(asking)

    def _hash_of(self, asking: HTTPConnection) -> str:
        scheme, _space, secret = asking.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "bearer" or not secret or len(secret) > 200:
            return ""
        return devices.hash_of(secret.strip())

    async def read_ask(self, body: bytes) -> SyncRequest:
        """What a device asks. Raises Denied."""
        if len(body) > BYTES_AT_ONCE:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, decode, _decoder, body)
        return decode(_decoder, body)

    async def exchange(self, device: Device, ask: SyncRequest) -> SyncResponse:
        """Take in what a device brought, and say what there is to say to it."""
        frame = ask.frame
        touched, left = await self.take(device, ask)
        if frame.compares:
            said = await self.read(journals.answer, device.event, frame, touched)
        else:
            said = Frame(have=tips_to_text(touched))
        said = msgspec.structs.replace(said, refused=left.refused, later=left.later)
        head = await self.tip_cache.cursor(device.event)
        lanes = self.device_cache.lanes(device.event) if self._is_due(device, frame) else None
        stamp = self.stamp(device.event, ask, with_devices=lanes is not None)
        return SyncResponse(said, read_wall_ms(), head, lanes, stamp)

    def stamp(
        self, event: str, ask: SyncRequest | None = None, *, with_devices: bool = False
    ) -> SyncResponseStamp:
        """How this server's clock stands now; ``ask`` is what it answers."""
        marks = self.device_cache.watermarks(event) if with_devices else {}
        got_ms = ask.stamp.at_ms if ask is not None and ask.stamp is not None else None
        return SyncResponseStamp(CLOCK, boot_ms(), got_ms, marks)

    async def take(self, device: Device, ask: SyncRequest) -> tuple[Have, Left]:
        """Take in what a device brought: what is held then of it, and what was left of it.

        Raises Denied when the disk is full.
        """
        self.device_cache.hear(device.id, ask.report, ask.stamp)
        frame = ask.frame
        if not frame.entries and not frame.signed_tips:
            return {}, Left()
        if self._file is not None and not has_room(self._file):
            raise Denied(507, "full", _("The server's disk is full."), {"Retry-After": "10"})
        loop = asyncio.get_running_loop()
        if sum(len(memoryview(raw)) for raw in frame.entries) > BYTES_AT_ONCE:
            carried, refused, bodies = await loop.run_in_executor(
                self._readers, read_entries, frame.entries
            )
        else:
            carried, refused, bodies = read_entries(frame.entries)
        if refused:
            self.metrics.refused.inc(len(refused))
            now_ms = read_wall_ms()
            await self.write(lambda c: quarantine(c, device.id, refused, bodies, now_ms))
        if len(frame.signed_tips) > HEADS_AT_ONCE:
            signed_tips = await loop.run_in_executor(
                self._readers, self._good, device, frame.signed_tips
            )
        else:
            signed_tips = self._good(device, frame.signed_tips)
        if not carried and not signed_tips:
            return {}, Left(refused)
        vouched = {(head.origin, head.seq, head.hash) for head in signed_tips}
        taken = await self.push_batches.take(
            device.event, Push(device.id, carried, vouched, signed_tips)
        )
        touched, left = taken.tips, Left(refused, sorted(taken.later)[:MAX_LATER])
        if device.id in taken.later:
            # What it goes on to send is read and thrown away: let it cost the sender.
            self._devices.take(device.id, FLOOD_COSTS)
        # Of what it brought and we do not hold, for want of what came before, it must hear.
        for one in carried:
            if device_of(one.entry.origin) == device.id:
                touched.setdefault(one.entry.origin, frozenset())
        self.metrics.entries.inc(len(carried))
        self.metrics.push_batches.inc()
        self.streams.wake(device.event, touched)
        return touched, left

    def _good(self, device: Device, signed_tips: list[SignedTip]) -> list[SignedTip]:
        """The heads to keep. Its own need no proof here: whoever is handed them on checks them."""
        good = []
        for head in signed_tips:
            maker = device_of(head.origin)
            key = self.device_cache.key_of(device.event, maker)
            if maker == device.id or (key and is_good(head, key)):
                good.append(head)
        return good

    def _is_due(self, device: Device, frame: Frame) -> bool:
        now = time.monotonic()
        if not frame.compares and now - self._told_lanes.get(device.id, 0.0) < LANES_EVERY_S:
            return False
        self._told_lanes[device.id] = now
        return True

    def _heard(self) -> float:
        return self.device_cache.heard_since(read_wall_ms() - 60_000)

    async def _keep(self) -> None:
        while True:
            try:
                await self._flush()
                if time.monotonic() - self._failures_s >= FAILED_EVERY_S:
                    await self._note_failures()
                await self.device_cache.refresh()
                self.streams.cut_revoked()
                self.streams.note_twins()
            except (SQLAlchemyError, StoreError) as error:
                log.error("devices cannot be read or written: %s", type(error).__name__)
            await asyncio.sleep(READ_EVERY_S)

    async def _note_failures(self) -> None:
        failures, now_ms = self._failures, read_wall_ms()
        if not failures:
            return
        self._failures, self._failures_s = Counter(), time.monotonic()

        def keep(connection: Connection) -> None:
            for address, times in failures.items():
                act = Actor("unknown", address or "others")
                audit.note(connection, act, "sign-in failed", now_ms, about=f"{times} times")

        await self.write(keep)

    async def _flush(self) -> None:
        twinned, self._twinned = self._twinned, set()
        if twinned:
            now_ms = read_wall_ms()
            await self.write(lambda connection: devices.put_twins(connection, twinned, now_ms))
        heard = self.device_cache.heard_to_keep()
        if heard:
            await self.write(lambda connection: devices.put_heard(connection, heard))


def run_of(asking: HTTPConnection) -> str:
    """Which run of a worker asks."""
    return asking.headers.get(RUN_HEADER, "")[:64]


def prove(asking: HTTPConnection, name: str, most: int) -> None:
    """Whoever asks belongs here: its connection is no stranger's, but one of that one's."""
    connection = asking.scope.get("state", {}).get(CONNECTION)
    if connection is not None and connection.prove(name, most):
        log.warning("too many connections of %s: hung up on its oldest", name[:16])


def address_of(asking: HTTPConnection) -> str:
    """From where a request comes, as far as the server can see."""
    return asking.client.host if asking.client else ""


def check_reach(organiser: Organiser, event: str) -> None:
    """Raises Denied unless an event is among those that a token is for."""
    if not organiser.reaches(event):
        raise Denied(403, "other_event", _("This token is for another event."))


class Needs:
    """A route of the organiser's, and the right that whoever asks it has to have."""

    def __init__(
        self, server: Server, right: Right, handler: Callable[[Request], Awaitable[Response]]
    ) -> None:
        self.right = right
        self._server = server
        self._handler = handler

    async def answer(self, request: Request) -> Response:
        """Have it handled; ``organiser(request)`` says for whom. Raises Denied."""
        event = request.path_params.get("event", "")
        request.state.organiser = await self._server.organiser_of(request, self.right, event)
        return await self._handler(request)


def organiser(request: Request) -> Organiser:
    """Whose token opened the route."""
    found: Organiser = request.state.organiser
    return found


def actor(request: Request) -> Actor:
    """The same, as the audit log calls them."""
    return Actor(organiser(request).who, address_of(request))


def _not_before(wait_s: float) -> None:
    if wait_s:
        reason = _("Too many requests. Try again in {seconds} s.").format(seconds=int(wait_s) + 1)
        raise Denied(429, "too_often", reason, {"Retry-After": str(int(wait_s) + 1)})


def _unauthorised() -> Denied:
    reason = _("This needs a credential, and none or a wrong one came.")
    return Denied(401, "unauthorised", reason, {"WWW-Authenticate": "Bearer"})
