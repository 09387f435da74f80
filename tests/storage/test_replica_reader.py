"""What a reader of the replica keeps from one look-up to the next."""

import sqlite3
from contextlib import closing

import pytest

from gate.errors import StoreError
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica, open_replica
from gate.storage.replica_reader import ReplicaReader

SET = "INSERT OR REPLACE INTO meta (key, value, sum) VALUES ('remark', ?, 0)"
GET = "SELECT value FROM meta WHERE key = 'remark'"


def test_within_a_moment_nothing_changes_and_after_it_the_change_is_known(venue: Folder) -> None:
    """What was read within is kept under the state that it was read in, and no longer."""
    with (
        closing(ReplicaReader(venue)) as reader,
        closing(open_replica(live_replica(venue))) as other,
    ):
        reader.refresh()
        other.execute(SET, ("before",))
        with reader.at_one_moment():
            first = reader.changes()
            other.execute(SET, ("after",))
            assert reader.connection().execute(GET).fetchone() == ("before",)
            assert reader.changes() == first
        assert reader.changes() != first
        with reader.at_one_moment():
            assert reader.changes() != first
            assert reader.connection().execute(GET).fetchone() == ("after",)


def test_a_moment_that_ends_in_a_fault_is_over(venue: Folder) -> None:
    """The next look-up begins anew."""
    with (
        closing(ReplicaReader(venue)) as reader,
        closing(open_replica(live_replica(venue))) as other,
    ):
        with pytest.raises(StoreError), reader.at_one_moment():
            first = reader.changes()
            raise sqlite3.OperationalError
        other.execute(SET, ("after",))
        assert reader.changes() != first
