"""The upstreams as a part of the server: all that the server has to know of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, delete

from sync.server.migrations import written_in
from sync.server.part import Key, Part, PersonalData, Subject
from sync.upstream import left_out, links
from sync.upstream import tables as t
from sync.upstream.pages import UpstreamPages
from sync.upstream.seam import Upstream
from sync.upstream.worker import UpstreamWorker


def upstream_part(kinds: Callable[[], Mapping[str, Upstream]]) -> Part:
    """The upstreams that there are, by the name of their kind, to be mounted on a server."""
    return Part(
        name="upstreams",
        migrations=written_in(Path(__file__).parent / "migrations"),
        prepare=lambda _connection, _event, _now_ms: (),
        # What was told stays told: the other system has a history of its own.
        look_again=lambda _connection, _event, _tickets: None,
        personal=PersonalData(
            finders={},
            people=lambda _connection, _event: (),
            held=lambda _connection, _event, _subject: {},
            erase=_erase,
            drops=(_end,),
        ),
        mount=lambda server: UpstreamWorker(server, kinds()),
        why_not_enrol=links.why_not_enrol,
        pages=lambda pages, server: UpstreamPages(pages, server).routes(),
    )


def _erase(connection: Connection, event: str, subject: Subject) -> int:
    """What is erased waits for nobody to put it right."""
    left_out.forget(connection, event, subject.tickets)
    return 0


def _end(connection: Connection, event: str, _after: Key) -> Key:
    """An event that is over has nothing to ask for any more: its token goes with the rest."""
    for table in (t.upstream, t.upstream_gate_device, t.upstream_mark, t.upstream_left_out):
        connection.execute(delete(table).where(table.c.event == event))
    return None
