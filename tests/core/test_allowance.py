"""How much of one device a node takes in: at once after an absence, slowly for ever after."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gate.core import allowance, entry_codec, replication
from gate.core.allowance import (  # fmt: skip
    MANY_ORIGINS,
    MOST,
    PER_ORIGIN,
    RATE,
    SAVED,
    Allowance,
    Meter,
    fresh,
)
from gate.core.entry_codec import MAX_ENTRY, MAX_NOTE
from gate.core.limits import FRAME_BYTES, MAX_ENTRIES
from gate.core.replication import Page, flooding, next_page
from gate.core.signed_tip import Rejected
from gate.storage import quarantine, room
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.folder import Folder
from gate.storage.peer_intake import Taken
from gate.storage.peer_store import PeerStore
from sync.session import peer_session
from sync.session.peer_session import PeerSession
from sync.wire import Frame, PeerMessage
from tests.support.central import Maker
from tests.support.venue import NOW_MS

FIRST, SECOND = "0000000000000001", "0000000000000002"
HOUR_MS = 3_600_000


@pytest.fixture
def holdings(tmp_path: Path) -> Iterator[PeerStore]:
    folder = Folder(tmp_path)
    folder.create()
    with closing(PeerStore(folder)) as made:
        yield made


def brought(
    holdings: PeerStore, maker: Maker, bodies: list[bytes], *, by: str = "", now_ms: int = NOW_MS
) -> Taken:
    """A frame with its maker's word for the newest entry; it brings it itself unless said."""
    verify = verifier(lambda _device: maker.public)
    by = by or maker.device
    return holdings.intake.accept(bodies, "", [maker.head()], verify, by=by, now_ms=now_ms)


def spend(holdings: PeerStore, device: str, left: int = 0) -> None:
    """Let a device have so much left."""
    holdings.intake._allowances[device] = Allowance(left, NOW_MS, 0)


def test_it_grows_with_time_up_to_a_cap() -> None:
    """An hour brings 36 MB, but no absence more than the cap; a clock set back brings nothing."""
    spent = Allowance(0, NOW_MS, 0)
    assert spent.at(NOW_MS + 2000).left == 2 * RATE
    assert spent.at(NOW_MS + 24 * HOUR_MS).left == SAVED
    back = spent.at(NOW_MS - HOUR_MS)
    assert (back.left, back.at(NOW_MS).left) == (0, SAVED)


def test_an_evenings_backlog_is_taken_at_once() -> None:
    """10,000 entries of the longest that a lane makes without a note, of 20 starts."""
    left = fresh().at(NOW_MS)
    for n in range(10_000):
        assert left.permits(passed_on=False)
        left = left.less(1024, is_new_origin=n % 500 == 0)
    assert left.permits(passed_on=False)


def test_a_flood_is_left_and_the_others_are_not() -> None:
    """What one has spent is no other's, and more is taken of what others pass on."""
    kept = {FIRST: Allowance(0, NOW_MS, 0), SECOND: fresh()}
    meter = Meter(lambda device: kept[device], NOW_MS)
    assert meter.spent({FIRST, SECOND}, FIRST) == {FIRST} == meter.later
    assert meter.spent({FIRST, SECOND}, SECOND) == set()


def test_there_is_an_end_to_what_one_device_may_have_taken() -> None:
    """However slowly it tells; twice as much where others pass it on."""
    full = Allowance(SAVED, NOW_MS, MOST)
    assert (full.permits(passed_on=False), full.permits(passed_on=True)) == (False, True)
    assert not Allowance(SAVED, NOW_MS, 2 * MOST).permits(passed_on=True)


