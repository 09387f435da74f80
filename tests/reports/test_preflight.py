"""Every gate checked from one place: nothing is green that nobody has told."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from gate import __version__
from gate.cli import housekeeping
from gate.cli.exit_codes import FAILED
from gate.cli.lane_session import LaneSession
from gate.cli.parser import build_parser
from gate.config import load
from gate.core.event_device import DeviceReport
from gate.core.event_settings import EventSettings
from gate.core.health import Health
from gate.errors import UsageError
from gate.lane.lane import Lane
from gate.reports import fleet_report
from gate.reports import preflight as module
from gate.reports.preflight import (
    MOST_NOTED,
    Check,
    GateChecks,
    Light,
    Preflight,
    not_green,
    preflight,
)
from gate.reports.preflight_page import as_html, as_text
from gate.storage import outgoing
from gate.storage.event import EventRow
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device
from gate.storage.folder import Folder, Lock
from gate.storage.forgetting import is_of_event
from gate.storage.sign_offs import sign_offs
from gate.text.fleet_words import sign_off
from tests.reports.test_report import ZONE
from tests.support.venue import FixedClock
from tests.system.neighbours import enrol, known, say

SOUTH, WEST = "5" * 16, "6" * 16
WELL = Health(
    disk_free_mb=9000, battery=90, is_charging=False, heat_c=40, camera="live", scanner="on",
    turnstile="on", not_passed=2, not_passed_in_row=0, sound="on", is_clock_trusted=True,
    list_age_s=2,
)  # fmt: skip


@pytest.fixture
def evening(venue: Folder, lane: Lane, clock: FixedClock) -> Folder:
    """This gate and another one, both open, heard and well; a laptop watches, one went home."""
    enrol(venue)
    lane.open()
    say(
        venue, clock,
        known(SOUTH, clock, version=__version__, offset_ms=3, error_ms=2, health=WELL),
        known(WEST, clock, name="Laptop", active=False, watches=True),
        known("7" * 16, clock, name="Home", active=False, state="retired"),
        health=WELL, ahead_ms=1, error_ms=2,
    )  # fmt: skip
    return venue


def seen(folder: Folder, clock: FixedClock) -> Preflight:
    return preflight(folder, clock.read(), 10.0)


def lights(device: Device, settings: EventSettings = EventSettings()) -> dict[str, Light]:
    checks = module._gate(device, "0.2", settings).checks
    return {one.name: one.light for one in checks if one.light is not Light.GREEN}


def test_all_is_green_when_every_gate_says_so(evening: Folder, clock: FixedClock) -> None:
    """Whoever watches, was retired or revoked is no gate."""
    found = seen(evening, clock)
    assert [gate.name for gate in found.gates] == ["North (this one)", "South"]
    assert found.is_green, as_text(found, ZONE)
    assert as_text(found, ZONE).endswith("\nall gates are ready\n")


READY = Device(
    SOUTH, "South", "South", "open", heard_ago_ms=400, unacked=0,
    report=DeviceReport(version="0.2", offset_ms=3, error_ms=2, health=WELL),
)  # fmt: skip


def reported(**change: object) -> dict[str, object]:
    return {"report": msgspec.structs.replace(READY.report, **change)}


def health(**change: object) -> dict[str, object]:
    values = {name: getattr(WELL, name) for name in WELL.__struct_fields__} | change
    return reported(health=Health(**values))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, {"profile": Light.NONE}),
        ({"state": "closed"}, {"lane": Light.RED}),
        ({"state": ""}, {"lane": Light.RED}),
        (reported(version="0.1"), {"version": Light.RED}),
        (reported(version=""), {"version": Light.UNKNOWN}),
        ({"heard_ago_ms": 30_001}, {"heard": Light.RED}),
        ({"heard_ago_ms": None}, {"heard": Light.UNKNOWN}),
        ({"unacked": 1}, {"unsent": Light.RED}),
        (reported(offset_ms=-5001), {"clock": Light.RED}),
        ({"has_alarm": True}, {"alarms": Light.RED}),
        ({"has_twin": True}, {"alarms": Light.RED}),
        ({"is_flooding": True}, {"alarms": Light.RED}),
        (reported(quarantined=1), {"alarms": Light.RED}),
        ({"is_disowned": True}, {"alarms": Light.RED}),
        (health(camera="lost"), {"camera": Light.RED}),
        (health(camera=""), {"camera": Light.NONE}),
        (health(scanner="lost"), {"scanner": Light.RED}),
        (health(turnstile="broken"), {"turnstile": Light.RED}),
        (health(turnstile="", not_passed=None), {"turnstile": Light.NONE, "passage": Light.NONE}),
        (health(not_passed_in_row=3), {"passage": Light.RED}),
        (health(not_passed=0), {}),
        (health(sound="lost"), {"sound": Light.RED}),
        (health(sound="bell"), {}),
        (health(sound=""), {"sound": Light.NONE}),
        (health(disk_free_mb=100), {"disk": Light.RED}),
        (health(disk_free_mb=None), {"disk": Light.UNKNOWN}),
        (health(battery=5), {"battery": Light.RED}),
        (health(battery=None), {"battery": Light.NONE}),
        (health(heat_c=95), {"heat": Light.RED}),
        (health(is_clock_trusted=False), {"clock": Light.RED}),
        (health(is_clock_trusted=None), {"clock": Light.UNKNOWN}),
        (health(list_age_s=600), {"list": Light.RED}),
        (health(list_age_s=None), {"list": Light.UNKNOWN}),
    ],
)
def test_each_thing_that_is_not_well_is_seen(
    change: dict[str, object], found: dict[str, Light]
) -> None:
    """That one and no other; what nobody has told is not green."""
    device = replace(READY, **change)  # type: ignore[arg-type]
    assert lights(device) == {"profile": Light.NONE} | found


def test_a_gate_without_a_profile_is_seen_where_others_have_one() -> None:
    """By its name, or as it was assigned."""
    stated = EventSettings(profiles={"South": {}})
    assert lights(READY, stated) == {}
    assert lights(replace(READY, name="East"), stated) == {"profile": Light.RED}
    assigned = EventSettings(profiles={"South": {}}, assigned={SOUTH: "South"})
    assert lights(replace(READY, name="East"), assigned) == {}


class Tags(HTMLParser):
    """What of a page is loaded from elsewhere, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.loads += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_escapes_names(
    evening: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check of every gate, with a mark beside its colour; a name is no markup."""
    odd = "<script>alert(1)</script>\x1b"
    monkeypatch.setattr(module, "event_row", lambda _folder: EventRow("e", odd, "Asia/Shanghai"))
    say(evening, clock, known(SOUTH, clock, name="<b>S", health=Health(camera="lost")))
    page = as_html(seen(evening, clock), ZONE, "Li <Na>")
    tags = Tags()
    tags.feed(page)
    assert (tags.loads, tags.open) == ([], [])
    assert "<script>" not in page
    assert "\x1b" not in page
    assert '<td class="red">✗ camera LOST</td>' in page
    assert "Signed off by Li &lt;Na&gt;, 2026-12-23 12:26:40." in page
    items = re.findall(r"<li>(.*?)</li>", page)
    assert len(items) == 2
    assert items[1].startswith("&lt;b&gt;S: version: not told; list: not told; ")


def test_unsigned_it_has_room_to_sign_by_hand(evening: Folder, clock: FixedClock) -> None:
    """And says that all is ready, if it is; in the language of whoever prints it."""
    page = as_html(seen(evening, clock), ZONE)
    assert page.count('class="line"') == 2
    assert "all gates are ready" in page
    assert '<html lang="en">' in page


def test_nobody_is_never_ready(folder: Folder, clock: FixedClock) -> None:
    """A device that is alone and closed."""
    assert not seen(folder, clock).is_green
    assert not Preflight(0, "", ()).is_green
    assert as_html(Preflight(0, "", ()), ZONE)


def test_the_command(evening: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints and writes the page; its code says whether all are ready."""

    def run(*arguments: str) -> int:
        told = ["preflight", "--data-dir", str(evening.path), *arguments]
        options = build_parser().parse_args(told)
        return int(options.command(options))

    page = tmp_path / "gates.html"
    lock = Lock(evening)
    assert run("--html", str(page), "--sign", "Li Na") == FAILED
    lock.close()
    out = capsys.readouterr().out
    assert "LOOK" in out
    assert out.endswith("Signed off by Li Na: in the journal.\n")
    assert "Signed off by Li Na" in page.read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be written"):
        run("--html", str(tmp_path / "no" / "page.html"))


def signed(folder: Folder) -> list[tuple[str, int, str]]:
    with Fleet(folder) as venue:
        return [(one.operator, one.count, one.note) for one in sign_offs(venue)]


def test_a_sign_off_is_in_the_journal(
    evening: Folder, lane: Lane, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who, how many gates, what was not green; the newest is told with the next preflight."""
    lane.close()
    command = ["preflight", "--data-dir", str(evening.path), "--sign"]
    for name in ("Li Na", "Wu"):
        options = build_parser().parse_args([*command, name])
        assert options.command(options) == FAILED
    (second, second_gates, _note), (first, gates, red) = signed(evening)
    assert (first, gates, second, second_gates) == ("Li Na", 1, "Wu", 1)
    assert red.startswith("North (this one): lane")
    capsys.readouterr()
    found = seen(evening, clock)
    assert found.signed is not None
    line = sign_off(found.signed, ZONE)
    assert line.startswith("Signed off by Wu, ")
    assert "not green: North (this one): lane" in line
    assert as_text(found, ZONE).endswith(line + "\n")
    assert "Signed off by Wu, " in as_html(found, ZONE)
    report = fleet_report.look(evening, clock.read(), 10.0)
    assert line in fleet_report.as_table(report, ZONE)
    assert [one["name"] for one in fleet_report.as_plain_values(report)["sign_offs"]] == [
        "Wu",
        "Li Na",
    ]
    assert "sign_off,1,name,Wu" in fleet_report.as_csv(report)


def test_the_lane_at_work_writes_it(
    evening: Folder, lane: Lane, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal has one writer; what it leaves is written once, and goes at a wipe."""
    lock = Lock(evening)
    options = build_parser().parse_args(
        ["preflight", "--data-dir", str(evening.path), "--sign", "Li"]
    )
    options.command(options)
    lock.close()
    assert signed(evening) == []
    ((path, left),) = outgoing.waiting(evening)
    assert is_of_event(path.name)
    session = LaneSession(load(None, {}, [f"data_dir={evening.path}"]), evening)
    for _again in range(2):
        housekeeping._send_waiting(session, lane)
    assert isinstance(left, outgoing.SignOff)
    assert signed(evening) == [("Li", left.gates, left.not_green)]
    assert capsys.readouterr().out


def test_a_full_disk_is_for_people(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is signed, and it says so."""
    monkeypatch.setattr("gate.lane.shift.is_disk_short", lambda _folder: True)
    with pytest.raises(UsageError, match="disk is full"):
        lane.sign_off("Li", 2, "")


def test_a_long_note_is_bounded() -> None:
    """It goes to every gate; what does not fit is said to be there."""
    bad = (Check("lane", Light.RED, "closed"), Check("disk", Light.RED, "1 MB"))
    gates = tuple(GateChecks(f"Gate {n}", str(n), bad) for n in range(200))
    note = not_green(Preflight(0, "", gates))
    assert note.startswith("Gate 0: lane, disk; Gate 1: lane, disk; ")
    assert note.endswith("; and more")
    assert len(note) < MOST_NOTED + 40
