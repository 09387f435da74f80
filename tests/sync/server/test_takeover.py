"""A server that joins later: a venue that had none goes on at it, and nothing is lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate.cli.enrol_device import enrol_device
from gate.cli.main import main
from gate.core.outcome import Basis, Outcome, Reason
from gate.core.ticket import Status
from gate.errors import UsageError
from tests.system.lan import Member, Venue
from tests.system.network import EVENT, Server, until


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    """A host and two gates, none at work yet."""
    made = Venue(tmp_path, 3)
    yield made
    made.close()


def serve(folder: Path, *arguments: str) -> int:
    """``gate serve``, for what it does and ends."""
    return main(["serve", "--server-dir", str(folder), *arguments])


def journal_of(member: Member) -> set[tuple[str, int]]:
    return {(entry.origin, entry.seq) for entry in member.entries()}


def join(member: Member, server: Server) -> None:
    """Close the lane, enrol with the server, go on."""
    member.close()
    enrol_device(member.folder, server.link(member.name), again=True)
    member.lane()
    member.start()


@pytest.mark.timeout(180)
@pytest.mark.long
def test_a_server_that_joins_later_receives_everything(
    venue: Venue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the host alone: also what a gate did that is no more, and what others do from then on.

    The gates stay members of one venue, whoever of them has enrolled; tickets that were used stay
    used; and what the server says reaches the gate that hears only other gates.
    """
    host, second, lost = venue.gates
    venue.start()
    for n, member in enumerate(venue.gates):
        assert member.scan(f"C00000{n}").outcome is Outcome.ADMIT
    lost.close()
    done = journal_of(lost)
    venue.gates.remove(lost)
    until(lambda: second.held() == len(done) + len(journal_of(host)))
    until(lambda: host.held() == len(done) + len(journal_of(second)))
    gone = lost.device
    shutil.rmtree(lost.folder.path)

    assert serve(tmp_path / "server", "--take-over", str(host.folder.path)) == 0
    assert "220 tickets and 3 gates taken over" in capsys.readouterr().out
    server = Server(tmp_path / "server")
    try:
        with pytest.raises(UsageError, match="at work"):
            enrol_device(host.folder, server.link("G0"), again=True)
        join(host, server)

        def has_all() -> bool:
            held = {(origin, seq) for origin, seq, _hash in server.entries()}
            return held == done | journal_of(host) | journal_of(second)

        until(has_all)
        assert second.scan("C000009").outcome is Outcome.ADMIT
        until(has_all)
        venue.wait_connected()
        server.admin("POST", f"/events/{EVENT}/tickets", {"voids": [{"id": "t8", "note": "no"}]})
        until(lambda: second.status_of("t8") is Status.REVOKED)
        assert second.scan("C000008").reason is Reason.REVOKED
        for member in (host, second):
            assert [member.scan(f"C00000{n}").reason for n in (0, 1, 2, 9)] == (
                [Reason.ALREADY_USED] * 4
            )
        server.admin("POST", f"/events/{EVENT}/devices/{gone}/retire")
        join(second, server)
        venue.wait_connected()
        until(lambda: second.lane().connectivity().coverage.basis is Basis.CENTRAL)
        until(has_all)
    finally:
        server.close()


def test_only_a_host_and_into_a_new_event(
    venue: Venue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is mixed up: one line that says why, and nothing was written."""
    host, second, _third = (str(member.folder.path) for member in venue.gates)
    folder = tmp_path / "server"
    for path, event, code, complaint in (
        (second, "gala", 2, "no venue"), (host, "gala", 0, ""),
        (host, "gala", 2, "has gates or tickets already"), (host, "other", 2, "another event"),
    ):  # fmt: skip
        assert serve(folder, "--take-over", path, "--event", event) == code
        assert complaint in capsys.readouterr().err
    assert serve(folder, "--devices", "--event", "other") == 2
    assert capsys.readouterr().out == ""
    assert serve(folder, "--devices", "--event", "gala") == 0
    assert capsys.readouterr().out.count("enrolled") == 3
