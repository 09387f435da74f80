"""``gate serve``: starts the server, and says how a gate gets in."""

import logging
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import uvicorn
from sqlalchemy import Connection, Engine, delete, insert, select
from starlette.applications import Starlette

from gate.clock import read_wall_ms
from gate.core.disowning import Effect
from gate.core.local_time import UTC_NAMES
from gate.errors import BusyError, ConfigError, StoreError, UsageError
from gate.i18n import _, ngettext
from gate.storage.enrolment import is_believable
from gate.storage.folder import Folder, Lock, write_durably
from gate.storage.log_file import open_log
from gate.storage.sqlite import faults
from gate.text.words import isolated_words, printable
from gate.text.zones import is_zone, machine_zone
from sync.server import audit, commands, devices, disown_command, events, invite, persons
from sync.server import tables as t
from sync.server.app import create_app
from sync.server.commands import Chore
from sync.server.database import (
    database_of,
    default_folder,
    in_transaction,
    open_database,
    start_alone,
)
from sync.server.http import Denied
from sync.server.part import Part, look_again
from sync.server.proxies import Network, is_within, networks
from sync.server.request_timeout import Prompt, Stream
from sync.server.server import Settings
from sync.server.takeover import Host, take_over
from sync.transport import listening
from sync.transport.accepting import raise_file_limit
from sync.transport.connections import Connections
from sync.wire import MAX_FRAME

log = logging.getLogger(__name__)
T = TypeVar("T")
LISTEN = "127.0.0.1:8470"
FIRST_EVENT = "default"
"""What the first event is called where none is named."""
ADMIN_VARIABLE = "GATE_ADMIN_TOKEN"
CONNECTIONS = 2000
STRANGERS, OF_EACH = 1000, 200
"""Connections of callers who have shown no credential, in all and of one address."""
_URL, _FINGERPRINT = "url", "fingerprint"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    database: str = ""
    listen: str = ""
    folder: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    self_signed: bool = False
    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies that add TLS and say who a caller is."""
    url: str = ""
    """How gates reach it, where that is not where it listens."""
    parts: tuple[Part, ...] = ()
    """What is mounted beside what the server is itself; their tables are in its database."""
    event: str = ""
    """The one that was named."""
    time_zone: str = ""
    """Of an event that is made; empty: nobody has said it."""
    set_zone: str = ""
    isolated_hours: int | None = None
    """Only give the event this time zone."""
    restored: bool = False
    take_over: Host | None = None
    """Only make an event of that host's venue."""
    new_token: str = ""
    """Only make a token for a gate of this name."""
    links: bool = False
    """Only tell of the links that were not used yet."""
    withdraw: str = ""
    """Only make links of that id or name good for nothing."""
    devices: bool = False
    """Only tell of the event's devices."""
    device: str = ""
    state: str = ""
    """Only bring that device into that state."""
    chore: Chore = field(default_factory=Chore)
    """Only do that."""
    disown: str = ""
    """Only disown the device of that id."""
    disown_from: str = ""
    """From when on, as people write it; empty: from the beginning."""
    is_sure: bool = False
    """Not to be asked."""


@dataclass(frozen=True, slots=True)
class _Address:
    """Where gates reach the server, and which certificate they must see."""

    url: str
    fingerprint: str


def run(wanted: Wanted) -> int:
    """Serve until interrupted; the answer is the exit code.

    Raises GateError when the server cannot be started: the port or the database is in use, the
    database is away, or the flags do not fit together.
    """
    folder = wanted.folder or default_folder()
    is_of_links = wanted.links or bool(wanted.withdraw)
    is_of_devices = wanted.devices or bool(wanted.device or wanted.disown)
    is_of_event = bool(wanted.set_zone) or wanted.isolated_hours is not None
    is_of_a_server = bool(
        wanted.new_token or is_of_devices or is_of_links or is_of_event or wanted.chore.is_any
    )
    if not is_of_a_server:
        Folder(folder).create()
    database = database_of(folder, wanted.database)
    engine = open_database(database, wanted.parts, must_exist=is_of_a_server)
    try:
        if wanted.take_over is not None or is_of_a_server:
            return _tend(engine, wanted, folder)
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


