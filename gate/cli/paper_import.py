"""``gate import --paper``: ticks on a printed list become entries of this gate's journal."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli.exit_codes import FAILED, OK
from gate.i18n import _, ngettext

if TYPE_CHECKING:
    from gate.config import Config
    from gate.lane.lane import Lane
    from gate.lane.paper import TakenIn
    from gate.lane.post import Operator
    from gate.reports.paper_list import PaperFile
    from gate.storage.folder import Folder


def import_paper(config: "Config", folder: "Folder", names: list[str]) -> int:
    """Take the ticks of files in, each once; what cannot be is told, line by line.

    Raises BusyError while a lane is at work, UsageError where there is no supervisor to ask.
    """
    from gate.cli.supervisor import ask_supervisor
    from gate.clock import SystemClock
    from gate.errors import UsageError
    from gate.lane.lane import Lane
    from gate.lane.lane_settings import LaneSettings
    from gate.lane.operators import Operators
    from gate.reports.paper_list import read_paper
    from gate.storage.folder import Lock
    from gate.text.zones import zone_of

    clock, zone = SystemClock(), zone_of(config, folder).info
    files = [read_paper(Path(name), clock.read().wall_ms, zone) for name in names]
    stated = LaneSettings(config, folder).current
    supervisor = ask_supervisor(Operators(folder, stated.config.operators.lockout_minutes))
    if supervisor is None:
        raise UsageError(
            _("an admission from paper is a supervisor's word, and there is none here"),
            _("Add one first: gate operator add NAME --role supervisor"),
        )
    with (
        closing(Lock(folder)),
        closing(Lane(folder, clock, stated.place, stated.rules)) as lane,
    ):
        lane.open()
        return max(_take_all(lane, file, supervisor) for file in files)


def _take_all(lane: "Lane", file: "PaperFile", supervisor: "Operator") -> int:
    new, left_out = 0, [_line(number, why) for number, why in file.bad]
    for number, tick in file.ticks:
        taken = lane.take_from_paper(tick, supervisor)
        new += taken.is_new
        if taken.ticket is None:
            left_out.append(_line(number, _("no ticket, or several, begin so")))
        elif taken.against is not None:
            sys.stdout.write(_line(number, _against(taken)))
    sys.stdout.write(
        ngettext("{n} admitted from paper", "{n} admitted from paper", new).format(n=new)
    )
    before = len(file.ticks) + len(file.bad) - len(left_out) - new
    sys.stdout.write(", " + _("{n} were taken in before").format(n=before) + "\n")
    if left_out:
        sys.stderr.writelines(left_out)
        line = ngettext("{n} line left out", "{n} lines left out", len(left_out))
        sys.stderr.write(line.format(n=len(left_out)) + "\n")
    return FAILED if left_out else OK


def _against(taken: "TakenIn") -> str:
    from gate.text.outcome_words import REASON_WORDS
    from gate.text.ticket_words import describe

    assert taken.ticket is not None
    assert taken.against is not None
    return _("{reason}: {ticket} [{id}]. Admitted all the same; look into it (F3).").format(
        reason=_(REASON_WORDS[taken.against]), ticket=describe(taken.ticket), id=taken.ticket.id
    )


def _line(number: int, what: str) -> str:
    from gate.text.printable import printable

    return _("line {n}: {what}").format(n=number, what=printable(what, 300)) + "\n"
