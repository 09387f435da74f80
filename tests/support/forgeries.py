"""Texts that no key of the event has signed as they are, made of codes that it has signed.

    python -m tests.support.forgeries --count 10000000 --processes 2 --kept forgeries.txt

tries so many on both readers, in parts that each have a seed of their own; parts that are done are
kept in a file, and passed over when it goes on. A text that is believed ends it, with its seed.
"""

import argparse
import hmac
import random
import sys
import time
from base64 import b32decode, b32encode, b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import cbor2

from gate.core.signed_ticket import KeyState, Scheme, Signed
from gate.credential import pretix_signed, signed
from tests.support.signing import EVENT, code, event_key, pretix_code, private

PART = 20_000
"""Texts of one seed; every fifth is pretix's."""
TICKETS = 200
"""So many good codes others are made of."""


def text_of(content: bytes) -> str:
    """Bytes in Base32, by Python's own encoder."""
    return b32encode(content).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """And back."""
    return b32decode(text + "=" * (-len(text) % 8))


Forge = Callable[[random.Random, bytes], bytes]
SAID = {2: "good-1", 3: EVENT, -65537: {1: "SHOW"}}


def _flip(chance: random.Random, content: bytes) -> bytes:
    """One bit, or a few."""
    bits = chance.sample(range(len(content) * 8), chance.choice((1, 1, 2, 3)))
    flipped = int.from_bytes(content, "big") ^ sum(1 << bit for bit in bits)
    return flipped.to_bytes(len(content), "big")


