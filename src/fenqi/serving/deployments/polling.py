"""Looking at something again and again, on a thread of its own."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod

from fenqi.errors import FenqiError


class Polling(ABC):
    """Looks every `seconds`, from `start` until `stop`. `name`: the thread's.

    What goes wrong with disk or state is told on stderr, once until it changes, and looked at
    again: a full disk must not end a guard.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._told = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def _look(self) -> None:
        """What is done each time. May raise FenqiError and OSError."""

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                self._look()
            except (FenqiError, OSError) as error:
                self._tell_fault(str(error))
            else:
                self._told = ""

    def _tell_fault(self, fault: str) -> None:
        if fault != self._told:
            print(f"{self._name}: {fault}", file=sys.stderr, flush=True)
            self._told = fault
