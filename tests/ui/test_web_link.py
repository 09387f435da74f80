"""A supervisor shows a link for a browser on the lane's screen: a phone reads it off."""

import cv2
import numpy as np
import pytest
from textual.widgets import Static

from gate.capture.decode import Decoder
from gate.core import web_link
from gate.storage.enrolment import Enrolment, save
from gate.storage.folder import Folder
from gate.ui.tui.screens.questions import PinQuestion
from gate.ui.tui.screens.web_link import WebLinkScreen
from tests.support.screen import BOSS, BOSS_PIN, KIM, KIM_PIN, running, with_operators
from tests.support.venue import FixedClock

SERVER = "https://192.168.100.20:8470"


async def test_a_supervisor_shows_a_link(venue: Folder, clock: FixedClock) -> None:
    """Staff do not; the code on the screen is the link, signed by this device."""
    with_operators(venue)
    save(venue, Enrolment(SERVER, "secret", "show"))
    async with running(venue, clock, size=(120, 50)) as screen:
        await screen.press("f3", "w")
        await screen.answer(KIM, KIM_PIN)
        assert isinstance(screen.app.screen, PinQuestion)
        await screen.press("escape", "w")
        await screen.answer(BOSS, BOSS_PIN)
        await screen.until(lambda: isinstance(screen.app.screen, WebLinkScreen))
        page = screen.app.screen
        shown = str(page.query_one("#web-link", Static).content)
        link = web_link.parse(shown.removeprefix(f"{SERVER}/web/link/"))
        assert link is not None
        assert (link.device, link.name) == (venue.device_id(), BOSS)
        assert read(str(page.query_one("#web-link-code", Static).content)) == shown


def read(code: str) -> str:
    """What a camera reads of half blocks."""
    rows: list[list[int]] = []
    for line in code.splitlines():
        rows.append([0 if c in "▀█" else 255 for c in line])
        rows.append([0 if c in "▄█" else 255 for c in line])
    width = max(len(row) for row in rows)
    pixels = np.array([row + [255] * (width - len(row)) for row in rows], np.uint8)
    large = cv2.resize(pixels, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
    (found,) = Decoder(("QRCode",)).read_fully(
        np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), np.uint8)
    )
    return found.text


@pytest.mark.examples(1)
@pytest.mark.parametrize("size", [(80, 24), (50, 45)])
async def test_a_small_window_says_how_large_it_has_to_be(
    venue: Folder, clock: FixedClock, size: tuple[int, int]
) -> None:
    """And has the link itself; nothing is cut."""
    save(venue, Enrolment(SERVER, "secret", "show"))
    async with running(venue, clock, size=size) as screen:
        await screen.press("f3", "w")
        await screen.until(lambda: isinstance(screen.app.screen, WebLinkScreen))
        assert "--png" in str(screen.app.screen.query_one("#web-link-code", Static).content)


async def test_a_gate_without_a_server_says_where_links_are(
    venue: Folder, clock: FixedClock
) -> None:
    """Nothing else happens."""
    async with running(venue, clock) as screen:
        await screen.press("f3", "w")
        await screen.settle()
        assert not isinstance(screen.app.screen, WebLinkScreen)
