"""What is asked of a pretix and told to it, by a made-up one that answers as the real one does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome, Reason
from gate.errors import UsageError
from sync.upstream.links import Link
from sync.upstream.pretix import pairing
from sync.upstream.pretix.client import PAGE, PretixClient
from sync.upstream.pretix.pretix import Pretix
from sync.upstream.pretix.pull import INCLUDE, Target
from sync.upstream.seam import Answer, AwayError, Due, Page, StoppedError, Told

EPOCH = datetime(2026, 11, 29, tzinfo=UTC)
GENERATED = "2026-11-29T12:00:00+00:00"


class FakePretix(httpx.AsyncBaseTransport):
    """Orders by their moment, a page at a time; what was asked is kept."""

    def __init__(self, seconds: list[int]) -> None:
        self.orders: list[dict[str, Any]] = [
            {"code": f"O{n}", "status": "p", "datetime": (EPOCH + timedelta(seconds=s)).isoformat(),
             "positions": [{"id": n, "item": 2, "secret": f"s{n}"}]}
            for n, s in enumerate(seconds)
        ]  # fmt: skip
        self.list: dict[str, Any] = {"id": 2, "name": "Main"}
        self.questions: list[dict[str, Any]] = []
        self.media: list[dict[str, Any]] = []
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, httpx.Response] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path.rstrip("/").rpartition("/")[2]
        if path in self.answers:
            return self.answers[path]
        if path == "gala":
            return httpx.Response(200, json={"slug": "gala", "timezone": "UTC"})
        if path == "orders":
            return self._orders(request.url.params)
        rows = {
            "items": [{"id": 2, "name": "Day"}],
            "checkinlists": [self.list],
            "questions": self.questions,
            "reusablemedia": self.media,
        }.get(path, [])
        return httpx.Response(200, json={"count": len(rows), "next": None, "results": rows})

    def _orders(self, query: httpx.QueryParams) -> httpx.Response:
        since = datetime.fromisoformat(query.get("created_since", EPOCH.isoformat()))
        found = [
            one for one in self.orders if datetime.fromisoformat(str(one["datetime"])) >= since
        ]
        if "modified_since" in query:
            found = []
        first = (int(query["page"]) - 1) * PAGE
        rest = len(found) > first + PAGE
        body = {"count": len(found), "next": "more" if rest else None,
                "results": found[first : first + PAGE]}  # fmt: skip
        return httpx.Response(200, json=body, headers={"X-Page-Generated": GENERATED})

    def queries(self) -> list[httpx.QueryParams]:
        """How orders were asked for."""
        return [one.url.params for one in self.asked if one.url.path.endswith("/orders/")]


def link(**more: Any) -> Link:
    """An event that lives there."""
    target = msgspec.to_builtins(Target("gala", 2))
    stands = {"device": "1", "token": "t", "target": target} | more
    return Link("gala.2", "pretix", "https://pretix", "demo", **stands)


async def pages(fake: FakePretix, **more: Any) -> list[Page]:
    """All pages until there is no more for now."""
    upstream, at = Pretix(PretixClient(fake)), link(**more)
    found: list[Page] = []
    while not found or not found[-1].again_s:
        page = await upstream.pull(at, is_busy=True, ours=frozenset(), again=frozenset())
        found.append(page)
        at = link(**more | {"cursor": page.cursor, "total": page.total,
                            "is_complete": at.is_complete or page.is_complete})  # fmt: skip
    await upstream.close()
    return found


@pytest.mark.parametrize(
    "seconds",
    [[], list(range(3)), list(range(PAGE)), list(range(2 * PAGE + 7)), [5] * (3 * PAGE + 1),
     [*range(10), *[20] * (2 * PAGE), *range(30, 40)]],
    ids=["none", "few", "a page", "pages", "all of one moment", "many of one moment"],
)  # fmt: skip
async def test_the_full_pull_has_every_order(seconds: list[int]) -> None:
    """Whatever moments they are of; and the last page alone says that it is complete."""
    fake = FakePretix(seconds)
    found = await pages(fake)
    ids = {row["id"] for page in found for row in page.issue.tickets}
    assert ids == {f"p{n}" for n in range(len(seconds))}
    full = [page for page in found if page.total or page.is_complete]
    assert [page.is_complete for page in full] == [False] * (len(full) - 1) + [True]
    assert found[-1].cursor["since"] == GENERATED


async def test_a_pull_goes_on_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """After a restart the next page is asked for from the last order that was stored."""
    fake = FakePretix(list(range(2 * PAGE)))
    upstream = Pretix(PretixClient(fake))
    first = await upstream.pull(link(), is_busy=True, ours=frozenset(), again=frozenset())
    await upstream.close()
    again = Pretix(PretixClient(fake))
    await again.pull(link(cursor=first.cursor), is_busy=True, ours=frozenset(), again=frozenset())
    await again.close()
    assert fake.queries()[-1]["created_since"] == fake.orders[PAGE - 1]["datetime"]
    assert "s0" not in caplog.text


async def test_only_what_is_needed_is_asked_for() -> None:
    """No e-mail, no address, no payment; positions that were cancelled too, test orders not."""
    fake = FakePretix([0])
    await pages(fake)
    query = fake.queries()[0]
    assert query.get_list("include") == INCLUDE
    assert not any(word in " ".join(INCLUDE) for word in ("email", "address", "payment", "phone"))
    assert (query["testmode"], query["include_canceled_positions"]) == ("false", "true")


async def test_the_invoices_name_is_asked_for_only_where_it_is_wanted() -> None:
    """Of the address nothing else."""
    fake = FakePretix([0])
    target = msgspec.to_builtins(Target("gala", 2, invoice_names=True))
    await pages(fake, target=target)
    assert fake.queries()[0].get_list("include") == [*INCLUDE, "invoice_address.name"]


async def test_tickets_whose_wristband_moved_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As soon as the catalogue is read anew, whatever became of their orders."""
    monkeypatch.setattr("sync.upstream.pretix.pull.CATALOGUE_MS", -1)
    fake = FakePretix([0, 1])
    fake.media = [{"id": 1, "identifier": "BAND", "linked_orderpositions": [0]}]
    upstream = Pretix(PretixClient(fake))
    cursor = {"is_running": False, "since": GENERATED, "compared_ms": 10**15}
    at = link(cursor=cursor, is_complete=True)
    first = await upstream.pull(at, is_busy=True, ours=frozenset(), again=frozenset())
    fake.media = [{"id": 1, "identifier": "BAND", "linked_orderpositions": [1, 0]}]
    second = await upstream.pull(at, is_busy=True, ours=frozenset(), again=frozenset())
    assert (first.marks, second.marks) == ({"p0": "1"}, {"p0": "1+", "p1": "1+"})
    assert first.compares_marks
    assert second.compares_marks
    third = await upstream.pull(at, is_busy=True, ours=frozenset(), again=frozenset({"O0"}))
    await upstream.close()
    assert (fake.queries()[-1]["code"], third.cursor["since"]) == ("O0", GENERATED)
    assert [row["shared_codes"] for row in third.issue.tickets] == [["BAND"], ["BAND"]]


