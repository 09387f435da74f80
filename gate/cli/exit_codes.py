"""How a command can end, and how a fault that ends one is told."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.errors import GateError

OK, FAILED, USAGE, UNREACHABLE, UNAUTHORIZED, QUARANTINED = 0, 1, 2, 3, 4, 5
"""The last three are those of ``gate sync``: see ``docs/network.md``."""
INTERRUPTED = 130


def print_fault(fault: "GateError", code: int) -> int:
    """Say on stderr what is wrong and what to do about it; the answer is the code."""
    from gate.text.printable import printable

    for n, line in enumerate((*fault.message.splitlines(), fault.hint)):
        if line:
            sys.stderr.write(("gate: " if n == 0 else "      ") + printable(line, 1000) + "\n")
    return code
