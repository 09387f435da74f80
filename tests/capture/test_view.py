"""Law 15: what the lane answered is what stays to be seen, whatever else is in the picture."""

from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.capture import debounce as debounce_module
from gate.capture import view as view_module
from gate.capture.debounce import READ_MS, Debounce
from gate.capture.glimpse import Decide, Glimpse, Notice, Spot, spot_of
from gate.capture.view import AFTER_KNOWN_MS, FURNITURE_MS, HELD_BACK_MS, View
from gate.core.ticket import Kind, Ticket, TicketType
from gate.core.verdict import Scan

SHOW = TicketType("SHOW", Kind.MEETING)
FRAME_MS = 66
LEFT, RIGHT = Spot(0.1, 0.1, 0.3, 0.3), Spot(0.6, 0.1, 0.8, 0.3)
PLACES = {"A": LEFT, "B": RIGHT, "C": RIGHT, "u": RIGHT, "v": LEFT, "a": Spot(0.4, 0.3, 0.5, 0.4)}
"""Capital letters are tickets, ``a`` is another code of A; the others are nobody's."""


def glimpse(name: str, spot: Spot | None = None) -> Glimpse:
    ticket = Ticket(name.upper(), SHOW) if name in "ABCa" else None
    return Glimpse(Scan(name), ticket, spot or PLACES[name])


class Film:
    """A view that is shown frames, and all that it answered."""

    def __init__(self) -> None:
        self.view = View(Debounce())
        self.now = 0
        self.decided: list[tuple[int, str]] = []
        self.notices: list[Notice | None] = []
        self.frames: list[tuple[int, frozenset[str]]] = []

    def show(self, *names: str, ms: int = FRAME_MS, spot: Spot | None = None) -> list[str]:
        """Hold codes up for so long; answers with what was decided meanwhile."""
        before = len(self.decided)
        until = self.now + ms
        while self.now < until:
            codes = [glimpse(name, spot) for name in names]
            self.frames.append((self.now, frozenset(code.key for code in codes)))
            self._note(self.view.frame(codes, self.now))
            self.now += FRAME_MS
        return [name for _at, name in self.decided[before:]]

    def end(self) -> list[str]:
        return [decide.glimpse.key for decide in self.view.end(self.now)]

    def _note(self, decides: Iterable[Decide]) -> None:
        self.decided += [(self.now, decide.glimpse.key) for decide in decides]
        notice = self.view.notice(self.now)
        if not self.notices or notice != self.notices[-1]:
            self.notices.append(notice)


@pytest.fixture
def film() -> Film:
    return Film()


OTHER_B = Notice(Ticket("B", SHOW))
STRANGER = Notice()


@pytest.mark.parametrize("codes", [("A", "u"), ("u", "A"), ("u", "A", "v")])
def test_beside_a_ticket_an_unknown_code_is_a_line(film: Film, codes: Sequence[str]) -> None:
    """A link beside the ticket, in whichever order they are read: one verdict, and the line."""
    assert film.show(*codes, ms=10_000 - FRAME_MS) == ["=A"]
    assert film.decided[0][0] == 0, "at once"
    assert film.notices == [STRANGER]


def test_an_unknown_code_that_was_beside_a_ticket_stays_none(film: Film) -> None:
    """The sheet's link alone in view after its ticket is not a new code, until it has left."""
    film.show("A", "u", ms=1000)
    assert film.show("u", ms=5000) == []
    assert film.notices == [STRANGER, None]
    film.show(ms=1000)
    assert film.show("u", ms=1000) == ["?u"]


def test_a_known_code_takes_the_place_of_an_unknown_one(film: Film) -> None:
    """Within 300 ms, although the first frames held the unknown one only."""
    assert film.show("u", ms=HELD_BACK_MS - FRAME_MS) == []
    assert film.show("A", ms=4000) == ["=A"]
    assert film.show("u", ms=4000) == ["?u"], "it has been away"


def test_an_unknown_code_alone_is_a_stop(film: Film) -> None:
    """After 300 ms, once, also if it was seen in one frame only."""
    assert film.show("u", ms=FRAME_MS) == []
    assert film.show(ms=4000) == ["?u"]
    assert HELD_BACK_MS <= film.decided[0][0] <= HELD_BACK_MS + FRAME_MS
    assert film.show("u", ms=5000) == ["?u"]


