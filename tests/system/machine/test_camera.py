"""A Debian machine whose guests hold codes up before a USB camera, by ``uvcvideo``.

In the order in which they stand: one machine, from its start to its end.
"""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from gate.capture.exposure import BY_HAND, BY_ITSELF
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
*_, DARK = HALLS = 0.3, 0.01, 0.003, 0.002
"""Light of halls, beside phones of 1: the camera hunts in all of them but the last, where it rests
as long as it can expose and burns the phone out."""
GUESTS = 3
"""In each hall, when exposure is tried."""
AUTO_EXPOSURE, AUTO_FOCUS, FOCUS = 0x9A0901, 0x9A090C, 0x9A090A
"""V4L2's names of the controls (``linux/v4l2-controls.h``)."""
TELL = """
import fcntl, struct, sys
name, *told = sys.argv[1:]
with open(name, "rb", buffering=0) as camera:
    for control, value in zip(told[::2], map(int, told[1::2])):
        # VIDIOC_S_CTRL
        fcntl.ioctl(camera, 0xC008561C, struct.pack("Ii", int(control), value))
"""
LOOKS, RESTS = 60, 40
"""Frames in which a code is held up, and before that, when exposure is tried."""


class Held:
    """What is held up before a camera, and what becomes of it at the lane."""

    def __init__(self, machine: LaneMachine, place: str, name: str, serial: str) -> None:
        self._machine = machine
        self.scene = Scene()
        self.lens = Lens(self.scene, SEED)
        self.camera = UvcCamera(name, serial, self.lens.see)
        self.usb = UsbDevice(machine.pc.folder / place, self.camera)

    def lets_in(self, number: int) -> bool:
        """Whether a guest is let in who holds a code up for a while."""
        return self.lets_in_after(number) < LOOKS

    def lets_in_after(self, number: int) -> int:
        """After how many frames; ``LOOKS``: not at all."""
        began = self.camera.frames
        self.scene.code = code_of(number)
        self._wait(lambda: number in self._machine.look() or self._looks(began) >= LOOKS)
        self.scene.code = ""
        return min(self._looks(began), LOOKS) if number in self._machine.look() else LOOKS

    def rest(self) -> None:
        """Nobody comes for a while, so that the camera gets used to the hall."""
        began = self.camera.frames
        self._wait(lambda: self._looks(began) >= RESTS)

    def _looks(self, began: int) -> int:
        return self.camera.frames - began

    def _wait(self, ready: Callable[[], bool]) -> None:
        until(ready, LONG_S, "frames", every_s=0.05)


@pytest.fixture(scope="module")
def running(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaneMachine]:
    """The machine, with places for two cameras."""
    folder = tmp_path_factory.mktemp("camera")
    with closing(LaneMachine(image, folder, SEED)) as machine:
        machine.on(*UsbDevice.options(folder / FRONT), *UsbDevice.options(folder / OTHER))
        yield machine


@pytest.fixture(scope="module")
def technician(running: LaneMachine) -> Technician:
    """Who has root's shell of it."""
    technician = Technician(running)
    technician.run(f"cat > /root/tell.py << 'END'{TELL}END")
    return technician


@pytest.fixture(scope="module")
def front(running: LaneMachine) -> Held:
    """What the lane's camera sees."""
    return Held(running, FRONT, "Front camera", "C21")


def tell(technician: Technician, *controls: int) -> str:
    """Tell the driver controls and their values, beside the lane; what it says to that."""
    words = " ".join(map(str, controls))
    return technician.run(f"python3 /root/tell.py {NAME} {words}", is_well=False)


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
    """``camera.exposure`` as a number: the camera's control has it until it is told another."""
    technician.tell_the_lane("GATE_CAMERA_EXPOSURE=77")
    running.screen.wait_for(IS_ON)
    controls = front.camera.controls
    assert (controls[Control.AUTO_EXPOSURE], controls[Control.EXPOSURE]) == (BY_HAND, 77)
    assert front.lets_in(6)
    assert "Error" not in tell(technician, AUTO_EXPOSURE, BY_ITSELF)
    assert controls[Control.AUTO_EXPOSURE] == BY_APERTURE


def test_a_lens_out_of_focus_reads_nobody_until_it_is_told_another(
    technician: Technician, front: Held
) -> None:
    """By V4L2, beside the lane that streams; while the camera focuses by itself it takes no orders.

    So what is tried here of controls is tried on a picture that obeys them.
    """
    assert "Permission denied" in tell(technician, FOCUS, 900)
    assert "Error" not in tell(technician, AUTO_FOCUS, 0, FOCUS, 900)
    assert not front.lets_in(10)
    tell(technician, FOCUS, front.scene.distance_mm)
    assert front.lets_in(10)
    tell(technician, AUTO_FOCUS, 1)


def test_a_phone_in_a_dark_hall_is_read_as_its_light_is_followed(
    running: LaneMachine,
    technician: Technician,
    front: Held,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``camera.exposure = "follow"`` by ``uvcvideo``, and the camera's own way back at the end.

    Mutation: where the camera exposes by itself nobody is read in the darkest one.
    """
    front.scene.screen = 1.0
    controls = front.camera.controls
    numbers = iter(range(20, 100))
    firsts: dict[tuple[str, float], list[int]] = {}
    for way in ("auto", "follow"):
        technician.tell_the_lane(f"GATE_CAMERA_EXPOSURE={way}")
        running.screen.wait_for(IS_ON)
        for hall in HALLS:
            front.scene.hall = hall
            for _guest in range(GUESTS):
                front.rest()
                firsts.setdefault((way, hall), []).append(front.lets_in_after(next(numbers)))
            with capsys.disabled():
                print(f" [{way}, {hall}: {firsts[way, hall]}] ", end="", flush=True)
    assert firsts["auto", DARK] == [LOOKS] * GUESTS
    followed = [first for (way, _hall), some in firsts.items() if way == "follow" for first in some]
    assert max(followed) < LOOKS
    until(lambda: controls[Control.AUTO_EXPOSURE] == BY_APERTURE, LONG_S, "its own way")
