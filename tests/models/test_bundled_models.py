"""The bundled models keep what their manifests promise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from fenqi.artifacts import Artifact, ArtifactError, load_artifact

MODELS = Path(__file__).parents[2] / "models"
NAMES = ["taiwan_gbm/1", "taiwan_scorecard/1"]


@pytest.fixture(scope="module", params=NAMES)
def artifact(request: pytest.FixtureRequest) -> Artifact:
    return load_artifact(MODELS / request.param)


@pytest.fixture(scope="module")
def session(artifact: Artifact) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(artifact.onnx)


def golden(artifact: Artifact) -> dict[str, np.ndarray]:
    rows = artifact.golden
    assert rows.contributions is not None
    features = rows.tensors(artifact.manifest)["features"]
    contributions = np.array(rows.contributions)
    return {"features": features, "margin": rows.expected, "contributions": contributions}


def run(session: onnxruntime.InferenceSession, features: np.ndarray) -> tuple[np.ndarray, ...]:
    margin, contributions = session.run(None, {"features": features.astype(np.float32)})
    return margin[:, 0].astype(float), contributions.astype(float)


def test_the_graph_says_what_the_training_library_said(artifact, session) -> None:
    rows = golden(artifact)
    margin, contributions = run(session, rows["features"])
    np.testing.assert_allclose(margin, rows["margin"], atol=1e-5)
    # For the boosted model these are the shap package's interventional values.
    np.testing.assert_allclose(contributions, rows["contributions"], atol=1e-5)


def test_contributions_and_base_add_up_to_the_margin(artifact, session) -> None:
    margin, contributions = run(session, golden(artifact)["features"])
    total = artifact.reference.margin + contributions.sum(axis=1)
    np.testing.assert_allclose(total, margin, atol=1e-5)


def test_one_row_and_a_batch_give_the_same_answer(artifact, session) -> None:
    features = golden(artifact)["features"]
    together, _ = run(session, features)
    alone = [run(session, features[i : i + 1])[0][0] for i in range(len(features))]
    # onnxruntime adds the trees up in another order for one row: the last float32 bit may differ.
    np.testing.assert_allclose(together, alone, rtol=1e-6, atol=1e-6)


def test_every_promised_direction_holds_when_a_feature_is_swept(artifact, session) -> None:
    features = golden(artifact)["features"]
    complete = features[~np.isnan(features).any(axis=1)]
    for column, feature in enumerate(artifact.manifest.columns):
        if feature.monotone == 0:
            continue
        values = np.unique(complete[:, column])
        sweep = np.linspace(values.min() - 1, values.max() + 1, 80)
        for row in complete[::8]:
            rows = np.repeat(row[np.newaxis], len(sweep), axis=0)
            rows[:, column] = sweep
            steps = np.diff(run(session, rows)[0]) * feature.monotone
            assert steps.min() >= -1e-5, f"{feature.name} turns against its promise"


def test_a_feature_whose_rise_only_helps_never_hurts_by_rising(artifact, session) -> None:
    """Reasons: raising a feature that only lowers the risk never adds it as a reason."""
    features = golden(artifact)["features"]
    complete = features[~np.isnan(features).any(axis=1)][:20]
    for column, feature in enumerate(artifact.manifest.columns):
        if feature.monotone != -1:
            continue
        raised = complete.copy()
        raised[:, column] += np.abs(raised[:, column]) + 1
        before, after = run(session, complete)[1], run(session, raised)[1]
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
