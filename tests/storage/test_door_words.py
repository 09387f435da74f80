"""A venue without a server blocks, frees and notes on its tickets, at the gate that is its host."""

from contextlib import closing
from pathlib import Path

import pytest

from gate.cli.main import main
from gate.core.door import told_body
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules, Place, Policy
from gate.core.ticket import DoorAct, DoorWord
from gate.core.ticket_feed import Change
from gate.core.verdict import Scan
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.reports.lookup import look_up
from gate.storage import venue_host
from gate.storage.folder import Folder, Lock
from gate.storage.ticket_feed import TicketFeed
from gate.storage.tickets import Tickets
from tests.support.lanes import journal_of
from tests.support.signing import code, event_key, give_keys
from tests.support.venue import NOW_MS, FixedClock, fill

BLOCK = DoorWord(DoorAct.BLOCKED, "banned", "Eva", NOW_MS)
FREE = DoorWord(DoorAct.FREED, "sorry", "Max", NOW_MS + 1000)


@pytest.fixture
def host(folder: Folder) -> Folder:
    """The host of a venue with tickets."""
    fill(folder)
    venue_host.create(folder, "Winter Gala", "North", "Europe/Berlin")
    return folder


def answer(folder: Folder, code: str) -> tuple[Outcome, Reason]:
    """What a lane there says of a code."""
    with closing(Lane(folder, FixedClock(NOW_MS + 5000), Place("North"), HouseRules())) as lane:
        verdict = lane.check(code, "test")
        return verdict.outcome, verdict.reason


SOLD = code("new-1", seats=("A-1",), uses=2, party=2)
REFUSED = (Outcome.REFUSE, Reason.BLOCKED_AT_DOOR)


def test_the_lane_refuses_what_the_host_has_blocked(host: Folder) -> None:
    """Blocked, and free again; every code of the ticket goes by it, and stays what it was."""
    assert answer(host, "GOOD001")[0] is Outcome.VALID
    venue_host.put_word(host, "good-1", BLOCK)
    assert answer(host, "GOOD001") == REFUSED
    assert answer(host, "GOOD002")[0] is Outcome.VALID
    venue_host.put_word(host, "good-1", FREE)
    assert answer(host, "GOOD001")[0] is Outcome.VALID
    venue_host.put_word(host, "moved-1", BLOCK)
    assert answer(host, "NEW1") == answer(host, "OLD1") == REFUSED
    venue_host.put_word(host, "moved-1", FREE)
    assert answer(host, "OLD1")[1] is Reason.TRANSFERRED


