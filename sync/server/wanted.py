"""What the command line wants of ``gate serve``: to serve, or one thing done at the database."""

from dataclasses import dataclass, field
from pathlib import Path

from sync.server import organisers
from sync.server.part import Part
from sync.server.takeover import Host


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to do; what is empty is not to be done."""

    tokens: bool = False
    """List the organiser's tokens that are good."""
    new_organiser: str = ""
    """Make one of that name."""
    rights: str = ""
    """With these, by commas; empty: to read counts."""
    for_days: int = organisers.DAYS
    roll: str = ""
    """Make one in the place of the one of that id."""
    end: str = ""
    """Make the one of that id good for nothing."""
    webhooks: bool = False
    """List the event's webhooks."""
    new_webhook: str = ""
    """Make one at that address."""
    kinds: str = ""
    """Of these messages, by commas; empty: of all."""
    end_webhook: str = ""
    """End the one of that id."""
    ping_webhook: str = ""
    """Try the one of that id."""
    audit: str = ""
    """Check who did what, and write it to that file."""
    export_person: str = ""
    erase_person: str = ""

    @property
    def is_any(self) -> bool:
        """Whether there is anything to do."""
        return self != Chore(rights=self.rights, for_days=self.for_days, kinds=self.kinds)

    @property
    def is_about_webhooks(self) -> bool:
        """Whether webhooks are to be listed, made, tried or ended."""
        return self.webhooks or bool(self.new_webhook or self.end_webhook or self.ping_webhook)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says."""

    database: str = ""
    listen: str = ""
    folder: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    self_signed: bool = False
    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies that add TLS and say who a caller is."""
    url: str = ""
    """How gates reach it, where that is not where it listens."""
    parts: tuple[Part, ...] = ()
    """What is mounted beside what the server is itself; their tables are in its database."""
    callback_to: tuple[str, ...] = ()
    """Hosts that webhooks may be at though they are not public."""
    event: str = ""
    """The one that was named."""
    also: tuple[str, ...] = ()
    """Events that a new gate's link is for beside that one."""
    time_zone: str = ""
    """Of an event that is made; empty: nobody has stated it."""
    restored: bool = False
    take_over: Host | None = None
    """Only make an event of that host's venue."""
    new_token: str = ""
    """Only make a token for a gate of this name."""
    png: Path | None = None
    """Write its code there, too."""
    pages: str = ""
    """Whether pages are shown: ``on`` to whoever comes, ``off``; empty: where nobody can listen."""
    web_link: str = ""
    """Only make a link that opens pages, for somebody of this name."""
    web_kind: str = ""
    """What that link opens; empty: it pairs a browser."""
    web_hours: int = 0
    """For how long; 0: as is usual."""
    web_links: bool = False
    """Only list the links, browsers and sessions of the pages."""
    web_end: str = ""
    """Only end the one of that id."""
    links: bool = False
    """Only list the links that were not used yet."""
    withdraw: str = ""
    """Only make links of that id or name good for nothing."""
    devices: bool = False
    """Only list the event's devices."""
    device: str = ""
    state: str = ""
    """Only bring that device into that state."""
    chore: Chore = field(default_factory=Chore)
    """Only do that."""
    disown: str = ""
    """Only disown the device of that id."""
    disown_from: str = ""
    """From when on, as people write it; empty: from the beginning."""
    is_sure: bool = False
    """Not to be asked."""

    @property
    def is_about_links(self) -> bool:
        """Whether links are to be listed or withdrawn."""
        return self.links or bool(self.withdraw)

    @property
    def is_about_devices(self) -> bool:
        """Whether devices are to be listed or changed."""
        return self.devices or bool(self.device or self.disown)

    @property
    def is_about_pages(self) -> bool:
        """Whether who may see the pages is to be listed or ended."""
        return self.web_links or bool(self.web_end)

    @property
    def needs_database(self) -> bool:
        """Whether one thing is to be done at a database that must be there already."""
        return bool(
            self.new_token
            or self.web_link
            or self.is_about_pages
            or self.is_about_devices
            or self.is_about_links
            or self.chore.is_any
        )
