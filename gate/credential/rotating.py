"""Rotating codes: a static part that finds the ticket, and a value that its key makes anew.

The value is TOTP (RFC 6238) as Google Wallet's rotating barcodes have it: HOTP (RFC 4226) with
SHA-1 over the number of the period, ``floor(Unix milliseconds / period)``. A *pattern* says how a
code is put together; ``docs/codes.md`` has the algorithm and examples in two languages.
"""

import hashlib
import hmac
import re
import struct
from base64 import b32decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gate.core.rotation import Rotation, Shown

CODE, VALUE = "{code}", "{{totp_value_{n}}}"
SECONDS, MILLIS = "{totp_timestamp_seconds}", "{totp_timestamp_millis}"
PATTERN = f"{CODE}-{SECONDS}-{VALUE.format(n=0)}"
"""What is taken where nobody says otherwise: Google's own example."""
PERIOD_MS, DIGITS = 15_000, 6
MOST_VALUES = 4
KEY_BYTES = 20
"""Of a key that is made here: RFC 4226 recommends as many as SHA-1 has."""
_LEAST_KEY, _MOST_KEY = 10, 64
BACK_MS, FORTH_MS = 2 * 3_600_000, 600_000
"""How far from now the period is looked for of a code that does not say its time."""
_MOST_TRIED = 2000
_PLACE = re.compile(r"\{[^{}]*\}")
_BASE32 = "base32:"


class BadPattern(ValueError):
    """A pattern by which no code could be read again."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How the codes of a ticket type are put together."""

    text: str
    period_ms: int = PERIOD_MS
    digits: int = DIGITS

    @property
    def values(self) -> int:
        """How many values it has, each made by a key of its own."""
        return self.text.count(VALUE.format(n="")[:-1])


@dataclass(frozen=True, slots=True)
class Parts:
    """What a text says that may be a rotating code."""

    code: str
    """The static part."""
    values: tuple[str, ...]
    at_ms: int | None
    """When it was made, by the phone; ``None`` where the pattern does not say."""


@dataclass(frozen=True, slots=True)
class Current:
    """The text of a moment, and for which it is good."""

    text: str
    begin_ms: int
    """First millisecond of its period, Unix."""
    end_ms: int
    """First of the next one."""


class Secrets(NamedTuple):
    """What makes the texts of a ticket."""

    code: str
    keys: tuple[bytes, ...]


def check_pattern(text: str) -> None:
    """Raise BadPattern unless every code by a pattern can be taken apart again in one way."""
    places = _PLACE.findall(text)
    values = [place for place in places if place not in (CODE, SECONDS, MILLIS)]
    wanted = [VALUE.format(n=n) for n in range(len(values))]
    stamps = places.count(SECONDS) + places.count(MILLIS)
    is_right = places.count(CODE) == 1 and stamps <= 1 and sorted(values) == wanted
    literal = _PLACE.sub("", text)
    if not is_right or not 1 <= len(values) <= MOST_VALUES or not literal.isprintable():
        raise BadPattern(text)


@lru_cache(maxsize=64)
def _compiled(pattern: Pattern) -> re.Pattern[str]:
    # All but the code has one length, so a text can be taken apart in one way only.
    forms = {
        CODE: "(?P<code>.+)",
        SECONDS: "(?P<seconds>[0-9]{10})",
        MILLIS: "(?P<millis>[0-9]{13})",
    }
    forms |= {
        VALUE.format(n=n): f"(?P<value{n}>[0-9]{{{pattern.digits}}})" for n in range(MOST_VALUES)
    }
    made, at = "", 0
    for place in _PLACE.finditer(pattern.text):
        made += re.escape(pattern.text[at : place.start()]) + forms[place.group()]
        at = place.end()
    return re.compile(made + re.escape(pattern.text[at:]))


def read(pattern: Pattern, text: str) -> Parts | None:
    """What a text says by a pattern; ``None`` where it is not by it."""
    found = _compiled(pattern).fullmatch(text)
    if found is None:
        return None
    said = found.groupdict()
    values = tuple(said[f"value{n}"] for n in range(pattern.values))
    at_ms = None
    if said.get("seconds"):
        at_ms = int(said["seconds"]) * 1000
    elif said.get("millis"):
        at_ms = int(said["millis"])
    return Parts(said["code"], values, at_ms)


