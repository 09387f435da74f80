"""A small venue for tests: known tickets, a settable clock, and where to find things."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from gate.core.hlc import Reading
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder

NOW_MS = 1_798_000_000_000
"""2026-12-23 04:26:40 UTC, 12:26:40 in Shanghai, a Wednesday."""
NOW = NOW_MS // 1000

Row = Mapping[str, object]

TYPES: list[Row] = [
    {"id": "SHOW", "kind": "MEETING_TICKET", "title": "Winter Gala"},
    {"id": "PARK", "kind": "SCENIC_TICKET", "title": "Lake Park day", "term_days": 1},
    {"id": "FILM", "kind": "MOVIE_TICKET", "title": "Blue Hour"},
    {"id": "FLY", "kind": "BOARDING_PASS", "title": "CE123", "flight": "CE123"},
    {"id": "PASS", "kind": "SCENIC_TICKET", "title": "Ten visits", "use_limit": 10},
    {"id": "GROUP", "kind": "MEETING_TICKET", "title": "Family", "use_limit": 5, "party_size": 5},
    {"id": "VIP", "kind": "MEETING_TICKET", "title": "Guests", "attention": "Wristband"},
]

TICKETS: list[Row] = [
    *({"code": f"GOOD{i:03d}", "type": "SHOW", "id": f"good-{i}"} for i in range(20)),
    {"code": "EAST1", "type": "SHOW", "id": "east-1", "entrance": "East", "seats": ["2-15"]},
    {"code": "EARLY1", "type": "SHOW", "id": "early-1", "begin_time": NOW + 3600},
    {"code": "LATE1", "type": "SHOW", "id": "late-1", "end_time": NOW - 3600},
    {"code": "VOID1", "type": "SHOW", "id": "void-1", "status": "revoked", "status_note": "refund"},
    {"code": "NEW1", "type": "SHOW", "id": "moved-1", "old_codes": ["OLD1"]},
    {"code": "NAMED1", "type": "SHOW", "id": "named-1", "holder": "José Ångström"},
    {"code": "NAMED2", "type": "SHOW", "id": "named-2", "holder": "李小龙"},
    {"code": "VIP1", "type": "VIP", "id": "vip-1"},
    {"code": "PASS1", "type": "PASS", "id": "pass-1"},
    {"code": "GROUP1", "type": "GROUP", "id": "group-1"},
    {"code": "PARK1", "type": "PARK", "id": "park-1", "claimed_at": NOW - 3600},
    {"code": "FILM1", "type": "FILM", "id": "film-1", "show_time": NOW + 600, "duration": 120},
    {"code": "FLY1", "type": "FLY", "id": "fly-1", "checked_in": True, "qrcode_data": "M1QR DATA"},
    {"code": "FLY2", "type": "FLY", "id": "fly-2"},
]


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, at_ms: int = NOW_MS) -> None:
        self.wall_ms = at_ms
        self.boot_ms = 5_000_000
        self.boot_id = "boot-1"
        self.synchronised = False

    def read(self) -> Reading:
        return Reading(self.wall_ms, self.boot_ms, self.boot_id)

    def is_synchronised(self) -> bool:
        return self.synchronised

    def pass_seconds(self, seconds: float) -> None:
        """Let time go by on every clock."""
        self.wall_ms += int(seconds * 1000)
        self.boot_ms += int(seconds * 1000)

    def jump_seconds(self, seconds: float) -> None:
        """Set the wall clock, as somebody or something might."""
        self.wall_ms += int(seconds * 1000)


def write_rows(path: Path, rows: Sequence[Row]) -> Path:
    """A JSON Lines file of these rows."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def fill(folder: Folder, more: Sequence[Row] | None = None) -> None:
    """Import the venue's tickets, built an hour before ``NOW``."""
    if more is None and not folder.pointer.exists():
        shutil.copytree(_filled(), folder.path, dirs_exist_ok=True)
        return
    _import(folder, more or [])


@cache
def _filled() -> Path:
    """A folder with the venue's tickets, to be copied."""
    folder = Folder(Path(tempfile.mkdtemp(prefix="venue-gate-filled-")))
    atexit.register(shutil.rmtree, folder.path, ignore_errors=True)
    folder.create()
    _import(folder, [])
    return folder.path


def _import(folder: Folder, more: Sequence[Row]) -> None:
    source = write_rows(folder.path / "tickets.jsonl", [*TYPES, *TICKETS, *more])
    import_files(folder, [source], built_ms=NOW_MS - 3_600_000)
    source.unlink()
