"""A journal by USB stick: whole or not at all, and believed like one that came over a wire."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gate.cli.main import main
from gate.core import entry_codec
from gate.core.limits import HEAD_EVERY
from gate.core.outcome import Reason
from gate.core.signed_tip import SignedTip
from gate.core.verdict import Scan
from gate.errors import ImportFault, UsageError
from gate.lane.lane import Lane
from gate.storage import bundle_import, extent
from gate.storage.bundle import write_bundle
from gate.storage.bundle_import import check, import_bundle, take_waiting
from gate.storage.device_key import DeviceKey
from gate.storage.extent import MARK_EVERY
from gate.storage.folder import Folder, Lock
from gate.storage.peer_store import PeerStore
from gate.storage.sqlite import open_reader
from tests.support.venue import FixedClock
from tests.system.neighbours import bodies, enrol, neighbour


@pytest.fixture
def south(tmp_path: Path, clock: FixedClock) -> Iterator[Lane]:
    """A lane at the south gate that has let three people in."""
    with neighbour(tmp_path / "south", clock) as lane:
        for code in ("GOOD001", "GOOD002", "GOOD003"):
            lane.admit(Scan(code))
        yield lane


@pytest.fixture
def stick(south: Lane, tmp_path: Path) -> Path:
    """Its journal, unsigned: the device was never enrolled."""
    path = tmp_path / "south.bundle"
    write_bundle(south._folder, path, "South")
    return path


def heard(folder: Folder) -> list[bytes]:
    """What a folder has heard of others."""
    if not folder.peers.exists():
        return []
    reader = open_reader(folder.peers)
    found = [body.encode() for (body,) in reader.execute("SELECT body FROM entry ORDER BY id")]
    reader.close()
    return found


def rewritten(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> Path:
    """A file with other lines and the right last line for them: what a forger would make."""
    lines = change(path.read_bytes().splitlines()[:-1])
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode() + b"\n")
    return path


def chained(lines: list[bytes], number: int, **changes: Any) -> list[bytes]:
    """The same journal with one entry changed and every later one made to follow it."""
    header, bodies_ = json.loads(lines[0]), lines[1:]
    made: list[bytes] = []
    for n, body in enumerate(bodies_):
        entry = entry_codec.decode(body)
        if n == number:
            entry = replace(entry, **changes)
        if made:
            entry = replace(entry, prev=entry_codec.digest(made[-1]).hex())
        made.append(entry_codec.encode(entry))
    header["last_hash"] = entry_codec.digest(made[-1]).hex()
    return [json.dumps(header).encode(), *made]


def introduce(folder: Folder, device: str, key: str) -> None:
    """Let the server have told of a device."""
    enrol(folder)
    peer_store = PeerStore(folder)
    peer_store.devices.put({device: {"device": device, "name": "South", "key": key}})
    peer_store.close()


def signed(south: Lane, path: Path) -> Path:
    """The journal of an enrolled device."""
    folder = south._folder
    DeviceKey(folder)
    write_bundle(folder, path, "South")
    return path


def test_a_journal_goes_over_byte_for_byte(south: Lane, stick: Path, venue: Folder) -> None:
    """Header, entries as they are hashed, and the sum of it all; then the same at the other."""
    lines = stick.read_bytes().splitlines()
    header = json.loads(lines[0])
    assert (header["venue_gate_bundle"], header["entries"], header["gate"]) == (1, 3, "South")
    assert header["last_hash"] == hashlib.sha256(lines[-2]).hexdigest()
    assert lines[1:-1] == bodies(south._folder)
    brought = import_bundle(venue, stick)
    assert (brought.device, brought.entries, brought.new) == (south._folder.device_id(), 3, 3)
    assert heard(venue) == bodies(south._folder)


def test_what_came_by_stick_is_used_here(lane: Lane, stick: Path, venue: Folder) -> None:
    """The lane refuses what the other gate has let in."""
    assert lane.admit(Scan("GOOD001")).is_green
    import_bundle(venue, stick)
    assert lane.admit(Scan("GOOD002")).reason is Reason.ALREADY_USED


def test_importing_twice_changes_nothing(
    south: Lane, stick: Path, venue: Folder, tmp_path: Path
) -> None:
    """And a longer journal brings only what is new."""
    import_bundle(venue, stick)
    assert import_bundle(venue, stick).new == 0
    south.admit(Scan("GOOD004"))
    write_bundle(south._folder, tmp_path / "later.bundle", "South")
    assert import_bundle(venue, tmp_path / "later.bundle").new == 1
    assert import_bundle(venue, stick).new == 0
    assert heard(venue) == bodies(south._folder)


def test_nothing_is_overwritten(south: Lane, stick: Path, tmp_path: Path) -> None:
    """An older bundle stays what it was, and a failure leaves nothing lying about."""
    before = stick.read_bytes()
    with pytest.raises(UsageError):
        write_bundle(south._folder, stick, "South")
    assert stick.read_bytes() == before

    def broken(_folder: Folder, _marks: object) -> list[SignedTip]:
        raise UsageError("no", "")

    with pytest.raises(UsageError):
        write_bundle(south._folder, tmp_path / "new.bundle", "South", broken)
    assert not list(tmp_path.glob("new.bundle*"))


def test_there_is_no_bundle_without_a_journal(folder: Folder, tmp_path: Path) -> None:
    """Nothing to carry is said, not written."""
    with pytest.raises(UsageError):
        write_bundle(folder, tmp_path / "x.bundle", "North")


@pytest.mark.parametrize("keep", [0, 1, 30, 0.3, 0.5, 0.9, -66, -65, -2, -1])
def test_half_a_file_is_no_journal(stick: Path, venue: Folder, keep: float) -> None:
    """Wherever a stick was pulled out: one line, and nothing taken."""
    whole = stick.read_bytes()
    cut = int(len(whole) * keep) if isinstance(keep, float) else keep
    stick.write_bytes(whole[:cut])
    with pytest.raises(ImportFault):
        import_bundle(venue, stick)
    assert heard(venue) == []


@pytest.mark.parametrize("place", [0.0, 0.1, 0.4, 0.7, 0.95, 0.999])
def test_an_altered_byte_is_found(stick: Path, venue: Folder, place: float) -> None:
    """Anywhere in the file."""
    altered = bytearray(stick.read_bytes())
    altered[int(place * (len(altered) - 1))] ^= 1
    stick.write_bytes(bytes(altered))
    with pytest.raises(ImportFault):
        import_bundle(venue, stick)
    assert heard(venue) == []


def dropped(lines: list[bytes]) -> list[bytes]:
    """The journal without its second entry."""
    header = json.loads(lines[0]) | {"entries": 2}
    return [json.dumps(header).encode(), lines[1], lines[3]]


def renamed(lines: list[bytes]) -> list[bytes]:
    """The journal under another device's name."""
    return [json.dumps(json.loads(lines[0]) | {"device": "f" * 16}).encode(), *lines[1:]]


