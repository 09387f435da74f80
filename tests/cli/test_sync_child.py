"""The sync worker as a child of the lane: how soon another is begun where one has ended."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gate.cli.sync_child import BACK_OFF_S, WELL_S, WorkerChild
from gate.storage.folder import Folder


@dataclass
class Begun:
    """Programs that end when the test says so, and a clock."""

    now_s: float = 100.0
    at_s: list[float] = field(default_factory=list)
    """When each was begun."""
    code: int | None = None
    """With what the newest one has ended; ``None``: it has not."""

    def begin(self, *_arguments: Any, **_options: Any) -> "Begun":
        self.at_s.append(self.now_s)
        self.code, self.stdin = None, os.fdopen(os.open(os.devnull, os.O_WRONLY), "wb")
        return self

    pid = 1

    @property
    def returncode(self) -> int | None:
        return self.code

    def poll(self) -> int | None:
        return self.code


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begun]:
    begun = Begun()
    monkeypatch.setattr("subprocess.Popen", begun.begin)
    yield begun
    begun.stdin.close()


def waits(begun: Begun, child: WorkerChild, lives_s: list[float]) -> list[float]:
    """How long it is without a worker each time that one has ended after so long."""
    child.look_after()
    found = []
    for lived_s in lives_s:
        begun.now_s += lived_s
        begun.code, ended_s, before = 1, begun.now_s, len(begun.at_s)
        child.look_after()
        while len(begun.at_s) == before:
            begun.now_s += 0.5
            child.look_after()
        found.append(begun.now_s - ended_s)
    return found


def test_who_ends_again_and_again_is_left_alone_ever_longer(folder: Folder, begun: Begun) -> None:
    """But no longer than people can be without what the other gates know."""
    child = WorkerChild(folder, [], lambda: begun.now_s)
    assert waits(begun, child, [0.25] * 7) == [1, 2, 4, 8, *[BACK_OFF_S[1]] * 3]


def test_who_has_worked_is_begun_again_at_once(folder: Folder, begun: Begun) -> None:
    """However often that was so in an evening."""
    child = WorkerChild(folder, [], lambda: begun.now_s)
    assert waits(begun, child, [WELL_S] * 12) == [1] * 12


def test_what_was_before_it_worked_is_forgotten(folder: Folder, begun: Begun) -> None:
    """It met something as it began, got over it, and worked."""
    child = WorkerChild(folder, [], lambda: begun.now_s)
    assert waits(begun, child, [0.25, 0.25, 0.25, WELL_S, 0.25]) == [1, 2, 4, 1, 2]
