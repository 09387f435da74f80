"""A disk with Debian on it and the program installed as a technician does, made once and kept.

Two steps, each kept in a cache by what it is made of: Debian with the parts that a gate needs, and
on it the wheel of this checkout with its dependencies, a user, an event and root's serial line.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.machine.architecture import AMD64, Architecture

ROOT = Path(__file__).parents[3]
BUILT = ROOT / "gate/_built.py"
"""What the checkout says of itself: building a wheel says something else there."""
SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
PARTS = (
    "systemd-sysv", "systemd-timesyncd", "udev", "dbus", "kmod",
    "initramfs-tools", "zstd", "python3", "python3-venv", "python3-evdev", "console-setup", "kbd",
    "sudo", "e2fsprogs", "libzbar0", "iproute2", "procps", "tzdata", "ca-certificates",
    "alsa-utils", "hostapd", "iw", "wpasupplicant",
)  # fmt: skip
"""What of Debian is on the disk; its python-evdev needs no compiler."""
EXTRAS = "gpio,fast"
"""What gates on Linux may install besides; ``usb`` is Debian's python-evdev."""
TOOLS = ("debootstrap", "mke2fs", "chroot")
SIZE_MB = 2600
GUESTS = 400
TOO_EARLY = range(GUESTS + 1, GUESTS + 9)
"""Guests of a ball that is years away."""
HOME = "/home/gate"
GATE = f"{HOME}/venue-gate/bin/gate"
DATA = f"{HOME}/event"
ANSWERS = f"{HOME}/north.toml"
IMPORTS = Path(__file__).with_name("import_all.py")
IMPORT_ALL = f"{HOME}/venue-gate/bin/python /opt/{IMPORTS.name}"
"""Says how much was installed and imported, or ends badly."""

PIP = (sys.executable, "-m", "pip", "--quiet")
VENV = f"python3 -m venv --system-site-packages {HOME}/venue-gate"

_STARTER = "from gate.__main__ import main\n\nraise SystemExit(main())\n"
_ANSWERS = """camera = "off"
scanner = "keyboard"
enrol = "no"
time_zone = "Europe/Berlin"
console_font = "10x20"
autostart = "tty1"
worker = "child"
write = true
"""
_TYPES = """id,kind,title,begin,end
gala,meeting,Winter Gala,2026-01-01 18:00,2036-01-01 03:00
ball,meeting,Summer Ball,2035-07-01 18:00,2036-07-01 03:00
"""
_WATCHER = '''#!/usr/bin/python3
"""Tell the other serial line what the first console shows, whenever that has changed."""
import json, time
last = ""
with open("/dev/PORT", "w") as line:
    while True:
        # The font may have come only now, and other columns with it (vcs(4)).
        columns = open("/dev/vcsa1", "rb").read(2)[1]
        cells = open("/dev/vcsu1", "rb").read().decode("utf-32-le", "replace")
        if cells != last:
            last = cells
            rows = [cells[i:i + columns].rstrip() for i in range(0, len(cells), columns)]
            line.write(json.dumps(rows) + "\\n")
            line.flush()
        time.sleep(0.2)
'''
GAP_S = 3.0
"""Keys that come so soon after others are a scanner's, and do nothing else."""
_SLOW = f"""[Service]
Environment=GATE_SCANNER_GAP_MS={GAP_S * 1000:.0f}
"""
"""By software the program is late for the keys by more than a scanner ever pauses."""
_WATCHER_UNIT = """[Unit]
Description=What the console shows, for the test that watches
[Service]
ExecStart=/usr/local/sbin/watch-screen
Restart=always
RestartSec=1
StandardOutput=null
[Install]
WantedBy=multi-user.target
"""
_SUDO = """gate ALL=(ALL) NOPASSWD: ALL
Defaults env_keep += SYSTEMD_OFFLINE
"""
_SHELL = """[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200 %I dumb
"""


class NoImage(Exception):
    """What the image is made of could not be fetched here."""


@dataclass(frozen=True)
class Image:
    """What QEMU starts."""

    disk: Path
    kernel: Path
    initrd: Path
    architecture: Architecture


def missing(architecture: Architecture = AMD64) -> str:
    """The parts of this host without which no image is made; empty: all are there."""
    lacking = [tool for tool in (*TOOLS, architecture.qemu) if shutil.which(tool) is None]
    lacking += [architecture.lacks] if architecture.lacks else []
    if os.geteuid() != 0:
        lacking.append("root")
    return ", ".join(lacking)


