"""What whoever has a page open may see and do."""

from dataclasses import dataclass
from enum import IntEnum

from gate.core.place import Role


class Level(IntEnum):
    """Each may what the ones before it may."""

    COUNTS = 0
    """By a read-only link: numbers, and nobody's name."""
    STAFF = 1
    """An operator: names too."""
    SUPERVISOR = 2
    """Changes what goes on at the gates."""
    ORGANISER = 3
    """Whoever came by a link of the server's own machine: operators, tokens, links as well."""


OF_ROLE = {Role.STAFF: Level.STAFF, Role.SUPERVISOR: Level.SUPERVISOR}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in."""

    session: str
    """The first digits of the session's hash: they name it, and open nothing."""
    event: str
    level: Level
    name: str
    """The operator's, or what a link was made for."""
    ends_ms: int
    browser: str = ""
    """Id of the browser that was paired; empty where a link is enough."""

    @property
    def who(self) -> str:
        """As the audit log calls it."""
        return f"web {self.browser or self.session} {self.name}".strip()