async def test_changes_are_asked_for_from_a_minute_before() -> None:
    """What commits after a page was made is dated before it."""
    fake = FakePretix([0])
    cursor = {"is_running": False, "since": GENERATED, "compared_ms": 10**15}
    (page,) = await pages(fake, cursor=cursor, is_complete=True)
    assert fake.queries()[-1]["modified_since"] == "2026-11-29T11:59:00+00:00"
    assert page.cursor["since"] == GENERATED
    assert page.again_s > 0


async def test_a_night_later_all_is_compared() -> None:
    """Each page is of the next run, and the last one ends it."""
    fake = FakePretix(list(range(PAGE + 1)))
    cursor = {"is_running": False, "since": GENERATED, "compared_ms": 1, "changes_ms": 10**15}
    upstream = Pretix(PretixClient(fake))
    first = await upstream.pull(
        link(cursor=cursor, is_complete=True), is_busy=True, ours=frozenset(), again=frozenset()
    )
    last = await upstream.pull(
        link(cursor=first.cursor, is_complete=True),
        is_busy=True,
        ours=frozenset(),
        again=frozenset(),
    )
    await upstream.close()
    assert [(one.run, one.ends_run) for one in (first, last)] == [(2, False), (2, True)]


async def test_the_comparison_comes_though_changes_are_always_due() -> None:
    """Changes are asked for first, and then it begins: nothing puts it off for ever."""
    fake = FakePretix(list(range(PAGE + 1)))
    cursor = {"is_running": False, "since": GENERATED, "compared_ms": 1, "changes_ms": 1}
    found = await pages(fake, cursor=cursor, is_complete=True)
    assert [(one.run, one.ends_run) for one in found] == [
        (0, False),
        (2, False),
        (2, True),
        (0, False),
    ]


