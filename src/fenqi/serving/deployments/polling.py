"""Looking at something again and again, on a thread of its own."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Polling(ABC):
    """Looks every `seconds`, from `start` until `stop`. `name`: the thread's."""

    def __init__(self, name: str, seconds: float) -> None:
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def _look(self) -> None:
        """What is done each time."""

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._look()
