"""Yes and no as people type them."""

import pytest

from gate import i18n
from gate.text.open_question import answers
from gate.text.yes_words import is_no, is_yes

YES = {
    "en": ("y", "yes"), "de": ("j", "ja"), "fr": ("o", "oui"), "es": ("s", "si", "sí"),
    "it": ("s", "si", "sì"), "zh_CN": ("是",),
}  # fmt: skip
NO = {"en": "n", "de": "nein", "fr": "non", "es": "no", "it": "no", "zh_CN": "否"}


@pytest.mark.parametrize("language", list(YES))
def test_ones_own_words_are_understood(language: str) -> None:
    """And English in every language; in any case, with accents or without."""
    i18n.use(language)
    for word in (*YES[language], *YES["en"]):
        assert is_yes(word)
        assert is_yes(f" {word.upper()}\n")
        assert not is_no(word)
    assert is_no(NO[language])
    assert is_no("n")
    for word in ("", "maybe", NO[language]):
        assert not is_yes(word)


@pytest.mark.parametrize("language", list(YES))
def test_another_language_s_yes_is_none(language: str) -> None:
    """Who reads English and types an o has not said yes."""
    i18n.use(language)
    known = {*YES[language], *YES["en"]}
    # Without accents these two are the same word.
    known |= {"sí", "sì"} if "si" in known else set()
    others = {word for words in YES.values() for word in words} - known
    assert [word for word in others if is_yes(word)] == []


@pytest.mark.parametrize(("typed", "is_one"), [("y", False), ("j", False), ("ja", True)])
def test_a_letter_is_no_whole_word(typed: str, is_one: bool) -> None:
    """What deletes wants the word."""
    i18n.use("de")
    assert is_yes(typed, whole=True) is is_one


@pytest.mark.parametrize(
    ("language", "key"), [("de", "j"), ("fr", "o"), ("es", "s"), ("it", "s"), ("en", "y")]
)
def test_the_lane_s_keys_are_ones_own_too(language: str, key: str) -> None:
    """Beside y, n, 1 and 0, which work everywhere."""
    i18n.use(language)
    assert answers()[key] is True
    assert answers() | {"y": True, "1": True, "n": False, "0": False} == answers()
