"""Which formats of other people's an event reads beside the text of a code as it stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeFormats:
    """What the event has switched on; nothing by default: then a code is its whole text."""

    boarding_passes: bool = False
    """Whether a boarding pass is the passenger and flight that it names, however it is laid out."""
    gs1: bool = False
    """Whether a GS1 code is the item that it names, in whichever of GS1's spellings."""
    urls: tuple[str, ...] = ()
    """Patterns of addresses, each with ``{code}`` where the code is."""
    flight: str = ""
    """The flight that is boarded at this gate: which leg of a boarding pass is meant."""
    command_cards: int = 0
    """The issue of command cards that is in force; 0: none is read."""

    @property
    def are_text(self) -> bool:
        """Whether a code is nothing but its text."""
        return not (self.boarding_passes or self.gs1 or self.urls)


TEXT_ONLY = CodeFormats()
"""Where the event has switched nothing on."""
