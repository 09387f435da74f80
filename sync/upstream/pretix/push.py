"""What our gates did, told to pretix: each entry once, by its name as pretix's nonce.

By the position's id, so that no code has to be kept. With ``force`` pretix takes what happened as
a fact, whatever it would have decided itself.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from gate.core.entry import Act, Entry
from gate.core.outcome import Reason
from gate.i18n import _
from gate.text.printable import printable
from sync.upstream.links import Link
from sync.upstream.pretix.answers import Given
from sync.upstream.pretix.client import Answered, PretixClient
from sync.upstream.pretix.mapping import position_of
from sync.upstream.pretix.pull import account_of, target_of
from sync.upstream.seam import Answer, Due, Told

_TYPES: Final = {Act.ADMISSION: "entry", Act.EXIT: "exit"}
_DONE: Final = "unsuccessful checkin"
"""In what pretix says of an annulment that it has already."""
_LATE: Final = "not allowed more than"
"""In what it says of one that comes after a quarter of an hour."""
_REASONS: Final = {
    Reason.UNKNOWN: "invalid",
    Reason.REVOKED: "canceled", Reason.DELETED: "canceled",
    Reason.UNPAID: "unpaid", Reason.UNAPPROVED: "unapproved", Reason.BLOCKED: "blocked",
    Reason.REPLACED: "revoked", Reason.TRANSFERRED: "revoked",
    Reason.ALREADY_USED: "already_redeemed", Reason.USED_ELSEWHERE: "already_redeemed",
    Reason.PASS_BACK: "already_redeemed", Reason.NOT_ENOUGH_USES: "already_redeemed",
    Reason.TOO_EARLY: "invalid_time", Reason.TOO_LATE: "invalid_time",
    Reason.WRONG_TYPE: "product", Reason.WRONG_EVENT: "product",
    Reason.OUTSIDE_HOURS: "rules", Reason.WRONG_ENTRANCE: "rules", Reason.WRONG_PLACE: "rules",
    Reason.WRONG_ZONE: "rules",
}  # fmt: skip
"""pretix's words for ours; all others are ``error``, for it takes no words of ours."""


class PretixPush:
    """Tells any pretix."""

    def __init__(self, client: PretixClient) -> None:
        self._client = client

    async def tell(self, link: Link, due: Due) -> Told:
        """Tell one entry. Raises AwayError, StoppedError."""
        entry = due.entry
        position = position_of(entry.ticket)
        if position is None:
            return Told(
                Answer.FAILED, _("{ticket} is no ticket of pretix").format(ticket=entry.ticket)
            )
        if entry.act is Act.ANNULMENT:
            return await self._annul(link, entry)
        if due.was_undone:
            return await self._fail(link, entry, position, "annulled", "")
        if entry.act is Act.REFUSAL:
            reason = _REASONS.get(entry.reason, "error") if entry.reason else "error"
            words = entry.reason.value if entry.reason else ""
            return await self._fail(link, entry, position, reason, words)
        missing = ""
        for number in range(max(1, entry.persons)):
            # What was answered is the ticket's, and told once for all who came in on it.
            answers = {} if number else due.answers
            told = await self._redeem(link, entry, position, number, answers)
            if told.answer is Answer.FAILED:
                return told
            missing = missing or told.why
        return Told(why=missing)

    async def _redeem(
        self, link: Link, entry: Entry, position: int, number: int, answers: Mapping[str, str]
    ) -> Told:
        target = target_of(link)
        path = (
            f"organizers/{link.account}/events/{target.event}/checkinlists/{target.list}"
            f"/positions/{position}/redeem/"
        )
        theirs = {id_: answer for id_, answer in answers.items() if id_.isdecimal()}
        body: dict[str, Any] = {
            "force": True,
            "type": _TYPES[entry.act],
            "datetime": _moment(entry),
            "nonce": nonce(entry.name, number),
            "questions_supported": False,
            "canceled_supported": True,
            **({"answers": theirs} if theirs else {}),
        }
        answered = await self._client.ask(account_of(link), "POST", path, json=body)
        if answered.status in (200, 201):
            return Told(why=_not_kept(answered, theirs))
        if answered.status == 404:
            # A position that was cancelled by itself; pretix keeps it as a scan that failed.
            return Told(Answer.FAILED, _("pretix: the ticket was cancelled meanwhile"))
        return _not_taken(answered)

    async def _fail(self, link: Link, entry: Entry, position: int, reason: str, words: str) -> Told:
        target = target_of(link)
        path = (
            f"organizers/{link.account}/events/{target.event}/checkinlists/{target.list}"
            "/failed_checkins/"
        )
        body: dict[str, Any] = {
            "raw_barcode": f"venue-gate {entry.ticket}",
            "position": position,
            "error_reason": reason,
            "nonce": nonce(entry.name),
            "datetime": _moment(entry),
            "type": "exit" if entry.act is Act.EXIT else "entry",
            **_explained(words),
        }
        answered = await self._client.ask(account_of(link), "POST", path, json=body)
        return Told() if answered.status in (200, 201) else _not_taken(answered)

    async def _annul(self, link: Link, entry: Entry) -> Told:
        target = target_of(link)
        body = {
            "lists": [target.list],
            "nonce": entry.target,
            "datetime": _moment(entry),
            **_explained(entry.note),
        }
        path = f"organizers/{link.account}/checkinrpc/annul/"
        answered = await self._client.ask(account_of(link), "POST", path, json=body)
        if answered.status in (200, 201) or _DONE in answered.body.decode("utf-8", "replace"):
            return Told()
        if _LATE in answered.body.decode("utf-8", "replace"):
            return Told(Answer.FAILED, _("pretix still says inside: the undo came too late for it"))
        return _not_taken(answered)


def nonce(name: str, number: int = 0) -> str:
    """By what pretix knows an entry: its name, and of several persons which one."""
    return name if number == 0 else f"{name}#{number + 1}"


def _explained(words: str) -> dict[str, str]:
    """Why, if there is anything to say: pretix takes no empty text."""
    return {"error_explanation": words} if words else {}


class _Kept(Struct, frozen=True):
    answers: tuple[Given, ...] = ()


class _Redeemed(Struct, frozen=True):
    position: _Kept | None = None


def _not_kept(answered: Answered, given: Mapping[str, str]) -> str:
    """Which answers pretix has let go of, in words: it takes the entry in spite of one it refuses.

    Empty: none, or it does not say.
    """
    if not given:
        return ""
    try:
        position = msgspec.json.decode(answered.body, type=_Redeemed).position
    except msgspec.DecodeError:
        return ""
    if position is None:
        return ""
    missing = given.keys() - {str(one.question) for one in position.answers}
    if not missing:
        return ""
    words = _("pretix did not take the answer to question {ids}")
    return words.format(ids=", ".join(sorted(missing, key=int)))


def _moment(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.at_ms / 1000, UTC).isoformat()


def _not_taken(answered: Answered) -> Told:
    """One entry that pretix will not have must not hold up the others."""
    said = printable(answered.body.decode("utf-8", "replace"), 160)
    return Told(Answer.FAILED, f"pretix: {answered.status} {said}".rstrip())
