"""Devices whose entries no longer count, as a fault of the simulated world and as its truth."""

from collections.abc import Iterable, Mapping
from random import Random

from sqlalchemy import Connection

from gate.core.entry import Entry
from gate.storage.ticket_filling import MemberRow
from sync.server import devices

Until = Mapping[str, Mapping[str, Iterable[str]]]
"""By device and origin, the tips up to which entries count."""


def disown_somebody(
    connection: Connection, event: str, lost: Mapping[str, str], random: Random, now_ms: int
) -> None:
    """The organiser disowns one of the devices that are lost (id and public key).

    From the beginning, or from a moment on; a second time it may be another moment.
    """
    device = random.choice(sorted(lost))
    if device not in {row.id for row in devices.members(connection, event)}:
        row = MemberRow(device, device, lost[device], devices.State.REVOKED.value)
        devices.add_members(connection, event, [row], now_ms)
    from_ms = random.choice([0, now_ms - random.randrange(200_000)])
    devices.disown(connection, event, device, from_ms)


def until_of(members: Iterable[MemberRow]) -> Until:
    """Up to where the entries of disowned devices count, by the event's feed."""
    return {row.id: row.counts_until for row in members if row.counts_until is not None}


def effective(made: Mapping[str, Entry], until: Until) -> dict[str, Entry]:
    """The entries (by hash) that count, found without the code under test."""
    whole = {digest[:32]: digest for digest in made}
    kept = {digest for digest, entry in made.items() if entry.device not in until}
    for origins in until.values():
        for origin, tips in origins.items():
            for tip in tips:
                number, _colon, short = tip.partition(":")
                if short not in whole:
                    kept |= {
                        digest
                        for digest, entry in made.items()
                        if entry.origin == origin and entry.seq <= int(number)
                    }
                while short in whole and made[whole[short]].origin == origin:
                    kept.add(whole[short])
                    short = made[whole[short]].prev[:32]
    return {digest: entry for digest, entry in made.items() if digest in kept}
