"""How what reads codes is: camera and scanner, as the status bar names them."""

from gate.capture.camera import State
from gate.i18n import _


class Readers:
    """A camera that was there and is gone is LOST; one that never was is none, beside a scanner."""

    def __init__(self, *, has_camera: bool = False) -> None:
        self._state: State | None = State.STARTING if has_camera else None
        self._was_live = False
        self._has_scanned = False
        self._scanner: bool | None = None
        """Whether a grabbed scanner is there; nothing where none is grabbed."""

    def set_camera(self, state: State) -> None:
        """The camera came, went or ended."""
        self._state = state
        self._was_live = self._was_live or state is State.LIVE

    def set_scanner(self, *, is_there: bool) -> None:
        """The grabbed scanner came or went."""
        self._scanner = is_there
        self._has_scanned = self._has_scanned or is_there

    def scanned(self) -> None:
        """A scanner that types has read a code."""
        self._has_scanned = True

    @property
    def has_no_camera(self) -> bool:
        """Whether there is none to wait for."""
        never_there = self._state is State.LOST and not self._was_live
        return self._state is None or (never_there and self._has_scanned)

    @property
    def is_camera_lost(self) -> bool:
        """Whether a camera is missing that somebody counts on."""
        return self._state is State.LOST and not self.has_no_camera

    @property
    def has_camera_trouble(self) -> bool:
        """Whether no ticket can be held up to the camera: it is missing, or stands still."""
        return self.is_camera_lost or self._state is State.STILL

    @property
    def is_scanner_lost(self) -> bool:
        """Whether the grabbed scanner is missing."""
        return self._scanner is False

    @property
    def camera(self) -> str:
        """How the camera is; empty without one."""
        if self._state is None or self.has_no_camera:
            return ""
        states = {
            State.STARTING: _("starting"),
            State.LIVE: _("on"),
            State.STILL: _("STANDS STILL"),
            State.LOST: _("LOST"),
            State.ENDED: _("ended"),
        }
        return _("camera {state}").format(state=states[self._state])

    @property
    def scanner(self) -> str:
        """How the grabbed scanner is; empty without one."""
        if self._scanner is None:
            return ""
        return _("scanner on") if self._scanner else _("scanner LOST")
