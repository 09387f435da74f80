"""``gate pretix``: pairing with a pretix, how that stands, its end; at the server's database."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gate.errors import UsageError
from gate.i18n import _
from gate.text.printable import printable
from sync.server.console import Console
from sync.server.database import database_of, default_folder, open_database
from sync.upstream import standing
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


def pair(where: Where, named: str, code: str, *, invoice_names: bool) -> int:
    """Pair a list by pretix's code. Raises UsageError, UpstreamError."""
    of_list, invitation = pairing.read_name(named), pairing.read_invitation(code)

    async def paired(console: Console) -> Paired:
        client = PretixClient()
        try:
            return await pairing.pair(
                client, console, of_list, invitation, invoice_names=invoice_names
            )
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


def status(where: Where) -> int:
    """How every link stands; exit code 1 where something is wrong."""
    with _opened(where) as console:
        found = console.read(standing.every)
    for one in found:
        sys.stdout.write("\n".join(_lines(one)) + "\n")
    if not found:
        sys.stdout.write(_("No event is paired: gate pretix pair EVENT.LIST") + "\n")
    return int(any(one.error for one in found))


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
    if one.is_stopped:
        yield "  " + _("It is not asked any more until it is paired again: gate pretix pair")
