"""Plays the four sounds by what the system has, from a thread of its own: the newest wins."""

import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from gate.config_tables import Screen
from gate.output.tones import Sound, drawn

log = logging.getLogger(__name__)

COMMANDS: dict[str, tuple[str, ...]] = {
    "linux": ("pw-play", "paplay", "aplay -q"),
    "darwin": ("afplay",),
}
"""What plays a file: PipeWire, PulseAudio, ALSA; macOS."""
VOLUMES = (100, 80, 50, 25, 0)
"""What a key goes through; none of them is silence."""
_LOOK_S = 0.05
_TRY_AGAIN_S = 60.0
"""A loudspeaker may be plugged in later."""


class Player(Protocol):
    """What plays a file. Raises OSError where it cannot."""

    @property
    def name(self) -> str:
        """What it is called."""

    def start(self, file: Path) -> None:
        """Begin to play, instead of what was being played."""

    def ended(self) -> bool | None:
        """Whether what was begun has ended well; ``None`` while it is played."""

    def stop(self) -> None:
        """Be silent."""


class CommandPlayer:
    """A program that plays one file."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The program."""
        return Path(self._words[0]).name

    def start(self, file: Path) -> None:
        """Begin to play, instead of what was being played."""
        self.stop()
        self._running = subprocess.Popen(  # noqa: S603  a program of the system, and our own file
            [*self._words, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ended(self) -> bool | None:
        """Whether it has ended well; badly without a sound card or a server of sounds."""
        code = self._running.poll() if self._running is not None else 0
        return None if code is None else code == 0

    def stop(self) -> None:
        """Be silent."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()
            running.wait()


class WindowsPlayer:
    """The sound system of Windows, which plays one file at a time by itself."""

    name = "winsound"

    def start(self, file: Path) -> None:
        """Begin to play, instead of what was being played. Raises OSError."""
        if sys.platform == "win32":
            import winsound  # noqa: PLC0415  there only

            flags = winsound.SND_FILENAME | winsound.SND_ASYNC | winsound.SND_NODEFAULT
            try:
                winsound.PlaySound(str(file), flags)
            except RuntimeError as error:
                raise OSError(str(error)) from error

    def ended(self) -> bool | None:
        """It fails at once or never."""
        return True

    def stop(self) -> None:
        """Be silent."""
        if sys.platform == "win32":
            import winsound  # noqa: PLC0415  there only

            winsound.PlaySound(None, 0)


def players() -> list[Player]:
    """What this system has, the best first."""
    if sys.platform == "win32":
        return [WindowsPlayer()]
    found = []
    for command in COMMANDS.get(sys.platform, ()):
        word, *options = command.split()
        if (program := shutil.which(word)) is not None:
            found.append(CommandPlayer([program, *options]))
    return [*found]


def sounds_of(screen: Screen, on_silence: Callable[[Sound], object]) -> "Sounds":
    """What is heard at a lane, as the configuration has it."""
    has_player = screen.bell and screen.sound == "auto"
    return Sounds(on_silence, volume=screen.volume, has=None if has_player else ())


class Sounds:
    """What is heard at a lane. Its methods may be called from any thread, and wait for nothing.

    ``on_silence`` gets the sound that nothing played after all: then the bell has to ring.
    """

    def __init__(
        self,
        on_silence: Callable[[Sound], object],
        *,
        volume: int,
        has: Sequence[Player] | None = None,
    ) -> None:
        """``has`` is what plays; none of them: the bell does it all."""
        self._on_silence = on_silence
        self._has = [*(players() if has is None else has)]
        self._is_wanted = has is None or bool(has)
        self._is_lost = False
        self._broken: dict[str, float] = {}
        """Until when nothing is asked of a player."""
        self._volume = volume
        self._files: dict[tuple[Sound, int], Path] = {}
        self._next: Sound | None = None
        self._news = threading.Condition()
        self._is_ending = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    @property
    def volume(self) -> int:
        """From 0, which is silence, to 100."""
        return self._volume

    @property
    def player(self) -> str:
        """What plays just now; empty: the terminal's bell does."""
        usable = self._usable()
        return usable[0].name if usable else ""

    @property
    def state(self) -> str:
        """``on``, ``lost`` once nothing could play, ``bell`` where nothing is there that plays.

        Empty where no player is wanted.
        """
        if not self._is_wanted or not self._volume:
            return ""
        if not self._has:
            return "bell"
        return "lost" if self._is_lost else "on"

    def next_volume(self) -> int:
        """Make it quieter, silent in the end, and then loud again; answers with the volume."""
        self._volume = next((v for v in VOLUMES if v < self._volume), VOLUMES[0])
        return self._volume

    def start(self) -> None:
        """Get ready."""
        if self._has:
            self._folder = tempfile.TemporaryDirectory(prefix="venue-gate-sound-")
            self._thread.start()

    def play(self, sound: Sound) -> bool:
        """Have a sound heard; false where only a bell can do that."""
        if self._volume == 0:
            return True
        if self._folder is None or not self._usable():
            return False
        with self._news:
            self._next = sound
            self._news.notify()
        return True

    def stop(self) -> None:
        """Be silent from now on."""
        with self._news:
            self._is_ending = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)
        if self._folder is not None:
            self._folder.cleanup()

    def _usable(self) -> list[Player]:
        now_s = time.monotonic()
        return [one for one in self._has if self._broken.get(one.name, 0.0) <= now_s]

    def _run(self) -> None:
        self._draw_all()
        playing: tuple[Player, Sound] | None = None
        while True:
            with self._news:
                if self._next is None and not self._is_ending:
                    self._news.wait(None if playing is None else _LOOK_S)
                sound, self._next = self._next, None
                is_ending = self._is_ending
            if is_ending:
                break
            if sound is not None:
                playing = self._begin(sound)
            elif playing is not None and (is_well := playing[0].ended()) is not None:
                if is_well:
                    self._is_lost = False
                else:
                    self._give_up(playing[0], "it ended with an error")
                playing = None if is_well else self._begin(playing[1])
        if playing is not None:
            playing[0].stop()

    def _begin(self, sound: Sound) -> tuple[Player, Sound] | None:
        for player in self._usable():
            try:
                player.start(self._file(sound))
            except OSError as error:
                self._give_up(player, str(error))
            else:
                return player, sound
        self._is_lost = True
        self._on_silence(sound)
        return None

    def _give_up(self, player: Player, why: str) -> None:
        log.warning("sound: %s: %s", player.name, why)
        self._broken[player.name] = time.monotonic() + _TRY_AGAIN_S

    def _draw_all(self) -> None:
        try:
            for sound in Sound:
                self._file(sound)
        except OSError as error:
            log.warning("sound: %s", error)

    def _file(self, sound: Sound) -> Path:
        key = (sound, self._volume)
        if key not in self._files and self._folder is not None:
            path = Path(self._folder.name) / f"{sound}-{self._volume}.wav"
            path.write_bytes(drawn(*key))
            self._files[key] = path
        return self._files[key]
