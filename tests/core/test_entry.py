"""What an entry says of itself, also where this program has no word for it."""

import pytest

from gate.core.entry import COUNTS, FACTS, MOVEMENTS, Act
from gate.core.entry_codec import NoEntryError, decode, encode
from gate.text.act_words import act_word

BODY = '{"origin":"a.b","seq":1,"prev":"","act":"ACT","at_ms":1,"boot_ms":1,"hlc":1}'


def test_an_act_of_a_newer_program_is_kept_by_its_name() -> None:
    """It is the same at every node, moves nobody, and is the same bytes again."""
    body = BODY.replace("ACT", "flew_over")
    entry = decode(body)
    assert entry.act == decode(body).act == "flew_over"
    assert len({entry.act, decode(body).act}) == 1
    assert entry.act not in MOVEMENTS | COUNTS | FACTS
    assert encode(entry) == body.encode()
    assert act_word(entry.act) == "flew_over"


def test_an_act_that_is_known_is_that_one() -> None:
    """Nothing of ours is made anew."""
    assert decode(BODY.replace("ACT", "no_passage")).act is Act.NO_PASSAGE


@pytest.mark.parametrize("text", ["", "ADMISSION", "x" * 41, "a b", "a\\u001b[2J"])
def test_what_is_no_name_is_no_act(text: str) -> None:
    """A stranger's text is none: it would come to a screen."""
    with pytest.raises(NoEntryError):
        decode(BODY.replace("ACT", text))
