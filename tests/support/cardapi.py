"""The card API's client in tests: the reference's example bodies, mended, and ways to ask."""

import copy
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
from sqlalchemy import Engine

from tests.support.central import Central, central

DAY_S = 86_400
BEGIN = int(time.time()) - DAY_S
END = BEGIN + 31 * DAY_S
"""The same however often it is asked, so that it may be said again."""


def base_info(**said: Any) -> dict[str, Any]:
    """The reference's ``base_info``; its validity ended in 2015, which is mended."""
    stated = {
        "logo_url": "http://mmbiz.qpic.cn/mmbiz/iaL1LJM1mF9aRKPZJkmG8xXhiaHqkKSVMMWeN3hLut7X7hic"
        "FNjakmxibMLGWpXrEXB33367o7zHN0CwngnQY7zb7g/0",
        "brand_name": "票务公司",
        "code_type": "CODE_TYPE_TEXT",
        "title": "XX会议",
        "color": "Color010",
        "notice": "使用时向检票员出示此券",
        "service_phone": "020-88888888",
        "description": "请务必准时入场",
        "date_info": {"type": 1, "begin_timestamp": BEGIN, "end_timestamp": END},
        "sku": {"quantity": 50_000_000},
        "get_limit": 3,
        "use_custom_code": False,
        "bind_openid": False,
        "can_share": True,
        "can_give_friend": True,
        "location_id_list": [123, 12321, 345345],
        "custom_url_name": "查看更多",
        "custom_url": "http://www.qq.com",
        "custom_url_sub_title": "6个汉字tips",
    }
    return {name: value for name, value in {**stated, **said}.items() if value is not None}


def meeting(**said: Any) -> dict[str, Any]:
    """``card/create`` of a meeting ticket."""
    return _card("MEETING_TICKET", said, meeting_detail="会议时间:xxx;地点:xxx ")


def scenic(**said: Any) -> dict[str, Any]:
    """``card/create`` of a scenic ticket."""
    return _card("SCENIC_TICKET", said, ticket_class="全日票")


def movie(**said: Any) -> dict[str, Any]:
    """``card/create`` of a movie ticket."""
    return _card("MOVIE_TICKET", said, detail="电影名:xxx,电影简介:xxx")


def boarding(**said: Any) -> dict[str, Any]:
    """``card/create`` of a boarding pass; the reference's flight left in 2015, which is mended."""
    own = {"from": "成都", "to": "广州", "flight": "CE123", "air_model": "空客A320",
           "departure_time": str(int(time.time()) + 3600),
           "landing_time": str(int(time.time()) + 10_800)}  # fmt: skip
    return _card("BOARDING_PASS", said, **own)


MAKERS = {
    "MEETING_TICKET": meeting,
    "SCENIC_TICKET": scenic,
    "MOVIE_TICKET": movie,
    "BOARDING_PASS": boarding,
}


def _card(kind: str, said: dict[str, Any], **own: Any) -> dict[str, Any]:
    said = copy.deepcopy(said)
    own |= said.pop("own", {})
    advanced = said.pop("advanced_info", None)
    more = {"advanced_info": advanced} if advanced is not None else {}
    return {
        "card": {
            "card_type": kind,
            kind.lower(): {"base_info": base_info(**said), **more, **own},
        }
    }


@dataclass(slots=True)
class Api:
    """An account at a running server."""

    running: Central
    appid: str
    secret: str
    token: str = ""

    async def post(self, path: str, body: Any, *, token: str | None = None) -> dict[str, Any]:
        """One call; the answer is HTTP 200 and has an errcode, always."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        response = await self.running.http.post(
            path,
            content=content,
            params={"access_token": self.token if token is None else token},
        )
        assert response.status_code == 200, (response.status_code, response.text)
        answer: dict[str, Any] = response.json()
        assert isinstance(answer["errcode"], int)
        assert answer["errmsg"]
        return answer

    async def ok(self, path: str, body: Any) -> dict[str, Any]:
        """One call that is done."""
        answer = await self.post(path, body)
        assert answer["errcode"] == 0, answer
        return answer

    async def fails(self, code: int, path: str, body: Any) -> None:
        """One call that is refused with that code."""
        answer = await self.post(path, body)
        assert answer["errcode"] == code, answer

    async def create(self, body: dict[str, Any] | None = None, **said: Any) -> str:
        """A new card; by default a meeting ticket."""
        answer = await self.ok("/card/create", body or meeting(**said))
        return str(answer["card_id"])

    async def claim(self, card_id: str, openid: str = "oFan", **said: Any) -> str:
        """Take a card; the answer is the code."""
        body = {"card_id": card_id, "openid": openid, **said}
        return str((await self.ok("/v1/claims", body))["code"])

    async def status(self, code: str, **said: Any) -> str:
        """How a code stands."""
        body = {"code": code, "check_consume": False, **said}
        return str((await self.ok("/card/code/get", body))["user_card_status"])

    async def set(self, **fields: Any) -> httpx.Response:
        """Change the account."""
        return await self.running.admin("POST", f"/accounts/{self.appid}", json=fields)


async def account(running: Central, event: str = "show") -> Api:
    """A new account with a token."""
    made = (await running.admin("POST", "/accounts", json={"event": event})).json()
    api = Api(running, made["appid"], made["secret"])
    query = {"grant_type": "client_credential", "appid": api.appid, "secret": api.secret}
    api.token = (await running.http.get("/cgi-bin/token", params=query)).json()["access_token"]
    return api


@asynccontextmanager
async def card_api(
    path: Path, *, engine: Engine | None = None, **settings: Any
) -> AsyncIterator[Api]:
    """A server with an account."""
    async with central(path, engine=engine, **settings) as running:
        yield await account(running)
