"""Whether pages and snapshots of the feed are as the venue's authority made them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gate.core.ticket_feed import Checkpoint, Snapshot
from gate.errors import DamagedError
from gate.i18n import _
from gate.storage.certificates import load_membership
from gate.storage.feed_signatures import is_good, key_of
from gate.storage.folder import Folder
from gate.storage.replica_file import FILE_NAME, fetched_again


class FeedAuthority:
    """The key of the venue's authority, as this device's membership has it; read when needed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._key: Ed25519PublicKey | None = None

    def checked(self, end: Checkpoint | None, cursor: str, chained: str) -> Checkpoint:
        """The checkpoint, which signs just this place of the feed. Raises DamagedError."""
        if end is None or (end.cursor, end.chain_hash) != (cursor, chained):
            raise not_signed()
        if self._key is None:
            membership = load_membership(self._folder)
            if membership is None:
                raise not_signed()
            self._key = key_of(membership.authority)
        if not is_good(end, self._key):
            raise not_signed()
        return end

    def check_snapshot(self, snapshot: Snapshot) -> None:
        """Raises DamagedError when a snapshot is not what the authority has made."""
        if not FILE_NAME.fullmatch(snapshot.name):
            message = _("{name!r} is no name of a ticket file")
            raise DamagedError(message.format(name=snapshot.name[:80]), "")
        end = self.checked(snapshot.checkpoint, snapshot.cursor, snapshot.checkpoint.chain_hash)
        offered = (snapshot.sha256, snapshot.bytes, snapshot.packed_bytes)
        if (end.content, end.bytes, end.packed_bytes) != offered:
            raise not_signed()


def not_signed() -> DamagedError:
    """The fault of tickets that are not as the authority signed them."""
    message = _("these tickets are not as the venue's authority told them")
    return DamagedError(message, fetched_again())
