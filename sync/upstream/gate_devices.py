"""Gates that are devices of their own at an upstream, so that it says which of them it was.

A gate without one is told by the link's own device. What a device has told only that device takes
back, so each entry keeps which one told it. Every function works in the transaction it is handed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, delete, insert, select, update

from sync.upstream import links
from sync.upstream import tables as t
from sync.upstream.links import Link


@dataclass(frozen=True, slots=True)
class GateDevice:
    """One gate of an event, as the upstream knows it."""

    event: str
    gate: str
    device: str
    token: str = field(repr=False)
    error: str = ""
    """Why it is not used any more, until it is paired anew; empty: it is."""


def every(connection: Connection, events: Iterable[str]) -> list[GateDevice]:
    """All of some events, by event and gate."""
    c = t.upstream_gate_device.c
    columns = (c.event, c.gate, c.device, c.token, c.error)
    query = select(*columns).where(c.event.in_(list(events))).order_by(c.event, c.gate)
    return [GateDevice(*row) for row in connection.execute(query)]


def put(connection: Connection, device: GateDevice) -> None:
    """Have entries of a gate be told by it from now on."""
    link = links.need(connection, device.event)
    links.keep_device(connection, replace(link, device=device.device))
    c = t.upstream_gate_device.c
    connection.execute(
        delete(t.upstream_gate_device).where(c.event == device.event, c.gate == device.gate)
    )
    connection.execute(
        insert(t.upstream_gate_device).values(
            event=device.event,
            gate=device.gate,
            device=device.device,
            token=device.token,
            error=device.error,
        )
    )


def note_trouble(connection: Connection, event: str, device: str, why: str) -> None:
    """Use a device no more: what its gate does is told by the link's own."""
    c = t.upstream_gate_device.c
    connection.execute(
        update(t.upstream_gate_device).where(c.event == event, c.device == device).values(error=why)
    )


def try_now(connection: Connection, event: str) -> None:
    """A person has put something right: the link and all devices are used again, at once.

    Raises Denied where the event has no upstream.
    """
    links.start_again(connection, event)
    c = t.upstream_gate_device.c
    connection.execute(update(t.upstream_gate_device).where(c.event == event).values(error=""))


def teller(connection: Connection, link: Link, gate: str, kept: str) -> Link:
    """The link as whoever is to tell an entry: the device that began it, else the gate's own.

    ``kept`` is the device that an earlier try, or what is now taken back, was told by.
    """
    for one in every(connection, [link.event]):
        is_meant = one.device == kept if kept else one.gate == gate
        if is_meant and not one.error:
            return replace(link, device=one.device, token=one.token)
    return link
