"""How a packed model is explained: which method packing chooses, and the reasons that the engine
then gives, against the shap package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shap
from numpy.typing import NDArray
from ruamel.yaml import YAML

from fenqi.artifacts import Artifact, ArtifactError, load_artifact
from fenqi.artifacts.core_model import core_model
from fenqi.artifacts.packing import Packed, Wishes, pack
from fenqi.artifacts.verify import verify
from fenqi.engine import Engine
from fenqi.v1.scoring_pb2 import ScoreRequest
from tests.artifacts.copies import change_manifest, needs_shared
from tests.artifacts.samples import exported, write_csv

COLUMNS = 7
NAMES = [f"c{n}" for n in range(COLUMNS)]
ROWS = 400


def data(missing: float = 0.1) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Made-up applicants, and who of them defaulted."""
    random = np.random.default_rng(5)
    rows = random.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    rows[:, ::3] = np.round(rows[:, ::3] * 4)
    risk = 0.3 * rows[:, 0] - rows[:, 1] + rows[:, 2] * rows[:, 4] - 0.2 * rows[:, 3]
    defaulted = (random.random(ROWS) < 1 / (1 + np.exp(-risk))).astype(np.int64)
    rows[random.random(rows.shape) < missing] = np.nan
    return rows, defaulted


def sample(folder: Path, rows: NDArray[Any], predicted: NDArray[Any]) -> Path:
    file = folder / "sample.csv"
    columns = {name: rows[:, i] for i, name in enumerate(NAMES)}
    write_csv(file, {**columns, "predicted": predicted})
    return file


def packed(folder: Path, onnx: bytes, rows: Any, predicted: Any, **wishes: Any) -> Packed:
    (folder / "model.onnx").write_bytes(onnx)
    given = Wishes("mine", "1", predictions="predicted", latency_budget_us=1e5, **wishes)
    data = sample(folder, rows, predicted)
    return pack(folder / "model.onnx", data, folder / "models", given)


def with_reasons(artifact: Artifact, but: tuple[str, ...] = ()) -> Artifact:
    """As its owner completes it: a reason for each column, R_C0 for c0."""

    def change(manifest: dict[str, Any]) -> None:
        for tensor in manifest["inputs"]:
            for column in tensor["columns"]:
                if column["name"] not in but:
                    column["reason"] = f"R_{column['name'].upper()}"

    change_manifest(artifact.folder, change)
    return load_artifact(artifact.folder)


def engine_of(artifact: Artifact, folder: Path, **reasons: dict[str, Any]) -> Engine:
    """An engine that declines everybody by the model's score alone."""
    names = [column.name for column in artifact.manifest.columns]
    given = {column.reason for column in artifact.manifest.columns if column.reason is not None}
    policy = {
        "policy": "packed",
        "version": "1",
        "features": {
            name: {"expr": f'application.signals["{name}"]', "meaning": "test"} for name in names
        },
        "models": {"risk": {"artifact": "mine/1"}},
        "cutoffs": {"approve_at_most": 1e-9, "refer_at_most": 2e-9},
        "reasons": {
            code: {"en": code, "zh": code, **reasons.get(code, {})} for code in sorted(given)
        },
    }
    file = folder / "packed.yaml"
    YAML().dump(policy, file)
    return Engine.from_policy(file, artifact.folder.parent.parent)


def codes(engine: Engine, row: NDArray[Any], names: list[str] = NAMES) -> list[str]:
    request = ScoreRequest()
    for name, value in zip(names, row, strict=True):
        if not np.isnan(value):
            request.application.signals[name] = float(value)
    first, again = engine.score(request), engine.score(request)
    assert first == again
    return [reason.code for reason in first.reasons]


def worst(parts: NDArray[Any]) -> list[str]:
    """Codes of at most four adverse columns, the most adverse first."""
    order = np.argsort(-parts, kind="stable")
    return [f"R_C{i}" for i in order[:4] if parts[i] > 0]


