"""A request to end: asked for by a signal, heard by whatever goes on."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Stop:
    """A request to end, heard by every kernel of a batch. Thread-safe; the only mutable value here.

    `signal` is the signal that asked, or None. What is watched after the request is ended at once.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._enders: list[Callable[[int], None]] = []
        self.signal: int | None = None

    def request(self, number: int) -> None:
        with self._lock:
            self.signal = self.signal or number
            for end in self._enders:
                end(number)

    def watch(self, end: Callable[[int], None]) -> None:
        """Have `end` called with the signal's number when the request comes."""
        with self._lock:
            self._enders.append(end)
            if self.signal is not None:
                end(self.signal)

    def forget(self, end: Callable[[int], None]) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._enders.remove(end)


@contextlib.contextmanager
def heard(stop: Stop) -> Iterator[None]:
    """SIGINT and SIGTERM ask `stop` to end what goes on; a second one ends this process on the spot."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        stop.request(number)

    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
