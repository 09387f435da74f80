"""The way to a pretix: its API by HTTP, its answers decoded, its problems as ours.

Neither tokens nor codes are ever logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import httpx
import msgspec

from gate import __version__
from gate.i18n import _
from gate.text.printable import printable
from sync.upstream.pretix.answers import Device
from sync.upstream.seam import AwayError, StoppedError

T = TypeVar("T")
TIMEOUT_S: Final = 30.0
PAGE: Final = 50
"""Rows of a page: pretix gives no more of orders."""
BRAND: Final = "Venue Gate"
"""It must not contain ``pretixscan``: with that name pretix wants codes where we have ids."""
_AGAIN: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_GENERATED: Final = "x-page-generated"


@dataclass(frozen=True, slots=True)
class Account:
    """A pretix, and what we are to it."""

    url: str
    organizer: str = ""
    token: str = ""


class Answered(NamedTuple):
    """What pretix said."""

    status: int
    body: bytes
    generated: str
    """When the page was made, by its clock; empty where it does not say."""


class Rows(msgspec.Struct, frozen=True):
    """A page of a list, as yet undecoded."""

    count: int
    next: str | None
    results: list[msgspec.Raw]


class PretixClient:
    """Requests to any pretix."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """``transport`` stands in for the network, in tests."""
        self._http = httpx.AsyncClient(
            transport=transport, timeout=TIMEOUT_S, headers={"User-Agent": f"{BRAND} {__version__}"}
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()

    async def initialize(self, url: str, token: str) -> Device:
        """Become a device, by a token that is good once. Raises AwayError, StoppedError."""
        answered = await self.ask(
            Account(url), "POST", "device/initialize", json={"token": token} | _machine()
        )
        if answered.status == httpx.codes.BAD_REQUEST:
            raise StoppedError(_reason(answered))
        return _decoded(answered, Device)

    async def revoke(self, account: Account) -> None:
        """Be a device no more. Raises AwayError, StoppedError."""
        _decoded(await self.ask(account, "POST", "device/revoke"), Device)

    async def get(
        self, account: Account, path: str, kind: type[T], **query: str | list[str]
    ) -> tuple[T, str]:
        """One thing of the organizer's, and when it was made. Raises AwayError, StoppedError."""
        organizer = f"organizers/{account.organizer}/{path}"
        answered = await self.ask(account, "GET", organizer, query=query)
        return _decoded(answered, kind), answered.generated

    async def every(
        self, account: Account, path: str, kind: type[T], **query: str | list[str]
    ) -> list[T]:
        """All rows of a short list. Raises AwayError, StoppedError."""
        found: list[T] = []
        number = 1
        while True:
            rows, _made = await self.get(account, path, Rows, page=str(number), **query)
            found += [decoded(one, kind) for one in rows.results]
            if rows.next is None:
                return found
            number += 1

    async def ask(
        self,
        account: Account,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str | list[str]] | None = None,
    ) -> Answered:
        """What pretix says. Raises AwayError, and StoppedError where we are shut out."""
        headers = {"Authorization": f"Device {account.token}"} if account.token else {}
        try:
            answer = await self._http.request(
                method, f"{account.url}/api/v1/{path}", headers=headers, json=json, params=query
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = _("no answer from {url}: {error}")
            raise AwayError(message.format(url=account.url, error=type(error).__name__)) from error
        if answer.status_code in _AGAIN:
            message = _("{url} answers {status}")
            raise AwayError(
                message.format(url=account.url, status=answer.status_code), _again_s(answer)
            )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise StoppedError(
                _("pretix does not know this device any more"),
                _("Pair it again: gate pretix pair"),
            )
        if answer.status_code == httpx.codes.FORBIDDEN:
            message = _("pretix does not let this device see {path}")
            raise StoppedError(
                message.format(path=path.partition("?")[0]),
                _("Give it the profile pretixSCAN and access to the event."),
            )
        return Answered(answer.status_code, answer.content, answer.headers.get(_GENERATED, ""))


def decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """An answer, or part of one. Raises StoppedError for what we do not understand."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        message = _("pretix answered what this program does not understand: {error}")
        raise StoppedError(message.format(error=printable(str(error), 200))) from error


def _decoded(answered: Answered, kind: type[T]) -> T:
    if not httpx.codes.is_success(answered.status):
        raise StoppedError(_reason(answered))
    return decoded(answered.body, kind)


def _reason(answered: Answered) -> str:
    text = printable(answered.body.decode("utf-8", "replace"), 200)
    return _("pretix answers {status}: {reason}").format(status=answered.status, reason=text)


def _again_s(answer: httpx.Response) -> float:
    stated = answer.headers.get("retry-after", "")
    return float(stated) if stated.isascii() and stated.isdecimal() else 0.0


def _machine() -> dict[str, str]:
    return {
        "hardware_brand": "server",
        "hardware_model": "server",
        "os_name": "any",
        "os_version": "any",
        "software_brand": BRAND,
        "software_version": __version__,
    }
