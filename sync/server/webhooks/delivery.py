"""Where the server may call: addresses of the internet, by https, and what was named beside that.

Whoever sets a callback says where the server sends requests. It must not reach what only the
server reaches: this machine, its network, its cloud's metadata. The name is resolved once for each
request, every address is checked, and the connection goes to the one that was checked.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import httpx

from gate.errors import UsageError
from gate.i18n import _

_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is routed on the internet (RFC 4291, 2.4; IANA's allocations)."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Addresses of IPv4 written as such of IPv6 (RFC 6052)."""
_SPECIAL = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))
"""For protocols only (RFC 6890, RFC 7526): not every Python knows them as not global."""
TIMEOUT_S = 5.0
"""From the first byte that we send to the last that matters of the answer."""
_ANSWER_BYTES = 1024
UNHEARD = (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError)
"""What ``ask`` raises where nothing, or nothing of use, came back."""
_HOST = re.compile(r"(?:[^\s:/?#@\[\]]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")


class NotAllowed(httpx.TransportError):
    """An address that the server does not call."""


class WebhookDelivery(httpx.AsyncBaseTransport):
    """HTTP to where the server may call. Raises NotAllowed, and what httpx raises."""

    def __init__(self, named: Collection[str] = (), *, tls: ssl.SSLContext | None = None) -> None:
        """``named``: hosts, or hosts with ports, that may be anywhere and without TLS."""
        self._named = frozenset(one.casefold() for one in named)
        # Kept connections are known by address, and one address may be many hosts'.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=0)
        self._http: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport(
            verify=tls or _public_trust(), trust_env=False, limits=limits
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it to an address that was checked."""
        check(request.url, self._named)
        host, fault = request.url.raw_host.decode("ascii"), None
        for address in await self._addresses(request.url):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                # Name and certificate are the host's all the same.
                extensions={**request.extensions, "sni_hostname": host.strip("[]")},
            )
            try:
                return await self._http.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                fault = error
        raise fault or NotAllowed(_("it has no address"))

    async def aclose(self) -> None:
        """Let go of what is open."""
        await self._http.aclose()

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                url.raw_host.decode("ascii").strip("[]"), port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(at[0]) for *_kind, at in found))
        if _is_named(url, self._named):
            return addresses
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise NotAllowed(_("it is not on the internet"))
        return public


def check(url: httpx.URL, named: Collection[str]) -> None:
    """Raises NotAllowed when that is nowhere to call, whatever its name resolves to."""
    if not url.host or url.scheme not in ("http", "https"):
        raise NotAllowed(_("it is no address of the form https://…"))
    if url.scheme != "https" and not _is_named(url, named):
        raise NotAllowed(_("it is not https"))


def _is_named(url: httpx.URL, named: Collection[str]) -> bool:
    host = url.host.casefold()
    host = f"[{host}]" if ":" in host else host
    port = url.port or (443 if url.scheme == "https" else 80)
    return host in named or f"{host}:{port}" in named


def client(transport: WebhookDelivery) -> httpx.AsyncClient:
    """What backends are reached with: no proxies, no redirects, no longer than WeChat waits."""
    return httpx.AsyncClient(
        transport=transport, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False
    )


async def ask(
    http: httpx.AsyncClient,
    method: str,
    url: httpx.URL,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """The status of its answer, and the answer as far as it matters. Raises one of UNHEARD."""
    # The client's own bound is on each piece, and a piece may be a byte.
    async with (
        asyncio.timeout(TIMEOUT_S),
        http.stream(method, url, content=body, headers=headers) as response,
    ):
        received = b""
        async for part in response.aiter_bytes(_ANSWER_BYTES):
            received += part
            if len(received) >= _ANSWER_BYTES:
                break
        return response.status_code, received.decode("utf-8", "replace")


@cache
def _public_trust() -> ssl.SSLContext:
    # It takes 30 ms to read.
    return httpx.create_ssl_context(trust_env=False)


def hosts(stated: Sequence[str]) -> tuple[str, ...]:
    """Hosts as they were stated, ``host`` or ``host:port``. Raises UsageError."""
    for one in stated:
        found = _HOST.fullmatch(one)
        if found is None or int(found[1] or 1) not in range(1, 65536):
            wrong = _("--callback-to {text!r} is no host").format(text=one[:80])
            raise UsageError(wrong, _("Like this: --callback-to backend.internal:8080"))
    return tuple(stated)


def is_public(address: str) -> bool:
    """Whether an address is one host's on the internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        elif found not in _UNICAST or found.sixtofour is not None or found.teredo is not None:
            return False
    is_special = any(found in network for network in _SPECIAL)
    return found.is_global and not (is_special or found.is_multicast or found.is_reserved)
