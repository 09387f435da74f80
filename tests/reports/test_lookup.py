"""A guest is found by whatever they show, say or spell, and nobody else is."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gate.core.place import HouseRules, UnpaidPolicy
from gate.core.ticket import Status
from gate.core.verdict import Scan
from gate.reports.lookup import (
    MOST_FOUND,
    look_up,
    look_up_each,
    tell,
)
from gate.reports.ticket_import import import_files
from gate.storage import tickets
from gate.storage.folder import Folder
from gate.text.ticket_words import STATUS_WORDS, uses_of
from tests.conftest import MakeLane
from tests.support.venue import FixedClock, fill, write_rows

ZONE = ZoneInfo("Asia/Shanghai")
TYPES = "id,kind,title\ngala,meeting,Winter Gala\n"
TICKETS = """code,type,id,holder,seats,order
717523732898,gala,zolw,Łukasz Żółw,2-15,WX-2026-000123
ABCD-1234-EFGH,gala,aero,Bjørn Ærø,2-16,
N-1008,gala,sahin,İlknur Şahin,,
717523732899,gala,mueller,Jörg Müller,,
717500000000,gala,obrien,Siobhán O’Brien,,
717500000001,gala,elkina,Ёлкина Елена,,
717500000002,gala,wang,王小明,,
"""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The list of the case: codes and names as they are."""
    folder = Folder(tmp_path_factory.mktemp("lookup"))
    folder.create()
    (folder.path / "types.csv").write_text(TYPES, encoding="utf-8")
    (folder.path / "tickets.csv").write_text(TICKETS, encoding="utf-8")
    import_files(folder, [folder.path / "types.csv", folder.path / "tickets.csv"])
    return folder


def ids(folder: Folder, wanted: str) -> list[str]:
    return [one.ticket.id for one in look_up(folder, wanted).found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("7175 2373 2898", "zolw"), ("7175-2373-2898", "zolw"),
        ("７１７５ ２３７３ ２８９８", "zolw"),
        ("abcd-1234-efgh", "aero"), ("abcd1234efgh", "aero"), ("ＡＢＣＤ-1234-ＥＦＧＨ", "aero"),
        ("n-1008", "sahin"), ("N1008", "sahin"), ("ABCD-1234-EF", "aero"), ("23732898", "zolw"),
        ("7175 2373 289", "mueller zolw"), ("717500000", "elkina obrien wang"),
        ("lukasz", "zolw"), ("zolw", "zolw"), ("bjorn", "aero"), ("ilknur", "sahin"),
        ("mueller", "mueller"), ("muller", "mueller"), ("MULLER", "mueller"),
        ("obrien", "obrien"), ("o'brien", "obrien"), ("елкина", "elkina"), ("yelkina", "elkina"),
        ("wang", "wang"), ("xiaoming", "wang"), ("wxm", "wang"), ("小明", "wang"),
        ("2-15", "zolw"), ("2-15 łukasz", "zolw"), ("wx-2026-000123", "zolw"),
        ("WX2026000123", "zolw"), ("000123", "zolw"), ("aero", "aero"), ("nobody", ""),
        ("717500000009", ""), ("7175 2373 2897", ""), ("", ""),
    ],
)  # fmt: skip
def test_by_what_a_guest_shows_or_says(listed: Folder, wanted: str, found: str) -> None:
    """Each of the case, and its neighbours."""
    assert sorted(ids(listed, wanted)) == found.split()


def test_a_whole_code_is_never_another_ticket(listed: Folder) -> None:
    """Only what is typed in part is found in part: a wrong digit finds nobody."""
    for wrong in ("717523732890", "817523732898", "7175 2373 28988", "ABCD-1234-EFGJ"):
        assert ids(listed, wrong) == []


