"""A signed ticket that is not in the list yet: who comes in on it, and what is known of it then."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gate.core.code_formats import CodeFormats
from gate.core.entry import Act
from gate.core.event_settings import EventSettings
from gate.core.history import conflict, fold, limits
from gate.core.outcome import Basis, Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Place, Policy
from gate.core.signed_ticket import EventKey, KeyState, Scheme, Signed
from gate.core.ticket import Ticket, TicketType
from gate.core.verdict import Scan
from gate.credential import signed
from gate.credential.layouts import retyped
from gate.credential.repair import LAYOUT_FLAWS
from gate.lane import identity
from gate.lane.lane import Lane
from gate.reports.lookup import look_up
from gate.storage import signed_look_up
from gate.storage.attendees import gather
from gate.storage.checksums import put_meta
from gate.storage.conflicts import conflict_of, find_conflicts
from gate.storage.fleet import Fleet
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica, open_replica
from gate.storage.tickets import Tickets
from gate.text.verdict_words import explain
from tests.conftest import MakeLane
from tests.support.lanes import BOSS, decided, journal_of, typed
from tests.support.signing import code, event_key, give_keys, pretix_code
from tests.support.venue import NOW, FixedClock, fill
from tests.system.neighbours import carry, enrol, neighbour, say


@pytest.fixture
def cut_off(venue: Folder, clock: FixedClock) -> Folder:
    """A gate whose list is ten minutes old, with the keys of its event."""
    give_keys(
        venue,
        event_key(),
        event_key(3, state=KeyState.RETIRED),
        event_key(4, state=KeyState.REVOKED),
        event_key(2, Scheme.PRETIX),
    )
    enrol(venue)
    say(venue, clock, ago_s=600)
    return venue


def test_a_ticket_sold_since_comes_in_at_once(cut_off: Folder, make_lane: MakeLane) -> None:
    """And the entry keeps what was signed, for whoever lacks the ticket too."""
    lane = make_lane()
    verdict = lane.admit(Scan(code("new-1", seats=("A-12",), uses=2, party=2)))
    assert (verdict.outcome, verdict.reason) == (Outcome.ADMIT, Reason.ADMITTED)
    assert verdict.basis is Basis.UNSEEN
    assert Flag.UNSEEN in verdict.flags
    assert verdict.ticket is not None
    assert (verdict.ticket.seats, verdict.ticket.type.title) == (("A-12",), "Winter Gala")
    (entry,) = [one for one in journal_of(cut_off) if one.act is Act.ADMISSION]
    said = Signed("new-1", "SHOW", "park2026", event_key().id, seats=("A-12",), uses=2, party=2)
    assert (entry.ticket, entry.ticket_type, entry.signed) == ("new-1", "SHOW", said)
    assert entry.basis is Basis.UNSEEN


def test_twice_at_this_lane_is_known_at_once(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """By the ticket's id, whatever text it comes by."""
    lane = make_lane()
    assert decided(lane, code("new-1"))[0] is Outcome.ADMIT
    clock.pass_seconds(60)
    assert decided(lane, code("new-1")) == (Outcome.REFUSE, Reason.ALREADY_USED)
    again = code("new-1", number=3, issue=1, seats=("other",))
    assert decided(lane, again) == (Outcome.REFUSE, Reason.ALREADY_USED)
    assert decided(lane, code("new-2"))[0] is Outcome.ADMIT


