"""Which proxies are believed when they say who a caller is (``X-Forwarded-For``)."""

import ipaddress
from collections.abc import Sequence

from gate.errors import UsageError
from gate.i18n import _

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(stated: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks as they were stated. Raises UsageError.

    Everybody is no proxy: whoever may call directly could then be whoever it likes.
    """
    found = []
    for one in stated:
        try:
            network = ipaddress.ip_network(one.strip())
        except ValueError as error:
            wrong = _("--proxy {text!r} is no address and no network: {detail}")
            raise UsageError(
                wrong.format(text=one[:80], detail=str(error)[:120]),
                _("Like this: --proxy 127.0.0.1, or --proxy 10.1.2.0/24"),
            ) from error
        if network.prefixlen == 0:
            wrong = _("--proxy {text!r} is everybody: name the proxy itself")
            raise UsageError(
                wrong.format(text=one[:80]),
                _("Like this: --proxy 127.0.0.1, or --proxy 10.1.2.0/24"),
            )
        found.append(network)
    return tuple(found)


def is_within(address: str, named: Sequence[Network]) -> bool:
    """Whether an address is one of theirs."""
    try:
        return any(ipaddress.ip_address(address) in network for network in named)
    except ValueError:
        return False
