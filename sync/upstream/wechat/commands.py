"""``gate wechat``: pairing with an account, how that stands, its end; at the server's database."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gate.errors import UsageError
from gate.i18n import _
from gate.text.printable import printable
from sync.server.console import Console
from sync.server.database import database_of, default_folder, open_database
from sync.server.part import Part
from sync.upstream import standing
from sync.upstream.part import upstream_part
from sync.upstream.standing import Standing
from sync.upstream.wechat import accounts, pairing
from sync.upstream.wechat.accounts import KIND
from sync.upstream.wechat.client import WeChatClient
from sync.upstream.wechat.endpoint import PATH
from sync.upstream.wechat.pairing import Adopt, AtConsole, Paired, Wanted
from sync.upstream.wechat.wechat import WeChat


@dataclass(frozen=True, slots=True)
class Where:
    """The server whose database is meant."""

    database: str = ""
    folder: Path | None = None
    parts: Sequence[Part] = ()
    """What else has tables in it that are written."""


@contextmanager
def _opened(where: Where) -> Iterator[Console]:
    database = database_of(where.folder or default_folder(), where.database)
    parts = (*where.parts, WeChat().part, upstream_part(dict))
    engine = open_database(database, parts, must_exist=True)
    try:
        yield Console(engine, "")
    finally:
        engine.dispose()


def pair(where: Where, wanted: Wanted, adopt: Adopt) -> int:
    """Pair cards of an account. Raises UsageError, UpstreamError."""

    async def paired(console: Console) -> Paired:
        client = WeChatClient(AtConsole(console))
        try:
            return await pairing.pair(client, console, wanted, adopt)
        finally:
            await client.close()

    with _opened(where) as console:
        made = asyncio.run(paired(console))
    for line in _paired_lines(made):
        sys.stdout.write(line + "\n")
    return 0


def _paired_lines(made: Paired) -> Iterator[str]:
    titles = ", ".join(printable(title) for title in made.titles) or "–"
    line = _("{event}: {titles}. Its tickets come from {url} as soon as gate serve runs.")
    yield line.format(event=made.link.event, titles=titles, url=made.link.url)
    if made.is_new:
        account = made.account
        yield _("At WeChat, under basic configuration, server configuration, enter:")
        path = f"{PATH}/{account.appid}"
        yield "  URL             " + _(
            "the public https address of gate serve, then {path}"
        ).format(path=path)
        yield f"  Token           {account.push_token}"
        if account.aes_key:
            yield f"  EncodingAESKey  {account.aes_key}   " + _("(safe mode)")
    yield _("Tickets that were claimed before come by: gate wechat catch-up EVENT --openids FILE")


def status(where: Where) -> int:
    """How every link stands; exit code 1 where something is wrong."""
    with _opened(where) as console:
        found = [one for one in console.read(standing.every) if one.kind == KIND]
        pushed = {
            one.account: account.pushed_ms
            for one in found
            if (account := console.read(lambda c, a=one.account: accounts.find(c, a))) is not None  # type: ignore[misc]
        }
    for one in found:
        lines = _lines(one, pushed.get(one.account, 0))
        sys.stdout.write("\n".join(lines) + "\n")
    if not found:
        sys.stdout.write(_("No event is paired: gate wechat pair EVENT --appid ID") + "\n")
    return int(any(one.error for one in found))


def unpair(where: Where, event: str) -> int:
    """End a link. Raises UsageError where there is none."""
    with _opened(where) as console:
        if not any((one.event, one.kind) == (event, KIND) for one in console.read(standing.every)):
            raise UsageError(_("The event {event} has no upstream.").format(event=event))
        pairing.unpair(console, event)
    line = _("{event}: unpaired. Its tickets stay as they are.")
    sys.stdout.write(line.format(event=event) + "\n")
    return 0


def catch_up(where: Where, event: str, openids: str, codes: str) -> int:
    """Have persons and codes read that texts list, one in a line. Raises UsageError."""
    persons = [line.strip() for line in openids.splitlines() if line.strip()]
    listed = [_code(line) for line in codes.splitlines() if line.strip()]
    with _opened(where) as console:
        count = pairing.catch_up(console, event, persons, listed)
    line = _("{n} are read as soon as gate serve runs: gate wechat status")
    sys.stdout.write(line.format(n=count) + "\n")
    return 0


def _code(line: str) -> tuple[str, str]:
    """A line ``CODE`` or ``CARD,CODE`` as code and card."""
    card_id, comma, code = line.strip().partition(",")
    return (code.strip(), card_id.strip()) if comma else (card_id, "")


def _lines(one: Standing, pushed_ms: int) -> Iterator[str]:
    yield f"{one.event}  {one.url}  {printable(one.account)}"
    if one.is_complete:
        yield "  " + _("all that is known of tickets is here")
    else:
        line = _("tickets are on their way: {done} of {total} read; no gate may enrol yet")
        yield "  " + line.format(done=one.done, total=one.total or "?")
    yield "  " + _("last heard: {when}").format(when=_moment(one.heard_ms))
    yield "  " + _("last push: {when}").format(when=_moment(pushed_ms))
    yield "  " + _("still to be told: {n}; not taken: {failed}").format(
        n=one.waiting, failed=one.failed
    )
    if one.why_failed:
        yield "  " + _("not taken: {why}").format(why=printable(one.why_failed))
    if one.error:
        yield "  " + _("wrong: {what}").format(what=printable(one.error))
    if one.is_stopped:
        yield "  " + _("It is not asked any more until it is paired again: gate wechat pair")


def _moment(at_ms: int) -> str:
    if not at_ms:
        return _("never")
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
