"""Threads that take turns in a time of its own: one runs at once, and time goes on by their waits.

Whatever blocks in production blocks here too, but on a heap of what happens when. So one random
source makes one history, whatever the machine is doing meanwhile.
"""

import heapq
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
LOOKS = 5000
"""More readings of the clock at one moment are a loop that waits for nothing."""


class Crash(BaseException):
    """The process is gone. Nothing of ours may catch this and go on."""


def shut() -> threading.Lock:
    """A lock that whoever wants to go on waits for until another releases it."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class Fiber:
    """One thread that has its turn now and then."""

    def __init__(self, kernel: "Kernel", work: Callable[[], None], owner: Any) -> None:
        self.owner = owner
        self.turn = 0
        """How often it has gone on: what would wake it for an earlier wait comes too late."""
        self.is_done = self.is_doomed = False
        self.error: BaseException | None = None
        self.fuse = -1
        """So many statements of SQL until it dies; negative: it lives on."""
        self._kernel, self._work = kernel, work
        self._go = shut()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.is_doomed:
                self._work()
        except Crash:
            pass
        except BaseException as error:  # noqa: BLE001  raised where the history is run
            self.error = error
        self.is_done = True
        self._kernel.back.release()

    def wait(self) -> None:
        """Let the others go on until somebody wakes this one. Raises Crash when it is to die."""
        if self.is_doomed:
            raise Crash
        self._kernel.back.release()
        self._go.acquire()
        if self.is_doomed:
            raise Crash

    def go_on(self) -> None:
        """Have its turn, to its next wait; for the kernel."""
        self.turn += 1
        self._go.release()
        self._kernel.back.acquire()

    def burn(self) -> None:
        """One more statement is done. Raises Crash when it was the last."""
        if self.fuse >= 0:
            self.fuse -= 1
            if self.fuse < 0:
                self.is_doomed = True
                raise Crash


class Kernel:
    """The time, what happens when, and whose turn it is."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.back = shut()
        self.current: Fiber | None = None
        self.fibers: list[Fiber] = []
        self.looks = 0
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, wait_s: float, act: Callable[[], Any]) -> None:
        """Have something happen; what is due at one moment happens in the order it was said."""
        self._count += 1
        heapq.heappush(self._coming, (self.now_s + max(0.0, wait_s), self._count, act))

    def run(self, seconds: float) -> None:
        """Let so much time go by. Raises whatever a fiber ended with."""
        until = self.now_s + seconds
        while self._coming and self._coming[0][0] <= until:
            at_s, _n, act = heapq.heappop(self._coming)
            if at_s > self.now_s:
                self.now_s, self.looks = at_s, 0
            act()
        self.now_s, self.looks = until, 0

    def look(self) -> float:
        """The time, for whoever might wait for it in vain."""
        self.looks += 1
        assert self.looks < LOOKS, "a busy loop: it looks at the clock, and time stands still"
        return self.now_s

    # Fibers

    def spawn(self, work: Callable[[], None], owner: Any) -> Fiber:
        """Begin a fiber; its first turn comes at once, but after this one's."""
        fiber = Fiber(self, work, owner)
        self.fibers.append(fiber)
        self.after(0, self.waker(fiber))
        return fiber

    def waker(self, fiber: Fiber) -> Callable[[], None]:
        """What lets a fiber go on from the wait that it begins now, unless something else has."""
        turn = fiber.turn

        def wake() -> None:
            if fiber.is_done or fiber.turn != turn:
                return
            if fiber.owner.frozen_until_s > self.now_s:
                self.after(fiber.owner.frozen_until_s - self.now_s, wake)
                return
            self._resume(fiber)

        return wake

    def sleep(self, seconds: float) -> None:
        """Wait; in a fiber."""
        fiber = self.running()
        self.after(seconds, self.waker(fiber))
        fiber.wait()

    def outside(self, do: Callable[[], T]) -> T:
        """Have something done by another process; in a fiber, which waits for it."""
        fiber, done = self.running(), Future[T]()
        wake = self.waker(fiber)

        def act() -> None:
            try:
                done.set_result(do())
            except Exception as error:  # noqa: BLE001  for whoever waits
                done.set_exception(error)
            wake()

        self.after(0, act)
        fiber.wait()
        return done.result()

    def running(self) -> Fiber:
        """Whose turn it is."""
        assert self.current is not None
        return self.current

    def doom(self, owner: Any) -> None:
        """Let all fibers of one owner die where they stand."""
        for fiber in [one for one in self.fibers if one.owner is owner]:
            fiber.is_doomed = True
            if fiber is self.current:
                raise Crash
            if not fiber.is_done:
                self._resume(fiber)

    def _resume(self, fiber: Fiber) -> None:
        before, self.current = self.current, fiber
        fiber.go_on()
        self.current = before
        if fiber.is_done:
            self.fibers.remove(fiber)
        if fiber.error is not None:
            raise fiber.error


class Queue(SimpleQueue[Any]):
    """A queue whose waits take the kernel's time."""

    def __new__(cls, *_given: Any) -> "Queue":
        return super().__new__(cls)

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._items: deque[Any] = deque()
        self._wake: Callable[[], None] | None = None
        self.empties: deque[float] = deque()
        """When somebody waited here in vain, lately."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._items.append(item)
        if self._wake is not None:
            wake, self._wake = self._wake, None
            self._kernel.after(0, wake)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not self._items:
            fiber = self._kernel.running()
            self._wake = self._kernel.waker(fiber)
            if timeout is not None:
                self._kernel.after(timeout, self._wake)
            fiber.wait()
            self._wake = None
        if not self._items:
            self.empties.append(self._kernel.now_s)
            while self.empties[0] < self._kernel.now_s - 1:
                self.empties.popleft()
            raise Empty
        return self._items.popleft()


class Elsewhere(Executor):
    """One other thread of an owner's."""

    def __init__(self, kernel: Kernel, owner: Any) -> None:
        self._kernel, self._owner = kernel, owner
        self._fiber: Fiber | None = None

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> "Future[Any]":
        assert self._fiber is None or self._fiber.is_done, "two things at once elsewhere"
        done: Future[Any] = Future()

        def run() -> None:
            try:
                found = work(*given, **named)
            except Exception as error:  # noqa: BLE001  a future keeps whatever comes
                fault: Exception | None = error
            else:
                fault = None
            # Only now: what is told by this may look whether the thread is done.
            self._fiber = None
            if fault is not None:
                done.set_exception(fault)
            else:
                done.set_result(found)

        self._fiber = self._kernel.spawn(run, self._owner)
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        while self._fiber is not None and not self._fiber.is_done:
            self._kernel.sleep(0.05)


def mortal(kernel: Kernel) -> type[sqlite3.Connection]:
    """Connections on which every statement of a fiber may be its last."""

    class Mortal(sqlite3.Connection):
        """Burns its fiber's fuse."""

        def execute(self, sql: str, *bound: Any) -> sqlite3.Cursor:
            if kernel.current is not None and sql != "ROLLBACK":
                kernel.current.burn()
            return super().execute(sql, *bound)

    return Mortal
