"""Which of the codes that are read is decided now, and when; the lane is asked for the verdict.

``View`` has what a camera sees, ``Triggers`` what scanners type; a thread keeps the time.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from gate.capture.debounce import Debounce
from gate.capture.glimpse import Decide, Furniture, Glimpse, Notice
from gate.capture.picture import Seen
from gate.capture.triggers import Trigger, Triggers
from gate.capture.view import View
from gate.clock import monotonic_ms
from gate.config import Config
from gate.core.outcome import Outcome, Reason
from gate.core.ticket import Ticket
from gate.core.verdict import Scan, Verdict
from gate.errors import GateError
from gate.lane.lane import Lane

log = logging.getLogger(__name__)

ASKED_AGAIN_MS = 1000
"""How often the lane is asked anew whose a code is that stays in view."""
ASKED_KEPT = 100
FAULTS_KEPT = 100


class Selection:
    """Lets ``View`` and ``Triggers`` say which codes count, and gets their verdicts.

    ``on_verdict`` is called in any thread, once for every scan, after the verdict is durable;
    ``on_notice`` whenever what is to be said beside it changes. While ``is_listening`` answers no,
    nothing that is in view is a scan.
    """

    def __init__(
        self,
        lane: Lane,
        config: Config,
        on_verdict: Callable[[Verdict], None],
        *,
        is_listening: Callable[[], bool],
        on_notice: Callable[[Notice | None], None] | None = None,
        on_furniture: Callable[[Furniture], None] | None = None,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._lane = lane
        self._on_verdict = on_verdict
        self._is_listening = is_listening
        self._on_notice = on_notice
        self._on_furniture = on_furniture
        self._now_ms = now_ms or monotonic_ms
        self._debounce = Debounce(
            out_of_view_ms=config.debounce.out_of_view_ms,
            camera_ms=config.debounce.camera_ms,
            scanner_ms=config.debounce.scanner_ms,
        )
        self._view = View(self._debounce)
        self._triggers = Triggers(self._debounce, config.scanner.gap_ms)
        self._changed = threading.Condition()
        """Guards the three above; is never held while the lane or the screen is waited for."""
        self._stopping = False
        self._timer = threading.Thread(target=self._keep_time, name="inputs", daemon=True)
        self._publishing = threading.Lock()
        self._notice: Notice | None = None
        self._known_furniture: set[str] = set()
        self._faults: dict[str, str] = {}
        self.owners = Owners(lane, self._now_ms)

    def start(self) -> None:
        """Begin to keep time."""
        self._timer.start()

    def stop(self) -> None:
        """Decide what was held back, and keep no time any more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._timer.is_alive():
            self._timer.join()
        self.end()

    def frame(self, codes: Sequence[Seen]) -> None:
        """Take all codes of one frame; answers when the verdicts are there."""
        glimpses = [Glimpse(_scan_of(seen), self.owners.of(seen), seen.spot) for seen in codes]
        with self._changed:
            is_listening = self._is_listening()
            decides = self._view.frame(glimpses, self._now_ms(), listening=is_listening)
            if not is_listening:
                self._triggers.forget()
        self._carry_out(decides)
        self._publish()

    def typed(self, scan: Scan, *, is_alone: bool = False) -> None:
        """Take a line that was typed; the verdict comes later.

        ``is_alone`` says that it belongs to no trigger: it came down a pipe, say.
        """
        trigger = None
        if not is_alone:
            with self._changed:
                trigger = self._triggers.line(scan.source, self._now_ms())
        self._lane.look_up(scan).add_done_callback(lambda done: self._owned(trigger, scan, done))

    def typing(self, source: str) -> None:
        """Characters are coming from a scanner, and no whole code yet."""
        with self._changed:
            self._triggers.typing(source, self._now_ms())

    def end(self) -> None:
        """Nothing more will come: what was held back is decided now."""
        with self._changed:
            now_ms = self._now_ms()
            is_listening = self._is_listening()
            decides = self._view.end(now_ms) + self._triggers.end(now_ms) if is_listening else []
        self._carry_out(decides)
        self._publish()

    def tick(self) -> None:
        """Decide what has been held back long enough."""
        with self._changed:
            now_ms = self._now_ms()
            if self._is_listening():
                decides = self._triggers.tick(now_ms) or self._view.tick(now_ms)
            else:
                self._triggers.forget()
                decides = self._view.frame([], now_ms, listening=False)
        self._carry_out(decides)
        self._publish()

    def meant(self, ticket: str = "") -> bool:
        """A key says that the other ticket is meant too: the one that is named, or none.

        The verdict comes later; answers whether there will be one.
        """
        named = self._notice.ticket if self._notice is not None else None
        if named is None or (ticket and named.id != ticket):
            return False
        with self._changed:
            now_ms = self._now_ms()
            decides = self._view.meant(named.id, now_ms) or self._triggers.meant(named.id, now_ms)
        for decide in decides:
            self._ask(decide)
        self._publish()
        return bool(decides)

    def shown(self) -> None:
        """A verdict has come to be seen just now: it is to stay for long enough."""
        with self._changed:
            self._debounce.shown(self._now_ms())

    def furniture(self) -> list[Furniture]:
        """Unknown codes that lie in the picture and are not decided."""
        with self._changed:
            return self._view.furniture(self._now_ms())

    def _owned(self, trigger: Trigger | None, scan: Scan, done: "Future[Ticket | None]") -> None:
        fault = done.exception()
        if fault is not None:
            log.warning("looking up: %s", fault)
        line = Glimpse(scan, None if fault else done.result())
        with self._changed:
            now_ms = self._now_ms()
            if trigger is None:
                decides = self._triggers.alone(line, now_ms)
            else:
                decides = self._triggers.typed(trigger, line, now_ms)
            self._changed.notify_all()
        for decide in decides:
            self._ask(decide)
        self._publish()

    def _carry_out(self, decides: Sequence[Decide]) -> None:
        """Decide, and wait for the verdicts."""
        for decide in decides:
            self._answered(decide, self._lane.submit(decide.glimpse.scan))

    def _ask(self, decide: Decide) -> None:
        """Decide without waiting."""
        done = self._lane.submit(decide.glimpse.scan)
        done.add_done_callback(lambda done: self._answered(decide, done))

    def _answered(self, decide: Decide, done: "Future[Verdict]") -> None:
        verdict, code = done.result(), decide.glimpse.key
        is_fault = verdict.outcome is Outcome.HOLD and verdict.reason is Reason.FAULT
        with self._changed:
            self._debounce.shown(self._now_ms())
            if verdict.outcome in (Outcome.HOLD, Outcome.ASK):
                self._debounce.held(code)
            if is_fault and decide.glimpse.scan.source == "camera":
                self._view.fault(code, self._now_ms())
            elif is_fault:
                # Once the fault is mended, the same ticket held up again is a new scan.
                self._debounce.forget(code)
            is_known = decide.is_again and is_fault and self._faults.get(code) == verdict.hint
            self._faults.pop(code, None)
            if is_fault:
                self._faults = {code: verdict.hint, **self._faults}
                self._faults = dict(list(self._faults.items())[:FAULTS_KEPT])
        if not is_known:
            self._on_verdict(verdict)

    def _publish(self) -> None:
        """Pass on what has changed of what stands beside the verdict."""
        with self._publishing:
            with self._changed:
                now_ms = self._now_ms()
                notice = self._view.notice(now_ms) or self._triggers.notice(now_ms)
                furniture = self._view.furniture(now_ms)
                self._changed.notify_all()
            if notice != self._notice:
                self._notice = notice
                if self._on_notice is not None:
                    self._on_notice(notice)
            if self._on_furniture is not None:
                for one in furniture:
                    if one.text not in self._known_furniture:
                        self._known_furniture.add(one.text)
                        self._on_furniture(one)

    def _keep_time(self) -> None:
        """The thread that decides what was held back, if no frame does so before."""
        while True:
            with self._changed:
                if self._stopping:
                    return
                now_ms = self._now_ms()
                dues = (self._view.due_ms(now_ms), self._triggers.due_ms(now_ms))
                due_ms = min((due for due in dues if due is not None), default=None)
                if due_ms is None or due_ms > now_ms:
                    wait_s = None if due_ms is None else (due_ms - now_ms) / 1000
                    if self._changed.wait(wait_s):
                        continue
            self.tick()


