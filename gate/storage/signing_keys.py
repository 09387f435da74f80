"""The keys that sign an event's tickets, with their private halves: at the server, or at a host.

The private half is made where it is kept and never leaves there; gates have the public one.
"""

from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterable
from dataclasses import replace

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from gate.core.signed_ticket import EventKey, KeyState, Scheme, Signed
from gate.core.ticket import VOID, Ticket
from gate.credential import signed
from gate.errors import UsageError
from gate.i18n import _


class SigningKey(msgspec.Struct, frozen=True):
    """A key of an event, as whoever signs keeps it."""

    key: EventKey
    private: str = ""
    """Ed25519 private key, hex; empty for another system's, which signs there."""


def minted() -> SigningKey:
    """A new key of our own."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    key = EventKey(signed.key_id(public), Scheme.COSE, public.hex())
    return SigningKey(key, private.private_bytes_raw().hex())


def pretix_key(text: str) -> SigningKey:
    """A key of ``valid_keys.pretix_sig1``: PEM, or that in base64. Raises UsageError."""
    try:
        content = text.strip().encode("ascii")
        content = content if content.startswith(b"-----") else b64decode(content, validate=True)
        is_pem = content.startswith(b"-----")
        public = load_pem_public_key(content) if is_pem else load_der_public_key(content)
    except (ValueError, NoBase64, UnsupportedAlgorithm):
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise UsageError(
            _("this is no key of pretix"),
            _("It stands in the event's settings there: valid_keys, pretix_sig1."),
        )
    raw = public.public_bytes_raw()
    return SigningKey(EventKey(signed.key_id(raw), Scheme.PRETIX, raw.hex()))


def after_rotation(keys: Iterable[SigningKey]) -> list[SigningKey]:
    """What changes when a new key is made: those that signed until now sign no more."""
    old = [one for one in keys if one.private and one.key.state is KeyState.SIGNING]
    retired = [msgspec.structs.replace(o, key=replace(o.key, state=KeyState.RETIRED)) for o in old]
    return [*retired, minted()]


def changed(
    keys: Iterable[SigningKey],
    id_: str,
    *,
    state: KeyState | None = None,
    begin: int | None = None,
    end: int | None = None,
) -> SigningKey:
    """One of the keys as it is to be; what is ``None`` stays, and 0 is no bound (Unix seconds).

    Raises UsageError: what was revoked stays so.
    """
    found = next((one for one in keys if one.key.id == id_), None)
    if found is None:
        raise UsageError(_("there is no key {id!r}").format(id=id_[:64]), _("See: gate keys list"))
    key = found.key
    made = replace(
        key,
        state=state or key.state,
        begin=key.begin if begin is None else begin or None,
        end=key.end if end is None else end or None,
    )
    if key.state is KeyState.REVOKED and made.state is not KeyState.REVOKED:
        raise UsageError(_("this key was revoked, for good"), _("Make another: gate keys new"))
    if made.begin is not None and made.end is not None and made.end < made.begin:
        raise UsageError(_("the key would end before it begins"), "")
    return msgspec.structs.replace(found, key=made)


def code_of(keys: Iterable[SigningKey], event: str, ticket: Ticket) -> str:
    """The signed code of a ticket. Raises UsageError where there is none to be had."""
    one = next((k for k in keys if k.private and k.key.state is KeyState.SIGNING), None)
    if one is None:
        raise UsageError(_("no key signs tickets of this event"), _("Make one: gate keys new"))
    if ticket.status in VOID:
        raise UsageError(_("{ticket}: this ticket is void").format(ticket=ticket.id), "")
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(one.private))
    try:
        return signed.sign(private, _said(event, ticket))
    except signed.TooLongError as error:
        raise UsageError(
            _("{ticket}: this is too much for a code of {most} characters").format(
                ticket=ticket.id, most=signed.MOST_CHARACTERS
            ),
            _("Its id, type, seats, zone and entrance are in the code: shorten one."),
        ) from error


def _said(event: str, ticket: Ticket) -> Signed:
    """What a code has to say of a ticket: what its type does not say of all."""
    return Signed(
        ticket=ticket.id,
        type=ticket.type.id,
        event=event,
        begin=ticket.begin_time,
        end=ticket.end_time,
        seats=ticket.seats,
        zone=ticket.zone,
        entrance=ticket.entrance,
        uses=ticket.uses,
        party=ticket.party,
        issue=ticket.issue,
    )
