"""Links at the server's machine: one made for a gate, those listed that can be used, withdrawn."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gate.clock import read_wall_ms
from gate.i18n import _
from gate.storage.enrolment_link import JOINED, link_to
from gate.text.printable import printable
from sync.server import address, enrolment, invite
from sync.server.address import Address
from sync.server.console import Console
from sync.server.wanted import Wanted


def new_link(console: Console, wanted: Wanted, folder: Path) -> int:
    """Print a link for a gate of the name that is wanted, for one event or for several."""
    named = [console.event(), *(Console(console.engine, also).event() for also in wanted.also)]
    leads_to = address.for_link(wanted, folder, console.read(address.kept))
    print_link(console, leads_to, list(dict.fromkeys(named)), wanted.new_token, wanted.png)
    return 0


def print_link(
    console: Console,
    leads_to: Address,
    events: Sequence[str],
    name: str = "",
    picture: Path | None = None,
) -> None:
    """Make a token of each event for a gate, and print its link; at a terminal as a code too."""
    tokens = [_mint(console, event, name) for event in events]
    link = link_to(leads_to.url, JOINED.join(tokens), leads_to.fingerprint)
    line = _("To enrol a gate into {event}, once, within a day: scan this, or give it the link")
    invite.print_link(line.format(event=", ".join(map(printable, events))), link, picture)


def _mint(console: Console, event: str, name: str) -> str:
    mint = partial(enrolment.mint_token, event=event, name=name, now_ms=read_wall_ms())
    about = lambda made: enrolment.link_id(made[0])  # noqa: E731
    token: str = console.write(mint, "invite", about, event=event)[0]
    return token


def tend_links(console: Console, withdraw: str) -> int:
    """Withdraw links of an id or name and print which; or, without one, all that can be used."""
    event, now_ms = console.event(), read_wall_ms()
    if withdraw:
        job = partial(enrolment.withdraw, event=event, id_or_name=withdraw, now_ms=now_ms)
        hint = _("See them: gate serve --links")
        found = console.write(job, "withdraw", enrolment.links_text, event=event, hint=hint)
    else:
        found = console.read(partial(enrolment.links, event=event, now_ms=now_ms))
    for one in found:
        how = _("withdrawn")
        if not withdraw:
            minutes = (one.expires_ms - now_ms) // 60_000
            how = _("good for {n} min").format(n=minutes)
        sys.stdout.write(f"{one.id}  {how:<16}  {printable(one.name)}\n")
    return 0
