"""What this gate was called when it was taken in: its name, where the configuration gives none."""

from pathlib import Path

import msgspec

from gate.storage.folder import Folder


class _Called(msgspec.Struct):
    """The part of ``server.json`` or ``venue.json`` that says so."""

    name: str = ""
    gate: str = ""


_decoder = msgspec.json.Decoder(_Called)


def enrolled_name(folder: Folder) -> str:
    """The name by enrolment, or the host's own; empty where nobody gave one."""
    enrolled = _read(folder.enrolment)
    return enrolled.name if enrolled is not None else (_read(folder.venue) or _Called()).gate


def _read(path: Path) -> _Called | None:
    # What cannot be read names nobody: whoever needs the rest of it says so.
    try:
        return _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeError):
        return _Called()