def make_image(wheelhouse: Path | None = None, architecture: Architecture = AMD64) -> Image:
    """The image, from the cache or made anew. Raises NoImage."""
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="venue-gate-", dir=cache) as room:
        work = Path(room)
        wheels = wheelhouse or _wheels(work / "wheels", architecture)
        disks, debian = f"disk-{architecture.debian}", f"debian-{architecture.debian}"
        disk = cache / f"{disks}-{_key(wheels, architecture)}.img"
        base = cache / f"{debian}-{_base_key(architecture)}"
        if not disk.exists():
            with _run_here(architecture):
                if not base.exists():
                    _make_base(work / "base", architecture)
                    (work / "base").rename(base)
                for old in cache.glob(f"{disks}-*.img"):
                    old.unlink()
                _install(base, wheels, work, architecture)
            (work / "disk.img").rename(disk)
    kernel, initrd = (next(base.glob(f"boot/{name}-*")) for name in ("vmlinuz", "initrd.img"))
    return Image(disk, kernel, initrd, architecture)


@contextmanager
def _run_here(architecture: Architecture) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(architecture.runs_here())
        except OSError as error:
            raise NoImage(f"{architecture.name} does not run here: {error}") from error
        yield


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "venue-gate/machine"


def _parts(architecture: Architecture) -> tuple[str, ...]:
    return (*PARTS, f"linux-image-{architecture.debian}")


def _base_key(architecture: Architecture) -> str:
    stated = " ".join((SUITE, *_parts(architecture), _initrd_modules()))
    return hashlib.sha256(stated.encode()).hexdigest()[:12]


def _key(wheels: Path, architecture: Architecture) -> str:
    """By this file, Debian's parts and every wheel: of ours the content, of others the name."""
    made_of = hashlib.sha256(_base_key(architecture).encode() + Path(__file__).read_bytes())
    made_of.update(IMPORTS.read_bytes())
    for wheel in sorted(wheels.glob("*.whl")):
        is_ours = wheel.name.startswith("venue_gate")
        made_of.update(wheel.read_bytes() if is_ours else wheel.name.encode())
    return made_of.hexdigest()[:12]


def _wheels(into: Path, architecture: Architecture) -> Path:
    """This checkout's wheel and all that it needs, for the Python of that Debian."""
    # Twice the same sources are the same wheel, whatever was committed.
    env = os.environ | {
        "SOURCE_DATE_EPOCH": "1767225600",
        "SETUPTOOLS_SCM_PRETEND_VERSION": "0.2.0.dev0",
    }
    of_checkout = BUILT.read_bytes()
    try:
        _run(*PIP, "wheel", "--no-deps", "-w", str(into), str(ROOT), env=env)
    finally:
        BUILT.write_bytes(of_checkout)
    (ours,) = into.glob("*.whl")
    _fetch(
        *PIP, "download", *_wheels_of(architecture),
        "-c", str(ROOT / "constraints.txt"), "-d", str(into), f"{ours}[{EXTRAS}]",
    )  # fmt: skip
    return into


def _wheels_of(architecture: Architecture) -> list[str]:
    """Pip's words for them."""
    platforms = [word for name in architecture.platforms for word in ("--platform", name)]
    return ["--only-binary=:all:", "--python-version", "3.11", *platforms]


def _initrd_modules() -> str:
    """Only what mounts the disk: by software every megabyte of it costs a tenth of a second."""
    return "virtio_pci\nvirtio_blk\next4\ncrc32c\n"


def _make_base(root: Path, architecture: Architecture) -> None:
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # There before the kernel is, so that no other initrd is made first.
    (root / "etc/initramfs-tools/conf.d").mkdir(parents=True)
    (root / "etc/initramfs-tools/conf.d/machine").write_text("MODULES=list\nBUSYBOX=n\n")
    (root / "etc/initramfs-tools/modules").write_text(_initrd_modules())
    parts = ",".join(_parts(architecture))
    _fetch("debootstrap", f"--arch={architecture.debian}", "--variant=minbase",
           f"--include={parts}", SUITE, str(root), MIRROR, env=env)  # fmt: skip
    # Debootstrap may leave them mounted where it may not unmount what it made.
    for name in ("proc", "sys"):
        if (root / name / "self").exists() or (root / name / "kernel").exists():
            _run("umount", str(root / name))


