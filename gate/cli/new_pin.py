"""A PIN that somebody chooses: typed twice and not shown, or a line of standard input."""

import sys
from getpass import getpass

from gate.errors import UsageError
from gate.i18n import _


def ask_pin() -> str:
    """The PIN. Raises UsageError when the two that were typed differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    pin = getpass(_("PIN: "))
    if getpass(_("once more: ")) != pin:
        raise UsageError(_("the two PINs differ"), _("Nothing was changed."))
    return pin
