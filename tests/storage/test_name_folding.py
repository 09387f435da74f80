"""Whoever types a name finds it, whatever keyboard they have and however the list spells it."""

import hashlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.storage import name_folding
from gate.storage.name_folding import FOLDING, LONGEST, sought, terms

FOUND = {
    "Łukasz Żółw": "lukasz zolw luk żółw ŁUKASZ lukaszzolw",
    "Bjørn Ærø": "bjorn bjoern aero BJØRN",
    "İlknur Şahin": "ilknur sahin ILKNUR İLKNUR",
    "Işıl Yıldız": "isil yildiz ISIL ışıl",
    "Müller": "muller mueller MULLER müller Mu\u0308ller mue",
    "Mueller": "mueller müller",
    "Weiß": "weiss weiß WEISS WEIẞ",
    "Strøm-Åsen": "strom stroem asen aasen stromasen",
    "O'Brien": "obrien o'brien O\u2019BRIEN brien",
    "Siobhán O\u2019Neil-Smith": "oneil neil smith siobhan oneilsmith neil-smith",
    "Đorđević": "dordevic djordjevic đorđević",
    "van den Berg": "vandenberg berg denberg",
    "Þórður": "thordur",
    "Đặng Thị Nhung": "dang nhung",
    "José\u00a0Ångström": "jose angstrom aangstroem",
    "Ｍａｒｉａ": "maria",
    # Cyrillic, and the other way
    "Ёлкина": "елкина ёлкина elkina yolkina yelkina ЕЛКИНА",
    "Елкина": "елкина elkina yelkina",
    "Elkina": "елкина ёлкина",
    "Yelkina": "елкина",
    "Юлия Щербакова": "yuliya iuliia julija shcherbakova scerbakova юлия",
    "Дмитрий Хрущёв": "dmitriy dmitrii dmitry khrushchev khrushchyov hruscev",
    "Dmitry": "дмитрий",
    "Александр": "aleksandr alex",
    "Олексій Гнатюк": "oleksii hnatiuk oleksiy",
    "Ђорђе Љубић": "djordje ljubic",
    # Greek, Arabic, Hebrew, kana, Hangul
    "Γιώργος Παπαδόπουλος": "giorgos papadopoulos γιωργος",
    "Ευγενία": "evgenia eugenia",
    "Papadopoulos": "Παπαδόπουλος",
    "محمد أحمد": "muhammad mohamed mohammed ahmed ahmad محمد",
    "مُحَمَّد": "محمد muhammad",
    "يوسف خالد": "yusuf youssef khalid khaled",
    "حسين": "hussein husayn",
    "שלום כהן": "cohen kohen כהן",
    "דוד לוי": "david levi",
    "さくら": "sakura さくら",
    "たなか ゆうこ": "tanaka yuko yuuko",
    "きょうこ": "kyoko kyouko",
    "ジョン・スミス": "jon sumisu ジョン",
    "김민수": "kim gim minsu kimminsu 김 민수",
    "박지성": "park pak jiseong",
    "이영희": "lee yi yeonghui",
    # Chinese
    "王小明": "wang xiaoming wxm xm ming wangxiaoming 王 小明 明 王小明 WXM wáng",
    "单雄信": "shan dan shanxiongxin",
    "曾国藩": "zeng ceng zengguofan zgf",
    "仇英": "qiu chou",
    "吕布": "lv lu lü lyu lvbu",
    "Wang Xiaoming": "wang xiaoming wangxiaoming 王小明",
    "王小明 (VIP)": "vip wxm",
    # Seats and orders
    "2-15": "2-15 215",
    "Row C Seat 12": "12 c rowc",
    "WX-2026-000123": "wx2026 2026-000123 000123 wx-2026-000123",
}
ALONE = {
    "Łukasz Żółw": "zol w", "Wang Xiaoming": "xiao", "王小明": "xiao ming", "李小龙": "小龙",
    "Siobhán O\u2019Neil-Smith": "siobhan smith", "Row C Seat 12": "row c",
    "José Ångström": "angstrom jo", "Müller 5": "müll",
}  # fmt: skip


def finds(typed: str, text: str) -> bool:
    """Whether one text finds the other, as the index does."""
    return any(wanted.fits(terms(text)) for wanted in sought(typed))


