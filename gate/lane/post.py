"""Where a lane stands, by which rules and which way it works, and who is at it."""

from dataclasses import dataclass

from gate.core.place import Direction, HouseRules, Place, Role
from gate.errors import OperatorError
from gate.i18n import _


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is at the lane, once their PIN was right."""

    name: str
    role: Role


@dataclass(slots=True)
class Post:
    """What a person may change of a lane while it is at work; all parts of it look here."""

    place: Place
    rules: HouseRules
    direction: Direction
    operator: Operator | None = None


def require_supervisor(operator: Operator) -> None:
    """Raise OperatorError for anybody else."""
    if operator.role is not Role.SUPERVISOR:
        raise OperatorError(
            _("this takes a supervisor"), _("A supervisor signs in with name and PIN.")
        )
