"""The comparison that ends every evening sees whatever is not the same."""

from typing import Any

import pytest

from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome, Reason
from tests.system.pretix.compared import Ours, differences

AT_MS = 1_795_000_000_000


def entry(seq: int, act: Act, ticket: str = "p7", **more: Any) -> Entry:
    """An entry of gate aa."""
    return Entry("aa.b", seq, "", act, at_ms=AT_MS + seq, boot_ms=0, hlc=seq, ticket=ticket, **more)


def row(nonce: str, kind: str = "entry", *, ok: bool = True, **more: Any) -> dict[str, Any]:
    """A check-in as pretix has it."""
    seq = int(nonce.rpartition(":")[2].partition("#")[0])
    return {"nonce": nonce, "type": kind, "ok": ok, "position": 7, "at_ms": AT_MS + seq} | more


OURS = [
    entry(1, Act.ADMISSION, persons=2),
    entry(2, Act.EXIT),
    entry(3, Act.ADMISSION),
    entry(4, Act.ANNULMENT, target="aa.b:3"),
    entry(5, Act.REFUSAL, outcome=Outcome.REFUSE, reason=Reason.ALREADY_USED),
    entry(6, Act.ADMISSION),
    entry(9, Act.ADMISSION, source="pretix"),
]
THEIRS = [
    row("aa.b:1"), row("aa.b:1#2"), row("aa.b:2", "exit"), row("aa.b:3", ok=False),
    row("aa.b:5", ok=False), row("aa.b:6", ok=False), row("scan:9"), row("scan:10", ok=False),
]  # fmt: skip
NOT_TAKEN = frozenset({"aa.b:6"})


def test_the_same_is_no_difference() -> None:
    """Entries, exits, groups, undos, refusals, what was not taken, and the other fleet's."""
    assert differences(Ours(OURS, NOT_TAKEN), THEIRS) == []


@pytest.mark.parametrize("gone", range(7))
def test_what_pretix_lacks_is_seen(gone: int) -> None:
    """Whichever it is."""
    assert differences(Ours(OURS, NOT_TAKEN), THEIRS[:gone] + THEIRS[gone + 1 :])


@pytest.mark.parametrize("gone", [0, 1, 3, 6])
def test_what_we_lack_is_seen(gone: int) -> None:
    """Whatever of it counts on either side."""
    assert differences(Ours(OURS[:gone] + OURS[gone + 1 :], NOT_TAKEN), THEIRS)


@pytest.mark.parametrize(
    "other",
    [
        row("aa.b:1"), row("aa.b:3"), row("aa.b:5"), row("aa.b:6"), row("scan:11"),
        row("aa.b:12", "exit"),
    ],
)  # fmt: skip
def test_one_too_many_is_seen(other: dict[str, Any]) -> None:
    """Told twice, undone and standing, refused and standing, of nobody."""
    assert differences(Ours(OURS, NOT_TAKEN), [*THEIRS, other])


@pytest.mark.parametrize("change", [{"position": 8}, {"at_ms": 1}, {"type": "exit"}])
def test_another_ticket_time_or_way_is_seen(change: dict[str, Any]) -> None:
    """A name alone is not enough."""
    assert differences(Ours(OURS, NOT_TAKEN), [THEIRS[0] | change, *THEIRS[1:]])
