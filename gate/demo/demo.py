"""A venue in a minute: made-up tickets, a drawn camera picture, and the real lane on it."""

import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gate.capture.camera import load_cv2
from gate.clock import Clock, SystemClock
from gate.config import Config, load
from gate.core.hlc import Reading
from gate.core.place import Direction, Place, Role
from gate.core.verdict import Scan, Verdict
from gate.credential.rotating import PATTERN, Pattern, current
from gate.demo.script import Turn
from gate.demo.showing import Showing
from gate.i18n import _
from gate.lane.lane import Lane
from gate.lane.operators import Operators
from gate.lane.post import Operator
from gate.reports.ticket_import import import_files
from gate.storage.folder import Folder
from gate.text.zones import machine_zone

if TYPE_CHECKING:
    from gate.demo.synthetic_camera import DrawnCamera

SUPERVISOR = "demo"
FILLERS = 320
CROWD_SECONDS = 1200.0
"""How long guests keep coming after the script; then the gate stays empty."""
_TITLE = "Winter Gala"
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Demo:
    """A venue ready to be scanned at."""

    config: Config
    folder: Folder
    camera: "DrawnCamera"
    turns: tuple[Turn, ...]
    pin: str


def prepare(path: Path, now: float | None = None) -> Demo:
    """Make the venue in an empty folder: tickets, an hour of history, a film of what comes."""
    now = time.time() if now is None else now
    folder = Folder(path)
    folder.create()
    _write_tickets(path, int(now))
    sources = [path / "types.jsonl", path / "tickets.jsonl"]
    import_files(folder, sources, built_ms=int(now * 1000) - 70 * _MINUTE * 1000)
    pin = f"{secrets.randbelow(900_000) + 100_000}"
    while len(set(pin)) < 3:
        pin = f"{secrets.randbelow(900_000) + 100_000}"
    Operators(folder).add(SUPERVISOR, Role.SUPERVISOR, pin)
    _play_the_last_hour(folder)
    config = load(environment={}, file=_config_file(path))
    config = msgspec.structs.replace(config, data_dir=str(path))
    load_cv2()
    from gate.demo.synthetic_camera import DrawnCamera  # noqa: PLC0415  it loads OpenCV

    showings, turns = _script(int(now * 1000))
    camera = DrawnCamera([*showings, *_crowd(showings[-1].begin_s + 3)])
    return Demo(config, folder, camera, tuple(turns), pin)


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many of each outcome, and how fast."""
    counts: dict[str, int] = {}
    for verdict in verdicts:
        counts[verdict.outcome.name] = counts.get(verdict.outcome.name, 0) + 1
    outcomes = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or _("none")
    took = sorted(v.latency_ms for v in verdicts if v.latency_ms is not None)
    lines = [_("verdicts: {told}").format(told=outcomes)]
    if took:
        p50, p99 = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]
        lines.append(
            _("from frame to durable verdict: p50 {p50:.1f} ms, p99 {p99:.1f} ms").format(
                p50=p50, p99=p99
            )
        )
    return "\n".join(lines)


# The script. Each line is somebody at the gate; the codes belong to the tickets below.

_HELD_S = 2.0
_CROWD_EVERY_S = 1.6
_Person = tuple[float, str, str, str, str, float, float, float]
_PEOPLE: tuple[_Person, ...] = (
    (0.4, "GALA-0001-K7QX", "QRCode", "phone", _TITLE, 4, 8, 1.0),
    (1.7, "PARK-2201-ZP4M", "QRCode", "paper", "Lake Park", -12, 14, 0.9),
    (3.0, "GALA-0777-SOUTH", "Code128", "paper", _TITLE, 3, 8, 1.0),
    (4.3, "FILM-0514-B9TR", "Code128", "paper", "Blue Hour", -4, 6, 1.0),
    (5.6, "GALA-0900-NEAST", "QRCode", "phone", _TITLE, 20, 18, 0.8),
    (6.9, "M1LI/XIAOLONG         EDEMO01 CTUCANCE 0123 326Y012A0025 100", "PDF417", "paper",
     "CE123 CTU-CAN", 2, 6, 1.0),
    (8.2, "GALA-0888-LATER", "QRCode", "phone", "Matinee", -8, 10, 0.45),
    (9.5, "FILM-0514-B9TR", "Code128", "paper", "Blue Hour", -2, 6, 1.0),
    (10.8, "GALA-0666-REFND", "QRCode", "paper", _TITLE, 32, 12, 1.0),
    (12.1, "GRUP-0004-FAMLY", "Aztec", "phone", "Family of 4", 6, 10, 0.9),
    (15.2, "NOT-A-TICKET-42", "QRCode", "phone", "", 12, 20, 0.7),
    (16.9, "GALA-0001-K7QX", "QRCode", "phone", _TITLE, 4, 8, 1.0),
    (18.2, "PARK-2201-ZP4M", "QRCode", "paper", "Lake Park", -12, 14, 0.9),
    (19.9, "VIPS-0012-GUEST", "Aztec", "phone", "Guest of honour", 0, 12, 0.6),
    (21.2, "GALA-0333-DIMLY", "QRCode", "phone", _TITLE, 40, 10, 0.35),
    (28.6, "GALA-0001-K7QX", "QRCode", "phone", _TITLE, 4, 8, 1.0),
)  # fmt: skip
_HOUR_MS = 60 * _MINUTE * 1000
_MOVING_CODE, _MOVING_KEY = "MOVE-0042-CODES", b"a key of the demo"
_MOVING = Pattern(PATTERN, _HOUR_MS)
"""Of the ticket whose code moves; real ones do so every few seconds, and a film is drawn before."""
_PHONES = (
    (30.0, 3 * _HOUR_MS, ("QRCode", "phone", "A picture", 8, 10, 0.9)),
    (32.4, 0, ("QRCode", "phone", "The live code", 4, 8, 1.0)),
)
"""When it is held up, and how long ago that was drawn: a picture is refused, then the live one."""
_TURNS = (
    Turn(14.1, next_person=True),
    Turn(14.6, next_person=True),
    Turn(16.7, direction=Direction.OUT),
    Turn(19.8, direction=Direction.IN),
)


def _script(now_ms: int) -> tuple[list[Showing], list[Turn]]:
    moving = [
        (begin_s, current(_MOVING, _MOVING_CODE, [_MOVING_KEY], now_ms - ago_ms).text, *how)
        for begin_s, ago_ms, how in _PHONES
    ]
    return [
        Showing(
            text=text,
            symbology=symbology,
            carrier=carrier,
            begin_s=begin_s,
            seconds=_HELD_S,
            title=title,
            turn_deg=turn,
            tilt_deg=tilt,
            light=light,
        )
        for begin_s, text, symbology, carrier, title, turn, tilt, light in (*_PEOPLE, *moving)
    ], list(_TURNS)


def _crowd(begin_s: float) -> list[Showing]:
    chance = random.Random(7)  # noqa: S311  a film, not a secret
    return [
        Showing(
            text=_filler_code(number % FILLERS if chance.random() < 0.93 else FILLERS + number),
            symbology=chance.choice(["QRCode", "QRCode", "QRCode", "Code128", "Aztec"]),
            carrier=chance.choice(["phone", "phone", "paper"]),
            begin_s=begin_s + number * _CROWD_EVERY_S,
            seconds=_HELD_S,
            title=_TITLE,
            turn_deg=chance.gauss(0, 14),
            tilt_deg=abs(chance.gauss(0, 12)),
            light=chance.uniform(0.4, 1.0),
        )
        for number in range(int(CROWD_SECONDS / _CROWD_EVERY_S))
    ]


def _filler_code(number: int) -> str:
    return f"GALA-{1000 + number}-{number * 7919 % 10_000:04d}"


def _write_tickets(path: Path, now: int) -> None:
    types = [
        {"id": "gala", "kind": "meeting", "title": _TITLE},
        {"id": "matinee", "kind": "meeting", "title": "Matinee", "begin": now + 150 * _MINUTE},
        {"id": "guest", "kind": "meeting", "title": "Guests", "attention": "Wristband, welcome"},
        {"id": "family", "kind": "meeting", "title": "Family of 4", "use_limit": 4,
         "party_size": 4},
        {"id": "park", "kind": "scenic", "title": "Lake Park", "term_days": 1,
         "ticket_class": "Day"},
        {"id": "film", "kind": "movie", "title": "Blue Hour"},
        {"id": "moving", "kind": "meeting", "title": "Late show", "rotating": _MOVING.text,
         "rotating_period_ms": _MOVING.period_ms},
        {"id": "ce123", "kind": "boarding", "title": "CE123", "flight": "CE123", "origin": "CTU",
         "destination": "CAN", "departure_time": now + 50 * _MINUTE},
    ]  # fmt: skip
    film = {"show_time": now - 10 * _MINUTE, "duration": 115, "screening_room": "Hall 5"}
    flight = {"checked_in": True, "travel_class": "Economy", "seats": "12A", "gate": "North"}
    people: dict[str, dict[str, object]] = {
        "GALA-0001-K7QX": {"type": "gala", "seats": "2-15", "zone": "C", "holder": "Mei Lin"},
        "PARK-2201-ZP4M": {"type": "park", "claimed_at": now, "holder": "Jonas Weber"},
        "GALA-0777-SOUTH": {"type": "gala", "seats": "9-03", "zone": "B", "holder": "Ana Sousa"},
        "FILM-0514-B9TR": {"type": "film", "seats": "5-14|5-15", **film},
        "GALA-0900-NEAST": {"type": "gala", "entrance": "North-East", "seats": "1-08"},
        "M1LI/XIAOLONG         EDEMO01 CTUCANCE 0123 326Y012A0025 100": {
            "type": "ce123", "holder": "Li Xiaolong", **flight
        },
        "GALA-0888-LATER": {"type": "matinee", "seats": "4-02"},
        "GALA-0666-REFND": {"type": "gala", "status": "revoked", "status_note": "Refunded"},
        "GRUP-0004-FAMLY": {"type": "family", "holder": "Okafor family"},
        "VIPS-0012-GUEST": {"type": "guest", "holder": "Dr. Nowak"},
        "GALA-0333-DIMLY": {"type": "gala", "seats": "7-21", "zone": "A"},
        _MOVING_CODE: {"type": "moving", "seats": "3-07", "rotating_keys": _MOVING_KEY.hex()},
    }  # fmt: skip
    rows = [{"code": code, **ticket} for code, ticket in people.items()]
    rows += [
        {"code": _filler_code(n), "type": "gala", "seats": f"{n // 20 + 1}-{n % 20 + 1:02}"}
        for n in range(FILLERS)
    ]
    for name, made in (("types", types), ("tickets", rows)):
        content = b"".join(msgspec.json.encode(row) + b"\n" for row in made)
        (path / f"{name}.jsonl").write_bytes(content)


class _Earlier:
    """A clock that goes some minutes behind."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.behind_ms = 0

    def read(self) -> Reading:
        now = self._clock.read()
        return replace(
            now,
            wall_ms=now.wall_ms - self.behind_ms,
            boot_ms=now.boot_ms - self.behind_ms,
            boot_id="an hour ago",
        )

    def is_synchronised(self) -> bool:
        return True


