"""Rotating codes: the standards' own numbers, texts taken apart in one way, keys that stay shut."""

import re
import string
from base64 import b32encode

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from hypothesis import assume, given
from hypothesis import strategies as st

from gate.core.rotation import Shown
from gate.credential import rotating
from gate.credential.rotating import BadPattern, Parts, Pattern, current, prove, read, totp

RFC_KEY = b"12345678901234567890"
GOOGLE = Pattern("{code}-{totp_timestamp_seconds}-{totp_value_0}", 3000, 8)
"""Google Wallet's example of a ``RotatingBarcode``, its ``MyRotatingBarcode`` for the code."""
BARE = Pattern("{code}{totp_value_0}")
TWO_KEYS = Pattern("{code}::{totp_value_0}::{totp_value_1}::{totp_timestamp_seconds}")
"""As Ticketmaster's SafeTix: a token, the event's value, the customer's, and the time."""
NOW_MS = 1_800_000_007_000
KEYS = st.binary(min_size=10, max_size=64)
CODES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=40)
PATTERNS = st.sampled_from(
    [GOOGLE, BARE, TWO_KEYS, Pattern("T/{totp_value_0}/{code}?{totp_timestamp_millis}")]
)


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"),
        (1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_vectors_of_rfc_6238(seconds: int, value: str) -> None:
    """Appendix B, SHA-1, eight digits of thirty seconds."""
    assert totp(RFC_KEY, seconds // 30, 8) == value


def test_the_vectors_of_rfc_4226() -> None:
    """Appendix D."""
    values = [
        "755224", "287082", "359152", "969429", "338314",
        "254676", "287922", "162583", "399871", "520489",
    ]  # fmt: skip
    assert [totp(RFC_KEY, n, 6) for n in range(10)] == values


def test_googles_own_example() -> None:
    """The value is that of RFC 6238 for the number of the period of three seconds."""
    key = rotating.read_key("3132333435363738393031323334353637383930")
    shown = current(GOOGLE, "MyRotatingBarcode", [key], 4000)
    # The period has number 1, and of the RFC's first vector T is 1 too.
    assert shown.text == "MyRotatingBarcode-3-94287082"
    assert (shown.begin_ms, shown.end_ms) == (3000, 6000)
    later = current(GOOGLE, "MyRotatingBarcode", [key], NOW_MS).text
    assert read(GOOGLE, later) == Parts("MyRotatingBarcode", (later[-8:],), 1_800_000_006_000)
    assert prove(GOOGLE, Parts("x", (later[-8:],), NOW_MS), [key], 0).shown is Shown.MOVING


@given(key=KEYS, period=st.integers(0, 2**40), digits=st.integers(6, 8))
def test_another_library_makes_the_same(key: bytes, period: int, digits: int) -> None:
    """pyca/cryptography's TOTP, over any key."""
    other = TOTP(key, digits, SHA1(), 30, enforce_key_length=False)
    assert totp(key, period, digits) == other.generate(period * 30).decode()


@given(
    pattern=PATTERNS,
    code=CODES,
    keys=st.tuples(KEYS, KEYS),
    at_ms=st.integers(11 * 10**11, 10**13 - 1),
)
def test_what_is_put_together_is_taken_apart(
    pattern: Pattern, code: str, keys: tuple[bytes, bytes], at_ms: int
) -> None:
    """In one way, whatever the code is made of; and it was made then."""
    shown = current(pattern, code, keys, at_ms)
    parts = read(pattern, shown.text)
    assert parts is not None
    assert parts.code == code
    found = prove(pattern, parts, keys, at_ms)
    assert (found.shown, found.at_ms) == (Shown.MOVING, shown.begin_ms)


@given(pattern=PATTERNS, text=st.text(max_size=80))
def test_any_text_is_read_or_not(pattern: Pattern, text: str) -> None:
    """Nothing that a scanner may yield is a fault."""
    parts = read(pattern, text)
    if parts is not None:
        prove(pattern, parts, [RFC_KEY, RFC_KEY], NOW_MS)


@given(data=st.data(), pattern=PATTERNS)
def test_no_changed_code_is_proved(data: st.DataObject, pattern: Pattern) -> None:
    """One sign of value or time is another: it is wrong, but for a time of the same period."""
    pattern = Pattern(pattern.text, pattern.period_ms, 8)
    keys = [RFC_KEY, RFC_KEY[::-1]]
    text = current(pattern, "ABC", keys, NOW_MS).text
    digits = [at for at, sign in enumerate(text) if sign in string.digits]
    at = data.draw(st.sampled_from(digits))
    sign = data.draw(st.sampled_from(string.digits))
    assume(sign != text[at])
    parts = read(pattern, text[:at] + sign + text[at + 1 :])
    if parts is None:
        return
    found = prove(pattern, parts, keys, NOW_MS)
    # The digits of a time below its period change nothing.
    is_same = (
        parts.at_ms is not None and parts.at_ms // pattern.period_ms == NOW_MS // pattern.period_ms
    )
    is_value = parts.values != read(pattern, text).values  # type: ignore[union-attr]
    assert found.shown is (Shown.MOVING if is_same and not is_value else Shown.WRONG)


def test_a_changed_code_is_proved_where_values_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mutation: with any value for good, a made-up one is."""
    made_up = Parts("ABC", ("00000000",), NOW_MS)
    assert prove(GOOGLE, made_up, [RFC_KEY], NOW_MS).shown is Shown.WRONG
    monkeypatch.setattr(rotating, "_is_made", lambda *_any: True)
    assert prove(GOOGLE, made_up, [RFC_KEY], NOW_MS).shown is Shown.MOVING


def test_a_code_without_its_time_is_looked_for_around_now() -> None:
    """Two hours back and ten minutes ahead; beyond, it is wrong only if the clock is right."""
    for away_ms, shown in (
        (0, Shown.MOVING), (-3_600_000, Shown.MOVING), (300_000, Shown.MOVING),
        (-3 * 3_600_000, Shown.WRONG), (3_600_000, Shown.WRONG),
    ):  # fmt: skip
        text = current(BARE, "ABC", [RFC_KEY], NOW_MS + away_ms).text
        parts = read(BARE, text)
        assert parts is not None
        found = prove(BARE, parts, [RFC_KEY], NOW_MS)
        assert (found.shown, found.needs_clock) == (shown, shown is Shown.WRONG)


@pytest.mark.parametrize(
    "text",
    [
        "", "{code}", "{totp_value_0}", "{code}{code}{totp_value_0}", "{code}{totp_value_1}",
        "{code}{totp_value_0}{totp_value_0}", "{code}{totp_value_0}{other}",
        "{code}{totp_timestamp_seconds}", "{code}-\n-{totp_value_0}",
        "{code}{totp_timestamp_seconds}{totp_timestamp_millis}{totp_value_0}",
        "{code}" + "".join(f"{{totp_value_{n}}}" for n in range(5)),
    ],
)  # fmt: skip
def test_a_pattern_that_could_not_be_read_is_a_mistake(text: str) -> None:
    """No code, no value, a value twice or left out, a word that nobody knows."""
    with pytest.raises(BadPattern):
        rotating.check_pattern(text)


def test_the_patterns_here_are_right() -> None:
    """Also the one that is offered where somebody has made a mistake."""
    for pattern in (GOOGLE, BARE, TWO_KEYS):
        rotating.check_pattern(pattern.text)
    rotating.check_pattern(rotating.PATTERN)
    assert [GOOGLE.values, BARE.values, TWO_KEYS.values] == [1, 1, 2]


@given(key=KEYS)
def test_keys_are_stated_in_base16_or_base32(key: bytes) -> None:
    """With spaces and without padding, as they are passed on."""
    read_key = rotating.read_key
    plain = b32encode(key).decode()
    assert key == read_key(key.hex()) == read_key(key.hex(" ").upper())
    assert key == read_key(f"base32:{plain}") == read_key(f"Base32:{plain.rstrip('=').lower()}")


@pytest.mark.parametrize(
    "stated", ["", "00", "zz" * 20, "base32:1", "00" * 65, "base32:" + "A" * 8]
)
def test_what_is_no_key_is_a_mistake(stated: str) -> None:
    """Ten bytes are the least: fewer can be tried out."""
    with pytest.raises(ValueError, match=re.compile("")):
        rotating.read_key(stated)


@given(key=st.binary(min_size=32, max_size=32), code=CODES, other=CODES, secret=KEYS)
def test_a_sealed_key_opens_with_its_code_alone(
    key: bytes, code: str, other: str, secret: bytes
) -> None:
    """Sealing the same again gives the same, so that the feed says nothing new."""
    assume(code != other)
    sealed = rotating.seal(key, code, secret)
    assert sealed == rotating.seal(key, code, secret)
    assert secret.hex() not in sealed
    assert rotating.unseal(key, code, sealed) == secret
    assert rotating.unseal(key, other, sealed) is None
    assert rotating.unseal(key, code, "zz") is None
