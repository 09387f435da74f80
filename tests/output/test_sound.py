"""Four sounds that nobody takes for each other, soon, and never in anybody's way."""

import io
import shutil
import sys
import threading
import time
import wave
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from gate.config_tables import Screen
from gate.output.sound import CommandPlayer, Sounds, players, sounds_of
from gate.output.tones import LOUDEST, RATE, Sound, drawn
from gate.storage.folder import Folder
from tests.conftest import needs
from tests.support.notes import Samples, notes
from tests.support.screen import running
from tests.support.venue import FixedClock

SOON_S = 0.05


def samples(sound: Sound, volume: int = 100) -> Samples:
    with wave.open(io.BytesIO(drawn(sound, volume))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0


def is_told_apart(one: Sound, other: Sound) -> int:
    """By how many of pitch, rhythm and length two sounds differ."""
    a, b = (notes(samples(sound), RATE) for sound in (one, other))
    pitch = abs(np.log2(a[0][0] / b[0][0])) > 0.25
    rhythm = len(a) != len(b)
    long_a, long_b = len(samples(one)), len(samples(other))
    return int(pitch) + int(rhythm) + int(max(long_a, long_b) > 1.15 * min(long_a, long_b))


@pytest.mark.examples(2)
@pytest.mark.parametrize(("one", "other"), combinations(Sound, 2))
def test_any_two_differ_in_more_than_one_way(one: Sound, other: Sound) -> None:
    """Two at least of pitch, rhythm and length: with one ear, in noise, from a small speaker."""
    assert is_told_apart(one, other) >= 2


def test_mutation_a_sound_is_not_told_from_itself() -> None:
    """What tells them apart finds nothing where there is nothing."""
    assert is_told_apart(Sound.GO, Sound.GO) == 0


@pytest.mark.parametrize("sound", Sound)
def test_none_clips_clicks_or_is_too_loud(sound: Sound) -> None:
    """At full volume half of what is possible; it begins and ends in silence, within a second."""
    signal = samples(sound)
    assert 0.6 * LOUDEST < np.abs(signal).max() <= LOUDEST
    assert max(abs(signal[0]), abs(signal[-1])) < 0.01
    assert len(signal) < RATE
    quiet = samples(sound, 25)
    assert np.abs(quiet).max() == pytest.approx(np.abs(signal).max() / 4, abs=0.01)


class Fake:
    """A player that keeps when it was asked, and for what."""

    def __init__(self, name: str = "fake", *, breaks: str = "") -> None:
        self.name = name
        self.started: list[tuple[float, str]] = []
        self.news = threading.Event()
        self._breaks = breaks

    def start(self, file: Path) -> None:
        assert file.read_bytes()[:4] == b"RIFF"
        self.started.append((time.monotonic(), file.name.partition("-")[0]))
        self.news.set()
        if self._breaks == "at once":
            raise OSError("no such device")

    def ended(self) -> bool | None:
        return False if self._breaks == "later" else None

    def stop(self) -> None:
        self.started.append((time.monotonic(), "silence"))


@pytest.fixture
def silent() -> list[Sound]:
    return []


@pytest.fixture
def make(silent: list[Sound]) -> Iterator[Callable[..., Sounds]]:
    made = []

    def make_one(*has: Fake, volume: int = 80) -> Sounds:
        sounds = Sounds(silent.append, volume=volume, has=has)
        made.append(sounds)
        sounds.start()
        return sounds

    yield make_one
    for sounds in made:
        sounds.stop()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_sound_begins_soon_and_nobody_waits_for_it(make: Callable[..., Sounds]) -> None:
    """Of twenty the middle one within 50 ms, while whoever asked went on within one.

    Of some twenties: a machine may have other things to do meanwhile.
    """
    fake = Fake()
    sounds = make(fake)

    def is_soon() -> bool:
        took, asked = [], []
        for _n in range(20):
            fake.news.clear()
            before = time.monotonic()
            assert sounds.play(Sound.STOP)
            asked.append(time.monotonic() - before)
            assert fake.news.wait(30)
            took.append(fake.started[-1][0] - before)
        return sorted(took)[10] < SOON_S and sorted(asked)[10] < 0.005

    assert any(is_soon() for _n in range(10))


def test_the_newest_wins(make: Callable[..., Sounds], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for while the thread was busy is not made up for."""
    fake = Fake()
    begin = threading.Event()
    monkeypatch.setattr(Sounds, "_draw_all", lambda _self: begin.wait(30))
    sounds = make(fake)
    for sound in (Sound.GO, Sound.STOP, Sound.WAIT):
        sounds.play(sound)
    begin.set()
    until(lambda: bool(fake.started))
    assert [name for _at, name in fake.started] == ["wait"]


@pytest.mark.parametrize("breaks", ["at once", "later"])
def test_where_a_player_fails_the_next_one_plays(
    make: Callable[..., Sounds], silent: list[Sound], breaks: str
) -> None:
    """The same sound, and from then on the one that works."""
    broken, good = Fake("broken", breaks=breaks), Fake("good")
    sounds = make(broken, good)
    sounds.play(Sound.STOP)
    until(lambda: [name for _at, name in good.started] == ["stop"])
    assert sounds.player == "good"
    assert silent == []


@pytest.mark.parametrize("breaks", ["at once", "later"])
def test_where_nothing_plays_the_bell_is_asked(
    make: Callable[..., Sounds], silent: list[Sound], breaks: str
) -> None:
    """Once by the thread, and then at once: nobody waits for a player that is known to fail."""
    sounds = make(Fake(breaks=breaks))
    assert sounds.play(Sound.WAIT)
    until(lambda: silent == [Sound.WAIT])
    assert not sounds.play(Sound.GO)
    assert not make().play(Sound.GO)


def test_how_it_stands_is_known(make: Callable[..., Sounds], silent: list[Sound]) -> None:
    """Lost once nothing plays, until something does; muted is nobody's trouble."""
    fake = Fake(breaks="later")
    sounds = make(fake)
    assert sounds.state == "on"
    sounds.play(Sound.WAIT)
    until(lambda: sounds.state == "lost")
    sounds._broken.clear()
    assert sounds.state == "lost"
    fake.ended = lambda: True  # type: ignore[method-assign]
    sounds.play(Sound.GO)
    until(lambda: sounds.state == "on")
    while sounds.next_volume():
        pass
    assert sounds.state == ""
    assert make().state == ""


def test_nothing_that_plays_is_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a player was wanted; where the bell was, nobody misses one."""
    monkeypatch.setattr("gate.output.sound.players", list)
    assert sounds_of(Screen(), print).state == "bell"
    assert sounds_of(Screen(sound="bell"), print).state == ""
    assert sounds_of(Screen(bell=False), print).state == ""


def test_a_key_makes_it_quieter_then_silent_then_loud(make: Callable[..., Sounds]) -> None:
    """Silence is silence: neither loudspeaker nor bell."""
    fake = Fake()
    sounds = make(fake, volume=60)
    assert [sounds.next_volume() for _n in range(5)] == [50, 25, 0, 100, 80]
    silent_one = make(fake, volume=0)
    assert silent_one.play(Sound.STOP)
    time.sleep(0.1)
    assert fake.started == []


def test_a_program_is_ended_by_the_next_sound(tmp_path: Path) -> None:
    """One that hangs keeps nothing from being heard, and what ends badly is known."""
    needs(shutil.which("sleep") is not None, "sleep")
    player = CommandPlayer([sys.executable, "-c", "import time; time.sleep(60)"])
    player.start(tmp_path / "a.wav")
    first = player._running
    assert player.ended() is None
    player.start(tmp_path / "b.wav")
    assert first is not None
    assert first.returncode is not None
    player.stop()
    failing = CommandPlayer([sys.executable, "-c", "raise SystemExit(1)"])
    failing.start(tmp_path / "a.wav")
    until(lambda: failing.ended() is False)


def test_what_the_system_has_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PipeWire before PulseAudio before ALSA; afplay on macOS; nothing is no fault."""
    for name in ("aplay", "pw-play", "afplay"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert [one.name for one in players()] == ["pw-play", "aplay"]
    monkeypatch.setattr("sys.platform", "darwin")
    assert [one.name for one in players()] == ["afplay"]
    monkeypatch.setattr("sys.platform", "plan9")
    assert players() == []


async def test_the_four_are_tried_on_the_doctors_screen(
    venue: Folder, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F7 names each as it is heard; F6 goes on to the next volume, and to silence."""
    monkeypatch.setattr("gate.ui.tui.screens.doctor._BETWEEN_SOUNDS_S", 0.05)
    heard: list[Sound] = []
    async with running(venue, clock, "screen.volume=50") as screen:
        monkeypatch.setattr(type(screen.app), "sound", lambda _app, sound: heard.append(sound))
        await screen.press("f9", "f7")
        await screen.until(lambda: len(heard) == 4)
        assert heard == list(Sound)
        await screen.press("f6")
        assert (screen.app.sounds.volume, heard[4:]) == (25, [Sound.GO])
        await screen.press("f6")
        assert (screen.app.sounds.volume, heard[5:]) == (0, [])
