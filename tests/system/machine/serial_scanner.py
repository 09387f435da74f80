"""A scanner with a virtual serial port: QEMU's, which Linux drives by ``ftdi_sio``."""

import contextlib
import socket

from tests.system.machine.emulator import Pc, connected, until


class SerialScanner:
    """One scanner, in the machine or pulled out."""

    def __init__(self, pc: Pc, name: str, serial: str) -> None:
        """``serial`` is the number by which it names itself."""
        self._pc, self._name, self._serial = pc, name, serial
        self._line: socket.socket

    def plug_in(self) -> None:
        """Plug it in."""
        path = self._pc.folder / self._name
        path.unlink(missing_ok=True)
        address = {"type": "unix", "data": {"path": str(path)}}
        port = {"type": "socket", "data": {"addr": address, "server": True, "wait": False}}
        self._pc.qmp("chardev-add", id=self._name, backend=port)
        self._line = connected(path)
        self._pc.plug(
            "usb-serial", self._name, bus="usb.0", chardev=self._name, serial=self._serial
        )

    def send(self, data: bytes) -> None:
        """What it reads, as it sends it."""
        self._line.sendall(data)

    def pull_out(self) -> None:
        """Pull it out, whatever it is sending."""
        # QEMU takes it off the bus as its line ends; one in the midst of a transfer may end QEMU.
        self._line.close()
        self._pc.unplug(self._name)
        until(self._is_free, 60.0, f"{self._name} pulled out")

    def _is_free(self) -> bool:
        with contextlib.suppress(AssertionError):
            self._pc.qmp("chardev-remove", id=self._name)
            return True
        return False
