"""Drives the unmodified journal and says on standard output what may be shown green.

Run under strace by ``test_power_cut``: python -m tests.system.power_cut_worker FOLDER [NORMAL]
"""

import os
import sys
from pathlib import Path

from gate.core.entry import Act, Entry
from gate.storage import journal as journal_module
from gate.storage.journal import Journal
from gate.storage.sqlite import open_writer

ADMISSIONS = 90


def main(folder: Path, mutation: str) -> None:
    if mutation == "NORMAL":
        vars(journal_module)["open_writer"] = lambda path, _level: open_writer(path, "NORMAL")
    journal = Journal(folder / "journal.db", "0123456789abcdef")
    for n in range(ADMISSIONS):
        with journal.transaction():
            link = journal.link(1_000_000 + n)._asdict()
            entry = Entry(
                act=Act.ADMISSION, at_ms=1_000_000 + n, boot_ms=n, ticket=f"t{n}", uses=1,
                persons=1, ordinal=0, **link,
            )  # fmt: skip
            journal.append(entry)
        os.write(1, f"green {entry.name} t{n}\n".encode())
        if n % 17 == 16:
            journal.checkpoint()
        if n % 29 == 28:
            journal.close()
            journal = Journal(folder / "journal.db", "0123456789abcdef")
    journal.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