@pytest.mark.parametrize(
    ("status", "trouble", "again_s"),
    [(401, StoppedError, 0), (403, StoppedError, 0), (404, StoppedError, 0), (429, AwayError, 7),
     (500, AwayError, 0), (503, AwayError, 7)],
)  # fmt: skip
async def test_what_its_answers_mean(status: int, trouble: type[Exception], again_s: float) -> None:
    """Shut out is for a person; away is tried again, when it says."""
    fake = FakePretix([0])
    headers = {"Retry-After": "7"} if again_s else {}
    fake.answers["orders"] = httpx.Response(status, headers=headers, json={"detail": "no"})
    with pytest.raises(trouble) as caught:
        await pages(fake)
    assert getattr(caught.value, "again_s", 0) == again_s


async def test_a_list_states_its_rule() -> None:
    """With what the rule may ask about each type."""
    fake = FakePretix([0])
    fake.list["rules"] = {"<": [{"var": "entries_number"}, 3]}
    (page, *_more) = await pages(fake)
    assert page.rules["rule"] == '{"<":[{"var":"entries_number"},3]}'
    assert page.issue.types[0]["product"] == "2"


ASKED = {"id": 4, "type": "S", "question": "Plate?", "items": [2], "ask_during_checkin": True}


async def test_questions_of_the_door_are_stated_and_answers_asked_for() -> None:
    """Only where there is one; and its answers are in the tickets."""
    fake = FakePretix([0])
    (page, *_more) = await pages(fake)
    assert page.rules["questions"] is None
    fake.questions = [ASKED]
    fake.orders[0]["positions"][0]["answers"] = [{"question": 4, "answer": "B-XY 1"}]
    (page, *_more) = await pages(fake)
    assert "Plate?" in page.rules["questions"]
    assert page.issue.tickets[0]["answers"] == {"4": "B-XY 1"}
    assert fake.queries()[-1].get_list("include") == [*INCLUDE, "positions.answers"]


async def test_a_question_that_is_new_at_the_door_has_all_orders_read_again() -> None:
    """What was answered to it before is in orders that did not change since."""
    fake = FakePretix([0])
    fake.questions = [ASKED]
    cursor = {"is_running": False, "since": GENERATED, "compared_ms": 10**15, "run": 3}
    found = await pages(fake, cursor=cursor, is_complete=True)
    assert found[0].cursor["run"] == 4
    again = await pages(fake, cursor=found[-1].cursor, is_complete=True)
    assert again[-1].cursor["run"] == 4


async def test_a_list_that_is_gone_is_for_a_person() -> None:
    """It is named; nothing is asked of it any more."""
    fake = FakePretix([0])
    fake.list["id"] = 3
    with pytest.raises(StoppedError, match="no check-in list 2"):
        await pages(fake)


@pytest.mark.parametrize(
    ("medium", "codes"),
    [
        ({"active": True, "linked_orderpositions": [0]}, ["BAND-1"]),
        ({"active": False, "linked_orderpositions": [0]}, []),
        ({"active": True, "linked_orderpositions": [0, 1]}, []),
        ({"active": True, "linked_orderpositions": []}, []),
    ],
)
async def test_a_wristband_opens_for_its_one_ticket(
    medium: dict[str, Any], codes: list[str]
) -> None:
    """While it is in use, and where nobody has to choose."""
    fake = FakePretix([0])
    rows = [{"id": 1, "identifier": "BAND-1"} | medium]
    body = {"count": 1, "next": None, "results": rows}
    fake.answers["reusablemedia"] = httpx.Response(200, json=body)
    (page, *_more) = await pages(fake)
    assert page.issue.tickets[0]["other_codes"] == codes


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "no code"), ("{}", "no code"),
     ('{"handshake_version": 2, "url": "https://p", "token": "t"}', "newer"),
     ('{"handshake_version": 1, "url": "ftp://p", "token": "t"}', "no address")],
)  # fmt: skip
def test_codes_that_are_no_invitation(text: str, complaint: str) -> None:
    """Each with what is wrong."""
    with pytest.raises(UsageError, match=complaint):
        pairing.read_invitation(text)
    good = pairing.read_invitation('{"handshake_version":1,"url":"https://p/","token":"t"}\n')
    assert good.url == "https://p"


def entry(act: Act, **more: Any) -> Entry:
    """An entry of gate aa."""
    return Entry("aa.b", 3, "", act, at_ms=1, boot_ms=0, hlc=0, ticket="p7", **more)


