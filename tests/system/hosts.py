"""Some hosts on one switch, or on two, as network namespaces: cables pulled, addresses changed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from tests.support.programs import enter

T = TypeVar("T")


class Hosts:
    """Namespaces with one interface on each of the networks, which are a bridge each."""

    def __init__(self, count: int, networks: int = 1) -> None:
        self._mark = f"vg{os.getpid() % 100_000}"
        self.count = count
        self._switch = f"{self._mark}sw"
        self._run("netns", "add", self._switch)
        for network in range(networks):
            self._in(self._switch, "link", "add", f"br{network}", "type", "bridge")
            self._in(self._switch, "link", "set", f"br{network}", "up")
        for n in range(count):
            self._run("netns", "add", self.name(n))
            self._in(self.name(n), "link", "set", "lo", "up")
            for network in range(networks):
                self._connect(n, network)

    def _connect(self, n: int, network: int) -> None:
        host, port, card = self.name(n), f"p{n}x{network}", f"eth{network}"
        made = f"{self._mark}e{n}x{network}"
        self._run("link", "add", made, "netns", host, "type", "veth",
                  "peer", "name", port, "netns", self._switch)  # fmt: skip
        self._in(host, "link", "set", made, "name", card)
        self._in(self._switch, "link", "set", port, "master", f"br{network}")
        self._in(self._switch, "link", "set", port, "up")
        self._in(host, "addr", "add", f"{self.address(n, network)}/24", "dev", card)
        self._in(host, "link", "set", card, "up")
        if network == 0:
            self._in(host, "route", "add", "default", "dev", card)

    def name(self, n: int) -> str:
        return f"{self._mark}h{n}"

    def address(self, n: int, network: int = 0) -> str:
        return f"10.{77 + network}.0.{n + 1}"

    def at(self, n: int) -> list[str]:
        """What goes before a command that is to run on a host."""
        return ["ip", "netns", "exec", self.name(n)]

    def do(self, n: int, work: Callable[[], T]) -> T:
        """Do something on a host, in a thread that is there."""
        with ThreadPoolExecutor(1) as there:
            there.submit(enter, self.name(n)).result()
            return there.submit(work).result()

    def cut(self, n: int, network: int = 0) -> None:
        """Pull the cable of a host, at the switch: the host's own end stays up."""
        self._in(self._switch, "link", "set", f"p{n}x{network}", "nomaster")

    def heal(self, n: int, network: int = 0) -> None:
        self._in(self._switch, "link", "set", f"p{n}x{network}", "master", f"br{network}")

    def slow(self, n: int, rate: str, network: int = 0) -> None:
        """Let no more through from and to a host; ``rate`` as ``tc`` says it: 64kbit."""
        shape = ("root", "tbf", "rate", rate, "burst", "4k", "latency", "500ms")
        for name, card in self._ends(n, network):
            self._shape(name, "replace", card, *shape)

    def quick(self, n: int, network: int = 0) -> None:
        """Let everything through again."""
        for name, card in self._ends(n, network):
            self._shape(name, "del", card, "root")

    def _ends(self, n: int, network: int) -> list[tuple[str, str]]:
        return [(self.name(n), f"eth{network}"), (self._switch, f"p{n}x{network}")]

    @staticmethod
    def _shape(name: str, do: str, card: str, *words: str) -> None:
        command = ["tc", "-n", name, "qdisc", do, "dev", card, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=10)

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