def test_a_timer_decides_what_is_held_back(film: Film) -> None:
    """Without a further frame it is due all the same."""
    film.show("u", ms=FRAME_MS)
    assert film.view.due_ms(film.now) == HELD_BACK_MS
    assert film.view.tick(HELD_BACK_MS - 1) == []
    assert [d.glimpse.key for d in film.view.tick(HELD_BACK_MS)] == ["?u"]
    assert film.view.due_ms(film.now) is None


def test_the_end_of_the_source_decides_what_is_held_back(film: Film) -> None:
    """Nothing more will come; a ticket that waits was never meant."""
    film.show("u", ms=FRAME_MS)
    assert film.end() == ["?u"]
    assert film.end() == []
    film.show("A", "B", ms=1000)
    assert film.end() == []


def test_a_new_unknown_code_after_a_ticket_is_a_stop(film: Film) -> None:
    """A line for 500 ms after the ticket, a STOP once the ticket's verdict was there to be read."""
    film.show("A", ms=2000)
    assert film.show("u", ms=AFTER_KNOWN_MS - FRAME_MS) == []
    assert film.notices[-1] == STRANGER
    assert film.show("u", ms=2 * FRAME_MS + HELD_BACK_MS) == ["?u"]


def test_an_unknown_code_lets_a_verdict_be_read(film: Film) -> None:
    """A ticket of one frame and then somebody's unknown code: 1.5 s between the two."""
    film.show("A")
    assert film.show("u", ms=3000) == ["?u"]
    assert READ_MS <= film.decided[1][0] <= READ_MS + FRAME_MS


def test_two_codes_of_a_ticket_are_one_scan(film: Film) -> None:
    """QR and bars of one ticket, together and in turn."""
    assert film.show("A", "a", ms=2000) == ["=A"]
    assert film.show("a", ms=2000) == []
    assert film.show("A", ms=2000) == []


def test_the_second_ticket_is_named_and_waits_for_the_first_to_leave(film: Film) -> None:
    """Decided once the first was out of view for 800 ms, not a frame earlier."""
    assert film.show("A", "B", ms=10_000) == ["=A"]
    assert film.notices == [OTHER_B]
    assert film.show("B", ms=800 - FRAME_MS) == []
    assert film.show("B", ms=2 * FRAME_MS) == ["=B"]
    assert film.show("B", ms=5000) == []
    assert film.notices == [OTHER_B, None]


def test_a_flickering_first_ticket_is_still_in_view(film: Film) -> None:
    """A reader that sees now one and now the other spends one ticket."""
    for _ in range(40):
        film.show("A")
        film.show("B", ms=3 * FRAME_MS)
    assert [name for _at, name in film.decided] == ["=A"]
    assert film.notices[-1] == OTHER_B


def test_a_page_that_is_pulled_away_spends_one_ticket(film: Film) -> None:
    """The second comes to lie where the first lay, which is out of the picture: it waits still."""
    film.show("A", "B", ms=1000)
    assert film.show("B", ms=700, spot=LEFT) == []
    assert film.show(ms=3000) == []


def test_the_next_ticket_in_the_same_place_never_waits(film: Film) -> None:
    """Swiped on a phone, or held over the first: it covers it, so that it is decided at once."""
    film.show("A", ms=500)
    assert film.show("C", spot=LEFT) == ["=C"]
    assert film.notices == [None]


def test_the_next_ticket_elsewhere_waits_for_a_blink(film: Film) -> None:
    """A first ticket that is gone for 300 ms was not in one picture with the second."""
    film.show("A", ms=500)
    film.show(ms=HELD_BACK_MS)
    assert film.show("B") == ["=B"]


def test_a_key_says_that_the_second_ticket_is_meant(film: Film) -> None:
    """Both were meant: two phones side by side. Once, and only the one that is named."""
    film.show("A", "B", ms=1000)
    assert film.view.meant("A", film.now) == []
    assert [d.glimpse.key for d in film.view.meant("B", film.now)] == ["=B"]
    assert film.view.meant("B", film.now) == []
    assert film.view.notice(film.now) is None
    assert film.show("A", "B", ms=10_000) == []


def test_three_tickets_are_told_as_many(film: Film) -> None:
    """The first that waits by name, the others by number; they come in turn."""
    film.view.frame([glimpse("A"), glimpse("B"), glimpse("C", Spot(0.4, 0.4, 0.5, 0.5))], 0)
    assert film.view.notice(0) == Notice(Ticket("B", SHOW), more=1)


