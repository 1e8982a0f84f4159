"""What happened to deployments: who, when, why and what, in a file that only grows.

Each line is a JSON object that holds the SHA-256 of the line before, so that an edited, missing or
inserted line is found when the file is read; how far the file must reach is kept beside it, so
that a missing end is found too. Whoever can write both files can still forge all of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fenqi.serving.deployments.durable import sync_folder, write_durably

EventKind = Literal[
    "started",
    "staged",
    "refused",
    "canary",
    "canary_stopped",
    "guard",
    "expired",
    "shadows",
    "promoted",
    "rolled_back",
    "reloaded",
    "approval_asked",
    "approval_lapsed",
    "artifact",
    "pruned",
    "history_damaged",
]

# Who did what nobody asked for.
SERVER = "server"

_NOTHING_BEFORE = "0" * 64


class Event(BaseModel):
    """One line of the history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # From 1, one more each line.
    sequence: int
    # ISO 8601, UTC.
    at: str
    kind: EventKind
    who: str
    why: str
    what: str
    # The deployment that came of it, and the SHA-256 of its record.
    deployment: int | None = None
    record_sha256: str | None = None
    # The release that it is about.
    release: str | None = None
    # The SHA-256 of the line before.
    previous: str


class _Head(BaseModel):
    """How far the file reached when it was last written to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lines: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Damage:
    """A line, from 1, that is not what was written, and how one knows."""

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


class History:
    """The history in a folder. Any thread may append, read and wait."""

    def __init__(self, folder: Path) -> None:
        """Reads and checks everything; a last line that was cut off before it was acknowledged is
        removed. Raises OSError."""
        self._path = folder / "history.jsonl"
        self._head_path = folder / "history.head"
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._lines = 0
        self._last = _NOTHING_BEFORE
        self.damages: list[Damage] = []
        self._read()
        self._file = os.open(
            self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        sync_folder(folder)

    def append(
        self,
        kind: EventKind,
        *,
        who: str,
        why: str,
        what: str,
        deployment: int | None = None,
        record_sha256: str | None = None,
        release: str | None = None,
    ) -> Event:
        """Adds one line. It is on the disk when this returns. Raises OSError."""
        with self._changed:
            event = Event(
                sequence=self._lines + 1,
                at=now(),
                kind=kind,
                who=who,
                why=why,
                what=what,
                deployment=deployment,
                record_sha256=record_sha256,
                release=release,
                previous=self._last,
            )
            line = event.model_dump_json(exclude_none=True).encode()
            self._write(line + b"\n")
            self._lines += 1
            self._last = hashlib.sha256(line).hexdigest()
            self._events.append(event)
            self._changed.notify_all()
            self._write_head()
        return event

    def events(self, after: int = 0) -> Sequence[Event]:
        """Those with a sequence number above `after`, in order."""
        with self._changed:
            return self._after(after)

    def wait(self, after: int, seconds: float) -> Sequence[Event]:
        """As `events`; waits for the first of them, at most that long."""
        until = time.monotonic() + seconds
        with self._changed:
            while not (found := self._after(after)):
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return self._after(after)
            return found

    def note_damage(self, line: int, what: str) -> None:
        """Adds to `damages` what the file itself cannot show."""
        self.damages.append(Damage(line, what))

    def close(self) -> None:
        os.close(self._file)

    def _after(self, after: int) -> list[Event]:
        # Sequence numbers rise; a damaged file may have gaps.
        events = self._events
        first = len(events)
        while first > 0 and events[first - 1].sequence > after:
            first -= 1
        return events[first:]

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def _write_head(self) -> None:
        head = _Head(lines=self._lines, sha256=self._last)
        write_durably(self._head_path, head.model_dump_json().encode())

    def _read(self) -> None:
        content = self._path.read_bytes() if self._path.exists() else b""
        *lines, rest = content.split(b"\n")
        head = self._read_head()
        if rest and len(lines) < head.lines:
            # It was whole once: kept, as what was found.
            lines.append(rest)
            with self._path.open("ab") as file:
                file.write(b"\n")
        elif rest:
            os.truncate(self._path, len(content) - len(rest))
        hashes = []
        for number, line in enumerate(lines, 1):
            self._check(number, line)
            self._last = hashlib.sha256(line).hexdigest()
            hashes.append(self._last)
        self._lines = len(lines)
        # A line is followed by the head that counts it before there is another.
        if not head.lines <= len(lines) <= head.lines + 1:
            what = f"the file ends here; it had {head.lines} lines"
            self.damages.append(Damage(len(lines), what))
        elif head.lines and hashes[head.lines - 1] != head.sha256:
            what = "the end is not the one that was written"
            self.damages.append(Damage(head.lines, what))

    def _check(self, number: int, line: bytes) -> None:
        try:
            event = Event.model_validate_json(line)
        except ValidationError:
            self.damages.append(Damage(number, "it is no event"))
            return
        if event.previous != self._last:
            what = "the line before it was changed, removed or put in"
            self.damages.append(Damage(number, what))
        elif event.sequence != number:
            self.damages.append(Damage(number, f"it says that it is line {event.sequence}"))
        self._events.append(event)

    def _read_head(self) -> _Head:
        try:
            return _Head.model_validate_json(self._head_path.read_bytes())
        except FileNotFoundError:
            return _Head(lines=0, sha256=_NOTHING_BEFORE)
        except ValidationError:
            self.damages.append(Damage(0, f"{self._head_path} cannot be read"))
            return _Head(lines=0, sha256=_NOTHING_BEFORE)


def now() -> str:
    """The moment as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
