"""State is a fold of entries; order and repetition never matter."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gate.core.entry import CENTRAL, Act, Entry
from gate.core.history import History, claims, conflict, extend, fold, with_times


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


def test_when_people_were_let_in_is_told_where_it_is_wanted() -> None:
    """Each person's time, the first first; exits and what was undone have none."""
    done = [
        entry(3, persons=2),
        entry(1),
        entry(2, Act.EXIT),
        entry(4),
        entry(5, Act.ANNULMENT, target="a.i:4"),
    ]
    past = with_times(fold(done), done)
    assert past.admitted_ms == (1, 3, 3)
    assert fold(done) == replace(past, admitted_ms=())
    claim = entry(9, Act.ANNULMENT, device="b", target="a.i:1")
    past = with_times(fold([*done, claim]), [*done, claim])
    assert past.if_claimed is not None
    assert (past.admitted_ms, past.if_claimed.admitted_ms) == ((1, 3, 3), (3, 3))


@given(st.data())
def test_times_do_not_depend_on_the_order_of_arrival(data: st.DataObject) -> None:
    """Nor on how often an entry came."""
    acts = st.sampled_from([Act.ADMISSION, Act.EXIT])
    done = [entry(n, act) for n, act in enumerate(data.draw(st.lists(acts, max_size=6)), 1)]
    undone = data.draw(st.lists(st.sampled_from([1, 2, 9]), unique=True))
    done += [
        entry(20 + n, Act.ANNULMENT, device=data.draw(st.sampled_from("ab")), target=f"a.i:{n}")
        for n in undone
    ]
    again = data.draw(st.permutations([*done, *done[:2]]))
    assert with_times(fold(again), again) == with_times(fold(done), done)


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
    undone = [entry(2, Act.ANNULMENT, target="a.i:1"), entry(1)]
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


def test_another_gates_annulment_is_a_claim() -> None:
    """Until the gate that let in, or the server, says so too, the admission stands."""
    admitted, claim = entry(1), entry(2, Act.ANNULMENT, device="b", target="a.i:1")
    past = fold([admitted, claim])
    assert (past.used, past.inside) == (1, 1)
    assert [(one.origin, one.act) for one in past.claims] == [("b.i", Act.ANNULMENT)]
    assert past.if_claimed is not None
    assert past.if_claimed == fold([admitted, entry(3, Act.ANNULMENT, target="a.i:1")])
    for device in ("a", CENTRAL):
        confirmed = [admitted, claim, entry(4, Act.ANNULMENT, device=device, target="a.i:1")]
        assert fold(confirmed) == fold([admitted, confirmed[-1]])
        assert fold(confirmed).used == 0
        assert claims(confirmed) == []
    assert fold([admitted, claim, entry(4, Act.ANNULMENT, device="c", target="a.i:1")]).used == 1


def test_a_claim_of_what_nobody_knows_changes_nothing() -> None:
    """It waits for what it is about."""
    claim = entry(2, Act.ANNULMENT, device="b", target="a.i:1")
    assert fold([claim]) == History()
    assert fold([claim, entry(7, device="c")]).claims == ()


def test_two_went_in_and_an_undo_between_was_never_confirmed() -> None:
    """That is a conflict, until it is confirmed."""
    both = [entry(1), entry(2, Act.ANNULMENT, device="b", target="a.i:1"), entry(3, device="c")]
    found = conflict(both, 1, 1)
    assert found is not None
    assert found.excess == 1
    assert conflict([*both, entry(4, Act.ANNULMENT, target="a.i:1")], 1, 1) is None


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
    """What moves after everything else, added one by one in order, is the fold."""
    history = History()
    moves = [e for e in made if e.act in (Act.ADMISSION, Act.EXIT)]
    for move in moves:
        history = extend(history, move)
    assert history == fold(moves)
    later = [entry(100 + n, move.act, persons=move.persons) for n, move in enumerate(moves)]
    after = fold(made)
    for move in later:
        after = extend(after, move)
    assert after == fold([*made, *later])
