"""The keys that sign tickets of a venue without a server, at its host: kept in ``venue.json``."""

from collections.abc import Sequence
from contextlib import closing

import msgspec

from gate.core.signed_ticket import EventKey, KeyState
from gate.errors import UsageError
from gate.i18n import _
from gate.storage import signing_keys, venue_host
from gate.storage.folder import Folder
from gate.storage.signing_keys import SigningKey
from gate.storage.tickets import Tickets


class HostKeys:
    """The ring of keys of the venue that a folder is the host of."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def all(self) -> list[EventKey]:
        """Every key. Raises UsageError at any gate but the host."""
        return [one.key for one in venue_host.load(self._folder).keys]

    def new(self) -> EventKey:
        """Make a key that signs from now on; those before it sign no more."""
        changed = signing_keys.after_rotation(venue_host.load(self._folder).keys)
        self._keep(changed)
        return changed[-1].key

    def add_pretix(self, text: str) -> EventKey:
        """Believe what pretix signs with a key. Raises UsageError where it is none."""
        made = signing_keys.pretix_key(text)
        self._keep([made])
        return made.key

    def change(
        self,
        id_: str,
        *,
        state: KeyState | None = None,
        begin: int | None = None,
        end: int | None = None,
    ) -> EventKey:
        """Retire, revoke or bound a key. Raises UsageError."""
        keys = venue_host.load(self._folder).keys
        changed = signing_keys.changed(keys, id_, state=state, begin=begin, end=end)
        self._keep([changed])
        return changed.key

    def codes(self, tickets: Sequence[str]) -> list[str]:
        """The signed codes of some tickets. Raises UsageError."""
        keys = venue_host.load(self._folder).keys
        event = venue_host.venue_event(self._folder).id
        made = []
        with closing(Tickets(self._folder)) as here:
            here.refresh()
            for id_ in tickets:
                ticket = here.get(id_)
                if ticket is None:
                    raise UsageError(_("there is no ticket {id!r}").format(id=id_[:128]), "")
                made.append(signing_keys.code_of(keys, event, ticket))
        return made

    def _keep(self, changed: Sequence[SigningKey]) -> None:
        """Keep keys, and then let all gates hear of them: what no gate knows must sign nothing."""
        venue = venue_host.load(self._folder)
        kept = {one.key.id: one for one in (*venue.keys, *changed)}
        venue_host.keep(self._folder, msgspec.structs.replace(venue, keys=tuple(kept.values())))
        for one in changed:
            venue_host.publish(self._folder, one.key)
