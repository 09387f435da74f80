"""Keys and codes that tests sign with."""

from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gate.core.signed_ticket import EventKey, KeyState, Scheme, Signed
from gate.credential import signed
from gate.storage.event_keys import put_key
from gate.storage.folder import Folder
from gate.storage.replica_file import live_replica, open_replica

EVENT = "park2026"


def private(number: int = 1) -> Ed25519PrivateKey:
    """A key that is the same in every run."""
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


def event_key(
    number: int = 1, scheme: Scheme = Scheme.COSE, state: KeyState = KeyState.SIGNING, **more: Any
) -> EventKey:
    """Its public half, as an event has it."""
    public = private(number).public_key().public_bytes_raw()
    return EventKey(signed.key_id(public), scheme, public.hex(), state, **more)


def code(ticket: str, type_: str = "SHOW", *, number: int = 1, **more: Any) -> str:
    """The signed code of a ticket."""
    return signed.sign(private(number), Signed(ticket, type_, EVENT, **more))


def pretix_payload(*, item: int = 2, seed: str = "Snlvzmbud", **fields: int) -> bytes:
    """What pretix signs, as its own protobuf library writes it: fields below 128 only."""
    content = b"\x0a" + bytes([len(seed)]) + seed.encode() + b"\x10" + bytes([item])
    for number, name in ((3, "variation"), (4, "subevent"), (5, "begin"), (6, "end")):
        if name in fields or number > 4:
            content += bytes([number << 3]) + _varint(fields.get(name, 0))
    return content


def _varint(value: int) -> bytes:
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])


def pretix_code(*, number: int = 2, **fields: Any) -> str:
    """A code as pretix makes it, by its own description and not by our encoder."""
    payload = pretix_payload(**fields)
    signature = private(number).sign(payload)
    head = b"\x01" + len(payload).to_bytes(2, "big") + len(signature).to_bytes(2, "big")
    return b64encode(head + payload + signature).decode()[::-1]


def give_keys(folder: Folder, *keys: EventKey) -> None:
    """Have a replica know keys, as the feed would have it."""
    connection = open_replica(live_replica(folder))
    for key in keys:
        put_key(connection, key)
    connection.close()
