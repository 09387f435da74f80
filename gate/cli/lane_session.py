"""A session of the lane: opens it, runs the screen or the lines, and closes it well."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path
from queue import SimpleQueue

from gate.capture.camera import Source, State
from gate.capture.glimpse import Furniture, Notice
from gate.capture.hints import Hint
from gate.cli.ending import Ending
from gate.cli.housekeeping import IDLE_EVERY_S, keep_house
from gate.cli.list_workers import ListWorkers
from gate.cli.sync_child import WorkerChild
from gate.cli.watchdog import Loop, Watchdog
from gate.clock import SystemClock
from gate.config import Config
from gate.core.entry import Entry
from gate.core.place import Direction
from gate.core.verdict import Verdict
from gate.demo.script import Prompter, Turn
from gate.errors import GateError, UsageError
from gate.i18n import _, sentences
from gate.lane.inputs import Inputs
from gate.lane.lane import Lane
from gate.lane.lane_settings import LaneSettings
from gate.output.sound import Sounds
from gate.output.turnstile import Turnstile
from gate.reports.ticket_import import remove_old_replicas
from gate.settings import GateSettings
from gate.storage import gate_lists, lane_status
from gate.storage.folder import Folder, Lock
from gate.storage.gate_lists import GateList
from gate.storage.log_file import open_log
from gate.storage.ticket_places import ticket_places
from gate.text.confirming import movement
from gate.text.lane_words import isolation_words, list_line
from gate.text.outcome_words import DIRECTION_WORDS
from gate.text.printable import printable
from gate.text.scanner_words import hint_line, saved_line
from gate.text.settings_words import gate_lines, unplaced_line
from gate.text.verdict_words import revoked_words
from gate.text.view_words import beside, furniture_words
from gate.text.zones import LaneZone, Zone
from gate.ui.plain import Plain

log = logging.getLogger(__name__)


@dataclass(slots=True)
class LaneSession:
    """What a session of the lane needs, and the verdicts it brought."""

    config: Config
    """As flags, variables and the file have it; ``settings`` has what the event makes of it."""
    folder: Folder
    plain: bool = False
    watches: bool = False
    """Whether this device only watches: its lane is not opened, and nothing is scanned."""
    source: Source | None = None
    """A picture source instead of the configured one."""
    turns: tuple[Turn, ...] = ()
    seconds: float | None = None
    hello: str = ""
    is_demo: bool = False
    verdicts: list[Verdict] = field(default_factory=list)
    """Kept in a demo only: an evening may be long."""
    worker_arguments: list[str] = field(default_factory=list)
    """How a sync worker finds the same folder and configuration."""
    workers: ListWorkers | None = None
    """Of a gate with several lists: they live longer than a session of one of them."""
    child: WorkerChild | None = None
    next_list: GateList | None = None
    """The list that somebody wants to change to: this session is over, and its is to begin."""
    zone: LaneZone = field(init=False)
    settings: LaneSettings = field(init=False)
    own_list: GateList | None = field(init=False)
    """Which of the gate's lists this is; ``None`` where there is but one."""
    others: tuple[GateList, ...] = field(init=False)
    """The gate's other lists."""
    turnstile: Turnstile | None = None
    """What opens for who was let in, where there is something."""
    inputs: Inputs | None = None
    """What reads codes, once it does."""
    sounds: Sounds | None = None
    """What is heard, once it is."""
    on_announcement: Callable[[str], object] = field(default=lambda _line: None)
    """Called in any thread with what has just become known of the other gates."""
    on_message: Callable[[Entry], object] = field(default=lambda _message: None)
    """Called in any thread with a message to this gate that is to be read here."""
    on_warning: Callable[[str], object] = field(default=lambda _line: None)
    """Called in any thread with what the operator has to know once."""

    def __post_init__(self) -> None:
        self.zone = LaneZone(self.config, self.folder)
        self.settings = LaneSettings(self.config, self.folder)
        self.own_list = gate_lists.list_of(self.folder)
        self.others = gate_lists.beside(self.folder)

    def warn_unplaced(self) -> None:
        """Say so once if nobody has said where this gate is, though tickets are for places."""
        if self.watches or self.settings.current.is_placed or not self.folder.pointer.exists():
            return
        try:
            line = unplaced_line(self.settings.current, ticket_places(self.folder))
        except GateError as fault:
            log.warning("places: %s", fault.message)
            return
        if line:
            self.on_warning(line)

    def begin_worker(self) -> WorkerChild | None:
        """The folder's worker, where there is to be one; it starts once it is looked after."""
        belongs = self.folder.enrolment.exists() or self.folder.membership.exists()
        if not belongs or not self.config.sync.start_worker or self.is_demo:
            return None
        if self.workers is not None and self.own_list is not None:
            self.child = self.workers.of(self.own_list.event)
        else:
            self.child = WorkerChild(self.folder, self.worker_arguments)
        return self.child

    def end_worker(self) -> None:
        """Have what is left told; the worker of one of several lists goes on."""
        if self.child is not None:
            self.child.nudge()
            if self.workers is None:
                self.child.close()

    def tell_of_turnstile(self, trouble: str) -> None:
        """Say what is wrong with what opens, or that all is well again; in its thread."""
        says = trouble or _("well again")
        self.on_warning(_("turnstile: {state}").format(state=printable(says, 200)))

    def note_no_passage(self, lane: Lane, name: str) -> None:
        """Nobody went through on an entry: the journal has it, and the operator hears of it."""
        try:
            noted = lane.note_no_passage(name)
        except GateError as fault:
            log.warning("no passage: %s", fault.message)
            noted = None
        if noted is not None:
            zone, names = self.zone.info, self.settings.current.config.screen.show_names
            line = movement(*noted, zone, lane.now_ms(), show_names=names)
            self.on_warning(
                _("Nobody went through: {movement}. The use stands.").format(movement=line)
            )

    def take(self, verdict: Verdict) -> None:
        """Note a verdict, and tell whoever passes it on; from any thread."""
        if self.is_demo:
            self.verdicts.append(verdict)
        if self.child is not None:
            self.child.nudge()


