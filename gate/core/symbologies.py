"""The symbologies that a camera can read here: their names, and how far each is to be trusted."""

from enum import StrEnum


class Symbology(StrEnum):
    """By the name that ``camera.formats`` has for it."""

    QR = "QRCode"
    AZTEC = "Aztec"
    PDF417 = "PDF417"
    DATA_MATRIX = "DataMatrix"
    CODE128 = "Code128"
    CODE39 = "Code39"
    EAN13 = "EAN13"
    """UPC-A too, which is one that begins with 0."""
    EAN8 = "EAN8"
    UPCE = "UPCE"
    ITF = "ITF"
    CODABAR = "Codabar"
    CODE93 = "Code93"
    DATABAR = "DataBar"
    """Omnidirectional and stacked."""
    DATABAR_EXPANDED = "DataBarExpanded"
    DATABAR_LIMITED = "DataBarLimited"
    MICRO_QR = "MicroQRCode"
    RMQR = "RMQRCode"


TITLES = {
    Symbology.QR: "QR",
    Symbology.DATA_MATRIX: "Data Matrix",
    Symbology.CODE128: "Code 128",
    Symbology.CODE39: "Code 39",
    Symbology.EAN13: "EAN-13",
    Symbology.EAN8: "EAN-8",
    Symbology.UPCE: "UPC-E",
    Symbology.CODE93: "Code 93",
    Symbology.DATABAR: "GS1 DataBar",
    Symbology.DATABAR_EXPANDED: "GS1 DataBar Expanded",
    Symbology.DATABAR_LIMITED: "GS1 DataBar Limited",
    Symbology.MICRO_QR: "Micro QR",
    Symbology.RMQR: "rMQR",
}
"""What people call those that have another name than the setting's; the same in all languages."""

ALL = frozenset(Symbology)
USUAL = (
    Symbology.QR,
    Symbology.AZTEC,
    Symbology.PDF417,
    Symbology.DATA_MATRIX,
    Symbology.CODE128,
    Symbology.CODE39,
    Symbology.EAN13,
)
"""Those that are read unless the machine's settings say otherwise."""
MATRIX = frozenset(
    {
        Symbology.QR,
        Symbology.AZTEC,
        Symbology.DATA_MATRIX,
        Symbology.MICRO_QR,
        Symbology.RMQR,
    }
)
BARS = ALL - MATRIX
RETAIL = frozenset({Symbology.EAN13, Symbology.EAN8, Symbology.UPCE})
"""One check digit is all that they have: the same misreading comes again and again, frame by frame.
Two ways to look must agree on what is no ticket's."""
WEAK = frozenset(ALL - RETAIL - {Symbology.QR, Symbology.AZTEC, Symbology.DATA_MATRIX})
"""Now and then read wrong: two frames must agree on what is no ticket's."""


def title(symbology: str) -> str:
    """What people call it."""
    return TITLES.get(Symbology(symbology), symbology)
