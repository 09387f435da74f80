"""The command line: the one place where everything is put together.

Everything heavy is imported by the command that needs it, so that ``gate --help`` answers at once.
"""

import argparse
import io
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gate import __version__, i18n
from gate.i18n import _

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gate.config import Config
    from gate.errors import GateError
    from gate.storage.folder import Folder
    from gate.storage.moments import Side
    from sync.cardapi.commands import Where
    from sync.server.takeover import Host

log = logging.getLogger(__name__)

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the answer is the exit code."""
    # Names, codes and keys are nobody else's, whatever file they get into.
    os.umask(0o077)
    i18n.use(os.environ.get("GATE_LANGUAGE", "auto"))
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a name must not end the evening.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Without a handler, Python would print what is logged, tracebacks and all.
    logging.getLogger().addHandler(logging.NullHandler())
    options = _parser().parse_args(arguments)
    from gate.errors import GateError, UsageError

    try:
        return int(options.command(options))
    except GateError as fault:
        return _fail(fault, USAGE if isinstance(fault, UsageError) else FAILED)
    except KeyboardInterrupt:
        sys.stderr.write("\n" + _("interrupted") + "\n")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has heard enough; Python would complain once more on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        log.exception("unforeseen fault")
        told = _("unforeseen fault: {kind}: {detail}")
        sys.stderr.write(f"gate: {told.format(kind=type(error).__name__, detail=error)}\n")
        return FAILED


def _fail(fault: "GateError", code: int) -> int:
    from gate.text.words import printable

    for n, line in enumerate((*fault.message.splitlines(), fault.hint)):
        if line:
            sys.stderr.write(("gate: " if n == 0 else "      ") + printable(line, 1000) + "\n")
    return code


def _scan(options: argparse.Namespace) -> int:
    from gate.cli.scan import Session, run
    from gate.storage.naming import enrolled_name

    config = _config(options)
    folder = _folder(config)
    config = config.named(enrolled_name(folder))
    session = Session(config, folder, plain=options.plain, worker_arguments=_same(options, folder))
    return run(session)


def _same(options: argparse.Namespace, folder: "Folder") -> list[str]:
    """What makes another command use the same folder and settings."""
    arguments = ["--data-dir", str(folder.path.absolute())]
    file = getattr(options, "config", None)
    if file:
        arguments += ["--config", str(Path(file).absolute())]
    for setting in getattr(options, "set", None) or []:
        arguments += ["--set", setting]
    name = getattr(options, "gate_name", None)
    return [*arguments, *(["--set", f"gate.name={name}"] if name else [])]


def _enroll(options: argparse.Namespace) -> int:
    from gate.cli.progress import progress
    from gate.cli.sync_commands import enrol_device, sync_once
    from gate.text.words import printable
    from gate.text.zones import zone_of

    config = _config(options)
    folder = _folder(config)
    link = _link(options, config)
    if options.name:
        _check_names(options.name)
    enrolment = enrol_device(folder, link, again=options.again, name=options.name or "")
    told = _("Enrolled as {name} for {event}.")
    name, event = printable(enrolment.name), printable(enrolment.event_name or enrolment.event)
    sys.stdout.write(told.format(name=name, event=event) + "\n")
    sys.stdout.write(_("times: {zone}").format(zone=zone_of(config, folder).told()) + "\n")
    sys.stdout.flush()
    if not enrolment.credential:
        told = _("There is no server: its tickets come from the other gates. Start: gate scan")
        sys.stdout.write(told + "\n")
        return OK
    with progress(_("fetching")) as show:
        sync_once(folder, config, lambda _what, done, total: show(done, total))
    sys.stdout.write(_("Everything is here. Start the lane with: gate scan") + "\n")
    return OK


def _link(options: argparse.Namespace, config: "Config") -> str:
    """The enrolment link, from wherever it comes; never from the command line, where all see it."""
    from getpass import getpass

    from gate.errors import UsageError

    if options.link_file:
        try:
            return Path(options.link_file).read_text("utf-8", errors="replace")
        except OSError as error:
            raise UsageError(
                _("cannot read {file}: {detail}").format(
                    file=options.link_file, detail=error.strerror
                ),
                "",
            ) from error
    if options.picture or options.by_camera:
        from gate.cli.enrol_by_camera import read_invitation
        from gate.storage.enrolment import SCHEME

        return read_invitation(config, Path(options.picture) if options.picture else None, SCHEME)
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    return getpass(_("Enrolment link (not shown): "))


def _sync(options: argparse.Namespace) -> int:
    from gate.cli import sync_commands
    from gate.cli.progress import progress
    from gate.errors import GateError
    from gate.text.words import ago

    config = _config(options)
    folder = _existing(config)
    if options.action == "status":
        told = sync_commands.status(folder, config.sync.heard_within_s)

        def words(seconds: float | None) -> str:
            return _("not in this boot") if seconds is None else ago(int(seconds * 1000))

        form = sync_commands.as_json if options.json else lambda t: sync_commands.as_text(t, words)
        sys.stdout.write(form(told) + "\n")
        return OK
    if options.now:
        sync_commands.ask_to_try(folder)
        sys.stdout.write(_("The sync worker tries now.") + "\n")
        return OK
    try:
        if not options.once:
            return sync_commands.sync_on(folder, config, is_child=options.child)
        with progress(_("syncing")) as show:
            return sync_commands.sync_once(
                folder, config, lambda _what, done, all_: show(done, all_)
            )
    except GateError as fault:
        return _fail(fault, sync_commands.exit_code(fault))


def _demo(options: argparse.Namespace) -> int:
    import tempfile

    if options.gates > 1:
        return _rehearse(options)
    plain = options.plain or not sys.stdout.isatty()
    if options.keep:
        return _run_demo(Path(options.keep), options.seconds, plain=plain)
    with tempfile.TemporaryDirectory(prefix="venue-gate-demo-") as path:
        return _run_demo(Path(path), options.seconds, plain=plain)


def _rehearse(options: argparse.Namespace) -> int:
    import tempfile

    from gate.cli.rehearsal import Rehearsal

    if options.keep:
        Rehearsal(Path(options.keep), options.gates).run()
    else:
        with tempfile.TemporaryDirectory(prefix="venue-gate-demo-") as path:
            Rehearsal(Path(path), options.gates).run()
    return OK


def _run_demo(path: Path, seconds: float | None, *, plain: bool) -> int:
    from gate.cli.scan import Session, run
    from gate.demo.demo import SUPERVISOR, prepare, summary
    from gate.lane.inputs import capture_source

    demo = prepare(path)
    session = Session(
        demo.config,
        demo.folder,
        plain=plain,
        source=capture_source(_("drawn"), demo.camera),
        turns=demo.turns,
        seconds=seconds,
        hello=_("demo: supervisor {name}, PIN {pin}").format(name=SUPERVISOR, pin=demo.pin),
        is_demo=True,
    )
    code = run(session)
    sys.stdout.write(summary(session.verdicts) + "\n")
    return code


def _import(options: argparse.Namespace) -> int:
    from gate.cli.progress import progress
    from gate.reports.ticket_import import import_files
    from gate.text.zones import zone_of

    config = _config(options)
    folder = _folder(config)
    zone = zone_of(config, folder)
    bundles = [name for name in options.files if name.casefold().endswith(".bundle")]
    if bundles:
        return _import_bundles(folder, bundles, others=len(options.files) > len(bundles))
    with progress(_("importing")) as show:
        imported = import_files(
            folder,
            [Path(name) for name in options.files],
            time_zone=zone.name,
            skip_bad=options.skip_bad,
            replace=options.replace,
            progress=show,
        )
    for line in [*imported.errors, *imported.notes]:
        sys.stderr.write(line + "\n")
    told = _("{types} ticket types and {tickets} tickets imported").format(
        types=imported.types, tickets=imported.tickets
    )
    if imported.bad:
        left_out = i18n.ngettext("{bad} bad row left out", "{bad} bad rows left out", imported.bad)
        told += ", " + left_out.format(bad=imported.bad)
    sys.stdout.write(f"{told}: {folder.path}\n")
    sys.stdout.write(_("times taken as {zone}").format(zone=zone.told()) + "\n")
    own = {name: n for name, n in imported.zones.items() if name != zone.name}
    for name, n in own.items():
        told = i18n.ngettext("{n} type with its own: {zone}", "{n} types with their own: {zone}", n)
        sys.stdout.write(told.format(n=n, zone=name) + "\n")
    if zone.is_nobodys:
        told = _(
            "This machine's zone was never set. If {zone} is not the venue's, import again with\n"
            "the right one: --set time_zone=Europe/Berlin"
        )
        sys.stderr.write(told.format(zone=zone.name) + "\n")
    return OK


def _import_bundles(folder: "Folder", names: Sequence[str], *, others: bool) -> int:
    from gate.cli.progress import progress
    from gate.errors import UsageError
    from gate.storage.bundle_import import import_bundle
    from gate.text.words import printable

    if others:
        raise UsageError(
            _("tickets and journals do not come in together"), _("Import them one after the other.")
        )
    for name in names:
        with progress(_("importing")) as show:
            brought = import_bundle(folder, Path(name), show)
        if brought.waits:
            told = _("{entries} entries of {gate} wait in the inbox: the sync worker takes them in")
        else:
            told = _("{entries} entries of {gate}, {new} of them new")
        gate = f"{printable(brought.gate, 40)} ({brought.device})"
        told = told.format(entries=brought.entries, gate=gate, new=brought.new)
        sys.stdout.write(told + "\n")
        if brought.waiting:
            told = _("{n} of them follow lost ones: import it again once those were heard of")
            sys.stdout.write(told.format(n=brought.waiting) + "\n")
    return OK


def _lookup(options: argparse.Namespace) -> int:
    import msgspec

    from gate.reports.lookup import look_up, tell
    from gate.text.zones import zone_of

    config = _config(options)
    folder = _folder(config)
    found = look_up(folder, " ".join(options.wanted))
    if options.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        shows = config.screen.show_names
        zone = zone_of(config, folder).info
        blocks = [tell(one, zone, show_names=shows) for one in found]
        sys.stdout.write("\n\n".join("\n  ".join(block) for block in blocks) + "\n" * bool(blocks))
    if not found:
        sys.stderr.write(_("Nothing found.") + "\n")
    return OK if found else FAILED


def _report(options: argparse.Namespace) -> int:
    from gate.errors import UsageError
    from gate.reports import report
    from gate.text.zones import zone_of

    config = _config(options)
    folder = _existing(config)
    if options.venue and options.by:
        raise UsageError(_("--by is for the counts of one device"), _("Leave it out."))
    if options.venue:
        return _report_venue(config, folder, options.format)
    forms = {"table": report.as_table, "csv": report.as_csv, "json": report.as_json}
    groups = options.by or list(report.GROUPS)
    zone = zone_of(config, folder).info
    counted = {group: report.grouped(folder, group, zone) for group in groups}
    numbers = report.with_typed(report.overview(folder), folder)
    sys.stdout.write(forms[options.format](numbers, counted))
    return OK


def _report_venue(config: "Config", folder: "Folder", form: str) -> int:
    from gate.cli.progress import progress
    from gate.clock import SystemClock
    from gate.reports import fleet_report
    from gate.text.zones import zone_of

    within_s = config.sync.heard_within_s
    with progress(_("counting")) as show:
        seen = fleet_report.look(folder, SystemClock().read(), within_s, show)
    forms = {
        "table": lambda: fleet_report.as_table(seen, zone_of(config, folder).info),
        "csv": lambda: fleet_report.as_csv(seen),
        "json": lambda: fleet_report.as_json(seen),
    }
    sys.stdout.write(forms[form]())
    return OK


def _log(options: argparse.Namespace) -> int:
    from gate.errors import UsageError
    from gate.reports.journal_log import Filter, lines
    from gate.storage.moments import Side
    from gate.storage.naming import enrolled_name
    from gate.text.zones import zone_of

    config = _config(options)
    folder = _existing(config)
    if options.salvage and not options.bundle:
        raise UsageError(
            _("--salvage writes a bundle"), _("Say where: gate log --salvage --bundle FILE")
        )
    if options.bundle:
        name = config.named(enrolled_name(folder)).place().gate
        return _write_bundle(folder, Path(options.bundle), name, is_salvage=options.salvage)
    zone = zone_of(config, folder).info
    wanted = Filter(
        outcome=options.outcome or "",
        reason=options.reason or "",
        act=options.act or "",
        ticket=options.ticket or "",
        gate=options.at_gate or "",
        operator=options.operator or "",
        since_ms=_moment(options.since, zone, Side.BEGIN),
        until_ms=_moment(options.until, zone, Side.END),
    )
    for line in lines(folder, wanted, options.format, zone, follow=options.follow):
        sys.stdout.write(line + "\n")
        if options.follow:
            sys.stdout.flush()
    return OK


def _write_bundle(folder: "Folder", path: Path, gate: str, *, is_salvage: bool) -> int:
    from gate.storage.bundle import write_bundle, write_salvaged

    write = write_salvaged if is_salvage else write_bundle
    written = write(folder, path, gate)
    told = _("{entries} entries written to {file}").format(entries=written, file=path)
    sys.stdout.write(told + "\n")
    return OK


def _verify(options: argparse.Namespace) -> int:
    from gate.cli.progress import progress
    from gate.storage.audit import audit_journal

    folder = _existing(_config(options))
    if not folder.journal.exists():
        sys.stdout.write(_("no journal yet") + "\n")
        return OK
    with progress(_("verifying")) as show:
        audit = audit_journal(folder.journal, show)
    sys.stdout.write(
        _("{entries} entries of {starts} starts, {tickets} tickets: {problems} problems").format(
            entries=audit.entries,
            starts=audit.origins,
            tickets=audit.tickets,
            problems=audit.problems,
        )
        + "\n"
    )
    for finding in audit.findings:
        sys.stdout.write(f"- {finding}\n")
    return FAILED if audit.problems else OK


def _doctor(options: argparse.Namespace) -> int:
    import msgspec

    from gate.clock import SystemClock
    from gate.reports.doctor import Status, examine
    from gate.text.words import printable

    config = _config(options)
    folder = _folder(config)
    if options.scanner or options.linear:
        from gate.ui.scanner_check import check_scanner

        return OK if check_scanner(config, folder, sys.stdout, is_linear=options.linear) else FAILED
    failed = False
    for check in examine(config, folder, SystemClock()):
        failed = failed or check.status is Status.FAIL
        if options.json:
            sys.stdout.write(msgspec.json.encode(check).decode() + "\n")
            continue
        sys.stdout.write(
            f"{check.status.upper():<5} {check.name}: {printable(check.detail, 400)}\n"
        )
        if check.hint:
            sys.stdout.write(f"      {check.hint}\n")
        sys.stdout.flush()
    return FAILED if failed else OK


def _read(options: argparse.Namespace) -> int:
    import msgspec

    from gate.capture.camera import read_picture
    from gate.capture.decode import Decoder
    from gate.errors import InputError
    from gate.text.words import printable

    decoder = Decoder(_config(options).camera.formats)
    missed = 0
    for name in options.images:
        started = time.perf_counter()
        try:
            codes = decoder.read_fully(read_picture(Path(name)))
        except InputError as fault:
            _fail(fault, FAILED)
            missed += 1
            continue
        took_ms = (time.perf_counter() - started) * 1000
        missed += not codes
        if options.json:
            told = {"file": name, "ms": round(took_ms, 1), "codes": codes}
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
            continue
        head = f"{printable(name)}: " + (_("nothing found") if not codes else "")
        sys.stdout.write(f"{head} {took_ms:.0f} ms\n")
        for code in codes:
            corners = " ".join(f"{x},{y}" for x, y in code.corners)
            sys.stdout.write(f"  {code.symbology} {printable(code.text, 4096)} @ {corners}\n")
    return FAILED if missed else OK


def _operator(options: argparse.Namespace) -> int:
    from gate.core.model import Role
    from gate.lane.operators import Operators

    config = _config(options)
    folder = _folder(config)
    operators = Operators(folder, config.operators.lockout_minutes)
    if options.action == "list":
        for name, role in operators.names():
            sys.stdout.write(f"{role:<10} {name}\n")
    elif options.action == "remove":
        operators.remove(options.name)
    else:
        operators.add(options.name, Role(options.role), _ask_pin())
        sys.stdout.write(_("{name} may work here now").format(name=options.name) + "\n")
    return OK


def _ask_pin() -> str:
    from getpass import getpass

    from gate.errors import UsageError

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    pin = getpass(_("PIN: "))
    if getpass(_("once more: ")) != pin:
        raise UsageError(_("the two PINs differ"), _("Nothing was changed."))
    return pin


def _wipe(options: argparse.Namespace) -> int:
    from gate.errors import UsageError
    from gate.reports.wipe import wipe

    folder = _existing(_config(options))
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError(_("wiping wants a yes"), _("Say --yes, or answer on a terminal."))
        question = _("Delete tickets, names and journal of {folder}? yes/no: ")
        if input(question.format(folder=folder.path)).strip().casefold() not in ("yes", _("yes")):
            sys.stdout.write(_("Nothing was wiped.") + "\n")
            return FAILED
    unacked = None
    if folder.enrolment.exists():
        from gate.cli.sync_commands import unsent_of

        unacked = unsent_of(folder)
    wiped = wipe(folder, Path(options.export) if options.export else None, unacked=unacked)
    told = _("{files} files wiped; {entries} entries kept in {export}")
    sys.stdout.write(
        told.format(files=wiped.files, entries=wiped.entries, export=options.export or "-") + "\n"
    )
    return OK


def _venue(options: argparse.Namespace) -> int:
    from gate.storage import venue_host
    from gate.text.words import printable

    folder = _folder(_config(options))
    actions = {
        "create": _venue_create, "invite": _invite, "zone": _venue_zone,
        "isolated": _venue_isolated, "end": _venue_end, "disown": _disown,
    }  # fmt: skip
    if options.action in actions:
        return actions[options.action](options, folder)
    if options.action == "devices":
        found = list(venue_host.devices(folder).values())
    else:
        found = [venue_host.set_state(folder, options.device, _STATES[options.action])]
    for one in found:
        state = one.state if one.counts_until is None else f"{one.state}, disowned"
        sys.stdout.write(f"{one.id}  {state:<8}  {printable(one.name)}\n")
    return OK


def _venue_create(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host
    from gate.text.words import printable
    from gate.text.zones import zone_of

    config = _config(options)
    name, gate = options.name or _("Venue"), config.gate.name or _("Host")
    _check_names(name, gate)
    zone = zone_of(config, folder)
    venue_host.create(folder, name, gate, zone.name)
    told = _(
        "{name} has begun, and this gate is its host.\n"
        "1. Bring its tickets in here: gate import types.csv tickets.csv\n"
        "2. Take the other gates in, one by one: gate venue invite NAME\n"
        "3. Start the lane anew: gate scan"
    )
    sys.stdout.write(told.format(name=printable(name)) + "\n")
    sys.stdout.write(_("times: {zone}").format(zone=zone.told()) + "\n")
    if zone.is_nobodys:
        told = _("This machine's zone was never set. Say the venue's: gate venue zone NAME")
        sys.stderr.write(told + "\n")
    return OK


def _venue_zone(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host

    _check_zone(options.zone)
    row = venue_host.set_zone(folder, options.zone)
    _tell_zone_set(row.time_zone, _types_elsewhere(folder, row.time_zone))
    return OK


def _venue_isolated(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host
    from gate.text.words import isolated_words

    row = venue_host.set_isolated_hours(folder, _hours(options.hours) or 0)
    sys.stdout.write(isolated_words(row.isolated_hours) + "\n")
    return OK


def _disown(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.storage import venue_host
    from gate.storage.event import event_zone
    from sync.host import disown as venue_disown
    from sync.server import disown_command

    from_ms = disown_command.moment(options.disown_from, event_zone(folder) or "UTC")
    row, changes = venue_disown.foresee(folder, options.device, from_ms)
    sys.stdout.write(disown_command.told(changes) + "\n")
    if not options.yes:
        disown_command.ask_whether()
    venue_host.say(folder, row)
    sys.stdout.write(_("done: the gates hear of it") + "\n")
    return OK


def _venue_end(options: argparse.Namespace, folder: "Folder") -> int:
    from zoneinfo import ZoneInfo

    from gate.storage import venue_host
    from gate.storage.event import event_zone
    from gate.storage.moments import Side
    from gate.text.words import clock_time

    zone = ZoneInfo(event_zone(folder) or "UTC")
    ends_ms = None if options.day == "never" else _moment(options.day, zone, Side.END)
    # The last second, as the event has it.
    row = venue_host.set_end(folder, ends_ms // 1000 - 1 if ends_ms else 0, options.keep_days)
    told = _("nobody has said when the event ends: names and codes stay")
    if row.keeps_until_ms:
        day = clock_time(row.keeps_until_ms, zone, dated=True)
        told = _("names and codes are dropped after {day}").format(day=day)
    sys.stdout.write(told + "\n")
    return OK


def _check_zone(name: str) -> None:
    from gate.errors import UsageError
    from gate.text.zones import is_zone

    if not is_zone(name):
        raise UsageError(
            _("{found!r} is no time zone").format(found=name[:80]), _("Like this: Europe/Berlin")
        )


def _types_elsewhere(folder: "Folder", name: str) -> int:
    from contextlib import closing

    from gate.storage.tickets import Tickets

    with closing(Tickets(folder)) as tickets:
        tickets.refresh()
        return sum(kind.time_zone != name for kind in tickets.types())


def _tell_zone_set(name: str, elsewhere: int) -> None:
    sys.stdout.write(
        _("times are {zone} from now on; the gates hear of it").format(zone=name) + "\n"
    )
    if elsewhere:
        told = i18n.ngettext(
            "{n} ticket type keeps its own zone: state it anew if that was not meant",
            "{n} ticket types keep their own zone: state them anew if that was not meant",
            elsewhere,
        )
        sys.stdout.write(told.format(n=elsewhere) + "\n")


def _invite(options: argparse.Namespace, folder: "Folder") -> int:
    from gate.errors import UsageError
    from sync.host.enrolling import LISTEN, invite_gates

    if not 0 < options.count <= 100:
        raise UsageError(_("--count is a number from 1 to 100"), "")
    name = options.name or _("Gate")
    _check_names(name)
    names = [name] if options.count == 1 else [f"{name} {n + 1}" for n in range(options.count)]
    listen = options.listen or LISTEN
    came = invite_gates(folder, names, listen=listen)
    if came < len(names):
        sys.stderr.write(_("{n} of {all} gates came").format(n=came, all=len(names)) + "\n")
    return OK if came else FAILED


def _check_names(*names: str) -> None:
    from gate.errors import UsageError

    for name in names:
        if not name.strip() or not name.isprintable() or len(name) > 200:
            raise UsageError(_("{name!r} cannot be a name").format(name=name[:80]), "")


_STATES = {
    "retire": "retired", "unretire": "enrolled", "reinstate": "enrolled", "revoke": "revoked"
}  # fmt: skip
"""What a word of the command line makes of a device."""


def _serve(options: argparse.Namespace) -> int:
    from sync.cardapi.part import card_part
    from sync.cardapi.settings import CardSettings
    from sync.cardapi.webhook_delivery import hosts
    from sync.server.commands import Chore
    from sync.server.serve import Wanted, run

    def path(name: str | None) -> Path | None:
        return Path(name).expanduser() if name else None

    taken = path(options.take_over)
    state, device = next(
        ((state, id_) for flag, state in _STATES.items() if (id_ := getattr(options, flag, None))),
        ("", ""),
    )
    return run(
        Wanted(
            database=options.database or "",
            listen=options.listen or "",
            folder=path(options.server_dir),
            cert=path(options.cert),
            key=path(options.key),
            self_signed=options.self_signed,
            proxies=tuple(options.proxy),
            url=options.url or "",
            parts=(card_part(CardSettings(callback_to=hosts(options.callback_to))),),
            event=options.event or "",
            time_zone=_stated_zone(options),
            set_zone=options.set_zone or "",
            isolated_hours=_hours(options.isolated_hours),
            restored=options.restored,
            take_over=None if taken is None else _host(taken),
            new_token=options.new_token or "",
            links=options.links,
            withdraw=options.withdraw or "",
            devices=options.devices,
            device=device,
            state=state,
            chore=Chore(
                tokens=options.organisers,
                new_organiser=options.new_organiser or "",
                rights=options.rights or "",
                for_days=options.for_days,
                roll=options.roll_organiser or "",
                end=options.end_organiser or "",
                audit=options.audit or "",
                export_person=options.export_person or "",
                erase_person=options.erase_person or "",
                set_end=options.set_end or "",
                keep_days=options.keep_days,
            ),
            disown=options.disown or "",
            disown_from=options.disown_from,
            is_sure=options.yes,
        )
    )


def _hours(stated: int | None) -> int | None:
    from gate.errors import UsageError
    from sync.wire import MOST_ISOLATED_HOURS

    if stated is not None and not 0 <= stated <= MOST_ISOLATED_HOURS:
        raise UsageError(_("hours are a number from 0 to {n}").format(n=MOST_ISOLATED_HOURS), "")
    return stated


def _stated_zone(options: argparse.Namespace) -> str:
    """The zone that somebody has said for a new event; a server's own is nobody's venue."""
    from gate.config import AUTO

    if options.set_zone:
        _check_zone(options.set_zone)
    stated = _config(options).time_zone
    return "" if stated == AUTO else stated


def _host(path: Path) -> "Host":
    """A venue's host by its data folder."""
    from gate.storage import venue_host
    from gate.storage.folder import Folder
    from sync.server.takeover import Host

    kept = venue_host.load(Folder(path))
    return Host(Folder(path), kept.name, venue_host.authority(kept))


