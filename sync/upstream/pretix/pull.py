"""Everything pretix has of a list, page by page: first all of it, then what changes.

The full pull goes by the orders' own moments, so it can be resumed anywhere and rows that come
twice do no harm. What changed is asked for from a minute before the last time: an order whose
transaction committed after a page was made is dated before it. Once a night all of it is pulled
again beside that and compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from gate.clock import read_wall_ms
from gate.core.signed_ticket import Scheme
from gate.core.ticket import Status
from gate.i18n import _
from sync.server.issuing import Issue
from sync.upstream.links import Link
from sync.upstream.pretix import mapping, questions
from sync.upstream.pretix.answers import (
    CheckinList,
    Date,
    Event,
    Item,
    Medium,
    Order,
    Question,
    Secret,
)
from sync.upstream.pretix.client import PAGE, Account, PretixClient, Rows, decoded
from sync.upstream.pretix.mapping import Catalogue, Sold
from sync.upstream.pretix.media import Media
from sync.upstream.seam import Page, StoppedError

OVERLAP: Final = timedelta(seconds=60)
BUSY_S, QUIET_S = 15.0, 60.0
"""How often changes are asked for while a lane is open, and while none is."""
CATALOGUE_MS: Final = 5 * 60_000
COMPARE_EVERY_MS: Final = 24 * 3_600_000
_ORDER: Final = (
    "code", "status", "require_approval", "valid_if_pending", "checkin_attention", "checkin_text",
    "datetime", "locale",
)  # fmt: skip
_POSITION: Final = (
    "id", "item", "variation", "subevent", "attendee_name", "secret", "addon_to", "blocked",
    "valid_from", "valid_until", "canceled", "checkins", "seat",
)  # fmt: skip
INCLUDE: Final = [*_ORDER, *(f"positions.{name}" for name in _POSITION)]
"""What is asked for of an order: no e-mail, no address, no payment ever comes here."""
ANSWERS: Final = "positions.answers"
"""Asked for where a question matters at the door; the answers to others are dropped."""
INVOICED: Final = "invoice_address.name"
"""What is asked for beside that where the organiser wants it: of the address only the name."""
_SERIES: Final = "subevents/"


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which part of a pretix an event of ours is."""

    event: str
    list: int
    invoice_names: bool = False
    """Whether a ticket without an attendee's name has that of the invoice."""


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a pretix was read."""

    run: int = 1
    """The number of the full pull, the one under way or the newest."""
    is_running: bool = True
    after: str = ""
    """The moment of the last order of it that is stored."""
    page: int = 1
    """Which page of those from that moment on is next: more than one only if a whole page is of
    one moment."""
    done: int = 0
    since: str = ""
    """Up to when changes are known, by pretix's clock."""
    begun: str = ""
    """When the first page of the changes that are being read was made; empty: none are."""
    changes_page: int = 1
    changes_ms: int = 0
    """When changes were last read to their end."""
    barred_since: str = ""
    """Up to when it is known which signed codes were revoked or blocked; empty: not at all."""
    compared_ms: int = 0
    """When the newest full pull ended."""
    questions: str = ""
    """Ids of the questions to which answers were asked for in it."""


@dataclass(slots=True)
class _Known:
    """A list's catalogue, and when it was fetched."""

    catalogue: Catalogue
    at_ms: int
    marks: Mapping[str, str]
    """Of tickets, which media they go by."""
    is_stated: bool = False
    """Whether its types and settings were stated since, and the marks compared."""


