"""Two people state settings at a venue's host at once, and neither change is lost."""

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from gate.core.event_settings import EventSettings
from gate.settings import patched
from gate.storage import venue_host
from gate.storage.folder import Folder, Lock


@pytest.fixture
def host(tmp_path: Path) -> Folder:
    """A gate where a venue was begun."""
    folder = Folder(tmp_path / "host")
    venue_host.create(folder, "Winter Gala", "North", "Europe/Berlin")
    return folder


def state_both(host: Folder, within_s: float = 0.5) -> EventSettings:
    """One person's change takes its time; the other's begins meanwhile, if it can."""
    first_is_at_it, second_has_begun = threading.Event(), threading.Event()

    def slowly(before: EventSettings) -> EventSettings:
        first_is_at_it.set()
        second_has_begun.wait(within_s)  # with a lock it has not, however long is waited
        return patched(before, {"rules": {"early_minutes": 7}})

    def at_once(before: EventSettings) -> EventSettings:
        second_has_begun.set()
        return patched(before, {"rules": {"late_minutes": 9}})

    first = threading.Thread(target=venue_host.change_settings, args=(host, slowly))
    first.start()
    first_is_at_it.wait(10)
    venue_host.change_settings(host, at_once)
    first.join()
    return venue_host.venue_event(host).settings


def test_both_changes_are_there(host: Folder) -> None:
    """The second waits for the first and starts from it; so do the event's other facts."""
    assert state_both(host).rules == {"early_minutes": 7, "late_minutes": 9}
    venue_host.set_end(host, 4_000_000_000, None)
    after = venue_host.set_end(host, None, 3)
    assert (after.ends_s, after.keep_days) == (4_000_000_000, 3)
    assert after.settings.rules == {"early_minutes": 7, "late_minutes": 9}


def test_without_the_lock_one_is_lost(host: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation beside the test above."""
    lock = Lock

    def open_to_all(folder: Folder, name: str = "gate", wait_s: float = 0.0) -> object:
        if name == "settings":
            return SimpleNamespace(close=lambda: None)
        return lock(folder, name, wait_s or 5.0)

    monkeypatch.setattr("gate.storage.venue_host.Lock", open_to_all)
    assert len(state_both(host, 30).rules) == 1
