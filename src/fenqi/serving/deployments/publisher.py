"""The steps of every change: bring releases in, publish a record, hand it to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fenqi.artifacts.expiry import expired
from fenqi.deployment import Canary, Deployment, LoadedRelease, Readiness
from fenqi.engine import Engine
from fenqi.errors import CallError
from fenqi.serving.deployments.errors import RefusedError, StateError
from fenqi.serving.deployments.history import EventKind, now
from fenqi.serving.deployments.records import DeploymentRecord
from fenqi.serving.deployments.releases import StagedRelease, name_of
from fenqi.serving.deployments.state import State


@dataclass(frozen=True, slots=True)
class BroughtIn:
    """A release that is loaded and warm."""

    release: LoadedRelease
    # How fast it is; None where it answers already.
    readiness: Readiness | None


@dataclass(frozen=True, slots=True)
class Measured(BroughtIn):
    """One that was brought in now."""

    readiness: Readiness


class Publisher:
    """Publishes deployments of one engine, from one thread."""

    def __init__(self, engine: Engine, state: State, latency_budget_us: float) -> None:
        self._engine = engine
        self._state = state
        self._latency_budget_us = latency_budget_us
        # Those of the published deployment.
        self._loaded: dict[str, LoadedRelease] = {}

    @property
    def current(self) -> DeploymentRecord:
        """What answers. Raises RefusedError where nothing does yet."""
        record = self._state.records.published
        if record is None:
            raise RefusedError("nothing is deployed yet")
        return record

    def name(self, content_hash: str) -> str:
        """A release for people."""
        try:
            return name_of(self._state.releases.origin(content_hash))
        except StateError:
            return content_hash[:12]

    # --- bringing in ---

    def measure(self, release: StagedRelease, *, must_be_fast: bool = True) -> Measured:
        """Loads and warms a release, and measures it with its golden requests.

        Raises RefusedError where the core refuses it, an answer fails or, where it `must_be_fast`,
        it is over the latency budget.
        """
        try:
            loaded = self._engine.load(release.image)
        except CallError as error:
            raise RefusedError(f"{release.name} cannot be loaded: {error.message}") from None
        readiness = self._engine.prepare(loaded, release.golden, self._latency_budget_us)
        if readiness.failed or (must_be_fast and not readiness.ready):
            raise RefusedError(f"{release.name} is not ready: {readiness.why}")
        return Measured(loaded, readiness)

    def bring_in(self, content_hash: str, *, must_be_fast: bool) -> BroughtIn:
        """A release that is kept, ready to answer; raises as `measure`."""
        if content_hash in self._loaded:
            return BroughtIn(self._loaded[content_hash], None)
        try:
            stored = self._state.releases.read(content_hash)
        except StateError as error:
            raise RefusedError(str(error)) from None
        return self.measure(stored, must_be_fast=must_be_fast)

    def refuse_expired(self, content_hash: str) -> None:
        """Raises RefusedError where a model of the release is past its last day."""
        try:
            origin = self._state.releases.origin(content_hash)
        except StateError as error:
            raise RefusedError(str(error)) from None
        past = expired(origin.expires)
        if past:
            raise RefusedError(
                f"{name_of(origin)}: {'; '.join(past)}: stage the policy with a version that may "
                "still decide"
            )

    def keep(self, release: StagedRelease) -> None:
        """Raises RefusedError where the disk does not take it."""
        try:
            self._state.releases.add(release)
        except OSError as error:
            raise RefusedError(f"the release cannot be kept: {error.strerror}") from None

    # --- publishing ---

    def record(
        self, kind: EventKind, who: str, why: str, what: str, about: str
    ) -> DeploymentRecord:
        """What answers now, as the next deployment, to be changed."""
        update = {
            "number": self._state.records.next_number,
            "kind": kind,
            "at": now(),
            "who": who,
            "why": why,
            "what": what,
            "about": about,
        }
        return self.current.model_copy(update=update)

    def publish(
        self, record: DeploymentRecord, loaded: Mapping[str, LoadedRelease] | None = None
    ) -> None:
        """Makes `record` what answers. `loaded`: those of its releases that do not answer yet.

        Raises StateError where the disk does not take it, RefusedError where the engine does not;
        then what answered goes on.
        """
        before = self._state.records.published
        self._state.publish(record)
        try:
            self.hand_over(record, loaded or {})
        except CallError as error:
            if before is not None:
                self._take_back(before, str(error))
            raise RefusedError(f"the engine did not take the deployment: {error}") from None
        self._tell(record)

    def hand_over(self, record: DeploymentRecord, loaded: Mapping[str, LoadedRelease]) -> None:
        """Lets the engine answer with a record that is published. Raises CallError."""
        known = {**self._loaded, **loaded}
        canary = record.canary
        trial = None
        if canary is not None:
            trial = Canary(known[canary.release], canary.share, canary.salt)
        shadows = tuple(known[release] for release in record.shadows)
        self._engine.deploy(Deployment(known[record.champion], trial, shadows))
        self._loaded = {release: known[release] for release in record.releases}

    def _take_back(self, before: DeploymentRecord, why: str) -> None:
        update = {
            "number": self._state.records.next_number,
            "kind": "refused",
            "at": now(),
            "why": why,
            "what": f"deployment {before.number} stays",
        }
        back = before.model_copy(update=update)
        self._state.publish(back)
        self._tell(back)

    def _tell(self, record: DeploymentRecord) -> None:
        try:
            self._state.tell(record)
        except OSError as error:
            raise StateError(
                f"deployment {record.number} is published, but the history cannot be written: "
                f"{error.strerror}"
            ) from None
