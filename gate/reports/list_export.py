"""A list of people as files in the data folder, to print or hand over; they go with the event."""

import os
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

from gate.core.local_time import moment_of
from gate.storage.attendees import AttendeeList
from gate.storage.folder import Folder
from gate.storage.sqlite import faults
from gate.text.attendee_forms import as_csv, as_html


def export_list(folder: Folder, found: AttendeeList, time_zone: ZoneInfo) -> Path:
    """Write a page to print and CSV beside it, for nobody's eyes but the folder's owner's.

    The answer is the page. Raises StoreError.
    """
    at = moment_of(found.at_ms // 1000, time_zone)
    page = folder.lists / f"{found.name}-{at.day}-{at.shown:%H%M%S}.html"
    with faults(folder.lists):
        folder.lists.mkdir(mode=0o700, exist_ok=True)
        _write(page, as_html(found, time_zone))
        _write(page.with_suffix(".csv"), as_csv(found, time_zone))
    return page


def _write(path: Path, pieces: Iterable[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(pieces)
