"""What somebody holds up before the drawn camera, when and how."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Showing:
    """Somebody holds something up."""

    text: str
    symbology: str
    """``QRCode``, ``Code128``, ``PDF417`` or ``Aztec``."""
    carrier: str = "phone"
    """``phone`` or ``paper``."""
    begin_s: float = 0.0
    """Second of the film at which it comes into view."""
    seconds: float = 2.0
    """How long until it is out of view again."""
    title: str = ""
    """Printed above the symbol; ASCII."""
    turn_deg: float = 0.0
    """In its own plane, while it is held still; a wide symbol is straightened halfway."""
    tilt_deg: float = 10.0
    """Out of its plane."""
    light: float = 1.0
    """1 is bright, 0.3 is dim."""

    @property
    def end_s(self) -> float:
        """Second of the film at which it is out of view again."""
        return self.begin_s + self.seconds
