"""What gates did is told to WeChat once, and what cannot be told is said."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.clock import read_wall_ms
from gate.core.entry import Act
from gate.core.ticket import Status
from sync.upstream import links, outbox
from sync.upstream.outbox import State
from sync.upstream.seam import AwayError
from sync.upstream.wechat import accounts, client
from sync.upstream.wechat.errcodes import Meaning, meaning_of
from tests.support.cardapi import DAY_S, meeting
from tests.support.places import Place
from tests.support.wechat import Venue, venue

CONSUME, GET, TOKEN = "/card/code/consume", "/card/code/get", "/cgi-bin/stable_token"


async def claimed(here: Venue) -> str:
    """A code in somebody's hands, known at the gates."""
    code = await here.wechat.claim(here.card)
    await here.step()
    return code


async def test_an_admission_is_used_at_wechat_once(here: Venue) -> None:
    """Under its entry's name, which comes back in the push: it is no other's use."""
    code = await claimed(here)
    name = await here.admit(code)
    await here.step()
    assert await here.wechat.status(code) == "CONSUMED"
    (call,) = here.weather.calls(CONSUME)
    assert call == {"code": code, "card_id": here.card, "outer_str": name}
    await here.again()
    assert here.kept(code).ours == name
    assert len(here.facts(here.kept(code).ticket)) == 1
    assert here.state(name) == (State.TOLD, "")


async def test_it_waits_for_an_undo(place: Place) -> None:
    """Undone in time WeChat never hears of it; the ticket is as it was on both sides."""
    async with venue(place, grace_s=120) as here:
        code = await claimed(here)
        name = await here.admit(code)
        await here.step()
        ticket = here.kept(code).ticket
        assert here.backlog().waiting == 1
        undo = await here.undo(ticket, name)
        await here.again(later=True)
        assert here.weather.calls(CONSUME) == []
        assert (here.state(name)[0], here.state(undo)[0]) == (State.TOLD, State.WITHDRAWN)
        assert await here.wechat.status(code) == "NORMAL"


async def test_an_undo_that_comes_too_late_is_said(here: Venue) -> None:
    """WeChat takes nothing back: it still says used; who comes again is let in by it."""
    code = await claimed(here)
    name = await here.admit(code)
    await here.step()
    ticket = here.kept(code).ticket
    undo = await here.undo(ticket, name)
    await here.step()
    state, why = here.state(undo)
    assert (state, "WeChat still says used" in why) == (State.FAILED, True)
    assert here.standing().why_failed == why
    again = await here.admit(code, ordinal=1)
    await here.step()
    assert len(here.weather.calls(CONSUME)) == 1
    assert here.kept(code).ours == again
    assert here.state(again) == (State.TOLD, "")


async def test_a_lost_answer_was_a_yes(here: Venue) -> None:
    """What WeChat has used by then was used by us: 40099 after a try of ours that nobody heard."""
    code = await claimed(here)
    here.weather.ahead[CONSUME] = ["lost"]
    here.post.kept = []
    name = await here.admit(code)
    await here.step()
    assert here.state(name)[0] is State.TRYING
    await here.again()
    assert here.state(name) == (State.TOLD, "")
    assert here.kept(code).ours == name
    assert here.standing().failed == 0


async def test_a_use_elsewhere_before_our_first_try_is_said(here: Venue) -> None:
    """Its push was not here yet: an entry is made of it, so there is a conflict."""
    code = await claimed(here)
    here.post.kept = []
    await here.wechat.ok(CONSUME, {"code": code})
    name = await here.admit(code)
    await here.step()
    await here.step()
    assert here.state(name)[0] is State.FAILED
    entries = here.facts(here.kept(code).ticket)
    assert sorted(one.source for one in entries) == ["", "wechat"]


async def test_a_lost_answer_that_was_taken_for_a_yes_is_corrected(here: Venue) -> None:
    """The push proves whose use it was: here a kiosk's, between our two tries."""
    code = await claimed(here)
    here.weather.ahead[CONSUME] = ["down"]
    here.post.kept = []
    name = await here.admit(code)
    await here.step()
    await here.wechat.ok(CONSUME, {"code": code, "outer_str": "kiosk 3"})
    await here.again()
    assert here.state(name)[0] is State.TOLD
    kept, here.post.kept = here.post.kept, None
    for push in kept:
        await here.post.let(push)
    await here.step()
    found = here.kept(code)
    assert (found.ours, bool(found.theirs)) == ("", True)
    assert "wechat" in [one.source for one in here.facts(found.ticket)]


