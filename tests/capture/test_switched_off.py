"""A code whose symbology is switched off is named, and never admitted."""

import time

import numpy as np
import pytest
import zxingcpp

from gate.capture.decode import Decoder
from gate.capture.passes import FULLY, Scene
from gate.capture.regions import Frame
from gate.capture.steps import Steps, finished
from gate.capture.switched_off import EVERY, OffHere, OthersInSight
from gate.capture.symbol_readers import Code, look, reader_of
from gate.core.symbologies import ALL, USUAL, Symbology

OTHERS = {
    Symbology.EAN8: ("EAN8", "96385074", "96385074"),
    Symbology.UPCE: ("UPCE", "01234565", "0012345000065"),
    Symbology.ITF: ("ITF", "12345678", "12345678"),
    Symbology.CODABAR: ("Codabar", "A12345678B", "A12345678B"),
    Symbology.CODE93: ("Code93", "TICKET-93", "TICKET-93"),
    Symbology.DATABAR: ("DataBarOmni", "0950110153001", "0109501101530010"),
    Symbology.DATABAR_EXPANDED: (
        "DataBarExp",
        "[01]09501101530003[10]AB",
        "010950110153000310AB",
    ),
    Symbology.DATABAR_LIMITED: ("DataBarLtd", "0950110153001", "0109501101530010"),
    Symbology.MICRO_QR: ("MicroQRCode", "TICKET-05", "TICKET-05"),
    Symbology.RMQR: ("RMQRCode", "TICKET-2026-7", "TICKET-2026-7"),
}
"""How each is drawn, of what, and what it reads as."""
STACKED = {"DataBarStk": Symbology.DATABAR, "DataBarExpStk": Symbology.DATABAR_EXPANDED}


def drawn(form: str, content: str) -> Frame:
    barcode = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, form))
    symbol = np.array(barcode.to_image(scale=3, add_quiet_zones=True))
    frame = np.full((480, 800), 255, np.uint8)
    frame[100 : 100 + len(symbol), 100 : 100 + symbol.shape[1]] = symbol
    return frame


def noisy(frame: Frame, seed: int) -> Frame:
    """The scene moves a little, or else it is not searched any more."""
    noise = np.random.default_rng(seed).normal(0, 1, frame.shape)
    moved = np.roll(frame, seed % 2 * 12, axis=1)
    return np.clip(moved + noise, 0, 255).astype(np.uint8)


def camera(*symbologies: str) -> Decoder:
    """A decoder whose time is its own: others on the machine take none of its budget."""
    return Decoder(symbologies or USUAL, now=time.thread_time)


def believed(decoder: Decoder, frame: Frame) -> list[Code]:
    """What a lane would decide of what is read: bars are at times misread as a product's."""
    return [code for code in decoder.read(frame) if decoder.agrees(frame, code)]


def test_every_symbology_is_tried_here() -> None:
    """What is off by default is all that is not read by default."""
    assert OTHERS.keys() == ALL - frozenset(USUAL)


@pytest.mark.parametrize("symbology", OTHERS)
def test_each_is_read_where_it_is_switched_on(symbology: Symbology) -> None:
    """By a glance, under its own name and with the text that a scanner would type."""
    form, content, text = OTHERS[symbology]
    for on in ([symbology], ALL):
        (code,) = Decoder(sorted(on)).read(drawn(form, content))
        assert (code.symbology, code.text) == (symbology, text)
    for stacked, name in STACKED.items():
        if name is symbology:
            (code,) = Decoder([symbology]).read(drawn(stacked, content))
            assert (code.symbology, code.text) == (symbology, text)


@pytest.mark.examples(3)
@pytest.mark.parametrize("symbology", OTHERS)
def test_each_is_named_where_it_is_switched_off(symbology: Symbology) -> None:
    """In front of a camera within seconds, and off a picture at once; it is never a code."""
    form, content, _text = OTHERS[symbology]
    frame, decoder = drawn(form, content), camera()
    assert decoder.read(frame) == []
    assert decoder.aside is None
    for number in range(8 * EVERY):
        assert believed(decoder, noisy(frame, number)) == []
        if decoder.aside:
            break
    assert decoder.aside == OffHere(symbology)
    still = Decoder()
    assert still.read_fully(frame) == []
    assert still.aside == OffHere(symbology)
    assert [code.symbology for code in still.others] == [symbology]


def test_bars_that_are_misread_as_a_product_are_not_believed() -> None:
    """In one frame of many a pass of these reads an EAN-13 across the bars of an ITF symbol."""
    form, content, _text = OTHERS[Symbology.ITF]
    seen = noisy(drawn(form, content), 16)
    across = ((555, 175), (463, 264), (462, 264), (555, 174))
    misread = Code("9196100727426", b"9196100727426", Symbology.EAN13, across)
    views = [how for how in FULLY if how.all_ways and Symbology.EAN13 in how.symbologies]
    read = [finished(look(how, reader_of(frozenset(USUAL)), Scene(seen))) for how in views]
    assert misread in [code for found in read for code in found.values()]
    assert not camera().agrees(seen, misread)


def test_what_is_on_is_never_named() -> None:
    """Nor is anything where all are on."""
    form, content, _text = OTHERS[Symbology.CODABAR]
    decoder = Decoder(sorted(ALL))
    assert decoder.read_fully(drawn(form, content))
    assert (decoder.aside, decoder.others) == (None, [])
    for number in range(3 * EVERY):
        decoder.read(noisy(np.full((480, 640), 200, np.uint8), number))
    assert decoder.aside is None


def test_a_usual_one_is_named_where_it_is_off() -> None:
    """A gate for QR codes alone says that somebody holds up an Aztec code."""
    decoder = camera("QRCode")
    frame = drawn("AztecCode", "TICKET-2026-0002")
    said = set()
    for number in range(4 * EVERY):
        assert believed(decoder, noisy(frame, number)) == []
        said.add(decoder.aside)
    assert said == {None, OffHere(Symbology.AZTEC)}


def test_one_look_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripes that read as something once do not; the same thing in two of three looks does."""
    clock, reads = [0.0], ["1", "2", "2", "", "2", "", "", "", "2"]

    def look(*_how: object) -> Steps[dict[object, Code]]:
        yield
        text = reads.pop(0)
        return {text: Code(text, text.encode(), "ITF", ())} if text else {}

    monkeypatch.setattr("gate.capture.switched_off.look", look)
    others = OthersInSight(frozenset(USUAL), lambda: clock[0])
    said = []
    for later_s in (0.4, 0.4, 6.0, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4):
        clock[0] += later_s
        others.glance(None)  # type: ignore[arg-type]
        said.append(others.found)
    off = OffHere(Symbology.ITF)
    assert said == [None, None, None, None, off, off, off, None, None]


def test_without_a_look_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests above can fail."""
    monkeypatch.setattr(OthersInSight, "is_due", lambda _self: False)
    decoder, frame = camera(), drawn("Codabar", "A12345678B")
    for number in range(4 * EVERY):
        decoder.read(noisy(frame, number))
    assert decoder.aside is None
