"""What a technician answers: kept in the data folder until all is said, or given in a file."""

import difflib
import tomllib
from pathlib import Path

import msgspec

from gate.errors import DamagedError, UsageError
from gate.i18n import _
from gate.storage.folder import Folder, write_durably
from gate.storage.sqlite import faults

YES, NO = "yes", "no"


class Answers(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One answer a question; ``None``: not asked yet. No secret is among them."""

    camera: str | None = None
    """``auto``, ``off`` or a device."""
    scanner: str | None = None
    """``keyboard``, ``off``, or what is kept to the gate alone: an input device, or ``auto``."""
    serial: str | None = None
    """``off``, ``auto``, or ports with commas between them."""
    enrol: str | None = None
    """``link``, ``camera`` or ``no``."""
    link_file: str | None = None
    """The file that holds the enrolment link, never the link."""
    name: str | None = None
    relay: str | None = None
    """What opens for a guest, as ``[output] relay`` has it, or ``no``."""
    passage: str | None = None
    """What sees a guest go through, as ``[output] passage`` has it, or ``no``."""
    kiosk: str | None = None
    """Whether the screen is the guests': ``yes`` or ``no``."""
    supervisor: str | None = None
    """Who unlocks it, at a gate on its own that knows no supervisor yet."""
    pin_file: str | None = None
    """The file that holds the PIN of that one, never the PIN."""
    sound: str | None = None
    """``auto``, ``bell`` or ``off``."""
    volume: str | None = None
    """From 0 to 100."""
    time_server: str | None = None
    """Names with spaces between; ``default``: those of the distribution."""
    time_zone: str | None = None
    console_font: str | None = None
    """A size such as ``10x20``, or ``no``."""
    autostart: str | None = None
    """``tty1`` or ``no``."""
    worker: str | None = None
    """``child`` of the lane, or ``unit``."""
    write: str | None = None
    """Whether what was shown is written: ``yes`` or ``no``."""


KEYS = tuple(field.name for field in msgspec.structs.fields(Answers))


class _Kept(msgspec.Struct):
    answers: Answers
    last: Answers


class KeptAnswers:
    """The answers of one data folder: they outlive an interruption and a restart."""

    def __init__(self, folder: Folder) -> None:
        """Raises DamagedError when the file holds something else."""
        self._folder = folder
        kept = self._read()
        self.answers = kept.answers
        """Of this conversation, or the one that was interrupted and now goes on."""
        self.last = kept.last
        """Of the last one that came to its end."""

    def keep(self, key: str, value: str | None) -> None:
        """Keep one answer, or forget it. Raises StoreError."""
        setattr(self.answers, key, value)
        self._write()

    def finish(self) -> None:
        """All was said: the next conversation asks anew, with these for defaults."""
        self.last, self.answers = self.answers, Answers()
        self._write()

    def _read(self) -> _Kept:
        path = self._folder.setup_answers
        with faults(path):
            try:
                return msgspec.json.decode(path.read_bytes(), type=_Kept)
            except FileNotFoundError:
                return _Kept(Answers(), Answers())
            except (msgspec.DecodeError, UnicodeError) as error:
                raise DamagedError(
                    _("{file} does not hold answers").format(file=path), _("Delete it.")
                ) from error

    def _write(self) -> None:
        self._folder.create()
        with faults(self._folder.setup_answers):
            content = msgspec.json.encode(_Kept(self.answers, self.last))
            write_durably(self._folder.setup_answers, content)


def read_answers(file: Path) -> Answers:
    """The answers in a TOML file; ``true`` and ``false`` are yes and no, a volume is a number.

    Raises UsageError with the key that is unknown or has no text.
    """
    try:
        stated = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(
            _("cannot read {file}: {detail}").format(file=file, detail=error.strerror)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            _("{file}: not TOML: {detail}").format(file=file, detail=str(error) or "nesting")
        ) from error
    return Answers(**{key: _text(key, value) for key, value in stated.items()})


def _text(key: str, value: object) -> str:
    if key not in KEYS:
        close = difflib.get_close_matches(key, KEYS, n=1)
        meant = _("did you mean {close}?").format(close=close[0]) if close else ""
        allowed = _("allowed: {allowed}").format(allowed=", ".join(KEYS))
        raise UsageError(_("{key}: there is no such question").format(key=key), meant or allowed)
    if isinstance(value, bool):
        return YES if value else NO
    if key == "volume" and isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise UsageError(
            _("{key}: found {found!r}; allowed: {allowed}").format(
                key=key, found=value, allowed=_("text")
            )
        )
    return value.strip()
