"""Keys of a terminal without a screen: taken one by one, and told from what a scanner types."""

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gate.text.open_question import answers

COMMAND_KEYS = {
    b"\x1bOQ": "list",
    b"\x1b[[B": "list",
    b"\x1b[12~": "list",
    b"\x1bOS": "choose",
    b"\x1b[14~": "choose",
    b"\x1b[[D": "choose",
    b"\x1b[17~": "direction",
    b"\x1b[18~": "next",
    b"\x1b[19~": "look",
    b"\x1b[24~": "people",
    b"\x14": "meant",
    b"\x01": "acknowledge",
    b"\x1a": "undo",
    b"\x13": "scanner",
    b"\x0b": "type_code",
    b"\x03": "quit",
    b"\x11": "quit",
}
"""F2 and F4 in three spellings, F6 to F8, F12, Ctrl+T, Ctrl+A, Ctrl+Z, Ctrl+S, Ctrl+K, Ctrl+C,
Ctrl+Q as terminals send them."""


def answer_keys() -> dict[bytes, str]:
    """Keys that answer a question while there is one; Esc leaves it without an answer."""
    return {key.encode(): key for key in answers()} | {b"\x1b": ""}


def bursts(descriptor: int, gap_ms: int, quitting: threading.Event) -> Iterator[bytes]:
    """What was typed, in pieces; an empty piece is a silence."""
    answering = answer_keys()
    while not quitting.is_set():
        ready, _w, _x = select.select([descriptor], [], [], gap_ms / 1000)
        if not ready:
            yield b""
            continue
        try:
            data = os.read(descriptor, 4096)
        except OSError:
            # The terminal is gone.
            return
        if not data:
            return
        is_key = data in COMMAND_KEYS or data in answering
        if is_key and select.select([descriptor], [], [], gap_ms / 1000)[0]:
            # Not alone after all: more of the same code follows.
            data += os.read(descriptor, 4096)
        yield data


@contextmanager
def raw_keys(descriptor: int) -> Iterator[bool]:
    """Take the terminal's keys one by one and unechoed; says whether it is a terminal."""
    if sys.platform == "win32" or not os.isatty(descriptor):
        yield False
        return
    import termios  # noqa: PLC0415  not on Windows

    before = termios.tcgetattr(descriptor)
    raw = termios.tcgetattr(descriptor)
    raw[0] &= ~(termios.ICRNL | termios.IXON)
    raw[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    termios.tcsetattr(descriptor, termios.TCSANOW, raw)
    try:
        yield True
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSANOW, before)
