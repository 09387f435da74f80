"""Thousands of rules and histories, and pretix's own evaluation of them: no difference."""

import json
import os
import random
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate.core import formula
from gate.core.entry import Act, Entry
from gate.core.formula_syntax import parse
from gate.core.history import fold, with_times
from gate.core.organisers_rule import judge, unreadable_in
from gate.core.place import Direction, HouseRules, Place
from gate.core.ticket import Kind, Ticket, TicketType
from gate.core.verdict import Context
from tests.support.pretix import python

PYTHON = python()
pytestmark = [
    pytest.mark.system,
    pytest.mark.pretix,
    pytest.mark.long,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(PYTHON is None, reason="no pretix: tests/system/pretix/make_venv.sh"),
]

HISTORIES = int(os.environ.get("GATE_TEST_RULES", "60"))
RULES_EACH = 60
SEED = int(os.environ.get("GATE_TEST_SEED", "19"))
ZONES = ("Europe/Berlin", "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu", "UTC")
DAYS = (
    datetime(2026, 3, 29, tzinfo=UTC),  # clocks are put forward in Berlin
    datetime(2026, 10, 25, tzinfo=UTC),  # and back
    datetime(2026, 4, 4, 12, tzinfo=UTC),  # back in Auckland
    datetime(2026, 11, 28, tzinfo=UTC),
)
COMPARED = ("<", "<=", ">", ">=", "==", "!=")

Json = Any


