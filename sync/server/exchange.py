"""The server's side of the exchange with a device: what it brings taken in, and it answered."""

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from gate.clock import boot_ms, read_wall_ms
from gate.core.entry import device_of
from gate.core.replication import Have, tips_to_text
from gate.core.signed_tip import Rejected, SignedTip
from gate.i18n import _
from gate.storage.device_key import is_good
from gate.storage.room import has_room
from sync.server import journals
from sync.server.database import file_of
from sync.server.device_reports import CLOCK
from sync.server.devices import Device
from sync.server.http import Denied, decode
from sync.server.intake import Push
from sync.server.push_batches import quarantine, read_entries
from sync.wire import MAX_LATER, Frame, SyncRequest, SyncResponse, SyncResponseStamp

if TYPE_CHECKING:
    from sync.server.server import Server

TIPS_AT_ONCE = 8
"""More signatures than these are checked beside the event loop."""
BYTES_AT_ONCE = 64 * 1024
"""A longer body is decoded beside the event loop."""
LANES_EVERY_S = 1.0
_decoder = msgspec.json.Decoder(SyncRequest)


class Left(NamedTuple):
    """What was not taken in of what a device brought."""

    rejected: Sequence[Rejected] = ()
    """Never will be."""
    later: Sequence[str] = ()
    """Devices of which more came than is taken now."""


class Exchange:
    """The exchange of one server process with all devices."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._file = file_of(str(server.engine.url))
        self._lanes_sent_s: dict[str, float] = {}

    async def decode(self, body: bytes) -> SyncRequest:
        """What a device asks. Raises Denied."""
        if len(body) > BYTES_AT_ONCE:
            return await self._server.access.beside(decode, _decoder, body)
        return decode(_decoder, body)

    async def answer(self, device: Device, request: SyncRequest) -> SyncResponse:
        """Take in what a device brought, and say what there is to say to it."""
        server, frame = self._server, request.frame
        touched, left = await self.take(device, request)
        if frame.compares:
            answer = await server.read(journals.answer, device.event, frame, touched)
        else:
            answer = Frame(have=tips_to_text(touched))
        answer = msgspec.structs.replace(answer, rejected=left.rejected, later=left.later)
        head = await server.tip_cache.cursor(device.event)
        lanes = server.device_cache.lanes(device.event) if self._is_due(device, frame) else None
        stamp = self.stamp(device.event, request, with_devices=lanes is not None)
        upstream = server.upstream_state(device.event) if lanes is not None else None
        return SyncResponse(answer, read_wall_ms(), head, lanes, stamp, upstream)

    def stamp(
        self, event: str, request: SyncRequest | None = None, *, with_devices: bool = False
    ) -> SyncResponseStamp:
        """How this server's clock stands now; ``request`` is what it answers."""
        marks = self._server.device_cache.watermarks(event) if with_devices else {}
        stamped = request.stamp if request is not None else None
        got_ms = stamped.at_ms if stamped is not None else None
        return SyncResponseStamp(CLOCK, boot_ms(), got_ms, marks)

    async def take(self, device: Device, request: SyncRequest) -> tuple[Have, Left]:
        """Take in what a device brought: what is held then of it, and what was left of it.

        Raises Denied when the disk is full.
        """
        server, frame = self._server, request.frame
        server.device_cache.reports.note(device.id, request.report, request.stamp)
        if not frame.entries and not frame.signed_tips:
            return {}, Left()
        if self._file is not None and not has_room(self._file):
            raise Denied(507, "full", _("The server's disk is full."), {"Retry-After": "10"})
        if sum(len(memoryview(raw)) for raw in frame.entries) > BYTES_AT_ONCE:
            read = await server.access.beside(read_entries, frame.entries)
        else:
            read = read_entries(frame.entries)
        carried, rejected, bodies = read
        if rejected:
            server.metrics.rejected.inc(len(rejected))
            await server.write(
                partial(
                    quarantine,
                    device=device.id, rejected=rejected, bodies=bodies, now_ms=read_wall_ms(),
                )
            )  # fmt: skip
        if len(frame.signed_tips) > TIPS_AT_ONCE:
            signed_tips = await server.access.beside(self._good, device, frame.signed_tips)
        else:
            signed_tips = self._good(device, frame.signed_tips)
        if not carried and not signed_tips:
            return {}, Left(rejected)
        vouched = {(tip.origin, tip.seq, tip.hash) for tip in signed_tips}
        taken = await server.push_batches.take(
            device.event, Push(device.id, carried, vouched, signed_tips)
        )
        touched, left = taken.tips, Left(rejected, sorted(taken.later)[:MAX_LATER])
        if device.id in taken.later:
            server.callers.charge_flood(device)
        # Of what it brought and we do not hold, for want of what came before, it must be told.
        for one in carried:
            if device_of(one.entry.origin) == device.id:
                touched.setdefault(one.entry.origin, frozenset())
        server.metrics.entries.inc(len(carried))
        server.metrics.pushes.inc()
        server.streams.wake(device.event, touched)
        return touched, left

    def _good(self, device: Device, signed_tips: list[SignedTip]) -> list[SignedTip]:
        """The tips to keep. Its own need no proof here: whoever is handed them on checks them."""
        good = []
        for tip in signed_tips:
            maker = device_of(tip.origin)
            key = self._server.device_cache.key_of(device.event, maker)
            if maker == device.id or (key and is_good(tip, key)):
                good.append(tip)
        return good

    def _is_due(self, device: Device, frame: Frame) -> bool:
        now_s = time.monotonic()
        if not frame.compares and now_s - self._lanes_sent_s.get(device.id, 0.0) < LANES_EVERY_S:
            return False
        self._lanes_sent_s[device.id] = now_s
        return True
