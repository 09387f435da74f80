"""The organiser's calls that pass through us to WeChat, and what is kept of those that it took.

What ``updateuser`` and ``checkin`` state WeChat tells nobody again, so whoever is to see a seat at
the gate has to be on its way. A backend reaches us as it would reach WeChat, with the same appid
and secret; every call under ``/card/`` goes on with the account's own token, and comes back as
WeChat answered it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from gate.clock import read_wall_ms
from sync.server.server import Server
from sync.upstream import links
from sync.upstream.seam import UpstreamError
from sync.upstream.wechat import accounts, codes, inbox
from sync.upstream.wechat.accounts import Account
from sync.upstream.wechat.client import WeChatClient, errcode_of
from sync.upstream.wechat.mapping import Code
from sync.upstream.wechat.pull import target_of

_AWAY: Final = {"errcode": -1, "errmsg": "system error hint: [WeChat did not answer]"}
_NOT_KEPT: Final = frozenset({"code", "card_id", "is_cancel", "access_token"})


class Forwarding:
    """The calls of one server process."""

    def __init__(self, server: Server, client: WeChatClient) -> None:
        self._server = server
        self._client = client

    async def call(
        self, appid: str, path: str, params: Mapping[str, Any], *, is_get: bool = False
    ) -> Mapping[str, Any]:
        """What WeChat answers to a call; busy, where it does not."""
        try:
            answer = await self._client.ask(appid, path, dict(params), is_get=is_get)
        except UpstreamError:
            return _AWAY
        if errcode_of(answer) == 0 and path in _TAKEN:
            job = partial(_record, appid=appid, path=path, params=params)
            await self._server.write(job)
        return answer

    async def call_by_form(
        self, appid: str, path: str, content: bytes, content_type: str
    ) -> Mapping[str, Any]:
        """The same of a form; nothing of it is kept."""
        try:
            return await self._client.ask_by_form(appid, path, content, content_type)
        except UpstreamError:
            return _AWAY


def _record(connection: Connection, appid: str, path: str, params: Mapping[str, Any]) -> None:
    """Keep what a call has stated, of a code of an event that is linked."""
    params = {name.strip(): value for name, value in params.items()}
    account = accounts.find(connection, appid)
    card_id, text = str(params.get("card_id") or ""), str(params.get("code") or "")
    if account is None or not text:
        return
    known = codes.find(connection, appid, card_id, text)
    event = known.event if known is not None else _event_of(connection, appid, card_id)
    if not event:
        return
    links.lock(connection, event)
    known = codes.find(connection, appid, card_id, text)
    if known is None:
        # WeChat knows it, so somebody has it; the push that says who may be on its way.
        known = codes.add(connection, account, event, card_id, text)
        if known is None:
            return
        accounts.ask_for(connection, event, "code", [(text, card_id)])
    _TAKEN[path](connection, account, known, params)
    links.wake(connection, event)


def _event_of(connection: Connection, appid: str, card_id: str) -> str:
    every = inbox.of_account_links(connection, appid)
    named = [one.event for one in every if card_id and card_id in target_of(one).cards]
    rest = [one.event for one in every if card_id and not target_of(one).cards]
    return next(iter(named or rest), "")


def _update(
    connection: Connection, _account: Account, known: Code, params: Mapping[str, Any]
) -> None:
    stated = {name: value for name, value in params.items() if name not in _NOT_KEPT}
    codes.describe(connection, known, {**known.attributes, **stated})


def _check_in(
    connection: Connection, account: Account, known: Code, params: Mapping[str, Any]
) -> None:
    if params.get("is_cancel") in (True, "true", 1):
        codes.describe(connection, known, {})
        return
    # Libraries send empty text for what their caller did not say.
    stated = {name: value for name, value in params.items() if value != ""}
    _update(connection, account, known, {**stated, "checked_in": True})


def _replace(
    connection: Connection, account: Account, known: Code, params: Mapping[str, Any]
) -> None:
    new = str(params.get("new_code") or params.get("newcode") or "")
    if new and new != known.code:
        codes.give_on(
            connection, account, known.event, known.card_id, old_code=known.code, new_code=new
        )


def _void(
    connection: Connection, _account: Account, known: Code, _params: Mapping[str, Any]
) -> None:
    codes.void(connection, known, read_wall_ms())


def _use(
    connection: Connection, _account: Account, known: Code, _params: Mapping[str, Any]
) -> None:
    codes.use_elsewhere(connection, known, read_wall_ms(), "FROM_API")


_TAKEN: Final[dict[str, Callable[[Connection, Account, Code, Mapping[str, Any]], None]]] = {
    "/card/meetingticket/updateuser": _update,
    "/card/movieticket/updateuser": _update,
    "/card/boardingpass/checkin": _check_in,
    "/card/code/update": _replace,
    "/card/code/unavailable": _void,
    "/card/code/consume": _use,
}
"""Calls of which something is kept."""
