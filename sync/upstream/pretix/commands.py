"""``gate pretix``: pairing with a pretix, how that stands, its end; at the server's database."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _, sentences
from gate.text.act_words import act_word
from gate.text.printable import printable
from gate.text.ticket_words import describe
from gate.text.times import clock_time
from gate.text.upstream_words import remedy
from sync.server import events
from sync.server.console import Console
from sync.server.database import database_of, default_folder, open_database
from sync.upstream import gate_devices, links, missing, outbox, standing
from sync.upstream.part import upstream_part
from sync.upstream.pretix import pairing
from sync.upstream.pretix.client import PretixClient
from sync.upstream.pretix.pairing import Paired
from sync.upstream.standing import Standing


@dataclass(frozen=True, slots=True)
class Where:
    """The server whose database is meant."""

    database: str = ""
    folder: Path | None = None


@contextmanager
def _opened(where: Where) -> Iterator[Console]:
    database = database_of(where.folder or default_folder(), where.database)
    engine = open_database(database, (upstream_part(dict),), must_exist=True)
    try:
        yield Console(engine, "")
    finally:
        engine.dispose()


def pair(where: Where, named: str, code: str) -> int:
    """Pair a list by pretix's code. Raises UsageError, UpstreamError."""
    of_list, invitation = pairing.read_name(named), pairing.read_invitation(code)

    async def paired(console: Console) -> Paired:
        client = PretixClient()
        try:
            return await pairing.pair(client, console, of_list, invitation)
        finally:
            await client.close()

    with _opened(where) as console:
        made = asyncio.run(paired(console))
    line = _("{event}: {title}. Its tickets come from {url} as soon as gate serve runs.")
    told = line.format(event=made.link.event, title=printable(made.title), url=made.link.url)
    sys.stdout.write(told + "\n")
    line = _("Gates may enrol once all of them are there: gate pretix status")
    sys.stdout.write(line + "\n")
    return 0


def pair_gate(where: Where, event: str, gate: str, code: str) -> int:
    """Make a gate a device of its own at pretix. Raises UsageError, UpstreamError."""
    invitation = pairing.read_invitation(code)

    async def paired(console: Console) -> None:
        client = PretixClient()
        try:
            await pairing.pair_gate(client, console, event, gate, invitation)
        finally:
            await client.close()

    with _opened(where) as console:
        asyncio.run(paired(console))
    line = _("{event}: what the gate {gate} does pretix has from now on as by its own device.")
    sys.stdout.write(line.format(event=event, gate=printable(gate)) + "\n")
    return 0


def retry(where: Where, event: str) -> int:
    """Have a link worked on at once, whatever it waits for. Raises UsageError."""
    with _opened(where) as console:
        job = partial(gate_devices.try_now, event=event)
        console.write(job, "upstream tried again", event, event=event)
    line = _("{event}: it is asked now, where gate serve runs. How it went: gate pretix status")
    sys.stdout.write(line.format(event=event) + "\n")
    return 0


def void_missing(where: Where, event: str, by: str, why: str) -> int:
    """Show the tickets that pretix does not have any more; void them, if somebody says so.

    The exit code is 1 where they are only shown. Raises UsageError.
    """
    with _opened(where) as console:
        console.read(partial(links.need, event=event))
        count = console.read(partial(missing.count, event=event))
        some = console.read(partial(missing.some, event=event))
        for ticket in some:
            sys.stdout.write(f"{printable(ticket.id, 40)}  {describe(ticket)}\n")
        if len(some) < count:
            sys.stdout.write(_("… and {n} more").format(n=count - len(some)) + "\n")
        if not (by and why and count):
            line = _("{n} tickets are not in pretix any more. To void them: --by NAME --why REASON")
            sys.stdout.write(line.format(n=count) + "\n")
            return int(bool(count))
        void = partial(missing.void, event=event, seen=count, now_ms=read_wall_ms())
        about = f"{count}: {by}: {why}"
        console.write(void, "missing tickets voided", about, event=event)
    sys.stdout.write(_("{n} tickets were voided.").format(n=count) + "\n")
    return 0


def failed(where: Where, event: str) -> int:
    """Name the entries that pretix did not take. Raises UsageError."""
    with _opened(where) as console:
        console.read(partial(links.need, event=event))
        found = console.read(partial(outbox.not_taken, event=event))
        zone = console.read(partial(events.row_of, event=event)).time_zone
    for one in found:
        entry = one.entry
        when = clock_time(entry.at_ms, ZoneInfo(zone), dated=True)
        what = act_word(entry.act.value)
        sys.stdout.write(
            f"{entry.name}  {when}  {printable(entry.gate, 24)}  {what}  "
            f"{printable(entry.ticket, 40)}  {printable(one.why)}\n"
        )
    sys.stdout.write(_("{n} entries were not taken.").format(n=len(found)) + "\n")
    return 0


def status(where: Where) -> int:
    """How every link stands; exit code 1 where something is wrong."""
    with _opened(where) as console:
        found = console.read(standing.every)
    for one in found:
        sys.stdout.write("\n".join(_lines(one)) + "\n")
    if not found:
        sys.stdout.write(_("No event is paired: gate pretix pair EVENT.LIST") + "\n")
    return int(any(_is_wrong(one) for one in found))


def _is_wrong(one: Standing) -> bool:
    return bool(one.error or one.missing or any(device.error for device in one.devices))


def unpair(where: Where, event: str) -> int:
    """End a link; exit code 1 where pretix could not be told. Raises UsageError."""

    async def ended(console: Console) -> str:
        client = PretixClient()
        try:
            return (await pairing.unpair(client, console, event))[1]
        finally:
            await client.close()

    with _opened(where) as console:
        if not any(one.event == event for one in console.read(standing.every)):
            raise UsageError(_("The event {event} has no upstream.").format(event=event))
        why_not = asyncio.run(ended(console))
    line = _("{event}: unpaired. Its tickets stay as they are.")
    sys.stdout.write(line.format(event=event) + "\n")
    if why_not:
        line = _("pretix was not told ({why}): revoke the device there.")
        sys.stdout.write(line.format(why=why_not) + "\n")
    return int(bool(why_not))


def _lines(one: Standing) -> Iterator[str]:
    yield f"{one.event}  {one.url}  {printable(one.account)}"
    if one.is_complete:
        yield "  " + _("all tickets are here")
    else:
        line = _("tickets are on their way: {done} of {total} orders; no gate may enrol yet")
        yield "  " + line.format(done=one.done, total=one.total or "?")
    heard = _("never")
    if one.heard_ms:
        heard = datetime.fromtimestamp(one.heard_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield "  " + _("last heard: {when}").format(when=heard)
    yield "  " + _("still to be told: {n}; not taken: {failed}").format(
        n=one.waiting, failed=one.failed
    )
    if one.why_failed:
        yield "  " + _("not taken: {why}").format(why=printable(one.why_failed))
    if one.error:
        yield "  " + _("wrong: {what}").format(what=printable(one.error))
    for device in one.devices:
        line = _("the gate {gate} is the device {device} there")
        told = line.format(gate=printable(device.gate), device=device.device)
        yield "  " + (sentences(told, printable(device.error)) if device.error else told)
    if words := remedy(one.state(read_wall_ms())):
        yield "  " + words