def test_furniture_is_named_once_and_never_decided_again(film: Film) -> None:
    """A poster: a STOP at first, none after the guests who cover it."""
    assert film.show("u", ms=FURNITURE_MS + 1000) == ["?u"]
    assert [one.text for one in film.view.furniture(film.now)] == ["u"]
    for _ in range(5):
        assert film.show("A", ms=4000)[:1] in (["=A"], [])
        film.show(ms=2000)
        assert film.show("u", ms=4000) == []
    assert [one.text for one in film.view.furniture(film.now)] == ["u"]


def test_a_poster_beside_tickets_is_never_a_stop(film: Film) -> None:
    """In view with the guests all evening."""
    for name in "ABC" * 5:
        film.show(name, "v", ms=3000)
        film.show("v", ms=2000)
    assert [name for _at, name in film.decided if name == "?v"] == []


def test_what_moves_is_no_furniture(film: Film) -> None:
    """Somebody who holds a code up is no poster; a poster that is taken down is one no more."""
    for n in range(30):
        film.show("u", ms=500, spot=Spot(0.02 * n, 0, 0.1 + 0.02 * n, 0.1))
    assert film.view.furniture(film.now) == []
    film.show("v", ms=FURNITURE_MS + 1000)
    assert film.show("v", ms=3000, spot=RIGHT) == ["?v"]


def test_furniture_that_was_taken_away_is_forgotten(film: Film) -> None:
    """A minute out of view: what comes then is somebody's code."""
    film.show("u", ms=FURNITURE_MS + 1000)
    film.show(ms=view_module.GONE_MS + 1000)
    assert film.view.furniture(film.now) == []
    assert film.show("u", ms=1000) == ["?u"]


def test_furniture_that_becomes_a_ticket_is_decided(film: Film) -> None:
    """Sold while it lies there: the same text is a ticket's now."""
    film.show("u", ms=FURNITURE_MS + 1000)
    sold = Glimpse(Scan("u"), Ticket("U", SHOW), RIGHT)
    assert [d.glimpse.key for d in film.view.frame([sold], film.now)] == ["=U"]
    assert film.view.furniture(film.now) == []


def test_two_unknown_codes_of_one_picture_are_one_stop(film: Film) -> None:
    """The second has its turn if it stays when the first has left."""
    assert film.show("u", "v", ms=3000) == ["?u"]
    assert film.show("v", ms=2000) == ["?v"]


def test_a_fault_is_tried_again_and_a_policy_is_not(film: Film) -> None:
    """While it is in view, at a sane rate."""
    film.show("A")
    film.view.fault("=A", 0)
    for now in range(FRAME_MS, 9000, FRAME_MS):
        for decide in film.view.frame([glimpse("A")], now):
            assert decide.is_again
            film.view.fault("=A", now)
            film.decided.append((now, decide.glimpse.key))
    assert len(film.decided) == 6


def test_while_nobody_listens_nothing_is_a_scan(film: Film) -> None:
    """What lies there then is none afterwards, what came is one."""
    film.show("A", ms=500)
    for _ in range(100):
        film.now += FRAME_MS
        assert film.view.frame([glimpse("A"), glimpse("B")], film.now, listening=False) == []
    film.now += FRAME_MS
    assert film.show("A", ms=1000) == []
    film.show("u", ms=FRAME_MS)
    film.view.frame([], film.now, listening=False)
    assert film.view.due_ms(film.now) is None


@pytest.mark.parametrize("codes", [("A", "u"), ("A", "B")])
def test_a_line_goes_when_the_codes_have_gone(film: Film, codes: Sequence[str]) -> None:
    """Also without a further frame: the time to look again is when it ends, no later."""
    film.show(*codes)
    due_ms = film.view.due_ms(1)
    assert due_ms is not None
    assert film.view.notice(due_ms - 1) is not None
    assert film.view.due_ms(due_ms - 1) == due_ms
    film.view.tick(due_ms)
    assert film.view.notice(due_ms) is None


def test_a_film_of_ever_new_codes_fills_nothing() -> None:
    """Neither the memory, nor the queue of what is still to be decided."""
    view = View(Debounce())
    for n in range(3000):
        view.frame([Glimpse(Scan(f"n{n}"))], n * FRAME_MS)
    assert len(view._sighted) <= view_module.SIGHTED_KEPT
    assert len(view._pending()) < 20