def test_a_change_without_its_codes_is_noticed(
    host: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutation: the codes are left out, and open no gate from then on."""
    monkeypatch.setattr("gate.storage.host_feed.Change", lambda *said: Change(*said[:5]))
    with pytest.raises(AssertionError):
        test_the_lane_refuses_what_the_host_has_blocked(host)


def test_a_list_taken_in_again_takes_nothing_back(host: Folder) -> None:
    """Not the list that stated it, nor one that does not have it any more."""
    venue_host.put_word(host, "good-1", BLOCK)
    fill(host, [{"code": "MORE1", "type": "SHOW", "id": "more-1"}])
    assert answer(host, "GOOD001") == REFUSED


def test_it_waits_for_whoever_writes_the_feed(host: Folder) -> None:
    """While a worker or an import is at work, and is taken afterwards, once."""
    lock = Lock(host, "sync")
    venue_host.put_word(host, "good-1", BLOCK)
    assert answer(host, "GOOD001")[0] is Outcome.VALID
    with closing(TicketFeed(host)) as feed:
        before = feed.cursor
        venue_host.take_requests(host, feed, NOW_MS)
        assert feed.cursor != before
        assert venue_host.take_requests(host, feed, NOW_MS) == []
        again, _taken = feed.cursor, venue_host.put_word(host, "good-1", BLOCK)
        venue_host.take_requests(host, feed, NOW_MS)
        assert feed.cursor == again
    lock.close()
    assert answer(host, "GOOD001") == REFUSED
    assert not list(host.inbox.iterdir())


def test_one_of_a_ticket_that_went_meanwhile_is_let_go(host: Folder) -> None:
    """It stops nothing that waits behind it."""
    lock = Lock(host, "sync")
    venue_host.publish(host, venue_host.TicketWord("nobody", BLOCK))
    venue_host.put_word(host, "good-1", BLOCK)
    with closing(TicketFeed(host)) as feed:
        venue_host.take_requests(host, feed, NOW_MS)
    lock.close()
    assert answer(host, "GOOD001") == REFUSED


def test_its_rows_are_whole(host: Folder) -> None:
    """Their checksums and the feed's chain go on; it is found among those that ever were void."""
    venue_host.put_word(host, "good-1", BLOCK)
    with closing(Tickets(host)) as tickets:
        tickets.refresh()
        found = tickets.get("good-1")
        assert found is not None
        assert found.block == BLOCK
        assert tickets.voided() == ["good-1", "void-1"]


def test_nobody_else_may(folder: Folder, host: Folder, tmp_path: Path) -> None:
    """Another gate, a ticket that is not there."""
    alone = Folder(tmp_path / "alone")
    alone.create()
    fill(alone)
    with pytest.raises(UsageError):
        venue_host.put_word(alone, "good-1", BLOCK)
    with pytest.raises(UsageError):
        venue_host.put_word(host, "nobody", BLOCK)


def run(folder: Folder, *command: str) -> int:
    return main([*command, "--data-dir", str(folder.path)])


def test_the_command_says_what_it_did(host: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """``gate tickets block``, ``note``, ``free``; ``gate lookup`` shows each."""
    assert run(host, "tickets", "block", "named-1", "--reason", "banned", "--who", "Eva") == 0
    assert "[named-1]" in capsys.readouterr().out
    assert run(host, "tickets", "note", "named-1", "comes with a dog", "--who", "Kim") == 0
    assert run(host, "lookup", "Ångström") == 0
    shown = capsys.readouterr().out
    for part in ("Blocked at the door: banned (Eva", "its issuer: good", "door: comes with a dog"):
        assert part in shown
    assert run(host, "tickets", "free", "named-1", "--reason", "a mistake") == 0
    capsys.readouterr()
    assert run(host, "lookup", "named-1") == 0
    shown = capsys.readouterr().out
    assert "Blocked at the door:" not in shown
    assert "free again at the door" in shown
    assert ": a mistake" in shown
    (found,) = look_up(host, "named-1").found
    assert found.ticket.door_note is not None


@pytest.mark.parametrize(
    "command",
    [
        ("block", "named-1", "--reason", " "),
        ("block", "named-1", "--reason", "x" * 501),
        ("block", "nobody", "--reason", "x"),
    ],
)
def test_a_slip_of_the_pen_is_said(
    host: Folder, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is changed."""
    assert run(host, "tickets", *command) == 2
    assert capsys.readouterr().err
    assert answer(host, "NAMED1")[0] is Outcome.VALID


@pytest.fixture
def told(host: Folder) -> Folder:
    """The same, where somebody came in on a signed ticket that is in no list yet."""
    give_keys(host, event_key())
    rules = HouseRules(unseen_current=Policy.FLAG)
    with closing(Lane(host, FixedClock(NOW_MS - 60_000), Place("North"), rules)) as lane:
        assert lane.admit(Scan(SOLD, source="camera")).is_green
    return host


def test_a_ticket_that_is_in_no_list_yet_is_blocked(told: Folder) -> None:
    """By its id; the block holds when the ticket comes, and what its code says goes on to count."""
    venue_host.put_word(told, "new-1", BLOCK)
    assert answer(told, SOLD) == REFUSED
    assert answer(told, code("new-2"))[1] is Reason.UNSEEN
    with closing(Tickets(told)) as tickets:
        kept = tickets.get("new-1")
        assert kept is not None
        assert (kept.seats, kept.uses, kept.block) == (("A-1",), 2, BLOCK)
    fill(told, [{"code": "PLAIN-1", "type": "SHOW", "id": "new-1"}])
    assert answer(told, SOLD) == answer(told, "PLAIN-1") == REFUSED
    venue_host.put_word(told, "new-1", FREE)
    assert answer(told, "PLAIN-1")[1] is not Reason.BLOCKED_AT_DOOR


def test_a_ticket_that_is_freed_again_is_in_no_list_for_all_that(told: Folder) -> None:
    """Its code alone proves it, as before; nor is a note more than that."""
    venue_host.put_word(told, "new-1", BLOCK)
    venue_host.put_word(told, "new-1", FREE)
    venue_host.put_word(told, "new-1", DoorWord(DoorAct.NOTED, "asked for a chair", "Eva", NOW_MS))
    assert answer(told, SOLD) == (Outcome.HOLD, Reason.UNSEEN)
    assert answer(told, code("new-1", number=3))[1] is Reason.UNKNOWN


def test_an_entry_names_its_ticket(told: Folder) -> None:
    """As it stands in the journal; nobody is named by what no entry tells of."""
    (entry,) = (one for one in journal_of(told) if one.ticket == "new-1")
    assert venue_host.put_word(told, entry.name, BLOCK).id == "new-1"
    assert answer(told, SOLD) == REFUSED
    with pytest.raises(UsageError):
        venue_host.put_word(told, "new-2", BLOCK)


def test_a_row_that_does_not_say_who_stated_it_is_noticed(
    told: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: taken for a listed ticket, whoever has a stolen key comes in once it is freed."""
    monkeypatch.setattr(
        "gate.storage.host_feed.told_body", lambda said: told_body(said).replace('"signed"', '"x"')
    )
    with pytest.raises(AssertionError):
        test_a_ticket_that_is_freed_again_is_in_no_list_for_all_that(told)
