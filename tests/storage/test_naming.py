"""What a gate is called: by whoever set it up, by its configuration, or by its enrolment."""

import json
import time
from pathlib import Path

import pytest

from gate.config import load
from gate.core.enrolment import Enrol
from gate.storage import venue_host as venues
from gate.storage.folder import Folder
from gate.storage.naming import enrolled_name
from sync.server import enrolment, events
from sync.server.database import in_transaction, open_database
from tests.support.programs import run
from tests.system.network import EVENT, Server


def scanned(folder: Folder, code: str, *more: str) -> str:
    ran = run(
        "scan", "--plain", "--camera", "off", "--data-dir", str(folder.path),
        "--set", "sync.start_worker=false", *more, input_=f"{code}\n", timeout=60,
    )  # fmt: skip
    return ran.stdout


@pytest.mark.parametrize(
    ("more", "name"), [((), "South"), (("--gate", "North"), "North")], ids=["enrolled", "flag"]
)
def test_the_name_by_enrolment_is_the_gates(
    venue: Folder, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], name: str
) -> None:
    """Unless the configuration has another; and a name is no place: all tickets are let in."""
    monkeypatch.setenv("GATE_LANGUAGE", "en")
    assert scanned(venue, "GOOD001").startswith("# Gate, in.")
    venue.enrolment.write_text(json.dumps({"name": "South", "url": "", "credential": ""}))
    said = scanned(venue, "EAST1", *more)
    assert said.startswith(f"# {name}, in.")
    assert " ADMIT " in said


def test_what_cannot_be_read_names_nobody(venue: Folder) -> None:
    """The lane opens all the same; the host is called what it was called when it began."""
    assert enrolled_name(venue) == ""
    venues.create(venue, "Gala", "Main Door", "Europe/Berlin")
    assert enrolled_name(venue) == "Main Door"
    venue.enrolment.write_bytes(b"\xff{")
    assert enrolled_name(venue) == ""
    config = load(None, {}, ["gate.name=Side"])
    assert config.named("Main Door").place().gate == "Side"


def test_nobodys_name_is_given_twice(tmp_path: Path) -> None:
    """What the gate says beats what its link says; without either they are counted."""
    engine = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    now_ms = time.time_ns() // 1_000_000

    def enrolled(number: int, link: str, said: str = "") -> str:
        def work(connection: object) -> str:
            token, _at = enrolment.mint_token(connection, "e", link, now_ms)  # type: ignore[arg-type]
            asked = Enrol(token, f"{number:016x}", "ab" * 32, name=said)
            return enrolment.enrol(connection, asked, now_ms).name  # type: ignore[arg-type]

        return in_transaction(engine, work)

    in_transaction(engine, lambda c: events.create_event(c, "e", "", "UTC", now_ms))
    assert [enrolled(1, ""), enrolled(2, ""), enrolled(1, "")] == ["Gate 1", "Gate 2", "Gate 1"]
    assert (enrolled(3, "West"), enrolled(4, "West", "East")) == ("West", "East")
    assert enrolled(4, "") == "East"
    engine.dispose()


def test_a_name_given_at_enrolment_is_known_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the server, and at the gate itself."""
    monkeypatch.setenv("GATE_LANGUAGE", "en")
    server = Server(tmp_path / "server", "--event", EVENT)
    try:
        ran = run(
            "enrol", "--name", "Rear", "--data-dir", str(tmp_path / "gate"),
            input_=server.link("West") + "\n", timeout=60,
        )  # fmt: skip
        assert "Enrolled as Rear" in ran.stdout, ran.stderr
        assert [one["name"] for one in server.admin("GET", f"/events/{EVENT}/devices")] == ["Rear"]
        assert enrolled_name(Folder(tmp_path / "gate")) == "Rear"
    finally:
        server.close()
