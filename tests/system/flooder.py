"""A member of the venue that tells without end: tiny origins, huge entries, long notes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.core import allowance, entry_codec, hlc
from gate.core.entry import Act, Entry, device_of
from gate.core.signed_tip import SignedTip, signed_tip_message
from sync.server import journals
from sync.session import peer_session, server_session

FLOODER = "e" * 16
SEED = bytes(range(1, 33))
RATE, SAVED, PER_ORIGIN = 100, 8 * 1024, 512
"""The limits of a false world: an honest device comes near to them, a flooder far over them."""
PAGE = 2
"""Origins that a frame names there."""


class Flooder:
    """Signs what it says, as any member does, and says too much of it."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(SEED)
        self._last: tuple[Entry, str] | None = None
        self._lives = 0

    @property
    def public(self) -> str:
        """Its public key, hex."""
        return self._key.public_key().public_bytes_raw().hex()

    def flood(
        self, random: Random, now_ms: int
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        """What it says to somebody now: entries, heads, and those of them that anybody may take."""
        how = random.randrange(4)
        if how == 0:
            return self._made(now_ms, random.randint(5, 20), note="x", new_lives=True)
        if how == 1:
            return self._made(now_ms, random.randint(5, 20), note="x" * 900)
        if how == 2:
            return self._too_long(now_ms, note="x" * (entry_codec.MAX_NOTE + 1))
        return self._too_long(now_ms, source="x" * entry_codec.MAX_ENTRY)

    def _made(
        self, now_ms: int, count: int, *, note: str, new_lives: bool = False
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        bodies, signed_tips = [], []
        for n in range(count):
            # Signed each, so that relays with frames of any length can go on.
            entry, body = self._next(now_ms, begins=new_lives or not n, note=note)
            self._last = entry, entry_codec.digest(body).hex()
            bodies.append(body)
            signed_tips.append(self._head(*self._last))
        return bodies, signed_tips, bodies

    def _too_long(
        self, now_ms: int, note: str = "", source: str = ""
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        entry, body = self._next(now_ms, begins=True, note=note, source=source)
        return [body], [self._head(entry, entry_codec.digest(body).hex())], []

    def _next(
        self, now_ms: int, *, begins: bool, note: str, source: str = ""
    ) -> tuple[Entry, bytes]:
        last = self._last
        self._lives += begins
        made = Entry(
            origin=f"{FLOODER}.{self._lives:x}",
            seq=1 if begins or last is None else last[0].seq + 1,
            prev="" if last is None else last[1],
            follows=last[0].name if begins and last is not None else "",
            act=Act.REFUSAL,
            at_ms=now_ms,
            boot_ms=1,
            hlc=hlc.tick(last[0].hlc if last else 0, now_ms),
            note=note,
            source=source,
        )
        return made, entry_codec.encode(made)

    def _head(self, entry: Entry, digest: str) -> SignedTip:
        signed = self._key.sign(signed_tip_message(entry.origin, entry.seq, digest))
        return SignedTip(entry.origin, entry.seq, digest, signed.hex())


class Bound:
    """What a node may have taken in from the flooder itself, whatever it was told by it."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._largest: Counter[str] = Counter()
        self._taken: dict[str, set[bytes]] = defaultdict(set)

    def forget(self, node: str) -> None:
        """The node's clock was set, or its files are others now: at most all is allowed anew."""
        for kept in (self._since, self._largest, self._taken):
            kept.pop(node, None)

    def check(self, node: str, before: set[bytes], after: set[bytes], now_ms: int) -> None:
        """Note what a node took from one frame. Raises AssertionError when that was too much."""
        new = after - before
        cost = cost_of(new)
        self._since.setdefault(node, now_ms)
        self._taken[node] |= new
        self._largest[node] = max(self._largest[node], cost)
        grown = (now_ms - self._since[node]) * RATE // 1000
        total = cost_of(self._taken[node])
        assert total <= SAVED + grown + self._largest[node], f"{node} takes a flood in"


def cost_of(bodies: Iterable[bytes]) -> int:
    """What entries of the flooder cost, counted without the code under test."""
    bodies = list(bodies)
    begun = {entry_codec.decode(body).origin for body in bodies}
    return sum(map(len, bodies)) + PER_ORIGIN * len(begun)


def of_flooder(bodies: Iterable[bytes]) -> set[bytes]:
    """Those of some entries that the flooder made."""
    return {body for body in bodies if device_of(entry_codec.decode(body).origin) == FLOODER}


@contextmanager
def small_limits() -> Iterator[None]:
    """Limits that matter in a short history, and comparisons of many pages."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"RATE": RATE, "SAVED": SAVED, "PER_ORIGIN": PER_ORIGIN}.items():
            patch.setattr(allowance, name, value)
        for module in (server_session, peer_session, journals):
            patch.setattr(module, "PAGE_ORIGINS", PAGE)
        yield
