"""A member that lies and floods, with a credential that is good until it is revoked."""

from pathlib import Path

from tests.hosts import Hosts


class Rogue:
    def __init__(self, root: Path, hosts: Hosts, host: int) -> None: ...

    device = ""

    def enrol(self, link: str) -> None: ...
    def start(self, seed: int) -> None: ...
    def close(self) -> None: ...
