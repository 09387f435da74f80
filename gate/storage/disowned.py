"""Which entries of disowned devices count no more, as the feed last said."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from gate.core.disowning import counted
from gate.core.entry import device_of
from gate.core.intake import step_of
from gate.core.replication import Carried, Have, Tip, tips_from_text, tips_to_text
from gate.storage.peers_file import PeersFile


class Disowned:
    """Up to where the entries of disowned devices count, and which are beyond."""

    def __init__(self, file: PeersFile) -> None:
        self._file = file
        with file.reading():
            rows = file.connection.execute("SELECT device, counts_until FROM disowning")
            self._until: Mapping[str, Have] = {
                device: tips_from_text(msgspec.json.decode(text, type=dict[str, list[str]]))
                for device, text in rows
            }

    def __contains__(self, device: str) -> bool:
        return device in self._until

    def differing(self, until: Mapping[str, Have]) -> list[str]:
        """Devices of which another word of the feed says something else."""
        devices = sorted({*until, *self._until})
        return [device for device in devices if until.get(device) != self._until.get(device)]

    @contextmanager
    def replaced(self, until: Mapping[str, Have]) -> Iterator[None]:
        """Another word of the feed holds within, and from then on if that succeeds."""
        before, self._until = self._until, until
        try:
            yield
        except BaseException:
            self._until = before
            raise

    def counts(self, one: Carried) -> bool:
        """Whether an entry that is held counts."""
        if one.entry.device not in self:
            return True
        found = self._file.connection.execute(
            "SELECT 1 FROM counted WHERE origin = ? AND seq = ? AND hash = ?",
            (one.entry.origin, one.entry.seq, bytes.fromhex(one.hash)),
        )
        return found.fetchone() is not None

    def put(self, device: str) -> None:
        """Remember what the feed says of a device, within a transaction."""
        run = self._file.connection.execute
        run("DELETE FROM disowning WHERE device = ?", (device,))
        if device in self:
            text = msgspec.json.encode(tips_to_text(self._until[device])).decode()
            run("INSERT INTO disowning VALUES (?, ?)", (device, text))

    def flag(self, origin: str, tips: frozenset[Tip]) -> bool:
        """Note which entries of an origin do not count, within a transaction.

        The answer is whether any of those counts, or counts no more, that may be counted already.
        """
        held = "(SELECT id FROM entry WHERE origin = ?)"
        rows = self._file.connection.execute(
            f"SELECT entry FROM disowned WHERE entry IN {held}", (origin,)
        )
        before = {row[0] for row in rows}
        gone = self._beyond(origin, tips)
        self._file.connection.executemany(
            "DELETE FROM disowned WHERE entry = ?", [(row,) for row in before - gone]
        )
        self._file.connection.executemany(
            "INSERT INTO disowned VALUES (?)", [(row,) for row in gone - before]
        )
        return len(tips) > 1 and before != gone

    def _beyond(self, origin: str, tips: frozenset[Tip]) -> set[int]:
        """Rows of an origin's entries that do not count."""
        run, until = self._file.connection.execute, self._until.get(device_of(origin))
        if until is None:
            return set()
        if len(tips) <= 1:
            last = max((tip.seq for tip in until.get(origin, ())), default=0)
            found = run("SELECT id FROM entry WHERE origin = ? AND seq > ?", (origin, last))
            return {row[0] for row in found}
        rows = run(
            "SELECT id, seq, lower(hex(hash)), body FROM entry WHERE origin = ? ORDER BY seq",
            (origin,),
        ).fetchall()
        steps = [step_of(*row[1:]) for row in rows]
        counting = counted(steps, until.get(origin, ()))
        return {row[0] for row, step in zip(rows, steps, strict=True) if step.hash not in counting}
