"""Links that a lane signs: believed for a while, once, and only of a device that belongs here."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from gate.cli.main import main
from gate.clock import read_wall_ms
from gate.core import web_link
from gate.core.place import Role
from gate.core.web_link import LaneLink
from gate.lane.operators import Operators
from gate.lane.web_link import link_of_lane
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import Enrolment, save
from gate.storage.folder import Folder
from sync.server import audit
from sync.server import tables as t
from sync.server.database import reading
from tests.support.central import Central, Maker, central
from tests.support.web import add_operators, browser

SERVER = "https://gate.example"


async def enrolled(running: Central, folder: Folder) -> None:
    maker = Maker(folder.device_id())
    maker.key = DeviceKey(folder)._key
    await running.enrol(maker)


def secret_of(folder: Folder) -> str:
    link = link_of_lane(folder, SERVER, "Ann")
    assert link.startswith(f"{SERVER}/web/link/lane.")
    return link.removeprefix(f"{SERVER}/web/link/")


async def test_a_lane_pairs_a_browser(tmp_path: Path, venue: Folder) -> None:
    """Once; the audit log has which device made the link, and who."""
    async with central(tmp_path / "server") as running:
        await enrolled(running, venue)
        await add_operators(running, {"Ann": Role.SUPERVISOR})
        secret = secret_of(venue)
        async with browser(running.app) as at, browser(running.app) as other:
            await at.open_link(secret)
            assert (await at.sign_in("Ann")).url.path == "/web/tonight"
            assert (await other.open_link(secret)).status_code == 410
        with reading(running.engine) as connection:
            (row,) = connection.execute(t.web_link.select()).all()
            assert row.made_by == f"{venue.device_id()} Ann"
            assert secret not in str(audit.rows(connection))


async def test_an_altered_link_is_none(tmp_path: Path, venue: Folder) -> None:
    """Another device, name or time than was signed, another key, another way to write it."""
    async with central(tmp_path / "server") as running, browser(running.app) as at:
        await enrolled(running, venue)
        secret = secret_of(venue)
        link = web_link.parse(secret)
        assert link is not None
        elsewhere = Folder(tmp_path / "elsewhere")
        elsewhere.create()
        for bad in (
            replace(link, device="0" * 16).secret(),
            replace(link, name="Bob").secret(),
            replace(link, made_s=link.made_s + 1).secret(),
            replace(link, nonce="0").secret(),
            DeviceKey(elsewhere).sign_link(link).secret(),
            secret + "=", secret + ".", secret.replace("lane.", "lane..", 1), "lane.....", "lane.",
        ):  # fmt: skip
            assert (await at.open_link(bad)).status_code == 404, bad
        assert running.count(t.web_browser) == 0
        await at.open_link(secret)
        assert running.count(t.web_browser) == 1


@pytest.mark.examples(2)
@pytest.mark.parametrize(
    ("off_s", "status"), [(-901, 410), (-800, 200), (299, 200), (400, 410), (10**11, 410)]
)
async def test_a_link_is_good_for_a_quarter_of_an_hour(
    tmp_path: Path, venue: Folder, off_s: int, status: int
) -> None:
    """By the server's clock, which the lane's may be ahead of by five minutes."""
    async with central(tmp_path / "server") as running, browser(running.app) as at:
        await enrolled(running, venue)
        link = LaneLink(venue.device_id(), read_wall_ms() // 1000 + off_s, "n", "Ann")
        secret = DeviceKey(venue).sign_link(link).secret()
        assert (await at.open_link(secret)).status_code == status


async def test_a_revoked_device_pairs_nothing(tmp_path: Path, venue: Folder) -> None:
    """Nor does one that is retired: it is not at work."""
    async with central(tmp_path / "server") as running, browser(running.app) as at:
        await enrolled(running, venue)
        for act in ("retire", "revoke"):
            await running.admin("POST", f"/events/show/devices/{venue.device_id()}/{act}")
            assert (await at.open_link(secret_of(venue))).status_code == 404


def test_a_supervisor_makes_it_at_the_command_line(
    venue: Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staff do not; and no gate that belongs nowhere."""
    folder = ["--data-dir", str(venue.path)]
    assert main(["web", "link", *folder]) == 2
    save(venue, Enrolment(SERVER, "secret", "show"))
    operators = Operators(venue)
    operators.add("Ann", Role.SUPERVISOR, "730164")
    operators.add("Bob", Role.STAFF, "730164")
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("Bob\n730164\n"))
    assert main(["web", "link", *folder]) != 0
    assert "lane." not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("Ann\n730164\n"))
    assert main(["web", "link", *folder]) == 0
    link = web_link.parse(capsys.readouterr().out.split("/web/link/")[1].strip())
    assert link is not None
    assert (link.device, link.name) == (venue.device_id(), "Ann")
    assert main(["web", "link", "--kind", "counts", *folder]) == 2
