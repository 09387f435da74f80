"""Which ticket type a row means: by id or by title; and types that a list makes by naming them."""

from collections.abc import Iterable
from typing import Any

from gate.i18n import _
from gate.storage.row_values import BadRow


class TypeNames:
    """What the types are called; titles that several have name none."""

    def __init__(self, known: Iterable[tuple[str, str]], default: str = "", kind: str = "") -> None:
        """``known`` has ids and titles, ``default`` is for rows that name no type.

        ``kind`` is of types that are made for names that nothing is known by; empty: none are.
        """
        self._ids: set[str] = set()
        self._titles: dict[str, str] = {}
        self._default = default
        self._kind = kind
        for id_, title in known:
            self.add(id_, title)

    def add(self, id_: str, title: str) -> None:
        """There is a type."""
        self._ids.add(id_)
        key = title.strip().casefold()
        if key:
            self._titles[key] = id_ if self._titles.get(key, id_) == id_ else ""

    def id_of(self, row: dict[str, Any]) -> str:
        """The id of a row's type, whether or not there is one. Raises BadRow."""
        stated = row.get("type") or self._default
        if not stated:
            if len(self._ids) != 1:
                raise BadRow(_("no ticket type is named; say which with --type"))
            return next(iter(self._ids))
        name = str(stated).strip()
        return name if name in self._ids else self._titles.get(name.casefold()) or name

    def is_known(self, id_: str) -> bool:
        """Whether there is a type of that id."""
        return id_ in self._ids

    def made_for(self, id_: str) -> dict[str, Any] | None:
        """The row of a type that has to be made for an id to be one, if that was asked for."""
        if self.is_known(id_) or not self._kind:
            return None
        return {"id": id_, "kind": self._kind, "title": id_}
