"""The rule book. Each line of the table is a rule as the venue would tell it."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core import rules
from gate.core.boarding import Leg
from gate.core.clock_error import Source, TrueTime
from gate.core.entry import Act
from gate.core.history import History, Movement
from gate.core.outcome import Basis, Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Place, Policy, UnpaidPolicy
from gate.core.rotation import Rotation, Shown
from gate.core.rules import RULES, decide, overrule
from gate.core.signed_ticket import Signed
from gate.core.ticket import (
    CodeState,
    DoorAct,
    DoorWord,
    Kind,
    Status,
    Ticket,
    TicketType,
    WeeklyHours,
)
from gate.core.verdict import Context, Scan
from tests.support.venue import NOW, NOW_MS

HERE, ELSEWHERE = "device-a", "device-b"
TYPE_FIELDS = {field.name for field in dataclasses.fields(TicketType)}
RULE_FIELDS = {field.name for field in dataclasses.fields(HouseRules)}
PLACE_FIELDS = {field.name for field in dataclasses.fields(Place)}

Case = tuple[str, dict[str, Any], History, dict[str, Any], Outcome, Reason]


def moved(
    act: Act = Act.ADMISSION, *, ago_s: float = 600, device: str = ELSEWHERE, persons: int = 1
) -> Movement:
    return Movement(f"{device}.i", 1, 1, NOW_MS - int(ago_s * 1000), act, "North", "kim", persons)


def been(used: int = 1, inside: int = 1, last: Movement | None = None, **changes: Any) -> History:
    last = last or moved(**changes)
    return History(used=used, inside=inside, redemptions=used, first=last, last=last)


def timed(past: History) -> History:
    """The same, with when it was let in, which only rules of the organiser's ask for."""
    return dataclasses.replace(past, admitted_ms=(NOW_MS - 600_000,))


def claimed(past: History, otherwise: History) -> History:
    """A ticket of which another gate says, unconfirmed, that it has done ``otherwise``."""
    undo = Movement("device-c.i", 1, 1, NOW_MS - 60_000, Act.ANNULMENT, "South", "kim", 0)
    return dataclasses.replace(past, claims=(undo,), if_claimed=otherwise)


def asked_before(past: History) -> History:
    return dataclasses.replace(past, answered=frozenset({"meal"}))


MEAL = '[{"id": "meal", "text": "Which meal?"}]'
OF_VIPS = '[{"id": "meal", "text": "Which meal?", "types": ["vip"]}]'
PHOTO = '[{"id": "photo", "text": "A picture", "kind": "file"}]'
DEPENDS = (
    '[{"id": "meal", "text": "Which meal?"},'
    ' {"id": "bones", "text": "Without bones?", "depends_on": "meal", "depends_values": ["fish"]}]'
)
SEVERAL = (
    '[{"id": "talks", "text": "Which?", "kind": "choices", "options": [{"id": "a"}, {"id": "b"}]},'
    ' {"id": "seat", "text": "Where?", "depends_on": "talks", "depends_values": ["b"]}]'
)
FRESH = History()
OUT = Direction.OUT
BOTH = Direction.BOTH
CHECK = Direction.CHECK
A, E, T, R, H, S, V, Q = (
    Outcome.ADMIT,
    Outcome.EXIT,
    Outcome.ATTENTION,
    Outcome.REFUSE,
    Outcome.HOLD,
    Outcome.RESCAN,
    Outcome.VALID,
    Outcome.ASK,
)
SHOW = {"kind": Kind.MEETING}
PASS = {"kind": Kind.SCENIC, "use_limit": 10}
GROUP = {"kind": Kind.MEETING, "use_limit": 5, "party_size": 5}
FILM = {"kind": Kind.MOVIE, "show_time": NOW, "duration": 120}
FLIGHT = {"kind": Kind.BOARDING, "flight": "CE123", "checked_in": True}
NORTH = '{"inList": [{"var": "gate"}, {"objectList": [{"lookup": ["gate", "5", "North"]}]}]}'
ONCE = '{"<": [{"var": "entries_number"}, 1]}'
LATER = '{"isAfter": [{"var": "now"}, {"buildTime": ["custom", "2099-01-01T00:00:00Z"]}]}'
_SOON_AT = datetime.fromtimestamp(NOW + 60, UTC).isoformat()
SOON = json.dumps({"isAfter": [{"var": "now"}, {"buildTime": ["custom", _SOON_AT]}]})
LEG = Leg("ABC123", "PEK", "SHA", "CE", "123", 357, "Y", "1A", "25", "1")
"""On the day of ``NOW``."""
NEXT_LEG = dataclasses.replace(LEG, carrier="MU", number="5", origin="SHA", destination="CAN")
ALONE = {"basis": Basis.ALONE}
NEW = {"kind": Kind.MEETING, "signed": Signed("t", "T")}
OLD_LIST = {"list_as_of_ms": NOW_MS - 600_000}
OF_CONTEXT = (
    "clock_trusted", "basis", "zone_inside", "problem", "is_isolated", "legs", "list_as_of_ms",
    "true_time", "rotation",
)  # fmt: skip
PERIOD_MS = 15_000
STATIC, WRONG = Rotation(Shown.STATIC), Rotation(Shown.WRONG)
UNFOUND = Rotation(Shown.WRONG, needs_clock=True)
UNSURE = {"clock_trusted": False}


def code(ago_s: float, newest_s: float | None = None) -> Rotation:
    """A code that was good until so long ago; the newest that was used, so long ago."""
    newest = None if newest_s is None else NOW_MS - int(newest_s * 1000) - PERIOD_MS
    return Rotation(Shown.MOVING, NOW_MS - int(ago_s * 1000) - PERIOD_MS, PERIOD_MS, newest)


def measured(off_s: float = 0, error_s: float = 1) -> TrueTime:
    """The true time is so far from what the lane's clock shows, give or take."""
    middle, error = NOW_MS + int(off_s * 1000), int(error_s * 1000)
    return TrueTime(middle - error, middle + error, (Source.SERVER,))


SURE = {"true_time": measured()}
HOUR = 3600
DAY = 86400

# fmt: off
DOOR_BLOCK = (DoorWord(DoorAct.BLOCKED, "banned", "Eva", 1),)
DOOR_FREE = (*DOOR_BLOCK, DoorWord(DoorAct.FREED, "a mistake", "Eva", 2))
DOOR_NOTE = (DoorWord(DoorAct.NOTED, "friend of the house", "Eva", 1),)

