"""How a page is shown to whoever asks: in which language, and with how much contrast."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response

from gate import i18n
from gate.i18n import N_

LANGUAGES: Final = {
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
    "zh_CN": "简体中文",
}
"""As each calls itself."""
CONTRASTS: Final = {"normal": N_("as the device"), "high": N_("high contrast")}
_LANGUAGE, _CONTRAST = "gate-language", "gate-contrast"
_YEAR_S: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Look:
    """What was chosen, or what the browser asks for."""

    language: str
    contrast: str

    @property
    def tag(self) -> str:
        """The language as HTML has it (BCP 47)."""
        return self.language.replace("_", "-")


def look_of(asking: HTTPConnection) -> Look:
    """By the address, else by what was chosen before, else by what the browser asks for."""
    stated = (asking.query_params.get("language", ""), asking.cookies.get(_LANGUAGE, ""))
    language = next((one for one in stated if one in offered()), "") or _accepted(asking)
    contrasts = (asking.query_params.get("contrast", ""), asking.cookies.get(_CONTRAST, ""))
    return Look(language, next((one for one in contrasts if one in CONTRASTS), "normal"))


def keep(response: Response, look: Look, *, is_secure: bool) -> None:
    """Have the browser remember what was chosen."""
    for name, value in ((_LANGUAGE, look.language), (_CONTRAST, look.contrast)):
        response.set_cookie(
            name, value, _YEAR_S, path="/", secure=is_secure, httponly=True, samesite="lax"
        )


@cache
def offered() -> dict[str, str]:
    """Every language that there are words for, and what it calls itself."""
    return {name: LANGUAGES.get(name, name) for name in i18n.available()}


def _accepted(asking: HTTPConnection) -> str:
    """The language that the browser wants most of those there are (RFC 9110, 12.5.4)."""
    wanted = sorted(_weighed(asking.headers.get("accept-language", "")[:200]), reverse=True)
    for _weight, tag in wanted:
        for name in offered():
            if name.partition("_")[0] == tag.partition("-")[0].casefold():
                return name
    return "en"


def _weighed(header: str) -> Iterator[tuple[float, str]]:
    for part in header.split(","):
        tag, _semicolon, weight = part.strip().partition(";")
        try:
            yield float(weight.strip().removeprefix("q=") or 1), tag.strip()
        except ValueError:
            continue
