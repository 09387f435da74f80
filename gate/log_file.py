"""The log file of a process: rotated, and without secrets, whoever wrote the line."""

import logging
import re
from logging.handlers import RotatingFileHandler
from pathlib import Path

from gate.store.sqlite import faults

BYTES, FILES = 2_000_000, 5
_SECRETS = re.compile(
    r"(?i)([?&\s\"'](?:access_token|appsecret|secret|token|echostr|\w*signature)=|[?&]t=|\bbearer )"
    r"[^&\s\"'<>]+"
)
"""Secrets as addresses and headers carry them; ``t`` is that of an enrolment link."""
_TELL_ADDRESSES = ("httpx", "httpcore", "websockets")
"""Libraries that log every request with its address."""


def open_log(path: Path) -> RotatingFileHandler:
    """A handler that writes to the file. Raises StoreError when it cannot be written."""
    with faults(path):
        kept = RotatingFileHandler(
            path, maxBytes=BYTES, backupCount=FILES, encoding="utf-8", errors="backslashreplace"
        )
    kept.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in _TELL_ADDRESSES:
        logging.getLogger(name).setLevel(logging.WARNING)
    return kept


class _Discreet(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The line, its traceback included, with secrets left out."""
        return _SECRETS.sub(r"\1…", super().format(record))
