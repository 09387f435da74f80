"""Keys that sign an event's tickets: made and kept at the server, known at gates, and revoked."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest
import zxingcpp
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate.cli.main import main
from gate.core.outcome import Outcome, Reason
from gate.core.place import HouseRules, Place
from gate.core.signed_ticket import KeyState
from gate.core.verdict import Scan
from gate.credential import signed
from gate.lane.lane import Lane
from gate.storage import venue_host
from gate.storage.event_keys import keys_of
from gate.storage.folder import Folder
from gate.storage.host_keys import HostKeys
from gate.storage.replica_file import live_replica
from gate.storage.tickets import Tickets
from sync.server import events, signing
from sync.server.database import in_transaction, open_database, reading
from sync.server.takeover import Host, take_over
from tests.support.central import Central, central
from tests.support.follower import Follower
from tests.support.signing import pretix_code, private
from tests.support.venue import NOW_MS, TICKETS, TYPES, FixedClock, fill
from tests.system.neighbours import say


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Central]:
    """A server with the tickets of ``tests.support.venue``."""
    async with central(tmp_path / "server") as running:
        await state(running, types=TYPES, tickets=TICKETS)
        yield running


async def state(running: Central, **rows: Any) -> None:
    issued = await running.admin("POST", "/events/show/tickets", json=rows)
    assert issued.status_code == 200, issued.text


async def new_key(running: Central) -> str:
    made = await running.admin("POST", "/events/show/keys", json={})
    assert made.status_code == 201, made.text
    assert made.json()["state"] == "signing"
    return str(made.json()["id"])


async def code_of(running: Central, ticket: str) -> str:
    told = await running.admin("GET", f"/events/show/tickets/{ticket}/code?form=signed")
    assert told.status_code == 200, told.text
    assert (told.json()["ticket"], told.json()["form"]) == (ticket, "signed")
    return str(told.json()["text"])


def at_gate(gate: Follower, clock: FixedClock, *codes: str) -> list[tuple[Outcome, Reason]]:
    """What a lane there, which has not heard the server for a while, says to codes."""
    say(gate.folder, clock, ago_s=600)
    lane = Lane(gate.folder, clock, Place("North"), RULES)
    try:
        verdicts = [lane.admit(Scan(code, "QRCode", "camera")) for code in codes]
    finally:
        lane.close()
    return [(one.outcome, one.reason) for one in verdicts]


RULES = HouseRules(rescan_s=0)


async def test_a_ticket_sold_after_the_last_contact_comes_in(
    running: Central, tmp_path: Path, clock: FixedClock
) -> None:
    """The gate has the key and not the ticket; later it has both, and the use is the ticket's."""
    key = await new_key(running)
    gate = Follower(running.engine, "show", tmp_path / "gate")
    await state(running, tickets=[{"code": "SOLD-LATE", "type": "SHOW", "id": "late-sale"}])
    code = await code_of(running, "late-sale")
    assert at_gate(gate, clock, "SOLD-LATE") == [(Outcome.REFUSE, Reason.UNKNOWN)]
    assert at_gate(gate, clock, code) == [(Outcome.ADMIT, Reason.ADMITTED)]
    gate.follow()
    clock.pass_seconds(60)
    used = (Outcome.REFUSE, Reason.ALREADY_USED)
    assert at_gate(gate, clock, "SOLD-LATE", code) == [used, used]
    (told,) = (await running.admin("GET", "/events/show/keys")).json()
    assert (told["id"], told["scheme"], told["state"]) == (key, "cose", "signing")


