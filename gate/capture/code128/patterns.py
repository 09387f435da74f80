"""The bars and spaces of Code 128 characters, as ISO/IEC 15417 lists them in its table 1."""

import numpy as np
from numpy.typing import NDArray

from gate.capture.matrix.plane import Grid

VALUES = 103
"""Values a character within a symbol can have; the sum that checks them is modulo this prime."""
MODULES = 11
"""Modules of a character: three bars and three spaces, a bar first."""
STARTS = (103, 104, 105)
"""What the start characters of code sets A, B and C count as."""

_WIDTHS = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132
122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212
322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 211313 231113 231311
112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 213311 213131 311123 311321
331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122 141221 112214
112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212
124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113
411311 113141 114131 311141 411131 211412 211214 211232
"""


def _signs(widths: str) -> list[int]:
    return [1 - 2 * (at % 2) for at, width in enumerate(widths) for _module in range(int(width))]


PATTERNS: NDArray[np.float32] = np.array([_signs(one) for one in _WIDTHS.split()], np.float32)
"""What characters look like, by value (106, ``MODULES``); 1 is dark. Starts are the last three."""
STOP: Grid = np.array(_signs("2331112"), np.float32)
"""The stop character, which has a bar more."""
