"""Importing: all or nothing, errors by line, known tickets updated, the live replica untouched."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.ticket import UNLIMITED, CodeState, Kind, Status, WeeklyHours
from gate.errors import BusyError, ImportFault
from gate.lists import delimited, intake
from gate.lists.guests import Guests, secret_of
from gate.lists.intake import Imported, Wanted
from gate.reports import ticket_import
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder, Lock
from gate.storage.forgetting import is_of_others
from gate.storage.tickets import Tickets
from tests.conftest import needs
from tests.support.paths import DATA
from tests.support.venue import TYPES, write_rows

TYPES_CSV = "id,kind,title,use_limit\nA,meeting,Gala,\nB,SCENIC_TICKET,Lake,3\n"


@contextmanager
def tickets_of(folder: Folder) -> Iterator[Tickets]:
    tickets = Tickets(folder)
    try:
        tickets.refresh()
        yield tickets
    finally:
        tickets.close()


def bring(folder: Folder, text: str, name: str = "tickets.csv", **options: Any) -> Imported:
    path = folder.path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    types = folder.path / "types.csv"
    types.write_text(TYPES_CSV)
    return import_files(folder, [path, types], Wanted(**options))


def test_csv_types_and_tickets_in_any_order(folder: Folder) -> None:
    """Types are read first, whichever file comes first."""
    done = bring(
        folder,
        "code,type,holder,seats,show_time\n"
        "X1,A,Ann Lee,1-1|1-2,2026-12-31 19:30\n"
        "X2,B,,,1798000000\n",
    )
    assert (done.types, done.tickets, done.bad) == (2, 2, 0)
    with tickets_of(folder) as tickets:
        first = tickets.codes.match("X1").ticket
        second = tickets.codes.match("X2").ticket
        assert first is not None
        assert second is not None
        assert (first.type.kind, first.holder, first.seats) == (
            Kind.MEETING,
            "Ann Lee",
            ("1-1", "1-2"),
        )
        assert first.show_time == 1798716600
        assert (second.type.use_limit, second.show_time) == (3, 1798000000)
        assert [(c.type_id, c.tickets) for c in tickets.census()] == [("A", 1), ("B", 1)]


def test_json_lines_with_every_field(folder: Folder) -> None:
    """Types and tickets of all kinds come out as they went in."""
    rows = write_rows(
        folder.path / "all.jsonl",
        [
            {
                "id": "F", "kind": "boarding", "flight": "CE123", "origin": "CTU",
                "destination": "CAN", "departure_time": 1798000000, "landing_time": 1798009000,
                "gate": "A11", "air_model": "A320", "time_zone": "Asia/Tokyo", "event": "E",
                "begin": "2026-12-01", "end": "2026-12-31T23:59:59",
                "weekly": "Mon-Fri 09:00-18:00; sat 22:00-02:00", "locations": [12, "b"],
                "attention": "ID",
            },
            {"id": "T", "kind": "scenic", "term_days": 90, "term_starts_after_days": 2,
             "ticket_class": "Day", "party_size": 2, "use_limit": 2},
            {
                "code": "C1", "type": "F", "id": "t1", "checked_in": True, "travel_class": "Y",
                "boarding_time": 1797990000, "qrcode_data": "M1 DATA", "other_codes": ["C2"],
                "old_codes": ["C0"], "status": "gifting", "status_note": "n", "zone": "Z",
                "entrance": "E", "screening_room": "R", "attention": "look", "uses": 4, "party": 3,
                "claimed_at": 1797000000, "begin_time": 1797000000, "end_time": 1797000001,
                "duration": 5,
            },
        ],
    )  # fmt: skip
    import_files(folder, [rows])
    with tickets_of(folder) as tickets:
        ticket = tickets.codes.match("M1 DATA").ticket
        assert ticket is not None
        assert ticket == tickets.get("t1")
        kind = ticket.type
        assert (kind.begin, kind.end) == (1796050800, 1798729199)
        assert kind.weekly[0] == WeeklyHours(1, 540, 1080)
        assert kind.weekly[-1] == WeeklyHours(6, 1320, 120)
        assert len(kind.weekly) == 6
        assert kind.locations == ("12", "b")
        assert (ticket.status, ticket.use_limit, ticket.party_size) == (Status.GIFTING, 4, 3)
        assert ticket.way_in == "A11"
        old = tickets.codes.match("C0").ticket
        assert old is not None
        assert (old.id, old.code_state) == ("t1", CodeState.TRANSFERRED)
        alias = tickets.codes.match("C2").ticket
        assert alias is not None
        assert alias.code_state is CodeState.LIVE


def test_what_is_asked_shown_and_bought_together_comes_along(folder: Folder) -> None:
    """A type's question, a note, an order, a limit that is none; nobody's e-mail."""
    (folder.path / "types.csv").write_text(
        "id,kind,ask,use_limit\nA,meeting,Over 18?,unlimited\n", encoding="utf-8"
    )
    (folder.path / "tickets.csv").write_text(
        "code,type,note,order,email,uses,status\n"
        "X1,A,Table 7,R4711,mei@example.org,,unpaid\nX2,A,,,li@example.org,Unlimited,normal\n",
        encoding="utf-8",
    )
    import_files(folder, [folder.path / "types.csv", folder.path / "tickets.csv"])
    with tickets_of(folder) as tickets:
        one, other = (tickets.codes.match(code).ticket for code in ("X1", "X2"))
    assert one is not None
    assert other is not None
    assert (one.type.ask, one.note, one.order) == ("Over 18?", "Table 7", "R4711")
    assert (one.status, one.use_limit, other.use_limit) == (Status.UNPAID, UNLIMITED, UNLIMITED)
    for path in folder.path.glob("tickets-*"):
        assert b"example.org" not in path.read_bytes()


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("code,type\nX1,A\nX2,NONE\n", 3, "there is no ticket type 'NONE'"),
        ("code,type\nX1\n", 2, "1 columns where the first line has 2"),
        ("code,type,checked_in\nX1,A,maybe\n", 2, "neither yes nor no"),
        ("code,type,uses\nX1,A,0\n", 2, "uses: Expected int >= 1"),
        ("code,type,begin_time\nX1,A,99999999999999\n", 2, "cannot be Unix seconds"),
        ("code,type,uses\nX1,A,many\n", 2, "int"),
        ("code,type,begin_time\nX1,A,tomorrow\n", 2, "neither Unix seconds nor a time like"),
        ("code,type,status\nX1,A,lost\n", 2, "status"),
        ("code,type\n,A\n", 2, "neither a code nor a name"),
        ("code,type\nX1,A\nX1,A\n", 3, "this ticket has been in these files before"),
        ("code,type,id\nX1,A,a\nX1,A,b\n", 3, "belongs to another ticket"),
        ("code,type,holder\nX1,A," + "n" * 4000 + "\n", 2, "longer than"),
        ("code,type\nÄ1,A\nÖ2,A\nX\udcff1,A\n", 4, "not UTF-8"),
        ('code,type\n"X1,A\nX2,A\n', 3, "not CSV"),
        ("code,type,id\nX1,A,a\tb\n", 2, "id must be"),
    ],
)
def test_errors_name_line_and_reason_and_nothing_is_imported(
    folder: Folder, text: str, line: int, told: str
) -> None:
    """One bad row and the replica stays as it was."""
    bring(folder, "code,type\nOLD,A\n")
    before = folder.pointer.read_text()
    with pytest.raises(ImportFault) as caught:
        bring(folder, text)
    assert f"tickets.csv:{line}: " in caught.value.message
    assert told in caught.value.message
    assert folder.pointer.read_text() == before
    with tickets_of(folder) as tickets:
        assert tickets.codes.match("OLD").ticket is not None
    assert not list(folder.path.glob("*.part*"))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{nope", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"code": 7, "type": "A"}', "code: Expected str, got int"),
        ('{"code": "\\ud800", "type": "A"}', "not JSON"),
        ('{"id": "Z", "kind": "concert"}', "kind 'concert' is none of MEETING_TICKET"),
        ('{"id": "Z", "kind": "show", "weekly": "daily"}', "kind 'show' is none of"),
        ('{"id": "Z", "kind": "movie", "weekly": "daily"}', "weekly: 'daily' is not like"),
        (
            '{"id": "Z", "kind": "movie", "weekly": "Moo 9:00-10:00"}',
            "weekly: 'moo 9:00-10:00' has",
        ),
        ('{"id": "Z", "kind": "movie", "term_days": 0}', "term_days: Expected int >= 1"),
        ('{"id": "Z", "kind": "movie", "use_limit": 0}', "use_limit: Expected int >= 1"),
        ('{"id": "Z", "kind": "movie", "begin": -5}', "begin: -5 cannot be Unix seconds"),
        ('{"id": "Z", "kind": "movie", "time_zone": "Mars/X"}', "'Mars/X' is no time zone"),
        ('{"id": "", "kind": "movie"}', "Object missing required field id"),
    ],
)
def test_json_mistakes(folder: Folder, row: str, told: str) -> None:
    """JSON Lines are checked as strictly."""
    good = '{"code": "G", "type": "A"}\n'
    with pytest.raises(ImportFault) as caught:
        bring(folder, good + row + "\n", "rows.jsonl")
    assert f"rows.jsonl:2: {told}" in caught.value.message


def test_bad_rows_can_be_left_out(folder: Folder) -> None:
    """With skip_bad the good rows come in and the bad ones are counted."""
    done = bring(folder, "code,type\nX1,A\nX2,NONE\nX3,A\n", skip_bad=True)
    assert (done.tickets, done.bad) == (2, 1)
    assert done.errors == ["tickets.csv:3: there is no ticket type 'NONE'"]


def test_only_the_first_errors_are_listed(folder: Folder) -> None:
    """A file with a thousand mistakes tells twenty and how many more."""
    rows = "".join(f"X{n},NONE\n" for n in range(1000))
    with pytest.raises(ImportFault) as caught:
        bring(folder, "code,type\n" + rows)
    lines = caught.value.message.splitlines()
    assert lines[0] == "1000 bad rows"
    assert lines[-1] == "… and 980 more"
    assert len(lines) == intake.ERRORS_SHOWN + 2


def test_a_second_import_updates_and_adds(folder: Folder) -> None:
    """Known ids are updated, new ones added, the others stay; counts follow."""
    bring(folder, "code,type,id,holder\nX1,A,a,Ann\nX2,A,b,Bob\n")
    bring(folder, "code,type,id,status,holder\nX2,A,b,revoked,Bobby\nX3,A,c,,\n")
    with tickets_of(folder) as tickets:
        found = {id_: tickets.get(id_) for id_ in "abc"}
        assert all(found.values())
        assert [t.status for t in found.values() if t] == ["normal", "revoked", "normal"]
        assert tickets.search("bob")[0].holder == "Bobby"
        assert {(c.status, c.tickets) for c in tickets.census()} == {("normal", 2), ("revoked", 1)}


def test_a_changed_code_kills_the_old_one(folder: Folder) -> None:
    """The code an update no longer names is replaced, not forgotten."""
    bring(folder, "code,type,id\nX1,A,a\n")
    bring(folder, "code,type,id\nY1,A,a\n")
    with tickets_of(folder) as tickets:
        old, new = (tickets.codes.match(code).ticket for code in ("X1", "Y1"))
        assert old is not None
        assert new is not None
        assert (old.id, old.code_state) == ("a", CodeState.REPLACED)
        assert new.code_state is CodeState.LIVE


def test_replacing_forgets_what_there_was(folder: Folder) -> None:
    """--replace starts over, with a new key: old hashes mean nothing any more."""
    bring(folder, "code,type\nX1,A\n")
    with tickets_of(folder) as tickets:
        old_hash = tickets.codes.hash_of("X1")
    bring(folder, "code,type\nX2,A\n", replace=True)
    with tickets_of(folder) as tickets:
        assert tickets.codes.match("X1").ticket is None
        assert tickets.codes.hash_of("X1") != old_hash


def test_names_are_found_by_any_word_and_without_accents(folder: Folder) -> None:
    """José Ångström is found as jose, ang, and Jose A; 李小龙 by any of his signs."""
    bring(folder, "code,type,holder\nX1,A,José Ångström\nX2,A,李小龙\nX3,A,O'Neil-Smith\n")
    with tickets_of(folder) as tickets:

        def names(wanted: str) -> list[str]:
            return [ticket.holder for ticket in tickets.search(wanted)]

        assert names("jose") == names("ang") == names("angstrom jo") == ["José Ångström"]
        assert names("小龙") == names("李") == ["李小龙"]
        assert names("smith") == names("o'neil") == ["O'Neil-Smith"]
        assert names('"') == names("") == names("nobody") == names("* OR a") == []


LIST = "code,type,holder\nX1,A,Ann\nX2,A,Bob\n"


def test_stating_the_same_again_changes_nothing(folder: Folder) -> None:
    """The live replica stays the one it was: no gate has anything to fetch."""
    first = bring(folder, LIST)
    assert (first.new, first.changed) == (2, 0)
    live = folder.pointer.read_text()
    again = bring(folder, LIST)
    assert (again.tickets, again.new, again.changed) == (2, 0, 0)
    assert folder.pointer.read_text() == live
    other = bring(folder, LIST.replace("Bob", "Bobby"))
    assert (other.new, other.changed) == (0, 1)
    assert folder.pointer.read_text() != live


@pytest.mark.parametrize("spoilt", ["_has_codes", "is_change"])
def test_what_is_the_same_is_looked_at_as_a_whole(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    """Mutation: codes not compared, a new code is lost; everything a change, all is fetched."""
    bring(folder, "code,type,id\nX1,A,a\n")
    live = folder.pointer.read_text()
    if spoilt == "_has_codes":
        monkeypatch.setattr(ticket_import._Build, spoilt, lambda *_: True)
        assert bring(folder, "code,type,id,other_codes\nX1,A,a,Y1\n").changed == 0
        with tickets_of(folder) as tickets:
            assert tickets.codes.match("Y1").ticket is None
    else:
        monkeypatch.setattr(Imported, spoilt, property(lambda _self: True))
        bring(folder, "code,type,id\nX1,A,a\n")
        assert folder.pointer.read_text() != live


def test_a_code_that_is_replaced_ends_what_was_signed(folder: Folder) -> None:
    """Counted up where a code is named no more; kept by a list that knows nothing of it."""

    def issue() -> int:
        with tickets_of(folder) as tickets:
            found = tickets.get("a")
        assert found is not None
        return found.issue

    bring(folder, "code,type,id\nX1,A,a\n")
    assert issue() == 0
    bring(folder, "code,type,id\nY1,A,a\n")
    assert issue() == 1
    assert bring(folder, "code,type,id\nY1,A,a\n").changed == 0
    bring(folder, "code,type,id,other_codes\nY1,A,a,Z1\n")
    assert issue() == 1
    bring(folder, "code,type,id,issue\nY1,A,a,7\n")
    assert issue() == 7


def test_a_dry_run_shows_and_changes_nothing(folder: Folder) -> None:
    """Counts, first rows, mistakes and what would go missing; the list stays as it is."""
    bring(folder, LIST)
    live = folder.pointer.read_text()
    done = bring(folder, "code,type,holder,phone\nX2,A,Bo,1\nX3,A,Cy,2\nX4,NO,D,3\n", dry_run=True)
    assert (done.new, done.changed, done.missing, done.bad) == (1, 1, 1, 1)
    assert done.shown[-3:-1] == [
        "tickets.csv:2: code=X2, type=A, holder=Bo",
        "tickets.csv:3: code=X3, type=A, holder=Cy",
    ]
    assert done.lists[-1].left_out == ["phone"]
    assert done.by_type == {"A": 2}
    assert done.named_missing[0].endswith("Ann")
    assert folder.pointer.read_text() == live
    assert not list(folder.path.glob("*.part*"))
    bring(folder, "name\nAnn\n", dry_run=True, type_id="A")
    assert not (folder.path / "guests.key").exists()


def test_what_vanished_is_cancelled_only_when_asked(folder: Folder) -> None:
    """It is good until then, void afterwards, and good again when a list has it."""
    bring(folder, LIST)
    kept = bring(folder, "code,type\nX2,A\n")
    assert (kept.missing, kept.cancelled) == (1, 0)
    gone = bring(folder, "code,type\nX2,A\n", cancel_missing=True)
    assert (gone.missing, gone.cancelled) == (1, 1)
    with tickets_of(folder) as tickets:
        found = tickets.codes.match("X1").ticket
        assert found is not None
        assert (found.status, found.holder, len(found.voids)) == (Status.REVOKED, "Ann", 1)
        assert tickets.search("ann")
    assert bring(folder, "code,type\nX2,A\n", cancel_missing=True).missing == 0
    bring(folder, LIST)
    with tickets_of(folder) as tickets:
        found = tickets.codes.match("X1").ticket
        assert found is not None
        assert found.status is Status.NORMAL


def test_a_list_without_tickets_cancels_nobody(folder: Folder) -> None:
    """Types alone say nothing of who is missing."""
    bring(folder, LIST)
    only = import_files(folder, [folder.path / "types.csv"], Wanted(cancel_missing=True))
    assert (only.missing, only.cancelled) == (0, 0)


@pytest.mark.parametrize("name", ["pretix", "eventbrite", "ticket-tailor", "hi-events"])
def test_exports_of_other_systems_are_taken_as_they_are(folder: Folder, name: str) -> None:
    """Nothing has to be renamed: types are found by their titles."""
    exports = DATA / "lists" / "exports"
    done = import_files(folder, [exports / f"{name}.csv", exports / "types.csv"])
    assert (done.types, done.tickets, done.bad) == (1, 2, 0)
    with tickets_of(folder) as tickets:
        ann, jose = tickets.search("ann")[0], tickets.search("jose")[0]
        assert ann.type.title == "Winter Gala"
        assert (ann.status, jose.holder) == (Status.NORMAL, "José Ångström")
        expected = Status.NORMAL if name == "pretix" else Status.REVOKED
        assert jose.status is expected


def test_types_can_be_made_by_being_named(folder: Folder) -> None:
    """An export alone is enough where somebody says what kind its types are."""
    export = DATA / "lists" / "exports" / "pretix.csv"
    with pytest.raises(ImportFault, match="there is no ticket type 'Winter Gala'") as caught:
        import_files(folder, [export])
    assert "--kind meeting" in caught.value.hint
    done = import_files(folder, [export], Wanted(make_kind="meeting"))
    assert (done.types, done.tickets) == (1, 2)
    with tickets_of(folder) as tickets:
        assert tickets.search("ann")[0].type.kind is Kind.MEETING


GUESTS = "Name,Begleitung\nAnn Lee,2\nJosé Ångström,\nAnn Lee,\n"


def test_guests_without_codes_are_found_by_name(folder: Folder) -> None:
    """Each is a ticket, for as many as come along, and stays the same when stated again."""
    done = bring(folder, GUESTS, type_id="A")
    assert (done.tickets, done.people, done.new) == (3, 3, 3)
    with tickets_of(folder) as tickets:
        anns = tickets.search("ann lee")
        assert sorted((ann.party_size, ann.use_limit) for ann in anns) == [(1, 1), (3, 3)]
        assert len({ann.id for ann in anns}) == 2
        assert not any("ann" in ann.id for ann in anns)
        drawn = Guests(secret_of(folder.path, may_make=False)).code_of(anns[0].id)
        found = tickets.codes.match(drawn).ticket
        assert found is not None
        assert found.id == anns[0].id
    again = bring(folder, GUESTS, type_id="A")
    assert (again.tickets, again.new, again.changed) == (3, 0, 0)


def test_a_guest_keeps_the_ticket_while_others_come_and_go(folder: Folder) -> None:
    """By name, in any case and with any spaces; another row of the name is another ticket."""
    bring(folder, GUESTS, type_id="A")
    with tickets_of(folder) as tickets:
        before = {one.id for one in tickets.search("ann")}
    more = "Name,Begleitung\nZoe,\nann  LEE,2\nAnn Lee,\nAnn Lee,\n"
    done = bring(folder, more, type_id="A")
    assert (done.new, done.missing) == (2, 1)
    with tickets_of(folder) as tickets:
        assert before < {one.id for one in tickets.search("ann")}


def test_codes_of_guests_follow_from_the_secret_and_ids_from_nothing(tmp_path: Path) -> None:
    """Who has not the secret of this folder draws other codes; no id tells a name."""
    first, other = Guests(b"1" * 32), Guests(b"2" * 32)
    row = first.completed({"holder": "Ann Lee"})
    assert row["code"] == first.code_of(row["id"]) != other.code_of(row["id"])
    assert row["id"] != other.completed({"holder": "Ann Lee"})["id"]
    again = Guests(b"1" * 32, [(row["id"], "ANN  lee")])
    assert again.completed({"holder": "Ann Lee"})["id"] == row["id"]
    assert again.completed({"holder": "Ann Lee"})["id"].startswith("guest-2-")
    made = secret_of(tmp_path, may_make=True)
    assert secret_of(tmp_path, may_make=False) == made
    assert (tmp_path / "guests.key").stat().st_mode & 0o77 == 0
    assert is_of_others("guests.key"), "it goes with codes and names when the device is revoked"


def test_old_replicas_go_unless_a_gate_is_at_work(folder: Folder) -> None:
    """A file some lane may have open is never unlinked under it."""
    bring(folder, "code,type\nX1,A\n")
    lock = Lock(folder)
    bring(folder, "code,type\nX2,A\n")
    assert len(list(folder.path.glob("tickets-*.db"))) == 2
    lock.close()
    bring(folder, "code,type\nX3,A\n")
    assert len(list(folder.path.glob("tickets-*.db"))) == 1


def test_a_server_owns_an_enrolled_devices_tickets(folder: Folder) -> None:
    """Once enrolled, tickets come from the server only."""
    folder.enrolment.write_text("{}")
    with pytest.raises(ImportFault, match="server"):
        bring(folder, "code,type\nX1,A\n")


def test_one_import_at_a_time(folder: Folder) -> None:
    """A second one is told to wait, and does no harm."""
    lock = Lock(folder, "import")
    with pytest.raises(BusyError):
        bring(folder, "code,type\nX1,A\n")
    lock.close()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("type,colour\nA,red\n", "no column says what a row is of"),
        ("%PDF-1.7\0\0\1 stream", "not a kind of file that can be imported"),
        ("PK\3\4 and no more", "cannot be read as a workbook"),
    ],
)
def test_other_files_are_declined(folder: Folder, content: str, told: str) -> None:
    """What is in a file counts, not what it is called."""
    for name in ("tickets.csv", "tickets.xlsx", "tickets"):
        with pytest.raises(ImportFault, match=told):
            bring(folder, content, name)
    with pytest.raises(ImportFault, match="cannot read"):
        import_files(folder, [folder.path / "none.csv"])


def test_an_endless_line_is_declined(folder: Folder) -> None:
    """A file without line ends does not fill the memory."""
    with pytest.raises(ImportFault, match="longer than"):
        bring(folder, "x" * (delimited.MAX_LINE + 10), "rows.jsonl")


@given(st.binary(max_size=400))
def test_no_csv_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Any bytes are tickets or an ImportFault, and the old tickets stay."""
    hostile(tmp_path_factory, "any.csv", b"code,type,holder\n" + data)