def _cards(options: argparse.Namespace) -> int:
    from sync.cardapi import commands

    where = _server_of(options)
    if options.action == "list":
        return commands.tell_cards(where)
    if options.action == "account":
        return commands.new_account(where, options.event)
    reason = options.reason if options.action == "reject" else None
    return commands.review_cards(where, options.cards, reason)


def _tickets(options: argparse.Namespace) -> int:
    from sync.cardapi import commands

    wanted = commands.Wanted(
        codes=options.codes,
        card=options.card or "",
        order=options.order or "",
        symbology=options.symbology or "",
        out=Path(options.out).expanduser(),
        form=options.format,
    )
    return commands.render(_server_of(options), wanted)


def _server_of(options: argparse.Namespace) -> "Where":
    from sync.cardapi.commands import Where

    folder = Path(options.server_dir).expanduser() if options.server_dir else None
    return Where(database=options.database or "", folder=folder)


def _config(options: argparse.Namespace) -> "Config":
    from gate.config import load

    file = getattr(options, "config", None) or os.environ.get("GATE_CONFIG")
    settings = list(getattr(options, "set", None) or [])
    flags = {
        "data_dir": "data_dir",
        "gate_name": "gate.name",
        "direction": "gate.direction",
        "camera": "camera.device",
        "camera_file": "camera.file",
        "camera_folder": "camera.folder",
        "evdev": "scanner.evdev",
        "time_zone": "time_zone",
    }
    for flag, key in flags.items():
        value = getattr(options, flag, None)
        if value is not None:
            settings.append(f"{key}={value}")
    config = load(Path(file) if file else None, settings=settings)
    if config.language not in ("", "auto"):
        i18n.use(config.language)
    return config