def run_lane(session: LaneSession) -> int:
    """Work until the operator quits; the answer is the exit code.

    Raises GateError when the lane cannot be opened: another gate has the folder, or the disk is
    read-only.
    """
    folder, config = session.folder, session.config
    folder.create()
    lock = Lock(folder)
    logging_stops = _log_to(folder)
    if folder.pointer.exists():
        remove_old_replicas(folder)
    clock = SystemClock()
    now = session.settings.current
    lane = Lane(
        folder,
        clock,
        now.place,
        now.rules,
        now.config.gate.direction,
        heard_within_s=config.sync.heard_within_s,
        others=session.others,
    )
    turnstile = _turnstile(session, lane)
    stopping = threading.Event()
    session.begin_worker()
    keeper = threading.Thread(target=keep_house, args=(session, lane, clock, stopping), daemon=True)

    def close() -> None:
        stopping.set()
        if turnstile is not None:
            turnstile.stop()
        lane.close()
        session.end_worker()

    with Ending(close) as ending:
        try:
            try:
                lane.watch() if session.watches else lane.open()
            except GateError as fault:
                # The lane comes up all the same and holds everybody until a supervisor has come.
                log.error("opening: %s", fault.message)
            keeper.start()
            run_it = _run_board if session.watches else _run_screen
            if session.plain:
                run_it = _run_plain
            return run_it(session, lane, ending)
        finally:
            stopping.set()
            if keeper.is_alive():
                keeper.join()
            close()
            lane_status.remove(folder)
            logging_stops()
            lock.close()


def _turnstile(session: LaneSession, lane: Lane) -> Turnstile | None:
    """What opens here, begun; nothing where there is none. Raises OutputError for a wrong name."""
    output = session.config.output
    if not output.relay or session.watches or session.is_demo:
        return None
    turnstile = Turnstile(
        output,
        session.tell_of_turnstile,
        lambda name: session.note_no_passage(lane, name),
    )
    lane.tell_decided(turnstile.take)
    session.turnstile = turnstile
    turnstile.start()
    return turnstile