BOOK: list[Case] = [
    ("a good ticket is admitted", SHOW, FRESH, {}, A, Reason.ADMITTED),
    ("a scenic ticket is admitted", {"kind": Kind.SCENIC}, FRESH, {}, A, Reason.ADMITTED),
    ("a checked-in passenger is admitted", FLIGHT, FRESH, {"flight": "CE123"}, A, Reason.ADMITTED),

    ("a ticket blocked at the door is refused", SHOW | {"door": DOOR_BLOCK}, FRESH, {}, R, Reason.BLOCKED_AT_DOOR),
    ("the door's word outranks the issuer's", SHOW | {"door": DOOR_BLOCK, "status": Status.REVOKED}, FRESH, {}, R, Reason.BLOCKED_AT_DOOR),
    ("one that is free again is as its issuer says", SHOW | {"door": DOOR_FREE, "status": Status.REVOKED}, FRESH, {}, R, Reason.REVOKED),
    ("one that is free again is admitted", SHOW | {"door": DOOR_FREE}, FRESH, {}, A, Reason.ADMITTED),
    ("a note of the door's refuses nobody", SHOW | {"door": DOOR_NOTE}, FRESH, {}, A, Reason.ADMITTED),
    ("nobody is kept in by a block", SHOW | {"door": DOOR_BLOCK}, been(), {"direction": OUT}, E, Reason.EXITED),
    ("a refunded ticket is refused", SHOW | {"status": Status.REVOKED}, FRESH, {}, R, Reason.REVOKED),
    ("a deleted ticket is refused", SHOW | {"status": Status.DELETED}, FRESH, {}, R, Reason.DELETED),
    ("a ticket being given away is refused", SHOW | {"status": Status.GIFTING}, FRESH, {}, R, Reason.GIFTING),
    ("a ticket given away is refused", SHOW | {"status": Status.TRANSFERRED}, FRESH, {}, R, Reason.TRANSFERRED),
    ("the giver's old code is refused", SHOW | {"code_state": CodeState.TRANSFERRED}, FRESH, {}, R, Reason.TRANSFERRED),
    ("a replaced code is refused", SHOW | {"code_state": CodeState.REPLACED}, FRESH, {}, R, Reason.REPLACED),
    ("an unclaimed ticket is refused", SHOW | {"status": Status.UNCLAIMED}, FRESH, {}, R, Reason.UNCLAIMED),
    ("whoever used all that one may use is refused", SHOW | {"status": Status.LIMITED}, FRESH, {}, R, Reason.LIMITED),
    ("a refund outranks a re-scan", SHOW | {"status": Status.REVOKED}, been(ago_s=2, device=HERE), {}, R, Reason.REVOKED),

    ("the same ticket within seconds is neutral", SHOW, been(ago_s=3, device=HERE), {}, S, Reason.SAME_TICKET),
    ("at another lane it is a second use", SHOW, been(ago_s=3, device=ELSEWHERE), {}, R, Reason.ALREADY_USED),
    ("ten seconds later it is a second use", SHOW, been(ago_s=11, device=HERE), {}, R, Reason.ALREADY_USED),
    ("a re-scan does not turn into an exit", SHOW, been(ago_s=3, device=HERE), {"direction": OUT}, S, Reason.SAME_TICKET),
    ("nor at a lane for both ways", SHOW, been(ago_s=3, device=HERE), {"direction": BOTH}, S, Reason.SAME_TICKET),
    ("a re-scan after a show ended is still neutral", SHOW | {"end_time": NOW - 1}, been(ago_s=3, device=HERE), {}, S, Reason.SAME_TICKET),
    ("a group ticket again offers the next person", GROUP, been(1, 1, ago_s=3, device=HERE), {}, S, Reason.MORE_USES),
    ("a full group is the same ticket", GROUP, been(5, 5, ago_s=3, device=HERE), {}, S, Reason.SAME_TICKET),
    ("a pass for one person offers nobody else", PASS, been(1, 1, ago_s=3, device=HERE), {}, S, Reason.SAME_TICKET),
    ("asked for by key it is the next person", GROUP, been(1, 1, ago_s=3, device=HERE), {"deliberate": True}, A, Reason.ADMITTED),

    ("another event's ticket is refused", SHOW | {"event": "E2"}, FRESH, {"event": "E1"}, R, Reason.WRONG_EVENT),
    ("a gate without an event does not mind", SHOW | {"event": "E2"}, FRESH, {}, A, Reason.ADMITTED),
    ("another place's ticket is refused", SHOW | {"locations": ("7",)}, FRESH, {"locations": ("8",)}, R, Reason.WRONG_PLACE),
    ("one shared place is enough", SHOW | {"locations": ("7", "8")}, FRESH, {"locations": ("8", "9")}, A, Reason.ADMITTED),
    ("a type this gate does not take is refused", SHOW, FRESH, {"accepted_types": ("VIP",)}, R, Reason.WRONG_TYPE),
    ("another entrance's ticket is refused", SHOW | {"entrance": "North-East"}, FRESH, {"entrance": "South"}, R, Reason.WRONG_ENTRANCE),
    ("case, width and spaces make no other entrance", SHOW | {"entrance": " door ３"}, FRESH, {"entrance": "Door 3"}, A, Reason.ADMITTED),
    ("a boarding pass goes by its gate", FLIGHT | {"gate": "A11"}, FRESH, {"entrance": "A12"}, R, Reason.WRONG_ENTRANCE),
    ("another zone's ticket is refused", SHOW | {"zone": "C"}, FRESH, {"zone": "D"}, R, Reason.WRONG_ZONE),
    ("another hall's ticket is refused", FILM | {"screening_room": "5"}, FRESH, {"screening_room": "6"}, R, Reason.WRONG_ROOM),
    ("another flight's passenger is refused", FLIGHT, FRESH, {"flight": "CE999"}, R, Reason.WRONG_FLIGHT),
    ("a pass for this flight and day is admitted", FLIGHT, FRESH, {"flight": "CE123", "legs": (LEG,)}, A, Reason.ADMITTED),
    ("a pass for no flight of this gate is refused, whatever its ticket says", FLIGHT | {"flight": ""}, FRESH, {"flight": "CE 0999", "legs": (LEG,)}, R, Reason.WRONG_FLIGHT),
    ("the ticket of another flight of the pass is refused", FLIGHT, FRESH, {"flight": "MU5", "legs": (LEG, NEXT_LEG)}, R, Reason.WRONG_LEG),
    ("a gate for any flight takes the pass", FLIGHT, FRESH, {"legs": (LEG,)}, A, Reason.ADMITTED),
    ("a pass for yesterday is refused", FLIGHT, FRESH, {"legs": (dataclasses.replace(LEG, day=356),)}, R, Reason.WRONG_DAY),
    ("a pass for next year's first day is refused", FLIGHT, FRESH, {"legs": (dataclasses.replace(LEG, day=1),)}, R, Reason.WRONG_DAY),
    ("the leg of the ticket is the one whose day counts", FLIGHT, FRESH, {"legs": (LEG, dataclasses.replace(NEXT_LEG, day=300))}, A, Reason.ADMITTED),
    ("a doubtful clock refuses no pass", FLIGHT, FRESH, {"legs": (dataclasses.replace(LEG, day=356),), "clock_trusted": False}, T, Reason.CLOCK_NOT_TRUSTED),
    ("a passenger who has not checked in is refused", FLIGHT | {"checked_in": False}, FRESH, {}, R, Reason.NOT_CHECKED_IN),

    ("one second before it begins is too early", SHOW | {"begin_time": NOW + 1}, FRESH, {}, R, Reason.TOO_EARLY),
    ("the second it begins is in time", SHOW | {"begin_time": NOW}, FRESH, {}, A, Reason.ADMITTED),
    ("the gate may open early", SHOW | {"begin_time": NOW + 600}, FRESH, {"early_s": 600}, A, Reason.ADMITTED),
    ("the last second is in time", SHOW | {"end_time": NOW}, FRESH, {}, A, Reason.ADMITTED),
    ("the second after is too late", SHOW | {"end_time": NOW - 1}, FRESH, {}, R, Reason.TOO_LATE),
    ("the gate may close late", SHOW | {"end_time": NOW - 600}, FRESH, {"late_s": 600}, A, Reason.ADMITTED),
    ("a type's range binds its tickets", SHOW | {"begin": NOW + 1}, FRESH, {}, R, Reason.TOO_EARLY),
    ("an expired ticket is too late whatever its times", SHOW | {"status": Status.EXPIRED}, FRESH, {}, R, Reason.TOO_LATE),
    ("before the film is too early", FILM | {"show_time": NOW + 60}, FRESH, {}, R, Reason.TOO_EARLY),
    ("after the film is too late", FILM | {"show_time": NOW - 2 * HOUR - 1}, FRESH, {}, R, Reason.TOO_LATE),
    ("before boarding is too early", FLIGHT | {"boarding_time": NOW + 1}, FRESH, {}, R, Reason.TOO_EARLY),
    ("after departure is too late", FLIGHT | {"departure_time": NOW - 1}, FRESH, {}, R, Reason.TOO_LATE),
    ("a one-day term ends with the day of claim", SHOW | {"term_days": 1, "claimed_at": NOW - DAY}, FRESH, {}, R, Reason.TOO_LATE),
    ("the day of claim is day 1", SHOW | {"term_days": 1, "claimed_at": NOW}, FRESH, {}, A, Reason.ADMITTED),
    ("a term may start days after the claim", SHOW | {"term_days": 5, "term_starts_after_days": 1, "claimed_at": NOW}, FRESH, {}, R, Reason.TOO_EARLY),
    ("a term ends with the type's last day", SHOW | {"term_days": 9, "claimed_at": NOW, "end": NOW - 1}, FRESH, {}, R, Reason.TOO_LATE),
    ("another weekday is outside the hours", SHOW | {"weekly": (WeeklyHours(1, 0, 1439),)}, FRESH, {}, R, Reason.OUTSIDE_HOURS),
    ("the organiser's rule refuses", SHOW | {"rule": NORTH}, FRESH, {"gate": "South"}, R, Reason.RULE),
    ("and lets in", SHOW | {"rule": NORTH}, FRESH, {"gate": "North"}, A, Reason.ADMITTED),
    ("the event's where the type has none", SHOW, FRESH, {"rule": NORTH, "gate": "South"}, R, Reason.RULE),
    ("and the type's own before it", SHOW | {"rule": "{}"}, FRESH, {"rule": NORTH, "gate": "South"}, A, Reason.ADMITTED),
    ("it makes no used ticket good", SHOW | {"rule": NORTH}, been(), {}, R, Reason.ALREADY_USED),
    ("it is told before that a ticket was used", SHOW | {"rule": ONCE}, timed(been()), {}, R, Reason.RULE),
    ("it bounds a pass", PASS | {"rule": ONCE}, timed(been(1, 0, act=Act.EXIT)), {}, R, Reason.RULE),
    ("who comes back is asked for it too", SHOW | {"rule": ONCE}, timed(been(1, 0, act=Act.EXIT)), {}, R, Reason.RULE),
    ("nobody is kept from going out by it", SHOW | {"rule": ONCE}, timed(been()), {"direction": OUT}, E, Reason.EXITED),
    ("a refund is told first", SHOW | {"rule": ONCE, "status": Status.REVOKED}, timed(been()), {}, R, Reason.REVOKED),
    ("what it does not know waits", SHOW | {"rule": '{"xor": [1, 2]}'}, FRESH, {}, H, Reason.RULE_UNREADABLE),
    ("what is no rule waits", SHOW | {"rule": "after six"}, FRESH, {}, H, Reason.RULE_UNREADABLE),
    ("a rule about time refuses nobody by a doubtful clock", SHOW | {"rule": LATER}, FRESH, {"clock_trusted": False}, T, Reason.CLOCK_NOT_TRUSTED),
    ("but by one that is trusted", SHOW | {"rule": LATER}, FRESH, {}, R, Reason.RULE),
    ("within its clock's error it refuses nobody", SHOW | {"rule": SOON}, FRESH, {"true_time": measured(0, 90)}, T, Reason.CLOCK_NOT_TRUSTED),
    ("beyond it it does", SHOW | {"rule": SOON}, FRESH, {"true_time": measured(0, 20)}, R, Reason.RULE),
    ("by the time that is true it lets in", SHOW | {"rule": SOON}, FRESH, {"true_time": measured(120)}, A, Reason.ADMITTED),
    ("a rule about gates needs no clock", SHOW | {"rule": NORTH}, FRESH, {"clock_trusted": False}, A, Reason.ADMITTED),
    ("an undo that is only claimed may meet it", SHOW | {"rule": ONCE}, claimed(timed(been()), FRESH), {}, T, Reason.UNDO_CLAIMED),
    ("what no undo changes refuses", SHOW | {"rule": NORTH}, claimed(been(), FRESH), {"gate": "South"}, R, Reason.RULE),
    ("checking tells it", SHOW | {"rule": ONCE}, timed(been()), {"direction": CHECK}, R, Reason.RULE),
    ("within the weekday's hours is fine", SHOW | {"weekly": (WeeklyHours(3, 720, 780),)}, FRESH, {}, A, Reason.ADMITTED),
    ("hours may run past midnight", SHOW | {"weekly": (WeeklyHours(2, 1380, 750),)}, FRESH, {}, A, Reason.ADMITTED),
    ("a doubtful clock refuses nobody early", SHOW | {"begin_time": NOW + 1}, FRESH, {"clock_trusted": False}, T, Reason.CLOCK_NOT_TRUSTED),
    ("nor late", SHOW | {"end_time": NOW - 1}, FRESH, {"clock_trusted": False}, T, Reason.CLOCK_NOT_TRUSTED),
    ("nor outside the hours", SHOW | {"weekly": (WeeklyHours(1, 0, 1439),)}, FRESH, {"clock_trusted": False}, T, Reason.CLOCK_NOT_TRUSTED),
    ("a clock that is measured refuses, whatever else is said of it", SHOW | {"begin_time": NOW + 60}, FRESH, UNSURE | SURE, R, Reason.TOO_EARLY),
    ("and by the time that is true", SHOW | {"begin_time": NOW + 60}, FRESH, {"true_time": measured(120)}, A, Reason.ADMITTED),
    ("within its error it refuses nobody early", SHOW | {"begin_time": NOW + 60}, FRESH, {"true_time": measured(0, 90)}, T, Reason.CLOCK_NOT_TRUSTED),
    ("nor late, within it", SHOW | {"end_time": NOW - 60}, FRESH, {"true_time": measured(0, 90)}, T, Reason.CLOCK_NOT_TRUSTED),
    ("late beyond its error is too late", SHOW | {"end_time": NOW - 100}, FRESH, {"true_time": measured(0, 90)}, R, Reason.TOO_LATE),
    ("the hours count at both ends of it", SHOW | {"weekly": (WeeklyHours(1, 0, 1439),)}, FRESH, UNSURE | SURE, R, Reason.OUTSIDE_HOURS),
    ("those who know the time contradict each other", SHOW | {"begin_time": NOW + 60}, FRESH, {"true_time": measured(0, 900)}, T, Reason.CLOCK_NOT_TRUSTED),

    ("a live code is admitted", SHOW, FRESH, SURE | {"rotation": code(-5)}, A, Reason.ADMITTED),
    ("also just after its period", SHOW, FRESH, SURE | {"rotation": code(14)}, A, Reason.ADMITTED),
    ("or a little before it", SHOW, FRESH, SURE | {"rotation": code(-PERIOD_MS / 1000 - 5)}, A, Reason.ADMITTED),
    ("half a minute ago may be the phone's clock", SHOW, FRESH, SURE | {"rotation": code(35)}, T, Reason.CODE_CLOCK),
    ("the error of ours widens the window", SHOW, FRESH, {"true_time": measured(0, 30), "rotation": code(35)}, A, Reason.ADMITTED),
    ("a code from ahead is looked at", SHOW, FRESH, SURE | {"rotation": code(-PERIOD_MS / 1000 - 10)}, T, Reason.CODE_CLOCK),
    ("also from an hour ahead", SHOW, FRESH, SURE | {"rotation": code(-HOUR)}, T, Reason.CODE_CLOCK),
    ("three minutes ago is a picture", SHOW, FRESH, SURE | {"rotation": code(180)}, R, Reason.STALE_CODE),
    ("an hour ago is a picture", SHOW, FRESH, SURE | {"rotation": code(HOUR)}, R, Reason.STALE_CODE),
    ("also by a clock that nobody has measured", SHOW, FRESH, {"rotation": code(HOUR)}, R, Reason.STALE_CODE),
    ("which may be minutes off", SHOW, FRESH, {"rotation": code(300)}, T, Reason.CODE_CLOCK),
    ("a clock that is not trusted refuses no code", SHOW, FRESH, UNSURE | {"rotation": code(HOUR)}, T, Reason.CLOCK_NOT_TRUSTED),
    ("nor lets the live one in unseen", SHOW, FRESH, UNSURE | {"rotation": code(0)}, T, Reason.CLOCK_NOT_TRUSTED),
    ("nor one that it cannot find", SHOW, FRESH, UNSURE | {"rotation": UNFOUND}, T, Reason.CLOCK_NOT_TRUSTED),
    ("one that no clock finds is wrong", SHOW, FRESH, {"rotation": UNFOUND}, R, Reason.WRONG_CODE),
    ("one that is wrong at its own time is wrong by any clock", SHOW, FRESH, UNSURE | {"rotation": WRONG}, R, Reason.WRONG_CODE),
    ("an older code than one that was used is refused", PASS, been(1, 0), SURE | {"rotation": code(10, -5)}, R, Reason.REPLAYED_CODE),
    ("by any clock", PASS, been(1, 0), UNSURE | {"rotation": code(10, -5)}, R, Reason.REPLAYED_CODE),
    ("the same code is of the same moment", GROUP, been(1, 1), SURE | {"rotation": code(5, 5)}, A, Reason.ADMITTED),
    ("the part that does not move is refused", SHOW, FRESH, {"rotation": STATIC}, R, Reason.STATIC_CODE),
    ("or waits", SHOW, FRESH, {"rotation": STATIC, "static_codes": Policy.HOLD}, H, Reason.STATIC_CODE),
    ("or is looked at", SHOW, FRESH, {"rotation": STATIC, "static_codes": Policy.FLAG}, T, Reason.STATIC_CODE),
    ("or is let in, as the event has decided", SHOW, FRESH, {"rotation": STATIC, "static_codes": Policy.ADMIT}, A, Reason.ADMITTED),
    ("a picture of a used ticket is a picture", SHOW, been(), SURE | {"rotation": code(HOUR)}, R, Reason.STALE_CODE),
    ("too late comes before the code", SHOW | {"end_time": NOW - 60}, FRESH, SURE | {"rotation": code(HOUR)}, R, Reason.TOO_LATE),
    ("nobody is kept in by a picture", SHOW, been(), SURE | {"rotation": code(HOUR), "direction": OUT}, E, Reason.EXITED),

    ("a gate that was never told where it is waits", SHOW | {"entrance": "West"}, FRESH, {"is_known": False}, H, Reason.PLACE_UNKNOWN),
    ("as it does for a ticket of one zone", SHOW | {"zone": "A"}, FRESH, {"is_known": False}, H, Reason.PLACE_UNKNOWN),
    ("a ticket for anywhere needs no place", SHOW, FRESH, {"is_known": False}, A, Reason.ADMITTED),
    ("whoever leaves is never kept for it", SHOW | {"entrance": "West"}, been(), {"is_known": False, "direction": OUT}, E, Reason.EXITED),
    ("a gate that was told any place takes all", SHOW | {"entrance": "West"}, FRESH, {}, A, Reason.ADMITTED),
    ("a type may open earlier than its event", SHOW | {"begin_time": NOW + 60}, FRESH, {"by_type": {"T": HouseRules(early_s=60)}}, A, Reason.ADMITTED),
    ("another type's rules are not this one's", SHOW | {"begin_time": NOW + 60}, FRESH, {"by_type": {"U": HouseRules(early_s=60)}}, R, Reason.TOO_EARLY),
    ("a ticket without times needs no clock", SHOW, FRESH, {"clock_trusted": False}, A, Reason.ADMITTED),
    ("a doubtful clock excuses no second use", SHOW | {"end_time": NOW + 1}, been(), {"clock_trusted": False}, R, Reason.ALREADY_USED),

    ("a used ticket is refused", SHOW, been(), {}, R, Reason.ALREADY_USED),
    ("consumed elsewhere is refused", SHOW | {"status": Status.CONSUMED}, FRESH, {}, R, Reason.USED_ELSEWHERE),
    ("going out and coming back is a re-entry", SHOW, been(1, 0, act=Act.EXIT), {}, A, Reason.REENTRY),
    ("re-entry can be switched off", SHOW, been(1, 0, act=Act.EXIT), {"reentry": False}, R, Reason.ALREADY_USED),
    ("re-entry can run out", SHOW, been(1, 0, act=Act.EXIT, ago_s=601), {"reentry_s": 600}, R, Reason.ALREADY_USED),
    ("one comes back on a ticket consumed upstream", SHOW | {"status": Status.CONSUMED}, been(1, 0, act=Act.EXIT), {}, A, Reason.REENTRY),
    ("a pass comes back free on the same day", PASS, been(1, 0, act=Act.EXIT), {}, A, Reason.REENTRY),
    ("on the next day a pass costs a visit", PASS, been(1, 0, act=Act.EXIT, ago_s=DAY), {}, A, Reason.ADMITTED),
    ("a pass is spent after its last visit", PASS, been(10, 0, act=Act.EXIT, ago_s=DAY), {}, R, Reason.ALREADY_USED),
    ("more people than a group has left are refused", GROUP, been(3, 3), {"persons": 3, "deliberate": True}, R, Reason.NOT_ENOUGH_USES),
    ("as many as are left are admitted", GROUP, been(3, 3), {"persons": 2, "deliberate": True}, A, Reason.ADMITTED),
    ("a spent group ticket is refused", GROUP, been(5, 5), {}, R, Reason.ALREADY_USED),
    ("a pass inside cannot be passed back", PASS, been(1, 1), {}, R, Reason.PASS_BACK),
    ("after an hour it counts as gone out unseen", PASS, been(1, 1, ago_s=3601), {}, A, Reason.ADMITTED),
    ("pass-back until the exit", PASS, been(1, 1, ago_s=9999), {"pass_back_s": 0}, R, Reason.PASS_BACK),
    ("pass-back may be only noted", PASS, been(1, 1), {"pass_back": Policy.FLAG}, T, Reason.PASS_BACK),
    ("pass-back may call the supervisor", PASS, been(1, 1), {"pass_back": Policy.HOLD}, H, Reason.PASS_BACK),
    ("pass-back may be ignored", PASS, been(1, 1), {"pass_back": Policy.ADMIT}, A, Reason.ADMITTED),
    ("a full zone is refused", SHOW, FRESH, {"zone_capacity": 100, "zone_inside": 100}, R, Reason.ZONE_FULL),
    ("the last place is given", SHOW, FRESH, {"zone_capacity": 100, "zone_inside": 99}, A, Reason.ADMITTED),
    ("a full zone stops a noted pass-back too", PASS, been(1, 1), {"pass_back": Policy.FLAG, "zone_capacity": 1, "zone_inside": 1}, R, Reason.ZONE_FULL),

    ("used, and undone by another gate's word alone, calls for a look", SHOW, claimed(been(), FRESH), {}, T, Reason.UNDO_CLAIMED),
    ("two uses of which one is said to be undone are refused", SHOW, claimed(been(2, 2), been()), {}, R, Reason.ALREADY_USED),
    ("back on an exit that is said to be undone calls for a look", SHOW, claimed(been(1, 0, act=Act.EXIT), been()), {}, T, Reason.UNDO_CLAIMED),
    ("a pass that may come in either way needs no look", PASS, claimed(been(1, 0, ago_s=DAY), FRESH), {}, A, Reason.ADMITTED),
    ("a pass inside whose entry is said to be undone calls for a look", PASS, claimed(been(1, 1), FRESH), {}, T, Reason.UNDO_CLAIMED),
    ("an undo that is not confirmed makes no re-scan", SHOW, claimed(been(ago_s=3, device=HERE), FRESH), {}, S, Reason.SAME_TICKET),
    ("nor does it open a full zone", SHOW, claimed(been(), FRESH), {"zone_capacity": 1, "zone_inside": 1}, R, Reason.ZONE_FULL),
    ("it comes before a note", SHOW | {"attention": "ID"}, claimed(been(), FRESH), {}, T, Reason.UNDO_CLAIMED),

    ("alone, a ticket is admitted and flagged", SHOW, FRESH, ALONE, A, Reason.ADMITTED),
    ("alone, the venue may hold", SHOW, FRESH, ALONE | {"alone": Policy.HOLD}, H, Reason.ALONE),
    ("nobody heard for too long", SHOW, FRESH, {"is_isolated": True}, H, Reason.ISOLATED),
    ("isolated comes before alone", SHOW, FRESH, ALONE | {"is_isolated": True}, H, Reason.ISOLATED),
    ("alone, the venue may refuse", SHOW, FRESH, ALONE | {"alone": Policy.REFUSE}, R, Reason.ALONE),
    ("alone, a type may differ from its gate", SHOW, FRESH, ALONE | {"alone_by_type": {"T": Policy.HOLD}}, H, Reason.ALONE),
    ("not alone, the policy sleeps", SHOW, FRESH, {"alone": Policy.REFUSE}, A, Reason.ADMITTED),

    ("signed, and not in an old list, is admitted and flagged", NEW, FRESH, OLD_LIST, A, Reason.ADMITTED),
    ("the venue may hold it", NEW, FRESH, OLD_LIST | {"unseen": Policy.HOLD}, H, Reason.UNSEEN),
    ("the venue may refuse it", NEW, FRESH, OLD_LIST | {"unseen": Policy.REFUSE}, R, Reason.UNSEEN),
    ("signed, and not in a list that is current, is held", NEW, FRESH, {}, H, Reason.UNSEEN),
    ("which the venue may have otherwise", NEW, FRESH, {"unseen_current": Policy.ADMIT}, A, Reason.ADMITTED),
    ("unseen and alone is what is stricter: alone", NEW, FRESH, OLD_LIST | ALONE | {"alone": Policy.REFUSE}, R, Reason.UNSEEN),
    ("unseen and alone is what is stricter: unseen", NEW, FRESH, OLD_LIST | ALONE | {"unseen": Policy.HOLD}, H, Reason.UNSEEN),
    ("a ticket in the list is not unseen", SHOW, FRESH, OLD_LIST | {"unseen": Policy.REFUSE}, A, Reason.ADMITTED),
    ("signed and used is refused as used", NEW, been(), OLD_LIST, R, Reason.ALREADY_USED),
    ("also where the list is current", NEW, been(), {}, R, Reason.ALREADY_USED),
    ("signed, of a type that is not known, is held", NEW | {"has_type": False}, FRESH, OLD_LIST, H, Reason.TYPE_UNKNOWN),
    ("signed and replaced is refused", SHOW | {"code_state": CodeState.REPLACED}, FRESH, OLD_LIST, R, Reason.REPLACED),
    ("what is signed goes out", NEW, been(), {"direction": OUT}, E, Reason.EXITED),

    ("a ticket's note calls for a look", SHOW | {"attention": "Under age"}, FRESH, {}, T, Reason.LOOK),
    ("a type's note calls for a look", SHOW | {"type_attention": "ID"}, FRESH, {}, T, Reason.LOOK),
    ("a note comes before the clock", SHOW | {"attention": "ID", "end_time": NOW}, FRESH, {"clock_trusted": False}, T, Reason.LOOK),

    ("going out is recorded", SHOW, been(), {"direction": OUT}, E, Reason.EXITED),
    ("nobody is kept in for a refund", SHOW | {"status": Status.REVOKED}, been(), {"direction": OUT}, E, Reason.EXITED),
    ("nobody is kept in by the clock", SHOW | {"end_time": NOW - HOUR}, been(), {"direction": OUT}, E, Reason.EXITED),
    ("nobody is kept in by being alone", SHOW, been(), {"direction": OUT, "alone": Policy.REFUSE} | ALONE, E, Reason.EXITED),
    ("an exit nobody saw enter is recorded", SHOW, FRESH, {"direction": OUT}, E, Reason.EXITED),
    ("a second exit is recorded", SHOW, been(1, 0, act=Act.EXIT), {"direction": OUT}, E, Reason.EXITED),
    ("one of a group going out offers the next", GROUP, been(5, 4, act=Act.EXIT, ago_s=3, device=HERE), {"direction": OUT}, S, Reason.MORE_USES),
    ("at a lane for both ways a guest inside goes out", SHOW, been(), {"direction": BOTH}, E, Reason.EXITED),
    ("at a lane for both ways a guest outside comes in", SHOW, FRESH, {"direction": BOTH}, A, Reason.ADMITTED),
    ("at a lane for both ways a group comes in until whole", GROUP, been(2, 2), {"direction": BOTH}, A, Reason.ADMITTED),

    ("what is not paid for is refused", SHOW | {"status": Status.UNPAID}, FRESH, {}, R, Reason.UNPAID),
    ("or asked about", SHOW | {"status": Status.UNPAID}, FRESH, {"unpaid": UnpaidPolicy.ASK}, Q, Reason.UNPAID),
    ("paid at the door it is good", SHOW | {"status": Status.UNPAID}, FRESH, {"unpaid": UnpaidPolicy.ASK, "answers": {Reason.UNPAID: True}}, A, Reason.ADMITTED),
    ("not paid there either it is refused", SHOW | {"status": Status.UNPAID}, FRESH, {"unpaid": UnpaidPolicy.ASK, "answers": {Reason.UNPAID: False}}, R, Reason.UNPAID),
    ("an event may let in who pays later", SHOW | {"status": Status.UNPAID}, FRESH, {"unpaid": UnpaidPolicy.ADMIT}, A, Reason.ADMITTED),
    ("nobody is asked for money on a used ticket", SHOW | {"status": Status.UNPAID}, been(), {"unpaid": UnpaidPolicy.ASK}, R, Reason.ALREADY_USED),
    ("an order that waits for a yes is refused", SHOW | {"status": Status.UNAPPROVED}, FRESH, {}, R, Reason.UNAPPROVED),
    ("a blocked ticket is refused", SHOW | {"status": Status.BLOCKED}, FRESH, {}, R, Reason.BLOCKED),
    ("an event's questions are asked", SHOW, FRESH, {"questions": MEAL}, Q, Reason.ANSWERS),
    ("answered, they let in", SHOW, FRESH, {"questions": MEAL, "given": {"meal": "soup"}}, A, Reason.ADMITTED),
    ("what was answered before is not asked", SHOW | {"answers": {"meal": "soup"}}, FRESH, {"questions": MEAL}, A, Reason.ADMITTED),
    ("nor what was put to who came first on the ticket", GROUP, asked_before(been(1, 1)), {"questions": MEAL}, A, Reason.ADMITTED),
    ("nor to tickets of other types", SHOW, FRESH, {"questions": OF_VIPS}, A, Reason.ADMITTED),
    ("a type is known by what rules call it, too", SHOW | {"product": "vip"}, FRESH, {"questions": OF_VIPS}, Q, Reason.ANSWERS),
    ("a dependent question waits for that answer", SHOW, FRESH, {"questions": DEPENDS, "given": {"meal": "soup"}}, A, Reason.ADMITTED),
    ("and comes with it", SHOW, FRESH, {"questions": DEPENDS, "given": {"meal": "fish"}}, Q, Reason.ANSWERS),
    ("also where it was given before", SHOW | {"answers": {"meal": "fish"}}, FRESH, {"questions": DEPENDS}, Q, Reason.ANSWERS),
    ("of several choices one is enough", SHOW | {"answers": {"talks": "a,b"}}, FRESH, {"questions": SEVERAL}, Q, Reason.ANSWERS),
    ("answers make no used ticket good", SHOW, been(), {"questions": MEAL, "given": {"meal": "soup"}}, R, Reason.ALREADY_USED),
    ("skipping is the organiser's to allow", SHOW, FRESH, {"questions": MEAL, "skips": True}, Q, Reason.ANSWERS),
    ("and then lets in", SHOW, FRESH, {"questions": MEAL, "skips": True, "skip_questions": True}, A, Reason.ADMITTED),
    ("a file that is needed holds the guest", SHOW, FRESH, {"questions": PHOTO}, H, Reason.ANSWERS),
    ("what this program cannot read does so, too", SHOW, FRESH, {"questions": "[1"}, H, Reason.ANSWERS),
    ("nobody is asked on the way out", SHOW, been(), {"questions": MEAL, "direction": OUT}, E, Reason.EXITED),
    ("checking asks nobody, and says what would be asked", SHOW, FRESH, {"questions": MEAL, "direction": CHECK}, V, Reason.ANSWERS),
    ("who was asked at a lane for both ways wants in", SHOW, been(), {"questions": MEAL, "given": {"meal": "soup"}, "direction": BOTH}, R, Reason.ALREADY_USED),
    ("a type asks before anybody goes in", SHOW | {"ask": "ID seen?"}, FRESH, {}, Q, Reason.QUESTION),
    ("yes lets in", SHOW | {"ask": "ID seen?"}, FRESH, {"answers": {Reason.QUESTION: True}}, A, Reason.ADMITTED),
    ("no is a refusal", SHOW | {"ask": "ID seen?"}, FRESH, {"answers": {Reason.QUESTION: False}}, R, Reason.QUESTION),
    ("an event may ask at every ticket", SHOW, FRESH, {"ask": "Over 18?"}, Q, Reason.QUESTION),
    ("a yes to one question is none to another", SHOW | {"status": Status.UNPAID, "ask": "ID seen?"}, FRESH, {"unpaid": UnpaidPolicy.ASK, "answers": {Reason.UNPAID: True}}, Q, Reason.QUESTION),
    ("a yes makes no used ticket good", SHOW | {"ask": "ID seen?"}, been(), {"answers": {Reason.QUESTION: True}}, R, Reason.ALREADY_USED),
    ("a no stays one, also where nobody asks any more", SHOW, FRESH, {"answers": {Reason.QUESTION: False}}, R, Reason.QUESTION),
    ("nor does money that was taken elsewhere make a yes of it", GROUP | {"status": Status.UNPAID}, been(1, 1), {"unpaid": UnpaidPolicy.ASK, "answers": {Reason.UNPAID: False}}, R, Reason.UNPAID),
    ("money is taken once", GROUP | {"status": Status.UNPAID}, been(1, 1), {"unpaid": UnpaidPolicy.ASK}, A, Reason.ADMITTED),
    ("every person is asked", GROUP | {"ask": "ID seen?"}, been(1, 1), {}, Q, Reason.QUESTION),
    ("at a lane for both ways whoever was asked does not go out", SHOW | {"ask": "ID seen?"}, been(), {"direction": BOTH, "answers": {Reason.QUESTION: True}}, R, Reason.ALREADY_USED),
    ("whoever leaves is asked nothing", SHOW | {"ask": "ID seen?"}, been(), {"direction": OUT}, E, Reason.EXITED),
    ("checking asks nothing and tells the question", SHOW | {"ask": "ID seen?"}, FRESH, {"direction": CHECK}, V, Reason.QUESTION),

    ("checking redeems nothing", SHOW, FRESH, {"direction": CHECK}, V, Reason.ADMITTED),
    ("checking tells a second use", SHOW, been(), {"direction": CHECK}, R, Reason.ALREADY_USED),
    ("checking tells the note", SHOW | {"attention": "ID"}, FRESH, {"direction": CHECK}, V, Reason.LOOK),
    ("checking right after an admission is neutral", SHOW, been(ago_s=3, device=HERE), {"direction": CHECK}, S, Reason.SAME_TICKET),
]
# fmt: on


