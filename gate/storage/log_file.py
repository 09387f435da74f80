"""The log file of a process: rotated, and without secrets, whoever wrote the line.

Lines that strangers can cause without end are folded: of each kind a few are written, and then one
with a count now and then, so that no flood rotates away what happened before it.
"""

import logging
import re
import time
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from gate.storage.sqlite import faults

BYTES, FILES = 2_000_000, 5
AT_FIRST = 10
"""Lines of one kind that are written as they are, until there was none for ``QUIET_S``."""
FOLD_S = (10.0, 3600.0)
"""How long lines are counted until that is written: ever longer, between these."""
QUIET_S = 600.0
KINDS = 200
"""As many kinds are told apart; all others are one."""
_SECRETS = re.compile(
    r"(?i)([?&\s\"'](?:access_token|appsecret|secret|token|echostr|\w*signature)="
    r"|\bvenuegate:|\bbearer )[^&\s\"'<>]+"
)
"""Secrets as addresses and headers carry them, and as an enrolment link does."""
_TELL_ADDRESSES = ("httpx", "httpcore", "websockets")
"""Libraries that log every request with its address, and a broken connection as their fault."""
_OURS = ("gate", "sync")
_VARIES = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


def open_log(path: Path) -> logging.Handler:
    """A handler that writes to the file. Raises StoreError when it cannot be written."""
    with faults(path):
        kept = _LogFile(
            path, maxBytes=BYTES, backupCount=FILES, encoding="utf-8", errors="backslashreplace"
        )
    kept.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in _TELL_ADDRESSES:
        logging.getLogger(name).setLevel(logging.WARNING)
    return kept


@dataclass(slots=True)
class _Fold:
    """One kind of line in a flood."""

    last: logging.LogRecord
    seen_s: float
    begun_s: float
    written: int = 0
    folded: int = 0
    every_s: float = FOLD_S[0]


class Folds:
    """Which lines are written, and when how many were not; times only go forward."""

    def __init__(self) -> None:
        self._of: dict[str, _Fold] = {}

    def take(self, record: logging.LogRecord, now_s: float) -> list[logging.LogRecord]:
        """What is to be written now that this line has come."""
        records = self.due(now_s)
        kind = _kind(record)
        if kind not in self._of and len(self._of) >= KINDS:
            kind = ""
        fold = self._of.get(kind)
        if fold is None:
            fold = self._of[kind] = _Fold(record, now_s, now_s)
        fold.last, fold.seen_s = record, now_s
        if fold.written < AT_FIRST:
            fold.written += 1
            fold.begun_s = now_s
            return [*records, record]
        fold.folded += 1
        return records

    def due(self, now_s: float, *, at_end: bool = False) -> list[logging.LogRecord]:
        """What was counted for long enough, a line for each kind."""
        records = []
        for kind, fold in list(self._of.items()):
            if fold.folded and (at_end or now_s - fold.begun_s >= fold.every_s):
                records.append(_counted(fold, now_s - fold.begun_s))
                fold.folded, fold.begun_s = 0, now_s
                fold.every_s = min(2 * fold.every_s, FOLD_S[1])
            elif not fold.folded and now_s - fold.seen_s > QUIET_S:
                del self._of[kind]
        return records


class _LogFile(RotatingFileHandler):
    """Writes what is not folded."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self._folds = Folds()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        now_s = time.monotonic()
        if record.levelno < logging.WARNING and record.name.partition(".")[0] in _OURS:
            # What we tell of our own accord has a reason each time: a verdict, a gate that came.
            lines = [*self._folds.due(now_s), record]
        else:
            lines = self._folds.take(record, now_s)
        for line in lines:
            super().emit(line)

    def close(self) -> None:
        """Write what was counted last."""
        if self.stream is not None:
            for line in self._folds.due(time.monotonic(), at_end=True):
                super().emit(line)
        super().close()


class _Discreet(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The line, its traceback included, with secrets left out."""
        if record.exc_info and record.name.partition(".")[0] in _TELL_ADDRESSES:
            # So these say that a connection broke, which is nobody's mistake.
            message = f"{record.getMessage()}: {record.exc_info[1]}"
            bare = {"msg": message, "args": None, "exc_info": None, "exc_text": None}
            record = logging.makeLogRecord(record.__dict__ | bare)
        return _SECRETS.sub(r"\1…", super().format(record))


def _kind(record: logging.LogRecord) -> str:
    """What a line is about, without what it names."""
    text = str(record.msg) if record.args else _VARIES.sub("#", str(record.msg)[:80])
    return f"{record.levelno} {record.name} {text}"


def _counted(fold: _Fold, seconds: float) -> logging.LogRecord:
    last = fold.last
    message = f"{last.getMessage()} (the last of {fold.folded} such lines in {seconds:.0f} s)"
    return logging.makeLogRecord(
        {"name": last.name, "levelno": last.levelno, "levelname": last.levelname, "msg": message}
    )
