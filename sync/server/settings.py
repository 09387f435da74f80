"""What a server is given at its start."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class PagesBy(StrEnum):
    """How the pages are shown."""

    TLS = "tls"
    """To whoever comes by https, here or at a proxy that is believed."""
    ANY = "any"
    """To whoever comes."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where it works, who looks after it, and how much it takes of whom."""

    folder: Path
    """Where it keeps its snapshots."""
    admin_hash: str
    """SHA-256 of the admin token, hex."""
    url: str = ""
    """How others reach it, where that is not where a request finds it (``--url``)."""
    pages: PagesBy = PagesBy.TLS
    device_per_s: float = 50.0
    device_burst: float = 200.0
    address_per_s: float = 5.0
    """Enrolments and failed credentials of one address."""
    address_burst: float = 20.0
    body_s: float = 20.0
    """How long a body may take."""
    snapshot_wait_s: float = 5.0
    callback_to: tuple[str, ...] = ()
    """Hosts (``host``, ``host:port``) that webhooks may be at though they are not public."""
    runs_jobs: bool = True
    """Whether this process follows journals and tells backends, or leaves that to others."""
