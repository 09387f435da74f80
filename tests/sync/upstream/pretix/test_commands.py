"""``gate pretix`` at the server's database: what was not taken, what is missing, trying again."""

from pathlib import Path

import pytest

from gate.errors import UsageError
from sync.server.issuing import Issue
from sync.upstream import gate_devices, missing
from sync.upstream.pretix import commands
from sync.upstream.pretix.commands import Where
from sync.upstream.seam import Answer, Page, StoppedError, Told
from tests.support.places import in_folder
from tests.sync.upstream.test_seam import PARTS, Linked, complete, own_device, ticket


async def lose(here: Linked, count: int) -> None:
    """A comparison finds so many of forty tickets there no more."""
    rows = [ticket(n) for n in range(count, 40)]
    issue = Issue(tickets=rows, is_exact=True)
    await here.pull(Page({"n": 2}, 60, issue, run=2, ends_run=True))


async def test_missing_tickets_are_looked_at_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a name and a reason they are only shown; with both they are void, and it is noted."""
    async with complete(in_folder(tmp_path, PARTS), tickets=40) as here:
        await lose(here, 4)
        where = Where(folder=tmp_path)
        assert commands.void_missing(where, "show", "", "") == 1
        assert commands.void_missing(where, "show", "Li Na", "") == 1
        told = capsys.readouterr().out
        assert "t3  " in told
        assert "4 tickets are not in pretix any more" in told
        assert here.status("t3") == "normal"
        assert commands.void_missing(where, "show", "Li Na", "made smaller") == 0
        assert here.status("t3") == "revoked"
        assert here.read(missing.count, "show") == 0
        log = (await here.running.admin("GET", "/audit")).text
        assert "4: Li Na: made smaller" in log


async def test_what_was_not_taken_is_listed_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entry, time, gate, act, ticket, reason."""
    async with complete(in_folder(tmp_path, PARTS)) as here:
        here.shop.answer = Told(Answer.FAILED, "cancelled there")
        await here.did(here.maker.make(ticket="t1"))
        await here.step()
        assert commands.failed(Where(folder=tmp_path), "show") == 0
        line = capsys.readouterr().out.splitlines()[0]
        assert line.startswith(f"{here.maker.origin}:1  ")
        assert line.endswith("t1  cancelled there")


async def test_a_person_has_it_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stopped says what to do, with the code 1; after it was put right it goes on."""
    async with complete(in_folder(tmp_path, PARTS)) as here:
        where = Where(folder=tmp_path)
        own_device(here, "North", "7")
        here.write(lambda c: gate_devices.note_trouble(c, "show", "7", "revoked"))
        here.shop.trouble = StoppedError("unknown device", "Pair it again")
        await here.pull(Page({"n": 2}, 60))
        assert commands.status(where) == 1
        told = capsys.readouterr().out
        assert "wrong: unknown device. Pair it again." in told
        assert "gate shop retry" in told
        assert "the gate North is the device 7 there" in told
        here.shop.trouble = None
        assert commands.retry(where, "show") == 0
        await here.step()
        assert commands.status(where) == 0, "the gate's device is used again, too"
        with pytest.raises(UsageError):
            commands.retry(where, "another")
