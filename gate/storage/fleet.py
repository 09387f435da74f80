"""The whole venue as this device knows it: its own journal and what was heard, read together.

Reads go page by page, each in a transaction of its own. A file that is not there yet, or has no
tables yet, is an empty one.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from gate import __version__
from gate.core import entry_codec
from gate.core.history import Claimed, Conflict, claimed, claims, conflict, fold
from gate.core.hlc import wall_ms
from gate.core.irregular import Irregular, irregular
from gate.core.model import Act, Entry, Outcome, device_of
from gate.core.origins import OriginCounts, by_origin
from gate.core.replication import DIGITS, Start, Tip, alarms, gather, joined
from gate.storage import schema
from gate.storage.connectivity import Connectivity
from gate.storage.entries import read_entry, read_facts
from gate.storage.folder import Folder
from gate.storage.peers import has_successor, is_half_made, read_resolutions, read_told
from gate.storage.sqlite import faults, open_readable
from gate.storage.sync_status import DeviceStatus
from gate.storage.tickets import Tickets

PAGE = 5000
RATE_MINUTES = 15

_SCANS = ", ".join(f"'{outcome}'" for outcome in Outcome)
_COUNTS = f"""
    sum(CASE WHEN outcome IN ({_SCANS}) THEN entries ELSE 0 END),
    sum(CASE WHEN outcome = '{Outcome.REFUSE}' THEN entries ELSE 0 END),
    sum(admitted), sum(exited), sum(annulled),
    sum(CASE WHEN minute > :since THEN admitted ELSE 0 END),
    sum(CASE WHEN outcome = '{Act.ANNULMENT}' THEN entries ELSE 0 END)
"""

# More went in than one person once, or was taken back where the other file cannot know: the rest
# cannot be a conflict, whatever the ticket is good for.
_SUSPECTS = """
SELECT p.ticket FROM state p LEFT JOIN own.state o ON o.ticket = p.ticket
WHERE p.ticket > :after AND p.ticket <= :last
    AND p.redemptions + coalesce(o.redemptions, 0) > 1
    AND (p.used + coalesce(o.used, 0) > 1 OR p.inside + coalesce(o.inside, 0) > 1)
