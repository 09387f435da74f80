"""Which entries go where: pure, between any two nodes, branches and all."""

from collections import defaultdict

import pytest

from gate.core import entry_codec
from gate.core.entry import Act, Entry
from gate.core.replication import (
    DIGITS,
    MAX_BRANCHES,
    Alarm,
    Carried,
    Have,
    Intake,
    Span,
    Start,
    Step,
    Tip,
    alarms,
    changed,
    missing,
    own_or_vouched,
    receipted,
    tips_from_text,
    tips_to_text,
)

A, B = "a" * 16, "b" * 16


def made(origin: str, seq: int, prev: str = "", **said: object) -> Carried:
    entry = Entry(origin=origin, seq=seq, prev=prev, act=Act.REFUSAL, at_ms=seq, boot_ms=0,
                  hlc=seq, **said)  # type: ignore[arg-type]  # fmt: skip
    body = entry_codec.encode(entry)
    return Carried(entry, body, entry_codec.digest(body).hex())


def chain(origin: str, count: int, after: Carried | None = None, gate: str = "") -> list[Carried]:
    out: list[Carried] = []
    for _ in range(count):
        last = out[-1] if out else after
        seq, prev = (last.entry.seq + 1, last.hash) if last else (1, "")
        out.append(made(origin, seq, prev, gate=gate))
    return out


class Node:
    """Whatever holds entries."""

    def __init__(self, *held: Carried, frame: int = 1000) -> None:
        self.frame = frame
        self.held: dict[str, dict[int, dict[str, Carried]]] = defaultdict(dict)
        self.have: Have = {}
        self.take(list(held))

    def hashes_at(self, origin: str, seq: int) -> frozenset[str]:
        return frozenset(self.held[origin].get(seq, {}))

    def steps(self, origin: str) -> list[Step]:
        return [
            Step(seq, hash_, one.entry.prev[:DIGITS])
            for seq, at in sorted(self.held[origin].items())
            for hash_, one in at.items()
        ]

    def take(self, batch: list[Carried]) -> Intake:
        intake = Intake(dict(self.have), self.hashes_at)
        for one in batch:
            intake.offer(one)
        for one in intake.taken:
            at = self.held[one.entry.origin].setdefault(one.entry.seq, {})
            at[one.hash[:DIGITS]] = one
        self.have = {origin: tips for origin, tips in intake.tips.items() if tips}
        return intake

    def everything(self) -> set[str]:
        return {h for seqs in self.held.values() for at in seqs.values() for h in at}

    def send(self, other: "Node") -> int:
        """One way of an exchange; how many entries were new."""
        batch = []
        for span in missing(self.have, other.have, self):
            seqs = self.held[span.origin]
            batch += [one for s in sorted(seqs) if s > span.after for one in seqs[s].values()]
        batch = batch[: self.frame]
        return len(other.take(batch).taken)


def meet(one: Node, two: Node) -> None:
    """Exchange until neither learns anything."""
    for _ in range(40):
        if not one.send(two) + two.send(one):
            return
    raise AssertionError("it never ends")


def test_only_what_is_lacking_is_sent() -> None:
    """From where the other ends; nothing when it is ahead or equal."""
    run = chain(f"{A}.1", 5)
    ahead, behind = Node(*run), Node(*run[:2])
    assert missing(ahead.have, behind.have, ahead) == [Span(f"{A}.1", 2)]
    assert missing(behind.have, ahead.have, behind) == []
    assert missing(ahead.have, {}, ahead) == [Span(f"{A}.1", 0)]


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 0, 1, 1, 2], [0, 2, 1, 2], [1, 0, 1, 2]])
def test_order_and_repeats_do_no_harm(order: list[int]) -> None:
    """Whatever comes early is a gap, whatever comes twice is nothing new."""
    parts = [chain(f"{A}.1", 6)[n : n + 2] for n in (0, 2, 4)]
    node = Node()
    for n in order:
        node.take(parts[n])
    node.take([one for part in parts for one in part])
    assert node.have == {f"{A}.1": frozenset({Tip(6, parts[2][1].hash[:DIGITS])})}


def test_a_gap_is_told() -> None:
    """Nothing is taken beyond it."""
    run = chain(f"{A}.1", 3)
    intake = Node(run[0]).take([run[2]])
    assert (intake.taken, intake.gaps) == ([], {f"{A}.1"})


@pytest.mark.parametrize(("left", "right"), [(1, 1), (3, 1), (1, 4), (2, 2)])
@pytest.mark.parametrize("common", [0, 1, 3])
def test_both_branches_of_a_cloned_machine_reach_everybody(
    common: int, left: int, right: int
) -> None:
    """Two entries of one name: both are kept, everywhere, whoever is ahead."""
    trunk = chain(f"{A}.1", common)
    last = trunk[-1] if trunk else None
    one = Node(*trunk, *chain(f"{A}.1", left, last, gate="left"))
    two = Node(*trunk, *chain(f"{A}.1", right, last, gate="right"))
    both = one.everything() | two.everything()
    meet(one, two)
    assert one.everything() == two.everything() == both
    assert one.have == two.have
    assert len(one.have[f"{A}.1"]) == 2
    assert alarms([Start(f"{A}.1", "")], one.have) == [Alarm(A, f"{A}.1", (f"{A}.1",))]


