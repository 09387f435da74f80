"""A symbol that was found: its layout, and where it is."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.plane import Corners, Grid, projected


class Layout(Protocol):
    """What is where in symbols of one kind; the same one is the same object."""

    @property
    def known(self) -> Grid:
        """What every symbol of the kind shows: 1 is dark, -1 is light, 0 where symbols differ."""

    @property
    def data_at(self) -> NDArray[Any]:
        """Modules of the codewords, as indices of the flat symbol."""


L = TypeVar("L", bound=Layout)


@dataclass(frozen=True, slots=True, eq=False)
class Placed(Generic[L]):
    """A symbol in a picture."""

    layout: L
    corners: Corners
    fit: float
    """Correlation with what is known of the symbol; below 0 it is light on dark."""

    def points(self, at: NDArray[np.float64]) -> NDArray[np.float32]:
        """Places in modules as pixels, where all are in one plane."""
        down, across = self.layout.known.shape
        return np.asarray(projected(self.corners[None], (across, down), at)[0], np.float32)
