"""Codes that prove themselves: what is signed is read, and nothing else is ever believed."""

import os
import re
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cwt import COSE, COSEKey
from cwt.cose_key_interface import COSEKeyInterface
from cwt.exceptions import VerifyError
from hypothesis import given
from hypothesis import strategies as st

from gate.core.signed_ticket import EventKey, KeyState, Scheme, Signed
from gate.credential import signed
from gate.credential.signed import TooLongError, key_id, proved
from tests.support.forgeries import FORGED, bytes_of, forged, sign, text_of
from tests.support.paths import ROOT
from tests.support.signing import EVENT, code, event_key, private

FORGERIES = int(os.environ.get("GATE_TEST_FORGERIES", "5000"))
FULL = Signed(
    "good-1", "SHOW", EVENT, begin=1_798_000_000, end=1_798_090_000, seats=("A-12", "A-13"),
    zone="North", entrance="Gate 4", uses=2, party=2, issue=3,
)  # fmt: skip


def cose_key(number: int = 1) -> COSEKeyInterface:
    """A key under the id of the event's."""
    pem = private(number).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return COSEKey.from_pem(pem, kid=bytes.fromhex(event_key().id))


def by_another_library(claims: dict[int, Any]) -> str:
    """A code of another implementation of RFC 8392 and 9052."""
    protected = {1: -8, 4: bytes.fromhex(event_key().id)}
    payload = cbor2.dumps(claims, canonical=True)
    made = COSE.new().encode(payload, cose_key(), protected=protected)
    return text_of(bytes(cbor2.dumps(cbor2.loads(made).value)))


def read(text: str, *keys: EventKey) -> Signed | None:
    found = proved(text, keys or (event_key(),))
    return None if found is None else found[0]


@pytest.mark.parametrize(
    "said",
    [
        Signed("good-1", "SHOW", EVENT),
        Signed("0123456789abcdef0123456789abcdef", "SHOW", EVENT),
        Signed("0123456789ABCDEF", "SHOW", EVENT),
        Signed("票-1", "票种", "公园"),
        FULL,
    ],
)
def test_what_is_signed_is_read(said: Signed) -> None:
    """With the key that proves it."""
    found = proved(signed.sign(private(), said), [event_key(3), event_key()])
    assert found == (replace(said, key=event_key().id), event_key())


def test_another_library_reads_what_we_sign() -> None:
    """``cwt`` verifies the signature, and finds the claims where RFC 8392 has them."""
    tagged = cbor2.dumps(cbor2.CBORTag(18, cbor2.loads(bytes_of(signed.sign(private(), FULL)))))
    payload = cbor2.loads(COSE.new().decode(tagged, cose_key()))
    ours = {1: "SHOW", 2: ["A-12", "A-13"], 3: "North", 4: "Gate 4", 5: 2, 6: 2, 7: 3}
    assert payload == {2: "good-1", 3: EVENT, 4: FULL.end, 5: FULL.begin, -65537: ours}
    with pytest.raises(VerifyError):
        COSE.new().decode(tagged, cose_key(2))


def test_the_vector_of_the_protocol_is_true() -> None:
    """As ``docs/protocol.md`` has it, for whoever writes another reader."""
    page = (ROOT / "docs" / "protocol.md").read_text("utf-8")
    told = dict(re.findall(r"^(payload|code) +(\S+)$", page, re.M))
    said = Signed("good-1", "SHOW", EVENT, seats=("A-12",))
    assert signed.sign(private(), said) == told["code"]
    assert bytes_of(told["code"])[14:-66].hex() == told["payload"]
    assert read(told["code"]) == replace(said, key="34750f98")


def test_we_read_what_another_library_signs() -> None:
    """And it is, byte for byte, what we sign."""
    theirs = by_another_library({2: "good-1", 3: EVENT, -65537: {1: "SHOW"}})
    assert read(theirs) == Signed("good-1", "SHOW", EVENT, key=event_key().id)
    assert theirs == code("good-1")


def test_it_fits_a_small_symbol_and_every_keyboard() -> None:
    """A usual ticket fits version 8 at level M (221 characters); none is longer than at level L."""
    usual = Signed("0123456789abcdef0123456789abcdef", "SHOW", EVENT, seats=("A-12-34",))
    made = signed.sign(private(), usual)
    assert len(made) <= 221
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    assert made.startswith(signed.PREFIX)
    assert len(signed.sign(private(), FULL)) <= signed.MOST_CHARACTERS
    with pytest.raises(TooLongError):
        signed.sign(private(), replace(FULL, seats=("A" * 60, "B" * 60)))


def test_a_key_proves_what_it_signed_in_any_state() -> None:
    """Whoever looks it up has to see what state that is."""
    for state in KeyState:
        found = proved(code("good-1"), [event_key(state=state)])
        assert found is not None
        assert found[1].state is state
    assert read(code("good-1"), event_key(scheme=Scheme.PRETIX)) is None


def test_nothing_that_was_not_signed_is_believed() -> None:
    """GATE_TEST_FORGERIES texts: flipped, cut, re-signed, re-encoded; none proves anything."""
    keys = [event_key(), event_key(251, state=KeyState.RETIRED)]
    seed = int(os.environ.get("GATE_TEST_SEED", "1"))
    tried: dict[str, int] = {}
    for name, text in forged(seed, FORGERIES):
        assert proved(text, keys) is None, f"{name} (seed {seed}): {text}"
        tried[name] = tried.get(name, 0) + 1
    assert len(tried) == len(FORGED) + 1


MUTATIONS: dict[str, tuple[str, Any]] = {
    "bits flipped": ("is_good", lambda *_args: True),
    "not canonical": ("_payload", lambda _signed: Anything()),
    "respelled": ("_is_one_form", lambda *_args: True),
}


class Anything:
    """Is equal to whatever it is compared with."""

    def __eq__(self, _other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@pytest.mark.long
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_check_that_is_missing_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: without each of the three comparisons some forgery is believed."""
    texts = [text for how, text in forged(1, 2000) if how == name]
    what, new = MUTATIONS[name]
    monkeypatch.setattr(signed, what, new)
    assert any(proved(text, [event_key()]) for text in texts)


@given(st.text() | st.binary().map(lambda b: signed.PREFIX + text_of(b)))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    """And proves nothing."""
    assert proved(text, [event_key()]) is None


@given(st.binary(max_size=200))
def test_any_payload_that_a_key_has_signed_is_read_without_a_fault(payload: bytes) -> None:
    """Also a key that is in wrong hands makes no reader fail, and no second form of a ticket."""
    content = bytes_of(code("good-1"))
    found = read(text_of(sign(1, content[2:11], payload)))
    assert found is None or signed.sign(private(), found) == text_of(
        sign(1, content[2:11], payload)
    )


def test_a_key_id_is_how_its_hash_begins() -> None:
    """So that whoever signs and whoever reads need not agree on one."""
    assert key_id(bytes.fromhex(event_key().public)) == event_key().id
