"""The machine that is to be a gate: whose it is, where its files are, who may write them."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gate.errors import UsageError
from gate.i18n import _

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine, or a folder that looks like one."""

    root: Path
    """Where ``/`` is; elsewhere than there nothing is run, only written."""
    user: str
    """Who runs the lane."""
    is_ours: bool
    """Whether this process may write in ``/etc``, so that nobody else has to."""

    @property
    def is_running(self) -> bool:
        """Whether it is this machine, with a system that can be told to read files anew."""
        return self.root == ROOT

    def path(self, *parts: str) -> Path:
        """A file of the machine."""
        return self.root.joinpath(*parts)

    def may_write(self, path: Path) -> bool:
        """Whether that takes no other user."""
        return self.is_ours or not path.is_relative_to(self.root / "etc")


def this_machine(root: Path = ROOT) -> Machine:
    """This one, its files in ``root``. Raises UsageError where it cannot be set up so."""
    if sys.platform != "linux":
        raise UsageError(_("gate setup works on Linux only"), _("Elsewhere: docs/gates.md"))
    import pwd  # noqa: PLC0415  not everywhere

    is_root = os.geteuid() == 0
    behind = os.environ.get("SUDO_USER", "root")
    if is_root and behind != "root":
        raise UsageError(
            _("this would set up a gate of root"),
            _("As {user}, without sudo: gate setup --apply").format(user=behind),
        )
    is_ours = is_root or (root != ROOT and os.access(root / "etc", os.W_OK))
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return Machine(root, user, is_ours)
