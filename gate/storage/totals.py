"""The tally of a journal file: adding to it, and what it comes to."""

import sqlite3
from collections.abc import Mapping

from gate.core.outcome import Outcome
from gate.core.tally import TALLY_COUNTS, TallyCounts, TallyKey


def tally_upsert(keys: int) -> str:
    """The statement that adds counts to a row of a ``tally`` that has so many columns of key."""
    return (
        f"INSERT INTO tally VALUES ({', '.join('?' * (keys + len(TALLY_COUNTS)))}) "
        f"ON CONFLICT DO UPDATE SET {', '.join(f'{c} = {c} + excluded.{c}' for c in TALLY_COUNTS)}"
    )


class Totals:
    """What a device has counted: the numbers that must be at hand without asking the disk."""

    def __init__(self) -> None:
        self.admitted = 0
        """People let in; the annulled ones are taken off again."""
        self.exited = 0
        self.refused = 0
        self.checked_out: Mapping[str, int] = {}
        """Of those people how many count as outside without having gone, by zone."""
        self._by_zone: dict[str, int] = {}

    @property
    def inside(self) -> int:
        """People in, as far as this device has seen them go."""
        counted = self.admitted - self.exited
        # Who goes after a check-out counted as outside before.
        return max(0, counted - sum(self.checked_out.values())) if self.checked_out else counted

    def inside_zone(self, zone: str) -> int:
        """The same, of one zone."""
        return max(0, self._by_zone.get(zone, 0) - self.checked_out.get(zone, 0))

    def add(self, key: TallyKey, counts: TallyCounts) -> None:
        """Count one more line of the tally."""
        zone, outcome = key[2], key[4]
        scans, admitted, exited, _annulled = counts
        self.admitted += admitted
        self.exited += exited
        self.refused += scans if outcome == Outcome.REFUSE else 0
        self._by_zone[zone] = self._by_zone.get(zone, 0) + admitted - exited


def read_totals(connection: sqlite3.Connection) -> Totals:
    """What a device's own journal comes to."""
    totals = Totals()
    for row in connection.execute(
        "SELECT 0, '', zone, '', outcome, '', '', "
        "sum(entries), sum(admitted), sum(exited), sum(annulled) "
        "FROM tally GROUP BY zone, outcome"
    ):
        totals.add(row[:7], row[7:])
    return totals


def read_inside(connection: sqlite3.Connection, minute: int) -> dict[str, int]:
    """How many were inside at the end of a minute, by zone, as a device's own journal has it."""
    query = "SELECT zone, sum(admitted - exited) FROM tally WHERE minute <= ? GROUP BY zone"
    return {zone: people for zone, people in connection.execute(query, (minute,)) if people > 0}