async def test_keys_rotate_and_are_revoked(
    running: Central, tmp_path: Path, clock: FixedClock
) -> None:
    """By the feed, at gates that have a snapshot of before: old codes stay good until revoked."""
    first = await new_key(running)
    gate = Follower(running.engine, "show", tmp_path / "gate")
    old = [await code_of(running, f"good-{n}") for n in range(3)]
    second = await new_key(running)
    new = await code_of(running, "good-5")
    gate.follow()
    assert at_gate(gate, clock, old[0], new) == [(Outcome.ADMIT, Reason.ADMITTED)] * 2
    states = {
        one["id"]: one["state"] for one in (await running.admin("GET", "/events/show/keys")).json()
    }
    assert states == {first: "retired", second: "signing"}
    revoked = await running.admin("PATCH", f"/events/show/keys/{first}", json={"state": "revoked"})
    assert revoked.status_code == 200
    gate.follow()
    refused = (Outcome.REFUSE, Reason.KEY_REVOKED)
    assert at_gate(gate, clock, old[1], "GOOD001") == [refused, (Outcome.ADMIT, Reason.ADMITTED)]
    again = await running.admin("PATCH", f"/events/show/keys/{first}", json={"state": "retired"})
    assert again.status_code == 422
    none = await running.admin("PATCH", "/events/show/keys/00000000", json={"state": "revoked"})
    assert none.status_code == 422


async def test_no_private_key_leaves_the_server(running: Central, tmp_path: Path) -> None:
    """Neither by an answer, nor in a snapshot, nor in the feed."""
    await new_key(running)
    gate = Follower(running.engine, "show", tmp_path / "gate")
    await new_key(running)
    gate.follow()
    with reading(running.engine) as connection:
        secrets = [one.private for one in signing.keys_of(connection, "show")]
    assert len(secrets) == 2
    answers = (await running.admin("GET", "/events/show/keys")).text
    with closing(sqlite3.connect(live_replica(gate.folder))) as replica:
        kept = "\n".join(replica.iterdump())
    assert all(len(secret) == 64 for secret in secrets)
    assert not any(secret in text for secret in secrets for text in (answers, kept))
    assert kept.count('"scheme":"cose"') >= 3


async def test_what_gives_a_ticket_another_code_ends_what_was_signed(
    running: Central, tmp_path: Path, clock: FixedClock
) -> None:
    """Given on or re-issued; the same row again changes nothing, and loses no count."""
    await new_key(running)
    gate = Follower(running.engine, "show", tmp_path / "gate")
    before = await code_of(running, "good-7")
    row = {"code": "ANOTHER7", "type": "SHOW", "id": "good-7", "old_codes": ["GOOD007"]}
    await state(running, tickets=[row])
    after = await code_of(running, "good-7")
    await state(running, tickets=[row])
    assert await code_of(running, "good-7") == after
    gate.follow()
    good = (Outcome.ADMIT, Reason.ADMITTED)
    assert at_gate(gate, clock, before, after) == [(Outcome.REFUSE, Reason.REPLACED), good]


async def test_what_cannot_be_signed_is_said(running: Central) -> None:
    """No key, no such ticket, a void one, another form, too much to say."""

    async def denied(ticket: str, form: str = "signed") -> tuple[int, str]:
        path = f"/events/show/tickets/{ticket}/code?form={form}"
        told = await running.admin("GET", path)
        return told.status_code, told.json().get("reason", "")

    assert "no key" in (await denied("good-1"))[1]
    await new_key(running)
    assert (await denied("nobody"))[0] == 422
    assert "void" in (await denied("void-1"))[1]
    assert "signed" in (await denied("good-1", "drawn"))[1]
    long = {"code": "L", "type": "SHOW", "id": "long-1", "seats": ["x" * 200]}
    await state(running, tickets=[long])
    assert "too much" in (await denied("long-1"))[1]


