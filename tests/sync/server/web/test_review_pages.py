"""Conflicts, anomalies and tickets in a browser: seen, found, settled, blocked, by whom and why."""

import asyncio
import html
import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gate import i18n
from gate.core.entry import Act
from gate.core.event_settings import EventSettings
from gate.core.outcome import Outcome, Reason
from gate.core.place import Role
from gate.core.ticket import DoorAct
from sync.server import audit, events, ticket_store
from sync.server.database import in_transaction, reading
from sync.server.event_settings import change_settings
from sync.server.http import Denied
from sync.server.web import pages, review, server_review
from tests.conftest import needs
from tests.support import postgres
from tests.support.central import Central, Maker, ask, central, open_central
from tests.support.venue import NOW_MS
from tests.support.web import Browser, signed_in

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"
CODE = "QUILLCODE1"
CLOCK = {"server_ahead_ms": 0, "server_error_ms": 5}
ROWS: dict[str, Any] = {
    "types": [{"id": "A", "kind": "meeting", "title": "Gala"}],
    "tickets": [
        {"code": CODE, "type": "A", "id": "q-1", "holder": "Annabelle Quill", "seats": "A-12",
         "order": "R77", "note": "aisle"},
        {"code": "OTHER2", "type": "A", "id": "q/2", "holder": "Björn Quill", "order": "R78"},
        {"code": "OTHER3", "type": "A", "id": "q-3", "holder": "张伟"},
    ],
}  # fmt: skip


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    async with central(tmp_path / "server", address_per_s=1e6, address_burst=1e6) as made:
        answer = await made.admin("POST", "/events/show/tickets", json=ROWS)
        assert answer.status_code == 200, answer.text
        yield made


async def let_in_twice(running: Central, ticket: str = "q-1", **said: Any) -> None:
    """Two gates that did not hear each other let in on one ticket."""
    for device, gate, operator in (("1", "North", "Eve"), ("2", "South", "Ben")):
        maker = Maker(device * 16)
        await running.enrol(maker, name=f"{gate} 1")
        made = maker.make(ticket=ticket, **({"gate": gate, "operator": operator} | CLOCK | said))
        await running.exchange(maker, ask([made]))


