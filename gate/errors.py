"""Faults, each with a hint: what the person at the machine does next.

::

    GateError
    ├── ConfigError      the configuration cannot be used
    ├── StoreError       a file of the data folder cannot be read or written
    │   ├── DamagedError     it is not what we wrote
    │   ├── FullError        no room, or not allowed to write
    │   └── BusyError        another process owns the folder
    ├── ImportFault      tickets could not be imported
    ├── InputError       a camera or scanner cannot be used
    ├── OutputError      a relay cannot be moved, or a passage sensor be read
    ├── OperatorError    unknown operator, wrong PIN, locked out
    ├── RevokedError     this device was revoked, for good
    └── UsageError       the command line asks for something impossible

A refusal is not here: refusals are values (``gate.core.outcome.Reason``).
"""

from pathlib import Path


class GateError(Exception):
    """A fault that a person can do something about."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(GateError):
    """The configuration cannot be used."""


class StoreError(GateError):
    """A file of the data folder cannot be read or written."""


class DamagedError(StoreError):
    """A file is not what we wrote. It is kept as it is."""

    def __init__(self, message: str, hint: str = "", file: Path | None = None) -> None:
        super().__init__(message, hint)
        self.file = file
        """Which one, where it is one of the data folder's databases."""


class FullError(StoreError):
    """There is no room, or writing is not allowed."""


class BusyError(StoreError):
    """Another process owns the folder."""


class ImportFault(GateError):
    """Tickets could not be imported; nothing was changed."""


class InputError(GateError):
    """A camera or scanner cannot be used."""


class OutputError(GateError):
    """A relay cannot be moved, or a passage sensor be read."""


class OperatorError(GateError):
    """Unknown operator, wrong PIN, or locked out."""


class RevokedError(GateError):
    """This device was revoked, for good: it lets nobody in."""


class UsageError(GateError):
    """The command line asks for something impossible."""
