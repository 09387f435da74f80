"""The keys that sign an event's tickets, and the codes that they sign.

The private halves are in the server's database and nowhere else; the feed has the public ones.
Every function works in the transaction it is handed.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from gate.core.signed_ticket import EventKey, KeyState
from gate.core.ticket import Status
from gate.core.ticket_feed import ChangeKind
from gate.credential import code_hash, pretix_signed
from gate.errors import UsageError
from gate.i18n import _
from gate.storage import signing_keys
from gate.storage.event_keys import key_body, read_key
from gate.storage.signing_keys import SigningKey
from sync.api.administration import KeyLine
from sync.server import feed, issuing, ticket_store
from sync.server import tables as t
from sync.server.console import Console, at_console


def keys_of(connection: Connection, event: str) -> list[SigningKey]:
    """Every key of an event, with what is secret of it."""
    c = t.signing_key.c
    query = select(c.body, c.private).where(c.event == event).order_by(c.id)
    return [SigningKey(read_key(body), private) for body, private in connection.execute(query)]


def public_keys(connection: Connection, event: str) -> list[EventKey]:
    """Every key of an event, as its gates are told of it."""
    return [one.key for one in keys_of(connection, event)]


def new_key(connection: Connection, event: str) -> EventKey:
    """Make a key that signs from now on; those before it sign no more."""
    at = feed.lock(connection, event)
    changed = signing_keys.after_rotation(keys_of(connection, event))
    state_keys(connection, event, at, changed)
    return changed[-1].key


def add_pretix_key(connection: Connection, event: str, text: str) -> EventKey:
    """Believe what pretix signs with a key. Raises UsageError where it is none."""
    made = signing_keys.pretix_key(text)
    at = feed.lock(connection, event)
    before = {one.key.id: one for one in keys_of(connection, event)}
    if made.key.id not in before:
        state_keys(connection, event, at, [made])
    return before.get(made.key.id, made).key


def change_key(
    connection: Connection,
    event: str,
    id_: str,
    *,
    state: KeyState | None = None,
    begin: int | None = None,
    end: int | None = None,
) -> EventKey:
    """Retire a key, revoke it for good, or bound its time. Raises UsageError."""
    at = feed.lock(connection, event)
    keys = keys_of(connection, event)
    changed = signing_keys.changed(keys, id_, state=state, begin=begin, end=end)
    state_keys(connection, event, at, [changed])
    return changed.key


def codes(connection: Connection, event: str, tickets: Sequence[str]) -> list[str]:
    """The signed codes of some tickets. Raises UsageError."""
    keys, made = keys_of(connection, event), []
    for id_ in tickets:
        ticket = ticket_store.find_ticket(connection, event, id_)
        if ticket is None:
            raise UsageError(_("there is no ticket {id!r}").format(id=id_[:128]), "")
        made.append(signing_keys.code_of(keys, event, ticket))
    return made


def bar(connection: Connection, event: str, states: Mapping[str, Status]) -> int:
    """State what pretix has revoked or blocked, as tickets that go by their code; how many.

    A code of a ticket with an id of its own is that ticket's business. Raises Bad where a type is
    missing.
    """
    feed.lock(connection, event)
    keys, hash_key = public_keys(connection, event), ticket_store.key_of(connection, event)
    named = {text: code_hash(hash_key, text) for text in states}
    owners = dict(ticket_store.owners_of(connection, event, list(named.values())))
    new, known = [], []
    for text, state in states.items():
        owner, own = owners.get(named[text]), named[text].hex()
        proof = pretix_signed.proved(text, keys)
        if owner == own:
            known.append({"id": own, "status": state.value})
        elif owner is None and proof is not None and state is not Status.NORMAL:
            new.append({"code": text, "type": proof[0].type_id, "status": state.value})
    issuing.issue(connection, event, issuing.Issue(tickets=new, changes=known))
    return len(new) + len(known)


def state_keys(
    connection: Connection, event: str, at: feed.FeedHead, keys: Sequence[SigningKey]
) -> None:
    """Keep keys and state them in the feed, for all gates."""
    c = t.signing_key.c
    rows: list[tuple[ChangeKind, str, str, dict[str, str]]] = []
    for one in keys:
        body = key_body(one.key).decode()
        which = (c.event == event) & (c.id == one.key.id)
        connection.execute(delete(t.signing_key).where(which))
        values = {"event": event, "id": one.key.id, "body": body, "private": one.private}
        connection.execute(insert(t.signing_key).values(**values))
        rows.append(("key", one.key.id, body, {}))
    feed.append(connection, event, at, rows)


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The keys of an event in the server's own database, for the command line."""

    database: str = ""
    folder: Path | None = None
    named: str = ""
    """Empty: the only event, or the one that is made first."""

    def all(self) -> list[EventKey]:
        """Every key. Raises UsageError where the event is not there, or not named."""
        with self._console() as console:
            return console.read(partial(public_keys, event=console.event()))

    def new(self) -> EventKey:
        """Make a key that signs from now on; those before it sign no more."""
        with self._console() as console:
            event = console.event()
            return console.write(partial(new_key, event=event), "key made", key_text, event=event)

    def add_pretix(self, text: str) -> EventKey:
        """Believe what pretix signs with a key. Raises UsageError where it is none."""
        with self._console() as console:
            event = console.event()
            job = partial(add_pretix_key, event=event, text=text)
            return console.write(job, "key added", key_text, event=event)

    def change(
        self,
        id_: str,
        *,
        state: KeyState | None = None,
        begin: int | None = None,
        end: int | None = None,
    ) -> EventKey:
        """Retire a key, revoke it for good, or bound its time. Raises UsageError."""
        with self._console() as console:
            event = console.event()
            job = partial(change_key, event=event, id_=id_, state=state, begin=begin, end=end)
            return console.write(job, "key changed", key_text, event=event)

    def bar(self, states: Mapping[str, Status]) -> int:
        """State what pretix has revoked or blocked. Raises UsageError where a type is missing."""
        with self._console() as console:
            event = console.event()

            def job(connection: Connection) -> int:
                try:
                    return bar(connection, event, states)
                except issuing.Bad as bad:
                    raise UsageError(bad.errors[0], _("State the types first.")) from bad

            return console.write(job, "codes barred", barred_text, event=event)

    def codes(self, tickets: Sequence[str]) -> list[str]:
        """The signed codes of some tickets. Raises UsageError."""
        with self._console() as console:
            event = console.event()
            job = partial(codes, event=event, tickets=tickets)
            return console.write(job, "codes signed", f"{len(tickets)}", event=event)

    def _console(self) -> AbstractContextManager[Console]:
        return at_console(self.folder, self.database, self.named)


def barred_text(barred: int) -> str | None:
    """How many codes were barred, as the audit log has it; nothing where none was."""
    return f"{barred}" if barred else None


def key_text(key: EventKey) -> str:
    """A key, as the audit log has it."""
    times = f" {key.begin or ''}..{key.end or ''}" if key.begin or key.end else ""
    return f"{key.id} {key.scheme} {key.state}{times}"


def key_line(key: EventKey) -> KeyLine:
    """What the organiser is told of a key."""
    return KeyLine(key.id, key.scheme, key.public, key.state, key.begin, key.end)
