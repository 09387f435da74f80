"""Blocked at the door, a note, the whole story, the search, the journal and the log, over HTTP."""

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from gate.core.entry import Act
from gate.core.outcome import Basis, Outcome, Reason
from gate.core.signed_ticket import Signed
from gate.core.ticket import DoorAct, DoorWord
from sync.cardapi import issued_codes
from sync.server import door, events, issuing, stories, ticket_search
from sync.server import tables as t
from sync.server.database import in_transaction, open_database, reading
from sync.server.http import Denied
from sync.server.organisers import Right
from tests.conftest import needs
from tests.support import postgres
from tests.support.central import Central, Maker, ask, central
from tests.support.venue import NOW_MS
from tests.sync.server.test_organisers import by, token

CODE = "QUILLCODE1"
ROWS: dict[str, Any] = {
    "types": [{"id": "A", "kind": "meeting", "title": "Gala"}],
    "tickets": [
        {"code": CODE, "type": "A", "id": "q-1", "holder": "Annabelle Quill", "seats": "A-12",
         "order": "R77", "note": "aisle"},
        {"code": "OTHER2", "type": "A", "id": "q/2", "holder": "Björn Quill", "order": "R78"},
        {"code": "OTHER3", "type": "A", "id": "q-3", "holder": "张伟"},
    ],
}  # fmt: skip
TICKETS = "/events/show/tickets"
ONE = f"{TICKETS}/q-1"
WHY = {"reason": "banned since the fight", "who": "Eva"}


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    async with central(tmp_path / "server", address_per_s=1e6, address_burst=1e6) as made:
        assert (await made.admin("POST", TICKETS, json=ROWS)).status_code == 200
        yield made