def test_a_place_is_counted_in_widths_of_the_picture() -> None:
    """Five of a hundred of the width, down as well as across; no corners are everywhere."""
    here = spot_of(((100, 200), (200, 200), (200, 300), (100, 300)), 1000)
    assert here == Spot(0.1, 0.2, 0.2, 0.3)
    assert here.is_near(Spot(0.14, 0.24, 0.24, 0.34))
    assert not here.is_near(Spot(0.1, 0.26, 0.2, 0.36))
    assert spot_of((), 1000).overlaps(here)


FRAMES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["A", "B", "C", "a", "u", "v"]), max_size=4),
        st.sampled_from([1, 1, 2, 5, 15, 40]),
    ),
    max_size=40,
)


def owner(name: str) -> str:
    """Whose a code is, told without the code under test."""
    return f"={name.upper()}" if name in "ABCa" else f"?{name}"


def stays_to_be_read(frames: list[tuple[list[str], int]]) -> None:
    """Law 15, for one sequence of frames: raises AssertionError where it is broken."""
    film = Film()
    seen: dict[str, int] = {}
    beside: set[str] = set()
    shown: tuple[int, str] | None = None
    for names, count in [*frames, ([], 60)]:
        codes = {owner(name) for name in names}
        tickets = {code for code in codes if code.startswith("=")}
        for _ in range(count):
            now, before = film.now, len(film.decided)
            beside = {code for code in beside if now - seen[code] < 800}
            film.show(*names)
            beside |= codes - tickets if tickets else set()
            for _at, key in film.decided[before:]:
                code = owner(key[1:])
                if shown is not None:
                    is_next_guest = code in tickets and code != shown[1]
                    assert is_next_guest or now - shown[0] >= READ_MS, "covered too soon"
                recent = {one for one, at in seen.items() if now - at < AFTER_KNOWN_MS}
                if code not in tickets:
                    known = {one for one in recent | codes if one.startswith("=")}
                    assert not known, "a STOP beside a ticket"
                    assert code not in beside, "a STOP for what was beside a ticket"
                elif shown is not None and shown[1] in tickets and now - seen[shown[1]] < 800:
                    assert shown[1] == code, "two tickets of one picture"
                shown = now, code
                seen[code] = now
            seen |= dict.fromkeys(codes, now)


@given(FRAMES)
def test_what_was_decided_stays_to_be_read(frames: list[tuple[list[str], int]]) -> None:
    """Whatever codes come into the picture in whatever order: 1.5 s, or a next guest's ticket."""
    stays_to_be_read(frames)


@given(FRAMES, st.sampled_from(["A", "B", "C"]))
def test_a_ticket_alone_is_always_decided(frames: list[tuple[list[str], int]], name: str) -> None:
    """Whatever was before: held up alone for five seconds, it has its verdict."""
    film = Film()
    for names, count in frames:
        film.show(*names, ms=count * FRAME_MS)
    film.show(ms=4000)
    assert film.show(name, ms=5000) == [f"={name}"]


@given(FRAMES)
def test_a_first_ticket_is_never_slower(frames: list[tuple[list[str], int]]) -> None:
    """A ticket in a picture without another is decided in the frame in which it is first seen."""
    film = Film()
    for names, count in frames:
        film.show(*[name for name in names if name in "uv"], ms=count * FRAME_MS)
    assert film.show("A", "u") == ["=A"]


def _by_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Glimpse, "key", property(lambda one: f"={one.scan.text}"))


MUTATIONS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], list[tuple[list[str], int]]]] = {
    "an unknown code is not held back": (
        lambda patch: patch.setattr(View, "_take_places", lambda _self, _seen: None),
        [(["u", "A"], 5), (["u"], 60)],
    ),
    "a verdict is covered at once": (
        lambda patch: patch.setattr(debounce_module, "READ_MS", 0),
        [(["A"], 1), (["u"], 40)],
    ),
    "each code of a ticket is a scan": (_by_text, [(["A", "a"], 5), (["a"], 20)]),
    "the second ticket does not wait": (
        lambda patch: patch.setattr(View, "_hinders", lambda *_all: False),
        [(["A", "B"], 5)],
    ),
    "no verdict is a line after a ticket": (
        lambda patch: patch.setattr(view_module, "AFTER_KNOWN_MS", 0),
        [(["A"], 60), (["u"], 40)],
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_breaks_the_law(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Mutations of law 15: the property above sees each of them."""
    mutate, frames = MUTATIONS[name]
    stays_to_be_read(frames)
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        stays_to_be_read(frames)
