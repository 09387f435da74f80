"""Who has signed off the gates before doors, by the journals of all devices."""

from gate.core.entry import Entry
from gate.storage.fleet import Fleet

MOST = 20
_NEWEST = "SELECT body FROM counted WHERE act = 'sign_off' ORDER BY id DESC LIMIT :most"


def sign_offs(venue: Fleet) -> list[Entry]:
    """The newest sign-offs that are known here, the newest first."""
    found = [one for file in venue.files for one in file.entries(_NEWEST, {"most": MOST})]
    return sorted(found, key=lambda one: (one.hlc, one.origin, one.seq), reverse=True)[:MOST]
