"""What a name, a seat or an order is found by: terms in Latin letters, without signs. Pure.

Whoever types a name has one keyboard, and the list has another spelling. So a text is kept as every
spelling somebody may type of it: letters without their signs, other scripts as passports and people
write them in Latin letters, Chinese as pinyin. What is typed is folded by the same rules; where
both have a spelling in common they meet.

anyascii has a spelling of nearly every character there is, one each; pypinyin has all readings of
one (a Shan is no Dan), which anyascii lacks. Both are tables in Python, without compiled parts.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache, reduce
from operator import add
from typing import Final, NamedTuple

from anyascii import anyascii

FOLDING: Final = 1
"""What terms were made by. Whoever changes them counts on, and every gate makes its own anew."""

MOST_PARTS = 24
"""Parts of a text that it can be found by; names have fewer."""
MOST_JOINED = 4
"""Parts that are also found when they are typed as one."""
MOST_FORMS = 12
"""Spellings of so many parts together; a family name's come first, and so do all of its own."""
LONGEST = 40
"""Characters of a term."""
CONSONANTS = "~"
"""Before a term without vowels: Arabic and Hebrew write few."""


class Part(NamedTuple):
    """A word, or one sign of a script that writes without spaces."""

    forms: tuple[str, ...]
    """How it is spelled in Latin letters, the likeliest first."""
    signs: tuple[str, ...] = ()
    """Itself, a sign each, where there are keyboards to type it as such."""
    consonants: str = ""
    """Itself without vowels."""
    is_syllable: bool = False


class Sought(NamedTuple):
    """What a text that was typed asks for: some term of every group, or one of all in one."""

    groups: tuple[tuple[str, ...], ...]
    joined: tuple[str, ...] = ()

    def fits(self, terms: Iterable[str]) -> bool:
        """Whether a text with these terms is meant, each of them perhaps typed in part."""
        held = tuple(terms)

        def begins(forms: tuple[str, ...]) -> bool:
            return any(term.startswith(forms) for term in held)

        return begins(self.joined) or all(map(begins, self.groups))


def terms(text: str) -> set[str]:
    """Every term that a text is found by, or by the beginning of."""
    return {term[:LONGEST] for term in (_plain_terms if text.isascii() else _any_terms)(text)}


def _any_terms(text: str) -> set[str]:
    parts = [part for word in _words(text) for part in word][:MOST_PARTS]
    has_numbers = any(part.forms[0][:1].isdecimal() for part in parts[1:])
    found: set[str] = set()
    for n, part in enumerate(parts):
        together = [one.forms for one in parts[n : n + MOST_JOINED]]
        found.update(part.signs, part.forms, _joined(together))
        if has_numbers:
            found.update(_joined(together, _hyphened))
        if part.consonants:
            found.add(CONSONANTS + part.consonants)
        if part.is_syllable:
            found.update(_initials(parts[n : n + MOST_JOINED]))
    return found


def _plain_terms(text: str) -> set[str]:
    """The same of most names and seats, in a fifth of the time."""
    parts = _ASCII_PART.findall(text.lower())[:MOST_PARTS]
    ends = [parts[n : n + MOST_JOINED] for n in range(len(parts))]
    found = {*parts, *map("".join, ends)}
    if any(part[:1].isdecimal() for part in parts[1:]):
        found.update(reduce(_hyphened, end) for end in ends)
    return found


def sought(typed: str) -> tuple[Sought, ...]:
    """What to look for, the likelier first; a later one only where nothing was found."""
    words = _words(typed)
    parts = [part for word in words for part in word]
    if not parts:
        return ()
    forms = [part.forms for part in parts]
    joined = _joined(forms, _hyphened) if len(parts) <= MOST_JOINED else []
    in_latin = Sought(tuple(group for word in words for group in _groups(word)), _cut(joined))
    if not any(part.signs for part in parts):
        return (in_latin,)
    # Who types a sign means that one, not all that are read alike.
    as_typed: list[tuple[str, ...]] = [(sign,) for part in parts for sign in part.signs]
    as_typed += [_cut(part.forms) for part in parts if not part.signs]
    return Sought(tuple(as_typed)), in_latin


def _groups(word: Sequence[Part]) -> Iterator[tuple[str, ...]]:
    """What has to be found of one typed word: its parts in their order, ``o'neil`` and ``2-15``."""
    if any(part.signs for part in word):
        yield from (_cut(part.forms) for part in word)
        return
    for n in range(0, len(word), MOST_JOINED):
        some = word[n : n + MOST_JOINED]
        yield _cut([*_joined([part.forms for part in some], _hyphened), *_without_vowels(some)])


def _cut(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form[:LONGEST] for form in forms))


