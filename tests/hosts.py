"""Some hosts on one switch, as network namespaces: cables can be pulled, addresses changed."""

import os
import shutil
import subprocess
from contextlib import suppress


class Hosts:
    """Namespaces with one interface each, all on one bridge."""

    def __init__(self, count: int) -> None:
        self._mark = f"vg{os.getpid() % 100_000}"
        self.count = count
        self._switch = f"{self._mark}sw"
        self._run("netns", "add", self._switch)
        self._in(self._switch, "link", "add", "br0", "type", "bridge")
        self._in(self._switch, "link", "set", "br0", "up")
        for n in range(count):
            name = self.name(n)
            self._run("netns", "add", name)
            self._run("link", "add", f"{self._mark}e{n}", "netns", name, "type", "veth",
                      "peer", "name", f"p{n}", "netns", self._switch)  # fmt: skip
            self._in(name, "link", "set", f"{self._mark}e{n}", "name", "eth0")
            self._in(self._switch, "link", "set", f"p{n}", "master", "br0")
            self._in(self._switch, "link", "set", f"p{n}", "up")
            self._in(name, "link", "set", "lo", "up")
            self._in(name, "addr", "add", f"{self.address(n)}/24", "dev", "eth0")
            self._in(name, "link", "set", "eth0", "up")
            self._in(name, "route", "add", "default", "dev", "eth0")

    def name(self, n: int) -> str:
        return f"{self._mark}h{n}"

    def address(self, n: int) -> str:
        return f"10.77.0.{n + 1}"

    def at(self, n: int) -> list[str]:
        """What goes before a command that is to run on a host."""
        return ["ip", "netns", "exec", self.name(n)]

    def cut(self, n: int) -> None:
        """Pull the cable of a host, at the switch: the host's own end stays up."""
        self._in(self._switch, "link", "set", f"p{n}", "nomaster")

    def heal(self, n: int) -> None:
        self._in(self._switch, "link", "set", f"p{n}", "master", "br0")

    def move(self, n: int, address: str) -> None:
        """Give a host another address."""
        self._in(self.name(n), "addr", "flush", "dev", "eth0")
        self._in(self.name(n), "addr", "add", f"{address}/24", "dev", "eth0")
        self._in(self.name(n), "route", "replace", "default", "dev", "eth0")

    def close(self) -> None:
        for name in [*(self.name(n) for n in range(self.count)), self._switch]:
            with suppress(subprocess.CalledProcessError):
                self._run("netns", "del", name)

    def _in(self, name: str, *words: str) -> None:
        self._run("-n", name, *words)

    @staticmethod
    def _run(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


def why_not() -> str:
    """Why namespaces cannot be made here; empty where they can."""
    if shutil.which("ip") is None:
        return "there is no ip command (iproute2)"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    name = f"vgtry{os.getpid()}"
    tried, _gone = (
        subprocess.run(["ip", "netns", do, name], check=False, capture_output=True, timeout=10)
        for do in ("add", "del")
    )
    return tried.stderr.decode().strip() if tried.returncode else ""
