"""Staged releases on disk, by content hash: image, golden requests, and where they came from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, ValidationError

from fenqi.serving.deployments.durable import (
    TEMPORARY,
    remove_folder_durably,
    remove_leftovers,
    write_folder_durably,
)
from fenqi.serving.deployments.errors import StateError, UnknownReleaseError
from fenqi.v1.scoring_pb2 import ScoreBatchRequest

_ABOUT = "release.json"
_IMAGE = "image"
_GOLDEN = "golden"
# So much of a content hash names a release.
SHORTEST_NAME = 6


class ReleaseOrigin(BaseModel):
    """What a release was made from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    content_hash: str
    policy: str
    policy_version: str
    # Slot to `name/version`, every slot.
    models: dict[str, str]
    # The last day of each model and scorecard that has one, by `name/version`.
    expires: dict[str, date] = {}
    policy_file: str
    # The slots that were bound otherwise than the policy says.
    bindings: dict[str, str]
    staged_at: str
    staged_by: str


class _About(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: ReleaseOrigin
    # File to its SHA-256.
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class StagedRelease:
    """A release in its stored form. `golden`: serialized ScoreRequests that warm and judge it."""

    origin: ReleaseOrigin
    image: bytes
    golden: Sequence[bytes]

    @property
    def name(self) -> str:
        """For people: `taiwan_card 3 (0a1b2c3d4e5f)`."""
        return name_of(self.origin)


class Releases:
    """`releases/<content hash>/` in a state folder. One writer."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._folder = folder / "releases"
        self._folder.mkdir(exist_ok=True)
        remove_leftovers(self._folder)

    def add(self, release: StagedRelease) -> None:
        """Keeps the release. One with this image stays as it is kept, unless it was damaged.

        Raises OSError.
        """
        folder = self._folder / release.origin.content_hash
        if folder.exists():
            if self._keeps(release):
                return
            self.remove(release.origin.content_hash)
        batch = ScoreBatchRequest()
        for request in release.golden:
            batch.requests.add().ParseFromString(request)
        files = {_IMAGE: release.image, _GOLDEN: batch.SerializeToString(deterministic=True)}
        hashes = {name: _sha256(content) for name, content in files.items()}
        about = _About(origin=release.origin, files=hashes).model_dump_json(indent=1)
        write_folder_durably(folder, {**files, _ABOUT: about.encode()})

    def remove(self, content_hash: str) -> None:
        """Forgets a release. Raises OSError; then it is there as before, or gone."""
        remove_folder_durably(self._folder / content_hash)

    def read(self, content_hash: str) -> StagedRelease:
        """Raises StateError where it is not there, or not what was written."""
        about = self._about(content_hash)
        image, golden = (self._checked(content_hash, about, name) for name in (_IMAGE, _GOLDEN))
        try:
            batch = ScoreBatchRequest.FromString(golden)
        except DecodeError:
            raise StateError(f"{self._folder / content_hash / _GOLDEN}: is no batch") from None
        requests = [request.SerializeToString(deterministic=True) for request in batch.requests]
        return StagedRelease(about.origin, image, requests)

    def origin(self, content_hash: str) -> ReleaseOrigin:
        """What a release was made from. Raises StateError."""
        return self._about(content_hash).origin

    def origins(self) -> list[ReleaseOrigin]:
        """Of every release that can be read, the newest first."""
        found = []
        for folder in self._folder.iterdir():
            if not folder.name.startswith(TEMPORARY):
                try:
                    found.append(self.origin(folder.name))
                except StateError:
                    continue
        return sorted(found, key=lambda one: (one.staged_at, one.content_hash), reverse=True)

    def find(self, name: str) -> str:
        """The content hash that begins with `name`. Raises UnknownReleaseError."""
        hashes = [f.name for f in self._folder.iterdir() if not f.name.startswith(TEMPORARY)]
        found = sorted(one for one in hashes if name and one.startswith(name))
        if len(name) < SHORTEST_NAME:
            raise UnknownReleaseError(
                f"{name!r} names no release: give at least {SHORTEST_NAME} characters of its "
                "content hash; `fenqi deploy list` shows them"
            )
        if not found:
            raise UnknownReleaseError(
                f"no release {name} is kept here; `fenqi deploy list` shows those that are, "
                "`fenqi deploy stage` stages one"
            )
        if len(found) > 1:
            raise UnknownReleaseError(f"{name} may be {' or '.join(found)}: give more of it")
        return found[0]

    def _keeps(self, release: StagedRelease) -> bool:
        try:
            return self.read(release.origin.content_hash).image == release.image
        except StateError:
            return False

    def _about(self, content_hash: str) -> _About:
        path = self._folder / content_hash / _ABOUT
        try:
            about = _About.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise StateError(
                f"{path}: is not there; the release is kept no longer (keep_releases), or was "
                "removed: stage it again"
            ) from None
        except OSError as error:
            raise StateError(f"{path}: cannot be read: {error.strerror}") from None
        except ValidationError:
            raise StateError(f"{path}: was damaged; stage the release again") from None
        if about.origin.content_hash != content_hash:
            raise StateError(f"{path}: describes release {about.origin.content_hash}")
        return about

    def _checked(self, content_hash: str, about: _About, name: str) -> bytes:
        path = self._folder / content_hash / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise StateError(f"{path}: cannot be read: {error.strerror}") from None
        if _sha256(content) != about.files.get(name):
            raise StateError(f"{path}: was damaged or changed; stage the release again")
        return content


def name_of(origin: ReleaseOrigin) -> str:
    """A release for people: `taiwan_card 3 (0a1b2c3d4e5f)`."""
    return f"{origin.policy} {origin.policy_version} ({origin.content_hash[:12]})"


def filled(origin: ReleaseOrigin) -> str:
    """What is in its slots, for people."""
    if not origin.models:
        return "without a model"
    return "with " + ", ".join(f"{slot}: {name}" for slot, name in origin.models.items())


def differences(old: ReleaseOrigin, new: ReleaseOrigin) -> list[str]:
    """How `new` differs from `old`, a sentence each."""
    if old.content_hash == new.content_hash:
        return []
    told = []
    if (old.policy, old.policy_version) != (new.policy, new.policy_version):
        told.append(
            f"policy {old.policy} {old.policy_version} becomes {new.policy} {new.policy_version}"
        )
    for slot in sorted(old.models.keys() | new.models.keys()):
        before, after = old.models.get(slot, "nothing"), new.models.get(slot, "nothing")
        if before != after:
            told.append(f"slot {slot}: {before} becomes {after}")
    return told or ["the same policy version and models, with other contents"]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
