"""A pretixSCAN by script: the calls that its apps make of pretix, as the facts have them."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from tests.system.pretix.starting import RealPretix


class PretixScan:
    """A device of the other fleet, scanning on one list."""

    def __init__(self, pretix: RealPretix, name: str, of_list: int) -> None:
        self._list = of_list
        self._http = httpx.Client(base_url=f"{pretix.url}/api/v1", timeout=60)
        invitation = json.loads(pretix.do("device", name=name))
        me = {
            "token": invitation["token"], "hardware_brand": "Zebra", "hardware_model": "TC21",
            "os_name": "Android", "os_version": "13", "software_brand": "pretixSCAN Android",
            "software_version": "3.3.4",
        }  # fmt: skip
        made = self._http.post("/device/initialize", json=me).json()
        self._http.headers["Authorization"] = f"Device {made['api_token']}"

    def scan(self, code: str, kind: str = "entry", **more: Any) -> tuple[int, str]:
        """Online: HTTP status, and why not; empty: let in. ``nonce`` may be named."""
        body = {
            "lists": [self._list], "secret": code, "source_type": "barcode", "type": kind,
            "force": False, "ignore_unpaid": False, "nonce": uuid4().hex,
            "questions_supported": True, "canceled_supported": True, "answers": {},
        } | more  # fmt: skip
        answer = self._http.post("/organizers/demo/checkinrpc/redeem/", json=body)
        return answer.status_code, answer.json().get("reason") or ""

    def upload(self, code: str, at_ms: int, nonce: str, kind: str = "entry") -> tuple[int, str]:
        """What was decided without a network, brought later: a fact, with its own time."""
        moment = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
        return self.scan(code, kind, force=True, datetime=moment, nonce=nonce)

    def undo(self, nonce: str) -> int:
        """Take back what this device did under a nonce; the HTTP status."""
        body = {"lists": [self._list], "nonce": nonce}
        return self._http.post("/organizers/demo/checkinrpc/annul/", json=body).status_code

    def close(self) -> None:
        self._http.close()
