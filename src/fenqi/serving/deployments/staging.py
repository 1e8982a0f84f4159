"""From a policy file and what fills its slots to a release that can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fenqi.artifacts import Artifact
from fenqi.artifacts.expiry import expired
from fenqi.artifacts.verify import LATENCY, verify
from fenqi.errors import InvalidRequestError
from fenqi.policy.compiler import compile_document
from fenqi.policy.document import Document, read_document, with_tests_beside
from fenqi.policy.errors import PolicyError
from fenqi.policy.testing import request_of
from fenqi.serving.deployments.errors import RefusedError
from fenqi.serving.deployments.history import now
from fenqi.serving.deployments.releases import ReleaseOrigin, StagedRelease
from fenqi.serving.deployments.sources import Sources
from fenqi.v1.scoring_pb2 import ScoreRequest


@dataclass(frozen=True, slots=True)
class Compiled:
    """A release in its stored form, and what its author may want to look at."""

    release: StagedRelease
    warnings: list[str]


def compile_release(
    sources: Sources,
    policy: Path,
    bindings: Mapping[str, str],
    who: str,
    *,
    must_be_fast: bool = True,
) -> Compiled:
    """Compiles `policy` with `bindings` (slot to `name/version`) in its slots.

    The policy's example applicants become the golden requests; one without any is judged by an
    application that is empty. Raises RefusedError with everything that is wrong; a model over its
    latency budget is only a warning unless it `must_be_fast`.
    """
    try:
        document = with_tests_beside(read_document(policy))
        compiled = compile_document(document, sources.models, bindings, sources.trusted)
    except PolicyError as error:
        raise RefusedError(str(error)) from None
    except OSError as error:
        raise RefusedError(f"{policy}: cannot be read: {error.strerror}") from None
    past = expired(compiled.expires)
    if past:
        raise RefusedError(f"{policy}: {'; '.join(past)}, so it may not decide any more")
    warnings = [str(problem) for problem in compiled.warnings]
    for artifact in compiled.models.values():
        warnings += _checked(artifact, sources, must_be_fast)
    golden = _golden(document, warnings)
    origin = ReleaseOrigin(
        content_hash=compiled.content_hash,
        policy=compiled.policy,
        policy_version=compiled.version,
        models={
            slot: f"{artifact.manifest.name}/{artifact.manifest.version}"
            for slot, artifact in compiled.models.items()
        },
        expires=compiled.expires,
        policy_file=str(policy.absolute()),
        bindings=dict(bindings),
        staged_at=now(),
        staged_by=who,
    )
    return Compiled(StagedRelease(origin, compiled.image, golden), warnings)


def _checked(artifact: Artifact, sources: Sources, must_be_fast: bool) -> list[str]:
    """Tries a package as `fenqi model verify` does: golden rows, split values, latency, expiry.
    Gives what is doubtful. Raises RefusedError where anything fails."""
    name = f"{artifact.manifest.name}/{artifact.manifest.version}"
    failed, doubtful = [], []
    for one in verify(artifact.folder, sources.trusted):
        detail = f"{name}: {one.subject}: {one.detail}"
        if one.outcome == "failed" and (must_be_fast or one.subject != LATENCY):
            failed.append(detail)
        elif one.outcome != "passed":
            doubtful.append(detail)
    if failed:
        raise RefusedError("\n".join(failed))
    return doubtful


def _golden(document: Document, warnings: list[str]) -> list[bytes]:
    golden = []
    for number, test in enumerate(document.policy.tests):
        try:
            request = request_of(document, test)
        except InvalidRequestError as error:
            warnings.append(f"{document.position(('tests', number))}: {error.message}")
        else:
            golden.append(request.SerializeToString(deterministic=True))
    if not golden:
        warnings.append(
            f"{document.file}: no example applicants under `tests:`, so the release is warmed and "
            "judged with an empty application"
        )
        golden.append(ScoreRequest().SerializeToString())
    return golden