class PretixPull:
    """Pulls the lists of any pretix."""

    def __init__(self, client: PretixClient) -> None:
        self._client = client
        self._known: dict[str, _Known] = {}

    async def next_page(
        self, link: Link, *, is_busy: bool, ours: frozenset[str], again: frozenset[str]
    ) -> Page:
        """The page after a link's cursor. Raises AwayError, StoppedError."""
        cursor = msgspec.convert(dict(link.cursor), Cursor)
        if again:
            return await self._again(link, cursor, ours, again)
        now_ms = read_wall_ms()
        every_s = BUSY_S if is_busy else QUIET_S
        if link.is_complete and now_ms >= cursor.changes_ms + every_s * 1000:
            return await self._changes(link, cursor, ours, every_s)
        if link.is_complete and not cursor.is_running:
            if now_ms < cursor.compared_ms + COMPARE_EVERY_MS:
                wait_s = (cursor.changes_ms - now_ms) / 1000 + every_s
                return Page(link.cursor, again_s=max(0.1, wait_s))
            cursor = _again(cursor)
        return await self._full(link, cursor, ours)

    async def _full(self, link: Link, cursor: Cursor, ours: frozenset[str]) -> Page:
        """The next orders by their moment, the oldest first."""
        query: dict[str, str | list[str]] = {"ordering": "datetime", "page": str(cursor.page)}
        if cursor.after:
            query["created_since"] = cursor.after
        rows, generated, orders = await self._orders(link, query)
        is_over = rows.next is None
        last = orders[-1].datetime if orders else cursor.after
        is_stuck = last == cursor.after and not is_over
        done = min(cursor.done + len(orders), max(cursor.done, link.total or rows.count))
        now_ms = read_wall_ms()
        cursor = msgspec.structs.replace(
            cursor,
            after=last,
            page=cursor.page + 1 if is_stuck else 1,
            done=done,
            since=cursor.since or generated,
            is_running=not is_over,
            changes_ms=cursor.changes_ms or (now_ms if is_over else 0),
            compared_ms=now_ms if is_over else cursor.compared_ms,
            barred_since=generated if is_over else cursor.barred_since,
        )
        page = await self._page(link, cursor, orders, ours, "" if is_over else None)
        if link.is_complete:
            return replace(page, run=cursor.run, ends_run=is_over)
        total = link.total or rows.count
        return replace(page, is_complete=is_over, done=total if is_over else done, total=total)

    async def _again(
        self, link: Link, cursor: Cursor, ours: frozenset[str], names: frozenset[str]
    ) -> Page:
        """Some orders anew, whatever changed of them; the cursor stays."""
        orders = []
        for name in sorted(names):
            orders += (await self._orders(link, {"code": name, "page": "1"}))[2]
        return await self._page(link, cursor, orders, ours)

    async def _changes(
        self, link: Link, cursor: Cursor, ours: frozenset[str], every_s: float
    ) -> Page:
        """The next of what changed, the newest first; only its end moves the cursor."""
        since = datetime.fromisoformat(cursor.since) - OVERLAP
        number = cursor.changes_page if cursor.begun else 1
        query: dict[str, str | list[str]] = {
            "ordering": "-last_modified", "modified_since": since.isoformat(), "page": str(number),
        }  # fmt: skip
        rows, generated, orders = await self._orders(link, query)
        begun = generated if number == 1 else cursor.begun
        if rows.next is not None:
            at = msgspec.structs.replace(cursor, begun=begun, changes_page=number + 1)
            return await self._page(link, at, orders, ours)
        at = msgspec.structs.replace(
            cursor, since=begun, begun="", changes_page=1, changes_ms=read_wall_ms(),
            barred_since=begun,
        )  # fmt: skip
        page = await self._page(link, at, orders, ours, cursor.barred_since)
        # A comparison goes on, or begins, at once: a moment later changes would be due again.
        goes_on = at.is_running or at.changes_ms >= at.compared_ms + COMPARE_EVERY_MS
        return page if goes_on else replace(page, again_s=every_s)

    async def _orders(
        self, link: Link, query: dict[str, str | list[str]]
    ) -> tuple[Rows, str, list[Order]]:
        target = target_of(link)
        asks = (await self._catalogue(link)).catalogue.questions
        more = [*([ANSWERS] if asks else []), *([INVOICED] if target.invoice_names else [])]
        asked = query | {
            "include": [*INCLUDE, *more], "testmode": "false",
            "include_canceled_positions": "true", "page_size": str(PAGE),
        }  # fmt: skip
        path = f"events/{target.event}/orders/"
        rows, generated = await self._client.get(account_of(link), path, Rows, **asked)
        if not generated:
            raise StoppedError(_("this pretix does not say when a page was made: it is too old"))
        return rows, generated, [decoded(one, Order) for one in rows.results]

    async def _page(
        self,
        link: Link,
        cursor: Cursor,
        orders: Sequence[Order],
        ours: frozenset[str],
        barred_since: str | None = None,
    ) -> Page:
        """Orders as they are stated; with signed codes that are not good any more ``since`` then.

        An empty moment is all that there are, ``None`` does not ask.
        """
        known = await self._catalogue(link)
        sold = {mapping.sold_of(one) for order in orders for one in order.positions}
        if any(one.item not in known.catalogue.items for one in sold):
            known = await self._catalogue(link, anew=read_wall_ms() - known.at_ms > BUSY_S * 1000)
        catalogue = known.catalogue
        rules: dict[str, Any] = {}
        is_anew, known.is_stated = not known.is_stated, True
        if is_anew:
            rules = mapping.rules(catalogue)
            sold |= {one for one in catalogue.sold() if one.date in (None, catalogue.list.subevent)}
        issue = Issue(
            types=[mapping.type_row(catalogue, one) for one in sorted(sold, key=_id)],
            tickets=[row for order in orders for row in mapping.ticket_rows(catalogue, order)],
            is_exact=True,
        )
        moved, told = (
            [
                one
                for order in orders
                for one in mapping.movements(catalogue, order, ours, by_us=by_us)
            ]
            for by_us in (False, True)
        )
        ids = ",".join(str(one.id) for one in catalogue.questions)
        if cursor.questions != ids:
            is_behind = link.is_complete and not cursor.is_running
            # What was answered before is in orders that did not change.
            cursor = _again(cursor) if is_behind else cursor
            cursor = msgspec.structs.replace(cursor, questions=ids)
        keys = catalogue.event.valid_keys.get(Scheme.PRETIX.value, ())
        barred: dict[str, Status] = {}
        if keys and barred_since is not None:
            barred = await self._barred(link, barred_since)
        state = msgspec.to_builtins(cursor)
        return Page(
            state, issue=issue, rules=rules, movements=moved, told=told, keys=keys, barred=barred,
            marks=known.marks, compares_marks=is_anew,
        )  # fmt: skip

    async def _barred(self, link: Link, since: str) -> dict[str, Status]:
        """What of signed codes was revoked or blocked since changes were read last, or ever."""
        account, base = account_of(link), f"events/{target_of(link).event}/"
        moment = (datetime.fromisoformat(since) - OVERLAP).isoformat() if since else ""
        revoked_since = {"created_since": moment} if moment else {}
        blocked_since = {"updated_since": moment} if moment else {}
        every = self._client.every
        revoked = await every(account, f"{base}revokedsecrets/", Secret, **revoked_since)
        blocked = await every(account, f"{base}blockedsecrets/", Secret, **blocked_since)
        found = {one.secret: Status.BLOCKED if one.blocked else Status.NORMAL for one in blocked}
        return found | {one.secret: Status.REVOKED for one in revoked}

    async def _catalogue(self, link: Link, *, anew: bool = False) -> _Known:
        known = self._known.get(link.event)
        if known is None or anew or read_wall_ms() - known.at_ms > CATALOGUE_MS:
            catalogue, media = await fetch(self._client, link)
            marks = {mapping.ticket_id(position): mark for position, mark in media.marks.items()}
            known = _Known(catalogue, read_wall_ms(), marks)
            self._known[link.event] = known
        return known