def _folder(config: "Config") -> "Folder":
    from gate.storage.folder import Folder

    return Folder(config.folder())


def _existing(config: "Config") -> "Folder":
    from gate.errors import UsageError

    folder = _folder(config)
    if not folder.path.is_dir():
        raise UsageError(
            _("{folder}: there is no such data folder").format(folder=folder.path),
            _("Name it with --data-dir, or begin with: gate import FILE"),
        )
    return folder


def _moment(text: str | None, zone: "ZoneInfo", side: "Side") -> int | None:
    """Unix milliseconds; of an end those after its last second."""
    from gate.errors import UsageError
    from gate.storage.moments import BadMoment, Side, second_of

    if text is None:
        return None
    try:
        at = second_of(text, zone, side)
    except BadMoment as bad:
        raise UsageError(str(bad), _("Like this: 2026-12-31T19:30")) from bad
    return (at + (side is Side.END)) * 1000


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--config", metavar="FILE", help=_("configuration file"))
    common.add_argument("--data-dir", metavar="DIR", help=_("data folder: one venue, one event"))
    common.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        help=_("one setting, such as gate.name=South"),
    )
    parser = argparse.ArgumentParser(
        prog="gate",
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_("Venue Gate: scan tickets at the door, with or without a network."),
        epilog=_(
            "examples:\n"
            "  gate demo                        see it work, with nothing set up\n"
            "  gate import types.csv tickets.csv\n"
            "  gate scan --direction out        the lane, letting people out\n"
            "  gate report --by gate --format csv\n"
            "  gate log --outcome refuse --follow\n"
            "Settings: --set and flags beat GATE_… variables beat the file."
        ),
    )
    parser.add_argument("--version", action="version", version=f"venue-gate {__version__}")
    commands = parser.add_subparsers(metavar=_("COMMAND"), required=True)

    def command(name: str, run: object, told: str, example: str = "") -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            parents=[common],
            help=told,
            description=told,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=_("example: {command}").format(command=example) if example else None,
        )
        sub.set_defaults(command=run)
        return sub

    _add_scan(command("scan", _scan, _("the lane: scan tickets"), "gate scan --camera 0"))
    _add_enroll(
        command(
            "enroll",
            _enroll,
            _("join a server with the link it shows"),
            "gate enroll --picture invitation.png",
        )
    )
    _add_sync(
        command(
            "sync", _sync, _("tell and hear what happened; or: sync status"), "gate sync --once"
        )
    )
    sub = command("demo", _demo, _("a made-up venue, really scanned"), "gate demo --seconds 20")
    sub.add_argument("--plain", action="store_true", help=_("lines instead of the screen"))
    sub.add_argument("--seconds", type=float, metavar="N", help=_("stop after so long"))
    sub.add_argument(
        "--gates", type=int, default=1, metavar="N",
        help=_("with 2 or more: a rehearsal of gates, LAN and server, with cables pulled"),
    )  # fmt: skip
    sub.add_argument("--keep", metavar="DIR", help=_("make the venue there and keep it"))
    sub = command(
        "import", _import, _("tickets from CSV or JSON Lines"), "gate import types.csv tickets.csv"
    )
    sub.add_argument("files", nargs="+", metavar="FILE")
    sub.add_argument("--skip-bad", action="store_true", help=_("leave bad rows out, and count"))
    sub.add_argument("--replace", action="store_true", help=_("forget the tickets there were"))
    sub = command("lookup", _lookup, _("find tickets by code or name"), "gate lookup Ångström")
    sub.add_argument("wanted", nargs="+", metavar=_("CODE|NAME"))
    sub.add_argument("--json", action="store_true")
    _add_report(command("report", _report, _("counts of the event"), "gate report --by quarter"))
    _add_log(command("log", _log, _("the journal"), "gate log --reason already_used --format csv"))
    command("verify", _verify, _("audit the journal: chain, counts, file"))
    sub = command("doctor", _doctor, _("is this machine ready"), "gate doctor --scanner")
    sub.add_argument("--json", action="store_true")
    sub.add_argument("--scanner", action="store_true", help=_("test a USB scanner with a code"))
    sub.add_argument(
        "--linear", action="store_true", help=_("... with bars, for one that reads no squares")
    )
    sub = command("read", _read, _("what codes are on pictures"), "gate read photo.jpg")
    sub.add_argument("images", nargs="+", metavar="IMAGE")
    sub.add_argument("--json", action="store_true")
    _add_operator(command("operator", _operator, _("who may work here")))
    _add_serve(
        command(
            "serve",
            _serve,
            _("the central server"),
            "gate serve --listen 0.0.0.0:8470 --self-signed",
        )
    )
    _add_venue(
        command("venue", _venue, _("a venue without a server"), "gate venue invite South"), common
    )
    _add_cards(command("cards", _cards, _("cards of the ticket system, at the server")))
    _add_tickets(command("tickets", _tickets, _("draw tickets to be scanned or printed")))
    sub = command("wipe", _wipe, _("forget the event"), "gate wipe --export journal.jsonl")
    sub.add_argument("--export", metavar="FILE", help=_("where to keep the journal"))
    sub.add_argument("--yes", action="store_true", help=_("do not ask"))
    return parser


