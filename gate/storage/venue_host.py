"""A venue without a server: the gate that is its host says who belongs to it.

What the host says of a device goes into the feed of tickets, which one process writes. So it is put
into the inbox first, and whoever may write the feed takes it from there: the sync worker, or this.
"""

import logging
import secrets
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from gate.clock import read_wall_ms
from gate.core.enrolment import Enrol, Enrolled
from gate.core.event_settings import EventFields, EventSettings
from gate.core.signed_ticket import EventKey, Signed
from gate.core.ticket import DoorWord, Ticket
from gate.errors import BusyError, DamagedError, UsageError
from gate.i18n import _
from gate.storage import enrolment
from gate.storage.certificates import (
    Authority,
    Membership,
    load_membership,
    save_membership,
    venue_id,
)
from gate.storage.device_key import DeviceKey
from gate.storage.event import EventRow, event_of, event_zone
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder, Lock, sync_folder, write_durably
from gate.storage.host_feed import HostFeed
from gate.storage.peer_store import PeerStore
from gate.storage.replica_file import live_replica
from gate.storage.revocation import require_not_revoked
from gate.storage.short_ids import by_short_id
from gate.storage.signing_keys import SigningKey
from gate.storage.sqlite import faults, open_reader
from gate.storage.ticket_feed import TicketFeed
from gate.storage.ticket_filling import MemberRow, members_of
from gate.storage.tickets import Tickets

log = logging.getLogger(__name__)
SUFFIX, EVENT_SUFFIX, DOOR_SUFFIX, KEY_SUFFIX = ".member", ".event", ".door", ".key"
STATING_S = 10.0
"""For how long somebody else's change of the settings is waited for."""
ENROLLED, RETIRED, REVOKED = "enrolled", "retired", "revoked"


class Venue(msgspec.Struct, frozen=True):
    """What the host keeps of its venue, readable by its user only: the key is a secret."""

    name: str
    key: str
    """The authority's private key (PEM)."""
    authority: str
    """Its certificate (PEM)."""
    gate: str = ""
    """What the host itself is called."""
    keys: tuple[SigningKey, ...] = ()
    """What its tickets are signed with, if any are."""


class TicketWord(msgspec.Struct, frozen=True):
    """A word of the venue's on one of its tickets."""

    ticket: str
    word: DoorWord
    signed: Signed | None = None
    """What its code told, where the list may not have it."""


Row = MemberRow | EventRow | TicketWord | EventKey
"""What waits in the inbox for whoever may write the feed."""
_venue = msgspec.json.Decoder(Venue)
_member = msgspec.json.Decoder(MemberRow)
_event = msgspec.json.Decoder(EventRow)
_word = msgspec.json.Decoder(TicketWord)
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    SUFFIX: _member,
    EVENT_SUFFIX: _event,
    DOOR_SUFFIX: _word,
    KEY_SUFFIX: msgspec.json.Decoder(EventKey),
}
_SUFFIXES = {EventRow: EVENT_SUFFIX, TicketWord: DOOR_SUFFIX, EventKey: KEY_SUFFIX}
_encode = msgspec.json.Encoder().encode


def create(folder: Folder, name: str, gate: str, time_zone: str) -> Venue:
    """Begin a venue with this gate as its host and first member; ``gate`` is what it is called.

    All its gates are in ``time_zone``, unless they are told otherwise by hand.

    Raises UsageError when this gate belongs to a venue or server already, BusyError when a sync
    worker is at work.
    """
    if folder.enrolment.exists() or folder.venue.exists():
        raise UsageError(
            _("this gate belongs to a venue or a server already"),
            _("Begin another venue in another folder, with --data-dir."),
        )
    require_not_revoked(folder)
    folder.create()
    lock = Lock(folder, "sync")
    try:
        minted, device = Authority.mint(), folder.device_id()
        public = DeviceKey(folder).public
        certificate = minted.issue(device, public)
        membership = Membership(device, certificate, minted.certificate)
        save_membership(folder, membership)
        with closing(TicketFeed(folder)) as feed:
            now_ms = read_wall_ms()
            host = HostFeed(feed, minted)
            host.begin(now_ms, EventRow(venue_id(membership), name, time_zone))
            row = MemberRow(device, gate, public, ENROLLED)
            host.append("device", device, _encode(row), now_ms)
        venue = Venue(name, minted.key, minted.certificate, gate)
        # Last: whoever finds this finds all of it.
        keep(folder, venue)
        return venue
    finally:
        lock.close()


