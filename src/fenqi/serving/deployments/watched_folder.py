"""Looks at the models folder for versions that were not there before, and brings them in.

A version is complete when the hashes in its manifest fit: one that is being copied does not fit
yet, and is looked at again until nothing in it changes any more. Only then it counts as broken,
and is told of once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fenqi.artifacts import ArtifactError, load_artifact
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.errors import RefusedError
from fenqi.serving.deployments.polling import Polling

WATCHER = "watch"
_POLL_SECONDS = 1.0
# A copy that stands still for so long has ended.
_SETTLED_SECONDS = 10.0

# Files with their sizes and times of change.
_Look = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class _Arriving:
    look: _Look
    since: float


class WatchedFolder(Polling):
    """Watches from `start` until `stop`; versions that are there at the start are known already."""

    def __init__(
        self,
        deployments: Deployments,
        then: Literal["stage", "promote"],
        poll_seconds: float = _POLL_SECONDS,
        settled_seconds: float = _SETTLED_SECONDS,
    ) -> None:
        super().__init__("watched folder", poll_seconds)
        self._deployments = deployments
        self._then = then
        self._settled_seconds = settled_seconds
        self._sources = deployments.sources
        self._known = set(self._sources.packages())
        self._arriving: dict[Path, _Arriving] = {}

    def _look(self) -> None:
        for folder in self._sources.packages():
            if folder in self._known:
                continue
            name = f"{folder.parent.name}/{folder.name}"
            try:
                load_artifact(folder, self._sources.trusted)
            except ArtifactError as error:
                if self._has_settled(folder):
                    self._tell(f"{name} is broken: {error}")
                    self._known.add(folder)
                continue
            # Where the disk fails, it is brought in at another look.
            self._bring_in(folder.parent.name, name)
            self._known.add(folder)
            self._arriving.pop(folder, None)

    def _bring_in(self, model: str, name: str) -> None:
        """Stages the champion's policy with this version in every slot that holds the model."""
        why = f"{name} appeared in the models folder"
        try:
            champion = self._deployments.champion
            slots = [s for s, held in champion.models.items() if held.split("/")[0] == model]
            if not slots:
                what = f"{name} appeared; the champion has no slot with {model}"
                self._tell(what)
                return
            bindings = {**champion.bindings, **dict.fromkeys(slots, name)}
            staged = self._deployments.stage(WATCHER, None, bindings, why, dry_run=False)
            if self._then == "promote":
                release = staged.origin.content_hash
                self._deployments.promote(WATCHER, release, why, dry_run=False)
        except RefusedError:
            # The history says why.
            return

    def _tell(self, what: str) -> None:
        self._deployments.state.history.append("artifact", who=WATCHER, why="", what=what)

    def _has_settled(self, folder: Path) -> bool:
        look, moment = _look_at(folder), time.monotonic()
        seen = self._arriving.setdefault(folder, _Arriving(look, moment))
        if seen.look != look:
            seen.look, seen.since = look, moment
        return moment - seen.since >= self._settled_seconds


def _look_at(folder: Path) -> _Look:
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(found)
