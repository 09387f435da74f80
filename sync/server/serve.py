"""``gate serve``: starts the server, and says how a gate gets in."""

import logging
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn
from sqlalchemy import Connection, Engine
from starlette.applications import Starlette

from gate.clock import read_wall_ms
from gate.core.local_time import UTC_NAMES
from gate.errors import BusyError, StoreError, UsageError
from gate.i18n import _
from gate.storage.folder import Folder, Lock, write_durably
from gate.storage.log_file import open_log
from gate.storage.sqlite import faults
from gate.text.zones import is_zone, machine_zone
from sync.server import address, audit, commands, events, invite, organisers, persons
from sync.server.address import Address
from sync.server.app import create_app
from sync.server.commands.events import keeping_text
from sync.server.commands.links import print_link
from sync.server.commands.pages import print_link as print_page_link
from sync.server.console import FIRST_EVENT, Console, event_ids, unnamed_event
from sync.server.database import (
    database_of,
    default_folder,
    in_transaction,
    open_database,
    start_alone,
)
from sync.server.devices import hash_of
from sync.server.proxies import Network, is_within, networks
from sync.server.request_timeout import HttpProtocol, Stream
from sync.server.settings import PagesBy, Settings
from sync.server.wanted import Wanted
from sync.server.web import sessions
from sync.server.web.links import Kind
from sync.transport import listening
from sync.transport.accepting import raise_file_limit
from sync.transport.connections import Connections
from sync.wire import MAX_FRAME

log = logging.getLogger(__name__)
ADMIN_VARIABLE = "GATE_ADMIN_TOKEN"
CONNECTIONS = 2000
STRANGERS, OF_EACH = 1000, 200
"""Connections of callers who have shown no credential, in all and of one address."""


def run(wanted: Wanted) -> int:
    """Serve until interrupted; the answer is the exit code.

    Raises GateError when the server cannot be started: the port or the database is in use, the
    database is away, or the flags do not fit together.
    """
    folder = wanted.folder or default_folder()
    if not wanted.needs_database:
        Folder(folder).create()
    database = database_of(folder, wanted.database)
    engine = open_database(database, wanted.parts, must_exist=wanted.needs_database)
    try:
        if wanted.take_over is not None or wanted.needs_database:
            return commands.do(engine, wanted, folder)
        # A SQLite file has one writer.
        lock = _only_server(folder) if engine.dialect.name == "sqlite" else None
        kept = _log_to(folder / "server.log")
        try:
            return _serve(engine, wanted, folder)
        finally:
            logging.getLogger().removeHandler(kept)
            kept.close()
            if lock is not None:
                lock.close()
    finally:
        engine.dispose()


