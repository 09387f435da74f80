"""What a worker finds around it: time, threads, the network, and the ways to the other gates.

Its loop asks for them here and nowhere else, so it can be lived through in another time as well.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from gate.storage.certificates import Membership, client_context
from gate.storage.folder import Folder
from sync.transport.discovery import network_now
from sync.transport.http_client import ServerClient
from sync.transport.lan_stream import Event
from sync.transport.lan_transport import LanTransport


class Surroundings:
    """Those of this machine."""

    def now_s(self) -> float:
        """Seconds of a clock that only runs on; what the loop waits by."""
        return time.monotonic()

    def queue(self) -> "SimpleQueue[Any]":
        """Where the worker's one thread waits for what happens elsewhere."""
        return SimpleQueue()

    def elsewhere(self) -> Executor:
        """One other thread, for what waits for a network."""
        return ThreadPoolExecutor(1, thread_name_prefix="elsewhere")

    def later(self, wait_s: float, do: Callable[[], None]) -> None:
        """Have something done after so long, in any thread; not if the process ends before."""
        timer = threading.Timer(wait_s, do)
        timer.daemon = True
        timer.start()

    def network(self) -> bytes:
        """Changes when an interface or address comes or goes; empty where that cannot be seen."""
        return network_now()

    def lan(
        self, folder: Folder, membership: Membership, publish: Callable[[Event], None], **more: Any
    ) -> LanTransport:
        """The streams on the LAN; ``more`` is what ``LanTransport`` takes beside."""
        return LanTransport(folder, membership, publish, **more)

    def gate_client(self, place: str, folder: Folder, membership: Membership) -> ServerClient:
        """The way to the tickets of the gate at ``host:port``; whoever asks closes it."""
        return ServerClient.of_gate(place, client_context(folder, membership))


HERE = Surroundings()
