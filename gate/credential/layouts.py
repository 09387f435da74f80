"""Keyboard layouts by key: what a scanner types in one and a computer takes for another.

Each has its four rows of keys from left to right, plain and with Shift, as X11 and Windows agree on
them; the first key of the last row is the one beside the left Shift of ISO keyboards.
"""

import unicodedata
from functools import cache
from string import ascii_letters, digits
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
    "be": (
        "²&é\"'(§è!çà)- azertyuiop^$ qsdfghjklmùµ <wxcvbn,;:=",
        "³1234567890°_ AZERTYUIOP¨* QSDFGHJKLM%£ >WXCVBN?./+",
    ),
    "ch": (
        "§1234567890'^ qwertzuiopü¨ asdfghjklöä$ <yxcvbnm,.-",
        '°+"*ç%&/()=?` QWERTZUIOPè! ASDFGHJKLéà£ >YXCVBNM;:_',
    ),
    "ch-fr": (
        "§1234567890'^ qwertzuiopè¨ asdfghjkléà$ <yxcvbnm,.-",
        '°+"*ç%&/()=?` QWERTZUIOPü! ASDFGHJKLöä£ >YXCVBNM;:_',
    ),
    "pt": (
        "\\1234567890'« qwertyuiop+´ asdfghjklçº~ <zxcvbnm,.-",
        '|!"#$%&/()=?» QWERTYUIOP*` ASDFGHJKLÇª^ >ZXCVBNM;:_',
    ),
    "is": (
        "°1234567890ö- qwertyuiopð' asdfghjklæ´+ <zxcvbnm,.þ",
        '¨!"#$%&/()=Ö_ QWERTYUIOPÐ? ASDFGHJKLÆ´* >ZXCVBNM;:Þ',
    ),
    "nl": (
        "@1234567890/° qwertyuiop¨* asdfghjkl+´< ]zxcvbnm,.-",
        "§!\"#$%&_()'?~ QWERTYUIOP^| ASDFGHJKL±`> [ZXCVBNM;:=",
    ),
    "cz": (
        ";+ěščřžýáíé=´ qwertzuiopú) asdfghjklů§¨ \\yxcvbnm,.-",
        "°1234567890%ˇ QWERTZUIOP/( ASDFGHJKL\"!' |YXCVBNM?:_",
    ),
    "cz-qwerty": (
        ";+ěščřžýáíé=´ qwertyuiopú) asdfghjklů§¨ \\zxcvbnm,.-",
        "°1234567890%ˇ QWERTYUIOP/( ASDFGHJKL\"!' |ZXCVBNM?:_",
    ),
    "sk": (
        ";+ľščťžýáíé=´ qwertzuiopúä asdfghjklô§ň \\yxcvbnm,.-",
        '°1234567890%ˇ QWERTZUIOP/( ASDFGHJKL"!) |YXCVBNM?:_',
    ),
    "hu": (
        "0123456789öüó qwertzuiopőú asdfghjkléáű íyxcvbnm,.-",
        "§'\"+!%/=()ÖÜÓ QWERTZUIOPŐÚ ASDFGHJKLÉÁŰ ÍYXCVBNM?:_",
    ),
    "ro": (
        "„1234567890-= qwertyuiopăî asdfghjklșțâ \\zxcvbnm,./",
        "”!@#$%^&*()_+ QWERTYUIOPĂÎ ASDFGHJKLȘȚÂ |ZXCVBNM;:?",
    ),
    "hr": (
        "`1234567890'+ qwertzuiopšđ asdfghjklčćž <yxcvbnm,.-",
        '~!"#$%&/()=?* QWERTZUIOPŠĐ ASDFGHJKLČĆŽ >YXCVBNM;:_',
    ),
    "rs": (
        "`1234567890'+ љњертзуиопшђ асдфгхјклчћж <жџцвбнм,.-",
        '~!"#$%&/()=?* ЉЊЕРТЗУИОПШЂ АСДФГХЈКЛЧЋЖ >ЖЏЦВБНМ;:_',
    ),
    "mk": (
        "`1234567890-= љњертѕуиопшѓ асдфгхјклчќж <зџцвбнм,./",
        "~!„“$%^&*()_+ ЉЊЕРТЅУИОПШЃ АСДФГХЈКЛЧЌЖ >ЗЏЦВБНМ;:?",
    ),
    "bg": (
        "(1234567890-. ,уеишщксдзц; ьяаожгтнвмч„ ѝюйъэфхпрлб",
        ')!?+"%=:/–№$€ ыУЕИШЩКСДЗЦ§ ѝЯАОЖГТНВМЧ“ ЍЮЙЪЭФХПРЛБ',
    ),
    "bg-phonetic": (
        "ч1234567890-= явертъуиопшщ асдфгхйкл;'ю ѝзьцжбнм,./",
        'Ч!@№$%€§*()–+ ЯВЕРТЪУИОПШЩ АСДФГХЙКЛ:"Ю ЍЗѝЦЖБНМ„“?',
    ),
    "gr": (
        "`1234567890-= ;ςερτυθιοπ[] ασδφγηξκλ´'\\ «ζχψωβνμ,./",
        '~!@#$%^&*()_+ :ΣΕΡΤΥΘΙΟΠ{} ΑΣΔΦΓΗΞΚΛ¨"| »ΖΧΨΩΒΝΜ<>?',
    ),
    "tr": (
        '"1234567890*- qwertyuıopğü asdfghjklşi, <zxcvbnmöç.',
        "é!'^+%&/()=?_ QWERTYUIOPĞÜ ASDFGHJKLŞİ; >ZXCVBNMÖÇ:",
    ),
    "tr-f": (
        "+1234567890/- fgğıodrnhpqw uieaütkmlyşx <jövcçzsb.,",
        "*!\"^$%&'()=?_ FGĞIODRNHPQW UİEAÜTKMLYŞX >JÖVCÇZSB:;",
    ),
    "ru": (
        "ё1234567890-= йцукенгшщзхъ фывапролджэ\\ /ячсмитьбю.",
        'Ё!"№;%:?*()_+ ЙЦУКЕНГШЩЗХЪ ФЫВАПРОЛДЖЭ/ |ЯЧСМИТЬБЮ,',
    ),
    "ua": (
        "'1234567890-= йцукенгшщзхї фівапролджєґ /ячсмитьбю.",
        'ʼ!"№;%:?*()_+ ЙЦУКЕНГШЩЗХЇ ФІВАПРОЛДЖЄҐ |ЯЧСМИТЬБЮ,',
    ),
    "by": (
        "ё1234567890-= йцукенгшўзх' фывапролджэ\\ /ячсмітьбю.",
        "Ё!\"№;%:?*()_+ ЙЦУКЕНГШЎЗХ' ФЫВАПРОЛДЖЭ/ |ЯЧСМІТЬБЮ,",
    ),
    "il": (
        ";1234567890-= /'קראטוןםפ][ שדגכעיחלךף,\\ <זסבהנמצתץ.",
        '~!@#$%^&*)(_+ QWERTYUIOP}{ ASDFGHJKL:"| >ZXCVBNM><?',
    ),
    "ee": (
        "ˇ1234567890+´ qwertyuiopüõ asdfghjklöä' <zxcvbnm,.-",
        '~!"#¤%&/()=?` QWERTYUIOPÜÕ ASDFGHJKLÖÄ* >ZXCVBNM;:_',
    ),
    "lt": (
        "`ąčęėįšųū„“-ž qwertyuiop[] asdfghjkl;'\\ –zxcvbnm,./",
        '~ĄČĘĖĮŠŲŪ()_Ž QWERTYUIOP{} ASDFGHJKL:"| €ZXCVBNM<>?',
    ),
    "al": (
        "\\1234567890-= qwertzuiopç@ asdfghjklë[] <yxcvbnm,./",
        "|!\"#$%^&*()_+ QWERTZUIOPÇ' ASDFGHJKLË{} >YXCVBNM;:?",
    ),
    "mt": (
        "ċ1234567890-= qwertyuiopġħ asdfghjkl;'# żzxcvbnm,./",
        'Ċ!"€$%^&*()_+ QWERTYUIOPĠĦ ASDFGHJKL:@~ ŻZXCVBNM<>?',
    ),
}
"""Also Finnish (``se``), Irish (``uk``), Austrian (``de``), Slovenian, Bosnian and Serbian in Latin
letters (``hr``); Polish and Latvian keyboards type as ``us`` does without AltGr."""
SCANNERS: Final = tuple(
    name
    for name, (plain, shifted) in LAYOUTS.items()
    if set(ascii_letters + digits) <= set(plain + shifted)
)
"""Layouts that a scanner can be set to: it has Latin letters and digits to type."""
_ACCENTS = {
    "\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0308": "¨", "\u0303": "~", "\u030c": "ˇ",
    "\u0327": "¸", "\u0328": "˛", "\u030b": "˝", "\u0306": "˘", "\u030a": "°", "\u0307": "˙",
}  # fmt: skip
"""Keys that wait for a letter to stand on."""