def keep(folder: Folder, venue: Venue) -> None:
    """Write down, durably, what the host keeps of its venue."""
    with faults(folder.venue):
        write_durably(folder.venue, _encode(venue))


def load(folder: Folder) -> Venue:
    """What the host keeps of its venue. Raises UsageError, with what to do, at any other gate."""
    enrolled = enrolment.load(folder)
    if enrolled is not None and enrolled.credential:
        raise UsageError(
            _("this gate belongs to a server"),
            _("Do it there: gate serve --devices, --retire, --revoke, --new-token."),
        )
    if enrolled is not None:
        raise UsageError(
            _("this gate is not the host of its venue"),
            _("Do it at the gate where the venue was created."),
        )
    with faults(folder.venue):
        try:
            content = folder.venue.read_bytes()
        except FileNotFoundError:
            raise UsageError(
                _("this gate belongs to no venue"), _("Begin one with: gate venue create")
            ) from None
    try:
        return _venue.decode(content)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _damaged() from error


def is_host(folder: Folder) -> bool:
    """Whether this gate is the host of a venue."""
    return folder.venue.exists() and not folder.enrolment.exists()


def authority_of(folder: Folder) -> Authority | None:
    """The venue's own, at its host. Raises DamagedError when it cannot be read."""
    if not is_host(folder):
        return None
    return authority(load(folder))


def authority(venue: Venue) -> Authority:
    """A venue's own, as its host keeps it. Raises DamagedError when it cannot be read."""
    try:
        return Authority.from_pem(venue.key, venue.authority)
    except (ValueError, TypeError) as error:
        raise _damaged() from error


def devices(folder: Folder) -> dict[str, MemberRow]:
    """Every device of the venue by id, with what was said of it and waits to be taken in."""
    load(folder)
    # What waits is read first: what is taken in meanwhile is then found in the feed at the latest.
    waiting = [row for path in _waiting(folder) if (row := _read(path)) is not None]
    live = live_replica(folder)
    with closing(open_reader(live)) as connection, faults(live):
        found = members_of(connection)
    return found | {row.id: row for row in waiting if isinstance(row, MemberRow)}


def set_state(folder: Folder, device: str, state: str) -> MemberRow:
    """Retire, bring back or revoke a device; the last is for good. Raises UsageError."""
    found = devices(folder).get(device)
    if found is None:
        raise no_device(device)
    if device == folder.device_id():
        raise UsageError(
            _("this is the host itself"), _("Without it nobody could be asked in or sent away.")
        )
    if found.state == REVOKED and state != REVOKED:
        raise UsageError(
            _("this device was revoked, for good"),
            _("A new link makes a new device: gate venue invite"),
        )
    proof = authority(load(folder)).revocation(device) if state == REVOKED else ""
    row = replace(found, state=state, proof=proof)
    publish(folder, row)
    return row


def no_device(device: str) -> UsageError:
    """What to say of an id that no device has."""
    return UsageError(
        _("there is no device {id!r}").format(id=device[:64]), _("See them: gate venue devices")
    )


def set_zone(folder: Folder, time_zone: str) -> EventRow:
    """Give the venue another time zone. Raises UsageError at any gate but the host."""
    return _state(folder, lambda row: replace(row, time_zone=time_zone))


def set_end(folder: Folder, ends_s: int | None, keep_days: int | None) -> EventRow:
    """Say when the event ends (Unix seconds), and how many days later what is personal goes.

    ``None`` stays as it is.

    Raises UsageError at any gate but the host, and where that would be at once though nobody has
    said how many days: it could not be taken back.
    """

    def ending(row: EventRow) -> EventRow:
        end = row.ends_s if ends_s is None else ends_s
        kept = row.keep_days if keep_days is None else keep_days
        after = replace(row, ends_s=end, keep_days=kept)
        if keep_days is None and end and after.keeps_until_ms <= read_wall_ms():
            raise UsageError(
                _("by that end names and codes are dropped at once"),
                _("If it is meant, say for how long: keep_days=N"),
            )
        return after

    return _state(folder, ending)