def totp(key: bytes, period: int, digits: int) -> str:
    """HOTP-SHA1 (RFC 4226) over the number of a period, with zeros in front."""
    mac = hmac.digest(key, struct.pack(">Q", period), "sha1")
    at = mac[-1] & 0x0F
    (number,) = struct.unpack_from(">I", mac, at)
    return str((number & 0x7FFF_FFFF) % 10**digits).zfill(digits)


def current(pattern: Pattern, code: str, keys: Sequence[bytes], at_ms: int) -> Current:
    """The text that is to be shown at a moment (Unix milliseconds), with its end."""
    period = at_ms // pattern.period_ms
    begin_ms = period * pattern.period_ms
    parts = {CODE: code, SECONDS: f"{begin_ms // 1000}", MILLIS: f"{begin_ms}"}
    for n in range(pattern.values):
        parts[VALUE.format(n=n)] = totp(keys[n], period, pattern.digits)
    text = _PLACE.sub(lambda place: parts[place.group()], pattern.text)
    return Current(text, begin_ms, begin_ms + pattern.period_ms)


def prove(pattern: Pattern, parts: Parts, keys: Sequence[bytes], now_ms: int) -> Rotation:
    """Whether the keys have made a code, and when; ``now_ms`` is where it is looked for."""
    if len(keys) < pattern.values:
        return Rotation(Shown.WRONG, period_ms=pattern.period_ms)
    tried = (
        iter((parts.at_ms // pattern.period_ms,))
        if parts.at_ms is not None
        else _nearest(now_ms // pattern.period_ms, pattern.period_ms)
    )
    for period in tried:
        if _is_made(pattern, parts, keys, period):
            return Rotation(Shown.MOVING, period * pattern.period_ms, pattern.period_ms)
    needs_clock = parts.at_ms is None
    return Rotation(Shown.WRONG, period_ms=pattern.period_ms, needs_clock=needs_clock)


def _is_made(pattern: Pattern, parts: Parts, keys: Sequence[bytes], period: int) -> bool:
    return all(
        hmac.compare_digest(totp(keys[n], period, pattern.digits), value)
        for n, value in enumerate(parts.values)
    )


def _nearest(now: int, period_ms: int) -> Iterator[int]:
    """Numbers of periods, the likeliest first: what is shown is mostly of now."""
    forth = min(FORTH_MS // period_ms, _MOST_TRIED // 2)
    back = min(BACK_MS // period_ms, _MOST_TRIED)
    for away in range(max(forth, back) + 1):
        # Before 1970 there is no period, whatever a clock says that has lost its battery.
        if away <= back and now >= away:
            yield now - away
        if 0 < away <= forth and now + away >= 0:
            yield now + away


def read_key(stated: str) -> bytes:
    """A key as it is stated: Base16, or Base32 behind ``base32:``. Raises ValueError."""
    text = "".join(stated.split())
    if text.casefold().startswith(_BASE32):
        letters = text[len(_BASE32) :].upper().rstrip("=")
        key = b32decode(letters + "=" * (-len(letters) % 8))
    else:
        key = bytes.fromhex(text)
    if not _LEAST_KEY <= len(key) <= _MOST_KEY:
        raise ValueError(len(key))
    return key


def made_key(secret: bytes, code: str, n: int) -> bytes:
    """The n-th key of a ticket that whoever holds a secret makes of its code, always the same."""
    about = b"rotating\0%d\0" % n + code.encode()
    return hmac.digest(secret, about, "sha256")[:KEY_BYTES]


def seal(key: bytes, code: str, secret: bytes) -> str:
    """A key of a ticket as it is kept, in hex: only who has the code itself can open it.

    A gate's disk has keyed hashes of codes and not the codes. Sealing the same gives the same.
    """
    return AESSIV(_sealing_key(key, code)).encrypt(secret, None).hex()


def unseal(key: bytes, code: str, sealed: str) -> bytes | None:
    """What was sealed; ``None`` where this was not for this code."""
    try:
        return AESSIV(_sealing_key(key, code)).decrypt(bytes.fromhex(sealed), None)
    except (InvalidTag, ValueError):
        return None


def _sealing_key(key: bytes, code: str) -> bytes:
    # Another use than that of the hash by which the code is known, which is on the disk.
    return hashlib.blake2b(code.encode(), digest_size=32, key=key, person=b"rotating").digest()
