"""The pages of a venue without a server: shown by its host, beside the sync worker.

Who may see them is kept in ``web.db``, a server's database in which only the pages' tables and the
audit log have rows. A fault here never hinders the worker.
"""

import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from sqlalchemy import Connection, Engine
from starlette.applications import Starlette

from gate.clock import read_wall_ms
from gate.config import Config
from gate.core.event_settings import OperatorRow
from gate.errors import GateError, UsageError
from gate.i18n import _
from gate.storage.folder import Folder
from sync.host.folder_authority import FolderAuthority
from sync.host.folder_lists import FolderLists, ImportFiles
from sync.host.folder_numbers import EVENT, FolderSource
from sync.host.folder_review import FolderReview
from sync.server import audit, http, invite
from sync.server.access import Access
from sync.server.database import in_transaction, open_database
from sync.server.web import links
from sync.server.web.links import Kind, WebLink
from sync.server.web.lists import list_routes
from sync.server.web.site import Site
from sync.transport import listening
from sync.transport.connections import Connections

log = logging.getLogger(__name__)
STRANGERS, OF_EACH = 100, 40
"""Connections of browsers that are not signed in, in all and of one address."""
_END_S = 5.0

OperatorRows = Callable[[], Sequence[OperatorRow]]


def open_web(folder: Folder) -> Engine:
    """Who may see this host's pages. Raises StoreError."""
    return open_database(f"sqlite:///{folder.web.resolve()}")


def make_link(folder: Folder, kind: Kind, name: str, hours: int) -> tuple[str, WebLink]:
    """A link that opens this host's pages. Raises UsageError where it has none, StoreError."""
    if not folder.venue.exists():
        raise UsageError(
            _("this gate is no host of a venue"),
            _("Make the link at the host, or at the server: gate serve --web-link NAME"),
        )
    now_ms, engine = read_wall_ms(), open_web(folder)

    def make(connection: Connection) -> tuple[str, WebLink]:
        made = links.make(
            connection, EVENT, kind, name=name, made_by=audit.CONSOLE.who, now_ms=now_ms,
            hours=hours,
        )  # fmt: skip
        audit.note(
            connection, audit.CONSOLE, "web link made", now_ms, event=EVENT, about=made[1].text
        )
        return made

    try:
        return in_transaction(engine, make)
    finally:
        engine.dispose()


def address(listen: str, url: str) -> str:
    """How browsers reach the pages. Raises UsageError."""
    host, port = listening.place(listen)
    return url.rstrip("/") or invite.url(host, port, _scheme(host))


def create_pages(
    engine: Engine,
    source: FolderSource,
    *,
    needs_tls: bool,
    config: Config | None = None,
    lists: FolderLists | None = None,
) -> Starlette:
    """The application; ``config`` has what the host's own file says of anomalies."""
    access = Access(engine)
    site = Site(access, source, needs_tls=needs_tls)
    site.review(FolderReview(source, config or Config()))
    site.add_changes(FolderAuthority(source.folder))
    if lists is not None:
        site.add(list_routes(site.pages, lists))
    site.add_log()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        access.start()
        try:
            yield
        finally:
            await access.stop()
            source.close()

    app = Starlette(
        routes=site.routes(),
        exception_handlers={Exception: http.on_fault},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


@contextmanager
def shown(
    folder: Folder,
    listen: str,
    operators: OperatorRows,
    import_files: ImportFiles,
    config: Config | None = None,
) -> Iterator[None]:
    """Show the pages meanwhile; what keeps them from being shown is said and written down."""
    try:
        server, engine = _server(folder, listen, operators, import_files, config or Config())
    except GateError as fault:
        log.error("pages: %s %s", fault.message, fault.hint)
        yield
        return
    thread = threading.Thread(target=server.run, name="pages", daemon=True)
    thread.start()
    log.info("pages on %s", listen)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_END_S)
        engine.dispose()


def _server(
    folder: Folder,
    listen: str,
    operators: OperatorRows,
    import_files: ImportFiles,
    config: Config,
) -> tuple[listening.Server, Engine]:
    host, port = listening.place(listen)
    certificate, key = _certificate(folder, host)
    engine = open_web(folder)
    source = FolderSource(folder, operators)
    lists = FolderLists(folder, engine, import_files, config.sync.heard_within_s)
    app = create_pages(
        engine, source, needs_tls=not invite.is_loopback(host), config=config, lists=lists
    )
    served = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_graceful_shutdown=2,
        ws="none",
    )
    connections = Connections(STRANGERS, OF_EACH)
    return listening.Server(served, listening.bind(host, port), connections), engine


def _scheme(host: str) -> str:
    return "http" if invite.is_loopback(host) else "https"


def _certificate(folder: Folder, host: str) -> tuple[Path | None, Path | None]:
    """Files of certificate and key: what can be heard from outside is shown by TLS only."""
    return (None, None) if invite.is_loopback(host) else invite.self_signed(folder.path, host)
