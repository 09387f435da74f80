"""A green on a void ticket: what the gate could know by its list, what else by both clocks."""

import random

import pytest

from gate.core import irregular as module
from gate.core.entry import Act, Entry
from gate.core.hlc import JUMP_MS
from gate.core.irregular import DRIFT_MS, Irregularity, irregular, judge, server_time
from gate.core.outcome import Reason
from gate.core.ticket import Void

LIFE = "e1"
AGAINST, AFTER = Irregularity.AGAINST_LIST, Irregularity.AFTER_VOID
UNTOLD, BEFORE = Irregularity.CANNOT_TELL, Irregularity.USED_BEFORE
HOUR = 3_600_000
AT = 100 * HOUR
"""When the ticket was made void, by the server's clock."""
VOID = (Void("e1:20", AT),)
RESTORED = (Void("e1:20", AT, "e1:30", AT + HOUR),)
AGAIN = (*RESTORED, Void("e1:40", AT + 2 * HOUR))


def admission(
    position: str = "e1:10",
    at_ms: int = AT,
    *,
    trusted: bool = True,
    ahead_ms: int | None = 0,
    offset_ms: int = 0,
    overruled: Reason | None = None,
    n: int = 1,
) -> Entry:
    return Entry(
        origin="a.i", seq=n, prev="", act=Act.ADMISSION, at_ms=at_ms, boot_ms=n, hlc=at_ms << 16,
        ticket="t", uses=1, persons=1, trusted=trusted, offset_ms=offset_ms, overruled=overruled,
        server_ahead_ms=ahead_ms, server_error_ms=None if ahead_ms is None else 5,
        position=position,
    )  # fmt: skip


