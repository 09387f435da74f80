"""Evenings with bad weather between us and WeChat: in the end both say the same of every ticket."""

import os
import random
from dataclasses import replace
from typing import Any

import pytest

from gate.core.entry import Act
from gate.core.history import fold
from sync.upstream.links import Link
from sync.upstream.outbox import State
from sync.upstream.seam import Due, Told
from sync.upstream.wechat.push import WeChatPush
from tests.support.places import Place
from tests.support.wechat import Venue, venue

SEEDS = int(os.environ.get("GATE_TEST_EXAMPLES", "12")) // 4
CONSUME = "/card/code/consume"
_FAULTS = ("unsent", "lost", "down")
_ANSWERS = (
    {"errcode": -1, "errmsg": "busy"},
    {"errcode": 40001, "errmsg": "dead"},
    {"errcode": 42001, "errmsg": "ended"},
    {"errcode": 45009, "errmsg": "quota"},
    {"errcode": 45011, "errmsg": "too often"},
)
_BEFALL: list[str | dict[str, Any]] = [*_FAULTS, *_ANSWERS]


class Evening:
    """What people and the weather do, by a seed."""

    def __init__(self, here: Venue, seed: int) -> None:
        self.here, self.chance = here, random.Random(seed)
        self.codes: list[str] = []
        self.admitted: dict[str, str] = {}
        """By ticket: the entry by which somebody is in."""
        self.others: set[str] = set()
        """Codes that a kiosk has used."""

    async def play(self, steps: int) -> None:
        """Do so many things."""
        doing = (self.claim, self.admit, self.admit, self.admit, self.undo, self.give, self.kiosk,
                 self.weather, self.weather, self.mail, self.work)  # fmt: skip
        for _n in range(3):
            await self.claim()
        for _n in range(steps):
            await self.chance.choice(doing)()

    async def clear(self) -> None:
        """The weather is fine at last, and everything arrives."""
        here = self.here
        here.weather.ahead.clear()
        here.weather.is_out = False
        await self.mail(all_of_it=True)
        here.post.kept = None
        await here.again()
        for _n in range(4):
            await here.again(later=True)

    async def claim(self) -> None:
        self.codes.append(await self.here.wechat.claim(self.here.card, f"o{len(self.codes)}"))

    async def admit(self) -> None:
        code = self.chance.choice(self.codes)
        ticket, state = self.here.shown(code)
        if ticket is None or state != "live" or ticket.id in self.admitted:
            return
        if fold(self.here.facts(ticket.id)).used:
            return
        ordinal = sum(
            one.act is Act.ADMISSION and one.device == self.here.maker.device
            for one in self.here.facts(ticket.id)
        )
        self.admitted[ticket.id] = await self.here.admit(code, ordinal=ordinal)

    async def undo(self) -> None:
        if self.admitted:
            ticket = self.chance.choice(sorted(self.admitted))
            await self.here.undo(ticket, self.admitted.pop(ticket))

    async def give(self) -> None:
        n = self.chance.randrange(len(self.codes))
        gift = {"code": self.codes[n], "from": f"o{n}", "to": f"f{n}"}
        for action in ("start", "accept"):
            answer = await self.here.wechat.post("/v1/gifts", {"action": action, **gift})
            if answer["errcode"]:
                return
        # A ticket is given once; the friend keeps it.
        self.codes[n] = answer["code"]

    async def kiosk(self) -> None:
        if self.chance.random() < 0.4:
            code = self.chance.choice(self.codes)
            stated = {"code": code, "outer_str": "kiosk"}
            if (await self.here.wechat.post(CONSUME, stated))["errcode"] == 0:
                self.others.add(code)

    async def weather(self) -> None:
        fault = self.chance.choice(_BEFALL)
        self.here.weather.ahead.setdefault(CONSUME, []).append(fault)
        self.here.weather.is_out = self.chance.random() < 0.2

    async def mail(self, *, all_of_it: bool = False) -> None:
        """Some pushes arrive: in any order, some of them twice."""
        kept = self.here.post.kept or []
        self.here.post.kept = []
        self.chance.shuffle(kept)
        for push in kept:
            if all_of_it or self.chance.random() < 0.7:
                for _n in range(self.chance.choice((1, 1, 2))):
                    assert await self.here.post.let(push) == 200
            else:
                self.here.post.kept.append(push)

    async def work(self) -> None:
        if self.chance.random() < 0.5:
            await self.here.again(later=self.chance.random() < 0.5)
        else:
            await self.here.step()


async def check(evening: Evening) -> None:
    """Nothing waits, nothing is used twice, and who was let in is used there, by us or another."""
    here = evening.here
    assert here.backlog().waiting == 0
    for code in evening.codes:
        found = here.kept(code)
        facts = here.facts(found.ticket)
        by_gate = [one for one in facts if one.source != "wechat" and one.act is Act.ADMISSION]
        stands = await here.wechat.status(code)
        assert not (found.ours and found.theirs), code
        assert bool(found.theirs) == (code in evening.others), code
        assert (stands == "CONSUMED") == bool(found.ours or found.theirs), (code, stands, found)
        by_them = [one for one in facts if one.source == "wechat" and one.act is Act.ADMISSION]
        assert len(by_them) == int(bool(found.theirs)), code
        # Given on while its push was held back for longer than that is waited for.
        lost = [one for one in by_gate if "does not know" in here.state(one.name)[1]]
        if found.ticket in evening.admitted and not lost:
            assert stands == "CONSUMED", code
        if not by_gate:
            assert not found.ours, code
        for one in by_gate:
            state, why = here.state(one.name)
            is_said = state is State.FAILED and ("elsewhere" in why or one in lost)
            assert state is State.TOLD or is_said, (code, state, why)


@pytest.mark.examples(1)
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_both_say_the_same_in_the_end(place: Place, seed: int) -> None:
    """Late, twice, out of order, lost, refused, over quota, with tokens that die."""
    async with venue(place) as here:
        here.post.kept = []
        evening = Evening(here, seed)
        await evening.play(40)
        await evening.clear()
        await check(evening)


@pytest.mark.long
async def test_who_forgets_what_was_tried_takes_its_own_use_for_another_s(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: a lost answer then makes a conflict that nobody has had."""
    told = WeChatPush.tell

    async def forgetful(self: WeChatPush, link: Link, due: Due) -> Told:
        return await told(self, link, replace(due, was_tried=False))

    monkeypatch.setattr("sync.upstream.wechat.push.WeChatPush.tell", forgetful)
    async with venue(place) as here:
        evening = Evening(here, 1)
        await evening.claim()
        await here.step()
        here.post.kept = []
        here.weather.ahead[CONSUME] = ["lost"]
        await evening.admit()
        await here.step()
        for _n in range(3):
            await here.again()
        with pytest.raises(AssertionError):
            await check(evening)
