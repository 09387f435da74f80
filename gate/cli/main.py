"""The command line's entry: parse, carry the command out, make an exit code of every fault.

A command imports what it needs when it is carried out, so that ``gate --help`` answers at once.
"""

import io
import logging
import os
import sys
from collections.abc import Sequence

from gate import i18n
from gate.cli.exit_codes import FAILED, INTERRUPTED, OK, USAGE, print_fault
from gate.cli.parser import build_parser
from gate.i18n import _

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the answer is the exit code."""
    # Names, codes and keys are nobody else's, whatever file they get into.
    os.umask(0o077)
    i18n.use(os.environ.get("GATE_LANGUAGE", "auto"))
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a name must not end the evening.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Without a handler, Python would print what is logged, tracebacks and all.
    logging.getLogger().addHandler(logging.NullHandler())
    options = build_parser().parse_args(arguments)
    from gate.errors import GateError, UsageError

    try:
        return int(options.command(options))
    except GateError as fault:
        return print_fault(fault, USAGE if isinstance(fault, UsageError) else FAILED)
    except KeyboardInterrupt:
        sys.stderr.write("\n" + _("interrupted") + "\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has heard enough; Python would complain once more on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        log.exception("unforeseen fault")
        sentence = _("unforeseen fault: {kind}: {detail}")
        sys.stderr.write(f"gate: {sentence.format(kind=type(error).__name__, detail=error)}\n")
        return FAILED
