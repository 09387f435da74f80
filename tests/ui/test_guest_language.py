"""A screen that faces the guest speaks the language of the ticket."""

import pytest

from gate.i18n import _, speaking_to_guest, spoken_for
from gate.storage.folder import Folder
from gate.text.guest_words import guest_words
from tests.support.screen import running
from tests.support.venue import FixedClock, fill


@pytest.fixture
def venue(venue: Folder) -> Folder:
    rows = [("ZH1", "zh-hans"), ("ZH2", "zh-hans"), ("HU1", "hu-informal"), ("DE1", "de-informal")]
    fill(venue, [{"code": c, "id": c, "type": "SHOW", "language": tag} for c, tag in rows])
    return venue


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-hans", "zh_CN"), ("zh_CN", "zh_CN"), ("zh", "zh_CN"), ("zh-hant", ""), ("zh-TW", ""),
        ("en", "en"), ("en-GB", "en"), ("de-informal", "de"), ("hu", ""), ("", ""), ("zz-top", ""),
    ],
)  # fmt: skip
def test_which_words_there_are_for_a_tag(tag: str, language: str) -> None:
    """However it is written; Chinese in other characters is another language to read."""
    assert spoken_for(tag) == language


def test_without_words_the_gates_language_stays() -> None:
    """And after a guest the operator's comes back."""
    with speaking_to_guest("zh-hans"):
        assert _("Good ticket") != "Good ticket"
        with speaking_to_guest("hu"):
            assert _("Good ticket") != "Good ticket"
    assert _("Good ticket") == "Good ticket"


async def test_the_verdict_is_told_to_the_guest(venue: Folder, clock: FixedClock) -> None:
    """The panel in the ticket's language, a ticket without one in the gate's."""
    async with running(venue, clock, "screen.faces_guest=true") as screen:
        with speaking_to_guest("zh-hans"):
            good = _("Good ticket")
        screen.scan("ZH1")
        await screen.settle()
        assert good in screen.text
        screen.scan("DE1")
        await screen.settle()
        assert "Gültiges Ticket" in screen.text
        for code in ("HU1", "GOOD001"):
            screen.scan(code)
            await screen.settle()
            assert "Good ticket" in screen.text


async def test_a_screen_that_faces_staff_speaks_theirs(venue: Folder, clock: FixedClock) -> None:
    """Unless it is said otherwise."""
    async with running(venue, clock) as screen:
        screen.scan("ZH2")
        await screen.settle()
        assert "Good ticket" in screen.text


async def test_a_kiosk_speaks_to_the_guest(venue: Folder, clock: FixedClock) -> None:
    """Locked it faces guests, whatever else is set; what is to be done first is in the gate's."""
    async with running(venue, clock, "screen.kiosk=true") as screen:
        verdict = screen.scan("ZH1")
        await screen.settle()
        with speaking_to_guest("zh-hans"):
            expected = guest_words(verdict)
        assert expected.word != guest_words(verdict).word
        assert screen.panel._words == expected
