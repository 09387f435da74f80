"""``gate event``, ``gate profile`` and ``gate operator``, at a host and at a server's database."""

import io
from pathlib import Path

import cv2
import pytest
import zxingcpp

from gate.cli.exit_codes import FAILED, OK, USAGE
from gate.cli.main import main
from gate.core.place import Role
from gate.credential.command_cards import Command, CommandCard
from gate.credential.command_cards import read as read_card
from gate.lane.operators import Operators
from gate.storage import venue_host
from gate.storage.feed_signatures import key_of
from gate.storage.folder import Folder
from sync.server import audit, events, feed
from sync.server.database import in_transaction
from tests.support.central import open_central
from tests.support.venue import NOW_MS


@pytest.fixture(params=["host", "server"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The flags that name an authority: a venue's host, or a server's database."""
    if request.param == "host":
        folder = Folder(tmp_path / "host")
        venue_host.create(folder, "Park", "North", "Europe/Berlin")
        return ["--data-dir", str(folder.path)]
    engine = open_central(f"sqlite:///{tmp_path}/central.db")
    in_transaction(engine, lambda c: events.create_event(c, "gala", "", "Europe/Berlin", NOW_MS))
    engine.dispose()
    return ["--server-dir", str(tmp_path), "--event", "gala"]


class Told:
    """Runs the program and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], where: list[str]) -> None:
        self._capsys, self._where = capsys, where

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        try:
            code = main([*arguments, *self._where])
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = self._capsys.readouterr()
        return code, told.out, told.err


@pytest.fixture
def gate(capsys: pytest.CaptureFixture[str], where: list[str]) -> Told:
    return Told(capsys, where)


def test_rules_are_said_shown_and_taken_back(gate: Told) -> None:
    """Of the event and of a type; what is the same again changes nothing."""
    code, out, err = gate("event", "set", "early_minutes=30", "alone=hold")
    assert (code, err) == (OK, "")
    assert "early_minutes=30" in out.splitlines()
    gate("event", "set", "--type", "VIP", "early_minutes=90")
    code, out, _err = gate("event", "set", "alone=")
    assert out.splitlines()[-2:] == ["early_minutes=30", "early_minutes=90  --type VIP"]
    assert gate("event", "show")[1] == out


def test_the_events_own_fields_are_said_alike(gate: Told) -> None:
    """Zone, end, retention, and how long a gate may be on its own."""
    code, out, _err = gate(
        "event", "set", "time_zone=Europe/Vienna", "ends=2027-08-02", "keep_days=3",
        "isolated_hours=4",
    )  # fmt: skip
    assert code == OK
    assert out.splitlines()[1:] == [
        "time_zone=Europe/Vienna", "ends=2027-08-02 23:59:59", "keep_days=3", "isolated_hours=4",
        "# names and codes are dropped after 2027-08-05",
    ]  # fmt: skip
    assert "ends=never" in gate("event", "set", "ends=never")[1]
    assert "isolated_hours=10000" in gate("event", "set", "isolated_hours=10000")[1].splitlines()
    assert "from 0 to 10000" in gate("event", "set", "isolated_hours=10001")[2]


@pytest.mark.examples(4)
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("early_minutes=soon", "a whole number"),
        ("erly_minutes=3", "did you mean early_minutes"),
        ("entrance=West", "no such setting"),
        ("keep_days=many", "from 0 to 3650"),
        ("ends=31.13.2026", "ends:"),
        ("time_zone=Mars", "no time zone"),
        ("ends=2020-01-01", "dropped at once"),
    ],
)
def test_a_bad_setting_is_one_line_and_changes_nothing(gate: Told, setting: str, told: str) -> None:
    """Also not those that stand beside it."""
    before = gate("event", "show")
    code, out, err = gate("event", "set", "pass_back=hold", setting)
    assert code == USAGE
    assert out == ""
    assert told in err
    assert "Traceback" not in err
    assert gate("event", "show") == before


def test_profiles_are_made_given_and_removed(gate: Told) -> None:
    """And a device is given none that is not there."""
    assert gate("profile", "list")[1] == "There is no profile.\n"
    _code, out, _err = gate("profile", "set", "North", "entrance=West", "locations=[7, 8]")
    assert out == "North  entrance=West locations=[7,8]\n"
    assert gate("profile", "assign", "0" * 16, "North")[0] == OK
    assert gate("profile", "list")[1].endswith(f"{'0' * 16} has the profile North\n")
    assert gate("profile", "assign", "0" * 16, "South")[0] == USAGE
    assert gate("profile", "remove", "South")[0] == USAGE
    assert gate("profile", "remove", "North")[1] == "There is no profile.\n"