def _add_scan(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--plain", action="store_true", help=_("lines instead of the screen"))
    sub.add_argument("--gate", dest="gate_name", metavar="NAME", help=_("name of this gate"))
    sub.add_argument("--direction", choices=["in", "out", "both", "check"])
    sub.add_argument("--camera", metavar="DEVICE", help=_("camera: auto, off, 0, /dev/video0"))
    sub.add_argument("--camera-file", metavar="FILE", help=_("a video instead of a camera"))
    sub.add_argument("--camera-folder", metavar="DIR", help=_("pictures instead of a camera"))
    sub.add_argument("--evdev", metavar="DEVICE", help=_("USB scanner to keep to ourselves"))


def _add_enroll(sub: argparse.ArgumentParser) -> None:
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--by-camera", action="store_true", help=_("read the link with the camera"))
    how.add_argument("--picture", metavar="FILE", help=_("read the link from a picture"))
    how.add_argument("--link-file", metavar="FILE", help=_("a file that holds the link"))
    sub.add_argument("--name", metavar="NAME", help=_("what this gate is called from now on"))
    sub.add_argument("--again", action="store_true", help=_("even if it is enrolled already"))
    sub.add_argument("--camera", metavar="DEVICE", help=_("camera: auto, 0, /dev/video0"))


def _add_sync(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", nargs="?", choices=["status"], help=_("how things stand"))
    sub.add_argument("--once", action="store_true", help=_("once, for timers; see the exit code"))
    sub.add_argument(
        "--now", action="store_true", help=_("have the worker that is running try now")
    )
    sub.add_argument("--json", action="store_true", help=_("status for programs"))
    sub.add_argument("--child", action="store_true", help=argparse.SUPPRESS)


def _add_report(sub: argparse.ArgumentParser) -> None:
    groups = ["gate", "type", "outcome", "reason", "operator", "quarter"]
    sub.add_argument("--by", action="append", choices=groups, help=_("only these groups"))
    sub.add_argument("--format", choices=["table", "csv", "json"], default="table")
    sub.add_argument("--venue", action="store_true", help=_("all devices, and their conflicts"))


def _add_log(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--format", choices=["text", "csv", "jsonl"], default="text")
    sub.add_argument("--outcome", choices=[
        "admit", "exit", "attention", "refuse", "hold", "rescan", "valid"
    ])  # fmt: skip
    for name in ("reason", "act", "ticket", "operator"):
        sub.add_argument(f"--{name}")
    sub.add_argument("--gate", dest="at_gate")
    sub.add_argument("--since", metavar="TIME", help=_("such as 2026-12-31T19:30"))
    sub.add_argument("--until", metavar="TIME")
    sub.add_argument("--follow", action="store_true", help=_("and what comes"))
    sub.add_argument("--bundle", metavar="FILE", help=_("all of it, for another device to import"))
    sub.add_argument(
        "--salvage",
        action="store_true",
        help=_("with --bundle: every entry that is whole in a journal that is damaged"),
    )


def _days(text: str) -> int:
    """Days as a flag states them."""
    if text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= 3650:
        return int(text)
    raise argparse.ArgumentTypeError(_("a number of days, at most 3650"))


def _add_serve(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--database", metavar="URL", help=_("such as postgresql+psycopg://host/name"))
    sub.add_argument("--listen", metavar="HOST:PORT", help=_("default: 127.0.0.1:8470"))
    sub.add_argument("--server-dir", metavar="DIR", help=_("the server's own folder"))
    sub.add_argument("--cert", metavar="FILE", help=_("TLS certificate (PEM)"))
    sub.add_argument("--key", metavar="FILE", help=_("its key (PEM)"))
    sub.add_argument("--self-signed", action="store_true", help=_("make a certificate and use it"))
    sub.add_argument(
        "--proxy",
        metavar="ADDRESS|NET",
        action="append",
        default=[],
        help=_("a proxy that adds TLS and says who calls, such as 127.0.0.1; may be repeated"),
    )
    sub.add_argument("--url", metavar="URL", help=_("how gates reach the server"))
    sub.add_argument(
        "--callback-to",
        metavar="HOST[:PORT]",
        action="append",
        default=[],
        help=_("a host that callbacks may be at though it is not on the internet; may be repeated"),
    )
    sub.add_argument("--event", metavar="ID", help=_("event to enrol gates into"))
    sub.add_argument(
        "--time-zone", metavar="ZONE", help=_("time zone of an event that is made: Europe/Berlin")
    )
    sub.add_argument(
        "--rights",
        metavar="LIST",
        help=_("what a new token may do: counts,names,tickets,administer (default: counts)"),
    )
    sub.add_argument(
        "--for-days", type=_days, default=90, metavar="N", help=_("how long a new token is good")
    )
    sub.add_argument(
        "--keep-days",
        type=_days,
        metavar="N",
        help=_("so long after the event names and codes are dropped (default: 30)"),
    )
    only = sub.add_mutually_exclusive_group()
    only.add_argument("--restored", action="store_true", help=_("after restoring a backup"))
    only.add_argument(
        "--new-token", metavar="NAME", help=_("only make a link for one gate to enrol with")
    )
    only.add_argument(
        "--take-over",
        metavar="DIR",
        help=_("only make an event of a venue without a server, from its host's data folder"),
    )
    only.add_argument("--links", action="store_true", help=_("only list the links not used yet"))
    only.add_argument(
        "--withdraw", metavar="ID|NAME", help=_("only make an unused link good for nothing")
    )
    only.add_argument("--set-zone", metavar="ZONE", help=_("only give the event another time zone"))
    only.add_argument(
        "--isolated-hours", metavar="N", type=int,
        help=_("only bound for how long a gate that hears nobody lets people in; 0: not bounded"),
    )  # fmt: skip
    only.add_argument("--devices", action="store_true", help=_("only list the event's devices"))
    only.add_argument("--retire", metavar="ID", help=_("only say that a device is not at work"))
    only.add_argument("--unretire", metavar="ID", help=_("only say that it is at work again"))
    only.add_argument("--revoke", metavar="ID", help=_("only shut out a lost or stolen device"))
    only.add_argument(
        "--set-end", metavar="DAY", help=_("only say when the event ends, such as 2026-08-02")
    )
    only.add_argument(
        "--organisers", action="store_true", help=_("only list the organiser's tokens")
    )
    only.add_argument(
        "--new-organiser", metavar="NAME", help=_("only make a token of the organiser's")
    )
    only.add_argument(
        "--roll-organiser", metavar="ID", help=_("only make a token in the place of another")
    )
    only.add_argument("--end-organiser", metavar="ID", help=_("only make a token good for nothing"))
    only.add_argument("--audit", metavar="FILE", help=_("only check and write out who did what"))
    only.add_argument(
        "--export-person", metavar="WHO", help=_("only tell all that is held of one person")
    )
    only.add_argument(
        "--erase-person", metavar="WHO", help=_("only erase one person, by ticket, code, order")
    )
    only.add_argument(
        "--disown", metavar="ID", help=_("only end the effect of what a revoked device did")
    )
    _add_disowning(sub)


def _add_disowning(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--from",
        dest="disown_from",
        default="",
        metavar="TIME",
        help=_("with disown: of what it did from then on, such as '2026-12-31 18:30'"),
    )
    sub.add_argument("--yes", action="store_true", help=_("with disown: do not ask"))


def _add_venue(sub: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = sub.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, told: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, parents=[common], help=told, description=told)

    create = action("create", _("begin one; this gate is its host"))
    create.add_argument("--name", metavar="NAME", help=_("what the venue is called"))
    create.add_argument(
        "--time-zone", metavar="ZONE", help=_("its time zone; default: this machine's")
    )
    zone = action("zone", _("give the venue another time zone"))
    zone.add_argument("zone", metavar="ZONE", help=_("such as Europe/Berlin"))
    isolated = action("isolated", _("bound for how long a gate that hears nobody lets people in"))
    isolated.add_argument("hours", metavar="HOURS", type=int, help=_("0: not bounded"))
    end = action("end", _("say when the event ends: some days later names and codes are dropped"))
    end.add_argument("day", metavar="DAY", help=_("such as 2026-08-02, or never"))
    end.add_argument(
        "--keep-days", type=_days, metavar="N", help=_("how many days later (default: 30)")
    )
    invite = action("invite", _("take other gates in, with a link or code"))
    invite.add_argument("name", nargs="?", metavar="NAME", help=_("what the gate is called"))
    invite.add_argument("--count", type=int, default=1, metavar="N", help=_("how many gates"))
    invite.add_argument("--listen", metavar="HOST:PORT", help=_("default: 0.0.0.0:8472"))
    action("devices", _("who belongs to it"))
    for name, told in (
        ("retire", _("a gate is not at work any more: nobody waits to hear from it")),
        ("reinstate", _("a retired gate is at work again")),
        ("revoke", _("shut out a lost or stolen gate")),
    ):
        action(name, told).add_argument("device", metavar="DEVICE", help=_("its id"))
    disown = action("disown", _("end the effect of what a revoked gate did"))
    disown.add_argument("device", metavar="DEVICE", help=_("its id"))
    _add_disowning(disown)


def _add_server(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--database", metavar="URL", help=_("such as postgresql+psycopg://host/name"))
    sub.add_argument("--server-dir", metavar="DIR", help=_("the server's own folder"))


def _add_cards(sub: argparse.ArgumentParser) -> None:
    actions = sub.add_subparsers(
        dest="action", required=True, metavar="list|approve|reject|account"
    )
    _add_server(actions.add_parser("list", help=_("every card, with its review and stock")))
    approve = actions.add_parser("approve", help=_("approve cards that wait for review"))
    reject = actions.add_parser("reject", help=_("reject them"))
    reject.add_argument("--reason", default="", help=_("told to the account"))
    for one in (approve, reject):
        one.add_argument("cards", nargs="+", metavar="CARD_ID")
        _add_server(one)
    account = actions.add_parser("account", help=_("make another account of the card API"))
    account.add_argument("--event", metavar="ID", default="default", help=_("its cards' event"))
    _add_server(account)


def _add_tickets(sub: argparse.ArgumentParser) -> None:
    actions = sub.add_subparsers(dest="action", required=True, metavar="render")
    render = actions.add_parser("render", help=_("as PNG, SVG or a sheet to be printed"))
    render.add_argument("codes", nargs="*", metavar="CODE")
    render.add_argument("--card", metavar="CARD_ID", help=_("all tickets of a card, or which"))
    render.add_argument("--order", metavar="ORDER_ID", help=_("the tickets of an order"))
    render.add_argument(
        "--out", metavar="PATH", required=True, help=_("FILE.png, FILE.svg, FILE.html or a folder")
    )
    render.add_argument("--format", choices=["png", "svg"], default="png")
    render.add_argument("--symbology", choices=["qr", "code128", "pdf417", "aztec"])
    _add_server(render)


def _add_operator(sub: argparse.ArgumentParser) -> None:
    actions = sub.add_subparsers(dest="action", required=True, metavar="add|list|remove")
    add = actions.add_parser("add", help=_("add one, or give a new PIN"))
    add.add_argument("name")
    add.add_argument("--role", choices=["staff", "supervisor"], required=True)
    actions.add_parser("list", help=_("who there is"))
    remove = actions.add_parser("remove", help=_("remove one"))
    remove.add_argument("name")


if __name__ == "__main__":
    sys.exit(main())
