"""The supervisor's screen: how many, how fast, who is at work, and who went in twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.coordinate import Coordinate
from textual.timer import Timer
from textual.widgets import ContentSwitcher, DataTable, Digits, Static

from gate.core.origins import OriginCounts
from gate.core.outcome import Reason
from gate.errors import GateError
from gate.i18n import _, ngettext
from gate.reports import report
from gate.storage.connectivity import Connectivity
from gate.storage.figures import origin_counts
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import Device, all_devices
from gate.storage.matters import Matter, matters
from gate.storage.nudge import try_now
from gate.text.connectivity_words import server_link
from gate.text.fleet_words import (
    device_name,
    device_state,
    gates,
    guest,
    last_heard,
    matter,
    number,
    offset,
    origin_line,
    retired,
    sides,
    what_next,
)
from gate.text.outcome_words import REASON_WORDS
from gate.text.printable import printable
from gate.text.times import clock_time
from gate.ui.tui.screens.asking import ask_supervisor
from gate.ui.tui.screens.claims import ask_to_confirm
from gate.ui.tui.screens.page import Page
from gate.ui.tui.screens.retiring import ask_to_retire

EVERY_S = 3.0
SIDES_SHOWN = 6
GUEST_SHOWN = 18
WIDE = 120
"""From so many columns on, the table of devices says all; below it, the line under it does."""
_FIGURES = ("inside", "admitted", "refused", "no_show", "expected")
ORIGINS_SHOWN = 3
"""Starts of a device of which a screen has room; the report has all."""
_SECTIONS = ("counts", "devices", "conflicts")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look at the stores has found."""

    standing: Connectivity
    numbers: report.Overview
    rates: report.Rates
    types: list[report.Line]
    reasons: list[report.Line]
    devices: list[Device]
    conflicts: list[Matter]
    """Tickets on which too many went in, or that were used though they were void."""

    @property
    def is_whole(self) -> bool:
        """Whether the figures are those of more than this lane."""
        return self.standing.is_enrolled or len(self.devices) > 1