@pytest.mark.parametrize("known", [0, 3, 5, 20, 45])
def test_branches_longer_than_a_frame_come_through(known: int) -> None:
    """Each frame goes on where the other's branches end, whatever it has of them already."""
    start = chain(f"{A}.1", 5)
    one, two = (chain(f"{A}.1", 40, start[-1], gate=gate) for gate in ("one", "two"))
    far = chain(f"{A}.1", 30, two[9], gate="three")
    full = Node(*start, *one, *two, *far, frame=10)
    other = Node(*[*start, *one][:known], frame=10)
    meet(full, other)
    assert other.everything() == full.everything()
    assert other.have == full.have


def test_there_is_an_end_to_branches() -> None:
    """One hostile device cannot make every frame too long."""
    first = made(f"{A}.1", 1)
    node = Node(first, *(made(f"{A}.1", 2, first.hash, gate=str(n)) for n in range(100)))
    assert len(node.have[f"{A}.1"]) == MAX_BRANCHES


def test_alarms_are_derived() -> None:
    """Began twice, went on twice, went on after being followed: each once; a plain life: none."""
    tip = frozenset({Tip(7, "x")})
    plain = [Start(f"{A}.1", ""), Start(f"{A}.2", f"{A}.1:7")]
    assert alarms(plain, {f"{A}.1": tip}) == []
    twice = [*plain, Start(f"{A}.3", f"{A}.1:7")]
    assert [a.origins for a in alarms(twice, {f"{A}.1": tip})] == [(f"{A}.2", f"{A}.3")]
    restored = [Start(f"{A}.1", ""), Start(f"{A}.2", f"{A}.1:5")]
    assert [a.device for a in alarms(restored, {f"{A}.1": tip})] == [A]
    assert [a.device for a in alarms([Start(f"{A}.1", ""), Start(f"{A}.2", "")], {})] == [A]
    server = [Start("central.1", ""), Start("central.2", "")]
    assert alarms(server, {"central.1": tip}) == []


def test_others_are_believed_up_to_a_signed_head() -> None:
    """The sender's own always; another's as far as its maker has signed, in an unbroken run."""
    mine, theirs = chain(f"{A}.1", 2), chain(f"{B}.1", 5)
    head = {(f"{B}.1", 3, theirs[2].hash)}
    assert own_or_vouched([*mine, *theirs], A, ()) == mine
    assert own_or_vouched([*mine, *theirs], A, head) == [*mine, *theirs[:3]]
    broken = [theirs[0], theirs[2]]
    assert own_or_vouched(broken, A, head) == [theirs[2]]
    forged = made(f"{B}.1", 3, theirs[1].hash, gate="forged")
    assert own_or_vouched([*theirs[:2], forged], A, head) == []
    twin = made(f"{B}.1", 3, theirs[1].hash, gate="twin")
    both = {*head, (f"{B}.1", 3, twin.hash)}
    assert own_or_vouched([*theirs[:3], twin], A, both) == [*theirs[:3], twin]


def test_every_branch_is_believed_up_to_its_head() -> None:
    """In whatever order entries of one number come; what no head names comes with no branch."""
    start = chain(f"{B}.1", 2)
    one, two = (chain(f"{B}.1", 3, start[-1], gate=gate) for gate in ("one", "two"))
    mixed = [*start, *(e for peer_session in zip(one, two, strict=True) for e in peer_session)]
    signed_tips = {(f"{B}.1", last.entry.seq, last.hash) for last in (one[2], two[1])}
    expected = [e for e in mixed if e is not two[2]]
    assert own_or_vouched(mixed, A, signed_tips) == expected
    assert own_or_vouched(mixed[::-1], A, signed_tips) == expected[::-1]
    alone = {(f"{B}.1", one[2].entry.seq, one[2].hash)}
    assert own_or_vouched(mixed, A, alone) == [e for e in mixed if e not in two]


def test_receipts_cover_what_is_on_our_chain() -> None:
    """Up to the newest that the other names and we hold; an unknown tip covers nothing."""
    run = chain(f"{A}.1", 5)
    node = Node(*run)
    some = {f"{A}.1": frozenset({Tip(3, run[2].hash[:DIGITS])})}
    assert receipted(node.have, some, node.hashes_at) == {f"{A}.1": 3}
    assert receipted(node.have, {}, node.hashes_at) == {f"{A}.1": 0}
    foreign = {f"{A}.1": frozenset({Tip(4, "0" * DIGITS)})}
    assert receipted(node.have, foreign, node.hashes_at) == {f"{A}.1": 0}


def test_tips_survive_the_wire() -> None:
    """Text and back, and only what differs is told."""
    node = Node(*chain(f"{A}.1", 2), *chain(f"{B}.1", 1))
    assert tips_from_text(tips_to_text(node.have)) == node.have
    known = {f"{A}.1": node.have[f"{A}.1"]}
    assert set(changed(node.have, known)) == {f"{B}.1"}
