"""What was written on a machine, and what was there before: exactly that is taken back."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gate.errors import DamagedError
from gate.i18n import _
from gate.setup.changes import Change, Command, State, state_of
from gate.setup.hands import Hands, missing_folders
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults


class _Row(msgspec.Struct):
    """One path."""

    path: str
    before: State
    after: list[State]
    """All that we ever let it be, or began to: a run may end before it comes to the file."""
    folders: list[str] = []
    """Made for it, the innermost first."""
    reload: tuple[Command, ...] = ()

    def is_ours(self, now: State) -> bool:
        """Whether nobody else has changed it since."""
        return any(now.is_same(one) for one in self.after)


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of all that was written."""

    taken_back: list[Path]
    left: list[Path]
    """Changed since by somebody else: they stay as they are."""
    waiting: list[Path]
    """Whoever may has been shown the commands."""


class Written:
    """The manifest of a data folder. A row is kept before its file is touched."""

    def __init__(self, folder: Folder, hands: Hands) -> None:
        """Raises DamagedError."""
        self._folder, self._hands = folder, hands
        self._rows = self._read()

    def is_ours(self, path: Path) -> bool:
        """Whether what stands there is what we wrote."""
        row = self._rows.get(str(path))
        return row is not None and row.is_ours(state_of(path))

    def carry_out(self, change: Change) -> bool:
        """Make a change; the answer is whether it is made now. Raises StoreError."""
        now, path = state_of(change.path), str(change.path)
        if now.is_same(change.becomes):
            return True
        row = self._rows.get(path)
        if row is None or not (row.is_ours(now) or now.is_same(row.before)):
            folders = [str(one) for one in missing_folders(change.path)]
            row = _Row(path, now, [], folders, change.reload)
        row.after.append(change.becomes)
        self._rows[path] = row
        self._save()
        return self._hands.put(change.path, change.becomes)

    def reload(self, changes: Iterable[Change]) -> None:
        """Have the running system read them. Raises StoreError."""
        self._hands.reload(command for change in changes for command in change.reload)

    def undo(self) -> Undone:
        """Take everything back that still is as we wrote it. Raises StoreError."""
        undone = Undone([], [], [])
        reload: list[Command] = []
        for name, row in reversed(list(self._rows.items())):
            path, is_back = Path(name), True
            now = state_of(path)
            if not now.is_same(row.before):
                if not row.is_ours(now):
                    undone.left.append(path)
                    continue
                is_back = self._hands.put(path, row.before)
                (undone.taken_back if is_back else undone.waiting).append(path)
                reload += row.reload
            for folder in row.folders:
                self._hands.remove_folder(Path(folder))
            if is_back:
                del self._rows[name]
                self._save()
        self._hands.reload(reload)
        if not self._rows:
            self._hands.clear()
        return undone

    def _read(self) -> dict[str, _Row]:
        path = self._folder.setup_written
        with faults(path):
            try:
                rows = msgspec.json.decode(path.read_bytes(), type=list[_Row])
            except FileNotFoundError:
                return {}
            except (msgspec.DecodeError, UnicodeError) as error:
                raise DamagedError(
                    _("{file} does not say what was written").format(file=path),
                    _("Restore the file from a backup of this folder."),
                ) from error
        return {row.path: row for row in rows}

    def _save(self) -> None:
        self._folder.create()
        path = self._folder.setup_written
        with faults(path):
            if self._rows:
                write_durably(path, msgspec.json.encode(list(self._rows.values())))
            else:
                path.unlink(missing_ok=True)