def _run_plain(session: LaneSession, lane: Lane, ending: Ending) -> int:
    config = session.settings.current.config
    _require_no_screen(config)

    def show(verdict: Verdict) -> None:
        session.take(verdict)
        lines.show(verdict)

    def print_camera(state: State, detail: str) -> None:
        lines.print_line(
            "# " + _("camera {state}").format(state=f"{state} {printable(detail)}".strip())
        )

    def print_scanner(trouble: str) -> None:
        lines.print_line("# " + _("scanner {state}").format(state=printable(trouble) or _("on")))

    def print_advice(advice: Hint | None) -> None:
        if advice is not None:
            lines.print_line(hint_line(advice))

    def print_notice(notice: Notice | None) -> None:
        if notice is not None:
            names = config.screen.show_names
            lines.print_line("# " + beside(notice.ticket, notice.more, show_names=names))

    def print_furniture(found: Furniture) -> None:
        lines.print_line("# " + furniture_words(found.text, found.symbology, found.spot.across))

    def print_turn(turn: Direction) -> None:
        lines.print_line(_("# direction: {way}").format(way=_(DIRECTION_WORDS[turn])))

    def look_hard() -> None:
        if inputs.picture is not None:
            inputs.picture.try_hard()

    def count_too() -> bool:
        return inputs.meant()

    def print_zone(zone: Zone) -> None:
        lines.time_zone = zone.info
        lines.print_line("# " + _("times: {zone}").format(zone=zone.in_words()))

    lines = Plain(
        lane,
        session.zone.info,
        out=sys.stdout,
        screen=config.screen,
        look_hard=look_hard,
        meant=count_too,
        own_list=session.own_list,
        others=session.others,
    )
    inputs = Inputs(
        lane,
        config,
        show,
        on_notice=print_notice,
        on_furniture=print_furniture,
        source=session.source,
        on_advice=print_advice,
        on_camera=print_camera,
        on_scanner=print_scanner,
        on_warning=lambda line: lines.print_line(f"# {line}"),
        on_command=lines.carry_out,
    )
    of_list = f"{list_line(session.own_list)}: " if session.own_list else ""
    start = f"{of_list}{printable(lane.place.gate)}, {_(DIRECTION_WORDS[lane.direction])}"
    lines.print_line(f"# {sentences(start, session.hello)}")
    for source, fix in lane.scanner_fixes().items():
        lines.print_line(f"# {saved_line(source, fix.established)}")
    session.zone.on_change = print_zone
    print_zone(session.zone.current)
    _follow_settings(session, lines)
    prompter = Prompter(session.turns, lane, show, print_turn)
    session.inputs, session.sounds = inputs, lines.sounds
    lines.sounds.start()
    inputs.start()
    prompter.start()
    ending.then(lines.quitting.set)
    try:
        _wait_plain(session, lane, inputs, lines)
    finally:
        prompter.stop()
        inputs.stop()
        lines.sounds.stop()
    session.next_list = lines.next_list
    return 0


def _require_no_screen(config: Config) -> None:
    wants = {"operators.sign_in": config.operators.sign_in, "screen.kiosk": config.screen.kiosk}
    for key in (key for key, is_wanted in wants.items() if is_wanted):
        raise UsageError(
            _("{key} needs the screen").format(key=key), _("Leave out --plain, or switch it off.")
        )


def _follow_settings(session: LaneSession, lines: Plain) -> None:
    """Say what the lane goes by, now and whenever that changes."""

    def print_settings(settings: GateSettings) -> None:
        lines.show_names = settings.config.screen.show_names
        for line in gate_lines(settings):
            lines.print_line(f"# {line}")

    def print_change(settings: GateSettings) -> None:
        lines.print_line("# " + _("the event's settings have changed"))
        print_settings(settings)

    session.settings.on_change = print_change
    session.on_warning = lambda line: lines.print_line(f"# {line}")
    session.on_announcement = session.on_warning
    session.on_message = lines.deliver
    print_settings(session.settings.current)


def _wait_plain(session: LaneSession, lane: Lane, inputs: Inputs, lines: Plain) -> None:
    """Until the quit key, the end of everything that reads, or the time."""
    loop = Loop()
    with Watchdog({"loop": loop.ask, "lane": lane.when_free}, session.folder.log):
        shows_revoked = _print_if_revoked(lane, lines)
        _type_plain(session, inputs, lines, loop)
        isolation, look_s = "", float("-inf")
        until = None if session.seconds is None else time.monotonic() + session.seconds
        while not lines.quitting.is_set() and inputs.are_reading:
            left = 0.25 if until is None else min(0.25, until - time.monotonic())
            if left <= 0:
                break
            loop.turn()
            shows_revoked = shows_revoked or _print_if_revoked(lane, lines)
            if time.monotonic() >= look_s + IDLE_EVERY_S:
                look_s, before = time.monotonic(), isolation
                isolation = isolation_words(lane, lines.time_zone)
                if isolation and isolation != before:
                    lines.print_line(f"# {isolation}")
            lines.quitting.wait(left)