def test_operators_are_the_events(gate: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Added and removed there; a PIN is never told, nor its hash."""
    monkeypatch.setattr("sys.stdin", io.StringIO("80521\n"))
    code, out, _err = gate("operator", "add", "Kim", "--role", "supervisor")
    assert code == OK
    assert "every gate" in out
    assert gate("operator", "list")[1] == "supervisor Kim\n"
    assert "Kim" not in gate("event", "show")[1]
    assert gate("operator", "remove", "Nobody")[0] == FAILED
    assert gate("operator", "remove", "kim")[0] == OK
    assert gate("operator", "list")[1] == ""


def test_the_host_itself_has_the_events_operators(tmp_path: Path) -> None:
    """Its own from before count no more."""
    folder = Folder(tmp_path / "host")
    Operators(folder).add("Old", Role.STAFF, "4711x")
    venue_host.create(folder, "Park", "North", "Europe/Berlin")
    assert Operators(folder).names() == [("Old", Role.STAFF)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("80521\n"))
        main(["operator", "add", "Kim", "--role", "staff", "--data-dir", str(folder.path)])
    assert Operators(folder).names() == [("Kim", Role.STAFF)]


def test_a_member_and_a_gate_on_its_own_are_told_where_to_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither states anything of an event."""
    assert main(["event", "show", "--data-dir", str(tmp_path / "none")]) == USAGE
    assert "config.toml" in capsys.readouterr().err


def test_every_change_at_the_server_is_in_its_audit_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has set what, without a PIN."""
    engine = open_central(f"sqlite:///{tmp_path}/central.db")
    in_transaction(engine, lambda c: events.create_event(c, "gala", "", "UTC", NOW_MS))
    at = ["--server-dir", str(tmp_path), "--event", "gala"]
    main(["event", "set", "early_minutes=30", *at])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("80521\n"))
        main(["operator", "add", "Kim", "--role", "staff", *at])
    rows = in_transaction(engine, lambda c: audit.rows(c, 0, event="gala"))
    told = [row.about for row, _hash in rows]
    assert "early_minutes" in told[0]
    assert told[1] == "operator add Kim"
    engine.dispose()


def test_command_cards_are_drawn(gate: Told, where: list[str], tmp_path: Path) -> None:
    """A sheet of every command, and a card for every operator; each is read as what it says."""
    out = tmp_path / "cards"
    code, _out, err = gate("event", "cards", "--out", str(out))
    assert code == USAGE
    assert "gate event set command_cards=1" in err
    assert gate("event", "set", "command_cards=1")[0] == OK
    code, told, err = gate("event", "cards", "--out", str(out))
    assert (code, err) == (OK, "")
    assert "7 cards drawn" in told
    read = {path.stem[3:]: _card_in(path, where) for path in sorted(out.iterdir())}
    assert {card.command.name.casefold().replace("_", "-") for card in read.values()} == {*read}
    assert gate("event", "cards", "--operator", "nobody", "--out", str(out))[0] == USAGE
    sheet = tmp_path / "cards.html"
    assert gate("event", "cards", "--out", str(sheet))[0] == OK
    assert "Direction: out" in sheet.read_text(encoding="utf-8")


def test_sign_in_cards(
    gate: Told, where: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For one operator, or for each of the event's."""
    gate("event", "set", "command_cards=2")
    monkeypatch.setattr("sys.stdin", io.StringIO("47119x\n"))
    assert gate("operator", "add", "Kim", "--role", "staff")[0] == OK
    out = tmp_path / "kim.png"
    assert gate("event", "cards", "--operator", "Kim", "--out", str(out))[0] == OK
    assert _card_in(out, where) == CommandCard(Command.SIGN_IN, 2, "Kim")


def _card_in(picture: Path, where: list[str]) -> CommandCard:
    """What a picture says, by the key that gates of the event know its authority by."""
    (code,) = zxingcpp.read_barcodes(cv2.imread(str(picture)))
    if where[0] == "--data-dir":
        key = key_of(venue_host.load(Folder(Path(where[1]))).authority)
    else:
        engine = open_central(f"sqlite:///{where[1]}/central.db")
        with engine.connect() as connection:
            key = key_of(feed.authority_of(connection, "gala").certificate)
        engine.dispose()
    for issue in (1, 2):
        if card := read_card(code.text, key, issue):
            return card
    raise AssertionError(code.text)