async def test_a_ticket_that_is_given_on_within_the_grace_is_followed(place: Place) -> None:
    """By its id, to the code that it goes by when WeChat is told."""
    async with venue(place, grace_s=120) as here:
        code = await claimed(here)
        name = await here.admit(code)
        await here.step()
        gift = {"code": code, "from": "oFan", "to": "oB"}
        await here.wechat.ok("/v1/gifts", {"action": "start", **gift})
        new = (await here.wechat.ok("/v1/gifts", {"action": "accept", **gift}))["code"]
        await here.again()
        await here.again(later=True)
        assert [call["code"] for call in here.weather.calls(CONSUME)] == [new]
        assert here.state(name)[0] is State.TOLD


async def test_a_code_that_is_unknown_there_is_followed_by_the_push(here: Venue) -> None:
    """40056: the gift's push is on its way; then it is used by the friend's code."""
    code = await claimed(here)
    here.post.kept = []
    gift = {"code": code, "from": "oFan", "to": "oB"}
    await here.wechat.ok("/v1/gifts", {"action": "start", **gift})
    new = (await here.wechat.ok("/v1/gifts", {"action": "accept", **gift}))["code"]
    name = await here.admit(code)
    await here.step()
    assert here.state(name)[0] is State.WAITING
    kept, here.post.kept = here.post.kept, None
    for push in kept:
        await here.post.let(push)
    await here.again()
    await here.again(later=True)
    assert [call["code"] for call in here.weather.calls(CONSUME)] == [code, new]
    assert here.state(name)[0] is State.TOLD


async def test_a_code_that_stays_unknown_is_said(here: Venue) -> None:
    """Forged, or given on and nobody said by which code: it is asked twice and no more."""
    code = await claimed(here)
    answer = {"errcode": 40056, "errmsg": "invalid serial code"}
    here.weather.ahead[CONSUME] = [answer, answer, answer]
    name = await here.admit(code)
    await here.step()
    await here.again(later=True)
    await here.again(later=True)
    assert len(here.weather.calls(CONSUME)) == 2
    assert here.state(name)[0] is State.FAILED


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    ("status", "state", "at_gate"),
    [
        ("GIFTING", State.WAITING, Status.GIFTING),
        ("GIFT_TIMEOUT", State.WAITING, Status.NORMAL),
        ("DELETE", State.FAILED, Status.DELETED),
        ("UNAVAILABLE", State.FAILED, Status.REVOKED),
        ("EXPIRE", State.FAILED, Status.EXPIRED),
    ],
)
async def test_what_cannot_be_used_is_looked_at(
    here: Venue, status: str, state: State, at_gate: Status
) -> None:
    """40127: a gift waits, what is void was an irregular admission; gates have it as it is."""
    code = await claimed(here)
    here.weather.ahead = {
        CONSUME: [{"errcode": 40127, "errmsg": "given"}],
        GET: [{"errcode": 0, "errmsg": "ok", "card": {"card_id": here.card}, "openid": "oFan",
               "can_consume": False, "user_card_status": status}],
    }  # fmt: skip
    name = await here.admit(code)
    await here.step()
    assert here.state(name)[0] is state
    assert here.weather.calls(GET)[-1]["check_consume"] is False
    ticket, _state = here.shown(code)
    assert ticket is not None
    assert ticket.status is at_gate
    if state is State.WAITING:
        await here.again(later=True)
        assert here.state(name)[0] is State.TOLD
    irregular = (await here.ours.admin("GET", "/events/show/irregular")).json()
    assert len(irregular) == int(at_gate in (Status.DELETED, Status.REVOKED))


async def test_what_was_undone_while_nobody_knew_is_not_used_then(here: Venue) -> None:
    """A try that never arrived, then an undo: it is looked at, and left alone."""
    code = await claimed(here)
    here.weather.ahead[CONSUME] = ["down"]
    name = await here.admit(code)
    await here.step()
    undo = await here.undo(here.kept(code).ticket, name)
    await here.again()
    await here.again()
    assert await here.wechat.status(code) == "NORMAL"
    assert [here.state(one) for one in (name, undo)] == [(State.TOLD, "")] * 2


