"""A promotion that waits for a second approver, kept in the state folder until somebody approves it
or its time has passed."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fenqi.serving.deployments.durable import sync_folder, write_durably


class Pending(BaseModel):
    """What was asked for, by whom, and until when it may be approved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str
    who: str
    why: str
    # The deployment that it is meant to follow.
    deployment: int
    # Seconds since the Unix epoch.
    until: float

    @property
    def lapsed(self) -> bool:
        return time.time() >= self.until

    @property
    def until_text(self) -> str:
        """ISO 8601, UTC."""
        return datetime.fromtimestamp(self.until, UTC).isoformat(timespec="seconds")[:19] + "Z"


class PendingPromotion:
    """The one promotion that waits, if any. One writer."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError. A file that cannot be read asks for nothing: it has to be asked again."""
        self._path = folder / "pending.json"
        self.waiting: Pending | None = None
        with suppress(FileNotFoundError, ValidationError):
            self.waiting = Pending.model_validate_json(self._path.read_bytes())

    def keep(self, pending: Pending) -> None:
        """Raises OSError."""
        write_durably(self._path, pending.model_dump_json().encode())
        self.waiting = pending

    def clear(self) -> None:
        """Raises OSError."""
        self.waiting = None
        self._path.unlink(missing_ok=True)
        sync_folder(self._path.parent)