def lightgbm_export(columns: int = COLUMNS, **more: Any) -> tuple[Any, bytes]:
    lightgbm = pytest.importorskip("lightgbm")
    convert = pytest.importorskip(
        "onnxmltools", reason="onnxmltools converts LightGBM's models"
    ).convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows, defaulted = data()
    settings = {"objective": "binary", "num_leaves": 12, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(settings | more, lightgbm.Dataset(rows[:, :columns], defaulted), 30)
    types = [("x", FloatTensorType([None, columns]))]
    converted = convert(booster, initial_types=types, target_opset=15)
    return booster, converted.SerializeToString()


def scikit_export(model: Any) -> bytes:
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx converts scikit-learn's models")
    from skl2onnx.common.data_types import FloatTensorType

    types = [("x", FloatTensorType([None, COLUMNS]))]
    opsets = {"": 17, "ai.onnx.ml": 3}
    content: bytes = skl2onnx.to_onnx(
        model, initial_types=types, target_opset=opsets, options={"zipmap": False}
    ).SerializeToString()
    return content


def reference_of(artifact: Artifact) -> NDArray[np.float64]:
    return np.array(artifact.reference.rows, dtype=np.float64)


def by_shap(explained: Any, reference: Any, rows: Any) -> NDArray[np.float64]:
    background = shap.maskers.Independent(reference, max_samples=len(reference))
    explainer = shap.TreeExplainer(
        explained, background, feature_perturbation="interventional", model_output="raw"
    )
    values = explainer.shap_values(rows, check_additivity=False)
    return np.asarray(values[-1] if isinstance(values, list) else values)


def test_a_lightgbm_export_gives_the_reasons_of_the_shap_package(tmp_path: Path) -> None:
    booster, onnx = lightgbm_export()
    rows, _ = data()
    made = packed(tmp_path, onnx, rows, booster.predict(rows))
    assert made.explanation.startswith("tree_shap, exact, because its margin is a weighted sum")
    assert made.artifact.manifest.explanation.method == "tree_shap"
    artifact = with_reasons(made.artifact)
    parts = by_shap(booster, reference_of(artifact), rows)
    found = core_model(artifact).explain({"x": rows})
    np.testing.assert_allclose(found, parts, atol=1e-6)
    engine = engine_of(artifact, tmp_path)
    for row, part in zip(rows[:60], parts, strict=False):
        assert codes(engine, row) == worst(part)


def test_a_scikit_learn_boosting_export_does_too(tmp_path: Path) -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    rows, defaulted = data(missing=0)
    model = GradientBoostingClassifier(n_estimators=25, random_state=1).fit(rows, defaulted)
    made = packed(tmp_path, scikit_export(model), rows, model.predict_proba(rows)[:, 1])
    assert made.artifact.manifest.explanation.method == "tree_shap"
    artifact = with_reasons(made.artifact)
    reference = reference_of(artifact)
    parts = by_shap(model, reference, rows.astype(np.float64))
    found = core_model(artifact).explain({"x": rows})
    np.testing.assert_allclose(found, parts, atol=1e-6)
    engine = engine_of(artifact, tmp_path)
    assert [codes(engine, row) for row in rows[:20]] == [worst(part) for part in parts[:20]]


def pipeline(*steps: Any) -> Any:
    from sklearn.pipeline import make_pipeline

    return make_pipeline(*steps)


def test_a_linear_pipeline_loses_points_against_the_reference(tmp_path: Path) -> None:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows, defaulted = data()
    model = pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(rows, defaulted)
    made = packed(tmp_path, scikit_export(model), rows, model.predict_proba(rows)[:, 1])
    assert made.explanation.startswith("scorecard, exact, because no two columns interact")
    artifact = with_reasons(made.artifact)
    before = model[:-1].transform
    reference = before(reference_of(artifact))
    explainer = shap.LinearExplainer(
        model[-1], shap.maskers.Independent(reference, max_samples=len(reference))
    )
    parts = explainer.shap_values(before(rows))
    found = core_model(artifact)
    np.testing.assert_allclose(found.explain({"x": rows}), parts, atol=1e-6)
    margin = model.decision_function(rows)
    np.testing.assert_allclose(found.base_margin + parts.sum(axis=1), margin, atol=1e-5)
    engine = engine_of(artifact, tmp_path)
    for row, part in zip(rows[:40], parts, strict=False):
        assert codes(engine, row) == worst(part)


@pytest.mark.parametrize("reference", ["at_cutoff", "population", "maximum"])
def test_points_are_lost_against_the_reference_that_was_asked_for(
    reference: str, tmp_path: Path
) -> None:
    from sklearn.linear_model import LogisticRegression

    rows, defaulted = data(missing=0)
    model = LogisticRegression().fit(rows, defaulted)
    predicted = model.predict_proba(rows)[:, 1]
    made = packed(tmp_path, scikit_export(model), rows, predicted, reference=reference)
    artifact = made.artifact
    assert artifact.manifest.explanation.reference == reference
    weights = model.coef_[0]
    compared = {
        "at_cutoff": rows[predicted <= np.median(predicted)],
        "population": rows,
        # Whoever has the least risk in each column.
        "maximum": np.where(weights > 0, rows.min(axis=0), rows.max(axis=0))[np.newaxis],
    }[reference]
    wanted = (rows - compared.mean(axis=0)) * weights
    core = core_model(artifact)
    parts = core.explain({"x": rows})
    np.testing.assert_allclose(parts, wanted, atol=1e-5)
    assert artifact.reference.margin == pytest.approx(core.base_margin, abs=1e-5)
    if reference == "maximum":
        assert (parts >= 0).all()


def test_of_trees_the_maximum_is_the_applicant_with_the_best_score(tmp_path: Path) -> None:
    booster, onnx = lightgbm_export()
    rows, _ = data()
    predicted = booster.predict(rows)
    artifact = packed(tmp_path, onnx, rows, predicted, reference="maximum").artifact
    assert artifact.manifest.explanation.method == "tree_shap"
    assert len(artifact.reference.rows) == 1
    assert booster.predict(reference_of(artifact))[0] == pytest.approx(predicted.min())


@needs_shared
def test_texts_that_are_encoded_one_hot_lose_points_as_one_column(tmp_path: Path) -> None:
    given = exported("mixed_onehot_lr", tmp_path)
    wishes = Wishes("mine", "1", predictions="predicted", latency_budget_us=1e5)
    made = pack(given.onnx, given.data, tmp_path / "models", wishes)
    assert made.artifact.manifest.explanation.method == "scorecard"
    core = core_model(made.artifact)
    manifest = made.artifact.manifest
    tensors = made.artifact.golden.tensors(manifest)
    parts = core.explain(tensors)
    assert parts.shape[1] == len(manifest.columns)
    probability = made.artifact.golden.expected
    margin = np.log(probability / (1 - probability))
    np.testing.assert_allclose(core.base_margin + parts.sum(axis=1), margin, atol=1e-4)
    # A column's part depends on nothing but the column.
    for place, column in enumerate(manifest.columns):
        others = {name: np.repeat(t[:1], len(t), axis=0) for name, t in tensors.items()}
        others[column.name] = tensors[column.name]
        np.testing.assert_allclose(core.explain(others)[:, place], parts[:, place], atol=1e-9)


def network() -> tuple[NDArray[np.float32], NDArray[np.float64], bytes]:
    from sklearn.neural_network import MLPClassifier

    rows, defaulted = data(missing=0)
    model = MLPClassifier((6,), max_iter=40, random_state=1).fit(rows, defaulted)
    return rows, model.predict_proba(rows)[:, 1], scikit_export(model)


@pytest.mark.filterwarnings("ignore")
def test_other_graphs_explain_nothing_unless_an_estimate_is_asked_for(tmp_path: Path) -> None:
    rows, predicted, onnx = network()
    made = packed(tmp_path, onnx, rows, predicted)
    assert made.artifact.manifest.explanation.method == "none"
    assert made.explanation.startswith("none, because it passes through ")
    assert "`--explain permutation`" in made.explanation
    (check,) = [c for c in verify(made.artifact.folder) if c.subject == "explanation"]
    assert (check.outcome, "no reasons" in check.detail) == ("doubtful", True)


@pytest.mark.filterwarnings("ignore")
def test_an_estimate_takes_as_many_permutations_as_its_budget_allows(tmp_path: Path) -> None:
    rows, predicted, onnx = network()
    counts = []
    for budget in (500.0, 20_000.0):
        top = tmp_path / str(budget)
        top.mkdir()
        wishes = {"explain": "permutation", "explanation_budget_us": budget}
        made = packed(top, onnx, rows, predicted, **wishes)
        chosen = made.artifact.manifest.explanation
        assert (chosen.method, chosen.budget_us) == ("permutation", budget)
        assert f"{budget:g} us are allowed" in made.explanation
        counts.append(chosen.permutations)
    assert 2 <= counts[0] <= counts[1] <= 100
    core = core_model(made.artifact)
    margin = np.log(predicted / (1 - predicted))
    parts = core.explain({"x": rows})
    np.testing.assert_allclose(core.base_margin + parts.sum(axis=1), margin, atol=1e-3)
    with pytest.raises(ArtifactError, match=r"over the budget of 0\.01 us"):
        wishes = {"explain": "permutation", "explanation_budget_us": 0.01}
        packed(tmp_path, onnx, rows, predicted, **wishes)


def test_no_explanation_can_be_asked_for(tmp_path: Path) -> None:
    booster, onnx = lightgbm_export()
    rows, _ = data()
    made = packed(tmp_path, onnx, rows, booster.predict(rows), explain="none")
    assert made.artifact.manifest.explanation.method == "none"
    assert made.explanation == "none, as asked: a refusal by its score gives no reasons"


def test_columns_without_a_reason_are_told_of_and_never_named(tmp_path: Path) -> None:
    booster, onnx = lightgbm_export()
    rows, _ = data()
    made = packed(tmp_path, onnx, rows, booster.predict(rows))

    def said() -> str:
        (check,) = [c for c in verify(made.artifact.folder) if c.subject == "explanation"]
        return f"{check.outcome} {check.detail}"

    assert said().startswith("doubtful") and "no column has a `reason`" in said()
    artifact = with_reasons(made.artifact, but=("c1", "c4"))
    assert said().startswith("doubtful") and "not c1, c4 with a `reason`" in said()
    engine = engine_of(artifact, tmp_path)
    named = {code for row in rows[:40] for code in codes(engine, row)}
    assert named and not named & {"R_C1", "R_C4"}
    with_reasons(artifact)
    assert said().startswith("passed")


def test_one_reason_of_several_columns_is_their_sum(tmp_path: Path) -> None:
    booster, onnx = lightgbm_export()
    rows, _ = data()
    artifact = with_reasons(packed(tmp_path, onnx, rows, booster.predict(rows)).artifact)
    # Groups add up what speaks for and against an applicant; ties go by priority, then by order.
    groups = {"R_C0": {"group": "g"}, "R_C1": {"group": "g"}, "R_C2": {"group": "h"}}
    engine = engine_of(artifact, tmp_path, **groups)
    parts = by_shap(booster, reference_of(artifact), rows)
    for row, part in zip(rows[:60], parts, strict=False):
        sums = {(0, 1): part[0] + part[1], **{(i,): part[i] for i in range(2, COLUMNS)}}
        order = sorted((g for g in sums if sums[g] > 0), key=lambda g: -sums[g])[:4]
        wanted = [f"R_C{max(group, key=lambda i: part[i])}" for group in order]
        assert codes(engine, row) == wanted


def test_raising_what_only_helps_never_makes_it_a_reason(tmp_path: Path) -> None:
    booster, onnx = lightgbm_export(monotone_constraints=[-1] * COLUMNS)
    rows = np.nan_to_num(data()[0])
    artifact = with_reasons(packed(tmp_path, onnx, rows, booster.predict(rows)).artifact)
    engine = engine_of(artifact, tmp_path)
    tried = 0
    for row in rows[:40]:
        before = codes(engine, row)
        if len(before) == 4:
            continue  # one of them may make room
        for column in range(COLUMNS):
            raised = row.copy()
            raised[column] += 1.5
            added = set(codes(engine, raised)) - set(before)
            assert f"R_C{column}" not in added
            tried += 1
    assert tried > 50


def test_equal_parts_go_by_priority_and_then_by_the_catalogue_always_alike(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    rows, defaulted = data(missing=0)
    rows = np.round(rows * 4) / 4  # so that sums of them are exact
    model = LogisticRegression().fit(rows, defaulted)
    model.coef_[:] = 1.0
    made = packed(
        tmp_path, scikit_export(model), rows, model.predict_proba(rows)[:, 1], reference="maximum"
    )
    artifact = with_reasons(made.artifact)
    (best,) = reference_of(artifact)
    row = (best + 8).astype(np.float32)
    assert (core_model(artifact).explain({"x": row[np.newaxis]}) == 8).all()
    by_priority = {f"R_C{n}": {"priority": n} for n in (6, 2)}
    for _ in range(2):
        engine = engine_of(artifact, tmp_path, **by_priority)
        assert codes(engine, row) == ["R_C6", "R_C2", "R_C0", "R_C1"]


def test_no_reason_is_given_that_the_model_does_not_have(tmp_path: Path) -> None:
    """The model was trained on four of the seven columns."""
    booster, onnx = lightgbm_export(columns=4)
    rows, _ = data()
    (tmp_path / "model.onnx").write_bytes(onnx)
    file = tmp_path / "sample.csv"
    columns = {name: rows[:, i] for i, name in enumerate(NAMES[:4])}
    write_csv(file, {**columns, "predicted": booster.predict(rows[:, :4])})
    wishes = Wishes("mine", "1", predictions="predicted", latency_budget_us=1e5)
    artifact = pack(tmp_path / "model.onnx", file, tmp_path / "models", wishes).artifact
    engine = engine_of(with_reasons(artifact), tmp_path)
    answers = [codes(engine, row[:4], NAMES[:4]) for row in rows[:60]]
    assert {code for given in answers for code in given} <= {"R_C0", "R_C1", "R_C2", "R_C3"}
    assert all(len(given) == len(set(given)) <= 4 for given in answers)


@needs_shared
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("lgb_binary", "tree_shap"),
        ("lgb_dart", "tree_shap"),
        ("xgb_binary", "tree_shap"),
        ("xgb_lossguide", "tree_shap"),
        ("gbc", "tree_shap"),
        ("mixed_onehot_gbc", "tree_shap"),
        ("lr_std", "scorecard"),
        ("lr_binarizer", "scorecard"),
        ("lr_impute_indicator", "scorecard"),
        ("lr_kbins_onehot", "scorecard"),
        ("mixed_onehot_lr", "scorecard"),
        ("rf", "none"),
        ("svc_rbf", "none"),
        ("mlp", "none"),
    ],
)
def test_exports_of_others_are_explained_as_their_form_allows(
    name: str, method: str, tmp_path: Path
) -> None:
    given = exported(name, tmp_path)
    wishes = Wishes(name, "1", predictions="predicted", latency_budget_us=1e5)
    made = pack(given.onnx, given.data, tmp_path / "models", wishes)
    assert made.artifact.manifest.explanation.method == method, made.explanation
    if method != "none":
        core, artifact = core_model(made.artifact), made.artifact
        tensors = artifact.golden.tensors(artifact.manifest)
        sums = core.base_margin + core.explain(tensors).sum(axis=1)
        probability = artifact.golden.expected
        np.testing.assert_allclose(1 / (1 + np.exp(-sums)), probability, atol=1e-5)
