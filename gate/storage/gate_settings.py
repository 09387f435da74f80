"""What the gate of a data folder goes by, as its event states it just now."""

from gate.config import Config
from gate.core.event_settings import EventSettings
from gate.settings import GateSettings, own_settings, settings_of
from gate.storage.event import event_row
from gate.storage.folder import Folder
from gate.storage.naming import enrolled_name


def stated_settings(folder: Folder) -> EventSettings:
    """What the event states; nothing at a gate on its own, or before the first tickets.

    Raises StoreError when the tickets cannot be read.
    """
    event = event_row(folder)
    return EventSettings() if event is None else event.settings


def gate_settings(own: Config, folder: Folder, stated: EventSettings) -> GateSettings:
    """What it comes to here. Raises StoreError."""
    if not (folder.enrolment.exists() or folder.venue.exists()):
        return own_settings(own)
    return settings_of(own, stated, folder.device_id(), enrolled_name(folder))