class SupervisorScreen(Page):
    """Reads the stores every few seconds, beside the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "section('counts')"),
        Binding("2", "section('devices')"),
        Binding("3", "section('conflicts')"),
        Binding("r", "retire"),
        Binding("c", "confirm"),
        Binding("t", "try_now"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._seen: _Seen | None = None
        self._next: Timer | None = None
        self._origins: tuple[str, list[OriginCounts]] = ("", [])
        """The device that was chosen, and what it has done."""

    def hints(self) -> list[tuple[str, str]]:
        """This page's own keys."""
        return [
            ("1 2 3", _("counts, devices, conflicts")),
            ("↑↓", _("choose")),
            ("Enter", _("settle a conflict")),
            ("r", _("retire a device")),
            ("c", _("confirm an undo")),
            ("t", _("try the server now")),
        ]

    def content(self) -> ComposeResult:
        """Figures above; below them counts, devices or conflicts."""
        titles = {
            "inside": _("inside now"),
            "admitted": _("admitted"),
            "refused": _("refused"),
            "no_show": _("no-show"),
            "expected": _("expected"),
        }
        with Horizontal(classes="figures"):
            for name in _FIGURES:
                with Vertical(classes="figure"):
                    yield Digits("-", id=name)
                    yield Static(titles[name], id=f"{name}-label", classes="label", markup=False)
        yield Static("", id="rates", markup=False)
        yield Static("", id="sections", markup=False)
        with ContentSwitcher(initial="on-counts"):
            with Horizontal(id="on-counts"):
                yield DataTable(id="types", cursor_type="none", zebra_stripes=True)
                yield DataTable(id="reasons", cursor_type="none", zebra_stripes=True)
            with Vertical(id="on-devices"):
                yield DataTable(id="device-table", cursor_type="row", zebra_stripes=True)
                yield Static("", id="device", classes="evidence", markup=False)
            with Vertical(id="on-conflicts"):
                yield DataTable(id="conflict-table", cursor_type="row", zebra_stripes=True)
                yield Static("", id="sides", classes="evidence", markup=False)

    def on_mount(self) -> None:
        """Fill the tables and keep them true."""
        super().on_mount()
        self.query_one("#types", DataTable).add_columns(_("ticket type"), _("in"), _("out"))
        self.query_one("#reasons", DataTable).add_columns(_("refused for"), _("times"))
        devices = self.query_one("#device-table", DataTable)
        devices.add_columns(
            _("device"), _("lane"), _("last heard"), _("unsent"), _("admitted"), _("15 min"),
            _("clock"),
        )  # fmt: skip
        if self.app.size.width >= WIDE:
            devices.add_columns(_("version"), _("gate"))
        self.query_one("#conflict-table", DataTable).add_columns(
            _("ticket"), _("guest"), _("what"), _("gates"), _("last in"), _("settled")
        )
        self._tell_sections()
        self._read()

    def action_section(self, name: str) -> None:
        """Show counts, devices or conflicts."""
        self.query_one(ContentSwitcher).current = f"on-{name}"
        tables = {"devices": "#device-table", "conflicts": "#conflict-table"}
        if name in tables:
            self.query_one(tables[name], DataTable).focus()
        else:
            self.set_focus(None)
        self._tell_sections()

    def action_try_now(self) -> None:
        """Have the sync worker try the server at once, whatever it waits for."""
        try:
            try_now(self.gate_app.folder)
        except GateError as fault:
            self.gate_app.complain(fault)
            return
        self.notify(_("The sync worker tries now."), markup=False)

    def action_retire(self) -> None:
        """Have nobody wait for the chosen device, or take that back: who, and why."""
        row = self.query_one("#device-table", DataTable).cursor_row
        devices = self._seen.devices if self._seen else []
        if self.query_one(ContentSwitcher).current != "on-devices" or not 0 <= row < len(devices):
            return
        ask_to_retire(self, devices[row], self._read)

    def action_confirm(self) -> None:
        """Confirm another gate's undo of what this one did: who, and why."""
        row = self.query_one("#conflict-table", DataTable).cursor_row
        found = self._seen.conflicts if self._seen else []
        if self.query_one(ContentSwitcher).current == "on-conflicts" and 0 <= row < len(found):
            ask_to_confirm(self, found[row], self._read)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Tell all that is known of the chosen device or conflict."""
        self._tell_chosen(event.data_table, event.cursor_row)
        if event.data_table.id == "device-table":
            self._read_origins()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Settle the chosen conflict: who, and why."""
        conflicts = self._seen.conflicts if self._seen else []
        if event.data_table.id != "conflict-table" or event.cursor_row >= len(conflicts):
            return
        chosen = conflicts[event.cursor_row]
        if not chosen.is_open:
            self.notify(what_next(chosen, self.gate_app.time_zone), markup=False)
            return

        title = _("Settle: {n} on ticket {ticket}").format(
            n=matter(chosen), ticket=printable(chosen.short, 30)
        )
        app = self.gate_app
        ask_supervisor(
            app,
            title,
            lambda who: app.lane.resolve(chosen.ticket, who.operator, who.note),
            lambda _done: self._read(),
        )

    @work(thread=True, exclusive=True, group="origins", exit_on_error=False)
    def _read_origins(self) -> None:
        """Read what the chosen device has done, which may take a moment."""
        app, device = self.gate_app, self._chosen_device()
        if device is None:
            return
        try:
            with Fleet(app.folder) as venue:
                found = device.id, origin_counts(venue, device.id)
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            return
        app.call_from_thread(self._show_origins, *found)

    def _show_origins(self, device: str, found: list[OriginCounts]) -> None:
        self._origins = device, found
        if self.is_attached:
            table = self.query_one("#device-table", DataTable)
            self._tell_chosen(table, table.cursor_row)

    def _chosen_device(self) -> Device | None:
        row = self.query_one("#device-table", DataTable).cursor_row
        devices = self._seen.devices if self._seen else []
        return devices[row] if 0 <= row < len(devices) else None

    @work(thread=True, exclusive=True, group="read", exit_on_error=False)
    def _read(self) -> None:
        app = self.gate_app
        try:
            seen = self._look()
        except GateError as fault:
            app.call_from_thread(app.complain, fault)
            app.call_from_thread(self._read_later)
            return
        app.call_from_thread(self._show, seen)

    def _look(self) -> _Seen:
        app, folder = self.gate_app, self.gate_app.folder
        standing, now_ms = app.lane.standing(), app.lane.now_ms()
        with Fleet(folder) as venue:
            devices = all_devices(venue, now_ms, standing)
            is_whole = standing.is_enrolled or len(devices) > 1
            return _Seen(
                standing=standing,
                numbers=report.venue_overview(folder, venue, now_ms)
                if is_whole
                else report.overview(folder),
                rates=report.rates(folder, now_ms, everywhere=is_whole),
                types=report.grouped(folder, "type", app.time_zone, everywhere=is_whole),
                reasons=report.grouped(folder, "reason", app.time_zone, everywhere=is_whole),
                devices=devices,
                conflicts=matters(folder, venue),
            )

    def _read_later(self) -> None:
        # Not at an interval: a look that takes long must not be overtaken by the next.
        if self._next is not None:
            self._next.stop()
        self._next = self.set_timer(EVERY_S, self._read)

    def _show(self, seen: _Seen) -> None:
        if not self.is_attached:
            return
        self._seen = seen
        for name in _FIGURES:
            self.query_one(f"#{name}", Digits).update(str(getattr(seen.numbers, name)))
        inside = _("inside, at least") if seen.is_whole else _("inside now")
        self.query_one("#inside-label", Static).update(inside)
        self.query_one("#rates", Static).update(self._rates(seen))
        _fill(
            self.query_one("#types", DataTable),
            [(printable(line.name, 40), line.admitted, line.exited) for line in seen.types],
        )
        refused = sorted(
            (line for line in seen.reasons if line.refused), key=lambda line: -line.refused
        )
        _fill(
            self.query_one("#reasons", DataTable),
            [(_reason(line.name), line.refused) for line in refused],
        )
        zone, now_ms = self.gate_app.time_zone, self.gate_app.lane.now_ms()
        _fill(
            self.query_one("#device-table", DataTable),
            [
                (
                    ("! " if d.has_alarm or d.has_twin or d.tells_too_much else "")
                    + device_name(d),
                    device_state(d),
                    last_heard(d, zone, now_ms), number(d.unacked), d.figures.admitted,
                    d.figures.lately, offset(d.ahead_ms, d.error_ms), printable(d.version, 12),
                    printable(d.gate, 24),
                )[: len(self.query_one("#device-table", DataTable).columns)]
                for d in seen.devices
            ],
        )  # fmt: skip
        names = self.gate_app.config.screen.show_names
        _fill(
            self.query_one("#conflict-table", DataTable),
            [
                (
                    printable(c.short, 40), printable(guest(c, show_names=names), GUEST_SHOWN),
                    matter(c), gates(c),
                    clock_time(c.admissions[-1].at_ms, zone, near_ms=now_ms),
                    _("OPEN") if c.is_open else _("yes") if c.resolution else "-",
                )
                for c in seen.conflicts
            ],
        )  # fmt: skip
        self._tell_sections()
        if self.query_one(ContentSwitcher).current == "on-devices":
            self._read_origins()
        for table in ("#device-table", "#conflict-table"):
            self._tell_chosen(one := self.query_one(table, DataTable), one.cursor_row)
        self._read_later()

    def _rates(self, seen: _Seen) -> str:
        app, rates = self.gate_app, seen.rates
        told = _("people in: {minute} this minute, {quarter} in 15 min, at most {peak}").format(
            minute=rates.last_minute, quarter=rates.last_quarter, peak=rates.peak_quarter
        )
        if rates.peak_quarter:
            told += " " + _("(from {when})").format(
                when=clock_time(rates.peak_at_ms, app.time_zone)
            )
        return _("whole venue · {told}").format(told=told) if seen.is_whole else told

    def _tell_sections(self) -> None:
        seen = self._seen
        open_ones = sum(c.is_open for c in seen.conflicts) if seen else 0
        titles = {
            "counts": _("1 counts"),
            "devices": _("2 devices ({n})").format(n=len(seen.devices) if seen else 1),
            "conflicts": ngettext("3 conflicts ({n} open)", "3 conflicts ({n} open)", open_ones),
        }
        titles["conflicts"] = titles["conflicts"].format(n=open_ones)
        current = self.query_one(ContentSwitcher).current
        self.query_one("#sections", Static).update(
            "   ".join(
                ("▶ " if current == f"on-{name}" else "  ") + titles[name] for name in _SECTIONS
            )
        )

    def _tell_chosen(self, table: "DataTable[str]", row: int) -> None:
        seen = self._seen
        if seen is None:
            return
        if table.id == "device-table" and 0 <= row < len(seen.devices):
            self.query_one("#device", Static).update(self._device_lines(seen.devices[row]))
        if table.id == "conflict-table":
            chosen = seen.conflicts[row] if 0 <= row < len(seen.conflicts) else None
            self.query_one("#sides", Static).update(self._conflict_lines(chosen))

    def _device_lines(self, device: Device) -> str:
        app, figures = self.gate_app, device.figures
        parts = [
            device.id,
            printable(device.gate, 24),
            _("version {version}").format(version=printable(device.version, 20))
            if device.version
            else "",
            _("clock {offset}").format(offset=told)
            if (told := offset(device.ahead_ms, device.error_ms))
            else "",
            _("{n} quarantined").format(n=device.quarantined) if device.quarantined else "",
        ]
        lines = [
            " · ".join(part for part in parts if part),
            _("admitted {admitted} · out {exited} · refused {refused}").format(
                admitted=figures.admitted, exited=figures.exited, refused=figures.refused
            ),
        ]
        if device.is_own and self._seen and self._seen.standing.is_enrolled:
            standing = self._seen.standing
            lines[1] += " · " + server_link(
                standing.freshness, standing.boot_ms, app.lane.now_ms(), app.time_zone
            )
        if device.has_twin:
            lines.append(_("ALARM: another machine uses this gate's credential."))
        if device.has_alarm:
            lines.append(_("ALARM: it was cloned, restored from a backup or set back."))
        if told := retired(device, app.time_zone):
            lines += [told, _("r: it is waited for again")]
        elif device.state == "open" and not device.is_own:
            lines.append(_("r: nobody waits for it any more"))
        if device.has_alarm:
            lines.append(_("ALARM: it was cloned, restored from a backup or set back."))
        if device.tells_too_much:
            lines.append(_("ALARM: it tells far more than others do."))
        if device.is_disowned:
            lines.append(_("Disowned: what it did, or some of it, counts no more."))
        of_device, origins = self._origins
        if of_device == device.id:
            odd_first = sorted(origins, key=lambda one: (not one.stands_out, -one.last_ms))
            lines += [origin_line(one, app.time_zone) for one in odd_first[:ORIGINS_SHOWN]]
        return "\n".join(lines)

    def _conflict_lines(self, chosen: Matter | None) -> str:
        if chosen is None:
            return _("Nobody went in twice, as far as it was heard.")
        zone = self.gate_app.time_zone
        names = self.gate_app.config.screen.show_names
        whose = f"{guest(chosen, show_names=names)} [{printable(chosen.short, 40)}]"
        lines = sides(chosen, zone)
        if (more := len(lines) - SIDES_SHOWN) > 0:
            lines[SIDES_SHOWN:] = [ngettext("{n} more", "{n} more", more).format(n=more)]
        return "\n".join([whose, *lines, what_next(chosen, zone)])


def _reason(name: str) -> str:
    return _(REASON_WORDS[Reason(name)]) if name in set(Reason) else name


def _fill(table: "DataTable[str]", rows: "Sequence[tuple[object, ...]]") -> None:
    """Change what changed; a table that is refilled would flicker."""
    while table.row_count > len(rows):
        key, _column = table.coordinate_to_cell_key(Coordinate(table.row_count - 1, 0))
        table.remove_row(key)
    for number_, row in enumerate(rows):
        cells = [str(cell) for cell in row]
        if number_ >= table.row_count:
            table.add_row(*cells)
            continue
        for column, cell in enumerate(cells):
            place = Coordinate(number_, column)
            if table.get_cell_at(place) != cell:
                table.update_cell_at(place, cell, update_width=True)
