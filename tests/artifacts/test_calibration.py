"""The engine's probability of default after calibration and prior shift, against scikit-learn and
the formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from fenqi.artifacts import load_artifact
from fenqi.engine import Engine
from tests.artifacts.copies import change_manifest, copy_of
from tests.policy.decisions import signal, write

NAME = "taiwan_gbm/1"


def answers(tmp_path: Path, **changes: Any) -> tuple[Any, Any, Any]:
    """Margins of the golden rows, and the engine's probabilities and scores, with a manifest that
    is changed like this."""
    models = tmp_path / "models"
    folder = copy_of(NAME, models)
    change_manifest(folder, lambda manifest: manifest.update(changes))
    artifact = load_artifact(folder)
    names = [column.feature for column in artifact.manifest.columns]
    codes = {column.reason for column in artifact.manifest.columns}
    policy = write(
        tmp_path,
        features={name: {"expr": signal(name), "meaning": name} for name in names},
        models={"pd": {"artifact": NAME}},
        reasons={code: {"en": code, "zh": code} for code in sorted(codes)},
    )
    engine = Engine.from_policy(policy, models)
    rows = artifact.golden.tensors(artifact.manifest)["features"]
    found = []
    for row in rows:
        known = {n: float(x) for n, x in zip(names, row, strict=True) if not np.isnan(x)}
        found.append(engine.score({"signals": known}))
    return (
        artifact.golden.expected,
        np.array([answer.probability_of_default for answer in found]),
        np.array([answer.score for answer in found]),
    )


def logit(p: Any) -> Any:
    return np.log(p / (1 - p))


def test_without_calibration_it_is_the_margins_probability(tmp_path: Path) -> None:
    margin, probability, score = answers(tmp_path, calibration={"kind": "none"})
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(-margin)), atol=1e-6)
    # 600 at 20 good to 1 bad, 40 points to double the odds.
    np.testing.assert_allclose(score, 600 + 40 * np.log2(np.exp(-margin) / 20), atol=1e-3)


def test_isotonic_calibration_is_scikit_learns(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    raw = random.random(3000)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(raw, random.random(3000) < raw**2)
    # Without the certain ends, whose log-odds have no bound.
    inside = (fitted.y_thresholds_ > 0.001) & (fitted.y_thresholds_ < 0.999)
    points = np.stack([fitted.X_thresholds_[inside], fitted.y_thresholds_[inside]], axis=1)
    calibration = {"kind": "isotonic", "points": points.tolist()}
    margin, probability, _ = answers(tmp_path, calibration=calibration)
    judge = IsotonicRegression(out_of_bounds="clip").fit(points[:, 0], points[:, 1])
    wanted = judge.predict(1 / (1 + np.exp(-margin)))
    np.testing.assert_allclose(probability, wanted, atol=1e-5)
    assert len(np.unique(np.round(probability, 4))) > 10


@pytest.mark.parametrize(
    "calibration",
    [{"kind": "none"}, {"kind": "isotonic", "points": [[0.05, 0.02], [0.5, 0.4], [0.9, 0.8]]}],
)
def test_a_prior_shift_moves_the_calibrated_log_odds(
    tmp_path: Path, calibration: dict[str, Any]
) -> None:
    shift = {"trained_on": 0.22, "applied_to": 0.05}
    _, before, _ = answers(tmp_path / "before", calibration=calibration)
    _, after, _ = answers(tmp_path / "after", calibration=calibration, prior_shift=shift)
    np.testing.assert_allclose(logit(after), logit(before) + logit(0.05) - logit(0.22), atol=1e-9)
