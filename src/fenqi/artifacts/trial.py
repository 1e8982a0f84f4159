"""Runs an artifact's golden rows as the engine will run them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from fenqi.artifacts.artifact import Artifact
from fenqi.artifacts.calibration import calibrated, log_odds, logistic
from fenqi.engine import Engine
from fenqi.v1.scoring_pb2 import ScoreRequest


def largest_difference(artifact: Artifact) -> float:
    """How far at most the engine's probability of default lies from the training library's on any
    golden row.

    The rows go through the whole engine, as signals of an application, under a policy that hands
    each signal to the model's column of that name.
    """
    engine = _engine_of_signals(artifact)
    differences = [
        abs(engine.score(_request(artifact, row)).probability_of_default - expected)
        for row, expected in enumerate(_expected(artifact))
    ]
    return float(max(differences))


def _expected(artifact: Artifact) -> NDArray[np.float64]:
    margin = artifact.golden.expected
    if artifact.golden.probability is not None:
        margin = log_odds(margin)
    manifest = artifact.manifest
    return logistic(calibrated(manifest.calibration, manifest.prior_shift, margin))


def _request(artifact: Artifact, row: int) -> ScoreRequest:
    request = ScoreRequest()
    for tensor in artifact.manifest.inputs:
        cells = artifact.golden.inputs[tensor.name][row]
        for column, value in zip(tensor.columns, cells, strict=True):
            if value is not None:
                request.application.signals[column.name] = float(value)
    return request


def _engine_of_signals(artifact: Artifact) -> Engine:
    manifest = artifact.manifest
    codes = {column.reason for column in manifest.columns if column.reason is not None}
    policy = {
        "policy": "golden_rows",
        "version": "1",
        "features": {
            column.feature: {
                "expr": f'application.signals["{column.name}"]',
                "meaning": column.name,
            }
            for column in manifest.columns
        },
        "models": {"golden": {"artifact": f"{manifest.name}/{manifest.version}"}},
        "reasons": {code: {"en": code, "zh": code} for code in sorted(codes)},
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "golden_rows.yaml"
        YAML().dump(policy, file)
        return Engine.from_policy(file, artifact.folder.parent.parent)
