"""Law 16, of "unknown": it says when its list is not current, and how old that is."""

import itertools
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gate import config
from gate.core import rules
from gate.core.entry import Act
from gate.core.event_device import DeviceReport
from gate.core.history import History
from gate.core.outcome import GREEN, Flag, Outcome, Reason
from gate.core.place import Direction, HouseRules, Place, Policy
from gate.core.rules import decide
from gate.core.verdict import Context, Scan, Verdict
from gate.errors import ConfigError
from gate.lane.lane import Lane
from gate.storage.connectivity import ConnectivityReader
from gate.storage.folder import Folder
from gate.text.verdict_words import Words, explain
from sync.wire import Heartbeat
from sync.worker.lan_link import current_by_peers
from tests.conftest import MakeLane
from tests.support.venue import NOW_MS, FixedClock
from tests.system.neighbours import enrol, say

PLACE = Place(gate="North")
ZONE = ZoneInfo("Asia/Shanghai")
HOLD = HouseRules(stale=Policy.HOLD)


def words(verdict: Verdict) -> Words:
    return explain(verdict, PLACE, ZONE)


def unknown(lane: Lane, code: str = "SOLD-SINCE") -> Verdict:
    verdict = lane.admit(Scan(code))
    assert verdict.reason is Reason.UNKNOWN
    return verdict


def test_a_code_in_no_list_is_never_green_whatever_the_policy_and_age() -> None:
    """Refused, or held where the event wants it; going out is never held up."""
    for policy, as_of_ms, direction in itertools.product(Policy, (None, 0, NOW_MS), Direction):
        context = Context(NOW_MS, "d", direction, PLACE, HouseRules(stale=policy),
                          list_as_of_ms=as_of_ms)  # fmt: skip
        verdict = decide(None, History(), Scan("X"), context)
        held = policy is Policy.HOLD and as_of_ms is not None and direction is not Direction.OUT
        assert verdict.outcome is (Outcome.HOLD if held else Outcome.REFUSE)
        assert verdict.outcome not in GREEN
        assert (Flag.STALE in verdict.flags) == (as_of_ms is not None)
        assert verdict.list_as_of_ms == as_of_ms


