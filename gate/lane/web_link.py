"""A link for a browser, made at a lane: the server believes it by the device's signature."""

import secrets

from gate.clock import read_wall_ms
from gate.core.web_link import LaneLink
from gate.storage.device_key import DeviceKey
from gate.storage.folder import Folder

PATH = "/web/link/"
"""Of the server's address, with what was signed after it."""


def link_of_lane(folder: Folder, server: str, supervisor: str) -> str:
    """A link that lets operators sign in at one browser; no network is asked. Raises StoreError."""
    made_s = read_wall_ms() // 1000
    link = LaneLink(folder.device_id(), made_s, secrets.token_hex(8), supervisor)
    return f"{server.rstrip('/')}{PATH}{DeviceKey(folder).sign_link(link).secret()}"
