"""Two servers as processes, one of which plays WeChat; an unmodified wechatpy, and a gate."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from wechatpy import WeChatClient

from gate.core.ticket import Status, Ticket
from gate.errors import StoreError
from tests.support.cardapi import meeting
from tests.support.programs import run
from tests.sync.cardapi.test_client import client_of
from tests.sync.cardapi.test_end_to_end import GateProcess
from tests.system.network import EVENT, Server, until
from tests.system.proxy import Proxy

pytestmark = [
    pytest.mark.system,
    # The proxy's transports are cut where they stand, as a bad network does.
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def known(gate: GateProcess, code: str) -> Ticket | None:
    """The ticket that a lane knows by a code, if it does already."""
    with suppress(StoreError, AssertionError):
        return gate.ticket(code)
    return None


def seats(gate: GateProcess, code: str) -> tuple[str, ...]:
    """Where it sits, as far as the lane knows."""
    ticket = known(gate, code)
    return ticket.seats if ticket is not None else ()


class Sides:
    """Both servers, and a way between them that can be cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wechat = Server(path / "wechat", "--callback-to", "127.0.0.1")
        self.way = Proxy(self.wechat.port)
        self.ours = Server(path / "ours", "--callback-to", "127.0.0.1")
        self.account = self.wechat.admin("POST", "/accounts", {"event": EVENT})
        self.push_token = ""
        self.pair()

    def pair(self) -> None:
        """``gate wechat pair``, and what it says entered at WeChat."""
        secret = self.path / "secret"
        secret.write_text(self.account["secret"])
        made = run(
            "wechat", "pair", EVENT, "--appid", self.account["appid"], "--url", self.way.url,
            "--secrets-file", str(secret), "--grace-s", "1",
            "--server-dir", str(self.path / "ours"), timeout=60,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        found = re.search(r"Token +(\S+)\n +EncodingAESKey +(\S+)", made.stdout)
        assert found is not None, made.stdout
        self.push_token = found[1]
        self.aes_key = found[2]
        pushed_to = f"{self.ours.url}/wechat/push/{self.account['appid']}"
        stated = {"callback": pushed_to, "callback_token": found[1], "aes_key": found[2],
                  "mode": "safe"}  # fmt: skip
        until(lambda: "last heard: never" not in self.status())
        self.wechat.admin("POST", f"/accounts/{self.account['appid']}", stated)

    def status(self) -> str:
        """``gate wechat status``."""
        return run(
            "wechat", "status", "--server-dir", str(self.path / "ours"), timeout=60
        ).stdout  # fmt: skip

    def app(self, client: WeChatClient, path: str, **body: Any) -> Any:
        """What somebody does in the app, at WeChat."""
        return client.post(f"{self.wechat.url}/v1/{path}", data=body)

    def close(self) -> None:
        """Stop both."""
        self.ours.close()
        self.way.close()
        self.wechat.close()


@pytest.mark.timeout(240)
@pytest.mark.long
def test_tickets_live_at_wechat_and_people_come_in_here(tmp_path: Path) -> None:
    """Sold there, seated through us, let in here, used there; cut off for a while, and all told."""
    sides = Sides(tmp_path)
    gates: list[GateProcess] = []
    appid, secret = sides.account["appid"], sides.account["secret"]
    # The backend's only change: where its library looks for WeChat.
    through = client_of(sides.ours, appid, secret)
    there = client_of(sides.wechat, appid, secret)
    try:
        card_id = through.card.create(meeting(get_limit=9))
        codes = [
            sides.app(there, "claims", card_id=card_id, openid=f"o{n}")["code"] for n in range(4)
        ]
        through.post(
            f"{sides.ours.url}/card/meetingticket/updateuser",
            data={"code": codes[0], "card_id": card_id, "zone": "C区", "entrance": "North",
                  "seat_number": "2排15号"},
        )  # fmt: skip
        gate = GateProcess(tmp_path / "north", sides.ours, "North")
        gates.append(gate)
        gate.start()
        until(lambda: seats(gate, codes[0]) == ("2排15号",))
        assert gate.scan(codes[0]) == "ADMIT"

        def is_used(code: str) -> bool:
            stated = there.card.get_code(code, card_id, check_consume=False)
            return bool(stated["user_card_status"] == "CONSUMED")

        until(lambda: is_used(codes[0]), 30)
        # A kiosk that asks WeChat itself.
        there.card.consume_code(codes[1], card_id)
        until(lambda: any(one[0].startswith("central.") for one in gate.heard()))
        assert gate.scan(codes[1]) == "REFUSE"

        sides.way.down()
        assert gate.scan(codes[2]) == "ADMIT"
        until(lambda: "still to be told: 1" in sides.status())
        sides.way.up()
        until(lambda: is_used(codes[2]), 90)

        there.card.invalid_code(codes[3], card_id)
        # WeChat pushes nothing of that: the organiser does it through us.
        assert gate.knows(codes[3]) is Status.NORMAL
        new = sides.app(there, "claims", card_id=card_id, openid="o9")["code"]
        until(lambda: known(gate, new) is not None)
        through.card.invalid_code(new, card_id)
        until(lambda: gate.knows(new) is Status.REVOKED)
        until(lambda: "still to be told: 0; not taken: 0" in sides.status())
        assert sides.push_token not in sides.status()
    finally:
        through._http.close()
        there._http.close()
        for one in gates:
            one.close()
        sides.close()
    logs = {path: path.read_text("utf-8") for path in tmp_path.rglob("*.log")}
    assert any(logs.values())
    for hidden in (secret, sides.push_token, sides.aes_key, *codes):
        assert not [path for path, text in logs.items() if hidden in text], hidden