"""


_USED_OF = """
SELECT ticket FROM state
WHERE redemptions > 0 AND ticket IN (SELECT value FROM json_each(:tickets))
"""
_OWN_LANE = f"""
SELECT act FROM entry WHERE act IN ('{Act.LANE_OPENED}', '{Act.LANE_CLOSED}')
ORDER BY id DESC LIMIT 1
"""
_DECIDED = ("retired", "revoked")


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted."""

    scans: int = 0
    refused: int = 0
    admitted: int = 0
    """People let in; the annulled ones are taken off again."""
    exited: int = 0
    annulled: int = 0
    lately: int = 0
    """People let in during the last 15 minutes."""
    undone: int = 0
    """Undos that were made."""

    def __add__(self, other: "Figures") -> "Figures":
        """Both together."""
        return Figures(*(getattr(self, name) + getattr(other, name) for name in Figures.__slots__))


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the event: what it counted, and how it is, as far as this one has heard."""

    id: str
    name: str = ""
    gate: str = ""
    state: str = ""
    """``open``, ``closed``, ``retired``, ``revoked``; empty when nobody has said."""
    is_own: bool = False
    version: str = ""
    figures: Figures = Figures()
    newest_ms: int | None = None
    """The time of its newest entry, by the hybrid logical clock."""
    heard_ago_ms: int | None = None
    """How long ago anybody who is heard had heard it."""
    unacked: int | None = None
    quarantined: int = 0
    ahead_ms: int | None = None
    """How far the server's clock was ahead of its own; without a server, this device's."""
    error_ms: int | None = None
    retired_by: str = ""
    """Who retired it at a gate, at which, when and why; empty when the server or the host did."""
    retired_at: str = ""
    retired_ms: int | None = None
    retired_note: str = ""
    has_alarm: bool = False
    """Whether it was cloned, restored from a backup or rolled back."""
    is_disowned: bool = False
    """Whether not all of what it did counts."""
    has_twin: bool = False
    """Whether another machine was seen to use its credential."""
    tells_too_much: bool = False
    """Whether more of it was taken in than of any that works."""


_OWN_TIPS = "SELECT origin, max(seq), coalesce(CAST(hash AS BLOB), x'') FROM entry GROUP BY origin"


class _File:
    """A journal file to read from."""

    def __init__(self, path: Path, tables: Migrations) -> None:
        self._path = path
        connection, self.uri = open_readable(path) if path.exists() else (None, ":memory:")
        if connection is not None and not _has_tables(connection, path):
            connection.close()
            connection, self.uri = None, ":memory:"
        self.is_there = connection is not None
        if connection is None:
            connection = sqlite3.connect(":memory:", isolation_level=None)
            tables.apply(Database(connection))
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    def ask(self, query: str, bound: Mapping[str, object] | None = None) -> list[Any]:
        with faults(self._path):
            return self._connection.execute(query, bound or {}).fetchall()

    def facts(self, ticket: str) -> list[Entry]:
        with faults(self._path):
            return read_facts(self._connection, ticket)

    def resolutions(self, ticket: str) -> list[Entry]:
        with faults(self._path):
            return read_resolutions(self._connection, ticket)

    def find(self, name: str) -> Entry | None:
        with faults(self._path):
            return read_entry(self._connection, name)

    def has_successor(self, origin: str, tip: Tip) -> bool:
        with faults(self._path):
            return has_successor(self._connection, origin, tip)


def _has_tables(connection: sqlite3.Connection, path: Path) -> bool:
    with faults(path):
        try:
            connection.execute("SELECT 1 FROM state LIMIT 1").fetchone()
        except sqlite3.OperationalError as error:
            if is_half_made(error):
                return False
            raise
    return True


class Fleet:
    """The journal and ``peers.db``, open to read; belongs to the thread that opened it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._device = folder.device_id()
        self._own = _File(folder.journal, schema.journal)
        try:
            self._heard = _File(folder.peers, schema.peers)
        except BaseException:
            self._own.close()
            raise
        self._files = (self._own, self._heard)
        if self._heard.is_there:
            self._heard.ask("ATTACH :where AS own", {"where": self._own.uri})
        if self._heard.is_there and not self._own.is_there:
            self._heard.ask("CREATE TABLE own.state (ticket, used, inside, redemptions)")

    def __enter__(self) -> "Fleet":
        """Read on."""
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of both files."""
        for file in self._files:
            file.close()

    def figures(self, now_ms: int) -> Figures:
        """Everybody's counts together."""
        return sum(self._by_device(now_ms).values(), Figures())

    def used_tickets(self) -> int:
        """How many tickets have an admission that stands, anywhere."""
        count = "SELECT count(*) FROM state WHERE used > 0"
        used = sum(int(file.ask(count)[0][0]) for file in self._files)
        if not self._heard.is_there:
            return used
        ((in_both,),) = self._heard.ask(
            "SELECT count(*) FROM own.state o JOIN state p ON p.ticket = o.ticket "
            "WHERE o.used > 0 AND p.used > 0"
        )
        return used - int(in_both) - self._freed()

    def first_uses(self) -> dict[str, int]:
        """When each used ticket was first used, in Unix seconds, as far as that still stands."""
        query = (
            "SELECT s.ticket, json_extract(e.body, '$.at_ms') / 1000 FROM state s "
            "JOIN entry e ON e.id = s.first WHERE s.used > 0"
        )
        found: dict[str, int] = {}
        both: set[str] = set(self._taken_back())
        for file in self._files:
            for ticket, at_s in file.ask(query):
                both |= {ticket} if ticket in found else set()
                found[ticket] = int(at_s)
        # What each file knows alone need not stand where both are known.
        for ticket in both:
            history = fold(self.facts(ticket))
            found.pop(ticket, None)
            if history.used and history.first is not None:
                found[ticket] = history.first.at_ms // 1000
        return found

    def devices(self, now_ms: int, standing: Connectivity) -> list[Device]:
        """Every device that is known, this one first, then by name."""
        newest = self._newest()
        figures = self._by_device(now_ms)
        told = {
            str(id_): read_told(body)
            for id_, body in self._heard.ask("SELECT id, body FROM device")
        }
        fresh, disowned = standing.freshness, self._disowned()
        lanes = {lane.device: lane for lane in fresh.lanes}
        found = []
        for id_ in {self._device, *figures, *told, *lanes}:
            device = Device(
                id_,
                gate=self._gate(id_),
                is_own=id_ == self._device,
                figures=figures.get(id_, Figures()),
                newest_ms=newest.get(id_),
                has_alarm=any(id_ in alarm for alarm in fresh.alarms),
                is_disowned=id_ in disowned,
                has_twin=id_ in fresh.twins,
                tells_too_much=id_ in fresh.floods,
            )
            if id_ in told:
                state = _state(told[id_].state, is_active=told[id_].active)
                device = replace(device, name=told[id_].name, state=state)
            if id_ in lanes:
                device = _fresh(device, lanes[id_], standing.boot_ms)
            if device.is_own:
                device = _own(device, standing, self._own_lane())
            if device.is_own or device.state or device.figures.scans or device.figures.undone:
                found.append(device)
        return sorted(found, key=lambda d: (not d.is_own, d.name or d.gate, d.id))

    def conflicts(self) -> list[Conflict]:
        """Tickets on which more went in than they are good for, the unsettled ones first."""
        if not self._heard.is_there:
            return []
        found = []
        tickets = Tickets(self._folder) if self._folder.pointer.exists() else None
        try:
            for id_ in self._suspects():
                found += [one] if (one := self.conflict_of(tickets, id_)) else []
        finally:
            if tickets:
                tickets.close()
        return sorted(found, key=lambda c: (c.resolution is not None, -c.admissions[-1].hlc))

    def irregular_admissions(self) -> list[Irregular]:
        """Tickets that were used and are, or were, void; those that wait for a word first."""
        if not self._folder.pointer.exists():
            return []
        found = []
        tickets = Tickets(self._folder)
        try:
            after = ""
            while voided := tickets.voided(after, PAGE):
                after = voided[-1]
                for id_ in self._used_of(voided):
                    found += [one] if (one := self.irregular_of(tickets, id_)) else []
        finally:
            tickets.close()
        return sorted(found, key=lambda one: (not one.is_open, -one.admissions[-1].entry.hlc))

    def irregular_of(self, tickets: Tickets, ticket: str) -> Irregular | None:
        """What is irregular about one ticket's admissions."""
        kept = tickets.get(ticket)
        if kept is None or not kept.voids:
            return None
        entries = [*self.facts(ticket), *self.words(ticket)]
        return irregular(entries, kept.voids, tickets.life)

    def conflict_of(self, tickets: Tickets | None, ticket: str) -> Conflict | None:
        """Whether more went in on one ticket than it is good for."""
        kept = tickets.get(ticket) if tickets else None
        limits = (kept.use_limit, kept.party_size) if kept else (1, 1)
        facts = self.facts(ticket)
        if conflict(facts, *limits) is None:
            return None
        return conflict([*facts, *self.words(ticket)], *limits)

    def claims(self) -> list[Claimed]:
        """Tickets with undos that nobody has confirmed, those that wait for a word first."""
        undone = "SELECT DISTINCT ticket FROM counted WHERE act = 'annulment'"
        tickets = {ticket for file in self._files for (ticket,) in file.ask(undone)}
        found = [one for id_ in sorted(tickets) if (one := self.claims_of(id_))]
        return sorted(found, key=lambda one: (one.resolution is not None, -one.undos[-1].hlc))

    def claims_of(self, ticket: str) -> Claimed | None:
        """Which undos of one ticket nobody has confirmed."""
        facts = self.facts(ticket)
        return claimed([*facts, *self.words(ticket)]) if claims(facts) else None

    def origins(self, device: str = "") -> list[OriginCounts]:
        """What every device has done since each of its starts, or one device has.

        Of all devices every entry is read: not for a screen.
        """
        acts = "act IN ('admission', 'exit', 'annulment') AND ticket IS NOT NULL"
        if not device:
            rows = [
                row
                for file in self._files
                for row in file.ask(f"SELECT body FROM counted WHERE {acts}")
            ]
            return by_origin(entry_codec.decode(body) for (body,) in rows)
        bound = {"after": f"{device}.", "before": f"{device}/"}
        touched = (
            f"SELECT DISTINCT ticket FROM counted WHERE {acts} "
            "AND origin > :after AND origin < :before"
        )
        tickets = {ticket for file in self._files for (ticket,) in file.ask(touched, bound)}
        lines = by_origin(fact for ticket in tickets for fact in self.facts(ticket))
        return [line for line in lines if line.device == device]

    def was_heard(self, ticket: str) -> bool:
        """Whether any other device did something on a ticket, as far as is known."""
        return bool(self._heard.facts(ticket))

    def words(self, ticket: str) -> list[Entry]:
        """What supervisors have said of a ticket's conflicts and irregular admissions."""
        return [word for file in self._files for word in file.resolutions(ticket)]

    def facts(self, ticket: str) -> list[Entry]:
        """Everything anybody is known to have done on a ticket."""
        return [entry for file in self._files for entry in file.facts(ticket)]

    def newest_heard_ms(self) -> int | None:
        """The time of the newest entry of any other device; ``None`` when none was heard."""
        return max((at for id_, at in self._newest().items() if id_ != self._device), default=None)

    def alarms(self) -> set[str]:
        """Devices that were cloned, restored from a backup or rolled back, as the entries tell."""
        starts = {Start(*row) for row in self._heard.ask("SELECT origin, follows FROM origin")}
        own = {}
        for origin, seq, hash_ in self._own.ask(_OWN_TIPS):
            own[origin] = Tip(seq, hash_.hex()[:DIGITS])
            first = self._own.find(f"{origin}:1")
            starts |= {Start(origin, first.follows)} if first else set()
        heard = gather(self._heard.ask("SELECT origin, seq, coalesce(hash, x'') FROM tip"))
        found = alarms(starts, joined(heard, own, self._heard.has_successor))
        return {alarm.device for alarm in found}

    def _by_device(self, now_ms: int) -> dict[str, Figures]:
        since = {"since": now_ms // 60_000 - RATE_MINUTES}
        heard = self._heard.ask(f"SELECT device, {_COUNTS} FROM tally GROUP BY device", since)
        found = {str(device): Figures(*counts) for device, *counts in heard}
        for counts in self._own.ask(f"SELECT {_COUNTS} FROM tally HAVING count(*) > 0", since):
            found[self._device] = found.get(self._device, Figures()) + Figures(*counts)
        return found

    def _gate(self, device: str) -> str:
        """Where a device counted last."""
        if device == self._device:
            rows = self._own.ask("SELECT gate FROM tally ORDER BY minute DESC LIMIT 1")
        else:
            rows = self._heard.ask(
                "SELECT gate FROM tally WHERE device = :device ORDER BY minute DESC LIMIT 1",
                {"device": device},
            )
        return str(rows[0][0]) if rows else ""

    def _newest(self) -> dict[str, int]:
        newest: dict[str, int] = {}
        for origin, hlc in self._heard.ask("SELECT origin, hlc FROM tip"):
            device = device_of(origin)
            newest[device] = max(newest.get(device, 0), wall_ms(hlc))
        for (hlc,) in self._own.ask(
            "SELECT json_extract(body, '$.hlc') FROM entry ORDER BY id DESC LIMIT 1"
        ):
            newest[self._device] = max(newest.get(self._device, 0), wall_ms(hlc))
        return newest

    def _own_lane(self) -> str:
        """Whether this lane is open, by its own journal; empty where it has never been."""
        rows = self._own.ask(_OWN_LANE)
        return _state("enrolled", is_active=rows[0][0] == Act.LANE_OPENED) if rows else ""

    def _suspects(self) -> Iterator[str]:
        """Tickets that may be in conflict."""
        taken_back = self._taken_back()
        yield from sorted(taken_back)
        after = ""
        while True:
            ((last,),) = self._heard.ask(
                "SELECT max(ticket) FROM "
                "(SELECT ticket FROM state WHERE ticket > :after ORDER BY ticket LIMIT :page)",
                {"after": after, "page": PAGE},
            )
            if last is None or last <= after:  # the latter in a damaged tree only
                return
            for (ticket,) in self._heard.ask(_SUSPECTS, {"after": after, "last": last}):
                if ticket not in taken_back:
                    yield ticket
            after = last

    def _used_of(self, tickets: list[str]) -> list[str]:
        """Which of some tickets anybody ever went in on."""
        bound = {"tickets": msgspec.json.encode(tickets).decode()}
        return sorted({id_ for file in self._files for (id_,) in file.ask(_USED_OF, bound)})

    def _disowned(self) -> dict[str, str]:
        """Disowned devices, and up to where what they did counts."""
        if not self._heard.is_there:
            return {}
        return dict(self._heard.ask("SELECT device, counts_until FROM disowning"))

    def disowned(self) -> str:
        """What changes whenever other entries count."""
        return repr(sorted(self._disowned().items()))

    def newest_rows(self) -> tuple[int, int]:
        """Up to where the entries of both files go: this device's, and the others'."""
        own, heard = (file.ask("SELECT max(id) FROM entry")[0][0] or 0 for file in self._files)
        return own, heard

    def touched_since(self, rows: tuple[int, int]) -> set[str]:
        """Tickets that entries after some rows are about."""
        query = (
            "SELECT DISTINCT ticket FROM entry WHERE id > :after AND ticket IS NOT NULL "
            "AND act IN ('admission', 'exit', 'annulment', 'resolution')"
        )
        return {
            id_
            for file, after in zip(self._files, rows, strict=True)
            for (id_,) in file.ask(query, {"after": after})
        }

    def _taken_back(self) -> set[str]:
        """Tickets with a movement that somebody else than its maker may have annulled."""
        names = [name for (name,) in self._heard.ask("SELECT name FROM taken_back")]
        found = (file.find(name) for name in names for file in self._files)
        return {entry.ticket for entry in found if entry is not None}

    def _freed(self) -> int:
        """Tickets that one file counts as used and the other has freed."""
        query = "SELECT used FROM state WHERE ticket = :ticket"
        freed = 0
        for ticket in self._taken_back():
            used = [row[0] for file in self._files for row in file.ask(query, {"ticket": ticket})]
            freed += any(used) and not fold(self.facts(ticket)).used
        return freed


def _state(state: str, *, is_active: bool) -> str:
    if state != "enrolled":
        return state
    return "open" if is_active else "closed"


def _own(device: Device, standing: Connectivity, lane: str) -> Device:
    """This device, which knows how it is itself, but for what was decided about it."""
    fresh = standing.freshness
    return replace(
        device,
        state=device.state if device.state in _DECIDED else lane,
        version=__version__,
        heard_ago_ms=None,
        unacked=fresh.unacked if standing.is_enrolled and fresh.boot_id else None,
        quarantined=fresh.quarantined,
        ahead_ms=fresh.ahead_ms,
        error_ms=fresh.error_ms,
    )


def _fresh(device: Device, lane: DeviceStatus, boot_ms: int) -> Device:
    """A device with what the sync worker last heard of it."""
    return replace(
        device,
        name=lane.name or device.name,
        gate=lane.gate or device.gate,
        state=_state(lane.state, is_active=lane.active),
        version=lane.version,
        heard_ago_ms=None if lane.heard_boot_ms is None else boot_ms - lane.heard_boot_ms,
        unacked=lane.unacked,
        quarantined=lane.quarantined,
        ahead_ms=lane.ahead_ms,
        error_ms=lane.error_ms,
        retired_by=lane.retired_by,
        retired_at=lane.retired_at,
        retired_ms=lane.retired_ms,
        retired_note=lane.retired_note,
    )
