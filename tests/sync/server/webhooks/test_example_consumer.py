"""The consumer in ``docs/`` works: a person gets a mail about a conflict, and once."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_string
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.central import ask, central
from tests.support.paths import ROOT
from tests.sync.server.webhooks.test_webhooks import TICKETS, gate

pytestmark = pytest.mark.system
EXAMPLE = ROOT / "docs" / "webhook_consumer.py"


@dataclass(slots=True)
class Mailbox:
    """A mail server that keeps what it takes."""

    port: int = 0
    is_full: bool = False
    mails: list[str] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The few words of SMTP that there have to be."""
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper().decode() if line.split() else ""
            if word == "DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            if word == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(b"452 full\r\n" if word == "MAIL" and self.is_full else b"250 ok\r\n")
        writer.close()

    def subjects(self) -> list[str]:
        return [str(message_from_string(mail)["Subject"]) for mail in self.mails]


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    made = Mailbox()
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


@asynccontextmanager
async def consumer(secret: str, mails: Mailbox) -> AsyncIterator[str]:
    """The example as a process of its own; the answer is where it listens."""
    environment = {"WEBHOOK_SECRET": secret, "SMTP": f"127.0.0.1:{mails.port}",
                   "MAIL_FROM": "gate@example.org", "MAIL_TO": "ann@example.org"}  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), "127.0.0.1:0", env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        yield line.removeprefix("listening on ").strip()
    finally:
        process.terminate()
        await process.wait()


async def test_a_person_hears_of_a_conflict(tmp_path: Path) -> None:
    """Signed, by a real post; again when the mail could not be sent, and never twice."""
    async with (
        mailbox() as mails,
        central(tmp_path / "s", runs_jobs=False, callback_to=("127.0.0.1",)) as running,
    ):
        await running.admin("POST", "/events/show/tickets", json=TICKETS)
        hook: dict[str, Any] = {"url": "http://127.0.0.1:1/", "kinds": ["conflict"]}
        made = (await running.admin("POST", "/events/show/webhooks", json=hook)).json()
        north, south = await gate(running), await gate(running, 1)
        for maker in (north, south):
            await running.exchange(maker, ask([maker.make(ticket="t0")], [maker.head()]))
        await running.server.webhooks.follow()
        async with consumer(made["secret"], mails) as at:
            with running.engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE webhook SET url = 'http://{at}/'")
            ping = f"/events/show/webhooks/{made['id']}/ping"
            pong = (await running.admin("POST", ping)).json()
            assert pong["delivered"], pong
            mails.is_full = True
            await deliver(running)
            (line,) = (await running.admin("GET", "/events/show/webhooks")).json()
            assert (line["waiting"], line["error"]) == (1, "answered 503")
            mails.is_full = False
            with running.engine.begin() as connection:
                connection.exec_driver_sql("UPDATE outbox SET due_ms = 0, leased_ms = 0")
            await deliver(running)
            (line,) = (await running.admin("GET", "/events/show/webhooks")).json()
            assert "waiting" not in line
            async with httpx.AsyncClient(trust_env=False) as http:
                forged = await http.post(f"http://{at}/", content=b"{}")
            assert forged.status_code == 401
    assert mails.subjects() == [
        f"show: Webhook {made['id']} arrives.",
        "show: Ticket t0: 1 more went in than it is good for.",
    ]


async def deliver(running: Any) -> None:
    while await running.server.deliveries.deliver():
        await running.server.deliveries.settled()
