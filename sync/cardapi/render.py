"""A ticket's code as a picture to be scanned, and many of them as sheets to be printed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zxingcpp

from gate.core.ticket import Kind
from gate.errors import StoreError, UsageError
from gate.i18n import _
from gate.text.printable import printable
from sync.cardapi.card import Card
from sync.cardapi.projection import IssuedCode

SYMBOLOGIES = {
    "qr": zxingcpp.BarcodeFormat.QRCode,
    "code128": zxingcpp.BarcodeFormat.Code128,
    "pdf417": zxingcpp.BarcodeFormat.PDF417,
    "aztec": zxingcpp.BarcodeFormat.Aztec,
}
_SCALE = 6
_SIZE = re.compile(r'<svg width="(\d+)" height="(\d+)"')
_BARCODES = ("CODE_TYPE_BARCODE", "CODE_TYPE_ONLY_BARCODE")
_SHOWS_TEXT = ("CODE_TYPE_TEXT", "CODE_TYPE_QRCODE", "CODE_TYPE_BARCODE")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A code that is to be drawn."""

    text: str
    """What the picture says: the code, or what a boarding pass shows instead."""
    symbology: str
    caption: str
    """The code to read aloud, where ``code_type`` shows it."""
    title: str
    place: str
    """Where the ticket is for: zone, entrance, hall, seats, flight."""


def drawn(card: Card, issued: IssuedCode, symbology: str = "") -> Drawn:
    """How a ticket is to be drawn, by its card's ``code_type``. Raises UsageError."""
    code_type = card.base["code_type"]
    if code_type == "CODE_TYPE_NONE" and not symbology:
        raise UsageError(_("this card shows no code"), _("Name how to draw it with --symbology."))
    is_barcode = code_type in _BARCODES
    if card.kind is Kind.BOARDING:
        meant = "pdf417" if is_barcode else "aztec"
    else:
        meant = "code128" if is_barcode else "qr"
    own, detail = issued.attributes, card.detail
    parts = [
        detail.get("flight", ""), own.get("zone", ""), own.get("entrance", ""),
        own.get("gate") or detail.get("gate", ""), own.get("screening_room", ""),
        own.get("ticket_class") or detail.get("ticket_class", ""), own.get("class", ""),
        *issued.seats,
    ]  # fmt: skip
    return Drawn(
        text=own.get("qrcode_data") or issued.code,
        symbology=symbology or meant,
        caption=issued.code if code_type in _SHOWS_TEXT else "",
        title=card.base["title"],
        place=" · ".join(printable(part, 60) for part in parts if part),
    )


def _barcode(one: Drawn) -> Any:
    try:
        return zxingcpp.create_barcode(one.text, SYMBOLOGIES[one.symbology])
    except (ValueError, RuntimeError) as error:
        raise UsageError(
            _("this code cannot be drawn as {symbology}").format(symbology=one.symbology),
            _("Try another: {names}").format(names=", ".join(SYMBOLOGIES)),
        ) from error


def as_png(one: Drawn) -> bytes:
    """The picture as PNG. Raises UsageError."""
    image = _barcode(one).to_image(scale=_SCALE, add_hrt=bool(one.caption), add_quiet_zones=True)
    done, packed = cv2.imencode(".png", np.array(image))
    assert done
    return bytes(packed)


def as_svg(one: Drawn) -> str:
    """The picture as SVG. Raises UsageError."""
    return str(_barcode(one).to_svg(scale=_SCALE, add_quiet_zones=True))


def write(pictures: Sequence[tuple[str, Drawn]], out: Path, form: str) -> None:
    """Draw codes, each to a file of its own name or all on a sheet, by what ``out`` is called.

    A PNG, SVG or HTML file; for several pictures, a folder. Raises UsageError, StoreError.
    """
    suffix = out.suffix.casefold()
    try:
        if suffix in (".html", ".htm"):
            out.write_text(as_sheet(one for _name, one in pictures), encoding="utf-8")
        elif suffix in (".png", ".svg"):
            if len(pictures) > 1:
                raise UsageError(
                    _("several tickets do not fit into one picture"),
                    _("Name a folder, or a sheet with --out FILE.html."),
                )
            out.write_bytes(_picture(pictures[0][1], suffix[1:]))
        else:
            out.mkdir(parents=True, exist_ok=True)
            for name, one in pictures:
                (out / f"{name}.{form}").write_bytes(_picture(one, form))
    except OSError as error:
        raise StoreError(
            _("cannot write {file}: {detail}").format(file=out, detail=error.strerror), ""
        ) from error


def _picture(one: Drawn, form: str) -> bytes:
    return as_png(one) if form == "png" else as_svg(one).encode()


def as_sheet(tickets: Iterable[Drawn]) -> str:
    """Tickets to be printed and cut, as one HTML page. Raises UsageError."""
    return f"{_HEAD}{''.join(_cut(one) for one in tickets)}</main></html>\n"


def _cut(one: Drawn) -> str:
    svg = as_svg(one)
    # With a view box it can be scaled to the width of a column.
    svg = _SIZE.sub(r'<svg viewBox="0 0 \1 \2"', svg[svg.index("<svg") :], count=1)
    lines = [one.title, one.place, one.caption]
    text = "".join(f"<p>{escape(printable(line))}</p>" for line in lines if line)
    return f"<section>{svg}{text}</section>"


_HEAD = """<!doctype html>
<html><meta charset="utf-8"><title>Tickets</title><style>
@page { size: A4; margin: 12mm }
body { margin: 0; font: 11pt sans-serif }
main { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6mm }
section { border: 1px dashed #999; padding: 4mm; text-align: center; break-inside: avoid }
svg { width: 100%; height: 38mm }
p { margin: 1mm 0; overflow-wrap: anywhere }
</style><main>
"""
