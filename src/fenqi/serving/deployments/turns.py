"""Work that is done one after the other, on a thread of low priority."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

from fenqi.serving.deployments.errors import TooLateError

Result = TypeVar("Result")

# Enough that nobody waits for it, little enough that a lock it holds is soon free again.
_NICENESS = 10


class Turns:
    """One thread, `name`, until `stop`. Work comes from any other thread."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix=name, initializer=_lower_priority
        )

    def take(self, work: Callable[[], Result], seconds: float | None = None) -> Result:
        """What `work` returns, or raises, when its turn has come.

        Waits at most so many seconds; None is to the end. Raises TooLateError, which says whether
        the work is done all the same.
        """
        future = self.take_later(work)
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            if future.cancel():
                raise TooLateError(
                    "the change was not begun in time, because others were before it; nothing "
                    "was done"
                ) from None
            raise TooLateError(
                "the change takes longer than the caller waits, and goes on; "
                "`fenqi deploy history` will say what came of it"
            ) from None

    def take_later(self, work: Callable[[], Result]) -> Future[Result]:
        """Does not wait."""
        return self._thread.submit(work)

    def stop(self) -> None:
        """Returns when work that has begun is done; the rest is not begun."""
        self._thread.shutdown(cancel_futures=True)


def _lower_priority() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
