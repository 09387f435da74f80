"""Accounts whose cards live at WeChat itself: what is asked of them here goes on to there."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from sync.cardapi import accounts


class Upstream(Protocol):
    """Where the calls of some accounts go on to: WeChat itself."""

    def forwards(self, connection: Connection, appid: str) -> bool:
        """Whether that account's calls go on."""
        ...

    async def forward(
        self, appid: str, path: str, params: Mapping[str, Any], *, is_get: bool
    ) -> Mapping[str, Any]:
        """What is answered there, with its errcode."""
        ...

    async def forward_form(
        self, appid: str, path: str, content: bytes, content_type: str
    ) -> Mapping[str, Any]:
        """The same of a form as it came; its boundary is in the type."""
        ...


class Elsewhere(NamedTuple):
    """A call that goes on to where the account's cards live."""

    upstream: Upstream
    appid: str


def whose(
    connection: Connection, *, token: str, now_ms: int, upstream: Upstream | None
) -> Elsewhere | None:
    """Where the calls with a token go on to; ``None``: they are answered here. Raises Refused."""
    appid = accounts.with_token(connection, token, now_ms).appid
    is_elsewhere = upstream is not None and upstream.forwards(connection, appid)
    return Elsewhere(upstream, appid) if upstream is not None and is_elsewhere else None