def _tend(engine: Engine, wanted: Wanted, folder: Path) -> int:
    """The one thing that is to be done at the database instead of serving."""
    if wanted.take_over is not None:
        return _take_over(engine, wanted, wanted.take_over)
    if wanted.new_token:
        return _tell_token(engine, wanted, folder)
    if wanted.links or wanted.withdraw:
        return _tend_links(engine, wanted)
    if wanted.set_zone or wanted.isolated_hours is not None:
        return _change_event(engine, wanted)
    if wanted.devices or wanted.device or wanted.disown:
        return _disown(engine, wanted) if wanted.disown else _tend_devices(engine, wanted)
    event = partial(_need_event, engine, wanted)
    return commands.do(engine, wanted.chore, folder, wanted.event, event, parts=wanted.parts)


def _serve(engine: Engine, wanted: Wanted, folder: Path) -> int:
    host, port = listening.place(wanted.listen or LISTEN)
    proxies = networks(wanted.proxies)
    certificate, key = _certificate(wanted, folder, host)
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
        address = _address_of(wanted, host, port, certificate)
        ready = _prepare(engine, wanted, folder, address)
        settings = Settings(folder=folder, admin_hash=ready.admin_hash, url=wanted.url.rstrip("/"))
        app = create_app(engine, settings, wanted.parts)
        _tell_start(engine, folder, address, ready)
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


