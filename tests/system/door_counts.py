"""People without a ticket, counted at the doors of the simulation, and how many there truly are."""

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from gate.core.entry import COUNTS, Act, Entry
from gate.core.place import Direction

if TYPE_CHECKING:
    from tests.system.simulation import Gate, World

OFTEN = 0.06
SLIPS = 0.4
"""How many counts are taken back at once."""


class DoorCounts:
    """Somebody counts crew in or out now and then, and slips."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"doors {seed}")

    def may_happen(self, world: "World") -> None:
        """After a step: perhaps people come, and perhaps the lane dies over it."""
        if self._random.random() >= OFTEN:
            return
        gate = self._random.choice(world.gates)
        dies = self._random.random() < 0.1
        world.counted["count"] += 1
        world.try_with(self._count, gate, dies_at=self._random.randint(0, 14) if dies else -1)
        world.note(gate)

    def _count(self, gate: "Gate") -> None:
        assert gate.lane
        way = self._random.choice([Direction.IN, Direction.IN, Direction.OUT])
        count = gate.lane.count_people(self._random.randint(1, 9), way)
        if self._random.random() < SLIPS:
            gate.lane.undo(count.name)


def standing_counts(entries: list[Entry]) -> list[Entry]:
    """The counts that nobody took back; what was taken back twice counts the other way.

    A device that lost its undo may take the same back again: every undo is a sum of its own.
    """
    left = [entry for entry in entries if entry.act in COUNTS]
    for undo in (entry for entry in entries if entry.act is Act.COUNT_UNDONE):
        # Of a device that goes on twice, two entries have one name.
        said = (undo.target, undo.persons, undo.direction)
        undone = next((e for e in left if (e.name, e.persons, e.direction) == said), None)
        if undone is not None:
            left.remove(undone)
        else:
            other_way = Act.COUNT_OUT if undo.direction is Direction.IN else Act.COUNT_IN
            left.append(replace(undo, act=other_way))
    return left
