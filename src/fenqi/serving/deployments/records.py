"""Deployments as records: numbered, written once, and a pointer to the one that is published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fenqi.serving.deployments.durable import remove_leftovers, write_durably
from fenqi.serving.deployments.errors import StateError
from fenqi.serving.deployments.history import EventKind


class CanaryRecord(BaseModel):
    """A release that answers a share of the customers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: str
    share: float = Field(gt=0, le=1)
    salt: str


class DeploymentRecord(BaseModel):
    """What the engine answers with from one moment on. Releases by their content hash."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    # How it came about; the history's line is made from it.
    kind: EventKind
    at: str
    who: str
    why: str
    what: str
    # The release that it is about.
    about: str
    champion: str
    canary: CanaryRecord | None = None
    shadows: tuple[str, ...] = ()
    # The deployment whose champion was taken back by a roll back: the next one goes on from there.
    restores: int | None = None

    @property
    def releases(self) -> tuple[str, ...]:
        """Every release in it, the champion first."""
        canary = () if self.canary is None else (self.canary.release,)
        return (self.champion, *canary, *self.shadows)


class DeploymentRecords:
    """`deployments/<number>.json` and `published` in a state folder. One writer."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, and StateError where the published record cannot be read."""
        self._folder = folder / "deployments"
        self._folder.mkdir(exist_ok=True)
        self._pointer = folder / "published"
        remove_leftovers(self._folder)
        remove_leftovers(folder)
        self._published = self._read_published()

    @property
    def published(self) -> DeploymentRecord | None:
        """What is to be answered with; None before the first."""
        return self._published

    @property
    def next_number(self) -> int:
        """The number of the record to be published next. A record of that number may be there
        already: one that was written and, because the server was killed, never published."""
        return 1 if self._published is None else self._published.number + 1

    def publish(self, record: DeploymentRecord) -> None:
        """Writes the record, then points to it: it is published once this returns, and not at all
        where it raises OSError. `record.number` is `next_number`."""
        write_durably(self._path(record.number), record.model_dump_json(exclude_none=True).encode())
        write_durably(self._pointer, f"{record.number}\n".encode())
        self._published = record

    def read(self, number: int) -> DeploymentRecord:
        """Raises StateError where there is none, or it cannot be read."""
        path = self._path(number)
        try:
            record = DeploymentRecord.model_validate_json(path.read_bytes())
        except OSError as error:
            raise StateError(f"{path}: cannot be read: {error.strerror}") from None
        except ValidationError:
            raise StateError(f"{path}: is no deployment's record; it was damaged") from None
        if record.number != number:
            raise StateError(f"{path}: is the record of deployment {record.number}")
        return record

    def sha256(self, number: int) -> str:
        """Of the record's file, as the history names it. Raises StateError."""
        try:
            return hashlib.sha256(self._path(number).read_bytes()).hexdigest()
        except OSError as error:
            raise StateError(f"{self._path(number)}: cannot be read: {error.strerror}") from None

    def before(self, number: int) -> Iterator[DeploymentRecord]:
        """The records with lower numbers, newest first. Raises StateError at a damaged one."""
        for earlier in range(number - 1, 0, -1):
            if self._path(earlier).exists():
                yield self.read(earlier)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"

    def _read_published(self) -> DeploymentRecord | None:
        try:
            content = self._pointer.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except ValueError:
            content = ""
        if not content.isdecimal():
            raise StateError(
                f"{self._pointer}: names no deployment; write the number of the newest good record "
                f"in {self._folder} into it"
            )
        return self.read(int(content))
