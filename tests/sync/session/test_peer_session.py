"""Whom a gate asks for what others did: somebody who tells it, whatever anybody claims."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gate.core.entry import CENTRAL
from gate.core.replication import tips_to_text
from gate.storage.device_key import DeviceKey, verifier
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from sync.session.peer_session import ALL, PeerSession, RelayRequests
from sync.wire import Frame, PeerMessage
from tests.support.central import Maker
from tests.support.venue import NOW_MS

ME, LIAR, HONEST, MAKER = "me", "liar", "honest", "maker"


@dataclass
class Heard:
    """Another gate as it shows itself: whom it says it hears, and what it holds that we lack."""

    device: str
    hears: Iterable[str] = ()
    holds: Iterable[str] = ()
    asked: frozenset[str] = frozenset()
    connected: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.connected = dict.fromkeys(self.hears, "")

    def more(self) -> set[str]:
        return set(self.holds)

    def ask_for(self, devices: Iterable[str]) -> None:
        self.asked = frozenset(devices)


def look(asking: RelayRequests, *heard: Heard, times: int = 1) -> None:
    pairs: Any = heard
    for _ in range(times):
        asking.share_out(pairs, ME, is_central_connected=False)


def test_one_of_those_who_hear_a_device_is_asked() -> None:
    """For what its maker does not tell here, and no other for the same."""
    gates = [Heard("a", [MAKER]), Heard("b", [MAKER])]
    look(RelayRequests(), *gates, times=9)
    assert sorted(gate.asked for gate in gates) == [frozenset(), frozenset({MAKER})]


def test_a_claim_to_hear_a_device_keeps_nothing_back() -> None:
    """What another holds and has not come is asked of that one soon."""
    asking = RelayRequests()
    liar, honest = Heard(LIAR, [MAKER]), Heard(HONEST, holds=[MAKER])
    look(asking, liar, honest)
    assert (liar.asked, honest.asked) == (frozenset({MAKER}), frozenset())
    look(asking, liar, honest, times=asking.patience)
    assert MAKER in honest.asked


def test_a_claim_to_hear_the_server_keeps_nothing_back() -> None:
    """Nor does one to hear the server and everybody else."""
    asking = RelayRequests()
    liar, honest = Heard(LIAR, [CENTRAL, MAKER]), Heard(HONEST, holds=[MAKER])
    look(asking, liar, honest, times=asking.patience + 1)
    assert (liar.asked, honest.asked) == (frozenset({ALL}), frozenset({MAKER}))


def test_who_says_to_hold_it_and_does_not_tell_is_not_asked_for_ever() -> None:
    """Those who say so are asked in turn, also for a device that is heard itself."""
    asking = RelayRequests()
    gates = [Heard("a", holds=[MAKER]), Heard("b", holds=[MAKER]), Heard(MAKER)]
    asked = set()
    for _ in range(4 * asking.patience):
        look(asking, *gates)
        asked |= {gate.device for gate in gates if MAKER in gate.asked}
    assert asked == {"a", "b"}


def test_who_takes_nothing_is_not_told_for_ever(tmp_path: Path) -> None:
    """Once, and then not before everything is compared again."""
    folder = Folder(tmp_path)
    folder.create()
    peer_store, maker = PeerStore(folder), Maker("00000000000000aa", "bb")
    peer_store.intake.accept(maker.run(3), None)
    peer_session = PeerSession(peer_store, DeviceKey(folder), "other", verifier(lambda _device: ""))
    all_is_compared = PeerMessage(Frame(page=("", "")), relay_requests=[ALL])
    takes_nothing = PeerMessage(Frame(have={maker.origin: []}), acked=1)
    for _ in range(2):
        peer_session.receive(all_is_compared, NOW_MS)
        assert entries_told(peer_session) == 3
        for _ in range(5):
            peer_session.receive(takes_nothing, NOW_MS)
            assert entries_told(peer_session) == 0


def test_who_has_lost_something_is_told_it_again(tmp_path: Path) -> None:
    """What was held and is not any more; without waiting for a comparison."""
    folder = Folder(tmp_path)
    folder.create()
    peer_store, maker = PeerStore(folder), Maker("00000000000000aa", "bb")
    bodies = maker.run(3)
    peer_store.intake.accept(bodies[:2], None)
    peer_session = PeerSession(peer_store, DeviceKey(folder), "other", verifier(lambda _device: ""))
    held = tips_to_text({maker.origin: frozenset(peer_store.have()[maker.origin])})
    peer_session.receive(PeerMessage(Frame(held, page=("", "")), relay_requests=[ALL]), NOW_MS)
    assert entries_told(peer_session) == 0
    peer_store.intake.accept(bodies[2:], None)
    assert entries_told(peer_session) == 1
    peer_session.receive(PeerMessage(Frame(have={maker.origin: []}), acked=1), NOW_MS)
    assert entries_told(peer_session) == 3


def entries_told(peer_session: PeerSession) -> int:
    word = peer_session.next_message()
    return 0 if word is None else len(word.frame.entries)
