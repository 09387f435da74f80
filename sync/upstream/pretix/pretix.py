"""pretix as the seam sees it."""

from sqlalchemy import Connection

from gate.core.entry import Entry
from sync.upstream.links import Link
from sync.upstream.pretix.client import PretixClient
from sync.upstream.pretix.pull import PretixPull
from sync.upstream.pretix.push import PretixPush
from sync.upstream.seam import Due, Page, Schedule, Told

KIND = "pretix"


class Pretix:
    """Any pretix that events are linked to."""

    def __init__(self, client: PretixClient | None = None) -> None:
        self._client = client or PretixClient()
        self._pull = PretixPull(self._client)
        self._push = PretixPush(self._client)

    def schedule(
        self, _connection: Connection, _link: Link, _entry: Entry, now_ms: int
    ) -> Schedule:
        """At once: pretix takes an undo back."""
        return Schedule(now_ms)

    async def pull(
        self, link: Link, *, is_busy: bool, ours: frozenset[str], again: frozenset[str]
    ) -> Page:
        """The next orders. Raises AwayError, StoppedError."""
        return await self._pull.next_page(link, is_busy=is_busy, ours=ours, again=again)

    async def push(self, link: Link, due: Due) -> Told:
        """Tell one entry. Raises AwayError, StoppedError."""
        return await self._push.tell(link, due)

    async def close(self) -> None:
        """Close what is open."""
        await self._client.close()