class Maker:
    """Makes cases by chance: each is a ticket's past, and rules with moments to ask them at."""

    def __init__(self, seed: int) -> None:
        self._by = random.Random(seed)

    def case(self, number: int) -> dict[str, Json]:
        by = self._by
        day = by.choice(DAYS)
        begins = day + timedelta(minutes=by.randrange(-2880, 2880))
        case: dict[str, Json] = {
            "zone": by.choice(ZONES),
            "begins": begins.isoformat(),
            "ends": by.choice([None, (begins + timedelta(hours=5)).isoformat()]),
            "admission": by.choice([None, (begins - timedelta(hours=1)).isoformat()]),
            "product": 10_000 + number,
            "variation": by.choice([None, 20_000 + number]),
            "gate": by.choice([0, 30_000 + number]),
            "checkins": sorted(
                (self._checkin(day) for _ in range(by.randrange(9))), key=lambda one: one["at"]
            ),
        }
        case["asked"] = [
            {"at": self._moment(day), "rule": self._rule(case, 3)} for _ in range(RULES_EACH)
        ]
        return case

    def _moment(self, day: datetime) -> str:
        ms = self._by.randrange(0, 36 * 3_600_000)
        return (day + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")

    def _checkin(self, day: datetime) -> dict[str, Json]:
        by = self._by
        return {
            "type": by.choice(["entry", "entry", "exit"]),
            "at": self._moment(day - timedelta(days=by.randrange(4))),
            "stands": by.random() < 0.8,
            "is_others": by.random() < 0.1,
            "is_elsewhere": by.random() < 0.1,
        }

    def _rule(self, case: dict[str, Json], depth: int) -> Json:
        by = self._by
        if depth and by.random() < (0.8 if depth == 3 else 0.4):
            word, most = by.choice(["and", "or"]), 4
            return {word: [self._rule(case, depth - 1) for _ in range(by.randrange(most))]}
        makes = (self._counts, self._time, self._is_in, self._status, self._equal, self._between)
        return by.choice(makes)(case)

    def _number(self) -> Json:
        variable = self._by.choice(
            ["entries_number", "entries_today", "entries_days", "now_isoweekday",
             "minutes_since_first_entry", "minutes_since_last_entry"]
        )  # fmt: skip
        if self._by.random() < 0.6:
            return {"var": variable}
        return {self._by.choice([*formula.COUNTS]): [self._time_of()]}

    def _counts(self, _case: dict[str, Json]) -> Json:
        by = self._by
        bound: Json = by.choice([-1, 0, 1, 2, 3, by.randrange(4000), "2", 1.5, None])
        return {by.choice(COMPARED): [self._number(), bound]}

    def _between(self, _case: dict[str, Json]) -> Json:
        by = self._by
        return {by.choice(["<", "<="]): [by.randrange(3), self._number(), by.randrange(5)]}

    def _time(self, _case: dict[str, Json]) -> Json:
        by = self._by
        tolerance: list[Json] = by.choice([[], [None], [0], [15], [-15], ["30"], [0.5], [90]])
        sides = [{"var": "now"}, self._time_of()]
        if by.random() < 0.1:
            sides.reverse()
        return {by.choice(["isBefore", "isAfter"]): [*sides, *tolerance]}

    def _time_of(self) -> Json:
        by = self._by
        clock = f"{by.randrange(24):02}:{by.choice([0, 29, 30, 59]):02}:00"
        custom = self._moment(by.choice(DAYS)).replace("+00:00", by.choice(["Z", "+02:00"]))
        stated = by.choice(
            [["date_from"], ["date_to"], ["date_admission"], ["customtime", clock],
             ["customtime", clock[:5]], ["custom", custom]]
        )  # fmt: skip
        return {"buildTime": stated}

    def _is_in(self, case: dict[str, Json]) -> Json:
        by = self._by
        name = by.choice(["product", "variation", "gate"])
        ids = [str(case[name] or 9) if by.random() < 0.4 else "77" for _ in range(by.randrange(3))]
        return {
            "inList": [
                {"var": name},
                {"objectList": [{"lookup": [name, one, "A name"]} for one in ids]},
            ]
        }

    def _status(self, _case: dict[str, Json]) -> Json:
        word = self._by.choice(["==", "!="])
        return {word: [{"var": "entry_status"}, self._by.choice(["present", "absent"])]}

    def _equal(self, case: dict[str, Json]) -> Json:
        by = self._by
        name = by.choice(["product", "variation"])
        return {by.choice(["==", "!="]): [{"var": name}, by.choice([case[name], str(case[name])])]}


def facts_of(case: dict[str, Json]) -> list[Entry]:
    """The case's check-ins as entries of a journal; what does not stand was undone."""
    found: list[Entry] = []
    for seq, one in enumerate(case["checkins"], 1):
        if one["is_others"] or one["is_elsewhere"]:
            continue
        at_ms = ms_of(one["at"])
        act = Act.ADMISSION if one["type"] == "entry" else Act.EXIT
        found.append(entry(seq, act, at_ms))
        if not one["stands"]:
            found.append(entry(1000 + seq, Act.ANNULMENT, at_ms + 1, target=f"a.i:{seq}"))
    return found


def entry(seq: int, act: Act, at_ms: int, *, target: str = "") -> Entry:
    return Entry(
        origin="a.i", seq=seq, prev="", act=act, at_ms=at_ms, boot_ms=at_ms,
        hlc=(at_ms << 16) + seq, ticket="t", target=target, persons=int(not target),
        uses=int(act is Act.ADMISSION),
    )  # fmt: skip


def ms_of(stated: str) -> int:
    return round(datetime.fromisoformat(stated).timestamp() * 1000)


def seconds(stated: str | None) -> int | None:
    return None if stated is None else ms_of(stated) // 1000


def ours(case: dict[str, Json]) -> list[bool]:
    """What we say of each of a case's rules; of what is not met there has to be a term."""
    kind = TicketType(
        "T", Kind.MEETING, time_zone=case["zone"], product=str(case["product"]),
        variation=str(case["variation"] or ""), occasion_from=seconds(case["begins"]),
        occasion_to=seconds(case["ends"]), occasion_admission=seconds(case["admission"]),
    )  # fmt: skip
    facts = facts_of(case)
    history = with_times(fold(facts), facts)
    place = Place("North", rule_gate=str(case["gate"])) if case["gate"] else Place()
    said = []
    for asked in case["asked"]:
        rules = HouseRules(rule=json.dumps(asked["rule"]))
        context = Context(ms_of(asked["at"]), "a", Direction.IN, place, rules)
        assert not unreadable_in(Ticket("t", kind), context), asked
        said.append(judge(Ticket("t", kind), history, context).is_met)
    return said


def theirs(cases: list[dict[str, Json]], folder: Path) -> list[list[bool | None]]:
    """What pretix says of them, in its own process."""
    asked = folder / "cases.json"
    asked.write_text(json.dumps(cases))
    script = Path(__file__).with_name("evaluate.py")
    with asked.open() as stdin:
        ran = subprocess.run(
            [str(PYTHON), str(script)], stdin=stdin, capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: list[list[bool | None]] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def asked(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[dict[str, Json], list[bool | None]]]:
    """Cases, and pretix's answers."""
    maker = Maker(SEED)
    cases = [maker.case(number) for number in range(HISTORIES)]
    return list(zip(cases, theirs(cases, tmp_path_factory.mktemp("pretix")), strict=True))


def differences(asked: list[tuple[dict[str, Json], list[bool | None]]]) -> list[Json]:
    """Rules of which we say something else; an empty rule on top is none, and is never stated."""
    return [
        (one, case["zone"], case["checkins"], mine, other)
        for case, answers in asked
        for one, mine, other in zip(case["asked"], ours(case), answers, strict=True)
        if parse(json.dumps(one["rule"])) and mine is not bool(other)
    ]


def test_no_rule_comes_to_something_else(
    asked: list[tuple[dict[str, Json], list[bool | None]]],
) -> None:
    """Whatever was counted, when and where: both let in the same, and by chance both ways."""
    assert differences(asked)[:3] == []
    answers = [one for _case, said in asked for one in said]
    assert len(answers) == HISTORIES * RULES_EACH
    assert min(answers.count(True), answers.count(False)) > len(answers) / 5
    assert answers.count(None) == 0


@pytest.mark.parametrize("word", [*formula.COMPARISONS, *formula.COUNTS, *formula.VARIABLES])
def test_mutation_every_word_matters(
    word: str,
    asked: list[tuple[dict[str, Json], list[bool | None]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Were any comparison or variable something else, some rule would tell."""
    table = next(
        one for one in (formula.COMPARISONS, formula.COUNTS, formula.VARIABLES) if word in one
    )
    monkeypatch.setitem(table, word, lambda *_facts: -77)
    assert differences(asked)