def set_isolated_hours(folder: Folder, hours: int) -> EventRow:
    """Bound for how long a gate that hears nobody lets people in; 0: it is not bounded.

    Raises UsageError at any gate but the host.
    """
    return _state(folder, lambda row: replace(row, isolated_hours=hours))


def set_fields(folder: Folder, fields: EventFields) -> EventRow:
    """State anew where the venue's clocks are, when it ends, for how long something is so.

    Raises UsageError as ``set_end`` does.
    """
    if fields.time_zone is not None:
        set_zone(folder, fields.time_zone)
    if fields.ends_s is not None or fields.keep_days is not None:
        set_end(folder, fields.ends_s, fields.keep_days)
    if fields.isolated_hours is not None:
        set_isolated_hours(folder, fields.isolated_hours)
    return venue_event(folder)


def change_settings(folder: Folder, change: Callable[[EventSettings], EventSettings]) -> EventRow:
    """State the event's settings anew. Raises UsageError at any gate but the host."""
    return _state(folder, lambda row: replace(row, settings=change(row.settings)))


def _state(folder: Folder, change: Callable[[EventRow], EventRow]) -> EventRow:
    """One after the other: whoever states something else meanwhile starts from this change."""
    load(folder)
    lock = Lock(folder, "settings", wait_s=STATING_S)
    try:
        row = change(venue_event(folder))
        _leave(folder, row)
    finally:
        lock.close()
    _take_in_now(folder, row)
    return row


def venue_event(folder: Folder) -> EventRow:
    """What the venue says of itself, with what waits to be taken in.

    Raises UsageError at any gate but the host.
    """
    venue, mine = load(folder), load_membership(folder)
    waiting = [row for path in _waiting(folder) if isinstance(row := _read(path), EventRow)]
    if waiting:
        return waiting[-1]
    live = live_replica(folder)
    with closing(open_reader(live)) as connection, faults(live):
        found = event_of(connection)
    return found or EventRow("" if mine is None else venue_id(mine), venue.name, "UTC")


def take_in(folder: Folder, asked: Enrol, name: str) -> Enrolled:
    """Make a device that came with a token a member. Raises UsageError for the host itself."""
    venue, mine = load(folder), load_membership(folder)
    if mine is None:
        raise DamagedError(
            _("{file} cannot be read").format(file="member.json"),
            _("Restore it from a backup of this folder."),
        )
    if asked.device == mine.device:
        raise UsageError(_("this is the host itself"), _("It belongs to the venue already."))
    known = devices(folder).get(asked.device)
    if known is not None and known.state == REVOKED:
        raise UsageError(
            _("this device was revoked, for good"), _("Wipe it (gate wipe): then it is a new one.")
        )
    certificate = authority(venue).issue(asked.device, asked.key)
    publish(folder, MemberRow(asked.device, name, asked.key, ENROLLED))
    time_zone = event_zone(folder)
    return Enrolled("", venue_id(mine), venue.name, name, time_zone, venue.authority, certificate)


def put_word(folder: Folder, ticket: str, word: DoorWord) -> Ticket:
    """Block a ticket at the door, free it, or note something on it, for all gates to hear.

    It is named by its id, the beginning of that, or an entry about it; one that is in no list yet
    is known by the entries of who came in on it. The answer is the ticket as it was. Raises
    UsageError at any gate but the host, for a ticket that is not there, and once the event is over.
    """
    load(folder)
    with closing(Tickets(folder)) as tickets:
        tickets.refresh()
        found = _named(folder, tickets, ticket)
    if found is None:
        raise UsageError(
            _("there is no ticket {id!r}").format(id=ticket[:128]),
            _("Find its id: gate lookup NAME"),
        )
    if venue_event(folder).dropped_ms:
        raise UsageError(_("the event is over: its names and codes were dropped"), "")
    if not found.has_type:
        raise UsageError(
            _("{type}: there is no such ticket type").format(type=found.type.id),
            _("Take in a list that has it, then say it again."),
        )
    publish(folder, TicketWord(found.id, word, found.signed))
    return found


