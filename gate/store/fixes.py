"""What was found wrong with this device's scanners, and is undone before a code is looked up."""

import logging

import msgspec

from gate.credential.repair import Flaw, Flaws, read_flaw
from gate.errors import DamagedError
from gate.language import _
from gate.store.folder import Folder, write_durably
from gate.store.sqlite import faults

log = logging.getLogger(__name__)


class Fixes:
    """The saved fixes of one data folder, by the input that a scanner types into."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.fixes
        self._known: dict[str, Flaws] | None = None

    def of(self, source: str) -> Flaws:
        """What is wrong with the scanner at an input; nothing where no fix can be read."""
        if self._known is None:
            try:
                self._known = self._read()
            except DamagedError as fault:
                log.warning("fixes of scanners: %s", fault.message)
                self._known = {}
        return self._known.get(source, ())

    def save(self, source: str, flaws: Flaws) -> None:
        """Undo these flaws from now on; none at all forgets them. Raises StoreError."""
        if self.of(source) == flaws:
            return
        known = {**(self._known or {}), source: flaws}
        self._known = {name: found for name, found in known.items() if found}
        written = {name: [str(flaw) for flaw in found] for name, found in self._known.items()}
        with faults(self._path):
            write_durably(self._path, msgspec.json.encode(written))

    def _read(self) -> dict[str, Flaws]:
        with faults(self._path):
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return {}
        try:
            said = msgspec.json.decode(content, type=dict[str, list[str]])
            return {source: _flaws(flaws) for source, flaws in said.items()}
        except (msgspec.DecodeError, ValueError) as error:
            raise DamagedError(
                _("{file} does not hold fixes of scanners").format(file=self._path),
                _("Delete it, and run: gate doctor --scanner"),
            ) from error


def _flaws(texts: list[str]) -> tuple[Flaw, ...]:
    return tuple(read_flaw(text) for text in texts)
