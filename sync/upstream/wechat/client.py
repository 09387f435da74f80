"""The way to WeChat: its API by HTTP, with the account's token, its problems as ours.

Neither secrets, tokens nor codes are ever logged or part of an error.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import httpx
import msgspec

from gate.i18n import _
from gate.text.printable import printable
from sync.upstream.seam import AwayError, StoppedError
from sync.upstream.wechat import accounts
from sync.upstream.wechat.accounts import Account, Store
from sync.upstream.wechat.errcodes import Meaning, meaning_of
from sync.upstream.wechat.tokens import Tokens

TIMEOUT_S: Final = 15.0
_EAST_8: Final = timezone(timedelta(hours=8))
"""In which WeChat counts days."""
_MINUTE_S: Final = 60.0
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL)
Answer = dict[str, Any]


class WeChatClient:
    """Calls to WeChat, of any account."""

    def __init__(self, store: Store, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """``transport`` stands in for the network, in tests."""
        self._store = store
        self._http = httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S)
        self._tokens = Tokens(store, self._post)

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    async def call(self, appid: str, path: str, body: Answer) -> Answer:
        """What WeChat answers, with ``errcode``: done, or refused for what the call says.

        Raises AwayError where it is to be asked again, StoppedError where a person has to act.
        """
        answer = await self.ask(appid, path, body)
        meaning = meaning_of(errcode_of(answer))
        said = _("WeChat answers {errcode} to {path}").format(errcode=errcode_of(answer), path=path)
        if meaning is Meaning.STOP:
            message = f"{said}: {_words(answer)}"
            raise StoppedError(message)
        if meaning is Meaning.BUSY:
            raise AwayError(said)
        if meaning in (Meaning.RENEW, Meaning.TOO_OFTEN, Meaning.USED_UP):
            again_s = await self._again_s(appid, path, meaning)
            raise AwayError(said, again_s, may_have_arrived=False)
        return answer

    async def ask(self, appid: str, path: str, body: Answer, *, is_get: bool = False) -> Answer:
        """What WeChat answers, whatever that is; a dead token is renewed once. Raises AwayError."""

        def send(account: Account, token: str) -> Awaitable[Answer]:
            return self._send(account, path, body, token, is_get=is_get)

        return await self._by_token(appid, send)

    async def ask_by_form(self, appid: str, path: str, content: bytes, content_type: str) -> Answer:
        """The same with a form as it is, such as one with a picture. Raises AwayError."""

        def send(account: Account, token: str) -> Awaitable[Answer]:
            query = {"access_token": token}
            return self._request(account, path, query, content, content_type)

        return await self._by_token(appid, send)

    async def _by_token(
        self, appid: str, send: Callable[[Account, str], Awaitable[Answer]]
    ) -> Answer:
        account = await self._store.read(accounts.find, appid)
        if account is None:
            raise StoppedError(_("there is no account {appid}").format(appid=appid))
        token = await self._tokens.current(account)
        answer = await send(account, token)
        if meaning_of(errcode_of(answer)) is Meaning.RENEW:
            token = await self._tokens.renewed(account, token)
            answer = await send(account, token)
        return answer

    async def _post(self, account: Account, path: str, body: Answer) -> Answer:
        return await self._send(account, path, body)

    async def _send(
        self, account: Account, path: str, body: Answer, token: str = "", *, is_get: bool = False
    ) -> Answer:
        query = ({"access_token": token} if token else {}) | (body if is_get else {})
        # As UTF-8: WeChat takes no escapes.
        content = None if is_get else msgspec.json.encode(body)
        return await self._request(account, path, query, content, "application/json; charset=utf-8")

    async def _request(
        self,
        account: Account,
        path: str,
        query: Mapping[str, Any],
        content: bytes | None,
        content_type: str,
    ) -> Answer:
        """By POST, or by GET where there is no content. Raises AwayError."""
        try:
            answer = await self._http.request(
                "GET" if content is None else "POST",
                f"{account.url}{path}",
                params=query,
                content=content,
                headers={"Content-Type": content_type},
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = _("no answer from {url}: {error}")
            raise AwayError(
                message.format(url=account.url, error=type(error).__name__),
                may_have_arrived=not isinstance(error, _UNSENT),
            ) from error
        if not answer.is_success:
            message = _("{url} answers {status}")
            raise AwayError(message.format(url=account.url, status=answer.status_code))
        try:
            return msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            message = _("{url} answers what is no answer of WeChat's")
            raise AwayError(message.format(url=account.url)) from error

    async def _again_s(self, appid: str, path: str, meaning: Meaning) -> float:
        """When a call may be made again, as the quota interface says, or else its documentation."""
        if meaning is Meaning.RENEW:
            return _MINUTE_S
        try:
            answer = await self.ask(appid, "/cgi-bin/openapi/quota/get", {"cgi_path": path})
        except (AwayError, StoppedError):
            answer = {"errcode": -1}
        is_known = errcode_of(answer) == 0
        if meaning is Meaning.TOO_OFTEN:
            every_s = _number(answer, "rate_limit", "refresh_second") if is_known else None
            return float(every_s or _MINUTE_S)
        if is_known and (_number(answer, "quota", "remain") or 0) > 0:
            return _MINUTE_S
        return _until_next_day_s()


def errcode_of(answer: Answer) -> int:
    """What became of a call; 0: it was done."""
    code = answer.get("errcode", 0)
    return code if isinstance(code, int) else -1


def _words(answer: Answer) -> str:
    return printable(str(answer.get("errmsg", "")), 120)


def _number(answer: Answer, part: str, name: str) -> int | None:
    of = answer.get(part)
    value = of.get(name) if isinstance(of, dict) else None
    return value if isinstance(value, int) else None


def _until_next_day_s() -> float:
    now = datetime.now(UTC).astimezone(_EAST_8)
    next_day = (now + timedelta(days=1)).replace(hour=0, minute=0, second=5, microsecond=0)
    return (next_day - now).total_seconds()
