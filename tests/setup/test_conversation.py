"""What is typed at a question, as it is understood."""

import pytest

from gate import i18n
from gate.setup.conversation import _canonical
from tests.setup.conftest import Bench

EITHER = ("yes", "no")


@pytest.mark.parametrize(
    ("language", "typed", "kept"),
    [
        ("en", "Y", "yes"), ("en", "nope", "nope"), ("en", "", ""),
        ("de", "j", "yes"), ("de", "Nein", "no"), ("de", "y", "yes"), ("zh_CN", "是", "yes"),
        ("fr", "o", "yes"), ("es", "si", "yes"), ("it", "sì", "yes"), ("it", "n", "no"),
    ],
)  # fmt: skip
def test_yes_and_no_are_understood_in_ones_own_language(
    language: str, typed: str, kept: str
) -> None:
    """And in English in every language, by how they begin; anything else stays what it is."""
    i18n.use(language)
    assert _canonical(typed, EITHER) == kept


def test_other_choices_have_no_yes() -> None:
    """A word that is a yes elsewhere is no answer among them."""
    i18n.use("de")
    assert _canonical("ja", ("camera", "link", "no")) == "ja"
    assert _canonical("nein", ("camera", "link", "no")) == "no"
    assert _canonical("c", ("camera", "link", "no")) == "camera"


def test_a_question_shows_its_answers_in_ones_own_language(bench: Bench) -> None:
    """Yes and no, and which of them Enter is; what is kept is English."""
    i18n.use("de")
    talk = bench.talk("", "nein")
    assert talk.ask_yes("kiosk", "Kiosk", default=True)
    assert bench.said() == "  Kiosk (ja, nein) [ja]: "
    assert talk.ask("autostart", "Start", "tty1", choices=("tty1", "no")) == "no"
    assert bench.said() == "  Start (tty1, nein) [tty1]: "
    assert talk.answers.kiosk == "yes"
    talk.ask_yes("kiosk", "Kiosk", default=True)
    assert bench.said().startswith("  Kiosk ja ")