@pytest.mark.parametrize("text", FOUND)
def test_every_spelling_finds_it(text: str) -> None:
    """By a part, by another spelling, on another keyboard."""
    assert [typed for typed in FOUND[text].split() if not finds(typed, text)] == []


@pytest.mark.parametrize("text", ALONE)
def test_several_parts_find_it(text: str) -> None:
    """Every word counts, in any order, each perhaps only begun."""
    assert finds(ALONE[text], text)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("lukas yy", "Łukasz Żółw"), ("ukasz", "Łukasz"), ("mingwang", "王小明"),
        ("小王", "李小龙"), ("brian", "O'Brien"), ("елкин", "Ivanov"), ("ahmed", "محمد"),
        ("15-2", "2-15"), ("müller", "Möller"), ("", "Anna"), ("*", "Anna"), ("~", "محمد"),
        ("mhmd", "Muhammad"),
    ],
)  # fmt: skip
def test_another_name_is_not_found(typed: str, text: str) -> None:
    """What is typed has to be there: spellings are no guesses."""
    assert not finds(typed, text) or not sought(typed)


@pytest.mark.parametrize(
    ("patched", "gone"),
    [
        (("SYSTEMS", {}), [("mueller", "Müller"), ("yelkina", "Ёлкина")]),
        (("_SURNAMES", {}), [("park", "박지성")]),
        (("_HEPBURN", ()), [("kyoko", "きょうこ")]),
        (("_consonants", lambda word: word), [("muhammad", "محمد")]),
        (("_initials", lambda _parts: []), [("wxm", "王小明")]),
        (("MOST_JOINED", 1), [("obrien", "O'Brien"), ("xiaoming", "王小明")]),
    ],
)
def test_each_rule_finds_somebody(
    monkeypatch: pytest.MonkeyPatch, patched: tuple[str, object], gone: list[tuple[str, str]]
) -> None:
    """The mutations: without it a name is not found."""
    assert all(finds(*pair) for pair in gone)
    monkeypatch.setattr(name_folding, *patched)
    name_folding._spellings.cache_clear()
    assert not any(finds(*pair) for pair in gone)
    name_folding._spellings.cache_clear()


def test_anyascii_alone_knows_one_reading() -> None:
    """Why pypinyin is there: a Shan and a Zeng would be a Dan and a Ceng."""
    assert name_folding._latin("单") == "dan"
    assert {"shan", "dan"} <= terms("单雄信")


@given(st.text(max_size=200))
def test_any_text_has_few_short_terms(text: str) -> None:
    """A name of a stranger costs little, and every term is one word of the index."""
    found = terms(text)
    assert len(found) <= 40 * name_folding.MOST_PARTS
    assert all(0 < len(term) <= LONGEST for term in found)
    assert not any(set(term) & set(" \"'*()\0\n") for term in found)


@given(st.text(max_size=60))
def test_any_text_finds_itself(text: str) -> None:
    """Whatever is in a list is found by typing it as it stands."""
    parts = sought(text)
    assert not parts or parts[0].fits(terms(text))


@pytest.mark.parametrize("text", ["王" * 3072, "ö" * 3072, "a b " * 800, "한" * 1000, "ん" * 1000])
def test_a_hostile_text_is_cut(text: str) -> None:
    """A text of the greatest length has no more terms than a name of many parts."""
    assert sum(map(len, terms(text))) < 20_000
    assert sum(len(form) for one in sought(text) for group in one.groups for form in group) < 20_000


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_the_quick_way_has_the_same_terms(text: str) -> None:
    """Plain names are folded by fewer steps, not by other rules."""
    assert name_folding._plain_terms(text) == name_folding._any_terms(text)


def test_who_changes_terms_counts_on() -> None:
    """Gates make their index anew only where FOLDING says so: change both lines together."""
    lines = "\n".join(f"{text}: {' '.join(sorted(terms(text)))}" for text in FOUND)
    digest = hashlib.sha256(lines.encode()).hexdigest()[:16]
    assert (FOLDING, digest) == (1, "58622124ba63bd78"), (
        "count FOLDING on, and write this digest here"
    )


def test_plain_names_are_folded_without_tables_of_chinese() -> None:
    """13 MB and 0.1 s are for lists that have such signs."""
    code = (
        "import sys; from gate.storage.name_folding import terms, sought;"
        "terms('Łukasz O\\'Brien'); sought('wxm'); sys.exit('pypinyin' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
