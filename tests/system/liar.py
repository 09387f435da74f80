"""A member of the venue that says whatever does harm: it has a key, and no shame.

What it may say it may say: that it let somebody in or out, and that what others did was undone.
"""

from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Raw

from gate.core import entry_codec, hlc
from gate.core.entry import Act, Entry
from gate.core.outcome import Outcome
from gate.core.signed_tip import SignedTip, signed_tip_message
from sync.wire import Frame, Heartbeat, PeerMessage

SEED = bytes(range(32))
TICKETS = 8
RUN = 6


class Liar:
    """Makes entries of its own, of several stories, and of others, which it has no right to."""

    def __init__(self, device: str = "f" * 16) -> None:
        self._device = device
        self._key = Ed25519PrivateKey.from_private_bytes(SEED)
        self._told: list[tuple[Entry, str]] = []
        self._lives = 0

    @property
    def public(self) -> str:
        """Its public key, hex."""
        return self._key.public_key().public_bytes_raw().hex()

    def lie(
        self, random: Random, known: list[bytes], now_ms: int
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        """What it says to somebody now: entries, heads, and those of them that it may say."""
        how = random.randrange(6)
        if how == 0 and known:
            return self._forged(random, known, now_ms)
        if how == 1 and known:
            return self._altered(random, known)
        if how == 2 and known:
            some = [random.choice(known) for _ in range(random.randint(1, RUN))]
            random.shuffle(some)
            return [*some, *reversed(some)], [], []
        return self._told_anew(random, now_ms, known)

    def word(
        self,
        random: Random,
        raw: list[bytes],
        signed_tips: list[SignedTip],
        known: list[bytes],
        devices: list[str],
    ) -> PeerMessage:
        """All of it as a word on its stream, with whatever else may mislead who hears it."""
        have: dict[str, list[str]] = {}
        for body in random.sample(known, min(len(known), random.randint(0, 3))):
            entry, digest = entry_codec.decode(body), entry_codec.digest(body).hex()
            seq = entry.seq + random.choice([0, 0, 1, 1000])
            false = random.choice([digest, "ab" * 32])
            have[entry.origin] = random.choice([[], [f"{seq}:{false[:32]}"]])
        ends = sorted(random.choice(["", "5", *have]) for _ in range(2))
        page = random.choice([None, None, ("", ""), ("", ends[1]), (ends[0], ends[1])])
        hears = dict.fromkeys(random.sample([*devices, "central"], 2), "")
        return PeerMessage(
            Frame(have, page, [Raw(body) for body in raw], signed_tips),
            acked=random.choice([0, 0, 1, 50]),
            relay_requests=random.choice([None, [], ["*"], devices]),
            heartbeat=Heartbeat(connected=random.choice([None, {}, hears])),
        )

    def _told_anew(
        self, random: Random, now_ms: int, known: list[bytes]
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        """Its own story goes on: from its end, or once more from somewhere before."""
        before = None
        if self._told:
            before = self._told[-1] if random.random() < 0.6 else random.choice(self._told)
        begins = before is None or random.random() < 0.1
        if begins:
            self._lives += 1
        prev, follows = ("", "") if before is None else (before[1], before[0].name)
        movements = [b for b in known if b'"admission"' in b or b'"exit"' in b]
        act = random.choice([Act.ADMISSION, Act.ADMISSION, Act.EXIT, Act.ANNULMENT])
        undone = entry_codec.decode(random.choice(movements)) if movements else None
        if act is Act.ANNULMENT and undone is None:
            act = Act.ADMISSION
        is_undo = act is Act.ANNULMENT and undone is not None
        made = Entry(
            origin=f"{self._device}.{self._lives:x}" if before is None or begins
            else before[0].origin,
            seq=1 if before is None or begins else before[0].seq + 1,
            prev=prev,
            follows=follows if begins else "",
            act=act,
            at_ms=now_ms,
            boot_ms=1,
            hlc=hlc.tick(0, now_ms),
            gate="liar",
            ticket=undone.ticket if is_undo and undone else f"t{random.randrange(TICKETS)}",
            target=undone.name if is_undo and undone else "",
            outcome={Act.ADMISSION: Outcome.ADMIT, Act.EXIT: Outcome.EXIT}.get(act),
            uses=int(act is Act.ADMISSION),
            persons=int(not is_undo),
            note=str(random.random()),
        )  # fmt: skip
        body = entry_codec.encode(made)
        digest = entry_codec.digest(body).hex()
        self._told.append((made, digest))
        return [body], [self._head(made, digest)], [body]

    def _forged(
        self, random: Random, known: list[bytes], now_ms: int
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        """Somebody else's next entry, vouched for with the wrong key or not at all."""
        last = random.choice(known)
        entry = entry_codec.decode(last)
        if entry.device == self._device:
            return self._told_anew(random, now_ms, known)
        made = Entry(
            origin=entry.origin,
            seq=entry.seq + 1,
            prev=entry_codec.digest(last).hex(),
            act=Act.ADMISSION,
            at_ms=now_ms,
            boot_ms=1,
            hlc=entry.hlc + 1,
            ticket=f"t{random.randrange(TICKETS)}",
            outcome=Outcome.ADMIT,
            uses=1,
            persons=1,
            note="forged",
        )
        body = entry_codec.encode(made)
        signed_tips = (
            [self._head(made, entry_codec.digest(body).hex())] if random.random() < 0.7 else []
        )
        return [last, body], signed_tips, []

    def _altered(
        self, random: Random, known: list[bytes]
    ) -> tuple[list[bytes], list[SignedTip], list[bytes]]:
        """Somebody else's entry with another ticket in it."""
        body = random.choice(known)
        entry = entry_codec.decode(body)
        if entry.device == self._device:
            return [body], [], []
        other = body.replace(b'"gate":"', b'"gate":"not ', 1)
        return [other], [self._head(entry, entry_codec.digest(other).hex())], []

    def _head(self, entry: Entry, digest: str) -> SignedTip:
        signed = self._key.sign(signed_tip_message(entry.origin, entry.seq, digest))
        return SignedTip(entry.origin, entry.seq, digest, signed.hex())
