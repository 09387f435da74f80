"""Every word an operator reads has its translation, with the same blanks to fill in."""

import gettext
import re
import string
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import gate
import sync
from gate import i18n
from gate.core.outcome import Outcome, Reason
from gate.text.outcome_words import OUTCOME_WORDS, REASON_WORDS
from gate.ui.tui import letters
from sync.server.web.looks import LANGUAGES

PACKAGES = [Path(str(package.__file__)).parent for package in (gate, sync)]
CATALOGUES = sorted(i18n.LOCALE_FOLDER.glob("*/LC_MESSAGES/gate.po"))
COUNTRIES = {
    "de": ("de_DE.UTF-8", "de_AT.UTF-8", "de_CH"),
    "es": ("es_ES.UTF-8", "es_MX.UTF-8"),
    "fr": ("fr_FR.UTF-8", "fr_CA.UTF-8", "fr_BE"),
    "it": ("it_IT.UTF-8", "it_CH.UTF-8"),
    "zh_CN": ("zh_CN.UTF-8",),
}
PLURALS = {"de": 2, "es": 2, "fr": 2, "it": 2, "zh_CN": 1}
"""Forms that a counted sentence has. Romance millions have a third by CLDR ("un millón de"), which
no sentence of ours needs: none counts that far in words."""
FORMS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def language_of(path: Path) -> str:
    return path.parent.parent.name


@pytest.fixture(scope="module", params=CATALOGUES, ids=language_of)
def po(request: pytest.FixtureRequest) -> Path:
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture(scope="module")
def catalogue(po: Path) -> Catalog:
    with po.open("rb") as file:
        return read_po(file, locale=language_of(po))


@cache
def sources() -> list[object]:
    return [
        found[2]
        for package in PACKAGES
        for found in extract_from_dir(package, FORMS, keywords=KEYWORDS)
    ]


def key_of(message: Message) -> object:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def test_every_message_is_translated(catalogue: Catalog) -> None:
    """What the program says and what the catalogue holds are the same set, none empty."""
    said = set(sources())
    held = {key_of(message): message for message in catalogue if message.id}
    assert said - held.keys() == set()
    assert held.keys() - said == set()
    texts = texts_of(catalogue)
    for message in held.values():
        assert all(texts[key_of(message)]), message.id
        assert not message.fuzzy, message.id


def blanks(text: str) -> set[tuple[str, str | None, str | None]]:
    return {(name, form, conversion) for _t, name, form, conversion in
            string.Formatter().parse(text) if name is not None}  # fmt: skip


def test_translations_have_the_same_blanks(catalogue: Catalog) -> None:
    """A missing or misspelt blank would be a fault in the operator's face."""
    texts = texts_of(catalogue)
    for message in catalogue:
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[1]
        for text in texts[key_of(message)]:
            assert blanks(text) == blanks(english), english


def test_translations_begin_and_end_as_the_sentence_does(catalogue: Catalog) -> None:
    """A sentence that something is put before or behind has its blank there, and its lines."""
    texts = texts_of(catalogue)
    for message in catalogue:
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[1]
        for text in texts[key_of(message)]:
            # Full-width signs have their room in themselves.
            if catalogue.locale_identifier != "zh_CN":
                assert (text[:1] == " ", text[-1:] == " ") == (
                    (english[:1] == " ", english[-1:] == " ")
                ), english
            assert text.count("\n") == english.count("\n"), english


def test_every_count_has_its_forms(po: Path, catalogue: Catalog) -> None:
    """As many as the header says, and the language has; the header names the language."""
    forms = PLURALS[language_of(po)]
    assert (catalogue.num_plurals, catalogue.locale_identifier) == (forms, language_of(po))
    for key, texts in texts_of(catalogue).items():
        assert len(texts) == (forms if isinstance(key, tuple) else 1), key
    with po.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for key, texts in texts_of(catalogue).items():
        if isinstance(key, tuple):
            assert {compiled.ngettext(key[0], key[1], n) for n in (0, 1, 2, 1_000_000)} == set(
                texts
            ), key


def test_every_language_is_named_by_itself() -> None:
    """Pages offer each catalogue, and what it calls itself."""
    assert set(i18n.available()) <= LANGUAGES.keys()
    assert {language_of(path) for path in CATALOGUES} <= PLURALS.keys() == LANGUAGES.keys() - {"en"}


