"""State is a fold of entries; order and repetition never matter."""

from hypothesis import given
from hypothesis import strategies as st

from gate.domain.history import extend, fold
from gate.domain.model import Act, Entry, History


def entry(
    n: int,
    act: Act = Act.ADMISSION,
    *,
    device: str = "a",
    persons: int = 1,
    uses: int | None = None,
    target: str = "",
) -> Entry:
    uses = (persons if act is Act.ADMISSION else 0) if uses is None else uses
    return Entry(
        origin=f"{device}.i", seq=n, prev="", act=act, at_ms=n, boot_ms=n, hlc=n << 16,
        ticket="t", persons=persons, uses=uses, target=target,
    )  # fmt: skip


def test_nothing_has_happened() -> None:
    """No entries, no history."""
    assert fold([]) == History()


def test_in_out_and_in_again() -> None:
    """A re-entry spends no use and the first admission stays the first."""
    past = fold([entry(1), entry(2, Act.EXIT), entry(3, uses=0)])
    assert (past.used, past.inside, past.redemptions) == (1, 1, 2)
    assert past.first is not None
    assert past.last is not None
    assert (past.first.seq, past.last.seq) == (1, 3)


def test_an_annulment_frees_the_use_and_keeps_the_count() -> None:
    """An annulled admission is out of every number but the count of redemptions."""
    past = fold([entry(1), entry(2, Act.ANNULMENT, target="a.i:1")])
    assert (past.used, past.inside, past.redemptions, past.first) == (0, 0, 1, None)


def test_an_annulment_may_come_first() -> None:
    """What is annulled before it is heard of never counts."""
    undone = [entry(2, Act.ANNULMENT, device="b", target="a.i:1"), entry(1)]
    assert fold(undone) == fold(reversed(undone))
    assert fold(undone).used == 0


def test_two_annulments_of_one_entry_free_one_use() -> None:
    """Two supervisors undoing the same admission give back one use."""
    twice = [
        entry(1),
        entry(2),
        entry(3, Act.ANNULMENT, target="a.i:1"),
        entry(4, Act.ANNULMENT, device="b", target="a.i:1"),
    ]
    assert fold(twice).used == 1


def test_an_unseen_entry_does_not_let_two_in() -> None:
    """An exit nobody saw come in counts nobody as outside afterwards."""
    past = fold([entry(1, Act.EXIT), entry(2)])
    assert (past.used, past.inside) == (1, 1)


def test_an_annulled_exit_never_happened() -> None:
    """Undoing an exit puts the guest back inside."""
    past = fold([entry(1), entry(2, Act.EXIT), entry(3, Act.ANNULMENT, target="a.i:2")])
    assert (past.used, past.inside) == (1, 1)


@st.composite
def journals(draw: st.DrawFn) -> list[Entry]:
    made: list[Entry] = []
    for n in range(1, draw(st.integers(1, 12))):
        act = draw(st.sampled_from([Act.ADMISSION, Act.EXIT, Act.ANNULMENT, Act.REFUSAL]))
        target = ""
        if act is Act.ANNULMENT:
            target = draw(st.sampled_from([e.name for e in made] or ["x.i:9"]))
        made.append(
            entry(
                n,
                act,
                device=draw(st.sampled_from("abc")),
                persons=draw(st.integers(1, 3)),
                target=target,
            )
        )
    return made


@given(st.data(), journals())
def test_same_entries_same_history(data: st.DataObject, made: list[Entry]) -> None:
    """Law 8: shuffled and repeated, the entries fold to the same history."""
    shuffled = data.draw(st.permutations([*made, *made[: len(made) // 2]]))
    assert fold(shuffled) == fold(made)


@given(journals())
def test_extending_is_folding(made: list[Entry]) -> None:
    """Without annulments, adding one by one in order is the fold."""
    history = History()
    moves = [e for e in made if e.act in (Act.ADMISSION, Act.EXIT)]
    for move in moves:
        history = extend(history, move)
    assert history == fold(moves)