async def test_what_would_be_too_late_is_sent_first_and_without_grace(place: Place) -> None:
    """A ticket that ends within a minute does not wait for an undo, nor for who came first."""
    end = int(datetime.now(UTC).timestamp()) + 55
    dates = {"type": 1, "begin_timestamp": end - DAY_S, "end_timestamp": end}
    async with venue(place, grace_s=120) as here:
        early = await claimed(here)
        late = await here.wechat.create(meeting(date_info=dates))
        here.write(lambda c: links.start_again(
            c, "show", target={"cards": [here.card, late], "grace_s": 120}
        ))  # fmt: skip
        here.worker._kinds["wechat"]._at_work.pull._known.clear()  # type: ignore[attr-defined]
        await here.step()
        code = await here.wechat.claim(late)
        await here.step()
        first = await here.admit(early)
        second = await here.admit(code)
        await here.step()
        assert [call["code"] for call in here.weather.calls(CONSUME)] == [code]
        assert here.state(second)[0] is State.TOLD
        assert here.state(first)[0] is State.WAITING


async def test_hours_without_wechat_lose_nothing_and_tell_nothing_twice(here: Venue) -> None:
    """The gates go on; then all of it is told once, in order, and the conflict is found."""
    codes = [await here.wechat.claim(here.card, f"o{n}") for n in range(6)]
    await here.step()
    here.weather.is_out = True
    names = [await here.admit(code) for code in codes]
    await here.step()
    await here.again()
    assert here.backlog().waiting == 6
    assert here.standing().error
    assert all(here.state(name)[0] is State.WAITING for name in names)
    # Meanwhile a kiosk that reaches WeChat uses one.
    await here.wechat.ok(CONSUME, {"code": codes[3], "outer_str": "kiosk"})
    here.weather.is_out = False
    here.weather.asked.clear()
    await here.again()
    assert [call["code"] for call in here.weather.calls(CONSUME)] == [
        code for n, code in enumerate(codes) if n != 3
    ]
    assert [here.state(name)[0] for name in names] == [
        State.FAILED if n == 3 else State.TOLD for n in range(6)
    ]
    conflicts = (await here.ours.admin("GET", "/events/show/conflicts")).json()
    assert [one["ticket"] for one in conflicts] == [here.kept(codes[3]).ticket]


_NOT_TAKEN = """
    40003 40009 40053 40070 40071 40072 40073 40075 40076 40078 40080 40100 40107 40109 40110 40111
    40112 40116 40122 40136 40146 40149 40150 40158 41009 41011 41012 41013 41014 41015 41016 41017
    43002 43017 43018 44002 47001 47002 45021 45031 45033 45041 61500 61501
"""
_MEANT = {
    Meaning.BUSY: ("-1", State.TRYING),
    Meaning.RENEW: ("40001 40014 42001", State.TOLD),
    Meaning.STOP: (
        "40002 40013 40125 40164 41001 43009 43010 45030 45102 48001 48004", State.WAITING
    ),
    Meaning.USED_UP: ("45009", State.WAITING),
    Meaning.TOO_OFTEN: ("45011", State.WAITING),
    Meaning.UNKNOWN: ("40056", State.WAITING),
    Meaning.TOO_LATE: ("40079 40147", State.FAILED),
    Meaning.USED: ("40099", State.FAILED),
    Meaning.NOT_TAKEN: (_NOT_TAKEN, State.FAILED),
}  # fmt: skip
_OUTCOMES = {
    int(code): (meaning, state)
    for meaning, (codes, state) in _MEANT.items()
    for code in codes.split()
}
"""Every error code that there is a word of, what it means, and where an admission stands then."""


def _played(errcode: int) -> object:
    """The first code of each meaning in every run, the others in long ones."""
    is_first = next(n for n, of in _OUTCOMES.items() if of == _OUTCOMES[errcode]) == errcode
    return pytest.param(errcode, marks=() if is_first else pytest.mark.long)


@pytest.mark.examples(16)
@pytest.mark.parametrize("errcode", map(_played, _OUTCOMES))
async def test_every_error_code_has_its_consequence(here: Venue, errcode: int) -> None:
    """Renewed, waited for, stopped, looked at, or said: nothing is lost and nothing twice."""
    meaning, state = _OUTCOMES[errcode]
    assert meaning_of(errcode) is meaning
    code = await claimed(here)
    here.weather.ahead[CONSUME] = [{"errcode": errcode, "errmsg": "hint: [x]"}]
    name, begun_ms = await here.admit(code), read_wall_ms()
    await here.step()
    assert here.state(name)[0] is state
    link = here.link()
    assert link.is_stopped == (meaning is Meaning.STOP)
    waits = meaning in (Meaning.BUSY, Meaning.TOO_OFTEN, Meaning.USED_UP)
    assert (link.push_ms > begun_ms) == waits
    assert bool(here.standing().error) == (waits or link.is_stopped)
    if meaning is Meaning.USED_UP:
        assert link.push_ms - begun_ms > 60_000
    if waits or link.is_stopped:
        await here.again()
        assert here.state(name)[0] is State.TOLD
        assert await here.wechat.status(code) == "CONSUMED"


