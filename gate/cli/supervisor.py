"""Who may, at the command line: a supervisor says so with name and PIN, as at a lane."""

import sys
from typing import TYPE_CHECKING

from gate.i18n import _

if TYPE_CHECKING:
    from gate.lane.operators import Operators
    from gate.lane.post import Operator


def ask_supervisor(operators: "Operators") -> "Operator | None":
    """Ask a supervisor for name and PIN; ``None`` where there are no operators: nobody is asked.

    What is asked goes to standard error, so that what is exported stays alone; two lines of a pipe
    answer too. Raises OperatorError for anybody else.
    """
    from gate.lane.post import Operator, require_supervisor

    if not operators.names():
        return None
    name = _line(_("supervisor: "))
    found = Operator(*operators.identify(name, _pin()))
    require_supervisor(found)
    return found


def _line(prompt: str) -> str:
    if sys.stdin.isatty():
        sys.stderr.write(prompt)
        sys.stderr.flush()
    return sys.stdin.readline().rstrip("\n")


def _pin() -> str:
    from getpass import getpass

    return getpass(_("PIN: ")) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
