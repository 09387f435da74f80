"""The venue's devices: a table, and all that is known of the chosen one."""

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable

from gate.core.health import worries
from gate.core.origins import OriginCounts
from gate.errors import GateError
from gate.i18n import _
from gate.reports.venue_board import VenueBoard
from gate.storage.figures import origin_counts
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device
from gate.text.connectivity_words import server_link
from gate.text.fleet_words import (
    device_name,
    device_state,
    last_heard,
    number,
    offset,
    origin_line,
    retired,
)
from gate.text.health_words import health_line, worry_words
from gate.text.printable import printable
from gate.text.settings_words import gate_lines
from gate.ui.tui.evidence import Evidence
from gate.ui.tui.screens.page import gate_app
from gate.ui.tui.tables import fill

WIDE = 120
"""From so many columns on, the table says all; below it, the lines under it do."""
ORIGINS_SHOWN = 3
"""Starts of a device of which a screen has room; the report has all."""


class Devices(Vertical):
    """Who is at work, and whether they are as they should be."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002  Textual's name for it
        super().__init__(id=id)
        self._board: VenueBoard | None = None
        self._origins: tuple[str, list[OriginCounts]] = ("", [])
        """The device that was chosen, and what it has done."""

    def compose(self) -> ComposeResult:
        """The table, and the lines on the chosen one."""
        yield DataTable(id="device-table", cursor_type="row", zebra_stripes=True)
        yield Evidence(id="device", classes="-filled")

    def on_mount(self) -> None:
        """Make the columns."""
        self._table.add_columns(
            _("device"), _("lane"), _("last heard"), _("unsent"), _("admitted"), _("15 min"),
            _("clock"),
        )  # fmt: skip
        if self.app.size.width >= WIDE:
            self._table.add_columns(_("version"), _("gate"), _("to look at"))

    def show(self, board: VenueBoard) -> None:
        """Show what was found now."""
        self._board = board
        columns = len(self._table.columns)
        fill(self._table, [self._row(device)[:columns] for device in board.devices])
        self._describe_chosen()
        if self.display:
            self._read_origins()

    @property
    def chosen(self) -> Device | None:
        """The device under the cursor."""
        row, devices = self._table.cursor_row, self._board.devices if self._board else []
        return devices[row] if 0 <= row < len(devices) else None

    def on_data_table_row_highlighted(self) -> None:
        """Tell all that is known of the chosen device."""
        self._describe_chosen()
        self._read_origins()

    @property
    def _table(self) -> "DataTable[str]":
        return self.query_one(DataTable)

    def _row(self, device: Device) -> tuple[object, ...]:
        app, report = gate_app(self), device.report
        is_odd = device.has_alarm or device.has_twin or device.is_flooding or worries(report.health)
        return (
            ("! " if is_odd else "") + device_name(device),
            device_state(device),
            last_heard(device, app.time_zone, app.lane.now_ms()),
            number(device.unacked),
            device.figures.admitted,
            device.figures.lately,
            offset(report.offset_ms, report.error_ms),
            printable(report.version.partition("+")[0], 16),
            printable(device.gate, 24),
            worry_words(report.health),
        )

    @work(thread=True, exclusive=True, group="origins", exit_on_error=False)
    def _read_origins(self) -> None:
        """Read what the chosen device has done, which may take a moment."""
        app, device = gate_app(self), self.chosen
        if device is None:
            return
        try:
            with Fleet(app.folder) as venue:
                origins = origin_counts(venue, device.id)
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        app.call_from_thread(self._show_origins, device.id, origins)

    def _show_origins(self, device: str, origins: list[OriginCounts]) -> None:
        self._origins = device, origins
        if self.is_attached:
            self._describe_chosen()

    def _describe_chosen(self) -> None:
        if (device := self.chosen) is not None:
            self.query_one(Evidence).show(self._lines(device))

    def _lines(self, device: Device) -> list[str]:
        app, figures, report = gate_app(self), device.figures, device.report
        clock = offset(report.offset_ms, report.error_ms)
        version = printable(report.version, 20)
        parts = [
            device.id,
            printable(device.gate, 24),
            _("version {version}").format(version=version) if version else "",
            _("clock {offset}").format(offset=clock) if clock else "",
            _("{n} quarantined").format(n=report.quarantined) if report.quarantined else "",
        ]
        numbers = _("admitted {admitted} · out {exited} · refused {refused}").format(
            admitted=figures.admitted, exited=figures.exited, refused=figures.refused
        )
        connectivity = self._board.connectivity if self._board else None
        if device.is_own and connectivity is not None and connectivity.is_enrolled:
            numbers += " · " + server_link(
                connectivity.sync_status, connectivity.boot_ms, app.lane.now_ms(), app.time_zone
            )
        lines = [" · ".join(part for part in parts if part), numbers]
        lines += [line] if (line := health_line(device.report.health)) else []
        lines += self._warnings(device)
        if device.is_own and app.settings is not None:
            lines += gate_lines(app.settings)
        of_device, origins = self._origins
        if of_device == device.id:
            odd_first = sorted(origins, key=lambda one: (not one.stands_out, -one.last_ms))
            lines += [origin_line(one, app.time_zone) for one in odd_first[:ORIGINS_SHOWN]]
        return lines

    def _warnings(self, device: Device) -> list[str]:
        lines = []
        if device.has_twin:
            lines.append(_("ALARM: another machine uses this gate's credential."))
        if device.has_alarm:
            lines.append(_("ALARM: it was cloned, restored from a backup or set back."))
        if who := retired(device, gate_app(self).time_zone):
            lines += [who, _("r: it is waited for again")]
        elif device.state == "open" and not device.is_own:
            lines.append(_("r: nobody waits for it any more"))
        if device.is_flooding:
            lines.append(_("ALARM: it tells far more than others do."))
        if device.is_disowned:
            lines.append(_("Disowned: what it did, or some of it, counts no more."))
        return lines