def retyped(text: str, computer: str, scanner: str) -> str | None:
    """What was meant by a text that a scanner for one layout typed at a computer with another.

    ``None`` where a computer with that layout cannot have come to such a text.
    """
    keys = _keys(computer, scanner)
    meant = []
    for character in text:
        if character in keys:
            meant.append(keys[character])
            continue
        # An accent key and a letter after it have become one character.
        apart = unicodedata.normalize("NFD", character)
        keyed = [_ACCENTS.get(accent, accent) for accent in apart[1:]]
        if len(apart) == 1 and character not in _CONTROLS:
            return None
        for one in (*keyed, apart[0]):
            if one not in keys and one not in _CONTROLS:
                return None
            meant.append(keys.get(one, one))
    return "".join(meant)


_CONTROLS = frozenset(map(chr, range(32)))
"""Typed with Ctrl, which layouts do not move."""


@cache
def _keys(computer: str, scanner: str) -> dict[str, str]:
    pairs = [
        (typed, meant)
        for typed, meant in zip("".join(LAYOUTS[computer]), "".join(LAYOUTS[scanner]), strict=True)
        if _NONE not in (typed, meant)
    ]
    keys: dict[str, str] = {}
    unclear = set()
    # What two keys type tells which of them was meant only where one of them is a letter's.
    for typed, meant in sorted(pairs, key=lambda pair: not pair[1].isalnum()):
        if keys.setdefault(typed, meant) != meant and not keys[typed].isalnum():
            unclear.add(typed)
    return {typed: meant for typed, meant in keys.items() if typed not in unclear}
