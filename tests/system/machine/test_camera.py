"""A Debian machine whose guests hold codes up before a USB camera, by ``uvcvideo``.

In the order in which they stand: one machine, from its start to its end.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from gate.capture.exposure import BY_HAND
from tests.system.machine import asked_for
from tests.system.machine.asked_for import SEED
from tests.system.machine.emulator import until
from tests.system.machine.image import ANSWERS, DATA, GATE, Image, code_of
from tests.system.machine.lane_machine import LaneMachine
from tests.system.machine.lens import Lens, Scene
from tests.system.machine.technician import Technician
from tests.system.machine.usb_device import UsbDevice
from tests.system.machine.uvc_camera import BY_APERTURE, Control, UvcCamera
from tests.system.machine.watched_screen import LONG_S

pytestmark = asked_for.on_demand

FRONT, OTHER = "front", "other"
NAME = "/dev/v4l/by-id/usb-Venue_Gate_Front_camera_C21-video-index0"
IS_ON = "camera on"
DARK = 0.002
"""A hall in which a camera that meters all of it burns out a phone, and stays so."""
LOOKS = 60
"""Frames in which a code is held up."""


class Held:
    """What is held up before a camera, and what becomes of it at the lane."""

    def __init__(self, machine: LaneMachine, place: str, name: str, serial: str) -> None:
        self._machine = machine
        self.scene = Scene()
        self.lens = Lens(self.scene, SEED)
        self.camera = UvcCamera(name, serial, self.lens.see)
        self.usb = UsbDevice(machine.pc, place, self.camera)

    def lets_in(self, number: int) -> bool:
        """Whether a guest is let in who holds a code up for a while."""
        began = self.camera.frames
        self.scene.code = code_of(number)
        until(
            lambda: number in self._machine.look() or self.camera.frames > began + LOOKS,
            LONG_S, f"{LOOKS} frames",
        )  # fmt: skip
        self.scene.code = ""
        return number in self._machine.look()


@pytest.fixture(scope="module")
def running(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaneMachine]:
    """The machine, with places for two cameras."""
    folder = tmp_path_factory.mktemp("camera")
    with closing(LaneMachine(image, folder, SEED)) as machine:
        machine.on(*UsbDevice.options(FRONT, folder), *UsbDevice.options(OTHER, folder))
        yield machine


@pytest.fixture(scope="module")
def technician(running: LaneMachine) -> Technician:
    """Who has root's shell of it."""
    return Technician(running)


@pytest.fixture(scope="module")
def front(running: LaneMachine) -> Held:
    """What the lane's camera sees."""
    return Held(running, FRONT, "Front camera", "C21")


def said(machine: LaneMachine, since: int) -> str:
    """All that the screen has shown since it had so many pictures."""
    return "\n".join(row for rows in machine.screen.pictures[since:] for row in rows)


def test_a_camera_that_is_named_lets_in(
    running: LaneMachine, technician: Technician, front: Held
) -> None:
    """``gate setup`` tries it and writes its name; the next lane reads what is held up."""
    front.usb.plug_in()
    until(lambda: "C21" in technician.run("ls /dev/v4l/by-id", is_well=False), LONG_S, "a camera")
    technician.run(f"sed -i 's|^camera = .*|camera = \"{NAME}\"|' {ANSWERS}")
    set_up = f"su - gate -c '{GATE} --data-dir {DATA} setup --apply --answers {ANSWERS}'"
    assert f"OK: {NAME}: 640x480" in technician.run(set_up)
    technician.start_anew()
    running.screen.wait_for(IS_ON)
    assert front.lets_in(1)


def test_a_camera_is_known_by_its_name_where_another_one_was_first(
    running: LaneMachine, technician: Technician, front: Held
) -> None:
    """Unplugged, which the screen says and nothing else; back with another number: read again.

    What has its old number meanwhile lets nobody in.
    """
    since = len(running.screen.pictures)
    front.usb.pull_out()
    running.screen.wait_for("the camera is unplugged")
    other = Held(running, OTHER, "Other camera", "C22")
    other.scene.code = code_of(2)
    other.usb.plug_in()
    until(lambda: "C22" in technician.run("ls /dev/v4l/by-id", is_well=False), LONG_S, "another")
    assert "camera LOST" in running.screen.text
    front.usb.plug_in()
    running.screen.wait_for(IS_ON)
    assert "video0" not in technician.run(f"readlink {NAME}")
    assert "cannot open" not in said(running, since)
    assert front.lets_in(3)
    assert other.camera.frames == 0
    assert 2 not in running.look()
    other.usb.pull_out()


def test_a_camera_that_hangs_is_told_and_read_again(running: LaneMachine, front: Held) -> None:
    """It is there, and no frame comes; the screen says that until one does."""
    since = len(running.screen.pictures)
    front.camera.hangs.set()
    running.screen.wait_for("the camera shows nothing")
    front.camera.hangs.clear()
    running.screen.wait_for(IS_ON)
    assert "cannot open" not in said(running, since)
    assert front.lets_in(4)


def test_a_frozen_camera_is_begun_anew(
    running: LaneMachine, technician: Technician, front: Held
) -> None:
    """The same picture again and again: the lane opens the camera anew, and loses nothing by it."""
    since = len(running.screen.pictures)
    front.lens.is_frozen = True
    technician.wait_for_log("frozen picture, reopening", 1)
    until(lambda: not front.lens.is_frozen, LONG_S, "another stream")
    assert front.lets_in(5)
    assert "camera LOST" not in said(running, since)


def test_a_driver_is_told_the_exposure_by_hand(
    running: LaneMachine, technician: Technician, front: Held
) -> None:
    """``camera.exposure`` as a number: the camera's own control has it."""
    technician.tell_the_lane("GATE_CAMERA_EXPOSURE=77")
    running.screen.wait_for(IS_ON)
    controls = front.camera.controls
    assert (controls[Control.AUTO_EXPOSURE], controls[Control.EXPOSURE]) == (BY_HAND, 77)
    assert front.lets_in(6)
    controls[Control.AUTO_EXPOSURE] = BY_APERTURE


def test_a_phone_in_a_dark_hall_is_read_as_its_light_is_followed(
    running: LaneMachine, technician: Technician, front: Held
) -> None:
    """``camera.exposure = "follow"`` by ``uvcvideo``, and the camera's own way back at the end.

    Mutation: as the camera exposes by itself nobody is read.
    """
    scene, controls = front.scene, front.camera.controls
    scene.hall, scene.screen = DARK, 1.0
    technician.tell_the_lane("GATE_CAMERA_EXPOSURE=auto")
    running.screen.wait_for(IS_ON)
    assert not front.lets_in(7)
    technician.tell_the_lane("GATE_CAMERA_EXPOSURE=follow")
    running.screen.wait_for(IS_ON)
    assert front.lets_in(8)
    assert controls[Control.AUTO_EXPOSURE] == BY_HAND
    until(lambda: controls[Control.AUTO_EXPOSURE] == BY_APERTURE, LONG_S, "its own way")
    assert front.lets_in(9)
