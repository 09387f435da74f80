"""A screen that faces the guests, and who unlocks its keys."""

from collections.abc import Callable

from gate.core.place import Role
from gate.errors import GateError
from gate.i18n import _
from gate.lane.operators import Operators
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from gate.setup.changes import Change
from gate.setup.conversation import Conversation
from gate.setup.step import Site
from gate.storage.gate_lists import open_folder
from gate.text.printable import printable

ReadPin = Callable[[Answers], str]
"""Reads the PIN, which is no answer, from where the answers say or from a person."""


class KioskStep:
    """Whether the screen is the guests', and whether somebody has a PIN for it."""

    def __init__(self, site: Site, read_pin: ReadPin) -> None:
        self._site, self._read_pin = site, read_pin

    @property
    def name(self) -> str:
        """What it is called."""
        return _("screen for guests")

    def look(self) -> Finding:
        """Whose the screen is. Raises GateError where nobody can tell who may unlock it."""
        return self._of(is_kiosk=self._site.config.screen.kiosk)

    def ask(self, talk: Conversation) -> Finding | None:
        """Whose it is to be; at a gate on its own also a supervisor, if there is none."""
        question = _("Is the screen the guests', with its keys locked")
        if not talk.ask_yes("kiosk", question, default=self._site.config.screen.kiosk):
            return None
        while not (self._supervisors() or self._is_member()):
            name = talk.ask("supervisor", _("Who unlocks the keys by a PIN; empty: nobody yet"), "")
            if not name:
                break
            if not talk.has_person:
                talk.ask("pin_file", _("The file that holds the PIN"), "")
            try:
                self._add(name, self._read_pin(talk.answers))
            except GateError as fault:
                talk.forget("supervisor")
                if not talk.has_person:
                    raise
                talk.tell(Finding(Status.FAIL, fault.message, fault.hint))
        return self._of(is_kiosk=True)

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """Nothing of its own: the configuration says it."""
        return ()

    def _of(self, *, is_kiosk: bool) -> Finding:
        if not is_kiosk:
            return Finding(Status.OK, _("the screen is the staff's"))
        if supervisors := self._supervisors():
            named = ", ".join(printable(name) for name in supervisors)
            return Finding(
                Status.OK, _("Ctrl+L and a PIN unlock it; who may: {names}").format(names=named)
            )
        add = "gate operator add NAME --role supervisor"
        hint = _("At the server or host: {command}") if self._is_member() else "{command}"
        return Finding(
            Status.WARN, _("nobody is known who may unlock its keys"), hint.format(command=add)
        )

    def _supervisors(self) -> list[str]:
        everybody = Operators(open_folder(self._site.folder)).names()
        return [name for name, role in everybody if role is Role.SUPERVISOR]

    def _is_member(self) -> bool:
        folder = open_folder(self._site.folder)
        return folder.enrolment.exists() or folder.venue.exists()

    def _add(self, name: str, pin: str) -> None:
        folder = open_folder(self._site.folder)
        folder.create()
        Operators(folder).add(name, Role.SUPERVISOR, pin)