def _joined(forms: Sequence[Sequence[str]], join: Callable[[str, str], str] = add) -> list[str]:
    """Parts in one, in each way that they can be spelled."""
    ways = [""]
    for some in forms:
        ways = [join(way, form) for form in some for way in ways][:MOST_FORMS]
    return ways


def _hyphened(one: str, other: str) -> str:
    """Both in one; of numbers with a sign between them, for 2-15 is not 21-5."""
    are_numbers = one[-1:].isdecimal() and other[:1].isdecimal()
    return f"{one}-{other}" if are_numbers else one + other


def _initials(parts: Sequence[Part]) -> list[str]:
    """First letters of syllables that follow one another, as Chinese keyboards take them."""
    syllables: list[list[str]] = []
    for part in parts:
        if not part.is_syllable:
            break
        syllables.append(list(dict.fromkeys(form[0] for form in part.forms)))
    return _joined(syllables) if len(syllables) > 1 else []


def _without_vowels(parts: Sequence[Part]) -> tuple[str, ...]:
    """What a word in Latin letters may stand for in a script that has no vowels."""
    word = "".join(part.forms[0] for part in parts)
    if len(word) < 3 or not word.isalpha():
        return ()
    consonants = _consonants(word)
    return (CONSONANTS + consonants,) if len(consonants) > 1 else ()


def _consonants(word: str) -> str:
    """A word without vowels but for a first Y or W; no letter twice in a row."""
    hard = word.replace("ch", "kh").translate(_ONE_SOUND)
    bare = hard[:1].strip("aeiou") + re.sub("[aeiouyw]", "", hard[1:])
    return re.sub(r"(.)\1+", r"\1", bare)


_ONE_SOUND = str.maketrans({"c": "k", "q": "k"})


# Parts of a text

_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HANGUL = "\uac00-\ud7af"
_KANA = "\u3041-\u30ff"
_PART = re.compile(
    f"(?P<han>[{_HAN}])|(?P<hangul>[{_HANGUL}]+)|(?P<kana>[{_KANA}]+)"
    f"|(?P<word>[^ {_HAN}{_HANGUL}{_KANA}]+)"
)
_ASCII_PART = re.compile("[a-z0-9]+")
_OPTIONAL = re.compile("[\u0300-\u036f\u0591-\u05c7\u0640\u064b-\u065f\u0670]")
"""Accents that no letter has taken in, and vowels that Hebrew and Arabic may leave out."""
_ABJAD = re.compile("[\u0590-\u06ff\u0750-\u077f]")


def _words(text: str) -> list[list[Part]]:
    """The parts of every word."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        found = (_ASCII_PART.findall(word) for word in plain.split())
        words = [[Part((part,)) for part in parts] for parts in found if parts]
    else:
        plain = _OPTIONAL.sub("", unicodedata.normalize("NFC", plain))
        words = [parts for word in plain.split() if (parts := list(_split(word)))]
    return _bounded(words)


def _bounded(words: list[list[Part]]) -> list[list[Part]]:
    return [word[:MOST_PARTS] for word in words[:MOST_PARTS]]


def _is_of_word(sign: str) -> bool:
    return sign.isalnum() or unicodedata.category(sign).startswith("M")


def _split(word: str) -> Iterator[Part]:
    spaced = "".join(sign if _is_of_word(sign) else " " for sign in word)
    for match in _PART.finditer(spaced):
        found = match[0]
        if match.lastgroup == "han":
            yield Part(_pinyin(found), (found,), is_syllable=True)
        elif match.lastgroup == "hangul":
            for n, sign in enumerate(found):
                yield Part(_korean(sign, is_first=n == 0), (sign,), is_syllable=True)
        elif match.lastgroup == "kana":
            yield Part(_japanese(found), tuple(found))
        else:
            forms = _spellings(found)
            yield Part(forms, consonants=_consonants(forms[0]) if _ABJAD.search(found) else "")


def _latin(text: str) -> str:
    return re.sub("[^a-z0-9]", "", anyascii(text).lower())


def _known(forms: Iterable[str], instead: str) -> tuple[str, ...]:
    """Forms that say something, each once; ``instead`` for a script that nobody can spell."""
    return tuple(dict.fromkeys(filter(None, forms))) or (instead,)


# Letters

Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: tuple[str, str]) -> Rules:
    return tuple((re.compile(pattern), spelled) for pattern, spelled in pairs)


SYSTEMS: dict[str, Rules] = {
    "German, Nordic, Croatian": _rules(
        ("ä", "ae"), ("[öø]", "oe"), ("ü", "ue"), ("å", "aa"), ("đ", "dj")
    ),
    "Russian passports (ICAO 9303)": _rules(
        ("й", "i"), ("ю", "iu"), ("я", "ia"), ("ъ", "ie"), ("ё", "e"), ("[іы]", "y")
    ),
    "Russian in English": _rules(
        ("(^|(?<=[аеёиоуыэюяьъ]))е", "ye"), ("ё", "yo"), ("[иы]й$", "y"), ("кс", "x")
    ),
    "Russian in English, without dots": _rules(
        ("ё", "е"), ("(^|(?<=[аеиоуыэюяьъ]))е", "ye"), ("[иы]й$", "y")
    ),
    "Slavic (ISO 9, Serbian)": _rules(
        ("ж", "z"), ("[цч]", "c"), ("щ", "sc"), ("ш", "s"), ("х", "h"), ("ю", "ju"), ("я", "ja"),
        ("[йј]", "j"), ("ё", "e"), ("ђ", "dj"), ("џ", "dz"), ("љ", "lj"), ("њ", "nj"),
    ),
    "Ukrainian passports": _rules(
        ("^ю", "yu"), ("^я", "ya"), ("^є", "ye"), ("^ї", "yi"), ("^й", "y"), ("зг", "zgh"),
        ("г", "h"), ("ґ", "g"), ("и", "y"), ("[йїі]", "i"), ("ю", "iu"), ("я", "ia"), ("є", "ie"),
    ),
    "Greek passports (ELOT 743)": _rules(
        ("ο[υύ]", "ou"), ("α[υύ](?=[θκξπσςτφχψ]|$)", "af"), ("ε[υύ](?=[θκξπσςτφχψ]|$)", "ef"),
        ("α[υύ]", "av"), ("ε[υύ]", "ev"), ("γγ", "ng"), ("^μπ", "b"),
    ),
    "Greek in English": _rules(
        ("ο[υύ]", "ou"), ("[αά][υύ]", "au"), ("[εέ][υύ]", "eu"), ("φ", "ph"), ("[ηή]", "e"),
        ("β", "b"), ("γγ", "ng"),
    ),
}  # fmt: skip
"""Spellings beside anyascii's, by who writes so: what letters become, the first rules first."""


