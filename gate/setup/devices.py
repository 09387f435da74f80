"""The camera and the scanner: both tried, and the scanner's device readable by the gate's user."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

from gate.capture.evdev import AUTO, SCANNER_WORDS, keyboards
from gate.config import Config
from gate.errors import UsageError
from gate.i18n import _
from gate.reports.checks import machine as machine_checks
from gate.reports.checks.finding import Finding, Status
from gate.setup.answers import Answers
from gate.setup.changes import HEAD, NOTHING, Change, file
from gate.setup.configuration import OFF, configured, is_kept
from gate.setup.conversation import Conversation
from gate.setup.machine import Machine
from gate.setup.step import Site

RULE = ("etc", "udev", "rules.d", "70-venue-gate.rules")
_BY_ID = ("dev", "input", "by-id")
_RELOAD = (
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger", "--subsystem-match=input", "--action=change"),
)
_KEYBOARD = "keyboard"


class CameraStep:
    """Which camera there is, and whether it shows something."""

    def __init__(
        self,
        site: Site,
        try_it: Callable[[Config], Finding] = machine_checks.camera,
    ) -> None:
        self._site, self._try = site, try_it

    @property
    def name(self) -> str:
        """What it is called."""
        return _("camera")

    def look(self) -> Finding:
        """Whether the configured one works."""
        return self._try(self._site.config)

    def ask(self, talk: Conversation) -> Finding | None:
        """Which one; another one than was looked at is tried."""
        usual = self._site.config.camera.device
        question = _("Which camera")
        device = talk.ask(
            "camera", question, usual, fits=_is_device, like="auto, off, 0, /dev/v4l/by-id/…"
        )
        if device == usual:
            return None
        return self._try(configured(self._site.config, talk.answers))

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """Nothing of its own: the configuration names it."""
        return ()


class ScannerStep:
    """What the scanner is, and whether it types what it reads."""

    def __init__(self, site: Site, try_it: Callable[[Config], bool]) -> None:
        """``try_it`` has a person scan the test code, and says whether the scanner is fit."""
        self._site, self._try = site, try_it

    @property
    def name(self) -> str:
        """What it is called."""
        return _("scanner")

    def look(self) -> Finding:
        """Which scanners say so by their names."""
        found = ", ".join(scanners(self._site.machine))
        return Finding(Status.OK, found or _("none that says so by its name"))

    def ask(self, talk: Conversation) -> Finding | None:
        """Where its codes come from; a person tries it."""
        device = talk.ask(
            "scanner",
            _("The scanner: it types, there is none, or it is kept to the gate alone"),
            self._site.config.scanner.evdev or _KEYBOARD,
            fits=lambda text: text in (OFF, _KEYBOARD) or is_kept(text),
            like=f"{_KEYBOARD}, {OFF}, {AUTO}, /dev/input/by-id/…",
        )
        if device == OFF:
            return Finding(Status.SKIP, _("no scanner"))
        if is_kept(device) and importlib.util.find_spec("evdev") is None:
            raise UsageError(
                _("python-evdev is not installed"), _("Install it: pip install 'venue-gate[usb]'")
            )
        is_likely = is_kept(device) or bool(scanners(self._site.machine))
        if talk.has_person and talk.ask_yes(
            "try_scanner", _("Try it now?"), default=is_likely, is_kept=False
        ):
            is_fit = self._try(configured(self._site.config, talk.answers))
            return Finding(Status.OK if is_fit else Status.FAIL, _("scanner tested"))
        return None

    def plan(self, answers: Answers) -> tuple[Change, ...]:
        """The rule that lets the lane's user read the scanner's device."""
        if answers.scanner is None:
            return ()
        machine = self._site.machine
        place = machine.path(*RULE)
        if answers.scanner == AUTO:
            return (file(place, names_rule(machine.user), *_RELOAD),)
        if not _is_input(answers.scanner):
            return (Change(place, NOTHING, _RELOAD),)
        rule = input_rule(machine.user, *read_make(machine, answers.scanner))
        return (file(place, rule, *_RELOAD),)


def scanners(machine: Machine) -> list[str]:
    """The devices that say by their names that they scan, as the machine names them."""
    found = keyboards(machine.path(*_BY_ID))
    return [f"/{Path(path).relative_to(machine.root)}" for path in found]


def read_make(machine: Machine, device: str) -> tuple[str, str]:
    """Vendor and product of an input device, four hex digits each. Raises UsageError."""
    event = machine.path(device.removeprefix("/")).resolve().name
    numbers = machine.path("sys", "class", "input", event, "device", "id")
    try:
        vendor, product = ((numbers / name).read_text("ascii").strip() for name in
                           ("vendor", "product"))  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            _("{device} is not there").format(device=device), _("Plug it in: gate setup")
        ) from error
    if not all(re.fullmatch(r"[0-9a-f]{4}", number) for number in (vendor, product)):
        raise UsageError(_("{device} does not tell its make").format(device=device))
    return vendor, product


def input_rule(user: str, vendor: str, product: str) -> str:
    """The udev rule that gives a make of scanner to one user; the group stays as it is."""
    return (
        f'{HEAD}SUBSYSTEM=="input", KERNEL=="event*", ATTRS{{id/vendor}}=="{vendor}", '
        f'ATTRS{{id/product}}=="{product}", OWNER="{user}", MODE="0660"\n'
    )


def names_rule(user: str) -> str:
    """The udev rule that gives one user whatever says that it scans, as the lane looks for it."""
    words = (f"*{''.join(f'[{c}{c.upper()}]' for c in word)}*" for word in SCANNER_WORDS)
    pattern = "|".join(words)
    return HEAD + "".join(
        f'SUBSYSTEM=="input", KERNEL=="event*", ATTRS{{{name}}}=="{pattern}", '
        f'OWNER="{user}", MODE="0660"\n'
        for name in ("name", "uniq")
    )


def _is_device(text: str) -> bool:
    return text in ("auto", OFF) or text.isdecimal() or text.startswith("/dev/")


def _is_input(text: str) -> bool:
    return text.startswith("/dev/input/")
