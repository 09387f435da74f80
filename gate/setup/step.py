"""A step of the setup: what is so, what is asked about it, what is to be written for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gate.clock import Clock
from gate.config import Config
from gate.reports.checks.finding import Finding
from gate.setup.answers import Answers
from gate.setup.changes import Change
from gate.setup.conversation import Conversation
from gate.setup.machine import Machine
from gate.storage.folder import Folder


@dataclass(frozen=True, slots=True)
class Site:
    """What is being made a gate: a machine, its configuration and its data folder."""

    config: Config
    config_file: Path
    folder: Folder
    machine: Machine
    clock: Clock


class Step(Protocol):
    """One thing that a gate needs."""

    @property
    def name(self) -> str:
        """What it is called."""

    def look(self) -> Finding:
        """What is so now. Raises GateError."""

    def ask(self, talk: Conversation) -> Finding | None:
        """Ask what has to be known, and what is so after it; ``None``: as it was.

        Raises GateError when an answer cannot be followed.
        """

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """What is to be written for these answers; only what we wrote ever becomes nothing.

        Raises GateError.
        """
