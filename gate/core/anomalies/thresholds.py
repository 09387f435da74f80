"""From where on something is an anomaly, as an event or a machine states it."""

from typing import Annotated

from msgspec import Meta, Struct

from gate.core.anomalies.anomaly import Kind, Limits
from gate.core.weekly_hours import PATTERN, parse_weekly


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """From where on something is unlike an honest evening."""

    walk_seconds: Annotated[int, Meta(ge=0, le=3600)] = 10
    walks: dict[str, Annotated[int, Meta(ge=0, le=3600)]] = {}
    opening_hours: Annotated[str, Meta(pattern=PATTERN, max_length=500)] = ""
    unknown_codes: Annotated[int, Meta(ge=2)] = 12
    near_misses: Annotated[int, Meta(ge=2)] = 4
    scans_a_minute: Annotated[int, Meta(ge=1)] = 50
    order_parties: Annotated[int, Meta(ge=2)] = 8
    anomalies_off: tuple[Kind, ...] = ()

    def limits(self, time_zone: str, ends_s: int = 0) -> Limits:
        """The same for the rules; ``ends_s`` is the event's last second, 0: unknown."""
        return Limits(
            walk_s=self.walk_seconds,
            walks={_pair(pair): walk_s for pair, walk_s in self.walks.items()},
            hours=parse_weekly(self.opening_hours),
            time_zone=time_zone,
            ends_s=ends_s,
            unknown_codes=self.unknown_codes,
            near_misses=self.near_misses,
            scans_a_minute=self.scans_a_minute,
            order_parties=self.order_parties,
            off=frozenset(self.anomalies_off),
        )


def _pair(stated: str) -> frozenset[str]:
    """Two gates, as ``North|South``, in whichever order."""
    return frozenset(map(str.strip, stated.split("|")))
