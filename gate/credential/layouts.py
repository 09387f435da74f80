"""Keyboard layouts by key: what a scanner types in one and a computer takes for another.

Each has its four rows of keys from left to right, plain and with Shift, as X11 and Windows agree on
them; the first key of the last row is the one beside the left Shift of ISO keyboards.
"""

import unicodedata
from functools import cache
from typing import Final

_NONE = "\0"
"""A key that types nothing of use."""
LAYOUTS: Final[dict[str, tuple[str, str]]] = {
    "us": (
        "`1234567890-= qwertyuiop[] asdfghjkl;'\\ \0zxcvbnm,./",
        '~!@#$%^&*()_+ QWERTYUIOP{} ASDFGHJKL:"| \0ZXCVBNM<>?',
    ),
    "uk": (
        "`1234567890-= qwertyuiop[] asdfghjkl;'# \\zxcvbnm,./",
        '¬!"£$%^&*()_+ QWERTYUIOP{} ASDFGHJKL:@~ |ZXCVBNM<>?',
    ),
    "fr": (
        "²&é\"'(-è_çà)= azertyuiop^$ qsdfghjklmù* <wxcvbn,;:!",
        "\x001234567890°+ AZERTYUIOP¨£ QSDFGHJKLM%µ >WXCVBN?./§",
    ),
    "de": (
        "^1234567890ß´ qwertzuiopü+ asdfghjklöä# <yxcvbnm,.-",
        "°!\"§$%&/()=?` QWERTZUIOPÜ* ASDFGHJKLÖÄ' >YXCVBNM;:_",
    ),
    "it": (
        "\\1234567890'ì qwertyuiopè+ asdfghjklòàù <zxcvbnm,.-",
        '|!"£$%&/()=?^ QWERTYUIOPé* ASDFGHJKLç°§ >ZXCVBNM;:_',
    ),
    "es": (
        "º1234567890'¡ qwertyuiop`+ asdfghjklñ´ç <zxcvbnm,.-",
        'ª!"·$%&/()=?¿ QWERTYUIOP^* ASDFGHJKLÑ¨Ç >ZXCVBNM;:_',
    ),
    "se": (
        "§1234567890+´ qwertyuiopå¨ asdfghjklöä' <zxcvbnm,.-",
        '½!"#¤%&/()=?` QWERTYUIOPÅ^ ASDFGHJKLÖÄ* >ZXCVBNM;:_',
    ),
    "dk": (
        "½1234567890+´ qwertyuiopå¨ asdfghjklæø' <zxcvbnm,.-",
        '§!"#¤%&/()=?` QWERTYUIOPÅ^ ASDFGHJKLÆØ* >ZXCVBNM;:_',
    ),
    "no": (
        "|1234567890+\\ qwertyuiopå¨ asdfghjkløæ' <zxcvbnm,.-",
        '§!"#¤%&/()=?` QWERTYUIOPÅ^ ASDFGHJKLØÆ* >ZXCVBNM;:_',
    ),
}
"""Also Finnish, which is ``se``."""
_ACCENTS = {"\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0308": "¨", "\u0303": "~"}
"""Keys that wait for a letter to stand on."""


def retyped(text: str, computer: str, scanner: str) -> str:
    """What was meant by a text that a scanner for one layout typed at a computer with another."""
    keys = _keys(computer, scanner)
    meant = []
    for character in text:
        if character in keys:
            meant.append(keys[character])
            continue
        # An accent key and a letter after it have become one character.
        apart = unicodedata.normalize("NFD", character)
        keyed = [_ACCENTS.get(accent, accent) for accent in apart[1:]]
        meant += [keys.get(one, one) for one in (*keyed, apart[0])]
    return "".join(meant)


@cache
def _keys(computer: str, scanner: str) -> dict[str, str]:
    return {
        typed: meant
        for typed, meant in zip("".join(LAYOUTS[computer]), "".join(LAYOUTS[scanner]), strict=True)
        if _NONE not in (typed, meant)
    }
