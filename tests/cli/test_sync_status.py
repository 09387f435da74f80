"""``gate sync status``: what it says when a worker is at work, has died, or never was."""

import re
from contextlib import closing
from types import SimpleNamespace
from typing import cast

import pytest

from gate.cli.sync_report import as_text, status
from gate.clock import SystemClock
from gate.core.signed_tip import Rejected
from gate.errors import DamagedError
from gate.storage import sync_status
from gate.storage.enrolment import Enrolment, save
from gate.storage.folder import Folder, Lock
from gate.storage.peer_store import PeerStore
from gate.storage.sync_status import DeviceStatus, SyncStatus
from sync.transport.http_client import ServerClient
from sync.worker.server_link import ServerLink
from sync.worker.worker import Worker
from tests.support.central import Maker
from tests.support.venue import NOW_MS


@pytest.fixture
def enrolled(venue: Folder) -> Folder:
    """A device with tickets and a server, on which no worker is at work."""
    save(venue, Enrolment("http://127.0.0.1:1", "c", "show"))
    return venue


def text(folder: Folder) -> list[str]:
    """The lines for people."""
    return as_text(status(folder)).splitlines()


def line(folder: Folder, name: str) -> str:
    (found,) = [one for one in text(folder) if one.startswith(name)]
    return found.removeprefix(name).strip()


def say(folder: Folder, **what: object) -> None:
    """Say something as the worker of this boot would."""
    now = SystemClock().read()
    with closing(PeerStore(folder)) as peer_store:
        what["store"] = peer_store.file.store
    told = SyncStatus(boot_id=now.boot_id, boot_ms=now.boot_ms, server="http://127.0.0.1:1", **what)  # type: ignore[arg-type]
    sync_status.write(folder, told)


def test_what_a_verdict_is_worth_is_said(enrolled: Folder) -> None:
    """As the lane itself would say it: by whom it has heard in the time that counts."""
    assert status(enrolled)["basis"] == "alone"
    now_ms = SystemClock().read().boot_ms
    north = DeviceStatus(
        "1" * 16, "North", active=True, central_boot_ms=now_ms, central_held_boot_ms=now_ms
    )
    before_ms = now_ms - 20_000
    south = DeviceStatus("2" * 16, "So\x1buth", active=True, central_held_boot_ms=before_ms)
    say(enrolled, server_boot_ms=now_ms, lanes=(north,))
    assert (status(enrolled)["basis"], status(enrolled)["unheard"]) == ("central", [])
    assert re.fullmatch(r"sure: server, \d\.\d s", line(enrolled, "verdicts"))
    say(enrolled, server_boot_ms=now_ms, lanes=(north, south))
    assert (status(enrolled)["basis"], status(enrolled)["unheard"]) == ("alone", ["So\x1buth"])
    assert line(enrolled, "verdicts").startswith("alone · not heard: So")
    assert "\x1b" not in line(enrolled, "verdicts")
    # What the configuration says is heard within counts.
    assert status(enrolled, 60.0)["basis"] == "central"


def test_after_a_boot_the_tickets_still_have_an_age(enrolled: Folder) -> None:
    """Nothing was heard in this boot, but they say themselves as of when they are."""
    told = status(enrolled)
    assert told["tickets_complete_s_ago"] is None
    assert 0 <= told["tickets_as_of_s_ago"] < 3600
    assert line(enrolled, "tickets complete").endswith("ago")
    say(enrolled, tickets_boot_ms=SystemClock().read().boot_ms - 7_200_000)
    assert line(enrolled, "tickets complete") == "2 h ago"


def test_without_tickets_their_age_is_not_known(folder: Folder) -> None:
    """An enrolled device whose first fetch failed."""
    folder.create()
    save(folder, Enrolment("http://127.0.0.1:1", "c", "show"))
    assert status(folder)["tickets_as_of_s_ago"] is None
    assert line(folder, "tickets complete") == "not in this boot"


def test_what_is_quarantined_is_counted_after_a_boot_too(enrolled: Folder) -> None:
    """It is in the files, whether or not a worker has said so since."""
    peer_store = PeerStore(enrolled)
    peer_store.quarantine.put([Rejected("", 0, "no", "ab" * 32)], NOW_MS)
    peer_store.close()
    assert status(enrolled)["quarantined"] == 1
    assert line(enrolled, "quarantined") == "1"
    # While one is at work, what it says counts: the files are its.
    say(enrolled, quarantined=3)
    lock = Lock(enrolled, "sync")
    assert status(enrolled)["quarantined"] == 3
    lock.close()
    assert status(enrolled)["quarantined"] == 1


def test_an_alarm_outlives_a_boot(enrolled: Folder) -> None:
    """Others hold what this journal lacks: true for as long as the event lasts."""
    maker = Maker(enrolled.device_id())
    body = maker.make(ticket="t1")
    peer_store = PeerStore(enrolled)
    peer_store.intake.accept([body], None, [maker.head()], lambda _head: True)
    assert peer_store.entries.pulled_back()
    peer_store.close()
    assert status(enrolled)["alarms"] == [enrolled.device_id()]
    assert line(enrolled, "ALARM") == enrolled.device_id()


@pytest.mark.parametrize("how", ["once", "run"])
def test_whatever_ends_a_run_is_its_last_error(
    enrolled: Folder, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Not only the server's faults: a damaged file too, and where nothing else can be told."""
    client = cast("ServerClient", SimpleNamespace())
    worker = Worker(enrolled, Enrolment("http://x", "c", "e"), client, SystemClock())

    def compare(_self: ServerLink) -> None:
        raise DamagedError("tickets-x.db is damaged")

    monkeypatch.setattr(ServerLink, "compare", compare)
    with pytest.raises(DamagedError):
        getattr(worker, how)()
    assert status(enrolled)["last_error"] == "tickets-x.db is damaged"
    enrolled.sync_status.unlink()

    def alarms(_self: PeerStore) -> None:
        raise DamagedError("peers.db is damaged")

    with monkeypatch.context() as broken:
        broken.setattr(PeerStore, "alarms", alarms)
        with pytest.raises(DamagedError):
            worker.once()
    assert status(enrolled)["last_error"] == "tickets-x.db is damaged"
    worker.close()


def test_a_worker_that_begins_just_now_is_no_fault(
    enrolled: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the files between the question who has them and the look into them."""
    monkeypatch.setattr("gate.cli.sync_report.is_locked", lambda _folder, _name: False)
    PeerStore(enrolled).close()
    say(enrolled, unacked=4)
    lock = Lock(enrolled, "sync")
    assert status(enrolled)["unacked"] == 4
    lock.close()
