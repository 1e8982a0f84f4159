"""The state folder: everything that a server must find again after it was killed.

releases/<content hash>/   image, golden requests, origin
deployments/<number>.json  records, never changed
published                  the number of the one that is published
history.jsonl, .head       events
pending.json               a promotion that waits for a second approver
lock                       held by the server that uses the folder

Publishing is: the record, then the pointer (from here on the deployment is published), then the
engine, then the history's line. Killed after the pointer, a server writes the line when it starts
again; so no answer ever comes from a release that the folder does not know to be published.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from fenqi.serving.deployments.errors import StateError
from fenqi.serving.deployments.history import SERVER, History
from fenqi.serving.deployments.pending import PendingPromotion
from fenqi.serving.deployments.records import DeploymentRecord, DeploymentRecords
from fenqi.serving.deployments.releases import Releases


class State:
    """An opened state folder, locked until `close`. One writer; the history from any thread."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder where there is none, and completes what was cut off.

        Raises StateError where it cannot be used, or another server uses it.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._open(folder)
            except BaseException:
                os.close(self._lock)
                raise
        except OSError as error:
            raise StateError(f"state: {folder}: cannot be used: {error.strerror}") from None

    def _open(self, folder: Path) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(
                f"state: {folder}: another server uses it; give each server a folder of its own"
            ) from None
        self.records = DeploymentRecords(folder)
        self.releases = Releases(folder)
        self.pending = PendingPromotion(folder)
        self.history = History(folder)
        published = self.records.published
        if published is not None and not self._is_told(published.number):
            self.tell(published)
        self._compare_records()
        told = {event.what for event in self.history.events() if event.kind == "history_damaged"}
        for damage in self.history.damages:
            if str(damage) not in told:
                self.history.append("history_damaged", who=SERVER, why="", what=str(damage))

    def publish(self, record: DeploymentRecord) -> None:
        """Makes `record` the published deployment. Raises StateError; then nothing has changed."""
        try:
            self.records.publish(record)
        except OSError as error:
            raise StateError(f"the deployment cannot be written: {error.strerror}") from None

    def tell(self, record: DeploymentRecord) -> None:
        """Writes the published deployment's line into the history. Raises OSError; the line is
        then written at the next start."""
        self.history.append(
            record.kind,
            who=record.who,
            why=record.why,
            what=record.what,
            deployment=record.number,
            record_sha256=self.records.sha256(record.number),
            release=record.about,
        )

    def close(self) -> None:
        self.history.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _is_told(self, number: int) -> bool:
        return any(event.deployment == number for event in self.history.events())

    def _compare_records(self) -> None:
        """Records that are not as the history says are damage of the history's."""
        for event in self.history.events():
            if event.deployment is None:
                continue
            try:
                found = self.records.sha256(event.deployment)
            except StateError as error:
                self.history.note_damage(event.sequence, str(error))
                continue
            if found != event.record_sha256:
                self.history.note_damage(
                    event.sequence, f"the record of deployment {event.deployment} was changed"
                )