def test_the_compiled_catalogue_is_the_readable_one(po: Path, catalogue: Catalog) -> None:
    """gate.mo is what compiling gate.po gives."""
    with po.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    assert texts_of(compiled) == texts_of(catalogue)


def texts_of(catalog: Catalog) -> dict[object, tuple[str, ...]]:
    return {
        key_of(m): (m.string,) if isinstance(m.string, str) else tuple(m.string or ())
        for m in catalog
        if m.id
    }


def test_no_word_escapes_translation() -> None:
    """Nothing is written to the user's streams or widgets but through gettext."""
    bare = re.compile(r"""(?:notify|sys\.std(?:out|err)\.write)\(\s*f?["'][A-Z][a-z]+ """)
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            assert not bare.search(path.read_text(encoding="utf-8")), path


def test_languages_are_chosen_by_name_and_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """zh_CN by name; auto goes by LANG; an unknown one is English."""
    monkeypatch.setenv("TERM", "xterm")
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    i18n.use("zh_CN")
    assert i18n._("ENTER") == "请进"
    i18n.use("auto")
    assert i18n._("ENTER") == "ENTER"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    i18n.use("auto")
    assert i18n._("ENTER") == "请进"
    monkeypatch.setenv("LC_ALL", "C")
    i18n.use("auto")
    assert i18n._("ENTER") == "ENTER"
    i18n.use("tlh")
    assert i18n._("ENTER") == "ENTER"
    assert i18n.available() == ["en", *sorted(language_of(path) for path in CATALOGUES)]


@pytest.mark.parametrize("po", CATALOGUES, ids=language_of)
def test_a_country_speaks_its_language(po: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """de_AT.UTF-8 is German, fr_CA French; whoever sets only what it is has it, too."""
    monkeypatch.setenv("TERM", "xterm")
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    language = language_of(po)
    i18n.use(language)
    word = i18n._("ENTER")
    assert word != "ENTER"
    for name in COUNTRIES[language]:
        monkeypatch.setenv("LANG", name)
        i18n.use("auto")
        assert i18n._("ENTER") == word, name


def test_on_the_console_only_ideographs_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fonts have every Latin letter and no Chinese."""
    assert i18n.has_ideographs("zh_CN")
    assert not any(i18n.has_ideographs(name) for name in ("de", "es", "fr", "it", "en"))
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    i18n.use("auto")
    assert i18n._("ENTER") == "ENTER"


def test_the_large_words_can_be_drawn_in_every_language() -> None:
    """Each outcome's word, or at least its first part, has its letters."""
    for name in i18n.available():
        i18n.use(name)
        for outcome in Outcome:
            word = i18n._(OUTCOME_WORDS[outcome])
            assert letters.word(word) or letters.word(word.partition(" ")[0]), (name, word)
            assert len({len(row) for row in letters.shape(outcome)}) == 1


def test_every_letter_of_the_languages_can_be_drawn() -> None:
    """A to Z, accented ones, and signs that begin a sentence: each alike high, no two alike."""
    every = string.ascii_uppercase + "ÄÖÜßÀÁÂÇÈÉÊËÌÍÎÏÑÒÓÔÙÚÛŒ¿¡"
    drawn = {character: letters.word(character) for character in every}
    assert all(drawn.values())
    assert len({tuple(rows or ()) for rows in drawn.values()}) == len(every)
    assert {(len(rows or ()), len((rows or [""])[0])) for rows in drawn.values()} == {(7, 10)}
    assert letters.word("Ž") is None


def test_outcomes_and_reasons_read_differently() -> None:
    """No two outcomes and no two reasons have the same words, in any language."""
    for name in i18n.available():
        i18n.use(name)
        assert len({i18n._(word) for word in OUTCOME_WORDS.values()}) == len(Outcome)
        assert len({i18n._(word) for word in REASON_WORDS.values()}) == len(Reason)


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("Wrong entrance", "Send the guest there."), "Wrong entrance. Send the guest there."),
        (("入口不对", "请客人去那边。"), "入口不对。 请客人去那边。"),
        (("For this event?", "", " "), "For this event?"),
        (("Row 7",), "Row 7."),
        ((), ""),
    ],
)
def test_each_has_one_end(parts: tuple[str, ...], line: str) -> None:
    """Its own, or the full stop of the script it is written in; never two."""
    assert i18n.sentences(*parts) == line
