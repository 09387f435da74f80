"""The lists of a gate: one list is one event is one folder, and a gate may be enrolled for several.

With one list, or none, the data folder itself is its folder. With several, each has a folder of
its own beneath ``gate-lists/``, with its own journal, tickets and device; ``gate-lists.open`` names
the one that is scanned. No two are ever read as one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from gate.errors import DamagedError, StoreError
from gate.storage import enrolment
from gate.storage.event import event_row
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

ROOM: Final = "gate-lists"
_OPEN: Final = "gate-lists.open"


@dataclass(frozen=True, slots=True)
class GateList:
    """One of the lists that a gate is enrolled for."""

    folder: Folder
    event: str
    """The event's id, as its server has it."""
    name: str
    """What people call it."""


def place_of(base: Folder, event: str) -> Folder:
    """The folder of one of several lists, whether or not it is there yet."""
    spelled = quote(event, safe="")
    # None is the folder above, or one that is still being made.
    return Folder(base.path / ROOM / (f"%2E{spelled[1:]}" if spelled[:1] == "." else spelled))


def gate_lists(base: Folder) -> tuple[GateList, ...]:
    """All lists of a gate, by name; none while it is enrolled for no more than one."""
    if base.enrolment.exists():
        return ()
    with faults(base.path):
        folders = [Folder(path) for path in _rooms(base)]
    found = [one for folder in folders if (one := _list_in(folder)) is not None]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.event)))


def beside(folder: Folder) -> tuple[GateList, ...]:
    """The other lists of the gate that a list's folder belongs to."""
    above = folder.path.absolute().parent
    if above.name != ROOM:
        return ()
    own = folder.path.name
    return tuple(one for one in gate_lists(Folder(above.parent)) if one.folder.path.name != own)


def list_of(folder: Folder) -> GateList | None:
    """Which of several lists a folder is; ``None`` where the gate has no more than one."""
    return _list_in(folder) if beside(folder) else None


def open_folder(base: Folder) -> Folder:
    """Where the list is that is scanned: the one that was open last, else the first."""
    lists = gate_lists(base)
    if not lists:
        return base
    with faults(base.path):
        try:
            event = (base.path / _OPEN).read_text("utf-8", errors="replace").strip()
        except FileNotFoundError:
            event = ""
    return next((one.folder for one in lists if one.event == event), lists[0].folder)


def keep_open(chosen: GateList) -> None:
    """Keep, over a restart too, that this list is the one that is scanned. Raises StoreError."""
    path = chosen.folder.path.absolute().parent.parent / _OPEN
    with faults(path):
        write_durably(path, (chosen.event + "\n").encode())


def following(lists: Sequence[GateList], event: str) -> GateList:
    """The list after that of an event, round and round."""
    places = [one.event for one in lists]
    return lists[(places.index(event) + 1) % len(lists)] if event in places else lists[0]


def _rooms(base: Folder) -> list[Path]:
    room = base.path / ROOM
    if not room.is_dir():
        return []
    return sorted(path for path in room.iterdir() if path.is_dir() and path.name[0] != ".")


def _list_in(folder: Folder) -> GateList | None:
    try:
        enrolled = enrolment.load(folder)
        event = None if enrolled is None else event_row(folder)
    except DamagedError:
        # A list that cannot be read is a fault of its own, and none of the others'.
        return GateList(folder, folder.path.name, folder.path.name)
    except StoreError:
        event = None
    if enrolled is None:
        return None
    name = (event.name if event else "") or enrolled.event_name or enrolled.event
    return GateList(folder, enrolled.event, name)
