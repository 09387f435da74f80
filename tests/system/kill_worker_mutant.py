"""Mutation of ``kill_worker``: the verdict is shown first and committed later."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate.storage.folder import Folder
from gate.storage.journal import Journal
from tests.system import kill_worker


@contextmanager
def lazily(self: Journal) -> Iterator[None]:
    if not self._connection.in_transaction:
        self._connection.execute("BEGIN IMMEDIATE")
        self._follow_others()
    yield
    if self._head.seq % 10 == 0:
        self._connection.execute("COMMIT")


if __name__ == "__main__":
    setattr(Journal, "transaction", lazily)  # noqa: B010
    kill_worker.main(Folder(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