@pytest.mark.parametrize(
    ("due", "path", "body"),
    [
        (Due(entry(Act.ADMISSION, persons=1)), "positions/7/redeem",
         {"type": "entry", "nonce": "aa.b:3", "force": True}),
        (Due(entry(Act.EXIT)), "positions/7/redeem", {"type": "exit"}),
        (Due(entry(Act.ADMISSION, persons=1), answers={"4": "B-XY 1", "meal": "soup"}),
         "positions/7/redeem", {"answers": {"4": "B-XY 1"}}),
        (Due(entry(Act.ANNULMENT, target="aa.b:1", note="wrong")), "checkinrpc/annul",
         {"nonce": "aa.b:1", "lists": [2], "error_explanation": "wrong"}),
        (Due(entry(Act.ADMISSION), was_undone=True), "failed_checkins",
         {"error_reason": "annulled", "position": 7}),
        (Due(entry(Act.REFUSAL, outcome=Outcome.REFUSE, reason=Reason.WRONG_TYPE)),
         "failed_checkins", {"error_reason": "product"}),
        (Due(entry(Act.REFUSAL, outcome=Outcome.REFUSE, reason=Reason.UNSEEN)),
         "failed_checkins", {"error_reason": "error"}),
    ],
)  # fmt: skip
async def test_how_an_entry_is_told(due: Due, path: str, body: dict[str, Any]) -> None:
    """By position and by its own name; in pretix's words, and never in one that it has not."""
    fake = FakePretix([])
    fake.answers |= {one: httpx.Response(201, json={}) for one in
                     ("redeem", "annul", "failed_checkins")}  # fmt: skip
    upstream = Pretix(PretixClient(fake))
    assert await upstream.push(link(), due) == Told()
    await upstream.close()
    (asked,) = fake.asked
    assert path in asked.url.path
    assert body.items() <= msgspec.json.decode(asked.content).items()


async def test_an_answer_that_pretix_refuses_is_shown() -> None:
    """It takes the entry all the same, and says which answers it has."""
    fake = FakePretix([])
    said = {"status": "ok", "position": {"answers": [{"question": 4, "answer": "x"}]}}
    fake.answers["redeem"] = httpx.Response(201, json=said)
    upstream = Pretix(PretixClient(fake))
    due = Due(entry(Act.ADMISSION, persons=2), answers={"4": "x", "5": "99"})
    told = await upstream.push(link(), due)
    assert (told.answer, "question 5" in told.why) == (Answer.TAKEN, True)
    bodies = [msgspec.json.decode(one.content) for one in fake.asked]
    assert [one.get("answers") for one in bodies] == [{"4": "x", "5": "99"}, None]
    await upstream.close()


async def test_a_party_is_as_many_entries() -> None:
    """Each person under a name of its own."""
    fake = FakePretix([])
    fake.answers["redeem"] = httpx.Response(201, json={})
    upstream = Pretix(PretixClient(fake))
    await upstream.push(link(), Due(entry(Act.ADMISSION, persons=3)))
    await upstream.close()
    nonces = [msgspec.json.decode(one.content)["nonce"] for one in fake.asked]
    assert nonces == ["aa.b:3", "aa.b:3#2", "aa.b:3#3"]


@pytest.mark.parametrize(
    ("act", "status", "said", "answer"),
    [
        (Act.ADMISSION, 404, {"reason": "invalid"}, Answer.FAILED),
        (Act.ADMISSION, 400, {"reason": "odd"}, Answer.FAILED),
        (Act.ANNULMENT, 400, ["Cannot annul an unsuccessful checkin"], Answer.TAKEN),
        (Act.ANNULMENT, 400, {"x": ["Annulment is not allowed more than 15 minutes"]},
         Answer.FAILED),
        (Act.ANNULMENT, 404, {"detail": "none"}, Answer.FAILED),
    ],
)  # fmt: skip
async def test_what_is_not_taken(act: Act, status: int, said: Any, answer: Answer) -> None:
    """It is told once, with why; what is so already is as good as taken."""
    fake = FakePretix([])
    for one in ("redeem", "annul"):
        fake.answers[one] = httpx.Response(status, json=said)
    upstream = Pretix(PretixClient(fake))
    told = await upstream.push(link(), Due(entry(act, target="aa.b:1")))
    await upstream.close()
    assert told.answer is answer
    assert bool(told.why) == (answer is Answer.FAILED)
