"""Who has signed off the gates before doors, by the journals of all devices."""

from gate.core import entry_codec
from gate.core.entry import Entry
from gate.storage.fleet import Fleet

MOST = 20
_NEWEST = "SELECT body FROM counted WHERE act = 'sign_off' ORDER BY id DESC LIMIT :most"


def sign_offs(venue: Fleet) -> list[Entry]:
    """The newest sign-offs that are known here, the newest first."""
    rows = [row for file in venue.files for row in file.rows(_NEWEST, {"most": MOST})]
    found = [entry_codec.decode(body) for (body,) in rows]
    return sorted(found, key=lambda one: (one.hlc, one.origin, one.seq), reverse=True)[:MOST]
