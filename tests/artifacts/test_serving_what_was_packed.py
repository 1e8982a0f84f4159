"""What was packed decides as the training library predicted: from an exported file to an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from fenqi.artifacts import Artifact
from fenqi.artifacts.calibration import calibrated, log_odds, logistic
from fenqi.artifacts.packing import Wishes, pack
from fenqi.engine import Engine
from fenqi.v1.scoring_pb2 import ScoreRequest
from tests.artifacts.copies import PIPELINES, needs_shared
from tests.artifacts.samples import exported


def engine_of(artifact: Artifact, top: Path) -> Engine:
    """An engine whose policy hands the signal of each column's name to the model."""
    policy = {
        "policy": "packed",
        "version": "1",
        "features": {
            column.feature: {"expr": f'application.signals["{column.name}"]', "meaning": "test"}
            for column in artifact.manifest.columns
        },
        "models": {"risk": {"artifact": f"{artifact.manifest.name}/{artifact.manifest.version}"}},
    }
    file = top / "packed.yaml"
    YAML().dump(policy, file)
    return Engine.from_policy(file, artifact.folder.parent.parent)


@needs_shared
@pytest.mark.parametrize("name", ["lgb_binary", "xgb_binary", "rf", "lr_std", "gbc", "mlp"])
@pytest.mark.parametrize("calibrate", ["none", "platt"])
def test_the_engine_answers_with_the_librarys_probability(
    name: str, calibrate: str, tmp_path: Path
) -> None:
    predicted = np.load(PIPELINES / name / "cases.npz")["library"]
    predicted = predicted if predicted.ndim == 1 else predicted[:, 1]
    bad = (np.random.default_rng(0).random(len(predicted)) < predicted).astype(int)
    given = exported(name, tmp_path, bad=bad)
    wishes = Wishes(name, "1", predictions="predicted", target="bad", calibrate=calibrate)
    artifact = pack(given.onnx, given.data, tmp_path / "models", wishes).artifact
    engine = engine_of(artifact, tmp_path)
    manifest = artifact.manifest
    risk = calibrated(manifest.calibration, manifest.prior_shift, log_odds(predicted))
    rows = np.load(PIPELINES / name / "cases.npz")[f"in:{manifest.inputs[0].name}"]
    names = [column.name for column in manifest.columns]
    for row, expected in list(zip(rows, risk, strict=True))[::7]:
        if np.isinf(row).any():
            continue  # no request can hold infinity
        request = ScoreRequest()
        for column, value in zip(names, row, strict=True):
            if not np.isnan(value):
                request.application.signals[column] = float(value)
        answer = engine.score(request)
        assert answer.probability_of_default == pytest.approx(logistic(expected), abs=2e-5)
        assert answer.score == pytest.approx(manifest.score_scale.score(expected), rel=1e-3)
