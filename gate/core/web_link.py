"""A link that a lane makes for a browser: signed by the device, so that no network is asked.

``lane.DEVICE.SECONDS.NONCE.NAME.SIGNATURE``; the name is of the supervisor who made it.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "lane."
GOOD_FOR_S: Final = 900
"""By the clocks of both: a lane's may be wrong, so it is no longer than somebody needs."""
_PARTS: Final = 6
_DOMAIN: Final = b"venue gate web link 1\n"


@dataclass(frozen=True, slots=True)
class LaneLink:
    """What a link of a lane says; whether it is true its signature says."""

    device: str
    made_s: int
    """When, by the lane's clock, Unix seconds."""
    nonce: str
    name: str
    signature: bytes = b""

    @property
    def message(self) -> bytes:
        """The bytes that are signed: nothing else that a device signs begins like this."""
        return _DOMAIN + self._text.encode()

    @property
    def _text(self) -> str:
        return f"{PREFIX}{self.device}.{self.made_s}.{self.nonce}.{_packed(self.name.encode())}"

    def secret(self) -> str:
        """As it stands in an address."""
        return f"{self._text}.{_packed(self.signature)}"


def parse(secret: str) -> LaneLink | None:
    """What a link says; ``None`` when it is none of a lane's."""
    parts = secret.split(".")
    if not secret.startswith(PREFIX) or len(parts) != _PARTS:
        return None
    _lane, device, made, nonce, name, signature = parts
    try:
        link = LaneLink(device, int(made[:12]), nonce, _unpacked(name).decode())
        found = LaneLink(device, link.made_s, nonce, link.name, _unpacked(signature))
    except (ValueError, binascii.Error):
        return None
    # Of several ways to write the same only one is the link: it is good once.
    return found if found.secret() == secret else None


def _packed(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
