"""QR symbols that zxing-cpp gives up, on flat paper or bent."""

from gate.capture.matrix.placed import Placed
from gate.capture.matrix.plane import Map, Picture
from gate.capture.matrix.reader import MatrixReader
from gate.capture.qr.bend import bent
from gate.capture.qr.layout import GREATEST_VERSION, Layout, layout
from gate.capture.qr.message import made_out
from gate.capture.qr.search import placed


def qr_reader() -> MatrixReader[Layout]:
    """One for a camera's frames."""
    # Made with it, so that no symbol has to wait for them.
    for version in range(1, GREATEST_VERSION + 1):
        layout(version)
    return MatrixReader(placed, made_out, bent=_on_bent_paper)


def _on_bent_paper(picture: Picture, at: Placed[Layout]) -> Map | None:
    paper = bent(picture, at)
    return None if paper is None else paper.points
