"""What is believed of this device's scanners, and kept: by the test code or a person's word."""

import logging
from dataclasses import dataclass

import msgspec

from gate.credential.repair import read_flaw
from gate.credential.scanners import Established
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fix:
    """What is undone in an input's texts."""

    established: Established
    device: str = ""
    """The scanner it was found with, where the input tells one from another."""


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    flaws: list[list[str]]
    is_sure: bool = False
    device: str = ""


class Fixes:
    """The saved fixes of one data folder, by the input that a scanner types into."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.fixes
        self._known: dict[str, Fix] | None = None

    def of(self, source: str) -> Fix | None:
        """What is wrong with the scanner at an input; ``None`` where no fix can be read."""
        return self.all().get(source)

    def all(self) -> dict[str, Fix]:
        """Every input's fix; none where they cannot be read."""
        if self._known is None:
            try:
                self._known = self._read()
            except DamagedError as fault:
                log.warning("fixes of scanners: %s", fault.message)
                self._known = {}
        return self._known

    def save(self, source: str, fix: Fix | None) -> None:
        """Undo this from now on; nothing forgets what was. Raises StoreError."""
        if self.of(source) == fix:
            return
        known = {name: kept for name, kept in self.all().items() if name != source}
        if fix is not None:
            known[source] = fix
        with faults(self._path):
            written = {name: _kept(kept) for name, kept in known.items()}
            write_durably(self._path, msgspec.json.encode(written))
        self._known = known

    def _read(self) -> dict[str, Fix]:
        with faults(self._path):
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return {}
        try:
            kept = msgspec.json.decode(content, type=dict[str, _Kept])
            return {source: _fix(one) for source, one in kept.items()}
        except (msgspec.DecodeError, ValueError) as error:
            raise DamagedError(
                _("{file} does not hold fixes of scanners").format(file=self._path),
                _("Delete it, and run: gate doctor --scanner"),
            ) from error


def _kept(fix: Fix) -> _Kept:
    flaws = [[str(flaw) for flaw in reading] for reading in fix.established.flaws]
    return _Kept(flaws, fix.established.is_sure, fix.device)


def _fix(kept: _Kept) -> Fix:
    readings = tuple(tuple(read_flaw(text) for text in reading) for reading in kept.flaws)
    is_one = len(readings) == 1 or not kept.is_sure
    if not readings or not all(readings) or not is_one:
        raise ValueError(kept.flaws)
    return Fix(Established(readings, kept.is_sure), kept.device)
