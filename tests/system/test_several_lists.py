"""A gate with several lists, as programs: enrolled by one link, kept up to date, forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.storage.enrolment_link import JOINED, link_to
from gate.storage.folder import Folder, is_locked
from gate.storage.gate_lists import gate_lists, place_of
from gate.storage.tickets import Tickets
from tests.support.programs import Program, run
from tests.system.network import EVENT, Server, until

TENT = "tent"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with the events ``default`` and ``tent``, of three and of two tickets."""
    running = Server(tmp_path / "server")
    running.admin("POST", "/events", {"id": TENT, "name": "Tent", "time_zone": "UTC"})
    for event, count in ((EVENT, 3), (TENT, 2)):
        issue(running, event, range(count))
    yield running
    running.close()


def issue(server: Server, event: str, numbers: range) -> None:
    """Tickets of an event with these numbers."""
    rows = [{"code": f"{event}-{n}", "type": "A", "id": f"{event}-{n}"} for n in numbers]
    types = [{"id": "A", "kind": "meeting", "title": "Gala"}]
    server.admin("POST", f"/events/{event}/tickets", {"types": types})
    server.admin("POST", f"/events/{event}/tickets", {"tickets": rows})


def token(server: Server, event: str) -> str:
    """What a link enrols with."""
    return str(server.admin("POST", f"/events/{event}/tokens", {"name": "North"})["token"])


def count(folder: Folder) -> int:
    """How many tickets a list has here."""
    tickets = Tickets(folder)
    try:
        tickets.refresh()
        return sum(one.tickets for one in tickets.census())
    finally:
        tickets.close()


def test_one_link_enrols_for_several_lists(server: Server, tmp_path: Path) -> None:
    """Each in a folder of its own; a service keeps them all up to date; a wipe forgets them all."""
    base, file = Folder(tmp_path / "gate"), tmp_path / "link"
    at = ("--data-dir", str(base.path))
    good, used = token(server, TENT), token(server, EVENT)
    file.write_text(link_to(server.url, JOINED.join((used, "A" * 26, good)), ""))
    done = run("enrol", *at, "--link-file", str(file), timeout=60)
    assert done.returncode != 0, "one of its tokens is nobody's"
    assert [one.event for one in gate_lists(base)] == [EVENT, TENT]
    assert len({one.folder.device_id() for one in gate_lists(base)}) == 2
    assert [count(one.folder) for one in gate_lists(base)] == [3, 2]
    tent = place_of(base, TENT)
    worker = Program("sync", *at, "--set", "sync.poll_s=0.2")
    try:
        until(lambda: all(is_locked(one.folder, "sync") for one in gate_lists(base)))
        issue(server, TENT, range(2, 7))
        until(lambda: count(tent) == 7)
    finally:
        worker.terminate()
        worker.wait(20)
    until(lambda: not any(is_locked(one.folder, "sync") for one in gate_lists(base)))
    told = run("report", *at, "--format", "json", timeout=60)
    assert "list: default" in told.stderr
    assert "list:" not in told.stdout
    assert run("wipe", *at, "--yes", timeout=60).returncode == 0
    assert gate_lists(base) == ()
    assert not list(base.path.glob("**/tickets-*.db"))