def forms(page: str, action: str) -> list[dict[str, str]]:
    """The hidden fields of every form of a page that does one thing."""
    found = re.findall(rf'<form[^>]*action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    return [
        {name: html.unescape(value) for name, value in
         re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', one)}
        for one in found
    ]  # fmt: skip


async def sent(at: Browser, path: str, of: str, **fields: str) -> httpx.Response:
    """Fill the first form of a page that does one thing, and send it."""
    await at.get(of)
    return await at.send(path, **(forms(at.page, path)[0] | fields))


def last_audit(running: Central) -> tuple[str, str, str]:
    with reading(running.engine) as connection:
        row = audit.rows(connection)[-1][0]
    return row.act, row.about, row.who.rpartition(" ")[2]


async def settled_at_once(running: Central, elsewhere: Central) -> list[int]:
    """What two supervisors are answered who settle one conflict from two open pages."""
    path = "/web/conflicts/settle"
    await let_in_twice(running)
    async with signed_in(running) as one, signed_in(elsewhere) as other:
        for at in (one, other):
            await at.get("/web/conflicts")
        sending = [
            at.send(path, **forms(at.page, path)[0], why=why)
            for at, why in ((one, "family"), (other, "a thief"))
        ]
        return sorted(answer.status_code for answer in await asyncio.gather(*sending))


class TestConflicts:
    """What does not add up on a ticket, and a supervisor's word on it."""

    async def test_both_sides_are_shown_and_settled(self, running: Central) -> None:
        """Gate, device, operator, holder and seat; then who settled it and why."""
        await let_in_twice(running)
        async with signed_in(running) as at:
            page = (await at.get("/web/conflicts")).text
            for shown in (
                "North",
                "South 1",
                "Eve",
                "Ben",
                "Annabelle Quill",
                "A-12",
                "1 too many",
            ):
                assert shown in page
            assert "1 waits for a word" in page
            done = await sent(at, "/web/conflicts/settle", "/web/conflicts", why="a family")
            assert done.url.path == "/web/conflicts"
            assert "Settled." in done.text
            assert "settled by Ann" in done.text
            assert "a family" in done.text
            assert "Nothing waits for a supervisor." in done.text
        assert last_audit(running) == ("resolve", "q-1", "Ann")
        (clash,) = (await running.admin("GET", "/events/show/conflicts")).json()
        assert (clash["resolution"]["note"], clash["resolution"]["who"]) == ("a family", "Ann")

    async def test_an_admission_on_a_void_ticket(self, running: Central) -> None:
        """The void stands beside the admission, and it is settled like a conflict."""
        await running.admin("POST", "/events/show/tickets", json={"voids": [{"id": "q-1"}]})
        maker = Maker("1" * 16)
        await running.enrol(maker)
        at_ms = 2_000_000_000_000
        entry = maker.make(ticket="q-1", gate="North", at_ms=at_ms, hlc=at_ms << 16)
        await running.exchange(maker, ask([entry]))
        async with signed_in(running) as at:
            page = (await at.get("/web/conflicts")).text
            assert "void since" in page
            done = await sent(at, "/web/conflicts/settle", "/web/conflicts", why="was sold anew")
            assert "settled by Ann" in done.text

    async def test_an_undo_by_another_gate_is_confirmed_once(self, running: Central) -> None:
        """It counts then; who confirms it a second time is told that there is none."""
        one, other = Maker("1" * 16), Maker("2" * 16)
        for maker in (one, other):
            await running.enrol(maker)
        await running.exchange(one, ask([one.make(ticket="q-1")]))
        undo = other.make(
            Act.ANNULMENT, ticket="q-1", target=f"{one.origin}:1", note="wrong door", operator="Ben"
        )
        await running.exchange(other, ask([undo]))
        async with signed_in(running) as at:
            await at.get("/web/conflicts")
            assert "undo not confirmed" in at.page
            (fields,) = forms(at.page, "/web/conflicts/confirm")
            done = await at.send("/web/conflicts/confirm", **fields, why="nobody went in")
            assert "Confirmed" in done.text
            again = await at.send("/web/conflicts/confirm", **fields, why="nobody went in")
            assert again.status_code == 409
            assert "used</dt><dd>0/1" in (await at.get("/web/tickets/of/q-1")).text

    async def test_alarms_say_what_to_do(self, running: Central) -> None:
        """A device that began twice was copied or set back."""
        maker = Maker("1" * 16)
        await running.enrol(maker, name="North 1")
        await running.exchange(maker, ask([maker.make(ticket="x")]))
        twin = Maker("1" * 16, "bb")
        twin.key = maker.key
        await running.exchange(maker, ask([twin.make(ticket="y")]))
        async with signed_in(running) as at:
            assert "North 1: cloned, restored" in (await at.get("/web/conflicts")).text

    async def test_of_two_who_settle_at_once_one_is_told(self, running: Central) -> None:
        """One word stands; the other supervisor looks at it as it is now."""
        assert await settled_at_once(running, running) == [200, 409]

    @pytest.mark.long
    async def test_a_server_that_does_not_look_is_noticed(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The mutation: whatever somebody had before their eyes, it is settled."""
        monkeypatch.setattr(server_review, "need_same", lambda _now, _seen: None)
        assert await settled_at_once(running, running) == [200, 200]

    async def test_staff_reads_and_settles_nothing(self, running: Central) -> None:
        """No form is shown, and none is taken."""
        await let_in_twice(running)
        async with signed_in(running, Role.STAFF) as at:
            page = (await at.get("/web/conflicts")).text
            assert forms(page, "/web/conflicts/settle") == []
            assert "A supervisor settles it." in page
            answer = await at.send("/web/conflicts/settle", ticket="q-1", seen="", why="x")
            assert answer.status_code == 403
        (clash,) = (await running.admin("GET", "/events/show/conflicts")).json()
        assert "resolution" not in clash


@pytest.mark.postgres
async def test_of_two_at_two_processes_one_is_told(tmp_path: Path) -> None:
    """Two servers over one PostgreSQL: one word stands, and both show it."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        engines = [open_central(url), open_central(url)]
        in_transaction(engines[0], lambda c: events.create_event(c, "show", "Show", "UTC", NOW_MS))
        async with (
            central(tmp_path / "one", engine=engines[0]) as one,
            central(tmp_path / "other", engine=engines[1]) as other,
        ):
            await one.admin("POST", "/events/show/tickets", json=ROWS)
            assert await settled_at_once(one, other) == [200, 409]
            for running in (one, other):
                async with signed_in(running) as at:
                    assert "settled by Ann" in (await at.get("/web/tickets/of/q-1")).text
        for engine in engines:
            engine.dispose()


class TestAnomalies:
    """What is unlike an honest evening."""

    async def test_a_sentence_what_to_do_and_the_entries(self, running: Central) -> None:
        """One ticket at two gates within a second."""
        await let_in_twice(running)
        async with signed_in(running) as at:
            page = (await at.get("/web/anomalies")).text
            assert "two places at once" in page
            assert "What to do:" in page
            (path,) = set(re.findall(r'href="(/web/anomalies/[0-9a-f]{16})"', page))
            told = (await at.get(path)).text
            assert "North 1" in told
            assert "South 1" in told
            assert "/web/tickets/of/q-1" in told
            assert (await at.get("/web/anomalies/0000")).status_code == 404


class TestTickets:
    """Found, told, blocked, freed and noted."""

    @pytest.mark.examples(2)
    @pytest.mark.parametrize("typed", [CODE, "annabelle", "R77", "A-12", "q-1"])
    async def test_the_one_that_is_meant_is_shown_at_once(
        self, running: Central, typed: str
    ) -> None:
        """By code, name, order, seat or id; what was typed is in no address."""
        async with signed_in(running) as at:
            await at.get("/web/tickets")
            answer = await at.send("/web/tickets/find", find=typed)
            assert answer.url.path == "/web/tickets/of/q-1"
            assert "Annabelle Quill" in answer.text
            asked = [str(one.url) for one in (*answer.history, answer)]
            assert not any(CODE in url or "annabelle" in url for url in asked)

    async def test_several_are_listed_and_come_back_to(self, running: Central) -> None:
        """Who looked at one finds the list as it was; the next who signs in does not."""
        async with signed_in(running) as at:
            await at.get("/web/tickets")
            answer = await at.send("/web/tickets/find", find="quill")
            assert answer.url.path == "/web/tickets"
            assert "2 tickets" in answer.text
            assert (await at.get("/web/tickets/of/q%2F2")).status_code == 200
            assert "2 tickets" in (await at.get("/web/tickets")).text
            await at.get("/web/tonight")
            await at.send("/web/sign-out")
            await at.sign_in("Ann")
            assert "Quill" not in (await at.get("/web/tickets")).text

    async def test_what_is_no_search_is_said(self, running: Central) -> None:
        """Nothing, too much, and what is nobody's; a long one is found all the same."""
        async with signed_in(running) as at:
            for typed, status in (("", 422), ("x" * 501, 422), ("龘" * 400, 200)):
                await at.get("/web/tickets")
                answer = await at.send("/web/tickets/find", find=typed)
                assert answer.status_code == status
            assert "Nothing found." in answer.text
            await at.get("/web/tickets")
            assert "张伟" in (await at.send("/web/tickets/find", find="张伟")).text

    async def test_a_story_from_issue_to_scan(self, running: Central) -> None:
        """Issued, let in at a gate by somebody, voided: in order, with what is wrong about it."""
        await let_in_twice(running)
        await running.admin("POST", "/events/show/tickets", json={"voids": [{"id": "q-1"}]})
        async with signed_in(running) as at:
            page = (await at.get("/web/tickets/of/q-1")).text
            for told in ("issued", "North", "(Eve)", "South", "cancelled by its issuer", "2/1",
                         "1 too many", "/web/conflicts#m-"):  # fmt: skip
                assert told in page, told
            assert (await at.get("/web/tickets/of/none")).status_code == 404

    async def test_blocked_freed_and_noted(self, running: Central) -> None:
        """Beside what its issuer says, with who and why; the reason is not in the log."""
        async with signed_in(running) as at:
            of = "/web/tickets/of/q-1"
            done = await sent(at, "/web/tickets/block", of, why="banned")
            assert done.url.path == of
            assert "banned (Ann" in done.text
            assert "its issuer: good" in done.text
            assert last_audit(running) == ("block", "q-1", "Ann")
            done = await sent(at, "/web/tickets/note", of, note="see the office")
            assert "see the office" in done.text
            done = await sent(at, "/web/tickets/free", of, why="a mistake")
            assert "banned (Ann" not in done.text
            assert "free again at the door (Ann): a mistake" in done.text
            done = await sent(at, "/web/tickets/note", of, note="")
            assert "Note at the door" not in done.text
        with reading(running.engine) as connection:
            found = ticket_store.find_ticket(connection, "show", "q-1")
        assert found is not None
        acts = [word.act for word in found.door]
        assert acts == [DoorAct.BLOCKED, DoorAct.NOTED, DoorAct.FREED, DoorAct.NOTED]

    async def blocked_at_once(self, running: Central) -> list[int]:
        async with signed_in(running) as one, signed_in(running) as other:
            for at in (one, other):
                await at.get("/web/tickets/of/q-1")
            sending = [
                at.send(
                    "/web/tickets/block",
                    **forms(at.page, "/web/tickets/block")[0],
                    why=f"because {n}",
                )
                for n, at in enumerate((one, other))
            ]
            return sorted(answer.status_code for answer in await asyncio.gather(*sending))

    async def test_of_two_who_block_at_once_one_is_told(self, running: Central) -> None:
        """Nobody's reason is written over unseen."""
        assert await self.blocked_at_once(running) == [200, 409]

    async def test_a_change_wants_a_reason(self, running: Central) -> None:
        """Without one nothing is done, and the way back is shown."""
        async with signed_in(running) as at:
            of = "/web/tickets/of/q-1"
            await at.get(of)
            fields = forms(at.page, "/web/tickets/block")[0] | {"why": " "}
            at.http.headers["Referer"] = f"https://gate.example{of}"
            answer = await at.send("/web/tickets/block", **fields)
            assert answer.status_code == 422
            assert f'href="{of}"' in answer.text
            assert "blocked at the door" not in (await at.get(of)).text

    async def test_staff_sees_and_changes_nothing(self, running: Central) -> None:
        """A supervisor blocks, frees and notes."""
        async with signed_in(running, Role.STAFF) as at:
            await at.get("/web/tickets/of/q-1")
            assert "/web/tickets/block" not in at.page
            for act in ("block", "free", "note"):
                answer = await at.send(f"/web/tickets/{act}", ticket="q-1", seen="", why="x")
                assert answer.status_code == 403


async def test_names_are_hidden_where_the_event_hides_them(running: Central) -> None:
    """On no page, though a ticket is found by them; nor who it was changed to."""
    await let_in_twice(running)
    again = {"changes": [{"id": "q-1", "holder": "Anna Quill"}]}
    await running.admin("POST", "/events/show/tickets", json=again)

    def hide(before: EventSettings) -> EventSettings:
        return msgspec.structs.replace(before, rules={**before.rules, "show_names": False})

    async with signed_in(running) as at:
        paths = ("/web/conflicts", "/web/tickets", "/web/tickets/of/q-1")
        await at.get("/web/tickets")
        await at.send("/web/tickets/find", find="quill")
        shown = [(await at.get(path)).text for path in paths]
        assert ["Anna Quill" in text for text in shown] == [True] * 3
        await running.server.write(partial(change_settings, event="show", change=hide))
        shown = [(await at.get(path)).text for path in paths]
        assert not any("Anna" in text for text in shown)
        assert "A-12" in shown[0]


async def test_what_is_denied_is_said_in_the_readers_language(running: Central) -> None:
    """Though it is found out by a thread that reads, or by the one that commits."""
    with i18n.speaking("zh_CN"):
        nothing, no_claim = (
            i18n._("There is no ticket of that id."),
            i18n._("There is no undo of that name to be confirmed."),
        )
    async with signed_in(running) as at:
        at.http.headers["Accept-Language"] = "zh-CN"
        assert nothing in (await at.get("/web/tickets/of/none")).text
        await at.get("/web/conflicts")
        answer = await at.send("/web/conflicts/confirm", undo="x:1", why="x")
        assert no_claim in answer.text
    assert "There is" not in nothing + no_claim


async def shows_only_text(at: Browser) -> None:
    """No page makes anything but text of what strangers wrote."""
    paths = ["/web/conflicts", "/web/anomalies", "/web/tickets", "/web/tickets/of/bad"]
    await at.get("/web/anomalies")
    paths += sorted(set(re.findall(r'href="(/web/anomalies/[0-9a-f]{16})"', at.page)))
    assert len(paths) > 4
    for path in paths:
        text = (await at.get(path)).text
        assert "<script>" not in text, path
        assert "<img" not in text, path
        assert "\u202e" not in text, path


async def test_hostile_text_is_only_text(running: Central) -> None:
    """Names, seats, orders, notes, gates, operators, devices, reasons and what was typed."""
    bad = {"code": "BAD1", "type": "A", "id": "bad", "holder": HOSTILE[:-1], "seats": "<b>1</b>",
           "order": "<script>o", "note": "<script>n"}  # fmt: skip
    answer = await running.admin("POST", "/events/show/tickets", json={"tickets": [bad]})
    assert answer.status_code == 200, answer.text
    await let_in_twice(running, "bad", operator=HOSTILE, note=HOSTILE)
    maker = Maker("3" * 16)
    await running.enrol(maker, name="<script>d")
    tries = [
        maker.make(
            Act.REFUSAL, code=f"{n:064x}", gate=HOSTILE, operator=HOSTILE, outcome=Outcome.REFUSE,
            reason=Reason.UNKNOWN, flags=("near_a_ticket",), at_ms=NOW_MS + n, note=HOSTILE,
        )
        for n in range(1, 9)
    ]  # fmt: skip
    await running.exchange(maker, ask(tries))
    async with signed_in(running) as at:
        await shows_only_text(at)
        await sent(at, "/web/tickets/block", "/web/tickets/of/bad", why=HOSTILE)
        await sent(at, "/web/tickets/note", "/web/tickets/of/bad", note=HOSTILE)
        await sent(at, "/web/conflicts/settle", "/web/conflicts", why=HOSTILE)
        await at.get("/web/tickets")
        await at.send("/web/tickets/find", find=HOSTILE)
        assert "alert(1)" in at.page
        await shows_only_text(at)


@pytest.mark.long
async def test_markup_that_is_not_escaped_is_noticed(
    running: Central, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: templates that take what strangers wrote for markup."""
    monkeypatch.setattr("sync.server.web.pages._environment", _unescaped())
    async with central(running.folder.parent / "other") as other:
        bad = {"code": "BAD1", "type": "A", "id": "bad", "holder": "<script>x"}
        rows = {"types": ROWS["types"], "tickets": [bad]}
        await other.admin("POST", "/events/show/tickets", json=rows)
        await let_in_twice(other, "bad")
        async with signed_in(other) as at:
            with pytest.raises(AssertionError, match="<script>"):
                await shows_only_text(at)


def _unescaped() -> Callable[[], Any]:
    made = pages._environment.__wrapped__()
    made.autoescape = False
    return lambda: made


def test_a_mark_is_another_whenever_a_word_is_added() -> None:
    """What was seen when somebody decided is compared by it."""
    with pytest.raises(Denied):
        review.need_same("one", "other")
    review.need_same("one", "one")
