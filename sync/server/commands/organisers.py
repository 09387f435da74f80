"""The organiser's tokens at the server's machine, and the log of who did what."""

import sys
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from gate.storage.sqlite import faults
from gate.text.printable import printable
from sync.server import audit, organisers
from sync.server.console import Console, day_text
from sync.server.database import reading
from sync.server.organisers import Organiser, Right
from sync.server.wanted import Chore

STANDARD_OUTPUT: Final = "-"


def tend_tokens(console: Console, chore: Chore) -> int:
    """List the tokens that are good, or make, roll or end one."""
    if chore.tokens:
        for one in console.read(lambda c: organisers.good(c, read_wall_ms(), console.named)):
            _print(one)
    elif chore.end:
        job = partial(organisers.end, id_=chore.end, now_ms=read_wall_ms())
        console.write(job, "token ended", lambda ended: ended.who, event="")
        sys.stdout.write(_("{token}: good for nothing now").format(token=chore.end) + "\n")
    else:
        _make_token(console, chore)
    return 0


def _make_token(console: Console, chore: Chore) -> None:
    now_ms, event = read_wall_ms(), console.named
    if chore.roll:
        make = partial(organisers.roll, id_=chore.roll, now_ms=now_ms)
        act = "token rolled"
    else:
        make = partial(
            organisers.make, name=chore.new_organiser, event=event, rights=_rights(chore.rights),
            now_ms=now_ms, lifetime_s=chore.for_days * 86_400,
        )  # fmt: skip
        act = "token made"
    old = f"{chore.roll} to " if chore.roll else ""
    token, made = console.write(make, act, lambda made: old + made[1].text, event=event)
    _print(made)
    if chore.roll:
        hours = organisers.OVERLAP_S // 3600
        line = _(
            "{token} is good for {n} h beside it, or until: gate serve --end-organiser {token}"
        )
        sys.stdout.write(line.format(token=chore.roll, n=hours) + "\n")
    sys.stdout.write(_("Shown this once: {token}").format(token=token) + "\n")


def _print(one: Organiser) -> None:
    until = day_text(one.ends_ms, "UTC")
    of = printable(one.event) or _("every event")
    sys.stdout.write(
        f"{one.id}  {until}  {of}  {','.join(sorted(one.rights))}  {printable(one.name)}\n"
    )


def _rights(stated: str) -> frozenset[Right]:
    try:
        return frozenset(Right(one.strip()) for one in (stated or Right.COUNTS).split(","))
    except ValueError as error:
        wrong = _("{found}: there is no such right").format(found=printable(stated))
        raise UsageError(wrong, ",".join(Right)) from error


def write_audit(console: Console, target: str) -> int:
    """Write all rows as CSV; exit code 1 where the chain does not hold."""
    with reading(console.engine) as connection:
        findings = list(audit.findings(connection))
        newest = audit.tip(connection)
        pages = _pages(connection)
        if target == STANDARD_OUTPUT:
            sys.stdout.writelines(pages)
        else:
            path = Path(target)
            if path.exists():
                raise UsageError(
                    _("{file} is there already").format(file=path), _("Choose another name.")
                )
            with faults(path), path.open("x", encoding="utf-8", newline="") as file:
                file.writelines(pages)
    for one in findings:
        sys.stderr.write(_("audit log: {found}").format(found=one) + "\n")
    line = _("Newest row: {tip}. Kept elsewhere, it shows later that no row was cut off.")
    sys.stderr.write(line.format(tip=newest) + "\n")
    return 1 if findings else 0


def _pages(connection: Connection) -> list[str]:
    pages, after = [], 0
    while rows := audit.rows(connection, after):
        table = audit.as_csv(rows)
        pages.append(table if not after else table.partition("\n")[2])
        after = rows[-1][0].seq
    return pages or [audit.as_csv([])]