CASES = {
    "never void": (admission(), (), None),
    "in the list": (admission("e1:20", AT - HOUR), VOID, AGAINST),
    "not in the list, after": (admission("e1:19", AT + HOUR), VOID, AFTER),
    "not in the list, before": (admission("e1:19", AT - HOUR), VOID, BEFORE),
    "not in the list, too near": (admission("e1:19", AT + 1000), VOID, UNTOLD),
    "not in the list, doubted clock": (admission(at_ms=AT + HOUR, trusted=False), VOID, UNTOLD),
    "not in the list, never compared, near": (
        admission(at_ms=AT + JUMP_MS - 1, ahead_ms=None), VOID, UNTOLD,
    ),
    "not in the list, never compared, far": (
        admission(at_ms=AT + JUMP_MS + 1, ahead_ms=None), VOID, AFTER,
    ),
    "good again in the list": (admission("e1:30", AT + HOUR), RESTORED, None),
    "void in the list, good again since": (admission("e1:29", AT + 2 * HOUR), RESTORED, AGAINST),
    "in neither, between both": (admission(at_ms=AT + HOUR // 2), RESTORED, AFTER),
    "in neither, after both": (admission(at_ms=AT + 2 * HOUR), RESTORED, None),
    "in neither, before both": (admission(at_ms=AT - HOUR), RESTORED, None),
    "in neither, about when it was good again": (admission(at_ms=AT + HOUR), RESTORED, UNTOLD),
    "good again in the list, void later": (admission("e1:30", AT + HOUR), AGAIN, BEFORE),
    "good again in the list, after the second": (admission("e1:39", AT + 3 * HOUR), AGAIN, AFTER),
    "second in the list": (admission("e1:40", AT - HOUR), AGAIN, AGAINST),
    "overruled knowingly": (
        admission("", AT - HOUR, overruled=Reason.REVOKED), VOID, AGAINST,
    ),
    "overruled something else": (
        admission("e1:19", AT - HOUR, overruled=Reason.ALREADY_USED), VOID, BEFORE,
    ),
    "void for no time at all": (
        admission(at_ms=AT), (Void("e1:20", AT, "e1:21", AT),), None,
    ),
    "no position": (admission("", AT + HOUR), VOID, AFTER),
    "a list from a file": (admission("f7:99", AT - HOUR), VOID, BEFORE),
    "a former life had it not": (admission("e0:99", AT + HOUR), VOID, AFTER),
    "a former life told it": (admission("e1:1", AT - HOUR), (Void("e0:99", AT),), AGAINST),
    "the server's clock counts": (admission(at_ms=AT - HOUR, ahead_ms=2 * HOUR), VOID, AFTER),
    "what a supervisor added is taken off": (
        admission(at_ms=AT + HOUR, ahead_ms=HOUR, offset_ms=3 * HOUR), VOID, BEFORE,
    ),
    "nonsense for a position": (admission("e1:²", AT + HOUR), VOID, AFTER),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_admission_is_judged(name: str) -> None:
    """By the list where that tells, by both clocks where it does not."""
    entry, voids, expected = CASES[name]
    found = judge(entry, voids, LIFE) if voids else None
    assert (found and found.kind) == expected


def test_the_last_void_before_it_is_the_one_compared() -> None:
    """Both sides are told: the admission, and the void that it comes after."""
    found = judge(admission("e1:35", AT + 5 * HOUR), AGAIN, LIFE)
    assert found is not None
    assert found.void == AGAIN[1]


def test_a_clock_that_was_compared_is_still_allowed_to_drift() -> None:
    """Its error at the comparison, and what it may have gone wrong since."""
    assert server_time(admission(at_ms=AT)) == (AT - 5 - DRIFT_MS, AT + 5 + DRIFT_MS)
    assert server_time(admission(trusted=False)) is None


def test_an_undone_admission_is_nothing() -> None:
    """An annulment takes it out, whichever came first."""
    gone = admission(at_ms=AT + HOUR)
    undone = Entry("a.i", 9, "", Act.ANNULMENT, AT, 1, 1, ticket="t", target=gone.name)
    assert irregular([undone, gone], VOID, LIFE) is None
    assert irregular([gone], (), LIFE) is None


def word(*covers: Entry, position: str = "e1:50") -> Entry:
    return Entry(
        "c.i", 1, "", Act.RESOLUTION, AT, 1, AT << 17, ticket="t", note="paid", operator="boss",
        covers=tuple(e.name for e in covers), position=position,
    )  # fmt: skip


def test_a_word_settles_what_it_covers_and_knew() -> None:
    """One admission more opens it again; who had not heard of the void has settled something else.

    What was used before, or was overruled with a reason, needs no word.
    """
    one, two = admission(at_ms=AT + HOUR), admission(at_ms=AT + 2 * HOUR, n=2)
    for entries, is_open in (
        ([one], True),
        ([one, word(one)], False),
        ([one, two, word(one)], True),
        ([one, two, word(one, two)], False),
        ([one, word(one, position="e1:19")], True),
        ([one, word(one, position="")], True),
        ([admission(at_ms=AT - HOUR)], False),
    ):
        found = irregular(entries, VOID, LIFE)
        assert found is not None
        assert found.is_open == is_open
    own_word = admission("e1:20", overruled=Reason.REVOKED)
    found = irregular([own_word], VOID, LIFE)
    assert found is not None
    assert (found.is_open, found.resolution) == (False, own_word)


def test_the_order_of_arrival_never_matters() -> None:
    """Same entries and same voids, same state."""
    entries = [
        admission(at_ms=AT + HOUR), admission("e1:20", n=2), admission(at_ms=AT - HOUR, n=3),
        admission(at_ms=AT + HOUR, trusted=False, n=4), word(), word(admission()),
    ]  # fmt: skip
    first = irregular(entries, VOID, LIFE)
    assert first is not None
    assert first.kind is AGAINST
    assert {one.kind for one in first.admissions} == set(Irregularity)
    for seed in range(20):
        random.Random(seed).shuffle(entries)
        assert irregular([*entries, *entries[:2]], VOID, LIFE) == first


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("_knew", lambda *_given: False),
        ("_knew", lambda *_given: True),
        ("server_time", lambda entry: (entry.at_ms, entry.at_ms)),
        ("server_time", lambda _entry: None),
        ("VOID_REASONS", frozenset()),
    ],
)
def test_a_broken_comparison_is_caught(
    monkeypatch: pytest.MonkeyPatch, what: str, instead: object
) -> None:
    """Without position, clock or the overruled reason some case comes out wrong."""
    monkeypatch.setattr(module, what, instead)
    wrong = [
        name
        for name, (entry, voids, expected) in CASES.items()
        if ((found := judge(entry, voids, LIFE)) and found.kind if voids else None) != expected
    ]
    assert wrong