class Owners:
    """Whose the codes in view are; the lane is asked again now and then, for tickets change."""

    def __init__(self, lane: Lane, now_ms: Callable[[], int]) -> None:
        self._lane = lane
        self._now_ms = now_ms
        self._asked: dict[tuple[str, bytes], tuple[Ticket | None, int]] = {}

    def of(self, seen: Seen) -> Ticket | None:
        """The ticket that a code belongs to, if any, as of a second ago at most."""
        now_ms = self._now_ms()
        symbol = (seen.text, seen.raw)
        ticket, asked_ms = self._asked.pop(symbol, (None, -ASKED_AGAIN_MS))
        if now_ms - asked_ms >= ASKED_AGAIN_MS:
            try:
                ticket = self._lane.look_up(_scan_of(seen)).result()
            except GateError as fault:
                # Deciding says what is wrong; what is in view already stays what it was.
                log.warning("looking up: %s", fault.message)
            asked_ms = now_ms
        self._asked[symbol] = ticket, asked_ms
        if len(self._asked) > ASKED_KEPT:
            del self._asked[next(iter(self._asked))]
        return ticket

    def is_like_another(self, seen: Seen) -> bool:
        """Whether a ticket's number of retail may be misread off another ticket."""
        try:
            return self._lane.is_like_another(_scan_of(seen)).result()
        except GateError as fault:
            # Deciding says what is wrong.
            log.warning("looking up: %s", fault.message)
            return False


def _scan_of(seen: Seen) -> Scan:
    return Scan(seen.text, seen.symbology, "camera", started_ns=seen.taken_ns, raw=seen.raw)