def _serve(engine: Engine, wanted: Wanted, folder: Path) -> int:
    host, port = address.place(wanted)
    proxies = networks(wanted.proxies)
    certificate, key = address.certificate(wanted, folder, host)
    if certificate is None and not (invite.is_loopback(host) or proxies):
        raise UsageError(
            _("without a certificate the server listens on this machine only"),
            _("Give --cert and --key, or --self-signed, or --proxy ADDRESS when one adds TLS."),
        )
    files = raise_file_limit()
    strangers = min(STRANGERS, files // 4)
    connections = Connections(strangers, OF_EACH, partial(is_within, named=proxies))
    listener = listening.bind(host, port)
    with listener:
        port = listener.getsockname()[1]
        reached_at = address.address_of(wanted, host, port, certificate)
        ready = _prepare(engine, wanted, folder, reached_at)
        settings = Settings(
            folder=folder,
            admin_hash=ready.admin_hash,
            url=wanted.url.rstrip("/"),
            pages=_pages(wanted, host, proxies),
            callback_to=wanted.callback_to,
        )
        app = create_app(engine, settings, wanted.parts)
        _print_start(engine, wanted, folder, reached_at, ready)
        log.info(
            "serving on %s port %d: %d files may be open, %d connections of strangers",
            host, port, files, strangers,
        )  # fmt: skip
        config = _config(app, proxies, certificate, key)
        if not listening.run(listening.Server(config, listener, connections)):
            raise StoreError(_("the server could not be started"), _("See server.log."))
    log.info("stopped")
    sys.stdout.write(_("The server has stopped.") + "\n")
    return 0


def _pages(wanted: Wanted, host: str, proxies: Sequence[Network]) -> PagesBy:
    """To whom pages are shown: by plain HTTP only where nobody can listen in, or is meant to."""
    if wanted.pages == "off":
        return PagesBy.NOTHING
    is_here = invite.is_loopback(host) and not proxies
    return PagesBy.ANY if is_here or wanted.pages == "on" else PagesBy.TLS


def _config(
    app: Starlette, proxies: Sequence[Network], certificate: Path | None, key: Path | None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=HttpProtocol,
        ws=Stream,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ws_max_size=MAX_FRAME,
        # What a stranger packs small could be unpacked large.
        ws_per_message_deflate=False,
        ws_ping_interval=10,
        ws_ping_timeout=10,
        limit_concurrency=CONNECTIONS + STRANGERS,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=[str(network) for network in proxies],
    )


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a server is started with, and what had to be made for it."""

    admin_hash: str
    event: str
    """The event to enrol into; empty where there are several and none is named."""
    is_new: bool
    of_parts: Sequence[str]
    """What parts have to say, in lines."""
    renewed: int
    """Events that began a new life."""
    erased: int
    """Who was erased once more, as a backup had brought them back."""
    has_no_browser: bool
    """Whether nobody has ever been let in to the event's pages."""


def _prepare(engine: Engine, wanted: Wanted, folder: Path, reached_at: Address) -> _Ready:
    """Make event, admin token and what parts need, if need be."""
    time_zone = _zone_of_new(engine, wanted)

    def prepare(connection: Connection) -> _Ready:
        start_alone(connection)
        renewed = events.new_epochs(connection) if wanted.restored else 0
        # Before anybody is served: a backup knows whom it does not know to have been erased.
        erased = persons.erase_again(connection, folder, wanted.parts)
        now_ms = read_wall_ms()
        if wanted.restored:
            audit.note(
                connection, audit.CONSOLE, "restored", now_ms, about=f"erased again: {erased}"
            )
        here = event_ids(connection)
        event, is_new = wanted.event or ("" if here else FIRST_EVENT), False
        if event and event not in here:
            events.create_event(connection, event, "", time_zone, now_ms)
            audit.note(connection, audit.CONSOLE, "event made", now_ms, event=event)
            here, is_new = [*here, event], True
        address.keep(connection, reached_at)
        of = event or here[0]
        of_parts = [line for part in wanted.parts for line in part.prepare(connection, of, now_ms)]
        event = event or unnamed_event(here)
        hashed = _admin(connection, folder)
        has_no_browser = not sessions.has_any(connection, event)
        return _Ready(hashed, event, is_new, of_parts, renewed, erased, has_no_browser)

    ready = in_transaction(engine, prepare)
    if wanted.restored:
        line = _("Restored: every device of {events} events will take its tickets anew.")
        sys.stdout.write(line.format(events=ready.renewed) + "\n")
        log.info("restored: %d new epochs", ready.renewed)
    if ready.erased:
        line = _("Erased once more what this database had from before: {n}")
        sys.stdout.write(line.format(n=ready.erased) + "\n")
    return ready


def _zone_of_new(engine: Engine, wanted: Wanted) -> str:
    """The time zone of the event that is to be made; empty where none is.

    Raises UsageError where nobody says it: a server's own zone is nobody's venue.
    """
    here = in_transaction(engine, event_ids)
    event = wanted.event or ("" if here else FIRST_EVENT)
    if not event or event in here or wanted.time_zone:
        return wanted.time_zone
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        question = _("in which time zone is the event {event}?").format(event=event)
        raise UsageError(question, _("Say it: --time-zone Europe/Berlin"))
    return _ask_zone(event)


def _ask_zone(event: str) -> str:
    """The zone that somebody at the terminal says."""
    machine = machine_zone().name
    proposed = "" if machine in UTC_NAMES else machine
    question = _("In which time zone is the event {event}, such as Europe/Berlin?")
    question = question.format(event=event) + (f" [{proposed}] " if proposed else " ")
    while True:
        sys.stdout.write(question)
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise UsageError(_("nobody has said the time zone"), "")
        found = line.strip() or proposed
        if is_zone(found):
            return found
        sys.stdout.write(_("{found!r} is no time zone").format(found=found[:80]) + "\n")


def _admin(connection: Connection, folder: Path) -> str:
    stated = os.environ.get(ADMIN_VARIABLE, "")
    if stated:
        return hash_of(stated)
    path, kept = folder / "admin.token", organisers.admin_hash(connection)
    with faults(path):
        token = path.read_text("utf-8", errors="replace").strip() if path.exists() else ""
        if not token and kept:
            # Another server of the same database has it.
            return kept
        if not token:
            token = secrets.token_urlsafe(32)
            write_durably(path, (token + "\n").encode())
    hashed = hash_of(token)
    if hashed != kept:
        organisers.put_admin_hash(connection, hashed)
        now_ms = read_wall_ms()
        audit.note(connection, audit.CONSOLE, "token made", now_ms, about="admin")
    return hashed


def _print_start(
    engine: Engine, wanted: Wanted, folder: Path, reached_at: Address, ready: _Ready
) -> None:
    write = sys.stdout.write
    write(_("Venue Gate server: {url}").format(url=reached_at.url) + "\n")
    if ready.event:
        row = in_transaction(engine, lambda connection: events.row_of(connection, ready.event))
        line = _("Times of {event}: {zone} (another: gate event set time_zone=ZONE)")
        write(line.format(event=ready.event, zone=row.time_zone) + "\n")
        write(keeping_text(row) + "\n")
    if ready.is_new:
        write(_("Event {event} was made.").format(event=ready.event) + "\n")
    if ADMIN_VARIABLE not in os.environ and (folder / "admin.token").exists():
        line = _("The organiser's token is in {file}").format(file=folder / "admin.token")
        write(line + "\n")
    for line in ready.of_parts:
        write(line + "\n")
    # A link is a secret for a day: it is for people, not for whatever keeps our output.
    if ready.event and sys.stdout.isatty():
        print_link(Console(engine, ready.event), reached_at, [ready.event])
        if ready.has_no_browser and wanted.pages != "off":
            kind = Kind.ORGANISER
            print_page_link(Console(engine, ready.event), reached_at, ready.event, kind)
    write(_("To ask a gate in: gate serve --new-token NAME. End with Ctrl-C.") + "\n")
    sys.stdout.flush()


def _only_server(folder: Path) -> Lock:
    try:
        return Lock(Folder(folder), "serve")
    except BusyError as error:
        raise BusyError(
            _("another server is using {folder}").format(folder=folder),
            _("Stop it first, or give this one its own folder with --server-dir."),
        ) from error


def _log_to(path: Path) -> logging.Handler:
    kept = open_log(path)
    # A handshake that we refused with a reason is no fault.
    kept.addFilter(lambda line: "without completing handshake" not in line.getMessage())
    root = logging.getLogger()
    root.addHandler(kept)
    root.setLevel(logging.INFO)
    return kept