async def test_the_quota_interface_says_how_long(here: Venue) -> None:
    """Where WeChat has one, it is asked, and not the calendar."""
    code = await claimed(here)
    here.weather.ahead = {
        CONSUME: [{"errcode": 45011, "errmsg": "too often"}],
        "/cgi-bin/openapi/quota/get": [
            {"errcode": 0, "errmsg": "ok", "quota": {"daily_limit": 100, "used": 4, "remain": 96},
             "rate_limit": {"call_count": 10, "refresh_second": 240}}
        ],
    }  # fmt: skip
    await here.admit(code)
    begun_ms = read_wall_ms()
    await here.step()
    assert begun_ms + 240_000 <= here.link().push_ms <= read_wall_ms() + 240_000


async def test_a_token_is_shared_and_renewed_before_it_ends(here: Venue) -> None:
    """By the database: who asks next uses it; one that is about to end is not used."""
    asked = len(here.weather.calls(TOKEN))
    assert asked == 1
    other = client.WeChatClient(here.ours.server, here.weather)
    await other.call(here.wechat.appid, "/card/get", {"card_id": here.card})
    assert len(here.weather.calls(TOKEN)) == 1
    soon = read_wall_ms() + 200_000
    here.write(lambda c: accounts.note(c, here.wechat.appid, token_ends_ms=soon))
    await other.call(here.wechat.appid, "/card/get", {"card_id": here.card})
    assert len(here.weather.calls(TOKEN)) == 2
    await other.close()


async def test_a_dead_token_is_made_anew_by_force_once(here: Venue) -> None:
    """WeChat repeats it as long as it lives in its eyes; force is not for every call."""
    before = here.account().token
    card_get: list[Any] = [{"errcode": 40001, "errmsg": "invalid credential"}] * 3
    here.weather.ahead["/card/get"] = card_get[:1]
    http = client.WeChatClient(here.ours.server, here.weather)
    await http.call(here.wechat.appid, "/card/get", {"card_id": here.card})
    assert [call["force_refresh"] for call in here.weather.calls(TOKEN)] == [False, False, True]
    assert here.account().token != before
    here.weather.ahead["/card/get"] = card_get[:2]
    with pytest.raises(AwayError):
        await http.call(here.wechat.appid, "/card/get", {"card_id": here.card})
    assert [call["force_refresh"] for call in here.weather.calls(TOKEN)].count(True) == 1
    await http.close()


async def test_a_secret_that_is_wrong_stops(here: Venue, caplog: pytest.LogCaptureFixture) -> None:
    """A person has to do something; and neither secret, token nor code is in any log."""
    code = await claimed(here)
    here.write(lambda c: accounts.note(c, here.wechat.appid, token="", secret="not-it"))
    await here.admit(code)
    await here.step()
    assert here.link().is_stopped
    for hidden in (here.wechat.secret, "not-it", code, here.wechat.token):
        assert hidden not in caplog.text


async def test_an_entry_that_uses_nothing_is_not_told(here: Venue) -> None:
    """Exits, re-entries, refusals: WeChat knows one use of a ticket."""
    code = await claimed(here)
    ticket = here.kept(code).ticket
    await here.did(Act.EXIT, ticket=ticket)
    await here.admit(code, uses=0)
    await here.step()
    assert here.weather.calls(CONSUME) == []
    assert here.read(outbox.backlog, "show").waiting == 0


async def test_a_ticket_s_end_is_that_of_its_card(place: Place) -> None:
    """A fixed term counts from the claim, in whole days of UTC+8."""
    dates = {"type": 2, "fixed_term": 2}
    async with venue(place, card=meeting(date_info=dates)) as here:
        code = await claimed(here)
        here.weather.is_out = True
        await here.admit(code)
        await here.step()
        ends = datetime.fromtimestamp(here.backlog().ends_ms / 1000, UTC) + timedelta(hours=8)
        assert (ends.hour, ends.minute, ends.second) == (0, 0, 0)
