"""How a change is made: written by us, by sudo, or by the technician, who is shown the commands."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from gate.errors import StoreError
from gate.i18n import _
from gate.setup.changes import Command, State
from gate.setup.machine import Machine
from gate.storage.folder import sync_folder
from gate.storage.sqlite import faults

Run = Callable[[Command], int]
"""Runs a command; the answer is its exit code."""


class Hands:
    """Makes changes on one machine, by whoever may."""

    def __init__(
        self,
        machine: Machine,
        drafts: Path,
        say: Callable[[str], object],
        *,
        by_sudo: bool = False,
        run: Run | None = None,
    ) -> None:
        """``drafts`` is where files wait for whoever may put them into their places."""
        self._machine, self._drafts, self._say = machine, drafts, say
        self._by_sudo = by_sudo
        self._run = run or _run
        self._has_said = False

    def put(self, path: Path, state: State) -> bool:
        """Let a path be that; the answer is whether it is now. Raises StoreError."""
        if self._machine.may_write(path):
            with faults(path):
                put(path, state)
            return True
        part = path.with_name(f"{path.name}.part")
        try:
            return self._as_root(self._commands(path, part, state))
        except BaseException:
            if self._by_sudo:
                with suppress(StoreError):
                    self._as_root([("rm", "-f", str(part))])
            raise

    def remove_folder(self, path: Path) -> None:
        """Take away a folder that we made, unless somebody uses it."""
        if self._machine.may_write(path):
            with suppress(OSError):
                path.rmdir()
        elif path.is_dir():
            self._as_root([("rmdir", "--ignore-fail-on-non-empty", str(path))])

    def clear(self) -> None:
        """Forget the files that waited."""
        shutil.rmtree(self._drafts, ignore_errors=True)

    def reload(self, commands: Iterable[Command]) -> None:
        """Make the running system read anew what was changed. Raises StoreError."""
        for command in dict.fromkeys(commands):
            if self._machine.is_running and self._machine.is_ours:
                self._carry_out(command)
            elif self._machine.is_running:
                self._as_root([command])

    def _as_root(self, commands: list[Command]) -> bool:
        if not (self._by_sudo or self._has_said):
            self._has_said = True
            self._say(_("This takes root. Run it, or let it be run by: gate setup --apply"))
        for command in commands:
            if self._by_sudo:
                self._carry_out(("sudo", *command))
            else:
                self._say("  " + shlex.join(("sudo", *command)))
        return self._by_sudo

    def _carry_out(self, command: Command) -> None:
        if code := self._run(command):
            raise StoreError(
                _("{command} ended with {code}").format(command=shlex.join(command), code=code)
            )

    def _commands(self, path: Path, part: Path, state: State) -> list[Command]:
        """Whoever dies between them leaves the path as it was, or as it is to be."""
        if state.is_nothing:
            return [("rm", "-f", str(path))]
        if state.link:
            made: list[Command] = [("ln", "-sfn", state.link, str(part))]
            if not path.parent.is_dir():
                made.insert(0, ("mkdir", "-p", "-m", "755", str(path.parent)))
        else:
            draft = self._drafts / path.name
            with faults(draft):
                put(draft, State(state.content, mode=0o600))
            mode = f"{state.mode:o}"
            made = [("install", "-D", "-m", mode, str(draft.absolute()), str(part))]
        return [*made, ("mv", "-fT", str(part), str(path))]


def put(path: Path, state: State) -> None:
    """Let a path be that, or leave it as it was; it survives a power cut. Raises OSError."""
    if state.is_nothing:
        path.unlink(missing_ok=True)
    else:
        _make_folders(path.parent, 0o755 if state.mode & 0o044 else 0o700)
        with tempfile.TemporaryDirectory(prefix=".gate-", dir=path.parent) as room:
            part = Path(room, path.name)
            if state.link:
                part.symlink_to(state.link)
            else:
                with part.open("xb") as file_:
                    os.fchmod(file_.fileno(), state.mode)
                    file_.write(state.content or b"")
                    file_.flush()
                    os.fsync(file_.fileno())
            os.replace(part, path)
    if path.parent.is_dir():
        sync_folder(path.parent)


def missing_folders(path: Path) -> list[Path]:
    """The folders that have to be made for a file, the innermost first."""
    return [folder for folder in path.parents if not folder.exists()]


def _make_folders(path: Path, mode: int) -> None:
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(mode)


def _run(command: Command) -> int:
    try:
        return subprocess.run(command, check=False).returncode  # noqa: S603  shown before
    except OSError as error:
        message = f"{command[0]}: {error.strerror}"
        raise StoreError(message) from error
