"""What is done beside a lane every few seconds: its quiet moments, and what it has to know."""

import logging
import threading
from typing import TYPE_CHECKING

from gate.clock import Clock
from gate.core.clock_error import ClockWatch
from gate.core.silence import Silence
from gate.errors import GateError, UsageError
from gate.lane.check_outs import DueCheckOuts
from gate.lane.inbox import Inbox
from gate.lane.lane import Lane
from gate.storage import lane_status, outgoing
from gate.storage.connectivity import Connectivity
from gate.storage.event import event_row
from gate.text.clock_words import clock_line
from gate.text.connectivity_words import silence_words

if TYPE_CHECKING:
    from gate.cli.lane_session import LaneSession

log = logging.getLogger(__name__)

IDLE_EVERY_S = 2.0


def keep_house(session: "LaneSession", lane: Lane, clock: Clock, stopping: threading.Event) -> None:
    """Until it stops: see that a sync worker lives, give the lane its moments, say what is new."""
    child, silence, inbox = session.child, Silence(), Inbox(session.folder, lane, clock)
    workers, own = session.workers, session.own_list.event if session.own_list else ""
    clock_watch, due = ClockWatch(), DueCheckOuts(session.folder)
    if child is not None:
        child.look_after()
    session.warn_unplaced()
    _deliver(session, inbox)
    while not stopping.wait(IDLE_EVERY_S):
        try:
            if child is not None and not lane.is_revoked:
                child.look_after()
            if workers is not None:
                workers.look_after(but=own)
            lane.idle()
            _announce_silence(session, lane, silence, lane.connectivity())
            _announce_clock(session, lane, clock_watch)
            if not lane.is_revoked:
                # What is deleted then is not to be looked into.
                _send_waiting(session, lane)
                _deliver(session, inbox)
            _tell_of_lane(session, lane, clock)
            _follow_event(session, lane)
            _check_out(session, lane, due)
        except GateError as fault:
            log.warning("idle: %s", fault.message)


def _follow_event(session: "LaneSession", lane: Lane) -> None:
    """Go by what the event says now. Tickets that cannot be read say nothing of it."""
    event = event_row(session.folder)
    if event is not None:
        session.zone.follow(event)
        session.settings.follow(lane, event)


def _check_out(session: "LaneSession", lane: Lane, due: DueCheckOuts) -> None:
    """Keep that everybody went out, where it is this device that does."""
    for some in due.tickets(lane.rules.exit_all_at, session.zone.info, lane.now_ms()):
        lane.check_out(some)


def _announce_silence(
    session: "LaneSession", lane: Lane, silence: Silence, connectivity: Connectivity
) -> None:
    """Say which gates have fallen silent, and which are heard again."""
    changes = silence.look(connectivity.sync_status.lanes, connectivity.boot_ms)
    for line in silence_words(changes, connectivity.boot_ms, lane.now_ms(), session.zone.info):
        session.on_announcement(line)


def _announce_clock(session: "LaneSession", lane: Lane, clock_watch: ClockWatch) -> None:
    """Say when the lane's clock begins to be off, before any rule goes wrong by it."""
    known, at_ms = lane.true_time()
    state = clock_watch.look(known, at_ms)
    if state is not None:
        session.on_announcement(clock_line(state, known, at_ms))


def _send_waiting(session: "LaneSession", lane: Lane) -> None:
    """Write what was left for this lane to write."""
    for path, left in outgoing.waiting(session.folder):
        try:
            if isinstance(left, outgoing.SignOff):
                lane.sign_off(left.name, left.gates, left.not_green)
            else:
                lane.send_message(left.text, left.gates, None)
        except UsageError as wrong:
            log.warning("%s: %s", path.name, wrong.message)
        path.unlink(missing_ok=True)


def _deliver(session: "LaneSession", inbox: Inbox) -> None:
    """Show what is new; a fault is only logged: it is looked again."""
    try:
        for message in inbox.look():
            session.on_message(message)
    except GateError as fault:
        log.warning("messages: %s", fault.message)


def _tell_of_lane(session: "LaneSession", lane: Lane, clock: Clock) -> None:
    """Say how the lane is, for the worker to pass on."""
    now, inputs, turnstile = clock.read(), session.inputs, session.turnstile
    sees = turnstile is not None and turnstile.sees_passages
    trouble = turnstile.trouble if turnstile else ""
    status = lane_status.LaneStatus(
        boot_id=now.boot_id,
        boot_ms=now.boot_ms,
        camera=inputs.camera if inputs else "",
        scanner=inputs.scanner if inputs else "",
        turnstile="" if turnstile is None else "broken" if trouble else "on",
        turnstile_trouble=trouble,
        not_passed=turnstile.not_passed if turnstile and sees else None,
        not_passed_in_row=turnstile.not_passed_in_row if turnstile and sees else None,
        sound=session.sounds.state if session.sounds else "",
        is_clock_trusted=lane.clock_is_trusted(),
    )
    lane_status.write(session.folder, status)
