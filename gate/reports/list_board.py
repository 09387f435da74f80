"""How each of a gate's lists stands: for the page that changes them, and for the doctor."""

from dataclasses import dataclass

from gate.core.hlc import Reading
from gate.errors import GateError
from gate.i18n import _
from gate.reports.report import overview
from gate.storage.connectivity import Connectivity, ConnectivityReader
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList, beside, list_of
from gate.text.times import ago


@dataclass(frozen=True, slots=True)
class ListStanding:
    """One list, and how up to date it is at this gate."""

    of: GateList
    is_open: bool
    """Whether it is the one that is scanned."""
    tickets: int = 0
    admitted: int = 0
    """By this gate."""
    unsent: int = 0
    known: str = ""
    """How long ago its tickets were known to be all there, in words; empty: not in this boot."""
    trouble: str = ""
    """What is wrong with it, and what to do."""


def every_list(folder: Folder, now: Reading, within_s: float) -> list[ListStanding]:
    """All lists of the gate to which a list's folder belongs; none where there is but one."""
    own = list_of(folder)
    if own is None:
        return []
    found = [_look(one, now, within_s, is_open=one is own) for one in (own, *beside(folder))]
    return sorted(found, key=lambda one: (one.of.name.casefold(), one.of.event))


def _look(one: GateList, now: Reading, within_s: float, *, is_open: bool) -> ListStanding:
    try:
        connectivity = ConnectivityReader(one.folder, within_s).read(now)
        numbers = overview(one.folder)
        return ListStanding(
            one, is_open,
            tickets=numbers.issued,
            admitted=numbers.admitted,
            unsent=connectivity.sync_status.unacked,
            known=_known(connectivity),
        )  # fmt: skip
    except GateError as fault:
        return ListStanding(one, is_open, trouble=f"{fault.message}. {fault.hint}".rstrip())


def _known(connectivity: Connectivity) -> str:
    known_ms = connectivity.sync_status.tickets_boot_ms
    return "" if known_ms is None else ago(connectivity.boot_ms - known_ms)


def freshness(one: ListStanding) -> str:
    """How up to date a list is, in words."""
    if one.trouble:
        return one.trouble
    return _("tickets {age}").format(age=one.known or _("none"))