def _install(base: Path, wheels: Path, work: Path, architecture: Architecture) -> None:
    """The program on a copy of Debian, and both as a disk."""
    root = work / "root"
    _run("cp", "-a", "--reflink=auto", str(base), str(root))
    _in(root, "useradd -m -s /bin/bash -G sudo,video,audio gate && passwd -q -d root")
    shell = f"serial-getty@{architecture.shell}.service"
    for path, text in {
        "etc/sudoers.d/gate": _SUDO,
        "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n",
        "etc/hostname": "north\n",
        "etc/hosts": "127.0.0.1 localhost north\n",
        f"etc/systemd/system/{shell}.d/root.conf": _SHELL,
        "etc/systemd/system/venue-gate-lane.service.d/slow.conf": _SLOW,
        "etc/systemd/system/watch-screen.service": _WATCHER_UNIT,
        "usr/local/sbin/watch-screen": _WATCHER.replace("PORT", architecture.watch),
        f"{HOME[1:]}/types.csv": _TYPES,
        f"{HOME[1:]}/tickets.csv": _tickets(),
        ANSWERS[1:]: _ANSWERS,
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "usr/local/sbin/watch-screen").chmod(0o755)
    _in(root, f"systemctl enable -q watch-screen.service {shell}")
    # Who tries radios starts them; beside the other machines' boots they are in the way.
    _in(root, "systemctl disable -q hostapd.service wpa_supplicant.service")
    shutil.copy(IMPORTS, root / "opt")
    _in(root, f"chown -R gate:gate {HOME}")
    (_install_there if architecture.is_native else _install_from_here)(root, wheels, architecture)
    for command in (
        IMPORT_ALL,
        f"{GATE} --data-dir {DATA} import {HOME}/types.csv {HOME}/tickets.csv",
        f"{GATE} --data-dir {DATA} setup --answers {ANSWERS} --apply",
    ):
        _as_gate(root, command)
    for name in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / name, ignore_errors=True)
    disk = work / "disk.img"
    _run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,root_owner=0:0", "-L", "gate",
         "-d", str(root), str(disk), f"{SIZE_MB}M")  # fmt: skip
    shutil.rmtree(root)


def _install_there(root: Path, wheels: Path, _architecture: Architecture) -> None:
    """As a technician does it."""
    shutil.copytree(wheels, root / "opt/wheels")
    _as_gate(root, VENV)
    pip = f"{HOME}/venue-gate/bin/pip install -q --no-index --find-links /opt/wheels"
    _as_gate(root, f"{pip} venue-gate[{EXTRAS}]")
    shutil.rmtree(root / "opt/wheels")


def _install_from_here(root: Path, wheels: Path, architecture: Architecture) -> None:
    """The same wheels, put there by this host's pip: by one that is emulated it takes too long."""
    _as_gate(root, f"{VENV} --without-pip")
    venv = root / HOME[1:] / "venue-gate"
    (packages,) = venv.glob("lib/python3*/site-packages")
    _run(*PIP, "install", "--no-index", "--find-links", str(wheels), "--target", str(packages),
         *_wheels_of(architecture), f"venue-gate[{EXTRAS}]")  # fmt: skip
    gate = root / GATE[1:]
    gate.write_text(f"#!{HOME}/venue-gate/bin/python\n{_STARTER}")
    gate.chmod(0o755)
    _in(root, f"chown -R gate:gate {HOME}")


def _as_gate(root: Path, command: str) -> None:
    _in(root, f"su - gate -c 'SYSTEMD_OFFLINE=1 {command}'")


def code_of(number: int) -> str:
    """The code of one guest."""
    return f"K7QX-{number:04d}"


def guest(number: int) -> str:
    """The name of one guest."""
    return f"Guest {number:04d}"


def _tickets() -> str:
    types = dict.fromkeys(range(1, GUESTS + 1), "gala") | dict.fromkeys(TOO_EARLY, "ball")
    rows = (f"{code_of(n)},{kind},{guest(n)}" for n, kind in types.items())
    return "\n".join(("code,type,holder", *rows, ""))


def _in(root: Path, command: str) -> None:
    _run("chroot", str(root), "sh", "-ec", command)


def _fetch(*command: str, env: dict[str, str] | None = None) -> None:
    try:
        _run(*command, env=env)
    except AssertionError as error:
        raise NoImage(str(error)) from error


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