def _play_the_last_hour(folder: Folder) -> None:
    """Let some guests in at the other gates, through a real lane with a clock set back."""
    clock = _Earlier(SystemClock())
    codes = [_filler_code(n) for n in range(FILLERS - 40, FILLERS)]
    codes.insert(30, "GALA-0777-SOUTH")
    for gate, operator in (("East", "Lena"), ("South", "Marco")):
        lane = Lane(folder, clock, Place(gate=gate), Config().house_rules())
        lane.sign_in(Operator(operator, Role.STAFF))
        mine, codes = codes[: len(codes) // 2], codes[len(codes) // 2 :]
        if gate == "South":
            mine += codes
        for number, code in enumerate(mine):
            share = number / len(mine)
            clock.behind_ms = int((58 - 24 * share - (25 if gate == "South" else 0)) * 60_000)
            lane.admit(Scan(code, "QRCode", "camera"))
        lane.close()


def _config_file(path: Path) -> Path:
    """The demo's configuration, written out for whoever keeps the folder."""
    file = path / "config.toml"
    file.write_text(
        f'venue = "Demo Arena"\ntime_zone = "{machine_zone().name}"\n\n'
        '[gate]\nname = "North"\nentrance = "North"\n\n'
        '[gate.ways]\nNorth-East = "Go left, 80 m."\n',
        encoding="utf-8",
    )
    return file
