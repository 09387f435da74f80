"""A member that lies and floods, with a credential that is good until it is revoked."""

import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from gate.cli.enrol_device import enrol_device
from gate.core import entry_codec, hlc
from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome
from gate.core.signed_tip import SignedTip
from gate.errors import GateError
from gate.storage.device_key import DeviceKey
from gate.storage.enrolment import load
from gate.storage.folder import Folder
from sync.transport.http_client import ServerClient
from sync.wire import Frame, SyncRequest
from tests.system.hosts import Hosts

EVERY_S = 0.3
ORIGINS, NOTES, NOTE_BYTES = 100, 50, 15_000


class Rogue:
    """Redeems tickets, takes back what others admitted, forges exits, floods."""

    def __init__(self, root: Path, hosts: Hosts, host: int) -> None:
        self._hosts, self._host = hosts, host
        self._folder = Folder(root / "rogue")
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._others: list[Entry] = []
        self._last: tuple[Entry, str] | None = None
        self.device = ""
        self.said: dict[str, int] = {}
        """How often it did what."""

    def enrol(self, link: str) -> None:
        self._hosts.do(self._host, lambda: enrol_device(self._folder, link, again=False))
        self.device = self._folder.device_id()

    def start(self, seed: int) -> None:
        chance = random.Random(seed)
        self._thread = threading.Thread(
            target=lambda: self._hosts.do(self._host, lambda: self._work(chance)), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join(30)

    def _work(self, chance: random.Random) -> None:
        enrolment = load(self._folder)
        assert enrolment is not None
        ways: list[Callable[[random.Random], list[bytes]]] = [
            self._redeem, self._take_back, self._let_out, self._begin_often, self._talk_much,
            self._babble,
        ]  # fmt: skip
        with closing(ServerClient(enrolment)) as client:
            while not self._ending.wait(EVERY_S):
                way = chance.choice(ways)
                self.said[way.__name__] = self.said.get(way.__name__, 0) + 1
                with suppress(GateError):
                    self._say(client, way(chance))

    def _say(self, client: ServerClient, bodies: list[bytes]) -> None:
        raw = [msgspec.Raw(body) for body in bodies]
        frame = Frame(entries=raw, signed_tips=self._signed_tips(bodies), page=("", ""))
        answer = client.exchange(SyncRequest(frame))
        for body in answer.frame.entries:
            entry = entry_codec.decode(bytes(body))
            if entry.act is Act.ADMISSION and entry.device != self.device:
                self._others.append(entry)

    def _signed_tips(self, bodies: list[bytes]) -> list[SignedTip]:
        key, signed_tips = DeviceKey(self._folder), []
        for body in bodies[-20:]:
            with suppress(entry_codec.NoEntryError):
                entry = entry_codec.decode(body)
                signed_tips.append(
                    key.sign(entry.origin, entry.seq, entry_codec.digest(body).hex())
                )
        return signed_tips

    def _redeem(self, chance: random.Random) -> list[bytes]:
        ticket = f"t{chance.randrange(400)}"
        return [self._made(Act.ADMISSION, ticket=ticket, outcome=Outcome.ADMIT, uses=1, persons=1)]

    def _take_back(self, chance: random.Random) -> list[bytes]:
        if not self._others:
            return []
        target = chance.choice(self._others[-30:])
        return [self._made(Act.ANNULMENT, ticket=target.ticket, target=target.name)]

    def _let_out(self, chance: random.Random) -> list[bytes]:
        ticket = f"t{chance.randrange(400)}"
        return [self._made(Act.EXIT, ticket=ticket, outcome=Outcome.EXIT, persons=1)]

    def _begin_often(self, _chance: random.Random) -> list[bytes]:
        return [self._made(Act.REFUSAL, begins=True) for _ in range(ORIGINS)]

    def _talk_much(self, _chance: random.Random) -> list[bytes]:
        return [self._made(Act.REFUSAL, note="x" * NOTE_BYTES) for _ in range(NOTES)]

    def _babble(self, chance: random.Random) -> list[bytes]:
        made = self._made(Act.REFUSAL)
        return [b'"babble"', b"{}", made[: len(made) // 2], chance.randbytes(20).hex().encode()]

    def _made(self, act: Act, *, begins: bool = False, **said: object) -> bytes:
        """The next entry of its own chain, which is in order: only what it says is not."""
        last = self._last
        is_first = begins or last is None
        now_ms = time.time_ns() // 1_000_000
        entry = Entry(
            origin=f"{self.device}.{os.urandom(8).hex()}" if is_first else last[0].origin,  # type: ignore[index]
            seq=1 if is_first else last[0].seq + 1,  # type: ignore[index]
            prev="" if last is None else last[1],
            follows=last[0].name if is_first and last is not None else "",
            act=act,
            at_ms=now_ms,
            boot_ms=1,
            hlc=hlc.tick(0, now_ms),
            gate="Rogue",
            **said,  # type: ignore[arg-type]
        )
        body = entry_codec.encode(entry)
        self._last = (entry, entry_codec.digest(body).hex())
        return body
