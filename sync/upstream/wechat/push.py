"""What our gates did, told to WeChat: each ticket used there once, under its entry's name.

WeChat takes nothing back and judges a use by the moment at which it is told. So an admission waits
for an undo first, unless it would be too late by then.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.core.entry import Act, Entry
from gate.core.validity import type_window
from gate.i18n import _
from sync.server import journals, ticket_store
from sync.server.server import Server
from sync.upstream import links
from sync.upstream.links import Link
from sync.upstream.seam import NEVER_MS, Answer, Due, Schedule, Told
from sync.upstream.wechat import codes
from sync.upstream.wechat.client import WeChatClient, errcode_of
from sync.upstream.wechat.errcodes import Meaning, meaning_of
from sync.upstream.wechat.mapping import Code, State
from sync.upstream.wechat.pull import WeChatPull, target_of

MARGIN_MS: Final = 60_000
"""So long before the end of a ticket it is told, however young it is."""
GIFT_S: Final = 60.0
"""How often it is tried again while a ticket is on its way to a friend."""
PUSH_S: Final = 30.0
"""How long the push that tells of a gift may take."""
_OPEN: Final = frozenset({"NORMAL", "GIFT_TIMEOUT"})


def schedule(connection: Connection, link: Link, entry: Entry, now_ms: int) -> Schedule | None:
    """When WeChat is told of an entry: of what uses a ticket up, and of what takes that back."""
    if entry.act is Act.ANNULMENT:
        return Schedule(now_ms)
    if entry.act is not Act.ADMISSION or not entry.uses:
        return None
    ticket = ticket_store.find_ticket(connection, link.event, entry.ticket)
    end = None if ticket is None else type_window(ticket.type, ticket.claimed_at)[1]
    ends_ms = NEVER_MS if end is None else (end + 1) * 1000
    due_ms = now_ms + target_of(link).grace_s * 1000
    return Schedule(max(now_ms, min(due_ms, ends_ms - MARGIN_MS)), ends_ms)


class WeChatPush:
    """Tells WeChat."""

    def __init__(self, server: Server, client: WeChatClient, pull: WeChatPull) -> None:
        self._server = server
        self._client = client
        self._pull = pull

    async def tell(self, link: Link, due: Due) -> Told:
        """Tell one entry. Raises AwayError, StoppedError."""
        entry = due.entry
        code = await self._server.read(codes.of_ticket, link.event, entry.ticket)
        if code is None:
            said = _("{ticket} is no ticket of WeChat").format(ticket=entry.ticket)
            return Told(Answer.FAILED, said)
        if entry.act is Act.ANNULMENT:
            return _undone(code, entry)
        return Told() if due.was_undone else await self._admitted(link, due, code)

    async def _admitted(self, link: Link, due: Due, code: Code) -> Told:
        if code.theirs:
            return _elsewhere()
        if code.ours:
            return await self._again(link, code, due.entry)
        if due.was_tried and await self._server.read(_is_undone, link.event, due.entry):
            # Nobody knows whether it was used; it must not be now.
            return await self._looked(link, due, code)
        return await self._use(link, due, code)

    async def _use(self, link: Link, due: Due, code: Code) -> Told:
        stated = {"code": code.code, "card_id": code.card_id, "outer_str": due.entry.name}
        answer = await self._client.call(link.account, "/card/code/consume", stated)
        meaning = meaning_of(errcode_of(answer))
        if meaning is Meaning.DONE:
            return await self._used(link, code, due.entry)
        if meaning is Meaning.USED:
            return await self._used_before(link, due, code)
        if meaning is Meaning.UNKNOWN:
            return await self._unknown(link, due, code)
        if meaning is Meaning.LOOK or (meaning is Meaning.TOO_LATE and due.was_tried):
            return await self._looked(link, due, code)
        if meaning is Meaning.TOO_LATE:
            return _too_late()
        return Told(Answer.FAILED, _("WeChat answers {errcode}").format(errcode=errcode_of(answer)))

    async def _used(self, link: Link, code: Code, entry: Entry) -> Told:
        await self._change(link, partial(codes.use_here, known=code, entry=entry.name))
        return Told()

    async def _used_before(self, link: Link, due: Due, code: Code) -> Told:
        """After a try of ours that nobody has heard the answer of it was that; else another's."""
        if due.was_tried:
            return await self._used(link, code, due.entry)
        use = partial(codes.use_elsewhere, known=code, at_ms=read_wall_ms(), by="")
        await self._change(link, use)
        return _elsewhere()

    async def _again(self, link: Link, code: Code, entry: Entry) -> Told:
        """It is used there by an entry of ours; where that was undone, by this one from now on."""
        if await self._server.read(_is_annulled, link.event, entry.ticket, code.ours):
            await self._change(link, partial(codes.use_here, known=code, entry=entry.name))
        return Told()

    async def _unknown(self, link: Link, due: Due, code: Code) -> Told:
        """The ticket goes by another code by now, or WeChat's word on that is on its way."""
        newer = await self._server.read(codes.of_ticket, link.event, due.entry.ticket)
        if newer is not None and newer.code != code.code:
            return Told(Answer.LATER)
        if code.state is not State.GIVEN:
            lose = partial(codes.lose, known=code, now_ms=read_wall_ms())
            await self._change(link, lose)
            return Told(Answer.LATER, again_s=PUSH_S)
        return Told(
            Answer.FAILED,
            _("WeChat does not know this code: given on or replaced, and nobody said by which"),
        )

    async def _looked(self, link: Link, due: Due, code: Code) -> Told:
        """Ask how it stands, and do what follows from that."""
        status = await self._pull.look(link, code.card_id, code.code)
        await self._change(link, lambda _connection: None)
        if await self._server.read(_is_undone, link.event, due.entry) and status != "CONSUMED":
            return Told()
        if status == "CONSUMED":
            return await self._used_before(link, due, code)
        return _not_now(status) if status else await self._unknown(link, due, code)

    async def _change(self, link: Link, change: Callable[[Connection], None]) -> None:
        """Keep what became known, and have the gates hear of it."""

        def job(connection: Connection) -> None:
            links.lock(connection, link.event)
            change(connection)
            links.wake(connection, link.event)

        await self._server.write(job)


def _undone(code: Code, entry: Entry) -> Told:
    if code.ours == entry.target:
        said = _("WeChat still says used: it was undone after WeChat was told")
        return Told(Answer.FAILED, said)
    return Told()


def _not_now(status: str) -> Told:
    """Of a ticket that cannot be used as it stands at WeChat, or could again by now."""
    if status == "GIFTING" or status in _OPEN:
        return Told(Answer.LATER, again_s=GIFT_S)
    if status == "EXPIRE":
        return _too_late()
    said = _("at WeChat this ticket was {status} already: an irregular admission")
    return Told(Answer.FAILED, said.format(status=status))


def _too_late() -> Told:
    return Told(Answer.FAILED, _("WeChat: too late, the ticket's time is over there"))


def _elsewhere() -> Told:
    return Told(Answer.FAILED, _("WeChat: it was used elsewhere"))


def _is_undone(connection: Connection, event: str, entry: Entry) -> bool:
    return _is_annulled(connection, event, entry.ticket, entry.name)


def _is_annulled(connection: Connection, event: str, ticket: str, name: str) -> bool:
    facts = journals.facts_of(connection, event, ticket, [Act.ANNULMENT])
    return any(fact.target == name for fact in facts)
