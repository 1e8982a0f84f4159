"""`fenqi model show`: an artifact on one page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fenqi.artifacts import Artifact, load_artifact
from fenqi.artifacts.manifest import Calibration, Manifest
from fenqi.artifacts.trial import Trial, try_artifact


def run(folder: Path, as_json: bool) -> None:
    """Raises ArtifactError where the artifact cannot be loaded or run."""
    artifact = load_artifact(folder)
    trial = try_artifact(artifact)
    if as_json:
        content = {
            "digest": artifact.digest,
            "manifest": artifact.manifest.model_dump(mode="json", by_alias=True),
            "signed_by": artifact.signature.public_key if artifact.signature else None,
            "parity": artifact.parity.model_dump(mode="json"),
            "trial": trial.model_dump(mode="json"),
        }
        print(json.dumps(content, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(artifact, trial):
        facts.add_row(name, value)
    console.print(facts)
    console.print()
    console.print(_columns(artifact.manifest))


def _facts(artifact: Artifact, trial: Trial) -> Iterator[tuple[str, str]]:
    manifest, parity = artifact.manifest, artifact.parity
    yield "model", f"{manifest.name} {manifest.version}, {manifest.kind}"
    yield "purpose", manifest.purpose
    yield "owner", manifest.owner
    yield "materiality", manifest.materiality
    yield "expires", _expiry(manifest.expires)
    for limit in manifest.limits_of_use:
        yield "limit of use", limit
    signed = artifact.signature
    yield "signature", f"by the key {signed.public_key}" if signed else "none"
    yield "digest", artifact.digest
    served: str = trial.path
    if trial.why_not_native is not None:
        served += f", because {trial.why_not_native}"
    yield "served by", served
    yield (
        "one row",
        f"{trial.p50_us:.0f} us, 99 % within {trial.p99_us:.0f} us; the budget is "
        f"{manifest.latency_budget_us:g} us",
    )
    outputs = manifest.outputs
    if outputs.margin is not None:
        yield "output", f"{outputs.margin}, log-odds of default"
    else:
        yield "output", f"{outputs.probability}, probability of class {outputs.class_}"
    yield "calibration", _calibration(manifest.calibration)
    if manifest.prior_shift is not None:
        shift = manifest.prior_shift
        yield "prior shift", f"default rate {shift.trained_on:.2%} to {shift.applied_to:.2%}"
    scale = manifest.score_scale
    yield (
        "score",
        f"{scale.base_score:g} at odds of {scale.base_odds:g} : 1, "
        f"{scale.points_to_double_odds:g} points to double the odds",
    )
    yield "explanation", _explanation(artifact)
    yield "golden rows", f"{len(artifact.golden.expected)}, predicted by {_predicted_by(artifact)}"
    for one in parity.comparisons:
        yield "parity", one.sentence
    if parity.split_values or parity.split_values_not_tried:
        yield (
            "split values",
            f"{parity.split_values} tried with their neighbours, "
            f"{parity.split_values_not_tried} not",
        )
    for gap in parity.gaps:
        yield "not compared", gap


def _expiry(expires: date | None) -> str:
    if expires is None:
        return "never said"
    return f"{expires}" + (", which is past" if expires < date.today() else "")


def _explanation(artifact: Artifact) -> str:
    explanation, rows = artifact.manifest.explanation, len(artifact.reference.rows)
    if explanation.method == "none":
        return "none: a refusal by its score gives no reasons"
    how: str = explanation.method
    if explanation.method == "permutation":
        how += f", {explanation.permutations} of them"
    compared = f"{explanation.reference}, {rows} row{'' if rows == 1 else 's'}"
    return f"{how}, against {compared}, within {explanation.budget_us:g} us"


def _calibration(calibration: Calibration) -> str:
    if calibration.kind == "platt":
        return f"platt, a = {calibration.a:.6g}, b = {calibration.b:.6g}"
    if calibration.kind == "isotonic":
        return f"isotonic, {len(calibration.points)} points"
    return "none"


def _predicted_by(artifact: Artifact) -> str:
    if artifact.golden.predictions_of == "library":
        return artifact.parity.library or "the training library"
    return "onnxruntime: the training library was not compared"


def _columns(manifest: Manifest) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("tensor", "column", "type", "feature", "unit", "reason", "direction"):
        table.add_column(heading, overflow="fold")
    directions = {1: "raises the risk", -1: "lowers the risk", 0: ""}
    for tensor in manifest.inputs:
        for column in tensor.columns:
            feature = "" if column.feature == column.name else column.feature
            table.add_row(
                tensor.name,
                column.name,
                tensor.type,
                feature,
                column.unit,
                column.reason or "",
                directions[column.monotone],
            )
    return table
