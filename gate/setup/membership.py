"""Belonging to an event: taken in by a link, and told by a profile where the gate stands."""

from collections.abc import Callable

from gate.errors import GateError
from gate.i18n import _
from gate.reports.checks import settings as settings_checks
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import NO, Answers
from gate.setup.changes import Change
from gate.setup.conversation import Conversation
from gate.setup.step import Site
from gate.storage import enrolment
from gate.storage.gate_lists import open_folder
from gate.storage.gate_settings import gate_settings, stated_settings
from gate.text.printable import printable

LINK, CAMERA = "link", "camera"

Enrol = Callable[[Answers], str]
"""Takes the gate in as answered, and says how that went. Raises GateError."""


class EnrolmentStep:
    """Whether the gate belongs to a server or a venue."""

    def __init__(self, site: Site, enrol: Enrol) -> None:
        self._site, self._enrol = site, enrol

    @property
    def name(self) -> str:
        """What it is called."""
        return _("enrolment")

    def look(self) -> Finding:
        """By whom it was taken in."""
        if self._site.folder.venue.exists():
            return Finding(Status.OK, _("this gate is the host of its venue"))
        enrolled = enrolment.load(open_folder(self._site.folder))
        if enrolled is None:
            return Finding(Status.SKIP, _("this gate is on its own"))
        sentence = _("enrolled as {name} for {event}").format(
            name=printable(enrolled.name),
            event=printable(enrolled.event_name or enrolled.event),
        )
        return Finding(Status.OK, sentence)

    def ask(self, talk: Conversation) -> Finding | None:
        """How it is to be taken in; a person may try until it goes."""
        if self._is_member():
            return None
        while True:
            how = talk.ask(
                "enrol",
                _("Join by a link that is pasted, by the camera, or not at all"),
                LINK if talk.has_person else NO,
                choices=(LINK, CAMERA, NO),
            )
            if how == NO:
                return None
            talk.ask("name", _("What this gate is called; empty: as its link says"), "")
            if not talk.has_person:
                talk.ask("link_file", _("The file that holds the link"), "")
            try:
                talk.say("  " + self._enrol(talk.answers))
            except GateError as fault:
                talk.forget("enrol")
                if not talk.has_person:
                    raise
                talk.tell(Finding(Status.FAIL, fault.message, fault.hint))
            else:
                return self.look()

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """It was done while it was asked."""
        return ()

    def _is_member(self) -> bool:
        folder = open_folder(self._site.folder)
        return folder.enrolment.exists() or folder.venue.exists()


class ProfileStep:
    """Whether somebody has said where the gate stands, and what it takes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def name(self) -> str:
        """What it is called."""
        return _("profile")

    def look(self) -> Finding:
        """What event and profile say; it is said at the server or host, so nothing is asked."""
        site = self._site
        stated = stated_settings(site.folder)
        gate = gate_settings(site.config, site.folder, stated)
        if gate.profile or not stated.profiles or gate.is_placed:
            return settings_checks.settings(site.config, site.folder)
        named = ", ".join(printable(name) for name in sorted(stated.profiles))
        return Finding(
            Status.WARN,
            _("this gate has no profile; there is: {profiles}").format(profiles=named),
            _("At the server or host: gate profile assign {device} NAME").format(
                device=site.folder.device_id()
            ),
        )

    def ask(self, talk: Conversation) -> Finding | None:
        """Nothing."""

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """Nothing."""
        return ()