def test_when_the_ticket_arrives_its_history_is_its_own(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """By its plain code as well as by the signed one."""
    lane = make_lane()
    assert decided(lane, code("new-1"))[0] is Outcome.ADMIT
    cut_off.enrolment.unlink()
    fill(cut_off, [{"code": "PLAIN-NEW-1", "type": "SHOW", "id": "new-1"}])
    clock.pass_seconds(60)
    assert decided(lane, "PLAIN-NEW-1") == (Outcome.REFUSE, Reason.ALREADY_USED)
    verdict = lane.admit(Scan(code("new-1")))
    assert verdict.reason is Reason.ALREADY_USED
    assert verdict.ticket is not None
    assert verdict.ticket.signed is None


def test_two_gates_cut_off_from_each_other_are_a_conflict(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock, tmp_path: Path
) -> None:
    """Nobody is lost: both are inside; what the ticket is good for is by what was signed."""
    lane = make_lane()
    pair = code("pair-1", uses=2, party=2)
    for _person in range(2):
        lane.admit(Scan(pair, deliberate=True))
    lane.admit(Scan(code("once-1")))
    with neighbour(tmp_path / "south", clock) as south:
        give_keys(south._files.folder, event_key())
        enrol(south._files.folder)
        say(south._files.folder, clock, ago_s=600)
        assert decided(south, code("once-1"))[0] is Outcome.ADMIT
        carry(south._files.folder, cut_off)
    clock.pass_seconds(60)
    assert decided(lane, code("once-1")) == (Outcome.REFUSE, Reason.ALREADY_USED)
    with_fleet = Fleet(cut_off)
    try:
        (found,) = find_conflicts(with_fleet)
    finally:
        with_fleet.close()
    assert (found.ticket, found.excess, len(found.admissions)) == ("once-1", 1, 2)


def test_others_find_it_by_what_its_code_said(
    cut_off: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """A gate that has neither ticket nor key shows type and seat of whom another one let in."""
    with neighbour(tmp_path / "south", clock) as south:
        theirs = south._files.folder
        give_keys(theirs, event_key())
        enrol(theirs)
        say(theirs, clock, ago_s=600)
        south.admit(Scan(code("new-1", seats=("A-12",))))
        carry(theirs, cut_off)
    (found,) = look_up(cut_off, "new-1").found
    assert (found.ticket.id, found.ticket.seats, found.history.used) == ("new-1", ("A-12",), 1)
    (same,) = look_up(cut_off, code("new-1")).found
    assert (same.ticket.id, same.history.used) == ("new-1", 1)


def test_lists_of_people_have_it_with_its_seat(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """Whoever is inside is on the list of those inside, also once names and codes were dropped."""
    make_lane().admit(Scan(code("new-1", seats=("A-12",))))

    def inside() -> list[tuple[str, str, int]]:
        with closing(gather(cut_off, "inside", clock.read(), 60, show_names=True)) as found:
            return [(one.seat, one.kind, one.people) for one in found.sorted]

    assert inside() == [("A-12", "Winter Gala", 1)]
    with closing(open_replica(live_replica(cut_off))) as replica:
        put_meta(replica, {"dropped_ms": "1"})
    assert inside() == [("A-12", "Winter Gala", 1)]
    verdict = make_lane().admit(Scan(code("new-2")))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.FAULT)


def test_the_words_say_what_it_rests_on(cut_off: Folder, make_lane: MakeLane) -> None:
    """Green by its signature, held, of an unknown kind, by a withdrawn key."""
    place, zone = Place("North"), ZoneInfo("Asia/Shanghai")

    def words(text: str, rules: HouseRules = HouseRules()) -> tuple[str, str, str, str, str]:
        lane = make_lane(rules=rules)
        told = explain(lane.admit(Scan(text)), place, zone)
        lane.close()
        return told.word, told.rule, told.fact, told.remedy, told.basis

    green = words(code("a"))
    assert (green[0], green[1], green[4]) == ("ENTER", "Good ticket", "not in the list yet")
    held = words(code("b"), HouseRules(unseen=Policy.HOLD))
    assert held[:2] == ("WAIT", "Signed, and not in the list")
    assert held[2] == "Not in the list of 12:16 (10 min old)."
    assert "supervisor" in held[3]
    assert words(code("c", "GONE"))[2].startswith("Its kind is GONE;")
    assert words(code("d", number=4))[:2] == ("STOP", "Signed by a key that was withdrawn")


def test_what_a_ticket_is_good_for_is_the_least_that_was_told() -> None:
    """A member that lies of it hides nobody's second use; the list knows better than all."""
    assert limits(None, [], no_type) == (1, 1)
    ticket = Ticket("t", TicketType("T", "MEETING_TICKET", use_limit=5))  # type: ignore[arg-type]
    assert limits(ticket, [], no_type) == (5, 1)


def test_the_events_use_limit_counts_at_both_ends(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """What a code leaves to its type, and that to the event, is no conflict where both let in."""
    stated = EventSettings(rules={"use_limit": 2})
    with closing(open_replica(live_replica(cut_off))) as replica:
        put_meta(replica, {"settings": msgspec.json.encode(stated).decode()})
    lane = make_lane(rules=HouseRules(pass_back=Policy.ADMIT))
    for _n in range(2):
        assert decided(lane, code("new-1"))[0] is Outcome.ADMIT
        clock.pass_seconds(60)
    assert decided(lane, code("new-1"))[1] is Reason.ALREADY_USED
    facts = [one for one in journal_of(cut_off) if one.act is Act.ADMISSION]
    # Whoever lacks the type goes by what it said then.
    assert limits(None, facts, no_type) == (2, 1)
    assert conflict(facts, *limits(None, facts, no_type)) is None


def test_a_use_limit_that_is_changed_counts_as_the_event_says_now(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """For who comes again and for who was there, while the ticket is in no list; signed ones stay.

    Mutation: an entry that does not say what was left to the type counts as it did then.
    """

    def state(use_limit: int) -> None:
        stated = EventSettings(rules={"use_limit": use_limit})
        with closing(open_replica(live_replica(cut_off))) as replica:
            put_meta(replica, {"settings": msgspec.json.encode(stated).decode()})

    def conflicts() -> list[str]:
        with Fleet(cut_off) as fleet, closing(Tickets(cut_off)) as tickets:
            ids = ("new-1", "new-2")
            return [id_ for id_ in ids if conflict_of(fleet, tickets, id_)]

    lane = make_lane(rules=HouseRules(pass_back=Policy.ADMIT))
    state(2)
    for ticket, uses in (("new-1", None), ("new-2", 2)):
        for _n in range(2):
            assert decided(lane, code(ticket, uses=uses))[0] is Outcome.ADMIT
            clock.pass_seconds(60)
    assert conflicts() == []
    state(1)
    assert conflicts() == ["new-1"]
    facts = [one for one in journal_of(cut_off) if one.ticket == "new-1"]
    told = [(one, one.signed) for one in facts if one.signed is not None]
    unsaid = [replace(one, signed=replace(said, by_type=())) for one, said in told]
    with closing(Tickets(cut_off)) as tickets:
        tickets.refresh()
        type_of = tickets.replica.ticket_type
        assert limits(None, unsaid, type_of) == (2, 1) != limits(None, facts, type_of)
    state(3)
    assert decided(lane, code("new-1"))[0] is Outcome.ADMIT
    assert conflicts() == []


def no_type(_id: str) -> None:
    """No type is known."""


def test_a_current_list_holds_it(venue: Folder, make_lane: MakeLane) -> None:
    """A key may have been stolen; a supervisor, who asks, may admit."""
    give_keys(venue, event_key())
    lane = make_lane()
    verdict = lane.admit(Scan(code("forged-1")))
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLD, Reason.UNSEEN)
    admitted = lane.override(BOSS, "the desk sold it a minute ago", ticket="forged-1")
    assert admitted.outcome is Outcome.ADMIT
    entries = {one.act: one for one in journal_of(venue)}
    assert entries[Act.HOLD].signed == entries[Act.ADMISSION].signed
    assert fold(entries.values()).used == 1


def test_an_undo_names_it_and_frees_its_use(cut_off: Folder, make_lane: MakeLane) -> None:
    """As of every ticket: by what its code said, where the list has nothing to say."""
    lane = make_lane()
    lane.admit(Scan(code("new-1", seats=("A-12",))))
    undone = lane.undo()
    assert undone.ticket is not None
    assert (undone.ticket.id, undone.ticket.seats) == ("new-1", ("A-12",))
    assert decided(lane, code("new-1"))[0] is Outcome.ADMIT


@pytest.mark.parametrize("policy", Policy)
def test_the_event_and_its_types_decide(
    cut_off: Folder, make_lane: MakeLane, policy: Policy
) -> None:
    """Green with or without a flag, held, refused."""
    lane = make_lane(rules=HouseRules(by_type={"SHOW": HouseRules(unseen=policy)}))
    outcome = {Policy.HOLD: Outcome.HOLD, Policy.REFUSE: Outcome.REFUSE}.get(policy, Outcome.ADMIT)
    verdict = lane.admit(Scan(code("new-1")))
    assert (verdict.outcome, Flag.UNSEEN in verdict.flags) == (outcome, policy is Policy.FLAG)
    assert lane.admit(Scan(code("new-2", "VIP"))).outcome is Outcome.ATTENTION


def test_times_and_places_count_as_signed(cut_off: Folder, make_lane: MakeLane) -> None:
    """And those of its type, as for every ticket."""
    lane = make_lane(place=Place("North", entrance="North", zone="A"))
    assert decided(lane, code("a", begin=NOW + 60))[1] is Reason.TOO_EARLY
    assert decided(lane, code("b", end=NOW - 60))[1] is Reason.TOO_LATE
    assert decided(lane, code("c", entrance="South"))[1] is Reason.WRONG_ENTRANCE
    assert decided(lane, code("d", zone="B"))[1] is Reason.WRONG_ZONE
    assert decided(lane, code("e", "GONE")) == (Outcome.HOLD, Reason.TYPE_UNKNOWN)
    assert decided(lane, code("f", zone="A", entrance="north"))[0] is Outcome.ADMIT


def test_a_key_is_good_within_its_time(cut_off: Folder, make_lane: MakeLane) -> None:
    """For tickets that only it vouches for."""
    give_keys(cut_off, event_key(5, end=NOW - 1), event_key(6, begin=NOW + 60, end=NOW + 90))
    lane = make_lane()
    assert decided(lane, code("a", number=5, end=NOW + 60))[1] is Reason.TOO_LATE
    assert decided(lane, code("b", number=6))[1] is Reason.TOO_EARLY
    assert decided(lane, code("good-1", number=5))[0] is Outcome.ADMIT


def test_keys_retire_and_are_revoked(cut_off: Folder, make_lane: MakeLane) -> None:
    """What a retired one signed is good; a revoked one proves nothing, of a sold ticket neither."""
    lane = make_lane()
    assert decided(lane, code("new-1", number=3))[0] is Outcome.ADMIT
    for ticket in ("new-2", "good-1"):
        revoked = decided(lane, code(ticket, number=4))
        assert revoked == (Outcome.REFUSE, Reason.KEY_REVOKED)
    assert decided(lane, code("new-2", number=5)) == (Outcome.REFUSE, Reason.UNKNOWN)
    assert decided(lane, "GOOD001")[0] is Outcome.ADMIT


def test_what_the_list_knows_of_a_ticket_counts(cut_off: Folder, make_lane: MakeLane) -> None:
    """Void, or given another code since: the list's word beats a signature."""
    cut_off.enrolment.unlink()
    again = {"code": "RE-ISSUED", "type": "SHOW", "id": "re-1", "issue": 2}
    fill(cut_off, [again])
    lane = make_lane()
    assert decided(lane, code("void-1")) == (Outcome.REFUSE, Reason.REVOKED)
    assert decided(lane, code("re-1", issue=1)) == (Outcome.REFUSE, Reason.REPLACED)
    assert decided(lane, code("re-1", issue=2))[0] is Outcome.ADMIT
    assert lane.admit(Scan(code("good-3"))).basis is Basis.ONLY


def test_out_and_checked(cut_off: Folder, make_lane: MakeLane) -> None:
    """Nobody is kept in; checking redeems nothing."""
    lane = make_lane(direction=Direction.OUT)
    assert decided(lane, code("new-1")) == (Outcome.EXIT, Reason.EXITED)
    assert lane.check(code("new-2"), "camera").outcome is Outcome.VALID


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
LOSSY = {"gr>us"}
"""Where a Greek keyboard's two sigmas are one letter with Shift: nobody can tell what was typed."""


def garbled(text: str, detail: str) -> str:
    """What a computer makes of a code that a scanner types for another layout."""
    computer, _arrow, scanner = detail.partition(">")
    return "".join(retyped(one, scanner, computer) or "?" for one in text)


def test_every_layout_but_one_tells_the_characters_apart() -> None:
    """59 of 60; of Base45's characters, with $ % * + - . / and :, it would be 54 at the most."""

    def lossy(alphabet: str) -> set[str]:
        details = [flaw.detail for flaw in LAYOUT_FLAWS]
        return {one for one in details if len(set(garbled(alphabet, one))) < len(alphabet)}

    assert lossy(ALPHABET) == LOSSY
    assert len(LAYOUT_FLAWS) == 60
    assert len(lossy("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ$%*+-./:")) == 6


def test_a_signature_proves_what_a_scanner_meant(cut_off: Folder, make_lane: MakeLane) -> None:
    """In every layout that still tells the keys apart, without anything being established."""
    lane = make_lane()
    for detail in sorted({flaw.detail for flaw in LAYOUT_FLAWS} - LOSSY):
        verdict = lane.admit(Scan(garbled(code(f"by-{detail}"), detail), source="keyboard"))
        assert verdict.outcome is Outcome.ADMIT, detail
        assert verdict.ticket is not None
        assert verdict.ticket.id == f"by-{detail}"
    for n, text in enumerate(
        (
            code("case-1").lower(),
            f"%A{code('case-2')}",
            code("case-3")[3:],
            garbled(code("case-4"), "de>us").swapcase(),
        ),
        1,
    ):
        verdict = lane.admit(Scan(text, source="keyboard"))
        assert verdict.outcome is Outcome.ADMIT
        assert verdict.ticket is not None
        assert verdict.ticket.id == f"case-{n}"
        assert Flag.REPAIRED in verdict.flags
    assert lane.admit(Scan(code("case-5").lower(), source="camera")).reason is Reason.UNKNOWN


def test_an_address_around_it_is_put_right_as_well(cut_off: Folder, make_lane: MakeLane) -> None:
    """In every layout, in another case, and cut; an address of another host never."""
    urls = ("https://tickets.example/t/{code}",)
    lane = make_lane(rules=HouseRules(formats=CodeFormats(urls=urls)))

    def address(ticket: str, host: str = "tickets.example") -> str:
        return f"https://{host}/t/{code(ticket)}"

    typed_so = {
        "as-is": address("as-is"),
        "lower": address("lower").lower(),
        "upper": address("upper").upper(),
        "caps": address("caps").swapcase(),
        "added": f"%A{address('added')}",
        "cut": address("cut")[3:],
        **{
            name: garbled(address(name), f"{name}>us")
            for name in ("de", "fr", "es", "it", "ru", "ch")
        },
    }
    for ticket, text in typed_so.items():
        verdict = lane.admit(Scan(text, source="keyboard"))
        assert verdict.ticket is not None, (ticket, text)
        assert (verdict.outcome, verdict.ticket.id) == (Outcome.ADMIT, ticket)
    for text in (
        address("x", "other.example").lower(),
        garbled(address("x", "o.example"), "de>us"),
    ):
        assert typed(lane, text)[0] is not Outcome.ADMIT


def test_what_a_scanner_meant_is_proved_and_not_guessed(
    cut_off: Folder, make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: without that way a mistyped signed code is nobody's."""
    monkeypatch.setattr(identity, "_by_signature", lambda _scan, _tickets: None)
    lane = make_lane()
    assert typed(lane, code("case-1").lower()) == (Outcome.REFUSE, Reason.UNKNOWN)


def test_pretix_codes_are_tickets_of_their_types(
    cut_off: Folder, make_lane: MakeLane, clock: FixedClock
) -> None:
    """Known by their text; the list that comes later, without ids of its own, has the same id."""
    cut_off.enrolment.unlink()
    fill(cut_off, [{"id": "2", "kind": "MEETING_TICKET", "title": "Day"}])
    enrol(cut_off)
    lane, text = make_lane(), pretix_code()
    verdict = lane.admit(Scan(text))
    assert (verdict.outcome, verdict.basis) == (Outcome.ADMIT, Basis.UNSEEN)
    assert decided(lane, pretix_code(item=9))[1] is Reason.TYPE_UNKNOWN
    clock.pass_seconds(60)
    assert decided(lane, text)[1] is Reason.ALREADY_USED
    assert decided(lane, "A" + text[1:])[1] is Reason.UNKNOWN
    cut_off.enrolment.unlink()
    barred = pretix_code(seed="AAAAAAAAA")
    fill(cut_off, [{"code": text, "type": "2"}, {"code": barred, "type": "2", "status": "blocked"}])
    assert decided(lane, text)[1] is Reason.ALREADY_USED
    assert decided(lane, barred) == (Outcome.REFUSE, Reason.BLOCKED)


def test_without_looking_at_the_list_a_void_ticket_would_come_in(
    cut_off: Folder, make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation: a signature is not asked before the list."""
    lane = make_lane()

    def unseen_only(self: signed_look_up.SignedLookUp, text: str) -> signed_look_up.Proof | None:
        proved = self._proved(text)
        return None if proved is None else signed_look_up.Proof(self.unseen(*proved))

    monkeypatch.setattr(signed_look_up.SignedLookUp, "find", unseen_only)
    assert decided(lane, code("void-1"))[0] is Outcome.ADMIT


def test_a_code_is_verified_once_and_again_when_keys_change(
    cut_off: Folder, make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan is looked up before it is decided; what was revoked between both counts at once."""
    verified: list[str] = []
    proved = signed.proved

    def counted(text: str, keys: Iterable[EventKey]) -> tuple[Signed, EventKey] | None:
        verified.append(text)
        return proved(text, keys)

    monkeypatch.setattr(signed, "proved", counted)
    lane, text = make_lane(), code("new-1")
    assert lane.look_up(Scan(text)).result()
    assert lane.look_up(Scan(text)).result()
    assert verified == [text]
    give_keys(cut_off, event_key(state=KeyState.REVOKED))
    assert decided(lane, text) == (Outcome.REFUSE, Reason.KEY_REVOKED)


def test_a_list_that_comes_meanwhile_is_looked_at(cut_off: Folder, lane: Lane) -> None:
    """What is shown of a used ticket is the same, whoever tells of it."""
    first = lane.admit(Scan(code("good-1")))
    assert first.ticket is not None
    assert replace(first.ticket, code_state=first.ticket.code_state).signed is None
