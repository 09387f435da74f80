"""People, entries and lists of an event from the server's tables."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gate.clock import read_wall_ms
from gate.core.entry import Entry
from gate.lists.intake import Imported, Wanted
from gate.storage.attendees import AttendeeList, ListName
from sync.server import attendance, audit, devices, stories
from sync.server.database import Job, reading
from sync.server.server import Server
from sync.server.ticket_lists import import_lists
from sync.server.web.list_source import EntryPage, Progress, Who


class ServerLists:
    """What the pages ask, from the tables."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def taking(self) -> asyncio.Lock:
        """One list at a time holds the feed, whoever brings it."""
        return self._server.taking_list

    @property
    def uploads(self) -> Path:
        """The server's own folder."""
        return self._server.settings.folder

    def attendees(self, event: str, name: ListName) -> AttendeeList:
        """A list of people as it is now."""
        with reading(self._server.engine) as connection:
            rows = [one for one in devices.all_devices(connection) if one.event == event]
        heard_ms = self._server.device_cache.reports.heard_ms
        every = [replace(one, heard_ms=heard_ms(one.id)) for one in rows]
        return attendance.list_of(self._server.engine, event, name, every, read_wall_ms())

    def page(self, event: str, wanted: stories.Wanted, before: str) -> EntryPage:
        """Some of the entries that are wanted, as far as one request looks for them."""
        number = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else 0
        with reading(self._server.engine) as connection:
            found = stories.journal_back(connection, event, wanted, number)
        entries = [entry for _number, entry in found.entries]
        return EntryPage(entries, str(found.after) if found.has_more else "")

    def entries(self, event: str, wanted: stories.Wanted) -> Iterator[Entry]:
        """Every entry that is wanted, page by page."""
        after, has_more = 0, True
        while has_more:
            with reading(self._server.engine) as connection:
                page = stories.journal(connection, event, wanted, after)
            yield from (entry for _number, entry in page.entries)
            after, has_more = page.after, page.has_more

    def device_names(self, event: str) -> dict[str, str]:
        """What the event's devices are called, by id."""
        with reading(self._server.engine) as connection:
            return devices.names_of(connection, event)

    def take_in(
        self, event: str, path: Path, wanted: Wanted, who: Who | None, progress: Progress
    ) -> Imported:
        """Take a list in; who did it and why is in the same transaction."""
        server, now_ms = self._server, read_wall_ms()

        def within(job: Job[Imported]) -> Job[Imported]:
            if who is None:
                return job
            return audit.noted(job, who.actor, "list", now_ms, event=event, about=who.about)

        return import_lists(
            server.engine, event, server.settings.folder, [path], wanted, within=within,
            progress=progress,
        )  # fmt: skip

    def taken_in(self, event: str) -> None:
        """Tell connected devices."""
        self._server.publish_changes(event)
