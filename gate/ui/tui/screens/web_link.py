"""A link for a browser, as a code that a phone reads off the lane's screen."""

from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from gate.core.place import Role
from gate.core.web_link import GOOD_FOR_S
from gate.i18n import _
from gate.lane.web_link import link_of_lane
from gate.storage.enrolment import load
from gate.text import square_code
from gate.ui.tui.screens.asking import ask_lane, ask_pin
from gate.ui.tui.screens.page import Page

if TYPE_CHECKING:
    from gate.ui.tui.app import GateApp

_AROUND = 8
"""Lines of the screen that are not the code's."""


class WebLinkScreen(Page):
    """The code if the window has room for it, and the link itself."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self._link = link

    def content(self) -> ComposeResult:
        """What it is for, the code, the link."""
        sentence = _("Open this in the browser, once, within {n} min:").format(n=GOOD_FOR_S // 60)
        yield Static(sentence, id="web-link-head", markup=False)
        with VerticalScroll():
            yield Static(self._code(), id="web-link-code", markup=False)
            yield Static(self._link, id="web-link", markup=False)

    def _code(self) -> Text:
        halves, room = not self.gate_app.has_few_glyphs, self.app.size
        columns, lines = square_code.size(self._link, halves=halves)
        if columns > room.width or lines > room.height - _AROUND:
            sentence = _(
                "Its code takes {columns}x{lines} characters here; as a picture: {command}"
            )
            command = "gate web link --png FILE"
            return Text(sentence.format(columns=columns, lines=lines, command=command))
        return Text.from_ansi(square_code.square(self._link, halves=halves))


def open_web_link(app: "GateApp") -> None:
    """Show a link to a supervisor; where there are no operators, to whoever stands there."""
    enrolment = load(app.folder)
    if enrolment is None or not enrolment.credential:
        app.notify(_("The pages are at a server or a host: gate web link"), markup=False)
        return

    def show(name: str) -> None:
        make = lambda: link_of_lane(app.folder, enrolment.url, name)  # noqa: E731
        ask_lane(app, make, lambda link: app.push_screen(WebLinkScreen(link)))

    here = app.lane.operator
    if here is not None and here.role is Role.SUPERVISOR:
        show(here.name)
    elif not app.operators.names():
        show("")
    else:
        title = _("A link for a browser")
        ask_pin(app, title, lambda signed: show(signed.operator.name), needs_note=False)