def situation(said: dict[str, Any], changes: dict[str, Any]) -> tuple[Ticket, Scan, Context]:
    """Spread a case's words over the values they belong to."""
    of_type = {k: v for k, v in said.items() if k in TYPE_FIELDS and k not in ("attention", "gate")}
    of_type["attention"] = said.get("type_attention", "")
    of_ticket = {
        k: v for k, v in said.items() if k not in of_type and k not in ("kind", "type_attention")
    }
    of_ticket |= {k: said[k] for k in ("attention", "gate") if k in said}
    ticket = Ticket("t", TicketType("T", **{"time_zone": "Asia/Shanghai", **of_type}), **of_ticket)
    scan = Scan(
        "CODE",
        persons=changes.get("persons", 1),
        deliberate="deliberate" in changes,
        answers=changes.get("answers", {}),
        given=changes.get("given", {}),
        skips=changes.get("skips", False),
    )
    house = HouseRules(**{k: v for k, v in changes.items() if k in RULE_FIELDS})
    place = Place(**{"gate": "North", **{k: v for k, v in changes.items() if k in PLACE_FIELDS}})
    rest = {k: v for k, v in changes.items() if k in OF_CONTEXT}
    direction = changes.get("direction", Direction.IN)
    return ticket, scan, Context(NOW_MS, HERE, direction, place, house, **rest)