def _type_plain(session: LaneSession, inputs: Inputs, lines: Plain, loop: Loop) -> None:
    """Until nothing more comes from the keyboard, or the quit key; at once where none is read."""
    scanner = session.config.scanner
    if not scanner.keyboard or session.is_demo:
        return
    is_pipe = not sys.stdin.isatty()
    lines.type_until_end(
        sys.stdin.fileno(),
        # How fast lines come down a pipe says nothing: each is a scan of its own.
        lambda code: inputs.scanned(code, "keyboard", is_alone=is_pipe),
        scanner.gap_ms,
        lambda: inputs.typing("keyboard"),
        loop.turn,
    )


def _print_if_revoked(lane: Lane, lines: Plain) -> bool:
    if lane.is_revoked:
        words = revoked_words()
        lines.print_line(f"# {words.word}: {sentences(words.rule, words.remedy)}")
    return lane.is_revoked


def _run_screen(session: LaneSession, lane: Lane, ending: Ending) -> int:
    from gate.ui.tui.app import GateApp

    app = GateApp(
        lane,
        session.settings.current.config,
        session.folder,
        source=session.source,
        zone=session.zone,
        hello=session.hello,
        quits_at_once=session.is_demo,
        own_list=session.own_list,
        others=session.others,
    )
    app.on_verdict = session.take
    app.turnstile = session.turnstile
    session.settings.on_change = app.go_by
    session.on_warning = app.warn
    session.on_announcement, session.on_message = app.announce, app.deliver
    prompter = Prompter(session.turns, lane, app.decided, lambda _turn: app.refresh_status())

    def ready() -> None:
        session.inputs, session.sounds = app.inputs, app.sounds
        prompter.start()
        app.go_by(session.settings.current)
        # It only posts: the ending has a thread of its own.
        ending.then(lambda: app.call_later(app.exit, 0))
        watched.enter_context(watchdog)

    def ask_screen(then: Callable[[], object]) -> None:
        app.call_later(app.scan_screen.call_later, then)

    watchdog = Watchdog({"screen": ask_screen, "lane": lane.when_free}, session.folder.log)
    app.on_ready = ready
    app.quit_after_s = session.seconds
    with _NativeErrors(session.folder.log), ExitStack() as watched:
        code = app.run()
    prompter.stop()
    session.next_list = app.next_list
    return code or 0


def _log_to(folder: Folder) -> Callable[[], None]:
    """Log to the folder's file from a thread of its own: the lane waits for one disk only."""
    # On a full disk the log is the first thing to go without, and it must not tear the screen.
    logging.raiseExceptions = False
    handler = open_log(folder.log)
    listener = QueueListener(queue := SimpleQueue[logging.LogRecord](), handler)
    listener.start()
    root = logging.getLogger()
    queued = QueueHandler(queue)
    root.addHandler(queued)
    root.setLevel(logging.INFO)

    def stop() -> None:
        root.removeHandler(queued)
        listener.stop()
        handler.close()

    return stop


def _run_board(session: LaneSession, lane: Lane, ending: Ending) -> int:
    from gate.ui.tui.watch import WatchApp

    app = WatchApp(lane, session.settings.current.config, session.folder, zone=session.zone)
    session.on_announcement, session.on_message = app.announce, app.deliver
    # It only posts: the ending has a thread of its own.
    app.on_ready = lambda: ending.then(lambda: app.call_later(app.exit, 0))
    with _NativeErrors(session.folder.log):
        return app.run() or 0


class _NativeErrors:
    """Sends what libraries write to file descriptor 2 into a file: it would tear the screen.

    Textual paints on ``sys.__stderr__``, which meanwhile is the terminal by another descriptor.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._kept = os.dup(2)
        self._stderr = sys.__stderr__
        sys.__stderr__ = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")  # type: ignore[misc]
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 2)
        os.close(file)

    def __exit__(self, *_error: object) -> None:
        os.dup2(self._kept, 2)
        os.close(self._kept)
        if sys.__stderr__ is not None:
            sys.__stderr__.close()
        sys.__stderr__ = self._stderr  # type: ignore[misc]
