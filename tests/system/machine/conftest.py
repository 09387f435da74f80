"""The image that every machine starts from, and a machine."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.machine.asked_for import SEED
from tests.system.machine.image import Image, NoImage, make_image, missing
from tests.system.machine.lane_machine import LaneMachine


@pytest.fixture(scope="session")
def image() -> Image:
    """Debian with the program, from the cache where it is there."""
    if lacking := missing():
        pytest.skip(f"a machine is made of {lacking}")
    began = time.monotonic()
    try:
        made = make_image()
    except NoImage as error:
        pytest.skip(f"no machine could be made: {error}")
    print(f" [the image: {time.monotonic() - began:.0f} s] ", end="", flush=True)
    return made


@pytest.fixture
def machine(image: Image, tmp_path: Path) -> Iterator[LaneMachine]:
    """One that is off."""
    with closing(LaneMachine(image, tmp_path, SEED)) as machine:
        yield machine
