"""A linear code on the terminal, for a scanner to read: dark on light whatever its colours."""

QUIET = 10
"""Light modules beside a linear code, as its standard asks."""
_PAIRS = {(0, 0): " ", (1, 0): "▌", (0, 1): "▐", (1, 1): "█"}
_DARK_ON_LIGHT, _PLAIN = "\x1b[38;5;16;48;5;231m", "\x1b[0m"


def linear(text: str, lines: int = 6) -> str:
    """A Code 128, two modules a column."""
    import numpy as np  # noqa: PLC0415  loaded when a code is
    import zxingcpp  # noqa: PLC0415

    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    row = np.array(barcode.to_image(scale=1, add_quiet_zones=False))[0]
    modules = [0] * QUIET + [int(light == 0) for light in row.tolist()] + [0] * QUIET
    modules += [0] * (len(modules) % 2)
    bars = "".join(_PAIRS[pair] for pair in zip(modules[::2], modules[1::2], strict=True))
    return f"{_DARK_ON_LIGHT}{bars}{_PLAIN}\n" * lines
