"""Is this machine ready for the doors? Each check says what it found and what to do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gate.capture.glimpse import Furniture
from gate.clock import Clock
from gate.config import Config
from gate.errors import GateError
from gate.i18n import _
from gate.output.turnstile import Turnstile
from gate.reports.checks import clocks, data_folder, machine, network, output, settings, sound
from gate.reports.checks.finding import Finding, Status
from gate.storage import lane_status
from gate.storage.connectivity import ConnectivityReader
from gate.storage.folder import Folder
from gate.storage.gate_lists import GateList, beside, list_of
from gate.storage.lane_status import LaneStatus
from gate.text.lane_words import list_line
from gate.text.view_words import furniture_words
from gate.text.zones import zone_of


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    detail: str
    hint: str = ""


def examine(
    config: Config, folder: Folder, clock: Clock, *, camera: bool = True
) -> Iterator[Check]:
    """Look at everything the lane needs, one after the other. A check that fails is a finding.

    Camera and turnstile may be left out while somebody else has them open.
    """
    own = list_of(folder)
    connectivity = ConnectivityReader(folder, config.sync.heard_within_s).read(clock.read())
    upstream = connectivity.sync_status.upstream
    lane = lane_status.read(folder, clock.read())
    checks: list[tuple[str, Callable[[], Finding]]] = [
        (_("program"), machine.program),
        *([(_("list"), lambda: Finding(Status.OK, list_line(own)))] if own else []),
        (_("data folder"), lambda: data_folder.data_folder(folder)),
        (_("disk sync"), lambda: data_folder.disk_sync(folder)),
        (_("tickets"), lambda: data_folder.ticket_list(folder, clock, zone_of(config, folder))),
        (_("journal"), lambda: data_folder.own_journal(folder)),
        (_("other devices"), lambda: network.other_devices(folder)),
        (_("damage"), lambda: data_folder.damaged_files(folder, clock, zone_of(config, folder))),
        (_("server"), lambda: network.server(config, folder, clock)),
        *([(_("upstream"), lambda: network.upstream(upstream, connectivity))] if upstream else []),
        (_("retention"), lambda: data_folder.retention(config, folder, clock)),
        (_("clock"), lambda: clocks.device_clock(folder, clock, zone_of(config, folder))),
        (_("time zone"), lambda: clocks.time_zone(config, folder, clock)),
        (_("settings"), lambda: settings.settings(config, folder)),
        (_("operators"), lambda: data_folder.operators(folder)),
        (_("decoders"), machine.decoders),
        *([(_("camera"), lambda: machine.camera(config))] if camera else []),
        (_("USB scanner"), lambda: machine.usb_scanner(config)),
        (_("serial scanner"), lambda: machine.serial_scanner(config)),
        *([(_("turnstile"), lambda: _turnstile(config, lane))] if camera else []),
        (_("sound"), lambda: sound.sound(config, lane.sound)),
        (_("power"), machine.power),
        (_("terminal"), machine.terminal),
        *((_("list {list}").format(list=list_line(one)), _standing(one, config, clock))
          for one in beside(folder)),
    ]  # fmt: skip
    for name, check in checks:
        try:
            found = check()
        except GateError as fault:
            found = Finding(Status.FAIL, fault.message, fault.hint)
        except OSError as error:
            found = Finding(Status.FAIL, str(error))
        yield Check(name, found.status, found.detail, found.hint)


def _standing(one: GateList, config: Config, clock: Clock) -> Callable[[], Finding]:
    """How another list of this gate is: it is kept up to date while it is not scanned."""
    return lambda: network.other_list(one, config, clock)


def _turnstile(config: Config, lane: LaneStatus) -> Finding:
    """An open lane has it to itself, and knows how it is."""
    return output.turnstile_at_lane(lane) if lane.turnstile else output.turnstile(config)


def turnstile_at_work(turnstile: Turnstile | None) -> Iterator[Check]:
    """How what opens is that the lane has to itself."""
    if turnstile is not None:
        words = _("opened {n} times").format(n=turnstile.opened)
        if turnstile.not_passed:
            not_passed = _("{n} did not go through").format(n=turnstile.not_passed)
            words = f"{words}, {not_passed}"
        found = output.passage(words, turnstile.not_passed_in_row)
        if turnstile.trouble:
            found = Finding(Status.FAIL, turnstile.trouble)
        yield Check(_("turnstile"), found.status, found.detail, found.hint)


def codes_in_view(furniture: Sequence[Furniture]) -> Iterator[Check]:
    """Unknown codes that lie in the lane's picture and are no longer answered."""
    for one in furniture:
        yield Check(
            _("in view"),
            Status.WARN,
            furniture_words(one.text, one.symbology, one.spot.across),
            _("Cover it, or turn the camera."),
        )
