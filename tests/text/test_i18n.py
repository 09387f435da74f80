"""Every word an operator reads has its translation, with the same blanks to fill in."""

import re
import string
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

PACKAGES = [Path(str(package.__file__)).parent for package in (gate, sync)]
PO = i18n.LOCALE_FOLDER / "zh_CN" / "LC_MESSAGES" / "gate.po"
FORMS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


@pytest.fixture(scope="module")
def chinese() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file, locale="zh_CN")


def sources() -> list[object]:
    return [
        found[2]
        for package in PACKAGES
        for found in extract_from_dir(package, FORMS, keywords=KEYWORDS)
    ]


def key_of(message: Message) -> object:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def test_every_message_is_translated(chinese: Catalog) -> None:
    """What the program says and what the catalogue holds are the same set, none empty."""
    said = set(sources())
    held = {key_of(message): message for message in chinese if message.id}
    assert said - held.keys() == set()
    assert held.keys() - said == set()
    for message in held.values():
        assert all(texts_of(chinese)[key_of(message)]), message.id
        assert not message.fuzzy, message.id


def blanks(text: str) -> set[tuple[str, str | None, str | None]]:
    return {(name, form, conversion) for _t, name, form, conversion in
            string.Formatter().parse(text) if name is not None}  # fmt: skip


def test_translations_have_the_same_blanks(chinese: Catalog) -> None:
    """A missing or misspelt blank would be a fault in the operator's face."""
    for message in chinese:
        if not message.id:
            continue
        english = message.id if isinstance(message.id, str) else message.id[1]
        for text in texts_of(chinese)[key_of(message)]:
            assert blanks(text) == blanks(english), english


def test_the_compiled_catalogue_is_the_readable_one(chinese: Catalog) -> None:
    """gate.mo is what compiling gate.po gives."""
    with PO.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    assert texts_of(compiled) == texts_of(chinese)


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
    assert i18n.available() == ["en", "zh_CN"]


def test_the_large_words_can_be_drawn_in_every_language() -> None:
    """Each outcome's word, or at least its first part, has its letters."""
    for name in i18n.available():
        i18n.use(name)
        for outcome in Outcome:
            word = i18n._(OUTCOME_WORDS[outcome])
            assert letters.word(word) or letters.word(word.partition(" ")[0]), (name, word)
            assert len({len(row) for row in letters.shape(outcome)}) == 1


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
