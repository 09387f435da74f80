"""Who may see the pages, at the server's machine: links made, everything listed, ended."""

import sys
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.i18n import _
from gate.text.printable import printable
from sync.server import address, audit, invite
from sync.server.address import Address
from sync.server.console import Console
from sync.server.wanted import Wanted
from sync.server.web import browsers, links, sessions


def new_link(console: Console, wanted: Wanted, folder: Path) -> int:
    """Print a link that opens the pages, for whoever is named."""
    event = console.event()
    leads_to = address.for_link(wanted, folder, console.read(address.kept))
    kind = links.Kind(wanted.web_kind or links.Kind.BROWSER)
    print_link(
        console, leads_to, event, kind, name=wanted.web_link, hours=wanted.web_hours,
        picture=wanted.png,
    )  # fmt: skip
    return 0


def print_link(
    console: Console,
    leads_to: Address,
    event: str,
    kind: links.Kind,
    *,
    name: str = "",
    hours: int = 0,
    picture: Path | None = None,
) -> None:
    """Make a link that opens the pages, and print it; at a terminal as a code too."""
    make = partial(
        links.make, event=event, kind=kind, name=name, made_by=audit.CONSOLE.who,
        now_ms=read_wall_ms(), hours=hours,
    )  # fmt: skip
    secret, made = console.write(make, "web link made", lambda made: made[1].text, event=event)
    lines = {
        links.Kind.BROWSER: _(
            "Pages of {event}: operators can sign in at the browser that opens this, once,"
            " within {hours} h"
        ),
        links.Kind.ORGANISER: _(
            "Pages of {event}: whoever opens this is the organiser, once, within {hours} h"
        ),
        links.Kind.COUNTS: _(
            "Pages of {event}: whoever has this sees counts and no names, for {hours} h"
        ),
    }  # fmt: skip
    hours = (made.ends_ms - made.made_ms) // links.HOUR_MS
    heading = lines[kind].format(event=printable(event), hours=hours)
    invite.print_link(heading, f"{leads_to.url}{links.PATH}{secret}", picture)


def tend(console: Console, ended: str) -> int:
    """End the link, browser or session of an id; or, without one, list all there are."""
    event, now_ms = console.event(), read_wall_ms()
    if ended:
        job = partial(browsers.end, event=event, id_=ended, now_ms=now_ms)
        console.write(
            job, "web end", ended, event=event, hint=_("See them: gate serve --web-links")
        )
        sys.stdout.write(_("ended: {id}").format(id=printable(ended)) + "\n")
    else:
        for line in console.read(partial(_lines, event=event, now_ms=now_ms)):
            sys.stdout.write(line + "\n")
    return 0


def _lines(connection: Connection, event: str, now_ms: int) -> list[str]:
    """One for each, with what it is and for how long it is good."""
    found = [
        (one.id, _("link"), f"{one.kind} {one.name}", one.ends_ms)
        for one in links.good(connection, event, now_ms)
    ]
    found += [
        (one.id, _("browser"), f"{one.name} {one.agent}", one.ends_ms)
        for one in sessions.browsers(connection, event, now_ms)
    ]
    found += [
        (one.id, _("session"), f"{one.level.lower()} {one.who}", one.ends_ms)
        for one in sessions.sessions(connection, event, now_ms)
    ]
    good = _("good for {n} min")
    return [
        f"{id_}  {what:<8}  {good.format(n=(ends_ms - now_ms) // 60_000):<20}  {printable(who, 60)}"
        for id_, what, who, ends_ms in found
    ]
