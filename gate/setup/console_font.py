"""The font of the Linux console: Debian's default ones lack signs of the screen."""

import re
from collections.abc import Mapping

from gate.i18n import _, has_ideographs
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import NO, Answers
from gate.setup.changes import Change, State, state_of
from gate.setup.conversation import Conversation
from gate.setup.step import Site

PLACE = ("etc", "default", "console-setup")
SIZES = ("10x20", "12x24", "14x28", "16x32")
"""In pixels; 80 columns and 24 lines of the first are 800x480, a small touch screen."""
_UTF8 = {"CHARMAP": "UTF-8"}
"""A Debian that was installed without a language has another one, and draws · as two signs."""
_WANTED = {"CODESET": "Vietnamese", "FONTFACE": "Terminus"}
"""Of Debian's codesets the one that has half blocks, circles, arrows and all Latin letters, in
these sizes: read from the fonts of console-setup 1.221. Those of Lat15 and Uni2 have no ▀."""
_LINE = re.compile(r'^[ \t]*(\w+)=["\']?([^"\'\n]*)["\']?[ \t]*$', re.M)


class FontStep:
    """Whether the console can draw the screen."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def name(self) -> str:
        """What it is called."""
        return _("console font")

    def look(self) -> Finding:
        """Which font is set, and what it lacks."""
        stated = self._stated()
        if stated is None:
            return Finding(
                Status.SKIP,
                _("the console's font is set otherwise than in Debian: {file} is not there").format(
                    file=self._site.machine.path(*PLACE)
                ),
            )
        detail = " ".join(stated.get(key, "?") for key in ("CODESET", "FONTFACE", "FONTSIZE"))
        if not has_signs(stated):
            return Finding(
                Status.WARN,
                _("{font}: it has no ▀ ▄ ○, and not all Latin letters").format(font=detail),
                _("Another font has; Chinese is drawn by no font of the Linux console."),
            )
        if not _UTF8.items() <= stated.items():
            return Finding(
                Status.WARN,
                _("{font}: the console is not set to UTF-8").format(font=detail),
                _("With any size of the font it will be."),
            )
        return Finding(Status.OK, detail)

    def ask(self, talk: Conversation) -> Finding | None:
        """Which size, or to leave it."""
        stated = self._stated()
        if stated is None:
            return None
        usual = NO if is_fit(stated) else SIZES[0]
        question = _("Set the console's font, in which size; no: leave it")
        answer = talk.ask("console_font", question, usual, choices=(*SIZES, NO))
        if answer != NO and has_ideographs(self._site.config.language):
            sentence = _("Chinese is drawn by no font of the Linux console.")
            return Finding(Status.WARN, sentence, _("Use a terminal on a desktop, or English."))
        return None

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The same file with another font in it."""
        size, stated = answers.console_font, self._stated()
        if stated is None or size in (None, NO):
            return ()
        wanted = _UTF8 | _WANTED | {"FONTSIZE": str(size)}
        if wanted.items() <= stated.items():
            return ()
        path = self._site.machine.path(*PLACE)
        content = with_font(self._text(), wanted).encode("latin-1")
        becomes = State(content, mode=state_of(path).mode)
        return (Change(path, becomes, (("setupcon", "--save"),)),)

    def _stated(self) -> dict[str, str] | None:
        if state_of(self._site.machine.path(*PLACE)).content is None:
            return None
        return dict(_LINE.findall(self._text()))

    def _text(self) -> str:
        content = state_of(self._site.machine.path(*PLACE)).content or b""
        return content.decode("latin-1")


def has_signs(stated: Mapping[str, str]) -> bool:
    """Whether a font is one that we know to have what the screen draws."""
    return _WANTED.items() <= stated.items() and stated.get("FONTSIZE") in SIZES


def is_fit(stated: Mapping[str, str]) -> bool:
    """Whether the screen can be drawn: by the font, in the charset that the program writes."""
    return has_signs(stated) and _UTF8.items() <= stated.items()


def with_font(text: str, wanted: Mapping[str, str]) -> str:
    """The file's text with these settings, each in its old place; all else stays."""
    missing = dict(wanted)

    def changed(line: re.Match[str]) -> str:
        key = line[1]
        return f'{key}="{missing.pop(key, wanted[key])}"' if key in wanted else line[0]

    text = _LINE.sub(changed, text)
    return text + "".join(f'{key}="{value}"\n' for key, value in missing.items())
