"""Whether this machine is ready: program, decoders, camera, scanner, power and terminal."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from gate import __version__
from gate.capture.camera import load_cv2
from gate.capture.decode import Decoder
from gate.capture.evdev import keyboards
from gate.capture.regions import Frame
from gate.capture.serial import AUTO, names, ports
from gate.capture.symbol_readers import backends
from gate.config import Config
from gate.core.symbologies import title
from gate.errors import InputError
from gate.i18n import _
from gate.lane.inputs import camera_source
from gate.reports.checks.finding import Finding, Status
from gate.storage.sqlite import SQLITE_FIXED, SQLITE_NEEDED, SQLITE_VERSION
from gate.text.scanner_words import off_words, parts_words

_CAMERA_S = 1.5


def program() -> Finding:
    """The versions, and whether SQLite's is new enough."""
    versions = f"venue-gate {__version__}, Python {sys.version.split()[0]}, "
    versions += f"SQLite {'.'.join(map(str, SQLITE_VERSION))}"
    if SQLITE_VERSION < SQLITE_NEEDED:
        return Finding(Status.FAIL, versions, _("SQLite is too old; 3.38 or later is needed."))
    if SQLITE_VERSION < SQLITE_FIXED:
        versions += _(" (before 3.51.3: one writer a file keeps clear of its known bug)")
    return Finding(Status.OK, versions)


def decoders() -> Finding:
    """Which decoders for pictures can be loaded."""
    found = backends()
    detail = ", ".join(f"{name} {version or '-'}" for name, version in found.items())
    if not any(found.values()):
        return Finding(Status.FAIL, detail, _("Install: pip install zxing-cpp"))
    if not found.get("pyzbar"):
        return Finding(Status.WARN, detail, _("For a second opinion: sudo apt install libzbar0"))
    return Finding(Status.OK, detail)


def camera(config: Config) -> Finding:
    """Whether it opens and shows something, and how quickly."""
    source = camera_source(config.camera)
    if source is None:
        return Finding(Status.SKIP, _("switched off"))
    try:
        cv2 = load_cv2()
        capture, _device = source.open()
    except InputError as fault:
        # A gate with a USB scanner only is a good gate.
        wanted = config.camera.device != "auto" or config.camera.file or config.camera.folder
        return Finding(Status.FAIL if wanted else Status.WARN, fault.message, fault.hint)
    frames, size, last = 0, "?", None
    started = time.monotonic()
    while time.monotonic() - started < _CAMERA_S:
        good, frame = capture.read()
        if not good or frame is None:
            break
        frames, last = frames + 1, frame
        size = f"{frame.shape[1]}x{frame.shape[0]}"
    seconds = time.monotonic() - started
    capture.release()
    detail = f"{source.name}: {size}, {frames / seconds:.0f} fps, OpenCV {cv2.__version__}"
    if last is None:
        return Finding(Status.FAIL, detail, _("It opens and shows nothing: is it in use?"))
    return Finding(Status.OK, detail, _in_sight(config, last))


def _in_sight(config: Config, frame: Frame) -> str:
    """Which codes are before the camera, if any, and which are not read here."""
    try:
        decoder = Decoder(config.camera.formats)
        kinds = {title(code.symbology) for code in decoder.read_fully(frame)}
    except InputError:
        # What is wrong with the decoders is a finding of its own.
        return ""
    read = [_("In sight and read: {kinds}.").format(kinds=", ".join(sorted(kinds)))]
    off = sorted({off_words(code.symbology) for code in decoder.others})
    parts = [parts_words(decoder.parts)] if decoder.parts else []
    return " ".join([*(read if kinds else ()), *off, *parts])


def usb_scanner(config: Config) -> Finding:
    """Which scanners name themselves, and whether the chosen one can be used."""
    found = list(keyboards())
    names = ", ".join(Path(path).name for path in found) or _("none that says so by its name")
    if config.scanner.evdev and config.scanner.evdev != "auto":
        if not Path(config.scanner.evdev).exists():
            return Finding(
                Status.FAIL,
                _("{device} is not there").format(device=config.scanner.evdev),
                _("Found: {found}").format(found=names),
            )
        readable = os.access(config.scanner.evdev, os.R_OK)
        hint = "" if readable else _("Who may use it: group input.")
        return Finding(Status.OK if readable else Status.FAIL, config.scanner.evdev, hint)
    return Finding(Status.OK, names, _("Any scanner that types works; it should send Enter."))


def serial_scanner(config: Config) -> Finding:
    """Which serial ports call themselves scanners, and whether the chosen ones are there."""
    seen = ports()
    found = ", ".join(port.device for port in seen if port.says_it_scans)
    wanted = names(config.scanner.serial)
    none = _("none that says so by its name")
    if not wanted:
        hint = _("Take it with: scanner.serial = auto") if found else ""
        return Finding(Status.WARN if found else Status.SKIP, found or none, hint)
    if AUTO in wanted:
        others = ", ".join(port.device for port in seen) or _("none")
        hint = "" if found else _("No port says that it scans; name one of: {ports}")
        status = Status.OK if found else Status.FAIL
        return Finding(status, found or none, hint.format(ports=others))
    known = {port.device for port in seen}
    missing = [name for name in wanted if name not in known and not Path(name).exists()]
    if missing:
        there = ", ".join(sorted(known)) or _("none")
        what = _("{device} is not there").format(device=", ".join(missing))
        return Finding(Status.FAIL, what, _("Found: {found}").format(found=there))
    closed = [name for name in wanted if Path(name).exists() and not os.access(name, os.R_OK)]
    hint = _("Who may use it: group dialout.") if closed else ""
    return Finding(Status.FAIL if closed else Status.OK, ", ".join(closed or wanted), hint)


def power() -> Finding:
    """Whether a Raspberry Pi has, and has had, enough voltage."""
    tool = shutil.which("vcgencmd")
    if tool is None:
        return Finding(Status.SKIP, _("not a Raspberry Pi"))
    ran = subprocess.run(  # noqa: S603  a fixed command without arguments from outside
        [tool, "get_throttled"], capture_output=True, text=True, check=False, timeout=5
    )
    try:
        bits = int(ran.stdout.strip().partition("=")[2], 16)
    except ValueError:
        return Finding(Status.SKIP, ran.stdout.strip())
    if bits & 0x1:
        return Finding(Status.FAIL, _("too little voltage now"), _("Use the official supply."))
    if bits & 0x10000:
        return Finding(Status.WARN, _("too little voltage since start"), _("Use a better supply."))
    return Finding(Status.OK, _("steady"))


def terminal() -> Finding:
    """Whether the screen has room on it."""
    if not sys.stdout.isatty():
        return Finding(Status.SKIP, _("standard output is no terminal"))
    columns, lines = shutil.get_terminal_size()
    detail = f"{os.environ.get('TERM', '?')}, {columns}x{lines}"
    if columns < 80 or lines < 24:
        return Finding(Status.WARN, detail, _("At least 80x24, or: gate scan --plain"))
    return Finding(Status.OK, detail)
