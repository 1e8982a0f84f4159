"""What a server answers with when it starts."""

from __future__ import annotations

from collections.abc import Mapping

from fenqi.errors import CallError, ConfigurationError
from fenqi.serving.deployments.errors import RefusedError, StateError
from fenqi.serving.deployments.history import SERVER, now
from fenqi.serving.deployments.publisher import BroughtIn, Publisher
from fenqi.serving.deployments.records import DeploymentRecord
from fenqi.serving.deployments.releases import name_of
from fenqi.serving.deployments.sources import Sources
from fenqi.serving.deployments.staging import compile_release
from fenqi.serving.deployments.state import State


def publish_last(publisher: Publisher, state: State, sources: Sources, restage: bool) -> bool:
    """Answers with what was published last, also where its policy file has changed since, and
    returns True; at the first start, with the policy of `sources`, and returns False.

    `restage`: compile that policy also where the published champion cannot be loaded any more, as
    after an upgrade. Raises ConfigurationError where there is nothing to answer with.
    """
    published = state.records.published
    if published is None:
        _publish_policy(publisher, state, sources, {}, "the first start")
        return False
    try:
        champion = publisher.bring_in(published.champion, must_be_fast=False)
    except RefusedError as error:
        if not restage:
            raise ConfigurationError(
                f"deployment {published.number} cannot be published again: {error}\n"
                "start with --restage true to compile the policy of the settings in its place"
            ) from None
        bindings = _bindings(state, published.champion)
        _publish_policy(publisher, state, sources, bindings, str(error))
        return False
    _publish_record(publisher, state, published, champion)
    what = f"answers with deployment {publisher.current.number}"
    state.history.append("started", who=SERVER, why="", what=what)
    return True


def _publish_record(
    publisher: Publisher, state: State, published: DeploymentRecord, champion: BroughtIn
) -> None:
    """The deployment as it was, but for canaries and shadows that cannot be loaded any more."""
    loaded = {published.champion: champion.release}
    lost = []
    for other in published.releases[1:]:
        try:
            loaded[other] = publisher.bring_in(other, must_be_fast=False).release
        except RefusedError as error:
            lost.append(str(error))
    if not lost:
        try:
            publisher.hand_over(published, loaded)
        except CallError as error:
            raise ConfigurationError(f"deployment {published.number}: {error}") from None
        return
    canary = published.canary
    update = {
        "canary": canary if canary is not None and canary.release in loaded else None,
        "shadows": tuple(one for one in published.shadows if one in loaded),
    }
    what = "a canary or shadow that cannot be loaded was left out"
    record = publisher.record("refused", SERVER, "\n".join(lost), what, published.champion)
    publisher.publish(record.model_copy(update=update), loaded)


def _publish_policy(
    publisher: Publisher, state: State, sources: Sources, bindings: Mapping[str, str], why: str
) -> None:
    """Slow is better than nothing: a latency over the budget is told, and answers."""
    try:
        compiled = compile_release(sources, sources.policy, bindings, SERVER, must_be_fast=False)
        publisher.keep(compiled.release)
        origin = compiled.release.origin
        brought_in = publisher.bring_in(origin.content_hash, must_be_fast=False)
        record = DeploymentRecord(
            number=state.records.next_number,
            kind="started",
            at=now(),
            who=SERVER,
            why=why,
            what=f"{name_of(origin)} is the champion",
            about=origin.content_hash,
            champion=origin.content_hash,
        )
        publisher.publish(record, {origin.content_hash: brought_in.release})
    except RefusedError as error:
        raise ConfigurationError(str(error)) from None
    readiness = brought_in.readiness
    if readiness is not None and not readiness.ready:
        what = f"{name_of(origin)} answers, but is not ready: {readiness.why}"
        state.history.append("refused", who=SERVER, why=why, what=what, release=origin.content_hash)


def _bindings(state: State, content_hash: str) -> Mapping[str, str]:
    try:
        return state.releases.origin(content_hash).bindings
    except StateError:
        return {}
