"""Signed codes of pretix: its own are read, and only in the text that pretix gives them."""

import os
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.signed_ticket import EventKey, KeyState, Scheme
from gate.credential import pretix_signed
from gate.credential.pretix_signed import PretixSigned, proved, text_of
from tests.support.forgeries import pretix_forged
from tests.support.signing import event_key, pretix_code, pretix_payload, private

FORGERIES = int(os.environ.get("GATE_TEST_FORGERIES", "5000"))
PUBLIC = b64decode("MCowBQYDK2VwAyEA0pAUp75lYwhUGnSQ3DvrFFXdmBnGw1VDLTnKALdG4iA=")[-32:].hex()
VECTOR = (
    "=ggM1tc7NbKOk1GL/lORX4KbIsDTwDofvM2D/hkw9jo+S0zlEgFzln2XAy1UqlzMyywF0+iVXxQWxM/rKFy/CNPAwAAKCA"
    "hVHJWb6ZHbuNVCKAEARAQA"
)
"""Made by pretix's own generator, with a key that was thrown away."""
KEY = event_key(2, Scheme.PRETIX)


def read(text: str, key: EventKey = KEY) -> PretixSigned | None:
    found = proved(text, [key])
    return None if found is None else found[0]


def test_a_code_of_pretix_itself_is_read() -> None:
    """Item 2, and nothing else is said."""
    key = EventKey("x", Scheme.PRETIX, PUBLIC)
    assert proved(VECTOR, [KEY, key]) == (PretixSigned(2), key)
    assert read(VECTOR) is None


def test_what_pretix_says_is_read() -> None:
    """Item, variation and date make the type; the two times are of the ticket."""
    text = pretix_code(item=7, variation=300, subevent=5, begin=1_798_000_000, end=1_798_090_000)
    found = read(text)
    assert found == PretixSigned(7, 300, 5, 1_798_000_000, 1_798_090_000)
    assert found.type_id == "7-300@5"
    assert PretixSigned(7).type_id == "7"
    assert read(text, event_key(2, Scheme.COSE)) is None
    assert read(text, event_key(2, Scheme.PRETIX, KeyState.REVOKED)) == found


def respellings(text: str) -> list[str]:
    """Texts of which base64 makes the same bytes, or that carry the same signature."""
    payload = pretix_payload()
    signature = private(2).sign(payload)
    content = b64decode(text[::-1])
    longer = content[:5] + payload + signature + b"\0"
    lengths = [content[:1] + n.to_bytes(2, "big") + content[3:] for n in (0, len(payload) + 1)]
    others = [b"\2" + content[1:], longer, *lengths, content[:3] + b"\0\x41" + content[5:]]
    return [
        "A" + text[1:],
        text.lstrip("="),
        "=" + text,
        text + "=",
        text[:10] + "\n" + text[10:],
        text[:10] + "*" + text[10:],
        text.replace("+", "-").replace("/", "_") + " ",
        *(b64encode(other).decode()[::-1] for other in others),
    ]


def test_another_text_of_the_same_bytes_proves_nothing() -> None:
    """The text is what is looked up among the revoked and the used: there may be one only."""
    text = pretix_code()
    assert read(text) is not None
    for other in respellings(text):
        assert other != text
        assert read(other) is None, other


def test_without_that_comparison_a_copy_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: whoever does not re-encode believes texts that nobody revoked."""
    text = pretix_code()
    others = respellings(text)

    class Anything(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __ne__(self, _other: object) -> bool:
            return False

    monkeypatch.setattr(pretix_signed, "text_of", lambda *_parts: Anything())
    assert any(read(other) for other in others)


def test_nothing_that_was_not_signed_is_believed() -> None:
    """GATE_TEST_FORGERIES texts, flipped, cut, longer, by another key: none is believed."""
    seed = int(os.environ.get("GATE_TEST_SEED", "1"))
    for name, text in pretix_forged(seed, FORGERIES):
        assert read(text) is None, f"{name} (seed {seed}): {text}"


@given(st.text() | st.binary(max_size=300).map(lambda b: b64encode(b"\1\0" + b).decode()[::-1]))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    """And proves nothing."""
    assert read(text) is None


@given(st.binary(min_size=1, max_size=120))
def test_any_payload_that_a_key_has_signed_is_read_without_a_fault(payload: bytes) -> None:
    """Numbers without an end and fields that run over the end are none."""
    found = read(text_of(payload, private(2).sign(payload)))
    assert found is None or found.item