def newer(lines: list[bytes]) -> list[bytes]:
    """The journal of a later version of the program."""
    return [json.dumps(json.loads(lines[0]) | {"venue_gate_bundle": 2}).encode(), *lines[1:]]


def hostile(lines: list[bytes]) -> list[bytes]:
    """A device id that would leave the inbox."""
    return [json.dumps(json.loads(lines[0]) | {"device": "../../../etc/x"}).encode(), *lines[1:]]


def longer(lines: list[bytes]) -> list[bytes]:
    """More entries than the first line says."""
    return [*lines, lines[-1]]


def nonsense(lines: list[bytes]) -> list[bytes]:
    """An entry that no device can have meant."""
    return [lines[0], lines[1], b'{"origin": 7}', lines[3]]


def endless(lines: list[bytes]) -> list[bytes]:
    """An entry without an end."""
    return [lines[0], lines[1], b"x" * 100_000, lines[3]]


@pytest.mark.parametrize(
    "change",
    [dropped, renamed, newer, hostile, longer, nonsense, endless],
    ids=lambda c: c.__name__,
)
def test_what_is_no_journal_of_its_device(
    stick: Path, venue: Folder, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    """With the right sum at its end it is refused all the same, and nothing of it taken."""
    with pytest.raises(ImportFault):
        import_bundle(venue, rewritten(stick, change))
    assert heard(venue) == []
    assert not venue.inbox.exists()


def test_other_files_are_no_journals(venue: Folder, tmp_path: Path) -> None:
    """A missing file, a folder, a CSV: one line each."""
    csv = tmp_path / "tickets.bundle"
    csv.write_text("code,type\nA,B\n")
    for path in (tmp_path / "none.bundle", tmp_path, csv):
        with pytest.raises(ImportFault):
            import_bundle(venue, path)


def test_an_enrolled_device_believes_signatures_only(
    south: Lane, venue: Folder, tmp_path: Path
) -> None:
    """With the key that the server has told, every signed entry is taken."""
    path = signed(south, tmp_path / "signed.bundle")
    introduce(venue, south._folder.device_id(), DeviceKey(south._folder).public)
    assert import_bundle(venue, path).new == 3
    assert import_bundle(venue, path).new == 0
    assert heard(venue) == bodies(south._folder)


def test_an_enrolled_device_takes_no_unsigned_journal(
    south: Lane, stick: Path, venue: Folder
) -> None:
    """Neither of a device the server has not named, nor of one that did not sign."""
    enrol(venue)
    with pytest.raises(ImportFault, match="no device of this event"):
        import_bundle(venue, stick)
    introduce(venue, south._folder.device_id(), DeviceKey(south._folder).public)
    with pytest.raises(ImportFault, match="has not signed"):
        import_bundle(venue, stick)
    assert heard(venue) == []


def test_an_enrolled_device_knows_its_own_key(lane: Lane, venue: Folder, tmp_path: Path) -> None:
    """Its own lost journal comes back though the server never names it to itself."""
    lane.admit(Scan("GOOD001"))
    path = signed(lane, tmp_path / "own.bundle")
    enrol(venue)
    lane.close()
    os.unlink(venue.journal)
    assert import_bundle(venue, path).new == 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_entry_of_a_forged_journal_is_accepted(
    south: Lane, venue: Folder, tmp_path: Path, number: int
) -> None:
    """Chained and summed anew, but the device's word is on other entries."""
    path = signed(south, tmp_path / "signed.bundle")
    introduce(venue, south._folder.device_id(), DeviceKey(south._folder).public)
    rewritten(path, lambda lines: chained(lines, number, ticket="good-9"))
    with pytest.raises(ImportFault, match="has not signed"):
        import_bundle(venue, path)
    assert heard(venue) == []


def test_a_signature_of_another_device_is_none(south: Lane, venue: Folder, tmp_path: Path) -> None:
    """Whoever signs with a key of their own has no word here."""
    path = signed(south, tmp_path / "signed.bundle")
    introduce(venue, south._folder.device_id(), DeviceKey(venue).public)
    with pytest.raises(ImportFault, match="has not signed"):
        import_bundle(venue, path)
    assert heard(venue) == []


def test_a_forgery_is_believed_where_signatures_are_not_looked_at(
    south: Lane, venue: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutation of the tests before: it is the signature alone that keeps a forgery out."""
    path = signed(south, tmp_path / "signed.bundle")
    introduce(venue, south._folder.device_id(), DeviceKey(south._folder).public)

    def forge(lines: list[bytes]) -> list[bytes]:
        made = chained(lines, 1, ticket="good-9")
        header = json.loads(made[0])
        header["signed_tips"][-1]["hash"] = header["last_hash"]
        return [json.dumps(header).encode(), *made[1:]]

    rewritten(path, forge)
    with pytest.raises(ImportFault, match="has not signed"):
        import_bundle(venue, path)
    monkeypatch.setattr("gate.storage.device_key.is_good", lambda _head, _public: True)
    assert import_bundle(venue, path).new == 3


def test_a_long_journal_of_many_starts_comes_over_whole(
    venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """Signed every 250 entries and at the end of every start, so that each frame is believed."""
    assert MARK_EVERY == HEAD_EVERY
    for _start in range(3):
        with neighbour(tmp_path / "long", clock) as lane:
            for _n in range(290):
                lane.note_failed_sign_in("x")
            last = lane
    folder = last._folder
    path = signed(last, tmp_path / "long.bundle")
    introduce(venue, folder.device_id(), DeviceKey(folder).public)
    steps: list[tuple[int, int]] = []
    brought = import_bundle(venue, path, lambda done, total: steps.append((done, total)))
    assert brought.new == brought.entries == 3 * 291
    assert steps[-1] == (873, 873)
    assert len(steps) == 3
    assert heard(venue) == bodies(folder)


def test_the_running_sync_worker_takes_it_in(south: Lane, stick: Path, venue: Folder) -> None:
    """A bundle waits in the inbox, once, and the worker takes it in and clears it away."""
    lock = Lock(venue, "sync")
    assert import_bundle(venue, stick).waits
    assert import_bundle(venue, stick).waits
    assert not venue.peers.exists()
    (waiting,) = venue.inbox.iterdir()
    assert waiting.read_bytes() == stick.read_bytes()
    (venue.inbox / "odd.bundle").write_bytes(b"odd")
    peer_store = PeerStore(venue)
    found = list(take_waiting(venue, peer_store))
    assert [getattr(one, "new", None) for one in found] == [3, None]
    assert list(take_waiting(venue, peer_store)) == []
    peer_store.close()
    lock.close()
    assert [path.name for path in venue.inbox.iterdir()] == ["odd.bundle.bad"]
    assert heard(venue) == bodies(south._folder)


def test_an_own_lost_journal_comes_back(
    lane: Lane, venue: Folder, clock: FixedClock, tmp_path: Path
) -> None:
    """After a restored backup, the bundle written before it counts as this device's own past."""
    lane.admit(Scan("GOOD001"))
    path = tmp_path / "own.bundle"
    write_bundle(venue, path, "North")
    lane.close()
    os.unlink(venue.journal)
    import_bundle(venue, path)
    clock.pass_seconds(60)
    again = Lane(venue, clock, lane.place, lane.rules)
    assert again.admit(Scan("GOOD001")).reason is Reason.ALREADY_USED
    again.close()


def test_the_commands(
    south: Lane, venue: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gate log --bundle` writes, `gate import` takes in; faults are one line and exit code 1."""
    path = tmp_path / "carried.bundle"
    source = ["--data-dir", str(south._folder.path), "--set", "gate.name=S\x1bouth"]
    assert main(["log", "--bundle", str(path), *source]) == 0
    assert "3 entries written" in capsys.readouterr().out
    assert main(["log", "--bundle", str(path), *source]) == 2
    target = ["--data-dir", str(venue.path)]
    assert main(["import", str(path), *target]) == 0
    told = capsys.readouterr().out
    assert "3 entries of S\\x1bouth" in told
    assert "3 of them new" in told
    path.write_bytes(path.read_bytes()[:-5])
    assert main(["import", str(path), *target]) == 1
    fault = capsys.readouterr().err
    assert "carried.bundle: it is not whole, or was altered" in fault
    assert "Traceback" not in fault
    assert main(["import", str(path), "tickets.csv", *target]) == 2
    lock = Lock(venue, "sync")
    write_bundle(south._folder, tmp_path / "two.bundle", "South")
    assert main(["import", str(tmp_path / "two.bundle"), *target]) == 0
    assert "wait in the inbox" in capsys.readouterr().out
    lock.close()


def test_what_is_written_while_the_lane_goes_on(
    south: Lane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line stays true: a bundle holds what there was when it was begun."""
    monkeypatch.setattr(extent, "PAGE", 1)

    def scan_on(_folder: Folder, _marks: object) -> list[SignedTip]:
        south.admit(Scan("GOOD009"))
        return []

    path = tmp_path / "running.bundle"
    assert write_bundle(south._folder, path, "South", scan_on) == 3
    assert check(path).entries == 3


def test_a_header_has_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first line that never ends is not read to its end."""
    monkeypatch.setattr(bundle_import, "MAX_HEADER", 100)
    path = tmp_path / "endless.bundle"
    path.write_bytes(b" " * 10_000 + b"{}\n")
    with pytest.raises(ImportFault):
        check(path)
