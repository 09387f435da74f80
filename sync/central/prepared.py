"""Statements that run for every push: built by SQLAlchemy once for a dialect, then run as text."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.sql import ClauseElement


class Prepared:
    """One statement whose parameters are given by position, in the order they were named."""

    def __init__(self, statement: ClauseElement, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = tuple(names)
        self._texts: dict[str, tuple[str, tuple[int, ...] | None]] = {}

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

    def _text(self, connection: Connection) -> tuple[str, tuple[int, ...] | None]:
        dialect = connection.dialect
        if dialect.name not in self._texts:
            compiled: Any = self._statement.compile(dialect=dialect, column_keys=list(self._names))
            order = None
            if compiled.positional:
                order = tuple(self._names.index(name) for name in compiled.positiontup)
            self._texts[dialect.name] = (str(compiled), order)
        return self._texts[dialect.name]
