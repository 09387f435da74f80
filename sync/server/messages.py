"""A message to an event's gates, as an entry of the server's own."""

from sqlalchemy import Connection

from gate.core.entry import Act, Entry
from sync.server import intake, journals


def send(
    connection: Connection,
    event: str,
    text: str,
    gates: tuple[str, ...],
    now_ms: int,
    *,
    operator: str = "",
) -> Entry:
    """Send a message to gates by name, or to all. Text and names are checked.

    ``operator`` is who sends it; empty for whoever works at the server itself.
    """
    journals.lock(connection, event)
    return intake.record(
        connection, event, now_ms, act=Act.MESSAGE, note=text, covers=gates, operator=operator
    )
