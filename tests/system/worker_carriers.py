"""What carries between a sync worker and the rest of its false world, and may be cut anywhere."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from gate.core.hlc import Reading
from gate.lane.lane import Lane
from gate.storage.certificates import Membership
from gate.storage.enrolment import Enrolment
from gate.storage.folder import Folder
from sync.transport.guard import Guard
from sync.transport.http_client import ServerClient, ServerUnreachable, _unreachable, _unwelcome
from sync.transport.lan_stream import Event, Link
from sync.wire import PREFIX, Problem, SyncRequest, SyncResponse
from sync.worker import worker as loop
from sync.worker.surroundings import Surroundings
from tests.system.fibers import Elsewhere, Kernel, Queue
from tests.system.simulation import START_MS

if TYPE_CHECKING:
    from tests.system.worker_simulation import World

TIMEOUT_S = 10.0
"""How long the client waits for an answer."""
AGAIN_S = 3
"""What a busy server says in ``Retry-After``."""


@dataclass(eq=False)
class Gate:
    """One device, its lane, and its worker while that runs."""

    name: str
    folder: Folder
    clock: "Clock"
    lane: Lane
    enrolment: Enrolment
    key: str
    hashed: str
    """Its credential, as the server knows it."""
    frozen_until_s: float = 0.0
    runs: int = 0
    """How many workers it has had."""
    worker: loop.Worker | None = None
    queue: Queue | None = None
    lan: "FalseLan | None" = None
    ended: Exception | None = None
    is_full: bool = False
    is_revoked: bool = False
    online: bool = True
    is_mute: bool = False
    """Half-open: what is sent gets lost, and nobody is told."""
    cuts: int = 0
    way_s: float = 0.01
    network: bytes = b""
    answered_s: float = float("-inf")
    heard_s: float = float("-inf")
    """When anything last came from the server, and an answer to this worker's question."""
    asked: deque[float] = field(default_factory=deque)
    tries: list[tuple[float, float]] = field(default_factory=list)
    """Questions that failed: when each was begun, and when it had failed."""
    warnings: int = 0
    """How often it was told since the last answer that the server is away."""
    told_errors: list[str] = field(default_factory=list)
    made: list[tuple[float, str]] = field(default_factory=list)
    """Its entries, by hash, and when each was first seen."""
    stopped_s: float | None = None
    """When the worker was asked to end."""

    @property
    def device(self) -> str:
        return self.folder.device_id()


@dataclass
class Clock:
    """A gate's clocks: the wall clock is set now and then, the boot clock never."""

    kernel: Kernel
    off_ms: int
    wall_ms: int = 0

    def read(self) -> Reading:
        now_ms = round(self.kernel.now_s * 1000)
        return Reading(START_MS + now_ms + self.wall_ms, now_ms + self.off_ms, "boot")

    def is_synchronised(self) -> bool:
        return False


class Around(Surroundings):
    """What a worker finds around it here."""

    def __init__(self, world: "World", gate: Gate) -> None:
        self._world, self._gate = world, gate

    def now_s(self) -> float:
        return self._world.kernel.look()

    def queue(self) -> Queue:
        self._gate.queue = Queue(self._world.kernel)
        return self._gate.queue

    def elsewhere(self) -> Elsewhere:
        return Elsewhere(self._world.kernel, self._gate)

    def later(self, wait_s: float, do: Callable[[], None]) -> None:
        self._world.kernel.after(wait_s, do)

    def network(self) -> bytes:
        return self._gate.network

    def lan(
        self,
        folder: Folder,
        membership: Membership,
        publish: Callable[[Event], None],
        **more: Any,
    ) -> Any:
        return FalseLan(self._world, self._gate, publish, **more)

    def gate_client(self, place: str, _folder: Folder, _membership: Membership) -> ServerClient:
        to = self._world.gates[int(place.rpartition(":")[2]) - 1]
        return ServerClient(
            Enrolment(f"http://{place}", "", ""), GateWay(self._world, self._gate, to)
        )


class FalseLan:
    """Stands where a gate's sockets to other gates are."""

    def __init__(
        self, world: "World", gate: Gate, tell: Callable[[Event], None], **more: Any
    ) -> None:
        self.world, self.gate, self.tell = world, gate, tell
        self.answer = more["answer"]
        self.guard = Guard(
            gate.device, lambda: world.kernel.now_s, more["why_not"], more["proof_of"]
        )
        self.port = world.gates.index(gate) + 1

    def start(self) -> None:
        self.gate.lan = self

    def close(self) -> None:
        self.world.hang_up(self.gate)

    def send(self, words: Iterable[tuple[Link, bytes]]) -> None:
        for link, data in words:
            wire = next((one for one in self.world.wires if link in one.links), None)
            if wire is not None:
                self.world.carry(wire, 1 - wire.links.index(link), data)

    def know(self, places: Mapping[str, str], rank: object = None) -> None:
        pass

    def complain(self, who: str, why: str) -> None:
        self.guard.turn_away(who, why)

    def cut(self, device: str, _why: str) -> None:
        for wire in list(self.world.wires):
            if self.gate in wire.ends and device in {end.device for end in wire.ends}:
                self.world.unlink(wire)


