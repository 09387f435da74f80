"""What the server counts of itself, for Prometheus: numbers only, no names and no secrets."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gate_requests", "Requests by route and status", ["route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._of_route: dict[tuple[str, int], Counter] = {}
        self.entries = Counter("gate_entries", "Entries brought", registry=self._registry)
        self.rejected = Counter("gate_rejected", "Entries rejected", registry=self._registry)
        self.pushes = Counter("gate_pushes", "Pushes committed", registry=self._registry)
        self.exchange = Histogram(
            "gate_exchange_seconds", "Time to answer an exchange", buckets=_SECONDS,
            registry=self._registry,
        )  # fmt: skip
        self.frames = Counter("gate_frames", "Frames sent on streams", registry=self._registry)
        self.cut = Counter("gate_streams_cut", "Streams cut as too slow", registry=self._registry)

        self._irregular = Gauge(
            "gate_irregular", "Admissions on tickets that are or were void, by kind", ["kind"],
            registry=self._registry,
        )  # fmt: skip
        self._irregular_open = Gauge(
            "gate_irregular_open", "Tickets with such admissions that nobody has settled",
            registry=self._registry,
        )  # fmt: skip

    def set_irregular(self, kinds: Mapping[str, int], tickets_open: int) -> None:
        """Take in how many admissions there are of each kind, and how many tickets wait."""
        for kind, count in kinds.items():
            self._irregular.labels(kind).set(count)
        self._irregular_open.set(tickets_open)

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Tell a value as it is when asked."""
        Gauge(name, help_text, registry=self._registry).set_function(value)

    def watch_each(
        self, name: str, help_text: str, label: str, values: Mapping[str, Callable[[], float]]
    ) -> None:
        """Tell one value for each word of a label as it is when asked."""
        gauge = Gauge(name, help_text, [label], registry=self._registry)
        for word, value in values.items():
            gauge.labels(word).set_function(value)

    def count(self, route: str, status: int) -> None:
        """Count a request."""
        counter = self._of_route.get((route, status))
        if counter is None:
            counter = self._requests.labels(route, str(status))
            self._of_route[route, status] = counter
        counter.inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class Counted:
    """Counts every request by its route; what matches none is ``other``."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 500, time.perf_counter()

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            route = getattr(scope.get("endpoint"), "__name__", "other")
            self._metrics.count(route, status)
            if route == "exchange":
                self._metrics.exchange.observe(time.perf_counter() - begun)
