"""Pairing: a check-in list becomes an event, by the code that pretix shows for a device."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from gate.clock import read_wall_ms
from gate.errors import UsageError
from gate.i18n import _
from sync.server import events
from sync.server.console import Console, event_ids
from sync.upstream import gate_devices, links
from sync.upstream.gate_devices import GateDevice
from sync.upstream.links import Link
from sync.upstream.pretix import mapping
from sync.upstream.pretix.answers import CheckinList, Device
from sync.upstream.pretix.client import Account, PretixClient
from sync.upstream.pretix.mapping import Catalogue
from sync.upstream.pretix.pretix import KIND
from sync.upstream.pretix.pull import Target, account_of, fetch
from sync.upstream.seam import StoppedError, UpstreamError

HANDSHAKE: Final = 1
_WITHOUT_ORDERS: Final = frozenset({"pretixscan_online_kiosk", "pretixscan_online_noorders"})
"""Security profiles of devices that may not see orders."""


class Invitation(msgspec.Struct, frozen=True):
    """What is in pretix's code."""

    handshake_version: int
    url: str
    token: str


class Named(NamedTuple):
    """A list as a person names it: ``EVENT.LIST``, the list by its number or its name."""

    event: str
    list: str


@dataclass(frozen=True, slots=True)
class Paired:
    """What came of it."""

    link: Link
    title: str
    is_new: bool
    """Whether the event was made; else it was paired before, and goes on."""


def read_invitation(text: str) -> Invitation:
    """What pretix's code says. Raises UsageError."""
    try:
        invitation = msgspec.json.decode(text.strip(), type=Invitation)
    except msgspec.MsgspecError as error:
        raise UsageError(
            _("this is no code of pretix for a device"),
            _("In pretix: organizer, devices, connect a device; take the whole code."),
        ) from error
    if invitation.handshake_version > HANDSHAKE:
        raise UsageError(
            _("this pretix pairs in a newer way than this program knows"),
            _("Install a newer version of Venue Gate."),
        )
    if not invitation.url.startswith(("https://", "http://")):
        raise UsageError(_("this is no address of a pretix: {url}").format(url=invitation.url[:80]))
    return msgspec.structs.replace(invitation, url=invitation.url.rstrip("/"))


def read_name(text: str) -> Named:
    """Which list is meant. Raises UsageError."""
    event, dot, of_list = text.partition(".")
    if not (event and dot and of_list):
        raise UsageError(
            _("{found!r} is not like EVENT.LIST").format(found=text[:80]),
            _("The short form of the event in pretix, and the list's number or name."),
        )
    return Named(event, of_list)


async def pair(
    client: PretixClient, console: Console, named: Named, invitation: Invitation
) -> Paired:
    """Become a device of a pretix, and make an event of one of its lists.

    What pretix gave is kept before anything else is done with it: its token is good once. Raises
    UsageError, UpstreamError.
    """
    device = await client.initialize(invitation.url, invitation.token)
    account = Account(invitation.url, device.organizer, device.api_token)
    try:
        _check_profile(device)
        of_list = await _find_list(client, account, named)
        link = Link(
            event=f"{named.event}.{of_list.id}", kind=KIND, url=account.url,
            account=account.organizer, device=str(device.device_id), token=account.token,
            target=msgspec.to_builtins(Target(named.event, of_list.id)),
        )  # fmt: skip
        catalogue = await fetch(client, link)
        return _keep(console, link, catalogue)
    except BaseException:
        await _give_back(client, account)
        raise


async def pair_gate(
    client: PretixClient, console: Console, event: str, gate: str, invitation: Invitation
) -> GateDevice:
    """Become another device of the pretix that an event lives in: what a gate did it says itself.

    Raises UsageError, UpstreamError.
    """
    link = console.read(partial(links.need, event=event))
    made = await client.initialize(invitation.url, invitation.token)
    account = Account(invitation.url, made.organizer, made.api_token)
    try:
        _check_profile(made)
        _check_same(account, link)
        device = GateDevice(event, gate, str(made.device_id), account.token)
        before = [one for one in console.read(_devices(event)) if one.gate == gate]
        keep = partial(gate_devices.put, device=device)
        console.write(keep, "upstream device paired", gate, event=event)
    except BaseException:
        await _give_back(client, account)
        raise
    for one in before:
        await _give_back(client, Account(link.url, link.account, one.token))
    return device


async def unpair(client: PretixClient, console: Console, event: str) -> tuple[Link, str]:
    """End a link; the event stays as it is. The answer is why pretix was not told, if it was not.

    Raises UsageError where there is none.
    """
    devices = console.read(_devices(event))
    gone = console.write(
        lambda connection: links.remove(connection, event), "upstream ended", event, event=event
    )
    for one in devices:
        await _give_back(client, Account(gone.url, gone.account, one.token))
    try:
        await client.revoke(account_of(gone))
    except UpstreamError as error:
        return gone, error.message
    return gone, ""


def _check_same(account: Account, link: Link) -> None:
    if (account.url, account.organizer) != (link.url, link.account):
        message = _("{event} lives in another pretix than this device, or another organizer's")
        raise UsageError(message.format(event=link.event), _("Make the device there."))


def _devices(event: str) -> Callable[[Connection], list[GateDevice]]:
    return lambda connection: gate_devices.every(connection, [event])


def _check_profile(device: Device) -> None:
    if device.security_profile in _WITHOUT_ORDERS:
        message = _("the device has the profile {profile}, which sees no orders")
        raise StoppedError(
            message.format(profile=device.security_profile),
            _("Make another device in pretix, with the profile pretixSCAN."),
        )


async def _find_list(client: PretixClient, account: Account, named: Named) -> CheckinList:
    found = await client.every(account, f"events/{named.event}/checkinlists/", CheckinList)
    for one in found:
        if named.list in (str(one.id), one.name):
            return one
    raise UsageError(
        _("there is no check-in list {list!r} in {event}").format(
            list=named.list[:80], event=named.event
        ),
        _("There is: {lists}").format(
            lists=", ".join(f"{one.id} ({one.name})" for one in found) or "–"
        ),
    )


def _keep(console: Console, link: Link, catalogue: Catalogue) -> Paired:
    title = mapping.event_title(catalogue)

    def keep(connection: Connection) -> Paired:
        is_new = link.event not in event_ids(connection)
        before = links.find(connection, link.event)
        if is_new:
            zone = catalogue.event.timezone
            events.create_event(connection, link.event, title, zone, read_wall_ms())
        if before is None:
            links.make(connection, link)
        elif (before.url, before.account, before.target) == (link.url, link.account, link.target):
            # A device that was lost, or revoked, or a pretix that was restored and has forgotten
            # it: what was read and told goes on, and all of it is compared soon.
            links.start_again(
                connection, link.event, device=link.device, token=link.token,
                cursor={**before.cursor, "compared_ms": 0},
            )  # fmt: skip
        else:
            raise UsageError(
                _("the event {event} lives in {url} already").format(
                    event=link.event, url=before.url
                ),
                _("End that first: gate pretix unpair EVENT"),
            )
        return Paired(replace(link, token=""), title, is_new)

    return console.write(keep, "upstream paired", link.url, event=link.event)


async def _give_back(client: PretixClient, account: Account) -> None:
    """Leave no device behind in pretix that nobody uses."""
    try:
        await client.revoke(account)
    except UpstreamError:
        return