@lru_cache(maxsize=10_000)
def _spellings(word: str) -> tuple[str, ...]:
    if word.isascii():
        return (word,)
    return _known(
        [_latin(word), *(_latin(_ruled(word, rules)) for rules in SYSTEMS.values())], word
    )


def _ruled(word: str, rules: Rules) -> str:
    for pattern, spelled in rules:
        word = pattern.sub(spelled, word)
    return word


# Scripts of their own

_HEPBURN = _rules(("iy(?=[auo])", "y"), ("(?<=sh|ch)y|(?<=j)y", ""))
_SHORT = _rules(("o[uo]", "o"), ("uu", "u"))


def _japanese(kana: str) -> tuple[str, ...]:
    """Hepburn, with long vowels and, as most write names, without."""
    spelled = _ruled(_latin(kana), _HEPBURN)
    return _known((spelled, _ruled(spelled, _SHORT)), kana)


_SURNAMES = {
    "강": "kang", "고": "ko", "곽": "kwak", "구": "koo", "권": "kwon", "김": "kim", "노": "noh roh",
    "문": "moon", "박": "park pak", "백": "baek paik", "신": "shin", "안": "ahn", "오": "oh",
    "우": "woo", "유": "yoo ryu", "윤": "yoon", "이": "lee yi rhee", "임": "lim im",
    "전": "jun chun", "정": "jung chung", "조": "cho", "주": "joo", "최": "choi", "허": "hur huh",
}  # fmt: skip
"""As their bearers write them, where the rules of romanisation say something else."""


def _korean(sign: str, *, is_first: bool) -> tuple[str, ...]:
    """Revised Romanisation; as a first syllable also as families write it."""
    by_sound = _ruled(_latin(sign), _FINALS)
    families = _SURNAMES.get(sign, "").split() if is_first else []
    return _known((*families, by_sound), sign)


_FINALS = _rules(("(?<=[aeiou])g$", "k"), ("(?<=.)d$", "t"), ("(?<=.)b$", "p"))


@lru_cache(maxsize=10_000)
def _pinyin(sign: str) -> tuple[str, ...]:
    """All readings without tones. U umlaut is V on keyboards, U or YU in passports."""
    readings: list[str] = []
    for reading in _readings()(sign):
        readings.append(reading)
        if "v" in reading:
            readings += [reading.replace("v", "u"), reading.replace("v", "yu")]
    return _known(readings, "") if readings else _known([_latin(sign)], sign)


@cache
def _readings() -> Callable[[str], list[str]]:
    """The readings of one sign. The table is read only where a list has such signs."""
    # Without its dictionary of phrases it takes 13 MB and 0.1 s instead of 56 MB and 0.5 s.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")
    from pypinyin import Style, pinyin  # noqa: PLC0415  as the docstring says

    def readings(sign: str) -> list[str]:
        found = pinyin(sign, style=Style.NORMAL, heteronym=True, errors="ignore")
        return [one.replace("ü", "v") for one in found[0]] if found else []

    return readings