async def told(running: Central, path: str = ONE) -> dict[str, Any]:
    answer = await running.admin("GET", path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def body_of(running: Central, id_: str = "q-1") -> dict[str, Any]:
    with reading(running.engine) as connection:
        body = connection.execute(select(t.ticket.c.body).where(t.ticket.c.id == id_)).scalar_one()
    found: dict[str, Any] = json.loads(body)
    return found


async def is_blocked_after_all(running: Central) -> list[bool]:
    """Whether it is blocked still after each way in which an issuer states a ticket anew."""
    row, found = {**ROWS["tickets"][0], "zone": "B"}, []
    listed = f"code,type,id,name\n{CODE},A,q-1,Anna Quill\n".encode()
    await running.admin("POST", TICKETS, json={"tickets": [row]})
    found.append("door" in body_of(running))
    await running.admin("POST", TICKETS, json={"changes": [{"id": "q-1", "zone": "C"}]})
    found.append("door" in body_of(running))
    answer = await running.admin("POST", "/events/show/list", content=listed)
    assert body_of(running)["holder"] == "Anna Quill", answer.text
    found.append("door" in body_of(running))
    publish = partial(issued_codes.publish, event="show", rows=[row])
    in_transaction(running.engine, publish)
    assert body_of(running)["zone"] == "B"
    return [*found, "door" in body_of(running)]


class TestBlock:
    """A state of the venue's over whatever its issuer says."""

    async def test_it_is_told_beside_what_the_issuer_says(self, running: Central) -> None:
        """Blocked, stated again, voided, freed: each of both says its own."""
        made = await running.admin("PUT", f"{ONE}/block", json=WHY)
        assert made.status_code == 200, made.text
        assert made.json()["status"] == "normal"
        assert (made.json()["block"]["text"], made.json()["block"]["who"]) == tuple(WHY.values())
        await running.admin("POST", TICKETS, json={"voids": [{"id": "q-1", "note": "refund"}]})
        both = (await told(running))["ticket"]
        assert (both["status"], both["block"]["text"]) == ("revoked", WHY["reason"])
        free = {"reason": "a mistake", "who": "Max"}
        await running.admin("DELETE", f"{ONE}/block", **as_json(free))
        after = (await told(running))["ticket"]
        assert (after["status"], after.get("block")) == ("revoked", None)

    async def test_no_statement_of_the_issuers_takes_it_away(self, running: Central) -> None:
        """Rows, changes, a list and the card API state the ticket anew, each in its way."""
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        assert await is_blocked_after_all(running) == [True] * 4

    async def test_a_statement_that_forgets_it_is_noticed(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The mutation: what the issuer states is all there is."""
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        monkeypatch.setattr(issuing, "with_door", lambda _before, stated: stated)
        assert await is_blocked_after_all(running) == [False] * 4

    async def test_nobody_states_it_from_outside(self, running: Central) -> None:
        """A row or a change that has it is a mistake."""
        word = [{"act": "freed", "text": "x", "who": "x", "at_ms": 1}]
        for stated in (
            {"changes": [{"id": "q-1", "door": word}]},
            {"tickets": [{**ROWS["tickets"][0], "door": word}]},
        ):
            assert (await running.admin("POST", TICKETS, json=stated)).status_code == 422

    async def test_the_same_again_changes_nothing(self, running: Central) -> None:
        """No number of the feed is taken, and no row of the log; as freeing what is free."""
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        before = running.count(t.change), running.count(t.audit)
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        await running.admin("DELETE", f"{TICKETS}/q-3/block", **as_json(WHY))
        await running.admin("PUT", f"{TICKETS}/q-3/note", json={"note": "", "who": "Eva"})
        again = await running.admin("POST", TICKETS, json=ROWS)
        assert again.json()["unchanged"] == 4
        assert (running.count(t.change), running.count(t.audit) - 1) == before

    async def test_it_reaches_gates_with_its_codes(self, running: Central, maker: Maker) -> None:
        """The change names the codes as they are: none is taken for replaced."""
        await running.enrol(maker)
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        with reading(running.engine) as connection:
            epoch = connection.execute(select(t.stream.c.epoch)).scalar_one()
        page = (await running.get(maker, f"/changes?cursor={epoch}:0:")).json()
        change = [one for one in page["changes"] if one["ref"] == "q-1"][-1]
        assert change["body"]["door"][0]["act"] == "blocked"
        assert list(change["codes"].values()) == ["live"]

    async def test_an_admission_meanwhile_is_irregular(
        self, running: Central, maker: Maker
    ) -> None:
        """By a gate that had the block in its list, or could not have it; freed, it is over."""
        await running.enrol(maker)
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        at = body_of(running)["voids"][0]
        assert at["by_door"]
        late = partial(
            maker.make, Act.ADMISSION, "q-1", uses=1, persons=1, at_ms=at["at_ms"] + 60_000
        )
        await running.exchange(maker, ask([late(position=at["at"])], [maker.head()]))
        (found,) = (await running.admin("GET", "/events/show/irregular")).json()
        assert (found["kind"], found["is_open"]) == ("against_list", True)
        assert found["admissions"][0]["void"]["by_door"]
        await running.admin("DELETE", f"{ONE}/block", **as_json(WHY))
        assert body_of(running)["voids"][0]["until"]

    @pytest.mark.examples(4)
    @pytest.mark.parametrize(
        ("method", "path", "sent", "status"),
        [
            ("PUT", f"{TICKETS}/nobody/block", WHY, 404),
            ("PUT", f"{TICKETS}/nobody/note", {"note": "x", "who": "x"}, 404),
            ("PUT", "/events/none/tickets/q-1/block", WHY, 404),
            ("PUT", f"{ONE}/block", {"reason": "  ", "who": "Eva"}, 422),
            ("PUT", f"{ONE}/block", {"reason": "x", "who": " "}, 422),
            ("PUT", f"{ONE}/block", {"reason": "x"}, 422),
            ("PUT", f"{ONE}/block", {**WHY, "until": "x"}, 422),
            ("PUT", f"{ONE}/note", {"note": "x" * 501, "who": "Eva"}, 422),
            ("GET", f"{TICKETS}/nobody", None, 404),
            ("GET", TICKETS, None, 422),
            ("GET", "/events/none/tickets?find=x", None, 404),
            ("GET", "/events/show/journal?after=x", None, 422),
            ("GET", "/events/show/journal?from=yesterday", None, 422),
            ("GET", "/events/none/journal", None, 404),
            ("GET", "/events/none/audit", None, 404),
        ],
    )
    async def test_what_is_wrong_is_said(
        self, running: Central, method: str, path: str, sent: Any, status: int
    ) -> None:
        """Nobody, nothing, nowhere."""
        answer = await running.admin(method, path, json=sent)
        assert answer.status_code == status, answer.text
        assert answer.json()["reason"]

    async def test_nothing_is_said_of_whom_nobody_may_know(self, running: Central) -> None:
        """An erased ticket takes no more words, and has none; nor is it found."""
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        await find(running, "quill")
        await running.admin("POST", "/events/show/persons/erase", json={"who": "ticket:q-1"})
        assert "door" not in body_of(running)
        assert (await running.admin("PUT", f"{ONE}/block", json=WHY)).status_code == 409
        assert await find(running, "annabelle") == []
        with reading(running.engine) as connection:
            held = connection.execute(select(t.term.c.term).where(t.term.c.ticket == "q-1")).all()
        assert held == []
        assert [one["kind"] for one in (await told(running))["story"]][:1] == ["erased"]


def as_json(value: object) -> dict[str, Any]:
    """A body where the client has no word for one."""
    return {"content": json.dumps(value).encode()}


async def find(running: Central, typed: str) -> list[str]:
    answer = await running.admin("GET", TICKETS, params={"find": typed})
    assert answer.status_code == 200, answer.text
    assert answer.json()["unsearched"] == 0
    return [one["id"] for one in answer.json()["tickets"]]


class TestFinding:
    """By whatever a guest can say."""

    @pytest.mark.examples(5)
    @pytest.mark.parametrize(
        ("typed", "ids"),
        [
            ("Quill", ["q-1", "q/2"]), ("annab", ["q-1"]), ("quill ANNA", ["q-1"]),
            ("bjoern", ["q/2"]), ("zhang", ["q-3"]), ("张", ["q-3"]), ("r77", ["q-1"]),
            ("A12", ["q-1"]), ("a-12", ["q-1"]), (CODE, ["q-1"]), (CODE.lower(), ["q-1"]),
            ("q/2", ["q/2"]), ("nobody", []), ("%", []), ("_uill", []), ("' OR 1=1", []),
        ],
    )  # fmt: skip
    async def test_a_ticket_is_found(self, running: Central, typed: str, ids: list[str]) -> None:
        """The same words find the same as at a gate; a sign of the database's finds nothing."""
        assert await find(running, typed) == ids

    async def test_what_changed_is_found_by_what_it_is_now(self, running: Central) -> None:
        """And not by what it was."""
        assert await find(running, "annabelle") == ["q-1"]
        change = {"changes": [{"id": "q-1", "holder": "Zoe Zander"}]}
        await running.admin("POST", TICKETS, json=change)
        assert await find(running, "annabelle") == []
        assert await find(running, "zander zoe") == ["q-1"]

    async def test_more_than_one_reads_are_not_told(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of very many the first, and that there are more."""
        rows = [{"code": f"C{n:04}", "type": "A", "holder": f"Kim Lee {n}"} for n in range(120)]
        await running.admin("POST", TICKETS, json={"tickets": rows})
        answer = (await running.admin("GET", TICKETS, params={"find": "kim"})).json()
        assert (len(answer["tickets"]), answer["has_more"]) == (50, True)
        monkeypatch.setattr(ticket_search, "CANDIDATES", 10)
        answer = (await running.admin("GET", TICKETS, params={"find": "kim 7"})).json()
        assert answer["has_more"]

    async def test_a_long_list_is_read_in_pieces(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is not read yet is counted, and read by the next searches."""
        await find(running, "quill")
        monkeypatch.setattr(ticket_search, "AT_ONCE", 50)
        rows = [{"code": f"C{n:04}", "type": "A", "holder": f"Kim Lee {n}"} for n in range(120)]
        await running.admin("POST", TICKETS, json={"tickets": rows})
        left = [
            (await running.admin("GET", TICKETS, params={"find": "kim"})).json()["unsearched"]
            for _again in range(4)
        ]
        assert left == [70, 20, 0, 0]


class TestStory:
    """All that came of one ticket."""

    async def test_it_is_told_in_order(self, running: Central, maker: Maker) -> None:
        """Issued, changed, another code, noted, blocked, refused, freed, let in, cancelled."""
        await running.enrol(maker)
        await running.admin("POST", TICKETS, json={"changes": [{"id": "q-1", "zone": "B"}]})
        await running.admin("POST", TICKETS, json={"tickets": [
            {**ROWS["tickets"][0], "zone": "B", "code": "QUILLCODE2"}
        ]})  # fmt: skip
        await running.admin("PUT", f"{ONE}/note", json={"note": "a friend", "who": "Eva"})
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        await running.admin("DELETE", f"{ONE}/block", **as_json({"reason": "sorry", "who": "Max"}))
        at_ms = body_of(running)["door"][-1]["at_ms"]
        refused = maker.make(
            Act.REFUSAL, "q-1", at_ms=at_ms + 1000, hlc=(at_ms + 1000) << 16,
            outcome=Outcome.REFUSE, reason=Reason.BLOCKED_AT_DOOR, basis=Basis.CENTRAL,
            operator="Kim",
        )  # fmt: skip
        let_in = maker.make(
            Act.ADMISSION, "q-1", at_ms=at_ms + 2000, hlc=(at_ms + 2000) << 16, uses=1, persons=1,
            outcome=Outcome.ADMIT, reason=Reason.ADMITTED,
        )  # fmt: skip
        await running.exchange(maker, ask([refused, let_in], [maker.head()]))
        found = await told(running)
        assert [one["kind"] for one in found["story"]] == [
            "issued", "changed", "code_replaced", "noted", "blocked", "freed", "scanned", "scanned",
        ]  # fmt: skip
        assert found["has_all_statements"]
        assert (found["used"], found["inside"]) == (1, 1)
        assert found["story"][1]["changes"] == [{"name": "zone", "before": None, "after": "B"}]
        assert "banned since the fight" in found["story"][4]["sentence"]
        assert "North Blocked at the door" in found["story"][6]["sentence"]
        assert found["story"][6]["entry"]["basis"] == "central"
        assert found["ticket"]["door_note"]["text"] == "a friend"
        assert found["ticket"]["note"] == "aisle"

    async def test_what_is_not_known_is_said(self, running: Central) -> None:
        """Once somebody was erased, the others' stories begin later too."""
        assert (await told(running))["has_all_statements"]
        await running.admin("POST", "/events/show/persons/erase", json={"who": "ticket:q-3"})
        assert not (await told(running))["has_all_statements"]

    async def test_an_id_may_have_a_stroke(self, running: Central) -> None:
        """As the issuer gives it, quoted in the path."""
        await running.admin("PUT", f"{TICKETS}/q%2F2/block", json=WHY)
        assert (await told(running, f"{TICKETS}/q%2F2"))["ticket"]["block"]["who"] == "Eva"


class TestJournal:
    """What devices did, and what people did at the server."""

    async def test_it_is_filtered_and_paged(
        self, running: Central, maker: Maker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By each of its fields; pages are joined by number, and short ones say so."""
        await running.enrol(maker)
        south = Maker("1" * 16)
        await running.enrol(south, "South")
        made = [
            maker.make(Act.ADMISSION, "q-1", operator="Kim", outcome=Outcome.ADMIT),
            maker.make(Act.REFUSAL, "", operator='Ki"m', outcome=Outcome.REFUSE,
                       reason=Reason.UNKNOWN, code="ab" * 32),
            maker.make(Act.ADMISSION, "q-3", operator="Kim", at_ms=NOW_MS + 86_400_000),
        ]  # fmt: skip
        await running.exchange(maker, ask(made, [maker.head()]))
        other = south.make(Act.REFUSAL, "q-1", reason=Reason.ALREADY_USED, outcome=Outcome.REFUSE)
        await running.exchange(south, ask([other], [south.head()]))

        async def names(**query: str) -> list[str]:
            found: list[str] = []
            after, more = "0", True
            while more:
                params = {**query, "after": after}
                page = (await running.admin("GET", "/events/show/journal", params=params)).json()
                found += [f"{one['device_name']} {one['act']} {one.get('ticket', '')}".strip()
                          for one in page["entries"]]  # fmt: skip
                after, more = str(page["after"]), page["more"]
            return found

        every = ["North admission q-1", "North refusal", "North admission q-3", "South refusal q-1"]
        for page, looked_at, window in ((200, 2000, 50_000), (1, 2, 3), (2, 1, 1)):
            monkeypatch.setattr(stories, "PAGE", page)
            monkeypatch.setattr(stories, "LOOKED_AT", looked_at)
            monkeypatch.setattr(stories, "WINDOW", window)
            assert await names() == every
            assert await names(device=south.device) == every[3:]
            assert await names(ticket="q-1") == [every[0], every[3]]
            assert await names(outcome="refuse") == [every[1], every[3]]
            assert await names(reason="unknown") == every[1:2]
            assert await names(operator='Ki"m') == every[1:2]
            assert await names(operator="K%") == []
            assert await names(ticket="q-1", outcome="refuse") == every[3:]
            assert await names(**{"from": str(NOW_MS // 1000 + 3600)}) == every[2:3]
            assert await names(to=str(NOW_MS // 1000 + 3600)) == [*every[:2], every[3]]

    async def test_no_code_is_in_it(self, running: Central, maker: Maker) -> None:
        """Only so much of a keyed hash that two of one code are seen to be the same."""
        await running.enrol(maker)
        unknown = maker.make(Act.REFUSAL, "", reason=Reason.UNKNOWN, code="0123456789abcdef" * 4)
        await running.exchange(maker, ask([unknown], [maker.head()]))
        page = await running.admin("GET", "/events/show/journal")
        assert page.json()["entries"][0]["code"] == "01234567"
        assert "0123456789" not in page.text

    async def test_the_log_is_read_by_event(
        self, running: Central, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In order and in pages; the reason stays with the ticket, for it may name people."""
        await running.admin("PUT", f"{ONE}/block", json=WHY)
        await running.admin("DELETE", f"{ONE}/block", **as_json(WHY))
        monkeypatch.setattr("sync.server.admin.journal.AUDIT_PAGE", 1)
        acts, after, more = [], 0, True
        while more:
            page = (await running.admin("GET", f"/events/show/audit?after={after}")).json()
            acts += [(one["act"], one["about"]) for one in page["rows"]]
            after, more = page["after"], page["more"]
        assert acts[-2:] == [("block", "q-1"), ("free", "q-1")]
        assert WHY["reason"] not in str(acts)

    @pytest.mark.examples(3)
    @pytest.mark.parametrize(
        ("right", "method", "path"),
        [
            (Right.NAMES, "GET", f"/v1{TICKETS}?find=quill"),
            (Right.NAMES, "GET", f"/v1{ONE}"),
            (Right.NAMES, "GET", "/v1/events/show/journal"),
            (Right.ADMINISTER, "GET", "/v1/events/show/audit"),
            (Right.TICKETS, "PUT", f"/v1{ONE}/block"),
            (Right.TICKETS, "DELETE", f"/v1{ONE}/block"),
            (Right.TICKETS, "PUT", f"/v1{ONE}/note"),
        ],
    )
    async def test_each_wants_its_right(
        self, running: Central, right: Right, method: str, path: str
    ) -> None:
        """No other right opens it, nor another event's token, nor none."""
        others = await token(running, *(set(Right) - {right}))
        assert (await by(running, others, method, path)).status_code == 403
        assert (await running.http.request(method, path)).status_code == 401
        mine = await token(running, right)
        assert (await by(running, mine, method, path)).status_code in (200, 400)


def answered(engine: Engine) -> tuple[Any, ...]:
    """What a database has to say of the same tickets and entries."""

    def do(job: Any) -> Any:
        return in_transaction(engine, job)

    word = DoorWord(DoorAct.BLOCKED, "banned", "Eva", NOW_MS)
    bodies = [
        Maker(f"{n}" * 16).make(Act.REFUSAL, "q-1", operator=who, outcome=Outcome.REFUSE)
        for n, who in enumerate(["Kim", "K_m", "李"])
    ]
    rows = [
        {"event": "show", "number": n, "origin": f"{n - 1}" * 16 + ".aa", "seq": 1,
         "hash": str(n), "act": "refusal", "ticket": "q-1", "body": body.decode()}
        for n, body in enumerate(bodies, 1)
    ]  # fmt: skip
    do(lambda c: events.create_event(c, "show", "Show", "UTC", NOW_MS))
    do(lambda c: issuing.issue(c, "show", issuing.Issue(ROWS["types"], ROWS["tickets"])))
    do(lambda c: c.execute(insert(t.entry), rows))
    do(lambda c: c.execute(update(t.stream).values(entries=3)))
    changed = [do(lambda c: door.put_word(c, "show", "q/2", word)) for _again in range(2)]
    while do(lambda c: ticket_search.read_on(c, "show", 2)):
        pass
    with pytest.raises(Denied):
        do(lambda c: door.put_word(c, "show", "nobody", word))
    found = [
        [one.id for one in do(lambda c, typed=typed: ticket_search.find(c, "show", typed))[0]]
        for typed in ("quill", "bjorn q", "张伟", "zhang wei", "A 12", "R7", CODE, "q-1", "%")
    ]
    ticket, told = do(lambda c: stories.story_of(c, "show", "q/2"))
    pages = [
        [n for n, _entry in do(lambda c, wanted=wanted: stories.journal(c, "show", wanted, 0))[0]]
        for wanted in (
            stories.Wanted(), stories.Wanted(operator="K_m"), stories.Wanted(operator="李"),
            stories.Wanted(device="2" * 16), stories.Wanted(outcome="admit"),
        )
    ]  # fmt: skip
    kinds = sorted(one.kind.value for one in told.chapters)
    return changed, found, pages, kinds, told.has_all_statements, ticket.block == word


@pytest.mark.postgres
def test_each_database_answers_alike(tmp_path: Path) -> None:
    """Words, search, story and journal, on SQLite and on PostgreSQL."""
    needs(postgres.can_run(), "PostgreSQL (apt install postgresql)")
    with postgres.postgres() as url:
        for engine in (open_database(f"sqlite:///{tmp_path}/central.db"), open_database(url)):
            changed, found, pages, *others = answered(engine)
            engine.dispose()
            assert changed == [True, False]
            assert found == [
                ["q-1", "q/2"], ["q/2"], ["q-3"], ["q-3"], ["q-1"], ["q-1", "q/2"],
                ["q-1"], ["q-1"], [],
            ]  # fmt: skip
            assert pages == [[1, 2, 3], [2], [3], [3], []]
            assert others == [["blocked", "issued"], True, True]


def steps(tmp_path: Path, tickets: int) -> int:
    """How much SQLite does for searches among so many tickets that are alike, in its own steps."""
    engine = open_database(f"sqlite:///{tmp_path}/{tickets}.db")
    terms = [
        {"event": "show", "term": term, "ticket": f"t{n}"}
        for n in range(tickets)
        for term in ("ann", "smith", f"ann{n}", f"smith{n}")
    ]
    in_transaction(engine, lambda c: events.create_event(c, "show", "Show", "UTC", NOW_MS))
    in_transaction(engine, lambda c: c.execute(insert(t.term), terms))
    counted = [0]

    def count() -> None:
        counted[0] += 1

    with reading(engine) as connection:
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(count, 50)
        for typed in ("ann", "nobody", "ann smith", "smith nobody", "müller ann"):
            ticket_search.find(connection, "show", typed)
        raw.set_progress_handler(None, 0)
    engine.dispose()
    return counted[0]


def test_a_search_costs_no_more_among_more_tickets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many share a name."""
    monkeypatch.setattr(ticket_search, "CANDIDATES", 100)
    assert steps(tmp_path, 4000) < 1.5 * steps(tmp_path, 1000)


@pytest.mark.long
def test_a_search_without_a_bound_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: all who share a name are looked at."""
    monkeypatch.setattr(ticket_search, "CANDIDATES", 1_000_000)
    assert steps(tmp_path, 4000) > 1.5 * steps(tmp_path, 1000)


async def test_a_ticket_that_nobody_has_stated_yet(running: Central, maker: Maker) -> None:
    """Found by its id, blocked, and shown; when its issuer states it the block goes on to hold."""
    await running.enrol(maker)
    said = Signed("s-1", "A", "show", seats=("B-7",), uses=1, party=1, by_type=("uses", "party"))
    other = Signed("s-2", "GONE", "show")
    bodies = [maker.make(ticket=one.ticket, uses=1, persons=1, signed=one) for one in (said, other)]
    await running.exchange(maker, ask(bodies, [maker.head()]))
    one = f"{TICKETS}/s-1"
    assert (await told(running, one))["ticket"]["seats"] == ["B-7"]
    found = await running.admin("GET", f"{TICKETS}?find=s-1")
    assert [line["id"] for line in found.json()["tickets"]] == ["s-1"]
    assert (await running.admin("DELETE", f"{one}/block", **as_json(WHY))).status_code == 200
    assert (await running.admin("PUT", f"{one}/block", json=WHY)).status_code == 200
    kept = body_of(running, "s-1")
    assert (kept["seats"], kept["type_id"], kept["signed"]["ticket"]) == (["B-7"], "A", "s-1")
    assert "uses" not in kept
    for path in ("s-2", "s-3"):
        answer = await running.admin("PUT", f"{TICKETS}/{path}/block", json=WHY)
        assert answer.status_code == 404, path
    stated = {"tickets": [{"code": "SOLD1", "type": "A", "id": "s-1", "seats": "B-7"}]}
    assert (await running.admin("POST", TICKETS, json=stated)).status_code == 200
    kept = body_of(running, "s-1")
    assert "signed" not in kept
    assert [word["act"] for word in kept["door"]] == ["blocked"]
    assert (await told(running, one))["ticket"]["block"]["text"] == WHY["reason"]
