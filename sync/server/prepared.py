"""Statements that run for every push: built by SQLAlchemy once for a dialect, then run as text."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, CursorResult, Insert, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import ClauseElement

MANY = 8
"""From so many rows on one JSON text is cheaper for PostgreSQL than a statement for each."""


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
