"""The whole venue on paper: who counted what, who went in twice, and how old all that is.

It works with no network at all, from what was heard until then.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from gate.core.entry import Entry
from gate.core.history import Claimed, Conflict
from gate.core.hlc import Reading
from gate.core.irregular import Irregular
from gate.core.origins import OriginCounts
from gate.core.ticket import Ticket
from gate.i18n import _
from gate.reports.anomaly_list import AnomalyList, as_lines, as_value
from gate.reports.attendance import DayCount, DayCounts, count_days
from gate.reports.report import Overview, columns, in_full, labels, venue_overview
from gate.storage.conflicts import find_conflicts, irregular_admissions, unconfirmed_undos
from gate.storage.connectivity import Connectivity, ConnectivityReader
from gate.storage.figures import first_uses, origin_counts
from gate.storage.fleet import Fleet
from gate.storage.fleet_devices import (
    Device,
    alarmed_devices,
    alarms_of,
    all_devices,
    newest_of_peers_ms,
)
from gate.storage.folder import Folder
from gate.storage.sign_offs import sign_offs
from gate.storage.tickets import Tickets
from gate.text.anomaly_words import AnomalyView
from gate.text.connectivity_words import basis_words, server_link
from gate.text.fleet_words import (
    ALARM_WORDS,
    device_name,
    device_state,
    evidence,
    excess,
    irregularities,
    last_heard,
    number,
    offset,
    origin_line,
    settled,
    sign_off,
    undo_side,
    void_side,
)
from gate.text.health_words import health_line
from gate.text.printable import printable
from gate.text.spreadsheet import row
from gate.text.times import clock_time

Progress = Callable[[int, int], None]
"""Called now and then with the tickets counted and the tickets there are."""
_A_STEP = 5000


@dataclass(frozen=True, slots=True)
class Seen:
    """The venue at one moment."""

    at_ms: int
    connectivity: Connectivity
    newest_heard_ms: int | None
    """The time of the newest entry of any other device."""
    numbers: Overview
    devices: list[Device]
    conflicts: list[Conflict]
    irregular: list[Irregular]
    claims: list[Claimed]
    """Undos that nobody who may has confirmed."""
    origins: list[OriginCounts]
    days: DayCounts
    sign_offs: list[Entry]
    """Who signed the gates off before doors, the newest first."""
    anomalies: list[AnomalyView] = field(default_factory=list)
    """What is unlike an honest evening."""


def look(
    folder: Folder,
    now: Reading,
    heard_within_s: float,
    progress: Progress | None = None,
    anomalies: AnomalyList | None = None,
) -> Seen:
    """Read everything this device knows of the venue; ``None`` leaves out its anomalies."""
    connectivity = ConnectivityReader(folder, heard_within_s).read(now)
    with Fleet(folder) as venue:
        alarmed = alarmed_devices(venue) | set(connectivity.sync_status.alarms)
        return Seen(
            at_ms=now.wall_ms,
            connectivity=connectivity,
            newest_heard_ms=newest_of_peers_ms(venue),
            numbers=in_full(venue_overview(folder, venue, now.wall_ms), folder, everywhere=True),
            devices=[
                replace(device, has_alarm=any(device.id in one for one in alarmed))
                for device in all_devices(venue, now.wall_ms, connectivity)
            ],
            conflicts=find_conflicts(venue),
            irregular=irregular_admissions(venue),
            claims=unconfirmed_undos(venue),
            origins=origin_counts(venue),
            days=_count_days(folder, venue, now.wall_ms // 1000, progress or _silent),
            sign_offs=sign_offs(venue),
            anomalies=anomalies.look(connectivity, now.wall_ms) if anomalies else [],
        )


def _silent(_done: int, _total: int) -> None:
    pass


def _count_days(folder: Folder, venue: Fleet, now_s: int, progress: Progress) -> DayCounts:
    if not folder.pointer.exists():
        return {}
    tickets = Tickets(folder)
    try:
        total = sum(line.tickets for line in tickets.census())

        def counted() -> Iterator[Ticket]:
            for done, ticket in enumerate(tickets.every()):
                if done % _A_STEP == 0:
                    progress(done, total)
                yield ticket

        return count_days(counted(), first_uses(venue), now_s)
    finally:
        tickets.close()


def as_table(seen: Seen, time_zone: ZoneInfo) -> str:
    """The report for a terminal."""
    named = labels() | {"inside": _("inside, at least")}
    lines = [_age(seen, time_zone), ""]
    lines += [columns(named[name], [value], 22) for name, value in _fields(seen.numbers)]
    head = [_("lane"), _("admitted"), _("exited"), _("refused"), _("15 min"), _("unsent")]
    lines += ["", columns(_("device"), [*head, _("last heard")], 30)]
    for device in seen.devices:
        counted, report = device.figures, device.report
        cells = [
            device_state(device) or "-", counted.admitted, counted.exited, counted.refused,
            counted.lately, number(device.unacked) or "-",
            last_heard(device, time_zone, seen.at_ms) or "-",
        ]  # fmt: skip
        lines.append(columns(device_name(device), cells, 30))
        clock = offset(report.offset_ms, report.error_ms)
        lines_of = [one for one in seen.origins if one.device == device.id]
        notes = [
            device.id,
            printable(device.gate, 24),
            printable(report.version, 20),
            _("clock {offset}").format(offset=clock) if clock else "",
            _("{n} quarantined").format(n=report.quarantined) if report.quarantined else "",
            _("disowned") if device.is_disowned else "",
        ]
        lines.append("  " + " · ".join(note for note in notes if note))
        lines += [f"  {line}"] if (line := health_line(device.report.health)) else []
        lines += ["    " + origin_line(one, time_zone) for one in lines_of]
    lines += _day_lines(seen.days)
    lines += ["", _("conflicts: {n}").format(n=len(seen.conflicts))]
    for found in seen.conflicts:
        lines.append(f"  {printable(found.ticket, 40)}: {excess(found)}")
        lines += [f"    {evidence(entry, time_zone)}" for entry in found.admissions]
        lines.append("    " + (settled(found, time_zone) or _("not settled")))
    waiting = sum(one.is_open for one in seen.irregular)
    sentence = _("irregular admissions: {n} ({open} not settled)")
    lines += ["", sentence.format(n=len(seen.irregular), open=waiting)]
    for strange in seen.irregular:
        lines.append(f"  {printable(strange.ticket, 40)}: {irregularities(strange)}")
        for one in strange.admissions:
            lines += [f"    {evidence(one.entry, time_zone)}", f"    {void_side(one, time_zone)}"]
        if word := settled(strange, time_zone) or (_("not settled") if strange.is_open else ""):
            lines.append(f"    {word}")
    lines += ["", _("undos that are not confirmed: {n}").format(n=len(seen.claims))]
    for claim in seen.claims:
        lines.append(f"  {printable(claim.ticket, 40)}")
        lines += [f"    {evidence(entry, time_zone)}" for entry in claim.targets]
        lines += [f"    {undo_side(undo, time_zone)}" for undo in claim.undos]
        lines.append("    " + (settled(claim, time_zone) or _("not settled")))
    lines += ["", _("anomalies: {n}").format(n=len(seen.anomalies))]
    lines += as_lines(seen.anomalies)
    lines += ["", _("alarms: {n}").format(n=len(alarmed := list(alarms_of(seen.devices))))]
    lines += [
        "  " + _(ALARM_WORDS[kind]).format(device=f"{device_name(d)} ({d.id})")
        for kind, d in alarmed
    ]
    if seen.sign_offs:
        lines += ["", *(sign_off(one, time_zone) for one in seen.sign_offs)]
    return "\n".join(lines) + "\n"


def _day_lines(days: DayCounts) -> list[str]:
    """A line for each card and day on which anything was counted."""
    head = [_("issued"), _("claimed"), _("gifted"), _("redeemed"), _("expired"), _("no-show")]
    lines = ["", columns(_("card"), [_("day"), *head], 30)]
    cards = Counter(title for title, _card in {(line.title, line.card) for line in days})
    for line, counted in days.items():
        cells = [line.day or "-", *(n or "-" for n in _counted(counted).values())]
        name = printable(line.title, 28)
        if cards[line.title] > 1:
            name = f"{printable(line.title, 19)} {printable(line.card)[-8:]}"
        lines.append(columns(name, cells, 30))
    return lines if days else []


def _counted(day: DayCount) -> dict[str, int]:
    return {name: getattr(day, name) for name in DayCount.__slots__}


def as_csv(seen: Seen) -> str:
    """The report as rows of (group, name, counted, value)."""
    return "".join(f"{row(cells)}\n" for cells in _rows(as_plain_values(seen)))


def _rows(report: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    yield "group", "name", "counted", "value"
    for group in ("as_of", "event"):
        yield from ((group, "", name, value) for name, value in report[group].items())
    for line in report["cards"]:
        name = f"{line.pop('id')} {line.pop('day')}".strip()
        yield from (("card", name, counted, value) for counted, value in line.items())
    for device in report["devices"]:
        id_ = device.pop("id")
        yield from (("device", id_, name, value) for name, value in device.items())
    for line in report["origins"]:
        origin = line.pop("origin")
        yield from (("origin", origin, name, value) for name, value in line.items())
    yield from _numbered("sign_off", report["sign_offs"])
    for found in report["claims"]:
        for place, undo in enumerate(found["undos"], 1):
            for name, value in undo.items():
                yield "claim", found["ticket"], f"undo_{place}_{name}", value
    yield from _numbered("anomaly", report["anomalies"])
    for group in ("conflicts", "irregular"):
        about = group.removesuffix("s")
        for found in report[group]:
            ticket, sides, word = (found.pop(k) for k in ("ticket", "admissions", "resolution"))
            fields = found | {f"settled_{k}": v for k, v in (word or {}).items()}
            yield from ((about, ticket, name, value) for name, value in fields.items())
            for place, side in enumerate(sides, 1):
                void = {f"void_{name}": value for name, value in side.pop("void", {}).items()}
                for name, value in (side | void).items():
                    yield about, ticket, f"admission_{place}_{name}", value


def _numbered(group: str, found: list[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    for place, one in enumerate(found, 1):
        yield from ((group, place, name, value) for name, value in one.items())


def as_json(seen: Seen) -> str:
    """The report as one JSON object."""
    return json.dumps(as_plain_values(seen), ensure_ascii=False, indent=2) + "\n"


def as_plain_values(seen: Seen) -> dict[str, Any]:
    """The report as plain values; times are Unix milliseconds."""
    return {
        "as_of": {
            "at_ms": seen.at_ms,
            "basis": seen.connectivity.coverage.basis.value,
            "basis_age_ms": seen.connectivity.age_ms,
            "server_heard_ago_ms": _server_ago_ms(seen),
            "newest_heard_ms": seen.newest_heard_ms,
        },
        "event": dict(_fields(seen.numbers)),
        "cards": [
            {"id": line.card, "card": line.title, "day": line.day, **_counted(counted)}
            for line, counted in seen.days.items()
        ],
        "devices": [_device(device) for device in seen.devices],
        "conflicts": [
            {
                "ticket": found.ticket,
                "ticket_type": found.ticket_type,
                "excess": found.excess,
                "admissions": [_side(entry) for entry in found.admissions],
                "resolution": _side(found.resolution) if found.resolution else None,
            }
            for found in seen.conflicts
        ],
        "irregular": [
            {
                "ticket": found.ticket,
                "ticket_type": found.ticket_type,
                "kind": found.kind.value,
                "is_open": found.is_open,
                "admissions": [
                    {"kind": one.kind.value, **_side(one.entry), "void": asdict(one.void)}
                    for one in found.admissions
                ],
                "resolution": _side(found.resolution) if found.resolution else None,
            }
            for found in seen.irregular
        ],
        "claims": [
            {
                "ticket": found.ticket,
                "ticket_type": found.ticket_type,
                "undos": [{"target": undo.target, **_side(undo)} for undo in found.undos],
                "resolution": _side(found.resolution) if found.resolution else None,
            }
            for found in seen.claims
        ],
        "origins": [
            asdict(line) | {"device": line.device, "stands_out": line.stands_out}
            for line in seen.origins
        ],
        "anomalies": [as_value(one) for one in seen.anomalies],
        "alarms": [device.id for device in seen.devices if device.has_alarm or device.has_twin],
        "sign_offs": [
            {
                "name": one.operator,
                "gate": one.gate,
                "at_ms": one.at_ms,
                "gates": one.count,
                "not_green": one.note,
            }
            for one in seen.sign_offs
        ],
        "floods": [device.id for device in seen.devices if device.is_flooding],
    }


def _age(seen: Seen, time_zone: ZoneInfo) -> str:
    """How old this is, in one line."""
    connectivity = seen.connectivity
    basis = basis_words(connectivity.coverage.basis, connectivity.age_ms)
    if connectivity.is_enrolled:
        link = server_link(connectivity.sync_status, connectivity.boot_ms, seen.at_ms, time_zone)
    else:
        link = _("no server")
    if seen.newest_heard_ms is None:
        newest = _("nothing heard of other devices")
    else:
        when = clock_time(seen.newest_heard_ms, time_zone, dated=True, seconds=True)
        newest = _("newest entry of another device: {when}").format(when=when)
    return f"{basis} · {link} · {newest}"


def _server_ago_ms(seen: Seen) -> int | None:
    heard_boot_ms = seen.connectivity.sync_status.server_boot_ms
    return None if heard_boot_ms is None else seen.connectivity.boot_ms - heard_boot_ms


def _fields(numbers: Overview) -> list[tuple[str, Any]]:
    return [(name, getattr(numbers, name)) for name in Overview.__slots__]


def _device(device: Device) -> dict[str, Any]:
    inner = ("figures", "report", "retired")
    values = {name: getattr(device, name) for name in Device.__slots__ if name not in inner}
    counted = {name: getattr(device.figures, name) for name in device.figures.__slots__}
    report, retired = device.report, device.retired
    return (
        values
        | {
            "version": report.version,
            "quarantined": report.quarantined,
            "ahead_ms": report.offset_ms,
            "error_ms": report.error_ms,
            **{name: getattr(report.health, name) for name in report.health.__struct_fields__},
            "retired_by": retired.by if retired else "",
            "retired_at": retired.at if retired else "",
            "retired_ms": retired.at_ms if retired else None,
            "retired_note": retired.note if retired else "",
        }
        | counted
    )


def _side(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.name,
        "gate": entry.gate,
        "operator": entry.operator,
        "at_ms": entry.at_ms,
        "server_ahead_ms": entry.server_ahead_ms,
        "server_error_ms": entry.server_error_ms,
        "is_clock_trusted": entry.trusted,
        "basis": entry.basis.value,
        "basis_age_ms": entry.basis_age_ms,
        "persons": entry.persons,
        "overruled": entry.overruled.value if entry.overruled else None,
        "note": entry.note,
        "position": entry.position,
    }
