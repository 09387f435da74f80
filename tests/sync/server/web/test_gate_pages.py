"""Gates from afar: how each is, and what is said to one; every change with who and why."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gate.capture.decode import Decoder
from gate.core import entry_codec
from gate.core.entry import Act
from gate.core.event_device import DeviceReport
from gate.core.health import Health
from gate.core.place import Role
from gate.storage.enrolment_link import parse_link
from gate.text.message_words import sender
from sync.server import address, audit, devices, events
from sync.server import tables as t
from sync.server.address import Address
from sync.server.database import reading
from tests.support.central import Central, Maker, ask, central
from tests.support.web import signed_in

HOSTILE = "<script>alert(1)</script>\"'><img src=x>\u202e"
A, B, C = "a" * 16, "b" * 16, "c" * 16


def report(**health: Any) -> DeviceReport:
    return DeviceReport(
        version="1.0", gate="North", unacked=3, offset_ms=120, error_ms=5, health=Health(**health)
    )


@asynccontextmanager
async def evening(path: Path) -> AsyncIterator[Central]:
    """Three gates: North is well, East has a hot machine, West has not been heard for an hour."""
    async with central(path) as running:
        for device, name, health in (
            (A, "North", {"disk_free_mb": 9000, "battery": 80, "camera": "live"}),
            (
                B,
                "East",
                {
                    "heat_c": 91,
                    "is_clock_trusted": False,
                    "scanner": "lost",
                    "turnstile": "broken",
                    "not_passed": 7,
                    "not_passed_in_row": 4,
                },
            ),
            (C, "West", {}),
        ):
            maker = Maker(device)
            await running.enrol(maker, name)
            said: dict[str, Any] = {"gate": name, "operator": f"Op {name}"}
            entries = [maker.make(Act.LANE_OPENED, **said), maker.make(ticket=device, **said)]
            asked = ask(entries, [maker.head()], report=report(**health))
            await running.exchange(maker, asked)
        await running.server.keep()
        long_ago = t.device.update().where(t.device.c.id == C).values(heard_ms=1)
        await running.server.write(lambda c: c.execute(long_ago))
        running.server.device_cache.reports._received.pop(C, None)
        await running.server.device_cache.refresh()
        yield running


def newest_row(running: Central) -> audit.Row:
    with reading(running.engine) as connection:
        return audit.newest(connection, "show", 1)[0]


def state_of(running: Central, device: str) -> str:
    with reading(running.engine) as connection:
        return devices.state_of(connection, device)


def heading(name: str) -> str:
    return f">{name}</a></h2>"


async def test_silent_gates_are_on_top(tmp_path: Path) -> None:
    """Then what is not well, then the others; each with all that is known of it."""
    async with evening(tmp_path) as running, signed_in(running) as at:
        page = (await at.get("/web/gates")).text
    assert page.index(heading("West")) < page.index(heading("East")) < page.index(heading("North"))
    assert "1 gate is silent." in page
    for words in (
        "SILENT", "! 91 °C", "! clock not trusted", "! scanner LOST", "! turnstile BROKEN",
        "! 4 in a row did not go through", "battery 80 %",
        "disk 9000 MB free", "camera on", "3 entries not sent", "clock +120 ms ±5 ms", "Op North",
    ):  # fmt: skip
        assert words in page


async def test_staff_see_gates_and_change_nothing(tmp_path: Path) -> None:
    """They are shown no form, and what they send all the same is not done."""
    async with evening(tmp_path) as running, signed_in(running, Role.STAFF) as at:
        for path in ("/web/gates", f"/web/gates/{A}"):
            page = (await at.get(path)).text
            assert "/web/gates/message" not in page
        assert (await at.send(f"/web/gates/{A}/state", state="retired", why="x")).status_code == 403
        assert (await at.get(f"/web/gates/{A}/revoke")).status_code == 403
        assert state_of(running, A) == "enrolled"


async def test_a_gate_is_retired_and_brought_back(tmp_path: Path) -> None:
    """With a reason, which the log has beside the name of who did it."""
    async with evening(tmp_path) as running, signed_in(running) as at:
        await at.get(f"/web/gates/{C}")
        assert (await at.send(f"/web/gates/{C}/state", state="retired")).status_code == 422
        await at.get(f"/web/gates/{C}")
        assert (await at.send(f"/web/gates/{C}/state", state="odd", why="x")).status_code == 422
        await at.get(f"/web/gates/{C}")
        page = (await at.send(f"/web/gates/{C}/state", state="retired", why="went home")).text
        assert state_of(running, C) == "retired"
        assert "Bring it back" in page
        row = newest_row(running)
        assert (row.act, row.about) == ("retire", f"{C}: went home")
        assert row.who.endswith(" Ann")
        await at.send(f"/web/gates/{C}/state", state="enrolled", why="came back")
        assert state_of(running, C) == "enrolled"


async def test_revoking_is_asked_twice_and_is_for_good(tmp_path: Path) -> None:
    """Without the second yes nothing happens; after it the credential is good for nothing."""
    async with evening(tmp_path) as running, signed_in(running) as at:
        await at.get(f"/web/gates/{A}/revoke")
        assert (await at.send(f"/web/gates/{A}/revoke", why="stolen")).status_code == 422
        assert state_of(running, A) == "enrolled"
        await at.get(f"/web/gates/{A}/revoke")
        page = (await at.send(f"/web/gates/{A}/revoke", why="stolen", sure="yes")).text
        assert state_of(running, A) == "revoked"
        assert "Retire it" not in page
        assert newest_row(running).about == f"{A}: stolen"
        await at.get("/web/gates")
        assert (
            await at.send(f"/web/gates/{A}/state", state="enrolled", why="x")
        ).status_code == 409
        answer = await running.http.get("/v1/changes", headers={
            "Authorization": f"Bearer {running.credentials[A]}"})  # fmt: skip
        assert answer.status_code == 401


async def test_a_message_is_an_entry_of_the_sender(tmp_path: Path) -> None:
    """For the gates that were ticked; to none of them: for all."""
    async with evening(tmp_path) as running, signed_in(running) as at:
        await at.get("/web/gates")
        fields = {f"to-{A}": "yes", f"to-{B}": "yes"}
        page = (await at.send("/web/gates/message", text="Doors\nat eight", **fields)).text
        assert "Sent to: East, North" in page
        await at.send("/web/gates/message", text="To all")
        assert (await at.send("/web/gates/message", text="  ")).status_code == 422
        with reading(running.engine) as connection:
            e = t.entry.c
            bodies = connection.execute(
                t.entry.select().where(e.act == Act.MESSAGE.value).order_by(e.number)
            ).all()
        first, second = (entry_codec.decode(row.body) for row in bodies)
        assert (first.note, set(first.covers), first.operator) == (
            "Doors at eight", {"North", "East"}, "Ann",
        )  # fmt: skip
        assert second.covers == ()
        assert sender(first) == "Ann, the server"
        assert newest_row(running).act == "message"


async def test_a_profile_is_made_given_and_taken_back(tmp_path: Path) -> None:
    """What a form says otherwise than it was shown is stated, and nothing else."""
    async with evening(tmp_path) as running, signed_in(running) as at:
        await at.get("/web/settings/change?part=profiles&name=Backstage")
        fields = {"part": "profiles", "name": "Backstage", "direction": "both", "why": "crew",
                  "accepted_types": "CREW, PRESS", "zone_capacity": "50"}  # fmt: skip
        assert "Said to the gates." in (await at.send("/web/settings/change", **fields)).text
        with reading(running.engine) as connection:
            settings = events.row_of(connection, "show").settings
        assert settings.profiles == {
            "Backstage": {
                "direction": "both", "accepted_types": ["CREW", "PRESS"], "zone_capacity": 50,
            }
        }  # fmt: skip
        await at.get("/web/settings/change?part=profiles&name=Backstage")
        same = {"was-zone_capacity": "50", "zone_capacity": "", "was-direction": "in",
                "direction": "in"}  # fmt: skip
        await at.send("/web/settings/change", part="profiles", name="Backstage", why="x", **same)
        await at.get(f"/web/gates/{A}")
        await at.send(f"/web/gates/{A}/profile", profile="Backstage", why="moved")
        assert newest_row(running).about == f"profile {A} Backstage: moved"
        with reading(running.engine) as connection:
            settings = events.row_of(connection, "show").settings
        assert "zone_capacity" not in settings.profiles["Backstage"]
        assert settings.profiles["Backstage"]["direction"] == "both"
        assert settings.assigned == {A: "Backstage"}
        assert "in and out" in (await at.get(f"/web/gates/{A}")).text
        await at.get("/web/settings/change?part=profiles&name=Backstage")
        await at.send("/web/settings/remove", part="profiles", name="Backstage", why="over")
        with reading(running.engine) as connection:
            settings = events.row_of(connection, "show").settings
        assert (settings.profiles, settings.assigned) == ({}, {})


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"part": "rules", "reentry": "perhaps"}, "reentry"),
        ({"part": "rules", "undo_seconds": "-1"}, "undo_seconds"),
        ({"part": "profiles", "name": " "}, "Name a profile"),
        ({"part": "keys", "name": "x"}, "Name a profile"),
    ],
)
async def test_what_cannot_be_is_said_and_not_stated(
    tmp_path: Path, fields: dict[str, str], words: str
) -> None:
    """With the setting and what is allowed."""
    async with central(tmp_path) as running, signed_in(running) as at:
        await at.get("/web/settings")
        answer = await at.send("/web/settings/change", why="x", **fields)
        assert answer.status_code == 422
        assert words in answer.text
        with reading(running.engine) as connection:
            assert events.row_of(connection, "show").settings.rules == {}


def picture_of(page: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The code of a page, as it stands on the screen of a phone, 390 wide."""
    found = re.search(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)
    assert found
    code = cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert code is not None
    screen = np.full((844, 390), 246, np.uint8)
    screen[200:558, 16:374] = cv2.resize(code, (358, 358), interpolation=cv2.INTER_NEAREST)
    return screen