def test_what_is_over_is_offered_again_and_taken_later(holdings: PeerStore) -> None:
    """No gap, no refusal: the tip says what is held, and an hour later the rest comes in."""
    maker = Maker(FIRST)
    first, second = maker.run(3), maker.run(2)
    spend(holdings, FIRST, 1)
    # A frame is taken as a whole.
    assert brought(holdings, maker, first).new == 0
    maker.seq, maker.prev = 3, entry_codec.digest(first[-1]).hex()
    assert brought(holdings, maker, first).new == 3
    maker.seq, maker.prev = 5, entry_codec.digest(second[-1]).hex()
    taken = brought(holdings, maker, second)
    assert (taken.new, taken.later, taken.gaps) == (0, frozenset({FIRST}), set())
    assert holdings.quarantine.count() == 0
    assert brought(holdings, maker, second, now_ms=NOW_MS + HOUR_MS).new == 2


def test_what_was_spent_is_remembered(holdings: PeerStore, tmp_path: Path) -> None:
    """A worker that is started anew does not begin with full pockets."""
    maker = Maker(FIRST)
    brought(holdings, maker, maker.run(5))
    left = holdings.intake.allowance(FIRST)
    assert left.left < SAVED - PER_ORIGIN
    holdings.close()
    with closing(PeerStore(Folder(tmp_path))) as again:
        assert again.intake.allowance(FIRST) == left


def test_what_came_twice_costs_nothing(holdings: PeerStore) -> None:
    """Only what is taken is counted."""
    maker = Maker(FIRST)
    bodies = maker.run(5)
    brought(holdings, maker, bodies)
    left = holdings.intake.allowance(FIRST)
    brought(holdings, maker, bodies)
    assert holdings.intake.allowance(FIRST) == left
    assert left.taken == sum(map(len, bodies))


def test_a_flood_is_not_even_looked_at(holdings: PeerStore) -> None:
    """No signature is checked of a device of which nothing is taken now."""

    def verify(_head: object) -> bool:
        raise AssertionError("looked at")

    maker = Maker(FIRST)
    bodies = maker.run(2)
    spend(holdings, FIRST)
    taken = holdings.intake.accept(bodies, "", [maker.head()], verify, by=FIRST, now_ms=NOW_MS)
    assert (taken.new, taken.later) == (0, frozenset({FIRST}))