def test_a_gate_that_was_cut_off_says_how_old_its_list_is(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """In the words of the law; the entry has it too, and what may have happened is the remedy."""
    enrol(venue)
    say(venue, clock, ago_s=43 * 60)
    verdict = unknown(lane)
    told = words(verdict)
    assert verdict.outcome is Outcome.REFUSE
    assert (told.rule, told.fact) == ("Unknown code", "Not in the list of 11:43 (43 min old).")
    assert "newer than the list" in told.remedy
    entry = lane._do(lambda: lane._files.journal().find(verdict.entry))
    assert entry is not None
    assert (entry.act, entry.flags) == (Act.REFUSAL, ("stale",))


def test_a_current_list_says_nothing_of_its_age(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Nor does one that was imported here: there is nobody who would have a newer one."""
    assert unknown(lane, "A").list_as_of_ms is None
    enrol(venue)
    say(venue, clock, ago_s=9)
    told = words(unknown(lane, "B"))
    assert told.fact == "No ticket here has this code."
    say(venue, clock, ago_s=11)
    assert words(unknown(lane, "C")).fact == "Not in the list of 12:26 (11 s old)."
    venue.venue.write_text("{}")
    assert unknown(lane, "D").list_as_of_ms is None, "the host's list is its own"


def test_the_first_seconds_after_a_start_say_so_too(
    lane: Lane, venue: Folder, clock: FixedClock
) -> None:
    """Before the worker has heard anything the list is as old as it says itself."""
    enrol(venue)
    assert words(unknown(lane)).fact == "Not in the list of 11:26 (1 h old)."
    clock.wall_ms = 0
    told = words(unknown(lane, "WHEN"))
    assert told.fact == "Not in the list of 2026-12-23 11:26.", "no age by a clock that is wrong"


def test_the_list_of_another_gate_may_be_newer_than_the_server_s_last_word(
    lane: Lane, venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the list says of itself counts, by the server's clock."""
    enrol(venue)
    say(venue, clock, ago_s=3600, ahead_ms=60_000)
    meta = lane._files.tickets.replica.meta
    at_ms = str(NOW_MS - 300_000 + 60_000)
    monkeypatch.setattr(
        lane._files.tickets.replica, "meta", lambda key: at_ms if key == "as_of_ms" else meta(key)
    )
    assert words(unknown(lane)).fact == "Not in the list of 12:21 (5 min old)."


def test_hold_waits_and_repeats_are_counted(
    make_lane: MakeLane, venue: Folder, clock: FixedClock
) -> None:
    """With stale = "hold" it is a WAIT; a current list is refused all the same."""
    lane = make_lane(rules=HOLD)
    enrol(venue)
    say(venue, clock, ago_s=60)
    held = unknown(lane)
    assert (held.outcome, words(held).word) == (Outcome.HOLD, "WAIT")
    assert unknown(lane).outcome is Outcome.HOLD
    clock.pass_seconds(61)
    lane.idle()
    query = "SELECT act, json_extract(body, '$.outcome') FROM entry ORDER BY id"
    entries = lane._do(lambda: lane._files.journal()._connection.execute(query).fetchall())
    assert entries == [("hold", "hold"), ("repeat", "hold")]
    say(venue, clock)
    assert unknown(lane).outcome is Outcome.REFUSE


def test_the_setting_has_two_values() -> None:
    """Refuse and hold; to admit on an old list cannot be set."""
    assert config.load(settings=["rules.stale=hold"]).house_rules().stale is Policy.HOLD
    assert config.Config().house_rules().stale is Policy.REFUSE
    for wrong in ("admit", "flag"):
        with pytest.raises(ConfigError, match=r"rules\.stale"):
            config.load(settings=[f"rules.stale={wrong}"])


@pytest.mark.parametrize(
    ("client", "head", "connected", "current_ms"),
    [
        (True, "", {"b": ("aa:1:x", 70, 40), "d": ("aa:1:x", 70, 50)}, 50),
        (True, "", {"b": ("aa:2:y", 70, 40)}, None),
        (True, "", {"b": ("aa:1:x", 70, None)}, None),
        (True, "aa:1:x", {"b": ("aa:1:x", 70, 40)}, 40),
        (True, "aa:2:y", {"b": ("aa:1:x", 70, 40)}, None),
        (True, "", {}, None),
        (False, "", {"b": ("aa:1:x", 70, None), "d": ("aa:1:x", 60, None)}, 60),
        (False, "", {"b": ("aa:1:x", 70, None), "d": ("aa:2:y", 60, None)}, None),
        (False, "", {"b": ("aa:1:x", 70, None), "d": ("aa:1:x", None, None)}, None),
        (False, "", {}, None),
    ],
)
def test_other_gates_show_that_a_list_is_current(
    *,
    client: bool,
    head: str,
    connected: dict[str, tuple[str, int | None, int | None]],
    current_ms: int | None,
) -> None:
    """One with the same that says so of itself; without a server, all that are connected."""
    peers: Any = [
        SimpleNamespace(
            heartbeat=Heartbeat(report=DeviceReport(cursor=cursor)),
            heartbeat_ms=said,
            current_ms=known,
        )
        for cursor, said, known in connected.values()
    ]
    assert current_by_peers(peers, "aa:1:x", head if client else None) == current_ms


@pytest.mark.parametrize(
    ("at", "what", "instead"),
    [
        (ConnectivityReader, "list_as_of_ms", lambda *_given: None),
        (rules, "_unknown", lambda history, context: rules._verdict(
            Outcome.ADMIT, Reason.UNKNOWN, None, history, context)),
    ],
)  # fmt: skip
def test_a_silent_red_is_caught(
    lane: Lane, venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch,
    at: object, what: str, instead: object,
) -> None:  # fmt: skip
    """Mutation: without the list's age, or with a green for it, the law's test fails."""
    monkeypatch.setattr(at, what, instead)
    with pytest.raises(AssertionError):
        test_a_gate_that_was_cut_off_says_how_old_its_list_is(lane, venue, clock)