def test_several_words_are_one_guest_or_several(listed: Folder) -> None:
    """As a name is typed without quotes; and a list of what is looked for."""

    def found(*wanted: str) -> list[str]:
        return [one.ticket.id for one in look_up_each(listed, wanted).found]

    assert found("Łukasz", "Żółw") == ["zolw"]
    assert found("7175", "2373", "2898") == ["zolw"]
    several = ("7175 2373 2898", "abcd-1234-efgh", "lukasz", "bjorn", "ilknur")
    assert found(*several) == ["zolw", "aero", "sahin"]
    assert found("nobody", "nowhere") == []


def test_more_than_a_screen_says_so(folder: Folder) -> None:
    """The answer is bounded, and says that there is more."""
    rows: list[dict[str, object]] = [{"id": "gala", "kind": "meeting"}]
    rows += [
        {"code": f"CODE{n:03d}", "type": "gala", "holder": "Ann Li"} for n in range(MOST_FOUND + 1)
    ]
    import_files(folder, [write_rows(folder.path / "rows.jsonl", rows)])
    findings = look_up(folder, "ann")
    assert (len(findings.found), findings.has_more) == (MOST_FOUND, True)
    assert findings.lines() == ["More than 50 were found: type more of it."]
    findings = look_up(folder, "code00")
    assert (len(findings.found), findings.has_more) == (10, False)
    in_part = look_up(folder, "code0")
    assert (len(in_part.found), in_part.has_more) == (MOST_FOUND, True)
    assert findings.lines() == []
    assert look_up(folder, "bob").lines() == ["Nothing found."]


def test_a_new_list_says_how_far_it_is(listed: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing found is no answer while names are still being read."""
    monkeypatch.setattr(tickets.Tickets, "share_searched", lambda _self: 0.4)
    assert look_up(listed, "bob").lines() == [
        "Nothing found.",
        "This list is new here: 40 % of it can be found by name so far.",
    ]


def test_codes_stay_out_of_what_is_kept(listed: Folder) -> None:
    """Law 10: a code is found in part because it can be tried, not because any of it is written."""
    for path in Path(listed.path).glob("tickets-*.db*"):
        content = path.read_bytes()
        assert b"71752373" not in content
        assert b"23732898" not in content


def told(folder: Folder, code: str) -> str:
    (found,) = look_up(folder, code).found
    return "\n".join(tell(found, ZONE))


def test_every_status_has_words() -> None:
    """Whatever an issuer says of a ticket."""
    assert set(STATUS_WORDS) == set(Status)


def test_order_note_and_answers_are_told(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """Who bought it with which, what the issuer remarks, and what was answered at the gate."""
    row = {"code": "DUE1", "type": "SHOW", "id": "due-1", "status": "unpaid"}
    fill(venue, [{**row, "order": "R4711", "note": "Table 7\x1b[2J"}])
    lane = make_lane(rules=HouseRules(unpaid=UnpaidPolicy.ASK))
    for yes in (False, True):
        lane.admit(Scan("DUE1"))
        lane.answer(yes=yes)
        clock.pass_seconds(60)
    text = told(venue, "DUE1")
    assert "order: R4711" in text
    assert "Table 7\\x1b[2J" in text
    assert "status: not paid" in text
    assert "Good ticket, paid here" in text


def test_a_ticket_without_a_limit_tells_how_often_it_was_used(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """And not of how many; nobody is told how many are left."""
    row = {"code": "STAFF1", "type": "SHOW", "id": "staff-1", "uses": "unlimited"}
    fill(venue, [row, {**row, "code": "STAFF2", "id": "staff-2", "party": 5}])
    lane = make_lane(rules=HouseRules(pass_back_s=1))
    for _ in range(3):
        assert lane.admit(Scan("STAFF1")).is_green
        clock.pass_seconds(60)
    assert "used 3 times, inside now: 3" in told(venue, "STAFF1")
    (found,) = look_up(venue, "STAFF1").found
    assert uses_of(found.ticket, found.history) == "3"
    (limited,) = look_up(venue, "PASS1").found
    assert uses_of(limited.ticket, limited.history) == "0/10"
