"""Several lists at one gate: each is a folder of its own, and which is open survives a restart."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import UsageError
from gate.storage import enrolment
from gate.storage.enrolment import Enrolment
from gate.storage.enrolment_link import JOINED, link_to, new_token, parse_link
from gate.storage.folder import Folder
from gate.storage.gate_lists import (
    beside,
    following,
    gate_lists,
    keep_open,
    list_of,
    open_folder,
    place_of,
)
from tests.support.lists import make_list


def test_a_gate_without_lists_has_its_own_folder(tmp_path: Path) -> None:
    """A folder that is on its own, or enrolled for one event, is the list."""
    base = Folder(tmp_path)
    assert gate_lists(base) == ()
    assert open_folder(base).path == tmp_path
    enrolment.save(base, Enrolment("https://a", "c", "gala.1"))
    make_list(base, "gala.2", "Two")
    assert gate_lists(base) == ()
    assert open_folder(base).path == tmp_path
    assert list_of(base) is None


def test_which_list_is_open_survives_a_restart(tmp_path: Path) -> None:
    """The first by name where nobody has said; from then on what was kept."""
    base = Folder(tmp_path)
    make_list(base, "gala.2", "Zelt")
    make_list(base, "gala.1", "Arena")
    first, second = gate_lists(base)
    assert (first.name, second.name) == ("Arena", "Zelt")
    assert open_folder(base).path == first.folder.path
    keep_open(second)
    assert open_folder(Folder(tmp_path)).path == second.folder.path
    assert [one.event for one in beside(second.folder)] == [first.event]
    own = list_of(second.folder)
    assert own is not None
    assert own.event == "gala.2"


def test_a_list_that_is_gone_is_not_open(tmp_path: Path) -> None:
    """What was open and is not there any more gives way to the first."""
    base = Folder(tmp_path)
    make_list(base, "gala.1", "Arena")
    make_list(base, "gala.2", "Zelt")
    keep_open(gate_lists(base)[1])
    gate_lists(base)[1].folder.enrolment.unlink()
    assert open_folder(base).path == place_of(base, "gala.1").path


def test_the_key_goes_round(tmp_path: Path) -> None:
    """After the last list comes the first."""
    base = Folder(tmp_path)
    for event in ("a", "b", "c"):
        make_list(base, event, event)
    lists = gate_lists(base)
    assert [following(lists, event).event for event in ("a", "b", "c", "?")] == ["b", "c", "a", "a"]


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_no_two_events_share_a_folder(one: str, other: str) -> None:
    """Whatever an event is called, its folder is beneath ``gate-lists`` and no other's."""
    base = Folder(Path("base"))
    place = place_of(base, one).path
    assert place.parent == Path("base/gate-lists")
    assert place.name not in ("", ".", "..")
    assert not place.name.startswith(".")
    assert (place == place_of(base, other).path) is (one == other)


def test_a_link_of_several_events_is_an_invitation_to_each() -> None:
    """Tokens joined by a plus keep the code small, and one alone is what it always was."""
    tokens = [new_token() for _ in range(3)]
    several = parse_link(link_to("https://gate.example:8443", JOINED.join(tokens), "A" * 26))
    assert [one.token for one in several.each()] == tokens
    assert {one.url for one in several.each()} == {"https://gate.example:8443"}
    (alone,) = parse_link(link_to("https://gate.example", tokens[0], "")).each()
    assert alone.token == tokens[0]
    for wrong in ("A++B", "+A", "A+"):
        with pytest.raises(UsageError):
            parse_link(f"VENUEGATE:{wrong}//GATE.EXAMPLE")
