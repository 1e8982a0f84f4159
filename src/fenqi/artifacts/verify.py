"""Everything that can be asked of an artifact before it decides, one answer after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from fenqi._native import StatusError
from fenqi.artifacts.artifact import Artifact, load_artifact
from fenqi.artifacts.core_model import core_model, explained
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.signature import TrustedKeys
from fenqi.artifacts.trial import Trial, try_artifact

Outcome = Literal["passed", "doubtful", "failed"]
# The subject of what another, or idle, machine may pass.
LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer. Doubtful: nothing is wrong, and something is not known."""

    subject: str
    outcome: Outcome
    detail: str


def verify(folder: Path, trusted: TrustedKeys | None = None) -> Iterator[Check]:
    """The checks, in order, up to the first that makes the others useless. Raises nothing: what is
    wrong is in the checks."""
    try:
        artifact = load_artifact(folder, trusted)
    except ArtifactError as error:
        yield Check("files", "failed", str(error))
        return
    count = len(artifact.manifest.files)
    yield Check("files", "passed", f"manifest, {count} hashes, graph and golden rows are in order")
    yield _signature(artifact, trusted)
    yield _expiry(artifact)
    try:
        trial = try_artifact(artifact)
    except ArtifactError as error:
        yield Check("trial run", "failed", str(error))
        return
    yield from _parity(artifact, trial)
    yield _latency(artifact, trial)
    yield _explanation(artifact)


def _signature(artifact: Artifact, trusted: TrustedKeys | None) -> Check:
    signature = artifact.signature
    if signature is None:
        return Check("signature", "doubtful", "it is not signed")
    key = f"{signature.public_key[:16]}..."
    if trusted is None:
        return Check("signature", "doubtful", f"by {key}; no trusted keys were given to compare")
    return Check("signature", "passed", f"by {key}, {trusted.files[signature.public_key].name}")


def _expiry(artifact: Artifact) -> Check:
    expires = artifact.manifest.expires
    if expires is None:
        return Check("expiry", "doubtful", "the manifest says no day")
    if expires < date.today():
        return Check("expiry", "failed", f"it expired on {expires}")
    return Check("expiry", "passed", f"may decide until {expires}")


def _parity(artifact: Artifact, trial: Trial) -> Iterator[Check]:
    golden = artifact.golden
    for found in trial.comparisons:
        first, second = found.between
        fine = found.largest <= golden.tolerance
        yield Check(
            f"{second} on {found.rows} rows",
            "passed" if fine else "failed",
            f"{found.count} rows, off from {first} by {found.largest:.1e} at most (row "
            f"{found.at}); allowed {golden.tolerance:.0e}",
        )
    yield _certificate(artifact, trial)


def _certificate(artifact: Artifact, trial: Trial) -> Check:
    """What parity.json says beside what the trial found."""
    parity, subject = artifact.parity, "parity certificate"
    if (parity.library is None) != (artifact.golden.predictions_of == "onnxruntime"):
        return Check(subject, "failed", "it and the golden rows name different judges")
    if parity.gaps:
        return Check(subject, "doubtful", "; ".join(parity.gaps))
    largest = max((one.largest for one in parity.comparisons), default=0.0)
    if largest > parity.tolerance:
        return Check(subject, "failed", f"it records a difference of {largest:.1e}")
    tried = sum(one.count for one in parity.comparisons if one.between[0] == "library")
    here = "the same" if parity.onnxruntime == trial.onnxruntime else trial.onnxruntime
    return Check(
        subject,
        "passed",
        f"{parity.library} on {tried} rows, off by {largest:.1e} at most, with onnxruntime "
        f"{parity.onnxruntime}; here is {here}",
    )


def _latency(artifact: Artifact, trial: Trial) -> Check:
    budget = artifact.manifest.latency_budget_us
    over = trial.p99_us - budget
    said = f", {over:.0f} us over" if over > 0 else ""
    return Check(
        LATENCY,
        "failed" if over > 0 else "passed",
        f"one row by {trial.path}: {trial.p50_us:.0f} us, 99 % within {trial.p99_us:.0f} us{said}; "
        f"the budget is {budget:g} us",
    )


def _explanation(artifact: Artifact) -> Check:
    """Of the golden rows, one at a time."""
    subject, wanted = "explanation", artifact.manifest.explanation
    if wanted.method == "none":
        return Check(subject, "doubtful", "it explains nothing: a refusal by it has no reasons")
    tensors = artifact.golden.tensors(artifact.manifest)
    try:
        parts, taken = explained(core_model(artifact), tensors)
    except (ArtifactError, StatusError) as error:
        return Check(subject, "failed", str(error))
    detail = f"one row by {wanted.method}: {taken:.0f} us; the budget is {wanted.budget_us:g} us"
    if artifact.golden.contributions is not None:
        largest = float(np.abs(parts - np.array(artifact.golden.contributions)).max())
        detail += f"; off from the golden contributions by {largest:.1e} at most"
        if largest > artifact.golden.tolerance:
            return Check(subject, "failed", detail)
    if taken > wanted.budget_us:
        return Check(subject, "failed", detail)
    columns = artifact.manifest.columns
    silent = [column.name for column in columns if column.reason is None]
    if silent:
        which = "no column has" if len(silent) == len(columns) else f"not {', '.join(silent)} with"
        return Check(subject, "doubtful", f"{detail}; {which} a `reason` in the manifest")
    return Check(subject, "passed", detail)
