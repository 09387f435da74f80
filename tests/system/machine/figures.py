"""What a gate's work costs in instructions: a benchmark in a machine that counts them.

    python -m tests.system.machine.figures [aarch64|x86_64]

Runs ``benchmarks/bench_machine.py``. The machine's clock is the number of instructions executed, a
nanosecond each (QEMU's ``-icount``), so nothing that others do on this host is in the figures: a
millisecond of CPU is a million instructions. The machine starts a shell in the place of systemd,
and nothing else of it runs beside.
"""

import argparse
import os
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.system.machine.architecture import AMD64, ARM64, Architecture
from tests.system.machine.emulator import Pc
from tests.system.machine.image import HOME, ROOT, NoImage, make_image, missing
from tests.system.machine.volatile_disk import VolatileDisk

COUNTS = ("-icount", "shift=0,sleep=off", "-smp", "1")
SCRIPTS = ("bench_machine.py", "bench_start.py", "bench_verdict.py", "pi4.py")
FEW = "--rounds 1 --frames 6"
"""Instructions are the same each time, whatever else the host does."""
PATIENCE_S = 3600.0
END = "no more figures"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    known = {one.name: one for one in (ARM64, AMD64)}
    parser.add_argument("architecture", nargs="?", choices=known, default=ARM64.name)
    architecture = known[parser.parse_args().architecture]
    if lacking := missing(architecture):
        parser.error(f"a machine is made of {lacking}")
    try:
        print(figures(architecture))
    except NoImage as error:
        parser.error(str(error))
    return 0


def figures(architecture: Architecture) -> str:
    """What the benchmark prints in that machine. NoAnswer when it does not come to its end."""
    # Who counts instructions executes them one after the other.
    os.environ["GATE_TEST_MACHINE_ACCEL"] = "tcg,thread=single"
    image = make_image(architecture=architecture)
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        scripts = folder / "scripts.tar"
        with tarfile.open(scripts, "w") as tar:
            for name in SCRIPTS:
                tar.add(ROOT / "benchmarks" / name, f"benchmarks/{name}")
        disk = VolatileDisk(image.disk, folder, seed=1)
        pc = Pc(
            architecture, image.kernel, image.initrd, disk.socket, folder, *COUNTS,
            "-drive", f"file={scripts},format=raw,if=virtio,readonly=on",
            boot=f'init=/bin/sh -- -c "{_script(architecture)}"',
        )  # fmt: skip
        try:
            return pc.shell.wait(rf"(.*){END}", PATIENCE_S)[1].replace("\r", "")
        finally:
            pc.off()
            disk.close()


def _script(architecture: Architecture) -> str:
    commands = (
        f"exec </dev/{architecture.shell} >/dev/{architecture.shell} 2>&1",
        "export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8",
        "modprobe virtio_blk",
        "mkdir -p /dev/pts /tmp/figures",
        "mount -t devpts devpts /dev/pts",
        "mount -t tmpfs tmpfs /tmp",
        "tar -C /tmp -xf /dev/vdb",
        f"{HOME}/venue-gate/bin/python /tmp/benchmarks/bench_machine.py {FEW}",
        f"echo {END}",
        "sleep 1000",
    )
    return "; ".join(commands)


if __name__ == "__main__":
    sys.exit(main())