@pytest.mark.parametrize(
    ("said", "history", "changes", "outcome", "reason"),
    [case[1:] for case in BOOK],
    ids=[case[0] for case in BOOK],
)
def test_the_rule_book(
    said: dict[str, Any],
    history: History,
    changes: dict[str, Any],
    outcome: Outcome,
    reason: Reason,
) -> None:
    """Every line of the rule book holds."""
    ticket, scan, context = situation(said, changes)
    verdict = decide(ticket, history, scan, context)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("outcome", "answers", "direction", "flags"),
    [
        (Q, {}, Direction.IN, ()),
        (A, {Reason.QUESTION: True}, Direction.IN, (Flag.YES,)),
        (R, {Reason.QUESTION: False}, Direction.IN, (Flag.NO,)),
        (V, {}, CHECK, ()),
    ],
)
def test_what_was_asked_is_told(
    outcome: Outcome, answers: dict[Reason, bool], direction: Direction, flags: tuple[Flag, ...]
) -> None:
    """With its answer, if there is one; where it was answered by yes it is no reason any more."""
    changes = {"answers": answers, "direction": direction}
    ticket, scan, context = situation(SHOW | {"ask": "ID seen?"}, changes)
    verdict = decide(ticket, FRESH, scan, context)
    assert (verdict.outcome, verdict.flags) == (outcome, flags)
    assert verdict.question == ("" if outcome is A else "ID seen?")
    assert (verdict.uses, verdict.persons) == ((1, 1) if outcome is A else (0, 0))


