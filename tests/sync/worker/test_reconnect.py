"""Gates and server as processes: killed, cut off, delayed, doubled; in the end nothing is lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import segno

from gate.core.limits import MAX_ENTRIES
from gate.core.outcome import Basis, Outcome, Reason
from gate.core.signed_tip import Rejected
from gate.core.verdict import Scan
from gate.storage.enrolment_link import SCHEME, link_to
from gate.storage.folder import Folder
from gate.storage.peer_store import PeerStore
from gate.storage.replica_file import live_replica
from tests.support.programs import Program, run
from tests.support.terminal import Terminal
from tests.system.network import EVENT, Device, Server, until
from tests.system.proxy import Proxy, Weather

# The proxy's transports are cut where they stand, as a bad network does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BACKLOG = int(os.environ.get("GATE_TEST_BACKLOG", "600"))
MakeDevice = Callable[..., Device]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    server.issue(100)
    yield server
    server.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def make_device(tmp_path: Path, server: Server) -> Iterator[MakeDevice]:
    made: list[Device] = []

    def make(name: str, url: str = "") -> Device:
        made.append(Device(tmp_path / name, server, name, url))
        return made[-1]

    yield make
    for device in made:
        device.close()


def scan(device: Device, code: str) -> Outcome:
    assert device.lane is not None
    return device.lane.admit(Scan(code, source="keyboard", deliberate=True)).outcome


def all_told(server: Server, *devices: Device) -> bool:
    held = server.entries()
    assert len(held) == len(set(held)), "an entry is there twice"
    return all(device.own() <= set(held) for device in devices)


@pytest.mark.timeout(120)
def test_what_one_gate_admits_the_other_refuses(server: Server, make_device: MakeDevice) -> None:
    """Snapshot, stream, receipts, coverage: two gates and a server, all in a few seconds."""
    north, south = make_device("north"), make_device("south")
    for device in (north, south):
        assert device.once().returncode == 0
        device.open()
        device.start()
    until(lambda: all_told(server, north, south))
    assert scan(north, "C000001") is Outcome.ADMIT
    until(lambda: north.own() <= south.heard())
    assert south.lane is not None
    verdict = south.lane.admit(Scan("C000001"))
    assert (verdict.outcome, verdict.reason) == (Outcome.REFUSE, Reason.ALREADY_USED)
    until(lambda: scan_basis(south) is Basis.CENTRAL)
    until(lambda: south.status()["link"] == "stream")
    until(lambda: south.status()["unacked"] == 0)
    told = south.status()
    assert told["server_error_ms"] is not None
    assert [other["name"] for other in told["others"]] == ["north"]


def scan_basis(device: Device) -> Basis:
    assert device.lane is not None
    return device.lane.admit(Scan("C000002", deliberate=True)).basis


@pytest.mark.timeout(120)
def test_new_and_void_tickets_come_by_the_feed(server: Server, make_device: MakeDevice) -> None:
    """Sold at the door and refunded at the office: both at the gate without a new snapshot."""
    gate = make_device("gate")
    assert gate.once().returncode == 0
    replica = live_replica(gate.folder)
    gate.open()
    gate.start()
    server.issue(1, first=5000)
    server.admin("POST", f"/events/{EVENT}/tickets", {"voids": [{"id": "t3", "note": "refund"}]})
    until(lambda: scan(gate, "C005000") is Outcome.ADMIT)
    until(lambda: scan(gate, "C000003") is Outcome.REFUSE)
    assert live_replica(gate.folder) == replica


@pytest.mark.timeout(400)
@pytest.mark.long
def test_killed_in_mid_push_nothing_is_lost_or_doubled(
    server: Server, proxy: Proxy, make_device: MakeDevice
) -> None:
    """Worker and server die by turns when some of a backlog is told, and some is not.

    A worker that has lost its server goes on by itself when that is back.
    """
    gate = make_device("gate", proxy.url)
    assert gate.once().returncode == 0
    gate.open()

    def has_grown(before: int) -> bool:
        return len(server.entries()) > before

    for turn in range(4):
        for n in range(max(BACKLOG // 4, MAX_ENTRIES + 100)):
            scan(gate, f"C{n % 100:06d}")
        # One message does not hold it all, and the next does not come before this one's answer.
        proxy.change(lambda weather: setattr(weather, "delay_s", 0.3))
        before = len(server.entries())
        gate.start()
        until(partial(has_grown, before))
        proxy.change(lambda weather: setattr(weather, "is_half_open", True))
        assert not all_told(server, gate), "everything was told before the kill"
        if turn % 2:
            server.kill()
            proxy.up()
            server.start()
            until(lambda: all_told(server, gate), 120)
            until(lambda: gate.status()["unacked"] == 0)
        gate.kill()
        proxy.up()


@pytest.mark.timeout(300)
@pytest.mark.long
def test_bad_weather_loses_nothing(server: Server, proxy: Proxy, make_device: MakeDevice) -> None:
    """Cut answers, doubled requests, delay, half-open connections, and scanning all the while."""
    gate = make_device("gate", proxy.url)
    assert gate.once().returncode == 0
    gate.open()
    gate.start()
    until(lambda: all_told(server, gate))
    weathers = [
        ("cut_after", 300), ("twice", True), ("delay_s", 0.05), ("is_half_open", True),
        ("is_down", True),
    ]  # fmt: skip

    def set_in(weather: Weather, what: str, value: float) -> None:
        setattr(weather, what, value)

    def has_connected(times: int) -> bool:
        return proxy.connections > times

    for n, (what, value) in enumerate(weathers):
        proxy.change(partial(set_in, what=what, value=value))
        asked = proxy.connections
        for i in range(20):
            scan(gate, f"C{(n * 20 + i) % 100:06d}")
        # Long enough in it that it has met some of what was said.
        with suppress(AssertionError):
            until(partial(has_connected, asked + 2), 0.7)
        proxy.down()
        proxy.up()
    until(lambda: all_told(server, gate), 90)


@pytest.mark.timeout(300)
def test_an_evening_without_a_network(
    server: Server, proxy: Proxy, make_device: MakeDevice, capsys: pytest.CaptureFixture[str]
) -> None:
    """Down from the start, rebooted twice, then back: every entry arrives, in one go."""
    gate = make_device("gate", proxy.url)
    assert gate.once().returncode == 0
    proxy.down()
    for _boot in range(3):
        gate.open()
        gate.start()
        for n in range(BACKLOG // 3):
            scan(gate, f"C{n % 100:06d}")
        gate.shut()
        gate.kill()
    gate.open()
    gate.start()
    # Until the worker that was just started has counted, the status is the killed one's.
    until(lambda: gate.status()["unacked"] >= BACKLOG)
    until(lambda: bool(gate.status()["last_error"]))
    proxy.up()
    took_s = until(lambda: all_told(server, gate), 200)
    until(lambda: gate.status()["unacked"] == 0)
    with capsys.disabled():
        print(f" [{len(gate.own())} entries told in {took_s:.1f} s] ", end="")
    assert scan(gate, "C000099") is not Outcome.HOLD


@pytest.mark.timeout(120)
@pytest.mark.long
def test_a_download_goes_on_where_it_was_cut(
    server: Server, proxy: Proxy, make_device: MakeDevice
) -> None:
    """The second attempt asks for the rest only."""
    server.issue(20_000, first=1000)
    gate = make_device("gate", proxy.url)
    proxy.change(lambda weather: setattr(weather, "cut_after", 200_000))
    assert gate.once().returncode == 3
    (part,) = gate.folder.path.glob("*.zst.part")
    size = part.stat().st_size
    assert size > 100_000
    (packed,) = (server.folder / "snapshots").rglob("*.zst")
    rest = packed.stat().st_size - size
    proxy.up()
    before = proxy.fetched
    assert gate.once().returncode == 0
    # The rest, and what else is said: less than what had come already.
    assert rest <= proxy.fetched - before < rest + 50_000
    assert not list(gate.folder.path.glob("*.part"))
    log = (server.folder / "server.log").read_text()
    gate.open()
    assert scan(gate, "C020999") is Outcome.ADMIT
    assert "Traceback" not in log


@pytest.mark.timeout(120)
@pytest.mark.long
def test_a_revoked_device_keeps_its_journal_only(
    server: Server, make_device: MakeDevice, tmp_path: Path
) -> None:
    """It hears so at work: no more ENTER, names, codes or keys; its entries come by stick."""
    gate, other = make_device("gate"), make_device("other")
    assert other.once().returncode == 0
    assert gate.once().returncode == 0
    gate.open()
    gate.start()
    assert scan(gate, "C000001") is Outcome.ADMIT
    until(lambda: gate.own() <= {*server.entries()})
    device = gate.folder.device_id()
    where = ("--data-dir", str(gate.folder.path))
    # What it does while it cannot hear, only the stick tells.
    assert gate.worker is not None
    gate.worker.send_signal(signal.SIGSTOP)
    assert scan(gate, "C000002") is Outcome.ADMIT
    server.admin("POST", f"/events/{EVENT}/devices/{device}/revoke")
    gate.worker.send_signal(signal.SIGCONT)
    assert gate.worker.wait(30) == 4
    gate.worker = None
    assert scan(gate, "C000003") is Outcome.REFUSE
    left = {path.name for path in gate.folder.path.iterdir() if not path.name.endswith(".lock")}
    assert {name for name in left if not name.startswith(("journal.db", "sync.log"))} == {
        "device", "revoked.json", "shared",
    }  # fmt: skip
    gate.shut()
    ran = gate.once()
    assert ran.returncode == 4
    assert "this gate was revoked and lets nobody in" in ran.stderr
    assert "Traceback" not in ran.stderr
    made = gate.own()
    stick = tmp_path / "stick.bundle"
    assert run("log", "--bundle", str(stick), *where, timeout=60).returncode == 0
    brought = run("import", str(stick), "--data-dir", str(other.folder.path), timeout=60)
    assert brought.returncode == 0, brought.stderr
    assert made <= other.heard()
    assert enrol(gate.folder.path, server.link("gate"), "--again")[0] != 0
    export = str(tmp_path / "kept.jsonl")
    assert run("wipe", "--yes", "--export", export, *where, timeout=60).returncode == 0
    assert enrol(gate.folder.path, server.link("gate"))[0] == 0
    assert gate.folder.device_id() != device
    states = {one["id"]: one["state"] for one in server.admin("GET", f"/events/{EVENT}/devices")}
    assert (states[device], states[gate.folder.device_id()]) == ("revoked", "enrolled")


@pytest.mark.timeout(120)
def test_a_damaged_enrolment_names_what_mends_it(server: Server, make_device: MakeDevice) -> None:
    """Half a ``server.json``: exit code 1, and the command that is named makes a new one."""
    gate = make_device("gate")
    whole = gate.folder.enrolment.read_bytes()
    gate.folder.enrolment.write_bytes(whole[: len(whole) // 2])
    ran = gate.once()
    assert ran.returncode == 1
    assert "gate enrol --again" in ran.stderr
    assert enrol(gate.folder.path, server.link("gate"), "--again")[0] == 0
    assert gate.once().returncode == 0


@pytest.mark.timeout(120)
def test_no_server_is_exit_code_3(server: Server, make_device: MakeDevice) -> None:
    """For timers: nothing is wrong with this device, come again."""
    gate = make_device("gate")
    server.close()
    ran = gate.once()
    assert (ran.returncode, "Scanning goes on" in ran.stderr) == (3, True)


@pytest.mark.timeout(120)
def test_whoever_never_enrolled_is_told_of_no_lane_that_goes_on(
    server: Server, tmp_path: Path
) -> None:
    """A server that does not answer the first word: look at server and network."""
    link = server.link("gate")
    server.close()
    code, said = enrol(tmp_path / "gate", link)
    assert code == 1
    assert "cannot be reached" in said
    assert "Is it running" in said
    assert "Scanning goes on" not in said


@pytest.mark.timeout(120)
@pytest.mark.long
def test_another_worker_is_exit_code_1(server: Server, make_device: MakeDevice) -> None:
    """A fault of this device, after which a new try may help."""
    gate = make_device("gate")
    assert gate.once().returncode == 0
    gate.start()
    until(lambda: bool(gate.status()["working"]))
    ran = gate.once()
    assert ran.returncode == 1
    assert "another sync worker" in ran.stderr


@pytest.mark.timeout(120)
def test_something_quarantined_is_exit_code_5(server: Server, make_device: MakeDevice) -> None:
    """Everything was told, but a person should look."""
    gate = make_device("gate")
    assert gate.once().returncode == 0
    peer_store = PeerStore(gate.folder)
    peer_store.quarantine.put([Rejected("", 0, "no", "ab" * 32)], 1)
    peer_store.close()
    ran = gate.once()
    assert (ran.returncode, "Traceback" in ran.stderr) == (5, False)
    assert gate.status()["quarantined"] == 1


@pytest.mark.timeout(120)
def test_once_says_in_its_log_what_it_set_aside(server: Server, make_device: MakeDevice) -> None:
    """A bundle that is none: ``.bad`` in the inbox, and the reason in ``sync.log``."""
    gate = make_device("gate")
    gate.folder.inbox.mkdir()
    (gate.folder.inbox / "x.bundle").write_text("no bundle\n")
    assert gate.once().returncode == 0
    assert [path.name for path in gate.folder.inbox.iterdir()] == ["x.bundle.bad"]
    log = (gate.folder.path / "sync.log").read_text()
    assert "x.bundle: no journal of a venue gate" in log
    # And of a fault, what it ended with.
    server.close()
    assert gate.once().returncode == 3
    assert "cannot be reached" in (gate.folder.path / "sync.log").read_text()


@pytest.mark.timeout(120)
@pytest.mark.long
def test_a_worker_on_a_terminal_says_how_it_stands(server: Server, make_device: MakeDevice) -> None:
    """With whom, how to end it, and every change; not a word where nobody watches."""
    gate = make_device("gate")
    terminal = Terminal("sync", "--data-dir", str(gate.folder.path), size=(200, 24))
    try:
        terminal.wait(lambda text: "the server is heard" in text)
        first, second = terminal.text.splitlines()[:2]
        assert first == f"gate talks to {server.url}. Ctrl+C ends it."
        assert second == "the server is heard"
        server.close()
        terminal.wait(lambda text: len(text.splitlines()) > 2)
        server.start()
        terminal.wait(lambda text: text.count("the server is heard") == 2, 40)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.wait_for_end() == 0
    finally:
        terminal.close()
    ran = gate.once()
    assert (ran.stdout, ran.stderr) == ("", "")


@pytest.mark.examples(1)
@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["wrong", "used", "expired"])
def test_tokens_say_what_is_wrong_with_them(server: Server, tmp_path: Path, fault: str) -> None:
    """Wrong, used, expired: each its own sentence, and nothing is enrolled."""
    link = server.link("gate")
    if fault == "wrong":
        link = link.replace(SCHEME, SCHEME + "X")
    elif fault == "used":
        assert enrol(tmp_path / "first", link)[0] == 0
    else:
        token = server.admin("POST", f"/events/{EVENT}/tokens", {"name": "gate", "lifetime_s": 1})[
            "token"
        ]
        link = link_to(server.url, token, "")
        made = time.monotonic()
        until(lambda: time.monotonic() > made + 1.1)
    code, said = enrol(tmp_path / "second", link)
    assert code == 1
    sentence = {
        "wrong": "This enrolment token is not one of this server's.",
        "used": "This enrolment token has been used. Ask for another.",
        "expired": "This enrolment token has expired. Ask for another.",
    }[fault]
    assert sentence in said
    # What to do is said once.
    assert said.count("Ask for") == 1
    assert not Folder(tmp_path / "second").enrolment.exists()


def enrol(folder: Path, link: str, *arguments: str) -> tuple[int, str]:
    ran = run("enrol", "--data-dir", str(folder), *arguments, input_=link + "\n", timeout=60)
    assert "Traceback" not in ran.stderr
    return ran.returncode, ran.stderr


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "url",
    ["http://[foo", "http://127.0.0.1:99999", "http://127.0.0.1:abc", "https://" + "a" * 64 + ".x"],
)
def test_a_link_to_nowhere_is_a_usage_fault(tmp_path: Path, url: str) -> None:
    """One clear line and exit code 2, as for any other text that is no link."""
    code, said = enrol(tmp_path / "gate", f"{SCHEME}X//{url}")
    assert (code, "this is no enrolment link" in said) == (2, True)


@pytest.mark.timeout(120)
def test_a_camera_can_read_the_invitation(server: Server, tmp_path: Path) -> None:
    """The code that the server shows, on a picture; a picture without one says so."""
    picture, blank = tmp_path / "invitation.png", tmp_path / "blank.png"
    segno.make(server.link("gate"), error="l").save(str(picture), scale=6, border=4)
    segno.make("something else").save(str(blank), scale=6, border=4)
    folder = Folder(tmp_path / "gate")
    begun = ("enrol", "--data-dir", str(folder.path), "--picture")
    ran = run(*begun, str(blank), timeout=60)
    assert (ran.returncode, folder.enrolment.exists()) == (1, False)
    assert "no enrolment code" in ran.stderr
    ran = run(*begun, str(picture), timeout=60)
    assert (ran.returncode, folder.enrolment.exists()) == (0, True), ran.stderr
    assert folder.enrolment.stat().st_mode & 0o777 == 0o600


@pytest.mark.timeout(120)
def test_the_whole_program_starts_its_worker(server: Server, make_device: MakeDevice) -> None:
    """``gate scan`` alone: its child tells the server, the closing of the lane included."""
    gate = make_device("gate")
    assert gate.once().returncode == 0
    scan_ = Program("scan", "--plain", "--camera", "off", "--data-dir", str(gate.folder.path))
    try:
        os.write(scan_.stdin.fileno(), b"C000001\n")
        until(lambda: gate.status()["link"] == "stream")
        until(lambda: all_told(server, gate) and gate.status()["unacked"] == 0)
        scan_.stdin.close()
        assert scan_.wait(30) == 0
    finally:
        scan_.kill()
        scan_.wait(10)
    assert all_told(server, gate)
    (told,) = server.admin("GET", f"/events/{EVENT}/devices")
    assert not told["lane_open"]
    assert gate.status()["unacked"] == 0
    # Nought is not written out.
    assert told["report"].get("unacked", 0) == 0
    assert told["report"]["version"]
