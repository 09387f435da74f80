"""Devices that come and go: looked for all the time, each read in a thread of its own."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from gate.errors import InputError

RETRY_S = 1.0


class Opened(Protocol):
    """A device that is being read."""

    def close(self) -> None:
        """Let go of it."""


Seen = TypeVar("Seen")
Handle = TypeVar("Handle", bound=Opened)


class Hotplug(ABC, Generic[Seen, Handle]):
    """Reads every device of a kind for as long as it is plugged in.

    A kind says how its devices are found, opened and read. ``on_device`` hears which one it is
    before its codes, whenever that is another one. ``_lock`` is held while anybody is told.
    """

    def __init__(
        self,
        kind: str,
        on_code: Callable[[str], None],
        on_device: Callable[[str], None] | None,
        retry_s: float,
    ) -> None:
        """``kind`` names the threads; ``retry_s``: how often devices are looked for."""
        self._kind = kind
        self._on_code = on_code
        self._on_device = on_device
        self._retry_s = retry_s
        self._stopping = threading.Event()
        self._lock = threading.RLock()
        self._readers: dict[str, threading.Thread] = {}
        self._reads_from = ""
        self._thread = threading.Thread(target=self._run, name=kind, daemon=True)

    @abstractmethod
    def _found(self) -> Mapping[str, Seen]:
        """What is plugged in now, by name."""

    @abstractmethod
    def _open(self, seen: Seen, /) -> Handle:
        """Open one. Raises OSError or InputError."""

    @abstractmethod
    def _begun(self, seen: Seen, handle: Handle, /) -> None:
        """One was opened and is about to be read."""

    @abstractmethod
    def _read(self, seen: Seen, handle: Handle, /) -> None:
        """Read it until told to stop. Raises OSError or InputError when it is gone."""

    @abstractmethod
    def _lost(self, seen: Seen, error: OSError | InputError, /) -> None:
        """One could not be opened, or is gone; it is not among the readers any more."""

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading and let go."""
        self._stopping.set()
        for thread in (self._thread, *self._readers.copy().values()):
            if thread.is_alive():
                thread.join(timeout=5.0)

    def _take_code(self, device: str, code: str) -> None:
        """A code was read; ``device`` tells whose it is from any other's."""
        with self._lock:
            self._comes_from(device)
            self._on_code(code)

    def _comes_from(self, device: str) -> None:
        """What is believed of one scanner's typing is not believed of another's."""
        with self._lock:
            if device != self._reads_from and self._on_device is not None:
                self._on_device(device)
            self._reads_from = device

    def _run(self) -> None:
        while not self._stopping.is_set():
            for name, seen in self._found().items():
                if name not in self._readers:
                    self._take(name, seen)
            self._stopping.wait(self._retry_s)

    def _take(self, name: str, seen: Seen) -> None:
        try:
            handle = self._open(seen)
        except (OSError, InputError) as error:
            self._lost(seen, error)
            return
        reader = threading.Thread(
            target=self._keep_reading,
            args=(name, seen, handle),
            name=f"{self._kind}-reader",
            daemon=True,
        )
        with self._lock:
            self._readers[name] = reader
            self._begun(seen, handle)
        reader.start()

    def _keep_reading(self, name: str, seen: Seen, handle: Handle) -> None:
        lost: OSError | InputError | None = None
        try:
            self._read(seen, handle)
        except (OSError, InputError) as error:
            lost = error
        finally:
            handle.close()
            with self._lock:
                del self._readers[name]
        if lost is not None:
            self._lost(seen, lost)


def detail(error: OSError | InputError) -> str:
    """What is said of it."""
    return error.message if isinstance(error, InputError) else str(error)
