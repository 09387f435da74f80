"""Finds gates of the same venue by multicast DNS (RFC 6762, RFC 6763), where a network lets it.

What is announced is an opaque id, a port and a digest of the venue's certificate: who is no member
learns that there is a gate, and nothing else.
"""

import asyncio
import ipaddress
import logging
import random
import re
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import ifaddr
from zeroconf import (
    BadTypeInNameException,
    NonUniqueNameException,
    NotRunningException,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

log = logging.getLogger(__name__)

TYPE = "_venue-gate._tcp.local."
_DEVICE = re.compile(r"[0-9a-f]{16}")
ASK_MS = 2000
ASK_AGAIN_S = 10.0
"""How often those that announced themselves and are not connected are asked where they are."""
ASKED_AT_ONCE = 32
"""Strangers may announce names without end: so many are asked at a time, besides members."""
ADDRESSES = 8
"""As many of one name's addresses are passed on: any of them, as a spoofer may add to them."""
_FAULTS = (OSError, NonUniqueNameException, NotRunningException, BadTypeInNameException,
           AssertionError, TimeoutError)  # fmt: skip

Found = Callable[[str, str], None]
"""Told of a place (``host:port``) and the device that says it listens there."""


class Discovery:
    """Announces one gate and hears of the others; ``look`` now and then, then ``close``."""

    def __init__(
        self,
        venue: str,
        device: str,
        port: int,
        found: Found,
        is_member: Callable[[str], bool],
    ) -> None:
        self._venue = venue
        self._device = device
        self._port = port
        self._found = found
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._addresses: tuple[str, ...] = ()
        self._network = b""
        self._is_member = is_member
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._ask_again_s = 0.0

    async def look(self, connected: Collection[str]) -> None:
        """Begin, and begin anew when the network is another; ask again for who is not connected."""
        network = network_now()
        if network == self._network and self._zeroconf is not None:
            self._ask_for_others(self._zeroconf.zeroconf, connected)
            return
        self._network = network
        addresses = own_addresses()
        if addresses == self._addresses and self._zeroconf is not None:
            return
        self._addresses = addresses
        await self.close()
        if not addresses:
            return
        try:
            await self._begin()
        except _FAULTS as fault:
            log.info("lan: no discovery: %s", fault or type(fault).__name__)
            await self.close()

    async def close(self) -> None:
        """Say nothing and hear nothing any more."""
        browser, zeroconf = self._browser, self._zeroconf
        self._browser = self._zeroconf = None
        for task in list(self._asking.values()):
            task.cancel()
        with suppress(*_FAULTS):
            if browser is not None:
                await browser.async_cancel()
            if zeroconf is not None:
                await zeroconf.async_unregister_all_services()
                await zeroconf.async_close()

    async def _begin(self) -> None:
        self._zeroconf = AsyncZeroconf(interfaces=list(self._addresses))
        info = AsyncServiceInfo(
            TYPE,
            f"{self._device}.{TYPE}",
            port=self._port,
            properties={"v": self._venue},
            server=f"{self._device}.local.",
            parsed_addresses=list(self._addresses),
        )
        await self._zeroconf.async_register_service(info, cooperating_responders=True)
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, TYPE, handlers=[self._changed])

    def _changed(
        self,
        zeroconf: Zeroconf,
        service_type: str,  # noqa: ARG002  told by name
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        if state_change is ServiceStateChange.Removed or self._zeroconf is None:
            return
        self._begin_asking(zeroconf, name)

    def _ask_for_others(self, zeroconf: Zeroconf, connected: Collection[str]) -> None:
        now = time.monotonic()
        if now < self._ask_again_s:
            return
        self._ask_again_s = now + ASK_AGAIN_S
        kept = zeroconf.cache.async_entries_with_name(TYPE)
        names = [str(getattr(record, "alias", "")) for record in kept]
        # Not always the same strangers.
        random.shuffle(names)
        for name in names:
            if _device(name) not in connected:
                self._begin_asking(zeroconf, name)

    def _begin_asking(self, zeroconf: Zeroconf, name: str) -> None:
        device = _device(name)
        if device in ("", self._device) or name in self._asking:
            return
        strangers = sum(not self._is_member(_device(asked)) for asked in self._asking)
        if not self._is_member(device) and strangers >= ASKED_AT_ONCE:
            return
        task = asyncio.ensure_future(self._ask(zeroconf, name, device))
        self._asking[name] = task
        task.add_done_callback(lambda _task: self._asking.pop(name, None))

    async def _ask(self, zeroconf: Zeroconf, name: str, device: str) -> None:
        info = AsyncServiceInfo(TYPE, name)
        with suppress(*_FAULTS):
            if not await info.async_request(zeroconf, ASK_MS):
                return
            if info.decoded_properties.get("v") != self._venue:
                return
            addresses = info.parsed_scoped_addresses()
            for address in random.sample(addresses, min(ADDRESSES, len(addresses))):
                host = f"[{address}]" if ":" in address else address
                self._found(f"{host}:{info.port}", device)


def _device(name: str) -> str:
    """Whose name it is; empty where it is none of a gate."""
    device = name.removesuffix(f".{TYPE}")
    return device if _DEVICE.fullmatch(device) else ""


def own_addresses() -> tuple[str, ...]:
    """This machine's IPv4 addresses, but for those that only it can reach."""
    found = {
        str(ip.ip)
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if ip.is_IPv4 and not ipaddress.ip_address(str(ip.ip)).is_loopback
    }
    return tuple(sorted(found))


def network_now() -> bytes:
    """Changes when an interface or address comes or goes; empty where that cannot be seen."""
    found = b""
    for name in ("/proc/net/route", "/proc/net/if_inet6", "/proc/net/fib_trie"):
        with suppress(OSError):
            found += Path(name).read_bytes()
    return found
