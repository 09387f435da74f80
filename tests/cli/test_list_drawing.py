"""``gate tickets render --list``: what is drawn opens the door, and nothing else is drawn."""

import re
from pathlib import Path

import cv2
import pytest
import zxingcpp

from gate.cli import list_drawing
from gate.cli.main import main
from gate.lists.guests import Guests
from gate.lists.paper import paper_tickets
from gate.lists.rows import Reading
from gate.storage.folder import Folder
from gate.storage.tickets import Tickets
from sync.server import events
from sync.server.database import database_of, in_transaction, open_database

GUESTS = "Name,Plus ones,Zone\nAnn Lee,2,East\nJosé Ångström,,\nAnn Lee,,\n"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with lists, and the data folder that took them in."""
    (tmp_path / "guests.csv").write_text(GUESTS, encoding="utf-8")
    (tmp_path / "coded.csv").write_text("code,type,holder\nK7QX-0001,VIP,Bob\n")
    files = [str(tmp_path / name) for name in ("guests.csv", "coded.csv")]
    assert main(["import", "--data-dir", str(tmp_path / "data"), *files, "--type", "VIP",
                 "--kind", "meeting"]) == 0  # fmt: skip
    return tmp_path


def render(room: Path, out: str, *lists: str, more: tuple[str, ...] = ()) -> int:
    named = [part for name in lists for part in ("--list", str(room / name))]
    at = more or ("--data-dir", str(room / "data"))
    return main(["tickets", "render", *at, *named, "--out", str(room / out)])


def test_what_is_drawn_opens_the_door(room: Path) -> None:
    """Each picture is read back, and is the code of one ticket with that name."""
    assert render(room, "pictures", "guests.csv", "coded.csv") == 0
    read = []
    for path in sorted((room / "pictures").iterdir()):
        (found,) = zxingcpp.read_barcodes(cv2.imread(str(path)))
        read.append(found.text)
    assert read[-1] == "K7QX-0001"
    tickets = Tickets(Folder(room / "data"))
    tickets.refresh()
    held = [tickets.codes.match(code).ticket for code in read]
    tickets.close()
    assert [one and (one.holder, one.party_size) for one in held] == [
        ("Ann Lee", 3), ("José Ångström", 1), ("Ann Lee", 1), ("Bob", 1),
    ]  # fmt: skip


def test_a_sheet_says_whose_each_is(room: Path) -> None:
    """Name, how many, what for and where, beside the code to be read aloud."""
    assert render(room, "sheet.html", "guests.csv") == 0
    page = (room / "sheet.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "Ann Lee · 3 people · East" in page
    assert len(re.findall(r"<p>[2-9A-HJKMNP-Z]{16}</p>", page)) == 3


def test_a_ticket_that_no_door_knows_is_not_drawn(
    room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was added to the list afterwards, or another machine's secret."""
    (room / "guests.csv").write_text(GUESTS + "Cy Late,,\n", encoding="utf-8")
    assert render(room, "sheet.html", "guests.csv") == 2
    assert "1 ticket is not in the ticket list here: guests.csv:5" in capsys.readouterr().err
    assert not (room / "sheet.html").exists()
    (room / "guests.csv").write_text(GUESTS, encoding="utf-8")
    (room / "data" / "guests.key").unlink()
    assert render(room, "sheet.html", "guests.csv") == 2
    assert not (room / "data" / "guests.key").exists()
    monkeypatch.setattr(list_drawing, "_check_known", lambda *_: None)  # the mutation
    assert render(room, "sheet.html", "guests.csv") == 0


def test_a_bad_line_draws_nothing(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named."""
    (room / "bad.csv").write_text("code,name\n7.17E+11,Ann\n")
    assert render(room, "sheet.html", "bad.csv") == 1
    assert "bad.csv:2: code 7.17E+11 has lost its digits" in capsys.readouterr().err


def test_types_of_the_list_give_the_title(tmp_path: Path) -> None:
    """What the paper says is what the type is called."""
    (tmp_path / "types.csv").write_text("id,kind,title\nA,meeting,Winter Gala\n")
    (tmp_path / "list.csv").write_text("code,type,seats\nX,A,1-1|1-2\n")
    files = [tmp_path / "list.csv", tmp_path / "types.csv"]
    (only,) = paper_tickets(files, Reading(), Guests(b"1" * 32))
    assert (only.title, only.place, only.people) == ("Winter Gala", "1-1 · 1-2", 1)


def test_at_the_server_too(room: Path) -> None:
    """The same list, taken in at a server, is drawn there, with that server's codes."""
    server = room / "server"
    server.mkdir()
    engine = open_database(database_of(server))
    in_transaction(engine, lambda c: events.create_event(c, "gala", "Gala", "UTC", 1))
    engine.dispose()
    at = ("--event", "gala", "--server-dir", str(server))
    assert render(room, "sheet.html", "guests.csv", more=at) == 2
    assert (
        main(["import", *at, str(room / "guests.csv"), "--type", "VIP", "--kind", "meeting"]) == 0
    )
    assert render(room, "sheet.html", "guests.csv", more=at) == 0
    (server / "guests.key").unlink()
    assert render(room, "sheet.html", "guests.csv", more=at) == 2
