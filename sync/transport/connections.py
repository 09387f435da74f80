"""Pure: how many connections strangers may have, and whose ends when there are too many.

A connection is a stranger's until a credential or a member's certificate came on it. Where no more
of them fit, the one that has been a stranger for longest makes way: whoever belongs proves that in
a moment, and gets in however many others only hold a place. Of those that one credential proves the
oldest makes way, too: who has stolen one can open as many, and no more.
"""

import ipaddress
from collections.abc import Callable


class Connection:
    """One connection, from its beginning to its end."""

    def __init__(self, owner: "Connections", source: str, hang_up: Callable[[], object]) -> None:
        self._owner = owner
        self.source = source
        self.hang_up = hang_up
        """Ends it, wherever it is; whoever opened it may set another way as it goes on."""
        self.name = ""
        """Who has proved to be at the other end; empty: nobody yet."""

    def prove(self, name: str, most: int) -> bool:
        """Whoever is at the other end belongs here, and may have so many connections.

        The answer is whether that was one too many, so that its oldest was ended.
        """
        return self._owner.prove(self, name, most)

    def close(self) -> None:
        """It has ended."""
        self._owner.let_go(self)


class Connections:
    """The connections of one listener."""

    def __init__(
        self, most: int, of_each: int, is_exempt: Callable[[str], bool] = lambda _address: False
    ) -> None:
        """So many strangers, and of each source; an exempt one is bounded by all of them only."""
        self._most = most
        self._of_each = of_each
        self._is_exempt = is_exempt
        # In the order in which they came.
        self._all: dict[Connection, None] = {}
        self._of_source: dict[str, dict[Connection, None]] = {}
        self._of_name: dict[str, dict[Connection, None]] = {}
        self.ended = 0
        """How many had to make way."""

    def __len__(self) -> int:
        """How many strangers' there are now."""
        return len(self._all)

    def open(self, address: str, hang_up: Callable[[], object]) -> Connection:
        """One more, from that address."""
        source = source_of(address)
        its = self._of_source.get(source, {})
        if len(its) >= self._of_each and not self._is_exempt(address):
            self._end(next(iter(its)))
        elif len(self._all) >= self._most:
            self.make_room()
        connection = Connection(self, source, hang_up)
        self._all[connection] = None
        self._of_source.setdefault(source, {})[connection] = None
        return connection

    def make_room(self) -> None:
        """End the one that has been a stranger for longest, if there is any."""
        if self._all:
            self._end(next(iter(self._all)))

    def prove(self, connection: Connection, name: str, most: int) -> bool:
        """Count one as that one's, who has shown who it is; as ``Connection.prove`` does."""
        if connection.name == name:
            return False
        if not connection.name and connection not in self._all:
            return False  # It has ended meanwhile.
        self.let_go(connection)
        its = self._of_name.get(name, {})
        is_one_too_many = len(its) >= most
        if is_one_too_many:
            self._end(next(iter(its)))
        connection.name = name
        self._of_name.setdefault(name, {})[connection] = None
        return is_one_too_many

    def let_go(self, connection: Connection) -> None:
        """Count one no more; one that is not counted stays so."""
        self._all.pop(connection, None)
        for group, key in (
            (self._of_source, connection.source),
            (self._of_name, connection.name),
        ):
            its = group.get(key, {})
            its.pop(connection, None)
            if not its:
                group.pop(key, None)

    def _end(self, connection: Connection) -> None:
        self.let_go(connection)
        self.ended += 1
        connection.hang_up()


def source_of(address: str) -> str:
    """Whose an address is, as far as it tells: one of IPv4, a network of IPv6 (/64)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)