@dataclass(eq=False)
class Wire:
    """A stream between two gates."""

    ends: tuple[Gate, Gate]
    links: tuple[Link, Link]
    """At the first the link to the second, and the other way round."""
    is_mute: bool = False
    free_s: list[float] = field(default_factory=lambda: [0.0, 0.0])


class Way(httpx.BaseTransport):
    """A gate's HTTP to the server, over a link that may be slow, cut or half-open."""

    def __init__(self, world: "World", gate: Gate) -> None:
        self._world, self._gate = world, gate

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        world, gate, begun_s = self._world, self._gate, self._world.kernel.now_s
        world.note_question(gate)
        try:
            response = self._ask(request)
        except httpx.TransportError:
            gate.tries.append((begun_s, world.kernel.now_s))
            raise
        if response.status_code in (429, 502, 503):
            gate.tries.append((begun_s, world.kernel.now_s))
        elif response.is_success:
            gate.answered_s = gate.heard_s = world.kernel.now_s
            gate.warnings = 0
        return response

    def _ask(self, request: httpx.Request) -> httpx.Response:
        world, gate, kernel = self._world, self._gate, self._world.kernel
        cuts, mood, way_s = gate.cuts, world.central.mood, world.way(gate)
        kernel.sleep(way_s)
        if not gate.online or mood == "down":
            raise httpx.ConnectError("refused")
        if gate.is_mute or mood == "silent":
            kernel.sleep(TIMEOUT_S)
            raise httpx.ReadTimeout("timed out")
        if mood == "away":
            return httpx.Response(502, content=b"")
        if mood == "busy":
            return httpx.Response(503, headers={"Retry-After": str(AGAIN_S)}, content=b"")
        response = kernel.outside(lambda: world.central.handle(gate, request))
        kernel.sleep(way_s)
        if gate.is_mute:
            kernel.sleep(TIMEOUT_S)
            raise httpx.ReadTimeout("timed out")
        if gate.cuts != cuts:
            # It has arrived, and nobody here knows.
            raise httpx.ReadError("reset")
        return response


class GateWay(httpx.BaseTransport):
    """A gate's HTTP to another gate."""

    def __init__(self, world: "World", gate: Gate, to: Gate) -> None:
        self._world, self._gate, self._to = world, gate, to

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._world.kernel.sleep(0.003)
        lan, wire = self._to.lan, self._world.wire_of(self._gate, self._to)
        if lan is None or wire is None or wire.is_mute:
            raise httpx.ConnectError("refused")
        path = request.url.path.removeprefix(PREFIX)
        part = request.headers.get("Range", "")
        answer = self._world.kernel.outside(lambda: lan.answer(path, request.url.params, part))
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)


class FalseClient(ServerClient):
    """The real way to the server but for its sockets."""

    def __init__(self, world: "World", gate: Gate) -> None:
        super().__init__(gate.enrolment, Way(world, gate))
        self._world, self._gate = world, gate

    def stream(self, hear: Callable[[SyncResponse], None], gone: Callable[[str], None]) -> Any:
        world, gate = self._world, self._gate
        world.note_question(gate)
        world.kernel.sleep(2 * world.way(gate))
        if not gate.online or world.central.mood != "up" or world.central.has_no_streams:
            raise _unreachable(OSError("refused"))
        if gate.is_mute:
            world.kernel.sleep(TIMEOUT_S)
            raise _unreachable(TimeoutError())
        if gate.is_revoked:
            raise _unwelcome(Problem("revoked", ""))
        gate.heard_s = world.kernel.now_s
        return FalseStream(world, gate, hear, gone)


class FalseStream:
    """An open connection to the server, until it is not."""

    def __init__(
        self,
        world: "World",
        gate: Gate,
        hear: Callable[[SyncResponse], None],
        gone: Callable[[str], None],
    ) -> None:
        self.world, self.gate, self.hear, self.gone = world, gate, hear, gone
        self.is_open, self.is_mute = True, False
        self.free_s = [0.0, 0.0]
        world.streams.append(self)
        world.counted["streams"] += 1

    def send(self, ask: SyncRequest) -> None:
        if not self.is_open:
            raise ServerUnreachable("reset")
        data = msgspec.json.encode(ask)
        self._carry(0, lambda: self.world.central.hear(self, data))

    def tell(self, answer: SyncResponse) -> None:
        """From the server."""
        data = msgspec.json.encode(answer)

        def arrive() -> None:
            self.gate.heard_s = self.world.kernel.now_s
            self.gate.warnings = 0
            self.hear(msgspec.json.decode(data, type=SyncResponse))

        self._carry(1, arrive)

    def _carry(self, to: int, arrive: Callable[[], None]) -> None:
        kernel = self.world.kernel
        at_s = max(self.free_s[to], kernel.now_s + self.world.way(self.gate))
        self.free_s[to] = at_s

        def come() -> None:
            if self.is_open and not self.is_mute:
                arrive()

        kernel.after(at_s - kernel.now_s, come)

    def close(self) -> None:
        self.reset("")

    def reset(self, why: str) -> None:
        """It ends, and this end is told."""
        if self.is_open:
            self.is_open = False
            self.world.streams.remove(self)
            self.world.kernel.after(0, lambda: self.gone(why))
