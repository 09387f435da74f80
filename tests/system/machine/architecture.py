"""The processors that machines are emulated with, and running another one's programs here."""

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BINFMT = Path("/proc/sys/fs/binfmt_misc")
RULES = Path("/usr/lib/binfmt.d")


@dataclass(frozen=True)
class Architecture:
    """What differs between one processor's machine and another's."""

    name: str
    """As the kernel, wheels and QEMU have it."""
    debian: str
    machine: tuple[str, ...]
    """QEMU's words for board, processor and screen."""
    second_port: tuple[str, ...]
    """QEMU's words for another serial line, whose other end is ``port1``."""
    shell: str
    """The serial line with root's shell, as its kernel names it."""
    watch: str
    """The one that tells what the screen shows."""

    @property
    def qemu(self) -> str:
        """The program that is such a machine."""
        return f"qemu-system-{self.name}"

    @property
    def platforms(self) -> tuple[str, ...]:
        """Of the wheels that Debian 12 can load there."""
        libraries = ("_2_34", "_2_31", "_2_28", "_2_27", "_2_17", "2014")
        return tuple(f"manylinux{library}_{self.name}" for library in libraries)

    @property
    def is_native(self) -> bool:
        """Whether it is this host's own."""
        return self.name == platform.machine()

    @property
    def lacks(self) -> str:
        """What of this host keeps it from running such programs; empty: nothing."""
        if self.is_native or self._rule.exists():
            return ""
        return "qemu-user-static"

    @property
    def _rule(self) -> Path:
        return RULES / f"qemu-{self.name}.conf"

    @contextmanager
    def runs_here(self) -> Iterator[None]:
        """Its programs run on this host meanwhile. OSError where the kernel does not let us.

        By a rule of our own: with Debian's ``sudo`` would not become root, for want of its C.
        """
        if self.is_native:
            yield
            return
        if not (BINFMT / "register").exists():
            subprocess.run(
                ["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)],
                capture_output=True, check=False,
            )  # fmt: skip
        _name, _kind, *what, _flags = self._rule.read_text().strip().split(":")[1:]
        ours = f"venue-gate-{self.name}-{os.getpid()}"
        (BINFMT / "register").write_text(":".join(("", ours, "M", *what, "OPCF")))
        try:
            yield
        finally:
            (BINFMT / ours).write_text("-1")


AMD64 = Architecture(
    name="x86_64",
    debian="amd64",
    machine=("-cpu", "max", "-device", "VGA,id=vga,xres=800,yres=480,edid=on"),
    second_port=("-serial", "chardev:port1"),
    shell="ttyS0",
    watch="ttyS1",
)
ARM64 = Architecture(
    name="aarch64",
    debian="arm64",
    # A Raspberry Pi 4's processor.
    machine=(
        "-machine", "virt", "-cpu", "cortex-a72",
        "-device", "virtio-gpu-pci,id=vga,xres=800,yres=480",
    ),
    second_port=("-device", "pci-serial,chardev=port1"),
    shell="ttyAMA0",
    watch="ttyS0",
)  # fmt: skip
