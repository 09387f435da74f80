"""The gate's other lists, read only to say whose a code is that this one does not know.

Nobody is let in by it, and nothing of it is recorded.
"""

import logging
from collections.abc import Sequence

from gate.core.code_formats import CodeFormats
from gate.core.verdict import Scan
from gate.errors import GateError
from gate.storage.gate_lists import GateList
from gate.storage.tickets import Tickets

log = logging.getLogger(__name__)


class OtherLists:
    """Their tickets, opened by the lane's thread when they are first asked."""

    def __init__(self, lists: Sequence[GateList] = ()) -> None:
        self._lists = tuple(lists)
        self._tickets: dict[str, Tickets] = {}

    def whose(self, scan: Scan, formats: CodeFormats) -> str:
        """The list that knows a code as it stands; empty where none does, or it cannot be read."""
        for one in self._lists:
            try:
                if self._knows(one, scan, formats):
                    return one.name
            except GateError as fault:
                log.warning("list %s: %s", one.event, fault.message)
        return ""

    def close(self) -> None:
        """Let go of their files."""
        for tickets in self._tickets.values():
            tickets.close()
        self._tickets.clear()

    def _knows(self, one: GateList, scan: Scan, formats: CodeFormats) -> bool:
        if not one.folder.pointer.exists():
            # Its first tickets are still on their way.
            return False
        tickets = self._tickets.setdefault(one.event, Tickets(one.folder))
        tickets.refresh()
        match = tickets.codes.match(scan.text, scan.raw, scan.symbology, formats)
        return match.ticket is not None
