"""What differs between two artifacts, and what that does to scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.artifact import Artifact
from fenqi.artifacts.calibration import calibrated, margins
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import DTYPES, Tensors
from fenqi.artifacts.manifest import Manifest
from fenqi.artifacts.reference import Histogram, TextHistogram
from fenqi.artifacts.session import Session
from fenqi.artifacts.stability import counts_like, noise_bound, psi


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of the manifest that is said otherwise; None where it is not said."""

    what: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class ScoreShift:
    """New score minus old, in points, on golden rows of both."""

    rows: int
    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Drift:
    """PSI of the new reference against the old, of the score or a column, and its noise bound."""

    what: str
    psi: float
    bound: float


def changes(old: Manifest, new: Manifest) -> list[Change]:
    """What the manifests say otherwise, without hashes and metrics."""
    before, after = _flat(old), _flat(new)
    names = [*before, *(name for name in after if name not in before)]
    return [
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def score_shift(old: Artifact, new: Artifact) -> ScoreShift | None:
    """How far scores move; None where the models read different columns or the files are equal.

    Raises ArtifactError where a graph cannot be run.
    """
    kinds = [
        {column.name: tensor.type for tensor in one.manifest.inputs for column in tensor.columns}
        for one in (old, new)
    ]
    if kinds[0] != kinds[1]:
        return None
    rows = _columns(old)
    for name, values in _columns(new).items():
        rows[name] = np.concatenate([rows[name], values])
    shift = _scores(new, rows) - _scores(old, rows)
    return ScoreShift(len(shift), float(shift.mean()), float(shift.min()), float(shift.max()))


def drifts(old: Artifact, new: Artifact) -> Iterator[Drift]:
    """Of the score, and of every column that both have."""
    before: dict[str, Histogram | TextHistogram] = {"score": old.reference.score}
    after: dict[str, Histogram | TextHistogram] = {"score": new.reference.score}
    before |= old.reference.columns
    after |= new.reference.columns
    for name in before:
        counts = counts_like(before[name], after[name]) if name in after else None
        if counts is not None:
            yield Drift(name, psi(*counts), noise_bound(*counts))


def _flat(manifest: Manifest) -> dict[str, Any]:
    content = manifest.model_dump(
        mode="json", by_alias=True, exclude={"files", "metrics", "name", "version", "inputs"}
    )
    flat: dict[str, Any] = {}
    for key, value in content.items():
        parts = value.items() if isinstance(value, dict) and key != "data" else ()
        flat |= {f"{key}.{part}": inner for part, inner in parts} or {key: value}
    flat["graph"] = manifest.files["model.onnx"]
    flat["inputs"] = [tensor.name for tensor in manifest.inputs]
    for tensor in manifest.inputs:
        for place, column in enumerate(tensor.columns):
            said = {"tensor": tensor.name, "place": place, "type": tensor.type}
            said |= column.model_dump(exclude={"name"})
            flat |= {f"column {column.name}.{key}": value for key, value in said.items()}
    return flat


def _columns(artifact: Artifact) -> dict[str, NDArray[Any]]:
    tensors = artifact.golden.tensors(artifact.manifest)
    return {
        column.name: tensors[tensor.name][:, place]
        for tensor in artifact.manifest.inputs
        for place, column in enumerate(tensor.columns)
    }


def _scores(artifact: Artifact, columns: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    manifest = artifact.manifest
    inputs: Tensors = {
        tensor.name: np.stack([columns[column.name] for column in tensor.columns], axis=1).astype(
            DTYPES[tensor.type]
        )
        for tensor in manifest.inputs
    }
    try:
        result = Session(artifact.onnx).result(manifest.outputs, inputs)
    except ArtifactError as error:
        raise ArtifactError(f"{artifact.folder}: {error}") from None
    risk = calibrated(manifest.calibration, manifest.prior_shift, margins(manifest.outputs, result))
    return manifest.score_scale.score(risk)
