"""Does something again whenever a file that it read has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console

_SECONDS_BETWEEN_LOOKS = 0.4


def watch(run: Callable[[], Iterable[Path]], console: Console) -> None:
    """Calls `run`, which returns the files to watch, and again when one changes. Ctrl-C ends."""
    try:
        while True:
            console.clear()
            files = set(run())
            seen = _states(files)
            console.print(f"\nwatching {len(files)} files; Ctrl-C ends", style="dim")
            while _states(files) == seen:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
    except KeyboardInterrupt:
        console.print()


def _states(files: Iterable[Path]) -> dict[Path, tuple[int, int] | None]:
    """Time and size of each file, None where it is not there."""
    states: dict[Path, tuple[int, int] | None] = {}
    for file in files:
        try:
            status = file.stat()
            states[file] = (status.st_mtime_ns, status.st_size)
        except OSError:
            states[file] = None
    return states
