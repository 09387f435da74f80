"""What is heard at the lane, and how loud."""

from collections.abc import Callable

from gate.config import AUTO, Config
from gate.config_tables import Screen
from gate.i18n import _
from gate.reports.checks import sound as sound_checks
from gate.reports.checks.finding import Finding
from gate.setup.answers import Answers
from gate.setup.changes import Change
from gate.setup.configuration import OFF, configured
from gate.setup.conversation import Conversation
from gate.setup.step import Site

BELL = "bell"


class SoundStep:
    """Whether verdicts are heard, and by what."""

    def __init__(
        self, site: Site, try_it: Callable[[Config], Finding] = sound_checks.sound
    ) -> None:
        self._site, self._try = site, try_it

    @property
    def name(self) -> str:
        """What it is called."""
        return _("sound")

    def look(self) -> Finding:
        """What plays, as it is configured."""
        return self._try(self._site.config)

    def ask(self, talk: Conversation) -> Finding | None:
        """By what, and how loud."""
        screen = self._site.config.screen
        question = _("Sounds: by what the system has, the terminal's bell, or none")
        by = talk.ask("sound", question, _usual(screen), choices=(AUTO, BELL, OFF))
        if by == AUTO:
            loud = _("How loud, of 100")
            talk.ask("volume", loud, str(screen.volume), fits=_is_volume, like="0-100")
        else:
            talk.forget("volume")
        if by == _usual(screen):
            return None
        return self._try(configured(self._site.config, talk.answers))

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """Nothing of its own: the configuration says it."""
        return ()


def _usual(screen: Screen) -> str:
    return screen.sound if screen.bell else OFF


def _is_volume(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= 100