def read(picture: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> list[str]:
    """What the lane's own camera would read."""
    return [one.text for one in Decoder().read_fully(picture)]


async def test_a_link_for_a_gate_is_read_off_a_phone(tmp_path: Path) -> None:
    """By the lane's own decoder; and what it says takes a gate in, once."""
    async with central(tmp_path) as running, signed_in(running) as at:
        await at.get("/web/new-gates")
        fields = {"name": "South", "minutes": "60", "why": "one more"}
        assert (await at.send("/web/new-gates/make", **fields)).status_code == 409
        kept = Address("https://gate.example:8470", "A" * 26)
        await running.server.write(lambda c: address.keep(c, kept))
        await at.get("/web/new-gates")
        page = (await at.send("/web/new-gates/make", **fields)).text
        invitation = parse_link(read(picture_of(page))[0])
        assert (invitation.url, invitation.fingerprint) == (kept.url, kept.fingerprint)
        maker = Maker(A)
        asked = {"token": invitation.token, "device": A, "key": maker.public}
        for status in (200, 403):
            assert (await running.http.post("/v1/enrol", json=asked)).status_code == status
        assert "South" in (await at.get("/web/gates")).text
        assert invitation.token not in (await at.get("/web/new-gates")).text


async def test_a_link_for_a_gate_is_withdrawn(tmp_path: Path) -> None:
    """Then it opens nothing."""
    async with central(tmp_path) as running, signed_in(running) as at:
        token = await running.token("South")
        page = (await at.get("/web/new-gates")).text
        found = re.search(r'name="link" value="([0-9a-f]+)"', page)
        assert found
        await at.send("/web/new-gates/withdraw", link=found[1], why="not needed")
        asked = {"token": token, "device": A, "key": Maker(A).public}
        assert (await running.http.post("/v1/enrol", json=asked)).status_code == 403
        assert newest_row(running).about == f"{found[1]}: not needed"


async def test_what_devices_call_themselves_is_only_text(tmp_path: Path) -> None:
    """Names, operators, versions, profiles and messages run nothing."""
    seen = HOSTILE.removesuffix("\u202e")
    async with central(tmp_path) as running, signed_in(running) as at:
        maker = Maker(A)
        await running.enrol(maker, seen)
        said = {"gate": HOSTILE, "operator": HOSTILE, "note": HOSTILE, "version": HOSTILE}
        told = DeviceReport(version=HOSTILE, gate=HOSTILE, health=Health(camera=HOSTILE))
        await running.exchange(maker, ask([maker.make(Act.SIGN_IN, **said)], report=told))
        await at.get("/web/settings")
        await at.send("/web/settings/change", part="profiles", name=seen, zone=seen, why="x")
        for path in ("/web/gates", f"/web/gates/{A}", f"/web/gates/{A}/revoke", "/web/settings"):
            text = (await at.get(path)).text
            assert "alert(1)" in text, path
            for bad in ("<script>", "<img src=x", "\u202e"):
                assert bad not in text, path


def test_the_decoder_reads_no_other_picture() -> None:
    """A mutation: a page without a code is read as none."""
    blank = np.full((844, 390), 246, np.uint8)
    assert read(blank) == []
