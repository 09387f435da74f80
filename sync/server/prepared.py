"""Statements that run for every push: built by SQLAlchemy once for a dialect, then run as text."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    CursorResult,
    Insert,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import ClauseElement

MANY = 8
"""From so many rows on one JSON text is cheaper for PostgreSQL than a statement for each."""
IN = 500
"""So many values one query names."""


class Prepared:
    """One statement whose parameters are given by position, in the order they were named."""

    def __init__(self, statement: ClauseElement, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._texts: dict[str, tuple[str, tuple[int, ...] | None]] = {}
        self._from_json = ""

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> CursorResult[Any]:
        """Run it for every row."""
        text, order = self._text(connection)
        if order is None:
            named: Any = [dict(zip(self._names, row, strict=True)) for row in rows]
        elif order == tuple(range(len(self._names))):
            named = list(rows)
        else:
            named = [tuple(row[n] for n in order) for row in rows]
        return connection.exec_driver_sql(text, named if len(named) > 1 else named[0])

    def insert(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a plain ``INSERT`` for every row, however many."""
        if len(rows) < MANY or connection.dialect.name != "postgresql":
            self.run(connection, rows)
            return
        if not self._from_json:
            self._from_json = str(self._insert_from_json().compile(dialect=connection.dialect))
        named = [dict(zip(self._names, row, strict=True)) for row in rows]
        connection.exec_driver_sql(self._from_json, {"rows": msgspec.json.encode(named).decode()})

    def _insert_from_json(self) -> Insert:
        assert isinstance(self._statement, Insert)
        columns = [column(name, self._statement.table.c[name].type) for name in self._names]
        rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        found = rows.table_valued(*columns, name="r").render_derived(with_types=True)
        return self._statement.from_select(self._names, select(*found.c))

    def _text(self, connection: Connection) -> tuple[str, tuple[int, ...] | None]:
        dialect = connection.dialect
        if dialect.name not in self._texts:
            compiled: Any = self._statement.compile(dialect=dialect, column_keys=list(self._names))
            order = None
            if compiled.positional:
                order = tuple(self._names.index(name) for name in compiled.positiontup)
            self._texts[dialect.name] = (str(compiled), order)
        return self._texts[dialect.name]


def insert_into(connection: Connection, table: Table) -> Any:
    """An ``INSERT`` in the database's own dialect, which may say what to do on a conflict."""
    module: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    return module.insert(table)


def put(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *fields: str
) -> None:
    """Add whole rows, if any; of those whose key is there already, state some fields anew."""
    _upsert(connection, table, rows, fields, adds=False)


def add_up(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *fields: str
) -> None:
    """Add whole rows, if any; of those whose key is there already, add to some numbers."""
    _upsert(connection, table, rows, fields, adds=True)


def _upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    fields: tuple[str, ...],
    *,
    adds: bool,
) -> None:
    if not rows:
        return
    known = (connection.dialect.name, table.name, fields, adds)
    if known not in _UPSERTS:
        into = insert_into(connection, table)
        key = list(table.primary_key.columns)
        stated = {
            name: table.c[name] + into.excluded[name] if adds else into.excluded[name]
            for name in fields
        }
        upsert = (
            into.on_conflict_do_update(index_elements=key, set_=stated)
            if stated
            else into.on_conflict_do_nothing(index_elements=key)
        )
        _UPSERTS[known] = Prepared(upsert, [column.name for column in table.columns])
    _UPSERTS[known].run(connection, rows)


_UPSERTS: dict[tuple[str, str, tuple[str, ...], bool], Prepared] = {}


def in_parts(of: Sequence[Any], most: int = IN) -> Iterator[Sequence[Any]]:
    """Ids or hashes, as many at a time as one query may name."""
    for n in range(0, len(of), most):
        yield of[n : n + most]