def test_the_book_has_every_reason_a_ticket_can_meet() -> None:
    """No reason is without a line, so none can change unnoticed."""
    told = {case[5] for case in BOOK}
    not_about_tickets = {
        Reason.UNREADABLE, Reason.UNKNOWN, Reason.AMBIGUOUS, Reason.TWO_TICKETS, Reason.FAULT,
        Reason.OVERRIDE, Reason.GATE_REVOKED, Reason.KEY_REVOKED,
    }  # fmt: skip
    assert set(Reason) - told == not_about_tickets


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_the_book_notices_a_missing_rule(rule: rules.Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: without any one rule, some line of the book fails."""
    monkeypatch.setattr(rules, "RULES", tuple(r for r in RULES if r is not rule))
    wrong = 0
    for _name, said, history, changes, outcome, reason in BOOK:
        verdict = decide(*situation_with(said, history, changes))
        wrong += (verdict.outcome, verdict.reason) != (outcome, reason)
    assert wrong > 0


def test_the_strongest_objection_is_told_first() -> None:
    """When everything is wrong at once, the reasons come in the order of the rule book."""
    told = [reason for rule in RULES if (reason := rule(*everything_wrong()))]
    assert told == [
        Reason.BLOCKED_AT_DOOR,
        Reason.REVOKED,
        Reason.REPLACED,
        Reason.SAME_TICKET,
        Reason.TYPE_UNKNOWN,
        Reason.WRONG_EVENT,
        Reason.WRONG_PLACE,
        Reason.WRONG_TYPE,
        Reason.WRONG_ENTRANCE,
        Reason.WRONG_ZONE,
        Reason.WRONG_ROOM,
        Reason.WRONG_FLIGHT,
        Reason.PLACE_UNKNOWN,
        Reason.NOT_CHECKED_IN,
        Reason.TOO_EARLY,
        Reason.TOO_LATE,
        Reason.OUTSIDE_HOURS,
        Reason.RULE,
        Reason.ALREADY_USED,
        Reason.PASS_BACK,
        Reason.ZONE_FULL,
        Reason.ISOLATED,
        Reason.UNSEEN,
        Reason.ALONE,
        Reason.QUESTION,
        Reason.LOOK,
    ]
    assert decide(*everything_wrong()).reason is Reason.BLOCKED_AT_DOOR


def situation_with(
    said: dict[str, Any], history: History, changes: dict[str, Any]
) -> tuple[Ticket, History, Scan, Context]:
    ticket, scan, context = situation(said, changes)
    return ticket, history, scan, context


def everything_wrong() -> tuple[Ticket, History, Scan, Context]:
    said = FLIGHT | {
        "door": DOOR_BLOCK,
        "status": Status.REVOKED,
        "code_state": CodeState.REPLACED,
        "checked_in": False,
        "gate": "N",
        "weekly": (WeeklyHours(1, 0, 1439),),
        "event": "E2",
        "locations": ("7",),
        "entrance": "N",
        "zone": "C",
        "screening_room": "1",
        "flight": "X",
        "begin_time": NOW + 5,
        "end_time": NOW - 5,
        "attention": "ID",
        "ask": "Over 18?",
        "signed": Signed("t", "T"),
        "has_type": False,
        "rule": NORTH,
    }
    changes = {
        "gate": "South",
        "event": "E1",
        "locations": ("8",),
        "accepted_types": ("V",),
        "entrance": "S",
        "zone": "D",
        "screening_room": "2",
        "flight": "Y",
        "is_known": False,
        "zone_capacity": 0,
        "basis": Basis.ALONE,
        "alone": Policy.REFUSE,
        "is_isolated": True,
    }
    return situation_with(said, been(ago_s=1, device=HERE), changes)


def test_what_goes_by_its_signature_is_worth_least() -> None:
    """Whoever was heard, and as of when the list is says the verdict."""
    for changes in (OLD_LIST, OLD_LIST | ALONE, OLD_LIST | {"basis": Basis.LAN}):
        verdict = decide(*situation_with(NEW, FRESH, changes))
        assert (verdict.basis, verdict.basis_age_ms) == (Basis.UNSEEN, None)
        assert verdict.list_as_of_ms == OLD_LIST["list_as_of_ms"]
    assert decide(*situation_with(SHOW, FRESH, {})).basis is Basis.ONLY


def test_an_unknown_code_is_refused_in_every_direction() -> None:
    """A code nobody issued never opens the gate and is never a recorded exit."""
    for direction in Direction:
        _ticket, scan, context = situation(SHOW, {"direction": direction})
        verdict = decide(None, FRESH, scan, context)
        assert (verdict.outcome, verdict.reason) == (R, Reason.UNKNOWN)


def test_an_unreadable_code_comes_before_everything() -> None:
    """What is no code is refused as such even when a ticket were at hand."""
    ticket, scan, context = situation(SHOW, {"problem": Reason.UNREADABLE})
    assert decide(ticket, FRESH, scan, context).reason is Reason.UNREADABLE


def test_uses_and_people_are_counted_by_the_verdict() -> None:
    """An admission spends a use for each person, a re-entry none, an exit and a check neither."""

    def numbers(said: dict[str, Any], history: History, changes: dict[str, Any]) -> tuple[int, int]:
        verdict = decide(*situation_with(said, history, changes))
        return verdict.uses, verdict.persons

    assert numbers(SHOW, FRESH, {}) == (1, 1)
    assert numbers(GROUP, been(1, 1), {"persons": 3, "deliberate": True}) == (3, 3)
    assert numbers(SHOW, been(1, 0, act=Act.EXIT), {}) == (0, 1)
    assert numbers(SHOW, been(), {"direction": OUT}) == (0, 1)
    assert numbers(SHOW, FRESH, {"direction": CHECK}) == (0, 0)
    assert numbers(SHOW, been(), {}) == (0, 0)
    assert numbers(SHOW, claimed(been(), FRESH), {}) == (1, 1)
    assert numbers(SHOW, claimed(been(), been(1, 0, act=Act.EXIT)), {}) == (0, 1)
    assert numbers(SHOW, claimed(been(1, 0, act=Act.EXIT), been()), {}) == (0, 1)


@pytest.mark.parametrize(
    ("said", "history", "changes", "flags"),
    [
        (SHOW, FRESH, ALONE, (Flag.ALONE,)),
        (NEW, FRESH, OLD_LIST, (Flag.UNSEEN,)),
        (NEW, FRESH, OLD_LIST | ALONE, (Flag.ALONE, Flag.UNSEEN)),
        (NEW, FRESH, OLD_LIST | {"unseen": Policy.ADMIT}, ()),
        (NEW, been(), {"direction": OUT}, (Flag.UNSEEN,)),
        (SHOW, FRESH, {"clock_trusted": False}, (Flag.CLOCK_NOT_TRUSTED,)),
        (PASS, been(1, 1), {"pass_back": Policy.FLAG}, (Flag.PASS_BACK,)),
        (SHOW, FRESH, {"direction": OUT}, (Flag.NOT_INSIDE,)),
        (SHOW | {"status": Status.REVOKED}, been(), {"direction": OUT}, (Reason.REVOKED,)),
        (SHOW | {"door": DOOR_BLOCK}, been(), {"direction": OUT}, (Reason.BLOCKED_AT_DOOR,)),
        (SHOW, FRESH, {}, ()),
    ],
)
def test_anomalies_are_flagged_in_the_entry(
    said: dict[str, Any], history: History, changes: dict[str, Any], flags: tuple[str, ...]
) -> None:
    """What the outcome does not say, the flags do."""
    assert decide(*situation_with(said, history, changes)).flags == flags


def test_an_override_names_what_it_overruled_and_counts_the_use() -> None:
    """A supervisor's word admits, and the books say what was refused."""
    ticket, scan, context = situation(SHOW, {})
    verdict = overrule(ticket, been(), scan, context, Reason.ALREADY_USED)
    assert verdict.is_green
    assert (verdict.reason, verdict.overruled) == (Reason.OVERRIDE, Reason.ALREADY_USED)
    assert (verdict.uses, verdict.used) == (1, 2)


@given(
    used=st.integers(0, 12),
    inside=st.integers(0, 12),
    limit=st.integers(1, 10),
    party=st.integers(1, 10),
    persons=st.integers(1, 12),
    ago_s=st.integers(0, 10_000),
    act=st.sampled_from([Act.ADMISSION, Act.EXIT]),
    deliberate=st.booleans(),
    trusted=st.booleans(),
)
def test_no_more_uses_are_given_than_were_sold(
    used: int,
    inside: int,
    limit: int,
    party: int,
    persons: int,
    ago_s: int,
    act: Act,
    deliberate: bool,
    trusted: bool,
) -> None:
    """Whatever a ticket has done, an admission never spends more than is left."""
    said = SHOW | {"use_limit": limit, "party_size": party}
    changes = {"persons": persons, "clock_trusted": trusted}
    if deliberate:
        changes["deliberate"] = True
    history = History(used, min(inside, used), used, moved(), moved(act, ago_s=ago_s))
    verdict = decide(*situation_with(said, history, changes))
    if verdict.is_green and verdict.uses:
        assert history.used + verdict.uses <= limit
    if verdict.is_green and not verdict.uses:
        assert history.used - history.inside >= persons


@pytest.mark.parametrize(
    ("rotation", "changes", "flags"),
    [
        (code(0), SURE, ()),
        (code(35), SURE, (Flag.CODE_CLOCK,)),
        (STATIC, {"static_codes": Policy.ADMIT}, (Flag.STATIC_CODE,)),
        (STATIC, {"static_codes": Policy.FLAG}, (Flag.STATIC_CODE,)),
        (STATIC, {}, (Flag.STATIC_CODE,)),
        (code(HOUR), SURE | {"direction": OUT}, ("stale_code",)),
        (WRONG, {"direction": OUT}, ("wrong_code",)),
        (code(HOUR), SURE | {"direction": BOTH}, ("stale_code",)),
    ],
)
def test_what_was_odd_of_a_code_is_written_down(
    rotation: Rotation, changes: dict[str, Any], flags: tuple[str, ...]
) -> None:
    """Whatever followed from it; whoever leaves is refused for nothing, and it is kept."""
    history = been() if "direction" in changes else FRESH
    ticket, scan, context = situation(SHOW, changes | {"rotation": rotation})
    verdict = decide(ticket, history, scan, context)
    assert verdict.flags == flags
    assert verdict.code_ms == (rotation.at_ms if rotation.shown is Shown.MOVING else None)


def test_a_code_that_is_decided_again_by_a_key_is_no_older_for_it() -> None:
    """The next person goes by the code that was read a minute ago; what was old then stays so."""
    for ago_s, outcome in ((60, A), (HOUR, R)):
        changes = {"deliberate": True, "rotation": code(ago_s)}
        ticket, scan, context = situation(GROUP, SURE | changes)
        scan = dataclasses.replace(scan, read_ms=NOW_MS - 60_000)
        assert decide(ticket, been(1, 1), scan, context).outcome is outcome
