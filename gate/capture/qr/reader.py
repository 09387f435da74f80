"""QR symbols that zxing-cpp gives up."""

from gate.capture.matrix.reader import MatrixReader
from gate.capture.qr.layout import Layout
from gate.capture.qr.message import made_out
from gate.capture.qr.search import placed


def qr_reader() -> MatrixReader[Layout]:
    """One for a camera's frames."""
    return MatrixReader(placed, made_out)
