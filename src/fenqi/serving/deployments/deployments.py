"""What answers, and every way to change it.

Changes happen one after the other on one thread of low priority. Each is: bring the releases in
(load, warm, measure), publish through the state folder, hand over to the engine. Whatever fails
before publication leaves what runs untouched. Compiling takes long and changes nothing, so it has a
thread of its own: a guard or a roll back does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from fenqi.deployment import LoadedRelease, Readiness
from fenqi.engine import Engine
from fenqi.serving.deployments.errors import RefusedError, StateError, UnknownReleaseError
from fenqi.serving.deployments.history import EventKind
from fenqi.serving.deployments.pending import Pending
from fenqi.serving.deployments.pruning import prune
from fenqi.serving.deployments.publisher import BroughtIn, Publisher
from fenqi.serving.deployments.records import CanaryRecord, DeploymentRecord
from fenqi.serving.deployments.recovery import publish_last
from fenqi.serving.deployments.releases import ReleaseOrigin, differences, filled, name_of
from fenqi.serving.deployments.second_approval import SecondApproval
from fenqi.serving.deployments.sources import Sources
from fenqi.serving.deployments.staging import Compiled, compile_release
from fenqi.serving.deployments.state import State
from fenqi.serving.deployments.turns import Turns

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Staged:
    """A release that was compiled, loaded, warmed and measured."""

    origin: ReleaseOrigin
    readiness: Readiness
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Change:
    """What answers after a change; or would, where it was a trial or waits for `pending`."""

    record: DeploymentRecord
    readiness: Readiness | None = None
    pending: Pending | None = None
    # The champion of a trial, where it is not kept.
    unkept: ReleaseOrigin | None = None


class Deployments:
    """The deployments of one engine, from any thread.

    Of a change, `who` makes it, `why` is the reason for the history, and a trial (`dry_run`) does
    everything but keep and publish. `seconds` is how long the caller waits; None is to the end. A
    change raises RefusedError where it is not made, StateError where the disk fails, and
    TooLateError, which says what becomes of it.
    """

    def __init__(
        self,
        engine: Engine,
        state: State,
        sources: Sources,
        latency_budget_us: float,
        approval_seconds: float,
        keep_releases: int,
    ) -> None:
        """`approval_seconds`: how long a promotion waits for a second approver; 0: needs none.
        `keep_releases`: as `prune` has it."""
        self.engine = engine
        self.latency_budget_us = latency_budget_us
        self.state = state
        self.sources = sources
        self._publisher = Publisher(engine, state, latency_budget_us)
        self._approval = SecondApproval(self._publisher, state, approval_seconds)
        self._needs_approval = approval_seconds > 0
        self._keep_releases = keep_releases
        self._changes, self._compilations = Turns("changes"), Turns("compilations")

    # --- what there is ---

    @property
    def current(self) -> DeploymentRecord:
        """What answers. Raises RefusedError before `start`."""
        return self._publisher.current

    @property
    def champion(self) -> ReleaseOrigin:
        """What the champion was made from. Raises StateError."""
        return self.state.releases.origin(self.current.champion)

    @property
    def pending(self) -> Pending | None:
        """The promotion that waits for a second approver."""
        waiting = self.state.pending.waiting
        return None if waiting is None or waiting.lapsed else waiting

    def resolve(self, name: str) -> str:
        """The content hash of `champion`, `canary`, or the release that begins with `name`.
        Raises UnknownReleaseError."""
        if name in ("", "champion"):
            return self.current.champion
        if name == "canary":
            if self.current.canary is None:
                raise UnknownReleaseError("there is no canary")
            return self.current.canary.release
        return self.state.releases.find(name)

    def differences(self, content_hash: str) -> list[str]:
        """How a release differs from the champion, a sentence each. Raises StateError."""
        return differences(self.champion, self.state.releases.origin(content_hash))

    # --- changes ---

    def start(self, restage: bool) -> bool:
        """As `publish_last` says."""

        def start() -> bool:
            went_on = publish_last(self._publisher, self.state, self.sources, restage)
            self._prune()
            return went_on

        return self._changes.take(start)

    def stop(self) -> None:
        """Returns when a change that has begun is done. What answers goes on."""
        self._compilations.stop()
        self._changes.stop()

    def stage(
        self,
        who: str,
        policy: Path | None,
        bindings: Mapping[str, str],
        why: str,
        dry_run: bool,
        seconds: float | None = None,
    ) -> Staged:
        """Compiles, loads, warms and keeps a release. `policy`: None is the champion's file.
        `bindings`: slot to `name/version`, where it is not what the policy says."""

        def stage() -> Staged:
            path = Path(self.champion.policy_file) if policy is None else policy
            compiled = compile_release(self.sources, path, bindings, who)
            return self._changes.take(partial(self._stage, who, compiled, why, dry_run))

        return self._compilations.take(self._recorded(stage, who, why, dry_run), seconds)

    def set_canary(
        self,
        who: str,
        name: str,
        share: float,
        why: str,
        dry_run: bool,
        seconds: float | None = None,
    ) -> Change:
        """Gives the release a share of the customers; stops the canary where that is 0."""
        change = partial(self._set_canary, who, name, share, why, dry_run)
        return self._changes.take(self._recorded(change, who, why, dry_run), seconds)

    def stop_canary(self, number: int, who: str, why: str) -> Future[None]:
        """Stops the canary of deployment `number`, if that still answers. Does not wait: what
        comes of it is in the future, which may raise StateError or RefusedError."""

        def stop() -> None:
            if self.current.number == number and self.current.canary is not None:
                self._publisher.publish(self._without_canary("guard", who, why))

        return self._changes.take_later(stop)

    def set_shadows(
        self,
        who: str,
        names: Sequence[str],
        why: str,
        dry_run: bool,
        seconds: float | None = None,
    ) -> Change:
        """Makes these the shadows, and no others."""
        change = partial(self._set_shadows, who, names, why, dry_run)
        return self._changes.take(self._recorded(change, who, why, dry_run), seconds)

    def promote(
        self, who: str, name: str, why: str, dry_run: bool, seconds: float | None = None
    ) -> Change:
        """Makes the release the champion; `name` empty is the canary. Where a second approver is
        needed, asks for one or, called by one, approves."""

        def change() -> Change:
            if not name and self.current.canary is None:
                raise UnknownReleaseError("there is no canary to promote: name a release")
            return self._promote("promoted", who, self.resolve(name or "canary"), why, dry_run)

        return self._changes.take(self._recorded(change, who, why, dry_run), seconds)

    def roll_back(
        self, who: str, number: int, why: str, dry_run: bool, seconds: float | None = None
    ) -> Change:
        """Makes the champion of deployment `number` champion again; 0 is the champion before."""
        change = partial(self._roll_back, who, number, why, dry_run)
        return self._changes.take(self._recorded(change, who, why, dry_run), seconds)

    def reload(self, who: str, why: str, dry_run: bool, seconds: float | None = None) -> Change:
        """Compiles the champion's policy file again and promotes the result."""

        def reload() -> Change:
            champion = self.champion
            file = Path(champion.policy_file)
            compiled = compile_release(self.sources, file, champion.bindings, who)
            before = champion.content_hash
            return self._changes.take(partial(self._reload, who, before, compiled, why, dry_run))

        return self._compilations.take(self._recorded(reload, who, why, dry_run), seconds)

    def lapse(self) -> None:
        """Drops a promotion that nobody approved in time. Does not wait."""
        if self.state.pending.waiting is not None:
            self._changes.take_later(self._approval.lapse)

    def _recorded(
        self, change: Callable[[], Result], who: str, why: str, dry_run: bool
    ) -> Callable[[], Result]:
        """The change; a refusal is told in the history too."""

        def recorded() -> Result:
            refused = ""
            try:
                try:
                    return change()
                except RefusedError as error:
                    if not dry_run:
                        refused = f"{error}; and "
                        self.state.history.append("refused", who=who, why=why, what=str(error))
                    raise
            except OSError as error:
                raise StateError(
                    f"{refused}the state folder cannot be written: {error.strerror}"
                ) from None

        return recorded

    # --- on the thread of the changes ---

    def _stage(self, who: str, compiled: Compiled, why: str, dry_run: bool) -> Staged:
        origin = compiled.release.origin
        readiness = self._publisher.measure(compiled.release).readiness
        if not dry_run:
            self._publisher.keep(compiled.release)
            self.state.history.append(
                "staged",
                who=who,
                why=why,
                what=f"{name_of(origin)} {filled(origin)}, p99 {readiness.p99_us:.0f} us",
                release=origin.content_hash,
            )
            self._prune()
        return Staged(origin, readiness, compiled.warnings)

    def _set_canary(self, who: str, name: str, share: float, why: str, dry_run: bool) -> Change:
        if not 0 <= share <= 1:
            raise RefusedError(f"a share of {share:g} is none: give 0 to 1")
        canary = self.current.canary
        if share == 0:
            if canary is None:
                raise RefusedError("there is no canary to stop")
            return self._published(self._without_canary("canary_stopped", who, why), {}, dry_run)
        release = self.resolve(name)
        if release == self.current.champion:
            raise RefusedError(f"{release[:12]} is the champion; a canary is another release")
        self._publisher.refuse_expired(release)
        brought_in = self._publisher.bring_in(release, must_be_fast=True)
        # With one salt, who was in stays in when the share grows.
        same = canary is not None and canary.release == release
        salt = canary.salt if canary is not None and same else release[:16]
        what = f"{self._publisher.name(release)} answers {share:.4g} of the customers"
        record = self._publisher.record("canary", who, why, what, release).model_copy(
            update={"canary": CanaryRecord(release=release, share=share, salt=salt)}
        )
        return self._published(record, {release: brought_in}, dry_run)

    def _set_shadows(self, who: str, names: Sequence[str], why: str, dry_run: bool) -> Change:
        releases = list(dict.fromkeys(self.resolve(name) for name in names))
        if self.current.champion in releases:
            raise RefusedError("the champion cannot be its own shadow")
        brought_in = {
            release: self._publisher.bring_in(release, must_be_fast=True) for release in releases
        }
        told = ", ".join(self._publisher.name(release) for release in releases)
        what = f"shadows are {told}" if releases else "there are no shadows any more"
        about = releases[0] if releases else self.current.champion
        record = self._publisher.record("shadows", who, why, what, about).model_copy(
            update={"shadows": tuple(releases)}
        )
        return self._published(record, brought_in, dry_run)

    def _promote(self, kind: EventKind, who: str, release: str, why: str, dry_run: bool) -> Change:
        if release == self.current.champion:
            raise RefusedError(f"{self._publisher.name(release)} is the champion already")
        self._publisher.refuse_expired(release)
        asked = self._approval.asked_by_another(who, release) if self._needs_approval else None
        brought_in = self._publisher.bring_in(release, must_be_fast=True)
        if asked is None and self._needs_approval:
            pending = self._approval.ask(who, release, why, dry_run)
            return Change(self.current, brought_in.readiness, pending)
        if asked is not None:
            who, why = f"{asked.who}, approved by {who}", asked.why
        record = self._with_champion(kind, who, why, release)
        change = self._published(record, {release: brought_in}, dry_run)
        if asked is not None and not dry_run:
            self._approval.close()
        return change

    def _roll_back(self, who: str, number: int, why: str, dry_run: bool) -> Change:
        if not 0 <= number <= self.current.number:
            raise RefusedError(
                f"there is no deployment {number}; `fenqi deploy history` shows those that there "
                f"were, up to {self.current.number}"
            )
        target = self._champion_before() if number == 0 else self.state.records.read(number)
        release = target.champion
        if release == self.current.champion:
            raise RefusedError(f"the champion of deployment {target.number} answers already")
        # In need, slow is better than wrong.
        brought_in = self._publisher.bring_in(release, must_be_fast=False)
        record = self._with_champion("rolled_back", who, why, release)
        record = record.model_copy(update={"restores": target.number})
        return self._published(record, {release: brought_in}, dry_run)

    def _champion_before(self) -> DeploymentRecord:
        """The deployment that had the champion before this one. One that was gone back to stands
        for the deployment that it restored, so that one can go back step by step."""
        record = self.current
        while record.restores is not None:
            record = self.state.records.read(record.restores)
        for earlier in self.state.records.before(record.number):
            if earlier.champion != record.champion:
                return earlier
        raise RefusedError("there is no champion before this one to go back to")

    def _reload(self, who: str, before: str, compiled: Compiled, why: str, dry_run: bool) -> Change:
        """`before`: the champion whose file was compiled."""
        origin = compiled.release.origin
        if self.current.champion != before:
            raise RefusedError("the champion has changed since the reload began; reload again")
        if origin.content_hash == before:
            raise RefusedError("the policy's files and models are those that answer already")
        if dry_run:
            measured = self._publisher.measure(compiled.release)
            record = self._with_champion("reloaded", who, why, origin.content_hash)
            record = record.model_copy(update={"what": f"{name_of(origin)} is the champion"})
            return Change(record, measured.readiness, unkept=origin)
        self._publisher.keep(compiled.release)
        return self._promote("reloaded", who, origin.content_hash, why, dry_run)

    def _without_canary(self, kind: EventKind, who: str, why: str) -> DeploymentRecord:
        canary = self.current.canary
        release = self.current.champion if canary is None else canary.release
        what = f"{self._publisher.name(release)} is no canary any more"
        record = self._publisher.record(kind, who, why, what, release)
        return record.model_copy(update={"canary": None})

    def _with_champion(self, kind: EventKind, who: str, why: str, release: str) -> DeploymentRecord:
        """Neither canary nor the new champion's shadow stay: they were compared with another."""
        what = f"{self._publisher.name(release)} is the champion"
        shadows = tuple(one for one in self.current.shadows if one != release)
        update = {"champion": release, "canary": None, "shadows": shadows, "restores": None}
        record = self._publisher.record(kind, who, why, what, release)
        return record.model_copy(update=update)

    def _published(
        self, record: DeploymentRecord, brought_in: Mapping[str, BroughtIn], dry_run: bool
    ) -> Change:
        if not dry_run:
            loaded: dict[str, LoadedRelease] = {r: one.release for r, one in brought_in.items()}
            self._publisher.publish(record, loaded)
            self._prune()
        measured = [one.readiness for one in brought_in.values() if one.readiness is not None]
        slowest = max(measured, key=lambda readiness: readiness.p99_us, default=None)
        return Change(record, slowest)

    def _prune(self) -> None:
        # The change is made. What cannot be removed now will be looked at after the next one.
        with suppress(OSError):
            prune(self.state, self._keep_releases)