def _named(folder: Folder, tickets: Tickets, text: str) -> Ticket | None:
    if found := tickets.get(text) or by_short_id(tickets, text):
        return found
    with Fleet(folder) as venue:
        entry = next((one for file in venue.files if (one := file.find(text))), None)
        id_ = entry.ticket if entry is not None else text
        return tickets.get(id_) or tickets.told(venue.facts(id_))


def publish(folder: Folder, row: Row) -> None:
    """Let all gates hear of it: now, or as soon as the sync worker has time."""
    _leave(folder, row)
    _take_in_now(folder, row)


def _take_in_now(folder: Folder, row: Row) -> None:
    """Put what waits into the feed, unless a sync worker is there to do it."""
    try:
        lock = Lock(folder, "sync")
    except BusyError:
        return
    try:
        with closing(TicketFeed(folder)) as feed:
            take_requests(folder, feed, read_wall_ms())
            if isinstance(row, MemberRow) and row.counts_until is not None:
                # As the sync worker does once it has read so far.
                with closing(PeerStore(folder)) as peer_store:
                    peer_store.disown(feed.members().values())
    finally:
        lock.close()


def take_requests(folder: Folder, feed: TicketFeed, now_ms: int) -> list[Row]:
    """Put what waits in the inbox into the feed; for whoever holds the folder's ``sync`` lock.

    What cannot be read is set aside, with ``.bad`` after its name. While tickets are imported, or
    the venue's key cannot be read, everything waits.
    """
    taken: list[Row] = []
    waiting = _waiting(folder)
    if not waiting or not feed.cursor:
        return taken
    try:
        own = authority_of(folder)
    except DamagedError as fault:
        # Scanning and telling go on; what waits is not lost.
        log.error("inbox: %s", fault.message)
        return taken
    if own is None:
        return taken
    host = HostFeed(feed, own)
    for path in waiting:
        row = _read(path)
        with faults(path):
            if row is None:
                log.warning("inbox: %s cannot be read", path.name)
                path.replace(path.with_name(f"{path.name}.bad"))
                continue
            try:
                _state_once(host, feed, row, now_ms)
            except BusyError:
                break
            path.unlink()
        taken.append(row)
    return taken


def _state_once(host: HostFeed, feed: TicketFeed, row: Row, now_ms: int) -> None:
    """Put a request into the feed, unless that says so already. Raises BusyError."""
    if isinstance(row, TicketWord):
        host.put_word(row.ticket, row.word, now_ms, row.signed)
    elif isinstance(row, EventRow):
        if feed.event() != row:
            host.append("event", row.id, _encode(row), now_ms)
    elif isinstance(row, EventKey):
        if row not in feed.event_keys():
            host.append("key", row.id, _encode(row), now_ms)
    elif feed.members().get(row.id) != row:
        host.append("device", row.id, _encode(row), now_ms)


def _leave(folder: Folder, row: Row) -> None:
    """Put a request into the inbox, after those that wait there."""
    inbox = folder.inbox
    with faults(inbox):
        inbox.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.path)
        number = max((int(path.name[:6]) for path in _waiting(folder)), default=0) + 1
        suffix = _SUFFIXES.get(type(row), SUFFIX)
        write_durably(inbox / f"{number:06}-{secrets.token_hex(4)}{suffix}", _encode(row))


def _waiting(folder: Folder) -> list[Path]:
    found = folder.inbox.glob(f"{'[0-9]' * 6}-*")
    return sorted(path for path in found if path.suffix in _DECODERS)


def _read(path: Path) -> Row | None:
    try:
        row: Row = _DECODERS[path.suffix].decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None
    return row


def _damaged() -> DamagedError:
    return DamagedError(
        _("{file} cannot be read").format(file="venue.json"),
        _("Restore it from a backup: without it no other gate can be asked in."),
    )