async def test_pretix_codes_by_its_keys_and_lists(
    running: Central, tmp_path: Path, clock: FixedClock
) -> None:
    """Believed by the key; those on its lists of revoked and blocked codes are not."""
    await state(running, types=[{"id": "2", "kind": "meeting"}])
    public = private(2).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for _again in range(2):
        made = await running.admin("POST", "/events/show/keys", json={"pretix": pem})
        assert (made.status_code, made.json()["scheme"]) == (201, "pretix_sig1")
    bad = await running.admin("POST", "/events/show/keys", json={"pretix": "nonsense"})
    assert bad.status_code == 422
    gate = Follower(running.engine, "show", tmp_path / "gate")
    texts = [pretix_code(seed=f"seed0000{n}") for n in range(4)]
    assert at_gate(gate, clock, texts[0]) == [(Outcome.ADMIT, Reason.ADMITTED)]
    lists: dict[str, Any] = {"revoked": [texts[1], "random"], "blocked": texts[2:]}
    told = await running.admin("POST", "/events/show/barred", json=lists)
    assert told.json() == {"barred": 3, "passed_over": 1}
    told = await running.admin("POST", "/events/show/barred", json={"unblocked": [texts[3]]})
    assert told.json()["barred"] == 1
    gate.follow()
    assert at_gate(gate, clock, *texts[1:]) == [
        (Outcome.REFUSE, Reason.REVOKED),
        (Outcome.REFUSE, Reason.BLOCKED),
        (Outcome.ADMIT, Reason.ADMITTED),
    ]
    missing = await running.admin(
        "POST", "/events/show/barred", json={"revoked": [pretix_code(item=99)]}
    )
    assert missing.status_code == 422