def test_a_run_longer_than_a_frame_is_not_believed(holdings: PeerStore) -> None:
    """On its last head alone it could be taken, and never be passed on."""
    maker = Maker(FIRST)
    bodies = [maker.make(ticket="t", source="x" * 10_000) for _ in range(FRAME_BYTES // 10_000)]
    assert brought(holdings, maker, bodies).new == 0
    assert brought(holdings, maker, bodies[:1]).new == 0
    short = Maker(SECOND)
    assert brought(holdings, short, short.run(MAX_ENTRIES)).new == MAX_ENTRIES


@pytest.mark.parametrize(
    "said", [{"note": "x" * (MAX_NOTE + 1)}, {"note": "字" * 700}, {"source": "x" * MAX_ENTRY}]
)
def test_what_is_too_long_is_refused_alone(holdings: PeerStore, said: dict[str, Any]) -> None:
    """By its bytes, so everywhere alike; the device's other origins and other devices go on."""
    long, good, other = Maker(FIRST), Maker(FIRST, "bb"), Maker(SECOND)
    taken = brought(holdings, long, [long.make(ticket="t", **said)])
    assert (taken.new, len(taken.rejected)) == (0, 1)
    for maker in (good, other):
        assert brought(holdings, maker, maker.run(2)).new == 2
    longest = Maker(SECOND, "cc")
    assert brought(holdings, longest, [longest.make(ticket="t", note="字" * 600)]).new == 1


def test_the_quarantine_is_bounded(holdings: PeerStore) -> None:
    """By who has brought it, so that one leaves room for what another has."""

    def rejected(name: str, count: int) -> list[Rejected]:
        return [Rejected("", 0, "no", f"{name}{n}") for n in range(count)]

    for batch in range(4):
        holdings.quarantine.put(rejected(f"a{batch}-", 500), NOW_MS, FIRST)
    assert holdings.quarantine.count() == quarantine.QUARANTINED_OF_ONE
    holdings.quarantine.put(rejected("b", 3), NOW_MS, SECOND)
    assert holdings.quarantine.count() == quarantine.QUARANTINED_OF_ONE + 3
    for n in range(10):
        holdings.quarantine.put(rejected(f"c{n}-", 1000), NOW_MS, f"{n:016x}")
    assert holdings.quarantine.count() == quarantine.QUARANTINED


def test_what_others_bring_keeps_nothing_of_ours_back(holdings: PeerStore) -> None:
    """Only what the server has refused is not sent to it again."""
    holdings.quarantine.put([Rejected(f"{FIRST}.aa", 1, "no", "ab")], NOW_MS, SECOND)
    assert holdings.quarantine.by_server() == []
    holdings.quarantine.put([Rejected(f"{FIRST}.aa", 1, "no", "ab")], NOW_MS)
    assert [one.seq for one in holdings.quarantine.by_server()] == [1]


def test_many_origins_are_an_alarm(holdings: PeerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Derived from what is held, so that every node that holds the same says the same."""
    monkeypatch.setattr(replication, "MANY_ORIGINS", 3)
    for n in range(3):
        maker = Maker(FIRST, f"{n:x}")
        brought(holdings, maker, maker.run(1))
    assert holdings.floods() == []
    maker = Maker(FIRST, "f")
    brought(holdings, maker, maker.run(1))
    assert holdings.floods() == [FIRST]
    assert flooding(f"central.{n:x}" for n in range(MANY_ORIGINS + 1)) == []


def test_without_room_nothing_of_others_is_taken(
    holdings: PeerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from a gate nor from the server; what comes once there is room is."""
    maker = Maker(FIRST)
    bodies = maker.run(2)
    with monkeypatch.context() as full:
        full.setattr(room, "RESERVED_BYTES", 2**60)
        assert brought(holdings, maker, bodies).is_full
        assert holdings.intake.accept(bodies, None).is_full
        assert (holdings.have(), holdings.intake.is_full) == ({}, True)
    assert brought(holdings, maker, bodies).new == 2
    assert not holdings.intake.is_full


def test_a_page_says_nothing_of_what_is_beyond() -> None:
    """Pages follow on each other, and what is held is in exactly one of them."""
    have = {f"{n:016x}.{n:x}": frozenset({replication.Tip(1, "ab")}) for n in range(10)}
    pages, after = [], ""
    while True:
        page = next_page(have, after, 3)
        pages.append(page)
        after = page.to
        if not after:
            break
    assert [len(page.within(have)) for page in pages] == [3, 3, 3, 1]
    for origin in [*have, "0", "zz", f"{3:016x}.3a"]:
        assert sum(page.covers(origin) for page in pages) == 1
    for page in pages:
        assert {**page.within(have), **page.beyond(have)} == have
    assert next_page({}, "", 3) == Page("", "")
    assert Page("b", "z").cut(["c", "d", "e"], 2) == Page("b", "d")


def test_who_names_origins_without_end_fills_no_memory(
    holdings: PeerStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of it is forgotten, until it has compared everything again."""
    monkeypatch.setattr(peer_session, "KNOWN_ORIGINS", 1000)
    server_session = PeerSession(
        holdings, DeviceKey(Folder(tmp_path)), FIRST, verifier(lambda _device: "")
    )
    tip = ["1:" + "ab" * 16]
    server_session.receive(PeerMessage(Frame(page=("", ""))), NOW_MS)
    for n in range(3):
        assert len(server_session._out.known) == 500 * n
        told = {f"{SECOND}.{n:x}{m:06x}": tip for m in range(500)}
        server_session.receive(PeerMessage(Frame(told)), NOW_MS)
    assert (len(server_session._out.known), server_session.is_known) == (0, False)
    server_session.receive(PeerMessage(Frame(page=("", ""))), NOW_MS)
    assert server_session.is_known


def test_the_numbers_fit_together() -> None:
    """A frame of new origins is far more than is saved; a frame of entries far less."""
    assert MAX_ENTRIES * PER_ORIGIN > SAVED > 16 * FRAME_BYTES
    assert SAVED // PER_ORIGIN > MANY_ORIGINS
    assert allowance.MOST > 2 * SAVED
