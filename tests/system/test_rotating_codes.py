"""Sold, drawn on a screen that changes every 15 s, read by a camera, refused as a picture."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from gate.core.outcome import Reason
from gate.credential.rotating import Pattern, current
from gate.storage.journal_reader import JournalReader
from tests.sync.cardapi.test_end_to_end import GateProcess
from tests.system.network import EVENT, Server, until

LIVE = "{code}-{totp_timestamp_seconds}-{totp_value_0}"
KEY = "3132333435363738393031323334353637383930"
SEEN_S = 240


class Phone:
    """A screen before the lane's camera: the folder's pictures are all this one, as it is then."""

    def __init__(self, pictures: Path, server: Server) -> None:
        self._server = server
        self._screen = pictures.parent / f"screen-{pictures.name}.png"
        self._ticket = ""
        self.shown: list[str] = []
        """Texts that were live on it, the newest last."""
        self._stop = threading.Event()
        self.draw("")
        for n in range(SEEN_S):
            (pictures / f"{n:04}.png").symlink_to(self._screen)
        self._thread = threading.Thread(target=self._keep_on, daemon=True)
        self._thread.start()

    def open(self, ticket: str) -> None:
        """Have the app show a ticket's code, moving on; empty: nothing."""
        self.shown, self._ticket = [], ticket
        if not ticket:
            self.draw("")

    def draw(self, text: str) -> None:
        """Put one picture on the screen."""
        made = zxingcpp.create_barcode(text or "no ticket here", zxingcpp.BarcodeFormat.QRCode)
        picture = np.array(made.to_image(scale=6, add_quiet_zones=True))
        if not text:
            picture[:] = 255
        part = self._screen.with_suffix(".part.png")
        cv2.imwrite(str(part), picture)
        part.replace(self._screen)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _keep_on(self) -> None:
        """As an app does: ask the backend when the code's end has come."""
        end_ms, ticket = 0, ""
        while not self._stop.wait(0.1):
            if self._ticket and (self._ticket != ticket or time.time() * 1000 >= end_ms):
                ticket = self._ticket
                told = self._server.admin("GET", f"/events/{EVENT}/tickets/{ticket}/code")
                end_ms = told["end_ms"]
                self.draw(told["text"])
                self.shown.append(told["text"])
            elif not self._ticket:
                ticket = ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    yield server
    server.close()


@pytest.mark.timeout(200)
@pytest.mark.long
def test_from_the_sale_to_the_picture_that_is_refused(tmp_path: Path, server: Server) -> None:
    """A screen that moves on is one scan, a later code the next guest's; a picture is none."""
    rows = [{"code": f"C{n}", "type": "L", "id": f"c{n}", "rotating_keys": KEY} for n in range(4)]
    types = [{"id": "L", "kind": "meeting", "title": "Gala", "rotating": LIVE}]
    server.admin("POST", f"/events/{EVENT}/tickets", {"types": types, "tickets": rows})
    gate = GateProcess(tmp_path / "north", server, "North")
    phone = Phone(gate.pictures, server)
    try:
        gate.start("--camera-folder", str(gate.pictures))
        phone.open("c0")
        until(lambda: gate.verdicts() == ["ADMIT"], 40)
        until(lambda: len(phone.shown) >= 3, 40)
        # A machine that is too busy to read for seconds takes it for the same ticket again.
        assert gate.verdicts().count("ADMIT") == 1, "the same guest, still in view"
        phone.open("")
        time.sleep(2.5)
        phone.open("c1")
        until(lambda: gate.verdicts().count("ADMIT") == 2, 40)
        phone.open("")
        time.sleep(2.5)
        an_hour_ago_ms = int(time.time() * 1000) - 3_600_000
        picture = current(Pattern(LIVE), "C2", [bytes.fromhex(KEY)], an_hour_ago_ms).text
        phone.draw(picture)
        until(lambda: any("This is a picture of the code" in line for line in gate.lines), 40)
        phone.draw("")
        time.sleep(2.5)
        phone.draw("C3")
        until(lambda: any("The code does not move" in line for line in gate.lines), 40)
        reader = JournalReader(gate.folder.journal)
        made = [entry for _row, entry in reader.page(limit=100) if entry.ticket]
        reader.close()
        found = {(entry.ticket, entry.reason): entry for entry in made}
        wanted = [
            ("c0", Reason.ADMITTED),
            ("c1", Reason.ADMITTED),
            ("c2", Reason.STALE_CODE),
            ("c3", Reason.STATIC_CODE),
        ]
        assert set(wanted) <= set(found)
        assert sum(entry.uses for entry in made) == 2
        assert all(found[ticket, reason].code_ms for ticket, reason in wanted[:3])
        until(lambda: gate.own() <= set(server.entries()), 20)
    finally:
        phone.close()
        gate.close()
