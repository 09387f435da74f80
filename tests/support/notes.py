"""What an ear makes of a sound: its notes, by pitch and length."""

import numpy as np

Samples = np.ndarray[tuple[int], np.dtype[np.float64]]
"""Between -1 and 1."""


def notes(signal: Samples, rate: int) -> list[tuple[float, float]]:
    """The pitch of every 20 ms that are not silent, put together to notes of hertz and seconds."""
    step = rate // 50
    found: list[tuple[float, float]] = []
    last = 0.0
    for start in range(0, len(signal) - step + 1, step):
        piece = signal[start : start + step]
        pitch = 0.0
        if np.abs(piece).max() > 0.05:
            power = np.abs(np.fft.rfft(piece * np.hanning(step), 8192))
            # The lowest strong partial is the note.
            pitch = float(np.argmax(power > 0.5 * power.max()) * rate / 8192)
        if pitch and last and abs(pitch - last) < 0.15 * last:
            found[-1] = (found[-1][0], found[-1][1] + 0.02)
        elif pitch:
            found.append((pitch, 0.02))
        last = pitch
    return found
