"""The sync workers of a gate with several lists: all are kept up to date while one is scanned."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from gate.cli.sync_child import WorkerChild
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList

EVERY_S: Final = 2.0


class ListWorkers:
    """A worker for each list, from the first lane to the last: changing the list stops none."""

    def __init__(
        self, lists: tuple[GateList, ...], arguments: Callable[[Folder], list[str]]
    ) -> None:
        """``arguments`` make a worker find a list's folder."""
        self._children = {
            one.event: WorkerChild(one.folder, arguments(one.folder)) for one in lists
        }

    def of(self, event: str) -> WorkerChild:
        """The worker of one list."""
        return self._children[event]

    def look_after(self, but: str) -> None:
        """Start those that are not there; that of the list that is scanned its lane looks after."""
        for event, child in self._children.items():
            if event != but:
                child.look_after()

    @contextmanager
    def beside(self, event: str) -> Iterator[None]:
        """Look after all but one list's worker every few seconds, until it is over."""
        over = threading.Event()

        def look() -> None:
            self.look_after(event)
            while not over.wait(EVERY_S):
                self.look_after(event)

        thread = threading.Thread(target=look, name="lists", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.close()

    def close(self) -> None:
        """End them all."""
        for child in self._children.values():
            child.nudge()
        for child in self._children.values():
            child.close()
