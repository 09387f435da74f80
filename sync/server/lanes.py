"""Which lanes are open, by their own word and by that of whoever retired them.

Every function works in the transaction it is handed.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select, update

from gate.clock import read_wall_ms
from gate.core import entry_codec
from gate.core.entry import Act
from gate.core.replication import Carried
from gate.core.retirement import RETIREMENTS, newest, stands
from sync.server import tables as t
from sync.server.head_cache import Known

NEWEST = 16
"""How many of a retired device's newest entries may have come before one that is older."""


def put_open(connection: Connection, lanes: Mapping[str, int]) -> None:
    """Keep of some devices whether their lanes are open, 1 or 0."""
    for device, is_open in lanes.items():
        connection.execute(
            update(t.device).where(t.device.c.id == device).values(lane_open=is_open)
        )


def after_retirements(
    connection: Connection, event: str, known: Known, taken: Sequence[Carried]
) -> dict[str, int]:
    """Whether the lanes are open of which somebody said that they are retired, or not any more."""
    retirements = [entry_codec.decode(one.body) for one in taken if one.entry.act in RETIREMENTS]
    known.retirements = (
        newest([*known.retirements.values(), *retirements]) if retirements else known.retirements
    )
    concerned = {retirement.target for retirement in retirements}
    if known.retirements:
        concerned |= {one.entry.device for one in taken if one.entry.device in known.retirements}
    return {device: is_open(connection, event, device, known) for device in sorted(concerned)}


def is_open(connection: Connection, event: str, device: str, known: Known) -> int:
    """Whether a lane is open by its own newest word, and by the one that has retired it."""
    c = t.entry.c
    own = (c.event == event, c.origin > f"{device}.", c.origin < f"{device}/")
    newest_first = select(c.body).where(*own).order_by(c.number.desc())
    lanes = newest_first.where(c.act.in_([Act.LANE_OPENED.value, Act.LANE_CLOSED.value]))
    body = connection.execute(lanes.limit(1)).scalar()
    if body is None or entry_codec.decode(body).act is not Act.LANE_OPENED:
        return 0
    retirement = known.retirements.get(device)
    tips = (
        entry_codec.decode(body)
        for body in connection.execute(newest_first.limit(NEWEST)).scalars()
    )
    return int(not stands(retirement, tips, read_wall_ms()))
