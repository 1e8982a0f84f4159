"""From deployments and traffic to the messages of fenqi.v1.Admin."""

from __future__ import annotations

from pathlib import Path

from fenqi.artifacts import ArtifactError, load_artifact
from fenqi.deployment import Drift, Readiness, RoleTraffic
from fenqi.serving.deployments.deployments import Change, Deployments, Staged
from fenqi.serving.deployments.errors import StateError
from fenqi.serving.deployments.expiry import expired_in
from fenqi.serving.deployments.history import Event
from fenqi.serving.deployments.pending import Pending
from fenqi.serving.deployments.records import DeploymentRecord
from fenqi.serving.deployments.releases import ReleaseOrigin
from fenqi.v1 import admin_pb2
from fenqi.v1.scoring_pb2 import ModelVersion, Release


def listed(deployments: Deployments) -> admin_pb2.ListResponse:
    """Everything that there is to deploy."""
    releases = deployments.state.releases
    answer = admin_pb2.ListResponse(
        deployment=_deployment(deployments, deployments.current),
        releases=[_staged_release(deployments, origin) for origin in releases.origins()],
        packages=[_package(deployments, folder) for folder in deployments.sources.packages()],
    )
    pending = deployments.pending
    if pending is not None:
        answer.pending.CopyFrom(_pending(deployments, pending))
    return answer


def described(deployments: Deployments, name: str) -> admin_pb2.DescribeResponse:
    """One release, by its name. Raises UnknownReleaseError, StateError."""
    release = deployments.state.releases.read(deployments.resolve(name))
    return admin_pb2.DescribeResponse(
        release=_staged_release(deployments, release.origin),
        bindings=release.origin.bindings,
        differences=deployments.differences(release.origin.content_hash),
        golden_requests=len(release.golden),
    )


def staged(deployments: Deployments, one: Staged) -> admin_pb2.StageResponse:
    return admin_pb2.StageResponse(
        release=_release(one.origin),
        readiness=_readiness(deployments, one.readiness),
        warnings=one.warnings,
    )


def changed(deployments: Deployments, change: Change) -> admin_pb2.ChangeResponse:
    answer = admin_pb2.ChangeResponse(
        deployment=_deployment(deployments, change.record), what=change.record.what
    )
    if change.unkept is not None:
        answer.deployment.champion.CopyFrom(_release(change.unkept))
    if change.readiness is not None:
        answer.readiness.CopyFrom(_readiness(deployments, change.readiness))
    if change.pending is not None:
        answer.pending.CopyFrom(_pending(deployments, change.pending))
        answer.what = "nothing yet: a second approver is needed"
    return answer


def event(one: Event) -> admin_pb2.Event:
    return admin_pb2.Event(
        sequence=one.sequence,
        at=one.at,
        kind=one.kind,
        who=one.who,
        why=one.why,
        what=one.what,
        deployment=one.deployment or 0,
        release=one.release or "",
    )


def traffic(deployments: Deployments) -> admin_pb2.TrafficResponse:
    """What each release of the deployment does."""
    figures = deployments.engine.traffic()
    answer = admin_pb2.TrafficResponse(deployment=deployments.current.number)
    if figures is None:
        return answer
    held = [("champion", figures.champion)]
    held += [] if figures.canary is None else [("canary", figures.canary)]
    held += [("shadow", shadow) for shadow in figures.shadows]
    answer.releases.extend(_release_traffic(deployments, role, one) for role, one in held)
    return answer


def _release(origin: ReleaseOrigin) -> Release:
    models = []
    for slot, name in origin.models.items():
        model, _, version = name.partition("/")
        models.append(ModelVersion(slot=slot, name=model, version=version))
    return Release(
        policy=origin.policy,
        policy_version=origin.policy_version,
        content_hash=origin.content_hash,
        models=models,
    )


