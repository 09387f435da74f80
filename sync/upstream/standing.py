"""How the links stand, for whoever shows it: a command, a page, a screen, a number.

Every function works in the transaction it is handed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.core.upstream_state import MOST_SAID, UpstreamState
from gate.i18n import _
from sync.upstream import gate_devices, left_out, links, missing, outbox
from sync.upstream.gate_devices import GateDevice
from sync.upstream.links import Link
from sync.upstream.outbox import Backlog


@dataclass(frozen=True, slots=True)
class Standing:
    """One link, and what is still to be told."""

    event: str
    kind: str
    url: str
    account: str
    is_complete: bool
    """Whether every ticket that there was is here."""
    done: int
    total: int
    """How much of the first pull is stored, of how much; 0: nobody knows yet."""
    heard_ms: int
    """When it last answered; 0: never."""
    waiting: int
    """Entries that it is still to be told."""
    oldest_ms: int
    """Since when the first of them waits; 0: none does."""
    failed: int
    """Entries that it did not take."""
    why_failed: str
    too_late_ms: int
    """When the first that waits will be told in vain; 0: never."""
    error: str
    """What is wrong now; empty: nothing."""
    is_stopped: bool
    """Whether a person has to do something first."""
    missing: int
    """Tickets that it does not have any more, and that wait for a person's word."""
    devices: tuple[GateDevice, ...]
    """The gates that are devices of their own there."""

    def state(self, now_ms: int) -> UpstreamState:
        """The same as gates are told of it."""
        devices = next((f"{one.gate}: {one.error}" for one in self.devices if one.error), "")
        return UpstreamState(
            kind=self.kind,
            is_complete=self.is_complete,
            done=self.done,
            total=self.total,
            heard_ago_ms=max(0, now_ms - self.heard_ms) if self.heard_ms else None,
            waiting=self.waiting,
            oldest_ago_ms=max(0, now_ms - self.oldest_ms) if self.oldest_ms else 0,
            failed=self.failed,
            why_failed=self.why_failed[:MOST_SAID],
            missing=self.missing,
            error=(self.error or devices)[:MOST_SAID],
            is_stopped=self.is_stopped,
        )


WARN_MS: Final = 3_600_000
"""So long before something is told in vain it is said."""


def every(connection: Connection) -> list[Standing]:
    """All links, by event."""
    return _standing(connection, links.every(connection))


def of_event(connection: Connection, event: str) -> Standing | None:
    """The link of one event, if it has one."""
    link = links.find(connection, event)
    return None if link is None else _standing(connection, [link])[0]


def _standing(connection: Connection, some: Sequence[Link]) -> list[Standing]:
    found = []
    devices = gate_devices.every(connection, [link.event for link in some])
    for link in some:
        backlog = outbox.backlog(connection, link.event)
        wrong = (link.error, left_out.in_words(connection, link.event), _soon_too_late(backlog))
        found.append(
            Standing(
                event=link.event,
                kind=link.kind,
                url=link.url,
                account=link.account,
                is_complete=link.is_complete,
                done=link.done,
                total=link.total,
                heard_ms=link.heard_ms,
                waiting=backlog.waiting,
                oldest_ms=backlog.oldest_ms,
                failed=backlog.failed,
                why_failed=backlog.why,
                too_late_ms=backlog.ends_ms,
                error="; ".join(filter(None, wrong)),
                is_stopped=link.is_stopped,
                missing=missing.count(connection, link.event),
                devices=tuple(one for one in devices if one.event == link.event),
            )
        )
    return found


def _soon_too_late(backlog: Backlog) -> str:
    if not backlog.ends_ms or backlog.ends_ms - read_wall_ms() > WARN_MS:
        return ""
    at = datetime.fromtimestamp(backlog.ends_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return _("what waits to be told is too late there from {when} on").format(when=at)
