"""Pure: where other gates may be listening, how much of that is kept, and what is tried first.

Anybody on the network may announce anything, so what nobody has proved takes little room, is
forgotten in seconds and never takes the place of what was proved by a member's certificate.
"""

import ipaddress
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

USUAL_PORT = 8471
CALL_AGAIN_S = (1.0, 2.0, 3.0)
"""How long after the first, second, and every further failure a place is called again."""
YIELD_S = 2.0
"""Of two gates the one with the smaller id calls; the other waits so long before it does."""
FORGET_S = 600.0
"""A place that was proved, or told of by a gate, is called for so long after that."""
UNPROVED_S = 20.0
"""And one that was only announced."""
EACH_MEMBER = 8
"""Places of one member: a machine has few addresses."""
EACH_UNKNOWN = 2
UNKNOWN = 32
"""Unproved places of all devices together that the feed and the server have not told of yet."""


class Rank(IntEnum):
    """How much a place is worth, by where it is known from."""

    ANNOUNCED = 0
    """Somebody on the network says so."""
    REPORTED = 1
    """A member says so."""
    PROVED = 2
    """A member with its certificate was reached there, or says so of itself."""
    NAMED = 3
    """A person named it."""


@dataclass(slots=True)
class Place:
    """Somewhere a gate may be listening."""

    at: str
    """``host:port``"""
    device: str
    """Who listens there, if that is known."""
    rank: Rank
    first_s: float
    """When it was first noted."""
    noted_s: float
    """When it was last noted, or connected."""
    call_at_s: float = 0.0
    failures: int = 0


class Places:
    """The places of one gate's neighbours; times are of any clock that only goes forward."""

    def __init__(
        self, device: str, named: Iterable[str], is_member: Callable[[str], bool], now_s: float
    ) -> None:
        self._device = device
        self._is_member = is_member
        # An address may be said to be several devices': only its certificate settles that.
        self._kept = {(at, ""): Place(at, "", Rank.NAMED, now_s, now_s) for at in named}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def note(self, at: str, device: str, rank: Rank, now_s: float) -> None:
        """Somebody has said that a device listens there."""
        if device in ("", self._device) or not at:
            return
        place = self._kept.get((at, device))
        if place is not None:
            place.rank, place.noted_s = max(place.rank, rank), now_s
        elif self._make_room(device, rank):
            self._kept[at, device] = Place(at, device, rank, now_s, now_s)

    def prove(self, place: Place, device: str, now_s: float) -> None:
        """A member has shown its certificate there, whoever was thought to be there before."""
        place.failures, place.call_at_s = 0, now_s + CALL_AGAIN_S[0]
        if place.rank is Rank.NAMED:
            place.device = device
            return
        for key in [key for key in self._kept if key[0] == place.at and key[1]]:
            del self._kept[key]
        self._make_room(device, Rank.PROVED)
        place.device, place.rank, place.noted_s = device, Rank.PROVED, now_s
        self._kept[place.at, device] = place

    def fail(self, place: Place, now_s: float) -> None:
        """Nobody of the venue answered there."""
        again_s = CALL_AGAIN_S[min(place.failures, len(CALL_AGAIN_S) - 1)]
        place.failures, place.call_at_s = place.failures + 1, now_s + again_s

    def forget(self, connected: Collection[str], now_s: float) -> None:
        """Let go of what was not heard of for too long."""
        for place in list(self._kept.values()):
            if place.device in connected and place.rank > Rank.ANNOUNCED:
                # Announced once, it may not be again: it is called here after a cut.
                place.noted_s = now_s
            kept_s = UNPROVED_S if place.rank is Rank.ANNOUNCED else FORGET_S
            if place.rank is not Rank.NAMED and now_s - place.noted_s > kept_s:
                self._drop(place)

    def try_again(self) -> None:
        """Everybody may be called at once: the network is another one."""
        for place in self._kept.values():
            place.call_at_s = 0.0

    def due(self, connected: Collection[str], now_s: float) -> list[Place]:
        """Who is to be called now, the most certain first."""
        found = [place for place in self._kept.values() if self._is_due(place, connected, now_s)]
        return sorted(found, key=lambda place: -place.rank)

    def _is_due(self, place: Place, connected: Collection[str], now_s: float) -> bool:
        if place.device == self._device or place.device in connected or now_s < place.call_at_s:
            return False
        return place.device < self._device or now_s - place.first_s >= YIELD_S

    def _make_room(self, device: str, rank: Rank) -> bool:
        """Whether one more may be kept; the oldest that is worth no more makes way for it."""
        kept, is_member = self._kept.values(), self._is_member(device)
        its = [one for one in kept if one.device == device and one.rank < Rank.NAMED]
        if len(its) >= (EACH_MEMBER if is_member else EACH_UNKNOWN):
            return self._displace(its, rank)
        if is_member or rank is Rank.PROVED:
            return True
        unknown = [
            one for one in kept if one.rank < Rank.PROVED and not self._is_member(one.device)
        ]
        return len(unknown) < UNKNOWN or self._displace(unknown, rank)

    def _displace(self, among: Iterable[Place], rank: Rank) -> bool:
        worth = [one for one in among if one.rank <= rank]
        if worth:
            self._drop(min(worth, key=lambda one: (one.rank, one.noted_s)))
        return bool(worth)

    def _drop(self, place: Place) -> None:
        self._kept.pop((place.at, place.device), None)


def place_of(host: str, port: int) -> str:
    """A host and port as one name."""
    with suppress(ValueError):
        if ipaddress.ip_address(host.partition("%")[0]).version == 6:
            return f"[{host}]:{port}"
    return f"{host}:{port}"


def placed(stated: str) -> str:
    """What a person wrote, with the usual port where none is named."""
    with suppress(ValueError):
        ipaddress.IPv6Address(stated.strip("[]"))
        return place_of(stated.strip("[]"), USUAL_PORT)
    return stated if stated.rpartition(":")[2].isdecimal() else f"{stated}:{USUAL_PORT}"
