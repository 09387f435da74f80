"""Who may come: devices by their credential, organisers by their token, each not too often."""

import hmac
import logging
import time
from collections import Counter

from sqlalchemy import Connection
from starlette.requests import HTTPConnection

from gate.clock import read_wall_ms
from gate.i18n import _
from sync.server import audit, organisers
from sync.server.access import Access
from sync.server.audit import Actor
from sync.server.device_cache import DeviceCache
from sync.server.devices import Device, State, hash_of
from sync.server.http import Denied, address_of
from sync.server.limits import Buckets
from sync.server.organisers import ROOT, Organiser, Right, check_reach
from sync.server.seen_twins import SeenTwins
from sync.server.settings import Settings
from sync.session.twins import RUN_HEADER
from sync.transport.listening import CONNECTION

log = logging.getLogger(__name__)
USED_EVERY_MS = 3_600_000
FAILED_EVERY_S = 60.0
"""How often failed sign-ins are written into the audit log, all of an address in one row."""
FAILED_AT_ONCE = 20
"""Addresses that get a row of their own each time; all others share one."""
OF_DEVICE, OF_BACKEND = 16, 200
"""Connections of one device, and of one token of the organiser's or of a part's."""
FLOOD_COSTS = 10.0
"""As how many requests one counts that brought more than is taken now."""


class FailedSignIns:
    """Who showed no credential or a wrong one since that was last written down."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()
        self._kept_s = float("-inf")

    def count(self, address: str) -> None:
        """One more from that address."""
        is_new = address not in self._times
        self._times["" if is_new and len(self._times) >= FAILED_AT_ONCE else address] += 1

    async def keep(self, access: Access, *, every_s: float = FAILED_EVERY_S) -> None:
        """Write down how many there were, unless that was done less than so long ago."""
        failures = self._times
        if not failures or time.monotonic() - self._kept_s < every_s:
            return
        self._times, self._kept_s = Counter(), time.monotonic()
        now_ms = read_wall_ms()

        def keep(connection: Connection) -> None:
            for address, times in failures.items():
                actor = Actor("unknown", address or "others")
                audit.note(connection, actor, "sign-in failed", now_ms, about=f"{times} times")

        await access.write(keep)


class Callers:
    """Who has shown what at one server process."""

    def __init__(
        self, settings: Settings, access: Access, device_cache: DeviceCache, twins: SeenTwins
    ) -> None:
        self._access = access
        self._device_cache = device_cache
        self._twins = twins
        self._admin_hash = settings.admin_hash
        self._devices = Buckets(settings.device_per_s, settings.device_burst)
        self._addresses = Buckets(settings.address_per_s, settings.address_burst)
        self._used_ms: dict[str, int] = {}
        self.failed = FailedSignIns()

    async def device_of(self, asking: HTTPConnection) -> Device:
        """The device whose credential came with a request. Raises Denied."""
        hashed = _hash_shown(asking)
        await self._device_cache.freshen()
        device = self._device_cache.with_credential(hashed) if hashed else None
        if device is None:
            self._count_failure(asking)
            if hashed:
                # It may have enrolled at another server just now.
                await self._device_cache.refresh()
                device = self._device_cache.with_credential(hashed)
            if device is None:
                raise _unauthorised()
        if device.state == State.REVOKED:
            self._count_failure(asking)
            raise Denied(401, "revoked", _("This device was revoked. Ask a supervisor."))
        prove(asking, device.id, OF_DEVICE)
        self._twins.note_run(device, run_of(asking))
        return device

    async def organiser_of(self, asking: HTTPConnection, right: Right, event: str) -> Organiser:
        """Whose token came with a request, for a right and, if one is named, an event.

        Raises Denied.
        """
        shown, now_ms = _hash_shown(asking), read_wall_ms()
        found: Organiser | None = None
        if shown and hmac.compare_digest(shown, self._admin_hash):
            found = ROOT
        elif shown:
            found = await self._access.read(organisers.with_token, shown)
        if found is None:
            self._count_failure(asking)
            raise _unauthorised()
        if found.ends_ms and found.ends_ms <= now_ms:
            self._count_failure(asking)
            raise Denied(
                401, "expired_token", _("This token has come to its end. Ask for another.")
            )
        if right not in found.rights:
            reason = _("This token lacks the right: {right}").format(right=right.value)
            raise Denied(403, "not_allowed", reason)
        if event:
            check_reach(found, event)
        prove(asking, f"token {found.id}", OF_BACKEND)
        await self._note_use(found, asking, now_ms)
        return found

    async def _note_use(self, organiser: Organiser, asking: HTTPConnection, now_ms: int) -> None:
        """The audit log has every token's first use, and then one an hour."""
        if now_ms - self._used_ms.get(organiser.id, 0) < USED_EVERY_MS:
            return
        self._used_ms[organiser.id] = now_ms

        def keep(connection: Connection) -> None:
            organisers.note_use(connection, organiser.id, now_ms)
            actor = Actor(organiser.who, address_of(asking))
            audit.note(connection, actor, "token used", now_ms, event=organiser.event)

        await self._access.write(keep)

    def check_rate(self, device: Device) -> None:
        """Raises Denied when a device asks too often."""
        _not_before(self._devices.take(device.id))

    def wait_of(self, device: Device) -> float:
        """How many seconds a device on a stream has to wait."""
        return self._devices.take(device.id)

    def charge_flood(self, device: Device) -> None:
        """What a device goes on to send is read and thrown away: let it cost the sender."""
        self._devices.take(device.id, FLOOD_COSTS)

    def check_address(self, asking: HTTPConnection) -> None:
        """Raises Denied when an address does too often what strangers do."""
        _not_before(self._addresses.take(address_of(asking)))

    def _count_failure(self, asking: HTTPConnection) -> None:
        self.failed.count(address_of(asking))
        self.check_address(asking)


def run_of(asking: HTTPConnection) -> str:
    """Which run of a worker asks."""
    return asking.headers.get(RUN_HEADER, "")[:64]


def prove(asking: HTTPConnection, name: str, most: int) -> None:
    """Whoever asks belongs here: its connection is no stranger's, but one of that one's."""
    connection = asking.scope.get("state", {}).get(CONNECTION)
    if connection is not None and connection.prove(name, most):
        log.warning("too many connections of %s: hung up on its oldest", name[:16])


def _hash_shown(asking: HTTPConnection) -> str:
    """The hash of the secret that came with a request; empty when none did."""
    scheme, _space, secret = asking.headers.get("authorization", "").partition(" ")
    if scheme.casefold() != "bearer" or not secret or len(secret) > 200:
        return ""
    return hash_of(secret.strip())


def _not_before(wait_s: float) -> None:
    if wait_s:
        reason = _("Too many requests. Try again in {seconds} s.").format(seconds=int(wait_s) + 1)
        raise Denied(429, "too_often", reason, {"Retry-After": str(int(wait_s) + 1)})


def _unauthorised() -> Denied:
    reason = _("This needs a credential, and none or a wrong one came.")
    return Denied(401, "unauthorised", reason, {"WWW-Authenticate": "Bearer"})