def _release_of(deployments: Deployments, content_hash: str) -> Release:
    """A release that cannot be read any more has a hash still."""
    try:
        return _release(deployments.state.releases.origin(content_hash))
    except StateError:
        return Release(content_hash=content_hash)


def _deployment(deployments: Deployments, record: DeploymentRecord) -> admin_pb2.Deployment:
    answer = admin_pb2.Deployment(
        number=record.number,
        champion=_release_of(deployments, record.champion),
        shadows=[_release_of(deployments, release) for release in record.shadows],
        at=record.at,
        who=record.who,
        why=record.why,
        warnings=[
            what
            for told in expired_in(record, deployments.state.releases).values()
            for what in told
        ],
    )
    if record.canary is not None:
        answer.canary.release.CopyFrom(_release_of(deployments, record.canary.release))
        answer.canary.share = record.canary.share
    return answer


def _pending(deployments: Deployments, pending: Pending) -> admin_pb2.PendingApproval:
    return admin_pb2.PendingApproval(
        release=_release_of(deployments, pending.release),
        who=pending.who,
        why=pending.why,
        until=pending.until_text,
    )


def _staged_release(deployments: Deployments, origin: ReleaseOrigin) -> admin_pb2.StagedRelease:
    current, release = deployments.current, origin.content_hash
    roles = {
        "champion": release == current.champion,
        "canary": current.canary is not None and release == current.canary.release,
        "shadow": release in current.shadows,
    }
    return admin_pb2.StagedRelease(
        release=_release(origin),
        policy_file=origin.policy_file,
        staged_at=origin.staged_at,
        staged_by=origin.staged_by,
        roles=[role for role, held in roles.items() if held],
    )


def _package(deployments: Deployments, folder: Path) -> admin_pb2.ModelPackage:
    name = f"{folder.parent.name}/{folder.name}"
    try:
        manifest = load_artifact(folder, deployments.sources.trusted).manifest
    except ArtifactError as error:
        return admin_pb2.ModelPackage(name=name, fault=str(error))
    return admin_pb2.ModelPackage(name=name, purpose=manifest.purpose)


def _readiness(deployments: Deployments, readiness: Readiness) -> admin_pb2.Readiness:
    return admin_pb2.Readiness(
        ready=readiness.ready,
        why=readiness.why,
        requests=readiness.requests,
        failed=readiness.failed,
        p50_us=readiness.p50_us,
        p99_us=readiness.p99_us,
        budget_us=deployments.latency_budget_us,
    )


def _release_traffic(
    deployments: Deployments, role: str, one: RoleTraffic
) -> admin_pb2.ReleaseTraffic:
    answer = admin_pb2.ReleaseTraffic(
        role=role,
        release=_release_of(deployments, one.content_hash),
        requests=one.requests,
        errors={code.name: count for code, count in one.errors.items()},
        decisions=one.decisions,
        scores=[
            admin_pb2.ScoreDistribution(
                slot=score.slot, edges=score.edges, counts=score.counts, drift=_drift(score.drift)
            )
            for score in one.scores
        ],
        columns=[
            admin_pb2.ColumnDrift(slot=slot, column=column, drift=_drift(drift))
            for (slot, column), drift in one.columns.items()
        ],
        p50_us=one.latency["p50_us"],
        p99_us=one.latency["p99_us"],
        p999_us=one.latency["p999_us"],
        max_us=one.latency["max_us"],
    )
    seen = one.comparison
    if seen is not None:
        answer.comparison.CopyFrom(
            admin_pb2.Comparison(
                compared=seen.compared,
                agreed=seen.agreed,
                missed=seen.missed,
                swaps=[count for row in seen.swaps for count in row],
                mean_difference=seen.mean_difference,
            )
        )
    return answer


def _drift(drift: Drift) -> admin_pb2.Drift:
    return admin_pb2.Drift(psi=drift.psi, noise_bound=drift.noise_bound, requests=drift.requests)
