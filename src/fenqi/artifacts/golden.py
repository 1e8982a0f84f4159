"""Golden rows: inputs that travel with a model, and what the training library made of them."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from fenqi.artifacts.manifest import Artifact, ArtifactError, Calibration
from fenqi.engine import Engine
from fenqi.v1.scoring_pb2 import ScoreRequest

# Tree ensembles run in float32.
TOLERANCE = 1e-5


def largest_difference(artifact: Artifact) -> tuple[int, float]:
    """How many golden rows the artifact has, and how far at most the engine's probability of
    default lies from the training library's on any of them.

    The rows go through the whole engine, as signals of an application, under a policy that hands
    each signal to the model's column of that name. Raises ArtifactError where there are no rows.
    """
    path = artifact.folder / "golden.json"
    try:
        golden = json.loads(path.read_text(encoding="utf-8"))
        rows, margins = golden["features"], golden["margin"]
    except (OSError, KeyError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error
    engine = _engine_of_signals(artifact)
    differences = [
        abs(engine.score(_request(artifact, row)).probability_of_default - expected)
        for row, expected in zip(
            rows,
            (probability(artifact.manifest.calibration, margin) for margin in margins),
            strict=True,
        )
    ]
    return len(rows), max(differences, default=0.0)


def probability(calibration: Calibration, margin: float) -> float:
    """The calibrated probability of default for log-odds `margin`."""
    exponent = -margin
    if calibration.kind == "platt":
        exponent = calibration.a * margin + calibration.b
    return 1 / (1 + math.exp(exponent))


def _request(artifact: Artifact, row: list[float | None]) -> ScoreRequest:
    request = ScoreRequest()
    for column, value in zip(artifact.manifest.features, row, strict=True):
        if value is not None:
            request.application.signals[column.name] = value
    return request


def _engine_of_signals(artifact: Artifact) -> Engine:
    manifest = artifact.manifest
    names = [column.name for column in manifest.features]
    codes = {column.reason for column in manifest.features if column.reason is not None}
    policy = {
        "policy": "golden_rows",
        "version": "1",
        "features": {
            name: {"expr": f'application.signals["{name}"]', "meaning": name} for name in names
        },
        "models": {"golden": {"artifact": f"{manifest.name}/{manifest.version}"}},
        "reasons": {code: {"en": code, "zh": code} for code in sorted(codes)},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "golden_rows.yaml"
        YAML().dump(policy, file)
        return Engine.from_policy(file, artifact.folder.parent.parent)
