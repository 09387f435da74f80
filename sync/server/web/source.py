"""Where the pages' numbers come from: the server's tables, or the folder of a venue's host."""

from typing import Protocol

from gate.storage.event import EventRow
from sync.server.web.numbers import Numbers


class Source(Protocol):
    """What pages ask about an event; every answer may wait for a disk, none for a network."""

    async def event(self, event: str) -> EventRow | None:
        """What it says of itself, with its operators; ``None``: there is none of that id."""
        ...

    async def version(self, event: str) -> str:
        """Another text whenever its numbers may be others; asked often, so it has to be cheap."""
        ...

    async def numbers(self, event: str) -> Numbers:
        """What was counted until now."""
        ...