def _config(
    app: Starlette, proxies: Sequence[Network], certificate: Path | None, key: Path | None
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=Prompt,
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
    """What parts have to tell, in lines."""
    renewed: int
    """Events that began a new life."""
    erased: int
    """Who was erased once more, as a backup had brought them back."""


def _prepare(engine: Engine, wanted: Wanted, folder: Path, address: _Address) -> _Ready:
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
        here = _events(connection)
        event, is_new = wanted.event or ("" if here else FIRST_EVENT), False
        if event and event not in here:
            events.create_event(connection, event, "", time_zone, now_ms)
            audit.note(connection, audit.CONSOLE, "event made", now_ms, event=event)
            here, is_new = [*here, event], True
        _put_meta(connection, _URL, address.url)
        _put_meta(connection, _FINGERPRINT, address.fingerprint)
        of = event or here[0]
        of_parts = [line for part in wanted.parts for line in part.prepare(connection, of, now_ms)]
        event = event or _unnamed(here)
        hashed = _admin(connection, folder)
        return _Ready(hashed, event, is_new, of_parts, renewed, erased)

    ready = in_transaction(engine, prepare)
    if wanted.restored:
        told = _("Restored: every device of {events} events will take its tickets anew.")
        sys.stdout.write(told.format(events=ready.renewed) + "\n")
        log.info("restored: %d new epochs", ready.renewed)
    if ready.erased:
        told = _("Erased once more what this database had from before: {n}")
        sys.stdout.write(told.format(n=ready.erased) + "\n")
    return ready


def _zone_of_new(engine: Engine, wanted: Wanted) -> str:
    """The time zone of the event that is to be made; empty where none is.

    Raises UsageError where nobody says it: a server's own zone is nobody's venue.
    """
    here = in_transaction(engine, _events)
    event = wanted.event or ("" if here else FIRST_EVENT)
    if not event or event in here or wanted.time_zone:
        return wanted.time_zone
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        told = _("in which time zone is the event {event}?").format(event=event)
        raise UsageError(told, _("Say it: --time-zone Europe/Berlin"))
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


def _change_event(engine: Engine, wanted: Wanted) -> int:
    """Say something else of the event; running servers see it in a moment."""
    hours = wanted.isolated_hours
    if hours is None:
        return _set_zone(engine, wanted)
    event = _need_event(engine, wanted)
    change = partial(events.say_event, event=event, isolated_hours=hours)
    in_transaction(engine, _noted(change, "settings", event, events.tell_settings))
    sys.stdout.write(f"{event}: {isolated_words(hours)}\n")
    return 0


def _set_zone(engine: Engine, wanted: Wanted) -> int:
    """Give the event another time zone; running servers see it in a moment."""
    event = _need_event(engine, wanted)
    change = partial(events.set_zone, event=event, time_zone=wanted.set_zone)
    about = f"time_zone {wanted.set_zone}"
    elsewhere = in_transaction(engine, _noted(change, "settings", event, about))
    told = _("{event}: times are {zone} from now on; the gates hear of it")
    sys.stdout.write(told.format(event=event, zone=wanted.set_zone) + "\n")
    if elsewhere:
        told = ngettext(
            "{n} ticket type keeps its own zone: state it anew if that was not meant",
            "{n} ticket types keep their own zone: state them anew if that was not meant",
            elsewhere,
        )
        sys.stdout.write(told.format(n=elsewhere) + "\n")
    return 0


def _admin(connection: Connection, folder: Path) -> str:
    stated = os.environ.get(ADMIN_VARIABLE, "")
    if stated:
        return devices.hash_of(stated)
    path, kept = folder / "admin.token", devices.admin_hash(connection)
    with faults(path):
        token = path.read_text("utf-8", errors="replace").strip() if path.exists() else ""
        if not token and kept:
            # Another server of the same database has it.
            return kept
        if not token:
            token = secrets.token_urlsafe(32)
            write_durably(path, (token + "\n").encode())
    hashed = devices.hash_of(token)
    if hashed != kept:
        devices.put_admin_hash(connection, hashed)
        now_ms = read_wall_ms()
        audit.note(connection, audit.CONSOLE, "token made", now_ms, about="admin")
    return hashed


def _tell_start(engine: Engine, folder: Path, address: _Address, ready: _Ready) -> None:
    write = sys.stdout.write
    write(_("Venue Gate server: {url}").format(url=address.url) + "\n")
    if ready.event:
        _key, said = in_transaction(engine, lambda c: events.said_of(c, ready.event))
        told = _("Times of {event}: {zone} (another: gate serve --set-zone)")
        write(told.format(event=ready.event, zone=said.time_zone) + "\n")
        write(commands.tell_keeping(said) + "\n")
    if ready.is_new:
        write(_("Event {event} was made.").format(event=ready.event) + "\n")
    if ADMIN_VARIABLE not in os.environ and (folder / "admin.token").exists():
        told = _("The organiser's token is in {file}").format(file=folder / "admin.token")
        write(told + "\n")
    for line in ready.of_parts:
        write(line + "\n")
    # A link is a secret for a day: it is for people, not for whatever keeps our output.
    if ready.event and sys.stdout.isatty():
        _tell_link(_mint(engine, ready.event, ""), address, ready.event)
    write(_("To ask a gate in: gate serve --new-token NAME. End with Ctrl-C.") + "\n")
    sys.stdout.flush()


def _events(connection: Connection) -> list[str]:
    return [str(one["id"]) for one in events.all_events(connection)]


def _unnamed(here: Sequence[str]) -> str:
    """The event that is meant where none is named; empty when that is not clear."""
    if len(here) == 1:
        return here[0]
    return FIRST_EVENT if FIRST_EVENT in here else ""


def _need_event(engine: Engine, wanted: Wanted) -> str:
    """The event that is meant. Raises UsageError when it is not there, or not named."""
    here = in_transaction(engine, _events)
    event = wanted.event or _unnamed(here)
    if event in here:
        return event
    told = _("there is no event {id}").format(id=event) if event else _("which event?")
    hint = _("Name one with --event: {events}").format(events=", ".join(here))
    raise UsageError(told, hint if here else _("The first is made by: gate serve"))


def _take_over(engine: Engine, wanted: Wanted, host: Host) -> int:
    """Make an event of a venue that had no server; running servers see it in a moment."""
    event = wanted.event or FIRST_EVENT
    take = partial(
        take_over,
        host=host,
        event=event,
        time_zone=wanted.time_zone,
        now_ms=read_wall_ms(),
    )
    try:
        taken = in_transaction(
            engine, _noted(take, "take over", event, lambda taken: f"{taken.tickets} tickets")
        )
    except Denied as denied:
        raise UsageError(denied.problem.reason, "") from denied
    told = _("{name}: {tickets} tickets and {devices} gates taken over into the event {event}.")
    told = told.format(
        name=printable(host.name), tickets=taken.tickets, devices=taken.devices, event=event
    )
    write = sys.stdout.write
    write(told + "\n")
    write(_("1. Have a link made for the host: gate serve --new-token NAME") + "\n")
    write(_("2. At the host, with its lane closed: gate enrol, and then gate scan") + "\n")
    write(_("Other gates go on; each may enrol too: gate enrol --again") + "\n")
    return 0


def _tend_devices(engine: Engine, wanted: Wanted) -> int:
    """Change a device if need be, and tell of it, or of all; running servers see it in a moment."""
    event, state = _need_event(engine, wanted), wanted.state
    if wanted.device:
        change = partial(
            devices.set_state, event=event, device=wanted.device, state=devices.State(state)
        )

        def told(is_new: bool) -> str | None:
            return wanted.device if is_new else None

        try:
            in_transaction(engine, _noted(change, devices.ACTS[devices.State(state)], event, told))
        except Denied as denied:
            raise UsageError(denied.problem.reason, _("See them: gate serve --devices")) from denied
    for one in in_transaction(engine, devices.all_devices):
        if one.event == event and wanted.device in ("", one.id):
            state = f"{one.state}, disowned" if one.is_disowned else one.state
            sys.stdout.write(f"{one.id}  {state:<8}  {printable(one.name)}\n")
    return 0


def _disown(engine: Engine, wanted: Wanted) -> int:
    """Tell what would change if the device were disowned, ask, and do it."""
    event, device = _need_event(engine, wanted), wanted.disown
    zone = next(
        str(one["time_zone"])
        for one in in_transaction(engine, events.all_events)
        if one["id"] == event
    )
    from_ms = disown_command.moment(wanted.disown_from, zone)

    def disown(connection: Connection, *, only_tell: bool) -> Effect:
        changes = devices.disown(connection, event, device, from_ms, only_tell=only_tell)
        if not only_tell:
            look_again(wanted.parts, connection, event, changes)
        return changes

    try:
        changes = in_transaction(engine, partial(disown, only_tell=True))
        sys.stdout.write(disown_command.told(changes) + "\n")
        if not wanted.is_sure:
            disown_command.ask_whether()
        job = partial(disown, only_tell=False)
        in_transaction(engine, _noted(job, "disown", event, f"{device} from {from_ms}"))
    except Denied as denied:
        raise UsageError(denied.problem.reason, _("See them: gate serve --devices")) from denied
    sys.stdout.write(_("done: the gates hear of it") + "\n")
    return 0


def _tend_links(engine: Engine, wanted: Wanted) -> int:
    """Withdraw links if need be, and tell which; or tell of all that can still be used."""
    event, now_ms = _need_event(engine, wanted), read_wall_ms()

    def tend(connection: Connection) -> list[devices.Link]:
        if wanted.withdraw:
            withdraw = partial(
                devices.withdraw, event=event, id_or_name=wanted.withdraw, now_ms=now_ms
            )
            return _noted(withdraw, "withdraw", event, devices.tell_links)(connection)
        return devices.links(connection, event, now_ms)

    try:
        found = in_transaction(engine, tend)
    except Denied as denied:
        raise UsageError(denied.problem.reason, _("See them: gate serve --links")) from denied
    for one in found:
        how = _("withdrawn")
        if not wanted.withdraw:
            minutes = (one.expires_ms - now_ms) // 60_000
            how = _("good for {n} min").format(n=minutes)
        sys.stdout.write(f"{one.id}  {how:<16}  {printable(one.name)}\n")
    return 0


def _tell_token(engine: Engine, wanted: Wanted, folder: Path) -> int:
    event = _need_event(engine, wanted)
    address = _address_for_link(wanted, folder, in_transaction(engine, _kept_address))
    _tell_link(_mint(engine, event, wanted.new_token), address, event)
    return 0


def _address_for_link(wanted: Wanted, folder: Path, kept: _Address | None) -> _Address:
    """Where a link leads: where the server was started last, but for what is said anew.

    Raises UsageError where no gate would go.
    """
    if not (wanted.url or wanted.listen):
        if kept is None:
            raise UsageError(
                _("the server has not been started yet: nobody knows where gates reach it"),
                _("Start it first, or say where it will be: --url https://…"),
            )
        return kept
    host, port = listening.place(wanted.listen or LISTEN)
    certificate, _key = _certificate(wanted, folder, host)
    address = _address_of(wanted, host, port, certificate)
    if certificate is None and kept is not None and kept.url.startswith("https:"):
        # Another name or port of the server that is there: it shows the certificate it has.
        url = wanted.url.rstrip("/") or invite.url(host, port, "https")
        address = _Address(url, kept.fingerprint)
    if not is_believable(address.url):
        raise UsageError(
            _("gates would not believe {url}").format(url=address.url),
            _("Say how the server is reached: with --self-signed, --cert or --url https://…"),
        )
    return address


def _mint(engine: Engine, event: str, name: str) -> str:
    now_ms = read_wall_ms()
    mint = partial(devices.mint_token, event=event, name=name, now_ms=now_ms)
    noted = _noted(mint, "invite", event, lambda made: devices.link_id(made[0]))
    try:
        token, _expires = in_transaction(engine, noted)
    except Denied as denied:
        raise UsageError(denied.problem.reason, "") from denied
    return token


def _noted(
    job: Callable[[Connection], T], act: str, event: str, about: str | Callable[[T], str | None]
) -> Callable[[Connection], T]:
    """The job with its row in the audit log: at the server's machine nobody has a token."""
    now_ms = read_wall_ms()
    return audit.noted(job, audit.CONSOLE, act, now_ms, event=event, about=about)


def _tell_link(token: str, address: _Address, event: str) -> None:
    link = invite.link(address.url, token, address.fingerprint)
    told = _("To enrol a gate into {event}, once, within a day: scan this, or give it the link")
    sys.stdout.write(told.format(event=printable(event)) + "\n")
    if sys.stdout.isatty():
        sys.stdout.write(invite.as_code(link))
    sys.stdout.write(f"{link}\n")


def _address_of(wanted: Wanted, host: str, port: int, certificate: Path | None) -> _Address:
    pinned = invite.fingerprint(certificate) if certificate is not None else ""
    url = invite.url(host, port, "http" if certificate is None else "https")
    return _Address(wanted.url.rstrip("/") or url, pinned)


def _certificate(wanted: Wanted, folder: Path, host: str) -> tuple[Path | None, Path | None]:
    if wanted.self_signed:
        return invite.self_signed(folder, host)
    if (wanted.cert is None) != (wanted.key is None):
        raise UsageError(_("--cert and --key go together"), "")
    for path in (wanted.cert, wanted.key):
        if path is not None and not path.is_file():
            raise ConfigError(_("{file}: there is no such file").format(file=path), "")
    return wanted.cert, wanted.key


def _only_server(folder: Path) -> Lock:
    try:
        return Lock(Folder(folder), "serve")
    except BusyError as error:
        raise BusyError(
            _("another server is using {folder}").format(folder=folder),
            _("Stop it first, or give this one its own folder with --server-dir."),
        ) from error


def _put_meta(connection: Connection, key: str, value: str) -> None:
    connection.execute(delete(t.meta).where(t.meta.c.key == key))
    connection.execute(insert(t.meta).values(key=key, value=value))


def _kept_address(connection: Connection) -> _Address | None:
    rows = connection.execute(
        select(t.meta.c.key, t.meta.c.value).where(t.meta.c.key.in_([_URL, _FINGERPRINT]))
    )
    kept = {row[0]: row[1] for row in rows}
    return _Address(kept[_URL], kept.get(_FINGERPRINT, "")) if _URL in kept else None


def _log_to(path: Path) -> logging.Handler:
    kept = open_log(path)
    # A handshake that we refused with a reason is no fault.
    kept.addFilter(lambda line: "without completing handshake" not in line.getMessage())
    root = logging.getLogger()
    root.addHandler(kept)
    root.setLevel(logging.INFO)
    return kept
