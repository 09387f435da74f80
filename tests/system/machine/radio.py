"""Two gates in a machine, each a host of its own with a radio, and the access point between them.

Radios are Linux's ``mac80211_hwsim``: the kernel's own mac80211 sends them 802.11 frames, on an air
that loses nothing. WPA2 is by Debian's hostapd and wpa_supplicant.
"""

import json
import shlex
import time
from dataclasses import dataclass

from tests.system.machine.emulator import until
from tests.system.machine.image import GATE, HOME
from tests.system.machine.technician import Technician
from tests.system.machine.watched_screen import LONG_S

ACCESS_POINT = "access-point"
_AIR = "hwsim0"
"""Where the kernel shows every frame that is sent, with a radiotap header before it."""
_ACCESS_POINT = (
    "interface=wlan0", "ssid=Venue", "hw_mode=g", "channel=6", "wpa=2", "wpa_key_mgmt=WPA-PSK",
    "rsn_pairwise=CCMP", "wpa_passphrase=venuegate",
)  # fmt: skip
_STATION = ("network={", 'ssid="Venue"', 'psk="venuegate"', "}")
_DOZES = """
import collections, socket, struct, sys, time
line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
line.bind(("hwsim0", 0))
line.settimeout(0.2)
dozes, end = collections.Counter(), time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    try:
        frame = line.recv(4096)
    except TimeoutError:
        continue
    sent = frame[struct.unpack_from("<H", frame, 2)[0]:]
    if sent[:1] in (b"\\x48", b"\\xc8") and sent[1] & 0x10:
        dozes[sent[10:16].hex(":")] += 1
print(*(f"{who}={count}" for who, count in dozes.items()))
"""
"""Counts null frames with the bit for power management (IEEE 802.11, 9.2.4.1.7), by sender."""


class Air:
    """The access point, and all that is sent."""

    def __init__(self, technician: Technician) -> None:
        """Three radios come; the first is the access point's."""
        self._run = technician.run
        self._run(f"modprobe mac80211_hwsim radios=3; ip link set {_AIR} up")
        for name, lines in (("access-point", _ACCESS_POINT), ("station", _STATION)):
            self._run(f"printf '%s\\n' {shlex.join(lines)} > /root/{name}")
        self._run(f"cat > /root/dozes.py << 'END'{_DOZES}END")
        self._run("ip addr add 10.9.0.1/24 dev wlan0")
        self.begin()

    def begin(self) -> None:
        """Switch the access point on."""
        self._run(f"systemd-run -q --unit={ACCESS_POINT} hostapd /root/access-point")

    def end(self) -> None:
        """Cut its power: it says good-bye to nobody."""
        self._run(f"systemctl kill -s KILL {ACCESS_POINT}; systemctl reset-failed {ACCESS_POINT}")

    def dozes(self, seconds: int) -> dict[str, int]:
        """How often each radio tells meanwhile that it goes to sleep, by its address."""
        told = self._run(f"python3 /root/dozes.py {seconds}").split()
        return {who: int(count) for who, _equals, count in (one.partition("=") for one in told)}


@dataclass(frozen=True)
class RadioGate:
    """One gate of the venue, in a network namespace that has nothing but its radio."""

    technician: Technician
    name: str
    number: int
    """Of its radio."""

    @property
    def folder(self) -> str:
        """Its data folder."""
        return f"{HOME}/{self.name}"

    @property
    def card(self) -> str:
        """Its interface."""
        return f"wlan{self.number}"

    @property
    def radio(self) -> str:
        """Its radio's address."""
        return f"02:00:00:00:{self.number:02x}:00"

    @property
    def is_on_air(self) -> bool:
        """Whether its radio is with the access point."""
        return "Connected to" in self.here(f"iw dev {self.card} link")

    @property
    def hears(self) -> int:
        """How many gates it hears, by its sync worker's word."""
        told = self.technician.run(f"cat {self.folder}/sync.json", is_well=False)
        found = told[told.find("{") :].strip()
        return int(json.loads(found)["connected_peers"]) if found.startswith("{") else 0

    def set_up(self) -> None:
        """Make its host, with a radio that sleeps whenever it may."""
        run, name, card = self.technician.run, self.name, self.card
        run(f"ip netns add {name}; iw phy phy{self.number} set netns name {name}")
        run(f"ip -n {name} link set lo up")
        self.move(f"10.9.0.{self.number + 1}")
        self._start("station", f"wpa_supplicant -Dnl80211 -i{card} -c/root/station")
        until(lambda: self.is_on_air, LONG_S, f"{name} on the air", every_s=1.0)
        self.here(f"iw dev {card} set power_save on")
        assert "Power save: on" in self.here(f"iw dev {card} get power_save")

    def move(self, address: str) -> None:
        """Give it another address."""
        self.technician.run(
            f"ip -n {self.name} addr flush dev {self.card};"
            f" ip -n {self.name} addr add {address}/24 dev {self.card}"
        )

    def here(self, command: str) -> str:
        """What a command prints on its host."""
        return self.technician.run(f"ip netns exec {self.name} {command}")

    def gate(self, words: str) -> str:
        """What ``gate`` prints on its host."""
        return self.here(f"su gate -c '{GATE} {words} --data-dir {self.folder}'")

    def invite(self, name: str) -> str:
        """The file in which a link for another gate is, for as long as nobody took it."""
        told, link = "/run/invite.out", f"/run/{name}.link"
        self._start("invite", f"{GATE} venue invite {name.title()} --data-dir {self.folder}",
                    "-p User=gate", f"-p StandardOutput=file:{told}")  # fmt: skip
        self.technician.run(
            f"for n in $(seq 300); do grep VENUEGATE {told} > {link} && break; sleep 1; done;"
            f" chmod 644 {link}; test -s {link}"
        )
        return link

    def open(self) -> None:
        """Begin its lane, which reads codes from a pipe and prints its verdicts."""
        pipe, lane = f"/run/{self.name}.in", f"{GATE} scan --plain --camera off"
        # This shell keeps the pipe open: its end would be the lane's.
        self.technician.run(f"mkfifo -m 644 {pipe}; exec {self.number + 4}<>{pipe}")
        self._start("lane", f"{lane} --gate {self.name.title()} --data-dir {self.folder}",
                    "-p User=gate", f"-p StandardInput=file:{pipe}",
                    f"-p StandardOutput=file:/run/{self.name}.out")  # fmt: skip

    def scan(self, code: str) -> str:
        """The line of its verdict."""
        before = len(self._verdicts())
        self.technician.run(f"echo {code} > /run/{self.name}.in")
        until(lambda: len(self._verdicts()) > before, LONG_S, f"a verdict on {code}", every_s=0.5)
        return self._verdicts()[before]

    def status(self) -> str:
        """What ``gate sync status`` tells."""
        return self.gate("sync status")

    def _verdicts(self) -> list[str]:
        told = self.technician.run(f"cat /run/{self.name}.out", is_well=False)
        return [line for line in told.splitlines() if " | " in line]

    def _start(self, what: str, command: str, *properties: str) -> None:
        self.technician.run(
            f"systemd-run -q --unit={what}-{self.name}"
            f" -p NetworkNamespacePath=/run/netns/{self.name} {' '.join(properties)} {command}"
        )


def wait_until_heard(*gates: RadioGate, count: int) -> float:
    """Until each hears so many others; the seconds that took."""
    began = time.monotonic()
    names = " and ".join(gate.name for gate in gates)
    until(lambda: all(gate.hears == count for gate in gates), LONG_S, f"{count} heard at {names}",
          every_s=0.3)  # fmt: skip
    return time.monotonic() - began
