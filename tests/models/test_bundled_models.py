"""The bundled models keep what their manifests promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from fenqi import _native
from fenqi.artifacts import Artifact, ArtifactError, load_artifact
from fenqi.artifacts.core_model import core_model

MODELS = Path(__file__).parents[2] / "models"
NAMES = ["taiwan_gbm/1", "taiwan_scorecard/1"]


@pytest.fixture(scope="module", params=NAMES)
def artifact(request: pytest.FixtureRequest) -> Artifact:
    return load_artifact(MODELS / request.param)


@pytest.fixture(scope="module")
def session(artifact: Artifact) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(artifact.onnx)


@pytest.fixture(scope="module")
def core(artifact: Artifact) -> _native.Model:
    return core_model(artifact)


def features_of(artifact: Artifact) -> np.ndarray:
    return artifact.golden.tensors(artifact.manifest)["features"]


def run(session: onnxruntime.InferenceSession, features: np.ndarray) -> np.ndarray:
    (margin,) = session.run(None, {"features": features.astype(np.float32)})
    return margin[:, 0].astype(float)


def test_the_graph_says_what_the_training_library_said(artifact, session) -> None:
    margin = run(session, features_of(artifact))
    np.testing.assert_allclose(margin, artifact.golden.expected, atol=1e-5)


def test_the_core_runs_and_explains_it_by_itself(artifact, core) -> None:
    assert core.path == "native"
    parts = core.explain({"features": features_of(artifact)})
    # Of the boosted model, the shap package's interventional values; of the scorecard, points.
    np.testing.assert_allclose(parts, artifact.golden.contributions, atol=1e-6)


def test_parts_and_base_add_up_to_the_margin(artifact, core) -> None:
    assert core.base_margin == pytest.approx(artifact.reference.margin, abs=1e-6)
    total = core.base_margin + core.explain({"features": features_of(artifact)}).sum(axis=1)
    np.testing.assert_allclose(total, artifact.golden.expected, atol=2e-6)


def test_one_row_and_a_batch_give_the_same_answer(artifact, session) -> None:
    features = features_of(artifact)
    together = run(session, features)
    alone = [run(session, features[i : i + 1])[0] for i in range(len(features))]
    # onnxruntime adds the trees up in another order for one row: the last float32 bit may differ.
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


def test_every_promised_direction_holds_when_a_feature_is_swept(artifact, session) -> None:
    features = features_of(artifact)
    complete = features[~np.isnan(features).any(axis=1)]
    for column, feature in enumerate(artifact.manifest.columns):
        if feature.monotone == 0:
            continue
        values = np.unique(complete[:, column])
        sweep = np.linspace(values.min() - 1, values.max() + 1, 80)
        for row in complete[::8]:
            rows = np.repeat(row[np.newaxis], len(sweep), axis=0)
            rows[:, column] = sweep
            steps = np.diff(run(session, rows)) * feature.monotone
            assert steps.min() >= -1e-5, f"{feature.name} turns against its promise"


def test_a_feature_whose_rise_only_helps_never_hurts_by_rising(artifact, core) -> None:
    """Reasons: raising a feature that only lowers the risk never adds it as a reason."""
    features = features_of(artifact)
    complete = features[~np.isnan(features).any(axis=1)][:20]
    for column, feature in enumerate(artifact.manifest.columns):
        if feature.monotone != -1:
            continue
        raised = complete.copy()
        raised[:, column] += np.abs(raised[:, column]) + 1
        before, after = (core.explain({"features": rows}) for rows in (complete, raised))
        assert (after[:, column] <= before[:, column] + 1e-6).all(), feature.name


def test_no_protected_attribute_is_an_input(artifact) -> None:
    names = {feature.name for feature in artifact.manifest.columns}
    assert not {n for n in names if any(p in n for p in ("sex", "marri", "age_", "educat"))}


def test_the_recorded_figures_meet_the_goals(artifact) -> None:
    folds = artifact.manifest.metrics["five_fold"]
    goal = {"taiwan_gbm": 0.775, "taiwan_scorecard": 0.755}[artifact.manifest.name]
    assert folds["auc_mean"] >= goal
    if artifact.manifest.name == "taiwan_gbm":
        assert folds["at_bad_rate"] == 0.1106
        assert folds["approval_rate"] >= 0.64


def test_a_changed_graph_is_refused_with_both_hashes(artifact, tmp_path) -> None:
    folder = tmp_path / artifact.manifest.name / artifact.manifest.version
    folder.mkdir(parents=True)
    for file in artifact.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "model.onnx").write_bytes(artifact.onnx[:-1] + b"x")
    with pytest.raises(ArtifactError, match="changed after it was packed"):
        load_artifact(folder)
