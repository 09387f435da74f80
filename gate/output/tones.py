"""Four sounds, drawn by the program: pitch, rhythm and length each tell them apart, unseen."""

import io
import math
import struct
import wave
from dataclasses import dataclass
from enum import StrEnum

from gate.core.outcome import Outcome

RATE = 22_050
"""Samples a second."""
LOUDEST = 0.5
"""Of what a sample can be, at full volume: nothing clips, and nobody is startled."""
_RAMP_S = 0.006
"""So long a tone takes to begin and to end: without it there is a click."""


class Sound(StrEnum):
    """What is to be heard."""

    GO = "go"
    """Two short notes upwards: in, out, valid."""
    LOOK = "look"
    """Three equal notes: look, or ask."""
    STOP = "stop"
    """One long low buzz."""
    WAIT = "wait"
    """Two notes downwards, twice: neither yes nor no."""


SOUNDS = {
    Outcome.ADMIT: Sound.GO,
    Outcome.EXIT: Sound.GO,
    Outcome.VALID: Sound.GO,
    Outcome.ATTENTION: Sound.LOOK,
    Outcome.ASK: Sound.LOOK,
    Outcome.REFUSE: Sound.STOP,
    Outcome.HOLD: Sound.WAIT,
}
"""An outcome that is not here makes none: the same ticket again is no news."""
BELLS = {Sound.GO: 1, Sound.LOOK: 2, Sound.STOP: 3, Sound.WAIT: 3}
"""How often the terminal's bell rings where nothing else can be heard."""


@dataclass(frozen=True, slots=True)
class _Note:
    """A tone, and the silence behind it, in seconds."""

    hertz: float
    length_s: float
    rest_s: float = 0.0
    overtones: tuple[float, ...] = ()
    """Strengths of the second, third… partial: a small speaker has no low notes."""


_UP, _DOWN = _Note(1047, 0.07), _Note(392, 0.16, 0.16)
_TONES = {
    Sound.GO: (_UP, _Note(1568, 0.13)),
    Sound.LOOK: (_Note(784, 0.11, 0.09), _Note(784, 0.11, 0.09), _Note(784, 0.11)),
    Sound.STOP: (_Note(208, 0.75, overtones=(0.7, 0.5, 0.4)),),
    Sound.WAIT: (_Note(587, 0.16), _DOWN, _Note(587, 0.16), _DOWN),
}


def drawn(sound: Sound, volume: int = 100) -> bytes:
    """A sound as a WAV file, at a volume from 0 to 100."""
    loudness = LOUDEST * max(0, min(volume, 100)) / 100
    samples = [round(32_767 * loudness * one) for note in _TONES[sound] for one in _samples(note)]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


def _samples(note: _Note) -> list[float]:
    partials = (1.0, *note.overtones)
    count, ramp = round(note.length_s * RATE), _RAMP_S * RATE
    tone = [
        min(1.0, n / ramp, (count - n) / ramp)
        * sum(
            part * math.sin(2 * math.pi * note.hertz * (k + 1) * n / RATE)
            for k, part in enumerate(partials)
        )
        / sum(partials)
        for n in range(count)
    ]
    return tone + [0.0] * round(note.rest_s * RATE)
