"""Tickets of the simulation whose guests are asked questions, and what must have been answered."""

import json
from random import Random
from typing import TYPE_CHECKING, Final

from gate.core.entry import Act, Entry
from gate.core.verdict import Verdict
from gate.credential.sealed_answers import open_answers
from gate.errors import UsageError
from gate.storage.replica_reader import ReplicaReader

if TYPE_CHECKING:
    from tests.system.simulation import Gate

TYPE: Final = {"id": "FORM", "kind": "meeting", "use_limit": 2, "party_size": 2}
QUESTIONS: Final = json.dumps([
    {"id": "meal", "text": "Which meal?", "kind": "choice", "types": ["FORM"],
     "options": [{"id": "soup", "text": "Soup"}, {"id": "fish", "text": "Fish"}]},
    {"id": "bones", "text": "Bones?", "kind": "yes_no", "types": ["FORM"], "required": False,
     "depends_on": "meal", "depends_values": ["fish"]},
])  # fmt: skip
LEAVES: Final = 0.15
"""How many go away at each question."""


class GuestQuestions:
    """Guests who answer, say nonsense or go away."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"questions {seed}")
        self.asked = self.answered = 0

    def answer(self, gate: "Gate", verdict: Verdict) -> Verdict:
        """What the lane says in the end, to a guest who answers what is asked or goes away."""
        assert gate.lane
        said: dict[str, str] = {}
        while verdict.asked is not None:
            assert verdict.ticket
            assert not verdict.entry, "something was kept before the last answer"
            self.asked += 1
            if self._random.random() < LEAVES:
                return verdict
            about, typed = verdict.asked.id, self._random.choice(["1", "2", "perhaps"])
            if about == "bones":
                typed = self._random.choice(["y", "n", "1e3"])
            try:
                verdict = gate.lane.fill_in(typed, ticket=verdict.ticket.id, question=about)
            except UsageError:
                assert typed in ("perhaps", "1e3"), "no answer is taken"
                continue
            assert typed not in ("perhaps", "1e3"), "nonsense is an answer"
            said[about] = typed
        if said and verdict.is_green:
            self.answered += 1
            assert set(said) >= {"meal"}, "a green before all was answered"
        return verdict


def check(gate: "Gate", made: Entry, before: list[Entry]) -> None:
    """An admission has all its answers, or somebody who came before on its ticket gave them.

    ``before`` is what the gate had heard of the ticket, undone or not. Raises AssertionError.
    """
    undone = {entry.target for entry in before if entry.act is Act.ANNULMENT}
    admissions = [one for one in before if one.act is Act.ADMISSION and one.name != made.name]
    may_know = {id_ for one in admissions for id_ in one.answered}
    knows = {id_ for one in admissions if one.name not in undone for id_ in one.answered}
    answers = open_answers(_key(gate), made.ticket, made.answers)
    assert knows.isdisjoint(made.answered), "asked twice"
    assert set(answers) == set(made.answered), "answers without their questions"
    assert "meal" in answers or "meal" in may_know, "let in without an answer"
    if answers.get("meal") == "fish":
        assert "bones" in answers or "bones" in may_know, "let in without what depends on it"
    assert answers.get("meal") != "soup" or "bones" not in answers, "asked what nobody wants"


def _key(gate: "Gate") -> bytes:
    reader = ReplicaReader(gate.folder)
    reader.refresh()
    reader.close()
    return reader.key