def test_keys_at_a_host(folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A venue without a server: made, drawn, rotated and revoked by command; gates know them."""
    fill(folder)
    assert venue_host.create(folder, "Park", "North", "Asia/Shanghai").keys == ()

    def gate(*words: str) -> str:
        assert main([*words, "--data-dir", str(folder.path)]) == 0
        return capsys.readouterr().out

    first = gate("keys", "new").split()[0]
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"code": "GOOD003", "type": "SHOW", "id": "good-3"}) + "\n")
    out = tmp_path / "drawn.png"
    assert "1 tickets drawn" in gate(
        "tickets", "render", "--signed", "--list", str(rows), "--out", str(out)
    )
    text = read_picture(out)
    assert signed.is_signed(text)
    second = gate("keys", "new").split()[0]
    gate("keys", "revoke", first)
    listed = {line.split()[0]: line.split()[2] for line in gate("keys", "list").splitlines()}
    assert listed == {first: KeyState.REVOKED, second: KeyState.SIGNING}
    assert "private" not in gate("keys", "list")
    lane = Lane(folder, FixedClock(), Place("North"), RULES)
    try:
        assert lane.admit(Scan(text, "QRCode", "camera")).reason is Reason.KEY_REVOKED
    finally:
        lane.close()
    assert main(["keys", "revoke", "00000000", "--data-dir", str(folder.path)]) != 0


def test_pretix_lists_at_a_host(
    folder: Folder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What pretix has revoked or blocked opens no gate of a venue without a server either."""
    listed = pretix_code(seed="listed000")
    fill(folder, [{"id": "2", "kind": "meeting"}])
    rows = [{"code": listed, "type": "2", "holder": "Kim"}, {"code": "OWN", "type": "2", "id": "o"}]
    fill(folder, rows)
    venue_host.create(folder, "Park", "North", "Asia/Shanghai")
    public = private(2).public_key()
    pem = tmp_path / "key.pem"
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    revoked, blocked = pretix_code(seed="revoked00"), pretix_code(seed="blocked00")
    files = {
        "revoked": [revoked, listed, "random", "OWN"],
        "blocked": [blocked],
        "unblocked": [blocked],
        "strangers": [pretix_code(item=99)],
    }
    for name, codes in files.items():
        (tmp_path / name).write_text("".join(f"{code}\n" for code in codes))

    def keys(*words: str) -> str:
        main(["keys", *words, "--data-dir", str(folder.path)])
        return capsys.readouterr().out

    def shown(*codes: str) -> list[Reason]:
        lane = Lane(folder, FixedClock(), Place("North"), RULES)
        try:
            return [lane.admit(Scan(one)).reason for one in codes]
        finally:
            lane.close()

    keys("add-pretix", str(pem))
    lists = ("--revoked", str(tmp_path / "revoked"), "--blocked", str(tmp_path / "blocked"))
    assert "3 codes stated, 2 passed over" in keys("bar", *lists)
    barred = [Reason.REVOKED, Reason.BLOCKED, Reason.REVOKED]
    assert shown(revoked, blocked, listed) == barred
    assert "1 codes stated, 0" in keys("bar", "--unblocked", str(tmp_path / "unblocked"))
    assert shown("OWN", blocked, listed) == [Reason.ADMITTED, Reason.ADMITTED, Reason.REVOKED]
    assert keys("bar", "--blocked", str(tmp_path / "strangers")) == ""
    with closing(Tickets(folder)) as tickets:
        tickets.refresh()
        assert "Kim" in [one.holder for one in tickets.every()]


def test_the_time_of_a_key_at_a_host(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """Stated in the venue's zone, an end to its last second; what is not named stays."""
    fill(folder)
    venue_host.create(folder, "Park", "North", "Asia/Shanghai")

    def keys(*words: str) -> str:
        main(["keys", *words, "--data-dir", str(folder.path)])
        return capsys.readouterr().out

    key = keys("new").split()[0]
    line = keys("times", key, "--begin", "2026-08-01", "--end", "2026-08-02T18:00")
    assert "2026-08-01T00:00:00+08:00..2026-08-02T18:00:" in line
    line = keys("times", key, "--begin", "never")
    assert "  ..2026-08-02T18:00:" in line
    assert keys("list") == line
    with closing(Tickets(folder)) as tickets:
        tickets.refresh()
        (told,) = keys_of(tickets.replica.connection())
    assert (told.begin, told.state) == (None, KeyState.SIGNING)
    assert told.end == HostKeys(folder).all()[0].end is not None
    assert keys("times", key, "--begin", "2026-09-01") == ""


async def test_the_time_of_a_key_over_http(running: Central) -> None:
    """The same, in Unix seconds; 0 is no bound."""
    made = (await running.admin("POST", "/events/show/keys", json={})).json()
    path = f"/events/show/keys/{made['id']}"
    for asked, told in (
        ({"begin_s": 5, "end_s": 9}, (5, 9, "signing")),
        ({"state": "retired", "begin_s": 0}, (None, 9, "retired")),
    ):
        line = (await running.admin("PATCH", path, json=asked)).json()
        assert (line.get("begin_s"), line["end_s"], line["state"]) == told
    bad = await running.admin("PATCH", path, json={"begin_s": 10})
    assert bad.status_code == 422


def test_a_server_takes_the_keys_of_a_venue_over(folder: Folder, tmp_path: Path) -> None:
    """What the host has signed stays good at its gates, and the server signs with the same key."""
    fill(folder)
    venue_host.create(folder, "Park", "North", "Asia/Shanghai")
    made = HostKeys(folder).new()
    kept = venue_host.load(folder)
    host = Host(folder, kept.name, venue_host.authority(kept), kept.keys)
    engine = open_database(f"sqlite:///{tmp_path}/central.db")
    in_transaction(engine, lambda c: take_over(c, host, event="show", now_ms=NOW_MS))
    with reading(engine) as connection:
        assert signing.public_keys(connection, "show") == [made]
        (code,) = signing.codes(connection, "show", ["good-1"])
    engine.dispose()
    assert signed.proved(code, [made]) is not None


def read_picture(path: Path) -> str:
    """What the camera's path reads of a picture, which is a QR code of version 8 at most."""
    image = cv2.imread(str(path))
    assert image is not None
    (found,) = zxingcpp.read_barcodes(image)
    assert found.format is zxingcpp.BarcodeFormat.QRCode
    return str(found.text)


def test_keys_at_a_servers_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same commands name the server's event; every change is in its audit log."""
    engine = open_database(f"sqlite:///{tmp_path}/central.db")
    in_transaction(engine, lambda c: events.create_event(c, "show", "Show", "UTC", 1))
    where = ["--event", "show", "--server-dir", str(tmp_path)]
    for words in (["new"], ["new"], ["list"]):
        assert main(["keys", *words, *where]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines[:2]] == ["signing", "signing"]
    assert {line.split()[2] for line in lines[2:]} == {"retired", "signing"}
    with reading(engine) as connection:
        states = sorted(one.state for one in signing.public_keys(connection, "show"))
        acts = connection.exec_driver_sql("SELECT body FROM audit").scalars().all()
    engine.dispose()
    assert states == [KeyState.RETIRED, KeyState.SIGNING]
    assert sum("key made" in one for one in acts) == 2