@given(st.binary(max_size=400))
def test_no_json_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Any bytes are tickets or an ImportFault, and the old tickets stay."""
    hostile(tmp_path_factory, "any.jsonl", data)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(["code", "type", "id", "kind", "holder", "uses", "show_time", "weekly"])


@given(st.lists(st.dictionaries(FIELDS, JSON, max_size=6), max_size=4))
def test_no_row_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    """Known fields with any values are tickets or an ImportFault."""
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    hostile(tmp_path_factory, "any.jsonl", write_rows(path, rows).read_bytes())


def hostile(factory: pytest.TempPathFactory, name: str, data: bytes) -> None:
    folder = Folder(factory.getbasetemp() / "hostile")
    folder.create()
    path = folder.path / name
    path.write_bytes(data)
    if not folder.pointer.exists():
        import_files(folder, [write_rows(folder.path / "types.jsonl", TYPES)])
    with suppress(ImportFault):
        import_files(folder, [path])
    with tickets_of(folder) as tickets:
        assert len(tickets.types()) >= len(TYPES)


@pytest.mark.long
@pytest.mark.system
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Four times the tickets take hardly more memory."""

    def peak_kb(count: int) -> int:
        rows = tmp_path / f"{count}.csv"
        with rows.open("w") as file:
            file.write("code,type,holder\n")
            file.writelines(f"CODE{n:08d},A,Guest Number {n}\n" for n in range(count))
        types = tmp_path / "types.csv"
        types.write_text(TYPES_CSV)
        script = (
            "import sys; from pathlib import Path;"
            "from gate.storage.folder import Folder;"
            "from gate.reports.ticket_import import import_files;"
            "import_files(Folder(Path(sys.argv[1])), [Path(p) for p in sys.argv[2:]]);"
            "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
        )
        folder = str(tmp_path / f"data-{count}")
        ran = subprocess.run(
            [sys.executable, "-c", script, folder, str(types), str(rows)],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(ran.stdout)

    needs(Path("/proc/self/status").exists(), "/proc")
    small, large = peak_kb(10_000), peak_kb(40_000)
    # SQLite's own cache may fill up to its 64 MB; the file of 40,000 has 14 MB.
    assert large < small + 16_000
