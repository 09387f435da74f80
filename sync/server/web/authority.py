"""Whoever says what goes on at an event's gates: its server, or the host of a venue without one."""

from collections.abc import Callable, Sequence
from typing import Protocol

from gate.core.event_settings import EventFields, EventSettings
from gate.core.message import MOST_CHARACTERS, NoMessageError, gates_of, text_of
from gate.i18n import _
from sync.server.devices import State
from sync.server.http import Denied
from sync.server.web.at_gate import AtGate
from sync.server.web.pages import Visit

Change = Callable[[EventSettings], EventSettings]


class Authority(Protocol):
    """What pages ask of gates, and change; every change is in the audit log, with who and why."""

    @property
    def silent_after_ms(self) -> int:
        """An open lane that was not heard for longer is silent."""
        ...

    @property
    def takes_gates_in(self) -> bool:
        """Whether links for new gates are made by a page."""
        ...

    async def gates(self, event: str) -> Sequence[AtGate]:
        """Every device of the event, as it is now."""
        ...

    async def set_state(self, visit: Visit, device: str, state: State, why: str) -> None:
        """Retire a device, bring it back, or revoke it for good. Raises Denied."""
        ...

    async def change_settings(self, visit: Visit, change: Change, about: str, why: str) -> None:
        """State the event's settings anew. Raises Denied, with what is allowed."""
        ...

    async def change_fields(self, visit: Visit, fields: EventFields, about: str, why: str) -> None:
        """State anew its time zone, its end, for how long something is so. Raises Denied."""
        ...

    async def send(self, visit: Visit, text: str, gates: tuple[str, ...]) -> None:
        """Send a message, checked by ``checked``, to gates by name, or to all."""
        ...


def checked(text: str, gates: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A message as it is sent. Raises Denied."""
    try:
        return text_of(text), gates_of(gates)
    except NoMessageError as no:
        reason = _("A message has 1 to {n} characters.").format(n=MOST_CHARACTERS)
        raise Denied(422, "invalid", reason) from no
