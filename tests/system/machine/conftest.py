"""The image that every machine starts from."""

import time

import pytest

from tests.system.machine.image import Image, NoImage, make_image, missing


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
