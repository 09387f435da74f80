"""The access token of an account: one that all server processes share by the database.

``stable_token`` gives the same one to whoever asks until five minutes before its end, so asking
twice does no harm. By force it makes another and ends the one before: that is done only for one
that WeChat calls dead while it should live, and not more than once in a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from gate.clock import read_wall_ms
from gate.i18n import _
from sync.upstream.seam import AwayError, StoppedError
from sync.upstream.wechat import accounts
from sync.upstream.wechat.accounts import Account, Store
from sync.upstream.wechat.errcodes import Meaning, meaning_of

RENEW_MS: Final = 240_000
"""So long before its end a token is not used any more."""
FORCE_EVERY_MS: Final = 60_000
Ask = Callable[[Account, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Asks WeChat something that wants no token. Raises AwayError."""


class Tokens:
    """The tokens of all accounts, as one process sees them."""

    def __init__(self, store: Store, ask: Ask) -> None:
        self._store = store
        self._ask = ask
        self._asking = asyncio.Lock()

    async def current(self, account: Account) -> str:
        """A token that is good for some minutes yet. Raises AwayError, StoppedError."""
        if _is_good(account):
            return account.token
        async with self._asking:
            kept = await self._kept(account)
            if _is_good(kept):
                return kept.token
            return await self._fetch(kept, force=False)

    async def renewed(self, account: Account, dead: str) -> str:
        """Another token in the place of a dead one. Raises AwayError, StoppedError."""
        async with self._asking:
            kept = await self._kept(account)
            if kept.token != dead and _is_good(kept):
                # Another call, or another process, was here before.
                return kept.token
            found = await self._fetch(kept, force=False)
            if found != dead:
                return found
            if read_wall_ms() - kept.forced_ms < FORCE_EVERY_MS:
                raise AwayError(
                    _("WeChat calls a token dead that it has just made"), FORCE_EVERY_MS / 1000,
                    may_have_arrived=False,
                )  # fmt: skip
            await self._note(kept, forced_ms=read_wall_ms())
            return await self._fetch(kept, force=True)

    async def _fetch(self, account: Account, *, force: bool) -> str:
        body = {
            "grant_type": "client_credential",
            "appid": account.appid,
            "secret": account.secret,
            "force_refresh": force,
        }
        asked_ms = read_wall_ms()
        answer = await self._ask(account, "/cgi-bin/stable_token", body)
        token, seconds = answer.get("access_token"), answer.get("expires_in")
        if isinstance(token, str) and token and isinstance(seconds, int):
            await self._note(account, token=token, token_ends_ms=asked_ms + seconds * 1000)
            return token
        errcode = int(answer.get("errcode", -1))
        said = _("WeChat gives no token: {errcode}").format(errcode=errcode)
        if meaning_of(errcode) in (Meaning.BUSY, Meaning.TOO_OFTEN, Meaning.USED_UP):
            raise AwayError(said, 60.0, may_have_arrived=False)
        raise StoppedError(
            said, _("Check appid, AppSecret and the list of addresses that may ask, at WeChat.")
        )

    async def _kept(self, account: Account) -> Account:
        return await self._store.read(accounts.find, account.appid) or account

    async def _note(self, account: Account, **fields: Any) -> None:
        await self._store.write(partial(accounts.note, appid=account.appid, **fields))


def _is_good(account: Account) -> bool:
    return bool(account.token) and account.token_ends_ms - read_wall_ms() > RENEW_MS
