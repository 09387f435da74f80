"""By which settings the gate goes, and whether somebody has said where it is."""

from gate.config import Config
from gate.i18n import _
from gate.reports.checks.finding import Finding, Status
from gate.storage.folder import Folder
from gate.storage.gate_settings import gate_settings, stated_settings
from gate.storage.ticket_places import TicketPlaces, ticket_places
from gate.text.settings_words import gate_lines, unplaced_line


def settings(config: Config, folder: Folder) -> Finding:
    """What event and profile say, what overrides them, and what of the file is not read."""
    gate = gate_settings(config, folder, stated_settings(folder))
    lines = gate_lines(gate)
    places = ticket_places(folder) if folder.pointer.exists() else TicketPlaces()
    if unplaced := unplaced_line(gate, places):
        hint = _("Say it: gate profile set NAME entrance=…; on its own: in config.toml.")
        return Finding(Status.WARN, "; ".join([unplaced, *lines]), hint)
    if gate.unread:
        return Finding(Status.WARN, "; ".join(lines), _("Take them out of the file."))
    if gate.overrides:
        return Finding(Status.WARN, "; ".join(lines), "")
    return Finding(Status.OK if lines else Status.SKIP, "; ".join(lines) or _("its own"))
