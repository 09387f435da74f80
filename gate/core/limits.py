"""How much goes into a frame, and what a name may be like."""

from typing import Annotated, Final

from msgspec import Meta

VERSION: Final = 1


MAX_ENTRIES: Final = 500
"""Entries in one frame."""


FRAME_BYTES: Final = 1024 * 1024
"""Entries are put into a frame up to about this size."""


HEAD_EVERY: Final = 250
"""A device signs its chain at least this often, so that a relayed run ends in a frame."""


Name = Annotated[str, Meta(max_length=200)]


Hex = Annotated[str, Meta(max_length=128, pattern=r"^[0-9a-f]*\Z")]


Count = Annotated[int, Meta(ge=0, le=2**53)]


Milliseconds = Annotated[int, Meta(ge=-(2**53), le=2**53)]


Origin = Annotated[str, Meta(max_length=64, pattern=r"^[0-9a-z]{1,32}\.[0-9a-f]{1,31}\Z")]
