"""The screen says what the lane goes by when it starts, and follows what the event states."""

from textual.widgets import Static

from gate.config import load
from gate.core.event_settings import EventSettings
from gate.settings import GateSettings, settings_of
from gate.storage.folder import Folder
from tests.support.screen import Screen, running
from tests.support.venue import FixedClock
from tests.system.neighbours import enrol

OWN = load(environment={}, settings=["gate.direction=out"])


def stated(**of_event: object) -> GateSettings:
    profile = {"direction": "in", "entrance": "West"}
    return settings_of(OWN, EventSettings(of_event, profiles={"North": profile}), "d", "North")


def toasts(screen: Screen) -> str:
    return "\n".join(f"{toast.title} {toast.message}" for toast in screen.app._notifications)


async def test_what_a_machine_overrides_is_said_at_the_start(
    venue: Folder, clock: FixedClock
) -> None:
    """With the profile's name."""
    async with running(venue, clock) as screen:
        screen.app.go_by(stated())
        await screen.until(lambda: "profile: North" in toasts(screen))
        assert "overrides the profile: gate.direction" in toasts(screen)
        assert "have changed" not in toasts(screen)


async def test_a_change_is_said_and_gone_by(venue: Folder, clock: FixedClock) -> None:
    """Names that the event no longer wants shown are gone from the next verdict on."""
    async with running(venue, clock) as screen:
        screen.app.go_by(stated())
        screen.app.go_by(stated(show_names=False))
        await screen.until(lambda: "settings have changed" in toasts(screen))
        assert not screen.app.config.screen.show_names


async def test_f3_names_what_is_overridden(venue: Folder, clock: FixedClock) -> None:
    """At the device itself."""
    enrol(venue)
    async with running(venue, clock) as screen:
        screen.app.go_by(stated())
        await screen.press("f3", "2")
        device = screen.app.screen.query_one("#device Static", Static)
        await screen.until(lambda: "gate.direction" in str(device.content))


async def test_a_gate_that_was_told_no_place_warns(venue: Folder, clock: FixedClock) -> None:
    """Once, where staff see it."""
    async with running(venue, clock) as screen:
        screen.app.warn("nobody has said where this gate is")
        await screen.until(lambda: "nobody has said" in toasts(screen))
