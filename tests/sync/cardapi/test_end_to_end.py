"""From the organiser's backend to the door and back, every part a process of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import wechatpy

from gate.cli.enrol_device import enrol_device
from gate.core.ticket import Status, Ticket
from gate.storage.folder import Folder
from gate.storage.tickets import Tickets
from tests.support.cardapi import meeting
from tests.system.network import EVENT, GATE, Device, Server, until
from tests.system.proxy import Proxy

# The proxy's transports are cut where they stand, as a bad network does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Backend:
    """The organiser's backend on a port of its own: hears events, and calls the API."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        heard = self.heard

        class Hook(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(parse_qs(urlsplit(self.path).query)["echostr"][0])

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                heard.append(wechatpy.parse_message(self.rfile.read(length))._data)
                self._answer("success")

            def _answer(self, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_said: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?key=sesame"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def events(self, name: str) -> list[Any]:
        return [one for one in self.heard if one["Event"] == name]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class GateProcess:
    """``gate scan --plain`` on an enrolled folder, with its sync worker; typed at by a pipe."""

    def __init__(self, path: Path, server: Server, name: str, url: str = "") -> None:
        self.folder = Folder(path)
        enrol_device(self.folder, server.link(name, url), again=False)
        subprocess.run(
            [*GATE, "sync", "--once", "--data-dir", str(path)], check=True, capture_output=True,
            timeout=60,
        )  # fmt: skip
        self.lines: list[str] = []
        pictures = path.parent / f"pictures-{name}"
        pictures.mkdir()
        self.pictures = pictures
        self.name = name
        self.process: subprocess.Popen[str] | None = None

    def start(self, *more: str) -> None:
        self.process = subprocess.Popen(
            [*GATE, "scan", "--plain", "--gate", self.name, "--data-dir", str(self.folder.path),
             "--set", "sync.poll_s=0.2", *(more or ("--camera", "off"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"GATE_LANGUAGE": "en", "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line.rstrip("\n"))

    def verdicts(self) -> list[str]:
        return [line.split()[1] for line in self.lines if line[:2].isdigit()]

    def scan(self, code: str) -> str:
        """Scan a typed code; the outcome."""
        assert self.process is not None
        assert self.process.stdin is not None
        before = len(self.verdicts())
        self.process.stdin.write(code + "\n")
        self.process.stdin.flush()
        until(lambda: len(self.verdicts()) > before)
        return self.verdicts()[-1]

    def own(self) -> set[tuple[str, int, str]]:
        return Device._entries(self.folder.journal)

    def heard(self) -> set[tuple[str, int, str]]:
        return Device._entries(self.folder.peers)

    def knows(self, code: str) -> Status:
        """How the ticket stands in the replica that the lane reads."""
        return self.ticket(code).status

    def ticket(self, code: str) -> Ticket:
        tickets = Tickets(self.folder)
        try:
            tickets.refresh()
            found = tickets.codes.match(code).ticket
            assert found is not None
            return found
        finally:
            tickets.close()

    def close(self) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            self.process.stdin.close()
            self.process.wait(60)
            self._reader.join(10)
            self.process.stdout.close()
            self.process = None


class Api:
    """The card API by plain HTTP."""

    def __init__(self, server: Server, backend: Backend) -> None:
        made = server.admin("POST", "/accounts", {"event": EVENT})
        self.appid, self.url = made["appid"], server.url
        body = {"callback": backend.url, "callback_token": "TheCallbackToken", "grace_s": 2}
        server.admin("POST", f"/accounts/{self.appid}", body)
        asked = {"grant_type": "client_credential", "appid": self.appid, "secret": made["secret"]}
        told = httpx.post(f"{self.url}/cgi-bin/stable_token", json=asked, trust_env=False)
        self.token = told.json()["access_token"]
        self.secrets = (self.token, made["secret"], body["callback_token"], "sesame")

    def __call__(self, path: str, **body: Any) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}{path}?access_token={self.token}", json=body, timeout=60, trust_env=False
        )
        told: dict[str, Any] = answer.json()
        assert told["errcode"] == 0, told
        return told

    def status(self, code: str) -> str:
        told = self("/card/code/get", code=code, check_consume=False)
        return str(told["user_card_status"])


@pytest.fixture
def backend() -> Iterator[Backend]:
    backend = Backend()
    yield backend
    backend.close()


@pytest.mark.timeout(240)
@pytest.mark.long
def test_from_the_backend_to_the_door_and_back(tmp_path: Path, backend: Backend) -> None:
    """Sold, seated, drawn, read by the lane, refused elsewhere, told, refunded, cut off, told."""
    server = Server(tmp_path / "server", "--callback-to", "127.0.0.1")
    proxy = Proxy(server.port)
    gates: list[GateProcess] = []
    try:
        api = Api(server, backend)
        card_id = api("/card/create", **meeting(get_limit=9, code_type="CODE_TYPE_QRCODE"))[
            "card_id"
        ]
        codes = [api("/v1/claims", card_id=card_id, openid=f"o{n}")["code"] for n in range(9)]
        api("/card/meetingticket/updateuser", code=codes[0], zone="C区", entrance="North",
            seat_number="2排15号")  # fmt: skip
        north = GateProcess(tmp_path / "north", server, "North")
        south = GateProcess(tmp_path / "south", server, "South", proxy.url)
        gates += [north, south]
        rendered = north.pictures / "ticket.png"
        subprocess.run(
            [sys.executable, "-m", "gate", "tickets", "render", codes[0], "--out", str(rendered),
             "--server-dir", str(tmp_path / "server")],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        south.start()
        north.start("--camera-folder", str(north.pictures))
        until(lambda: "ADMIT" in north.verdicts())
        line = next(line for line in north.lines if " ADMIT " in line)
        assert "2排15号" in line
        until(lambda: api.status(codes[0]) == "CONSUMED")
        until(lambda: north.own() <= south.heard())
        assert south.scan(codes[0]) == "REFUSE"
        until(lambda: bool(backend.events("user_consume_card")))
        told = backend.events("user_consume_card")[0]
        assert (told["UserCardCode"], told["LocationName"]) == (codes[0], "North")

        def moved(code: str) -> float:
            api("/card/meetingticket/updateuser", code=code, entrance="东北门")
            return until(lambda: south.ticket(code).entrance == "东北门")

        def voided(code: str) -> float:
            api("/card/code/unavailable", code=code, reason="refund")
            return until(lambda: south.knows(code) is Status.REVOKED)

        # One of some is: a machine may have other things to do meanwhile.
        tried = [codes[1], *codes[4:]]
        assert any(moved(code) < 1 for code in tried), "a changed entrance is there in a second"
        assert any(voided(code) < 1 for code in tried), "a void is there within a second"
        assert south.scan(codes[1]) == "REFUSE"

        proxy.down()
        assert south.scan(codes[2]) in ("ADMIT", "ATTENTION")
        assert api.status(codes[2]) == "NORMAL"
        proxy.up()
        until(lambda: api.status(codes[2]) == "CONSUMED", 90)
        until(
            lambda: any(one["UserCardCode"] == codes[2]
                        for one in backend.events("user_consume_card"))
        )  # fmt: skip
        assert api.status(codes[3]) == "NORMAL"
        api("/card/code/consume", code=codes[3])
        held = server.entries()
        until(lambda: {e for e in held if e[0].startswith("central.")} <= north.heard())
        assert north.scan(codes[3]) == "REFUSE"
    finally:
        for gate in gates:
            gate.close()
        proxy.close()
        server.close()
    logs = {path.name: path.read_text("utf-8") for path in tmp_path.rglob("*.log")}
    assert {"gate.log", "server.log", "sync.log"} <= {name for name, said in logs.items() if said}
    for secret in (*api.secrets, *codes):
        assert not [name for name, said in logs.items() if secret in said], secret