def _cut(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    return chance.choice([content[:at], content[at:], content[:at] + content[at + 1 :]])


def _add(chance: random.Random, content: bytes) -> bytes:
    at, more = chance.randrange(len(content) + 1), chance.randbytes(chance.randint(1, 8))
    return content[:at] + more + content[at:]


def _swap(chance: random.Random, content: bytes) -> bytes:
    """The signature of one ticket under another."""
    other = _good(chance.randrange(TICKETS))
    return other[:-64] + (content if content != other else _good(TICKETS))[-64:]


def _other_key(chance: random.Random, content: bytes) -> bytes:
    """Signed by a key of our own making, under the event's key id."""
    forged = bytes_of(code(f"good-{chance.getrandbits(32)}", number=chance.randint(2, 250)))
    return forged[:7] + content[7:11] + forged[11:]


def _other_event(chance: random.Random, content: bytes) -> bytes:
    """Another event's ticket, as it is."""
    said = Signed(f"good-{chance.getrandbits(32)}", "SHOW", "other")
    return bytes_of(signed.sign(private(chance.randint(2, 250)), said))


def sign(number: int, protected: bytes, payload: bytes) -> bytes:
    """What a key makes of any header and payload."""
    to_be = cbor2.dumps(["Signature1", protected, b"", payload])
    parts = [protected, {}, payload, private(number).sign(to_be)]
    return bytes(cbor2.dumps(parts))


def _algorithm(chance: random.Random, content: bytes) -> bytes:
    """Another algorithm, or none, in the header; signed with the event's own key even so."""
    named = chance.choice([-7, -8, -35, -257, -19, 5, 0, "none", None])
    header = {1: named, 4: bytes.fromhex(event_key().id)}
    if chance.random() < 0.5:
        header = {4: header[4], 1: header[1]}
    if named == -8 and list(header) == [1, 4]:
        header[5] = 0
    return sign(1, cbor2.dumps(header), cbor2.dumps(SAID, canonical=True))


def _mac(chance: random.Random, content: bytes) -> bytes:
    """The public key taken for a secret: an HMAC in the place of the signature."""
    return content[:-64] + hmac.digest(bytes.fromhex(event_key().public), content[:-64], "sha512")


# By the event's own key: not even that makes a second form of a ticket.
_ODD_PAYLOADS = [
    "a4 02 66 676f6f642d31 02 66 676f6f642d32 03 68 7061726b32303236 3a00010000 a1 01 64 53484f57",
    "a3 03 68 7061726b32303236 02 66 676f6f642d31 3a00010000 a1 01 64 53484f57",
    "bf 02 66 676f6f642d31 03 68 7061726b32303236 3a00010000 a1 01 64 53484f57 ff",
    "a3 1802 66 676f6f642d31 03 68 7061726b32303236 3a00010000 a1 01 64 53484f57",
    "a3 02 7806 676f6f642d31 03 68 7061726b32303236 3a00010000 a1 01 64 53484f57",
    "a3 02 66 676f6f642d31 03 68 7061726b32303236 3b0000000000010000 a1 01 64 53484f57",
    "a3 02 66 676f6f642d31 03 68 7061726b32303236 3a00010000 a2 01 64 53484f57 05 f6",
    "a3 02 66 676f6f642d31 03 68 7061726b32303236 3a00010000 a2 01 64 53484f57 05 f93c00",
    "a3 02 64 61626364 03 68 7061726b32303236 3a00010000 a1 01 64 53484f57",
    "a2 02 66 676f6f642d31 3a00010000 a1 01 64 53484f57",
    "a1 02 66 676f6f642d31",
    "80", "f6", "00", "ff", "5f", "",
]  # fmt: skip


def _odd(chance: random.Random, content: bytes) -> bytes:
    payload = bytes.fromhex(chance.choice(_ODD_PAYLOADS))
    return sign(1, content[2:11], payload)


FORGED: dict[str, Forge] = {
    "bits flipped": _flip,
    "bytes cut": _cut,
    "bytes added": _add,
    "another ticket's signature": _swap,
    "another key": _other_key,
    "another event": _other_event,
    "another algorithm": _algorithm,
    "a MAC": _mac,
    "not canonical": _odd,
}


def _respelled(chance: random.Random, text: str) -> str:
    """The same bytes in another text, or nearly."""
    return chance.choice(
        [
            text.lower(), text + "=", text + "A", f" {text}"[1:] + "\n", text.replace("A", "a", 1),
            text[:-1] + chr((ord(text[-1]) - 65 + 1) % 26 + 65), text.replace("O", "0", 1) + " ",
        ]
    )  # fmt: skip


def forged(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Texts made of a good one that must not be believed, and how each was made."""
    chance = random.Random(seed)
    names = [*FORGED, "respelled"]
    for n in range(count):
        name = names[n % len(names)]
        content = _good(chance.randrange(TICKETS))
        good = text_of(content)
        text = (
            _respelled(chance, good)
            if name == "respelled"
            else text_of(FORGED[name](chance, content))
        )
        if text != good:
            yield name, text


@cache
def _good(number: int) -> bytes:
    """One of the event's own."""
    seats = (f"A-{number}",) if number % 3 else ()
    return bytes_of(code(f"good-{number}", seats=seats, uses=number % 4 or None))


def pretix_forged(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """The same of pretix's codes."""
    chance = random.Random(seed)
    for n in range(count):
        good = _good_pretix(chance.randrange(TICKETS))
        name, forge = _PRETIX[n % len(_PRETIX)]
        text = forge(chance, good)
        if text != good:
            yield name, text


@cache
def _good_pretix(number: int) -> str:
    return pretix_code(item=number % 100 + 1, seed=f"Snlvz{number:04d}")


def _flip_pretix(chance: random.Random, good: str) -> str:
    return b64encode(_flip(chance, b64decode(good[::-1]))).decode()[::-1]


def _cut_pretix(chance: random.Random, good: str) -> str:
    return b64encode(_cut(chance, b64decode(good[::-1]))).decode()[::-1]


def _retype_pretix(chance: random.Random, good: str) -> str:
    at = chance.randrange(len(good))
    return good[:at] + chance.choice("ABCabc019+/=") + good[at + chance.randint(0, 1) :]


def _other_key_pretix(chance: random.Random, _good: str) -> str:
    return pretix_code(number=chance.randint(3, 250), item=chance.randint(1, 100))


_PRETIX: list[tuple[str, Callable[[random.Random, str], str]]] = [
    ("bits flipped", _flip_pretix), ("bytes cut", _cut_pretix),
    ("retyped", _retype_pretix), ("another key", _other_key_pretix),
]  # fmt: skip


def try_part(seed: int) -> tuple[int, int, str]:
    """Try the texts of a seed: how many, how many of them different, and one that was believed."""
    ours = [event_key(), event_key(251, state=KeyState.RETIRED)]
    pretix = [event_key(2, Scheme.PRETIX)]
    tried, different = 0, set[str]()
    for name, text in forged(seed, PART * 4 // 5):
        tried += 1
        different.add(text)
        if signed.proved(text, ours) is not None:
            return tried, len(different), f"{name}: {text}"
    for name, text in pretix_forged(seed, PART // 5):
        tried += 1
        different.add(text)
        if pretix_signed.proved(text, pretix) is not None:
            return tried, len(different), f"pretix, {name}: {text}"
    return tried, len(different), ""


def main() -> int:
    """Try as many as were asked for; 1 where one was believed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kept", type=Path, default=Path("forgeries.txt"))
    options = parser.parse_args()
    kept: Path = options.kept
    lines = kept.read_text("ascii").splitlines() if kept.exists() else []
    done = {int(seed): (int(tried), int(new)) for seed, tried, new in map(str.split, lines)}
    # Some good texts come out of it by chance, so a part has a few less than it could.
    parts = [seed for seed in range(-(-options.count // PART)) if seed not in done]
    began = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool, kept.open("a", encoding="ascii") as file:
        running = {pool.submit(try_part, seed): seed for seed in parts}
        for future in as_completed(running):
            tried, different, believed = future.result()
            if believed:
                print(f"believed (seed {running[future]}): {believed}")
                pool.shutdown(cancel_futures=True)
                return 1
            done[running[future]] = tried, different
            file.write(f"{running[future]} {tried} {different}\n")
            file.flush()
            texts, distinct = (sum(column) for column in zip(*done.values(), strict=True))
            print(
                f"{texts:>12,} texts tried, {distinct:,} different in their parts,"
                f" none believed, {time.monotonic() - began:.0f} s",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