async def fetch(client: PretixClient, link: Link) -> tuple[Catalogue, Media]:
    """All of a list's event but its orders, and its media. Raises AwayError, StoppedError."""
    account, target = account_of(link), target_of(link)
    base = f"events/{target.event}/"
    event, _made = await client.get(account, base, Event)
    # A device may see all lists, and none by itself.
    lists = await client.every(account, f"{base}checkinlists/", CheckinList)
    of_list = next((one for one in lists if one.id == target.list), None)
    if of_list is None:
        message = _("pretix has no check-in list {list} any more")
        raise StoppedError(message.format(list=target.list))
    items = await client.every(account, f"{base}items/", Item)
    dates = await client.every(account, f"{base}{_SERIES}", Date) if event.has_subevents else []
    media = Media.of(await client.every(account, "reusablemedia/", Medium), read_wall_ms())
    catalogue = Catalogue(
        event, of_list, {one.id: one for one in items}, {one.id: one for one in dates},
        media.alone, media.shared,
        questions.kept(await client.every(account, f"{base}questions/", Question)),
    )  # fmt: skip
    return catalogue, media


def account_of(link: Link) -> Account:
    """A link's pretix, and what we are to it."""
    return Account(link.url, link.account, link.token)


def target_of(link: Link) -> Target:
    """Which part of its pretix a link is about."""
    return msgspec.convert(dict(link.target), Target)


def _again(cursor: Cursor) -> Cursor:
    return msgspec.structs.replace(
        cursor, run=cursor.run + 1, is_running=True, after="", page=1, done=0
    )


def _id(sold: Sold) -> str:
    return sold.id
