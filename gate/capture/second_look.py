"""Other ways to look at bars that were read: at the strip in which they lie, upright.

What is misread is misread alike in the next frame, and in the same frame enlarged. The strip is cut
out by the symbol's own corners, and once its bars are averaged along their length: dirt and noise
go, and what is only as likely as something else comes out as something else.
"""

import math

from gate.capture.camera import load_cv2
from gate.capture.passes import GLANCE
from gate.capture.regions import Frame
from gate.capture.symbol_readers import Code, SymbolReader
from gate.core.symbologies import RETAIL, Symbology

MODULES = {Symbology.EAN13: 95, Symbology.EAN8: 67, Symbology.UPCE: 51}
"""How wide a symbol is."""
WIDTH = 1.3
"""Of the strip, in widths of the symbol: with its margins."""
AVERAGED_PX = 8
"""Along the bars."""
LEAST_HEIGHT = 0.12
"""In widths of the symbol; a reader may tell of a single line."""


_RETAIL = GLANCE._replace(symbologies=RETAIL)


def agrees(code: Code, grey: Frame, reader: SymbolReader) -> bool:
    """Whether a symbol's strip says the same, and nothing else once it is averaged."""
    cv2 = load_cv2()
    modules = MODULES[Symbology(code.symbology)]
    if _texts(_strip(code, grey, 3 * modules, taller=1), reader) != {code.text}:
        return False
    strip = _strip(code, grey, 4 * modules, taller=2)
    # That reads less, and is asked only whether it contradicts.
    averaged = cv2.GaussianBlur(strip, (0, 0), sigmaX=0.01, sigmaY=AVERAGED_PX)
    return _texts(averaged, reader) <= {code.text}


def _strip(code: Code, grey: Frame, width_px: int, taller: int) -> Frame:
    """The symbol, made so wide, with more of its height than its reader has looked at."""
    cv2 = load_cv2()
    import numpy as np  # noqa: PLC0415  loaded with the camera

    corners = np.array(code.corners, np.float64)
    along = (corners[1] - corners[0] + corners[2] - corners[3]) / 2
    down = (corners[3] - corners[0] + corners[2] - corners[1]) / 2
    width = max(1.0, math.hypot(*along))
    across = along / width
    upright = np.array((-across[1], across[0]))
    height = taller * max(abs(float(down @ upright)), LEAST_HEIGHT * width)
    factor = width_px / width
    size = round(WIDTH * width_px), max(8, round(height * factor))
    back = np.empty((2, 3))
    back[:, 0], back[:, 1] = across / factor, upright / factor
    back[:, 2] = corners.mean(0) - back[:, 0] * size[0] / 2 - back[:, 1] * size[1] / 2
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    strip: Frame = cv2.warpAffine(grey, back, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return strip


def _texts(strip: Frame, reader: SymbolReader) -> set[str]:
    # Light bars on dark are looked for where there are no dark ones.
    for picture in (strip, ~strip):
        if found := {one.text for codes in reader(picture, _RETAIL) for one in codes}:
            return found
    return set()
