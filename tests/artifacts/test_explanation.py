"""What the core says each column adds to a model's margin: against the shap package, against the
definition, and by its own promises."""

from __future__ import annotations

import itertools
import math
from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from fenqi import _native
from fenqi.artifacts import ArtifactError
from fenqi.artifacts.explanation import explanation_of
from fenqi.artifacts.graph import GraphInput, NotNativeError, compile_graph
from fenqi.artifacts.json_file import cells
from fenqi.artifacts.manifest import Manifest
from fenqi.bundled import onnxruntime_library
from fenqi.internal.v1.native_model_pb2 import TensorType
from fenqi.internal.v1.release_image_pb2 import ModelSlot
from models.training.boosting import trees_of
from models.training.trees import to_onnx

TYPES = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64, "string": TensorProto.STRING}


def explained(
    model: onnx.ModelProto,
    inputs: dict[str, tuple[str, int]],
    reference: list[list[Any]],
    outputs: dict[str, Any],
    **explanation: Any,
) -> _native.Model:
    """The model in the core; `inputs` by name: type and width."""
    slot = slot_of(model, inputs, reference, outputs, **explanation)
    return _native.Model(slot.SerializeToString(), str(onnxruntime_library()))


def slot_of(
    model: onnx.ModelProto,
    inputs: dict[str, tuple[str, int]],
    reference: list[list[Any]],
    outputs: dict[str, Any],
    **explanation: Any,
) -> ModelSlot:
    """What the core loads."""
    manifest = Manifest.model_validate(
        {
            "format": 2,
            "name": "tested",
            "version": "1",
            "kind": "test",
            "purpose": "test",
            "owner": "test",
            "materiality": "low",
            "files": dict.fromkeys(
                ("model.onnx", "golden.json", "reference.json", "parity.json"), "0" * 64
            ),
            "inputs": [
                {
                    "name": name,
                    "type": kind,
                    "columns": [
                        {"name": f"{name}_{i}", "feature": f"{name}_{i}"} for i in range(width)
                    ],
                }
                for name, (kind, width) in inputs.items()
            ],
            "outputs": outputs,
            "score_scale": {"base_score": 600, "base_odds": 20, "points_to_double_odds": 40},
            "explanation": {"method": "tree_shap", **explanation},
            "latency_budget_us": 1000,
        }
    )
    slot = ModelSlot(
        margin_output=outputs.get("margin", ""),
        probability_output=outputs.get("probability", ""),
        output_column=outputs.get("class"),
    )
    given = [GraphInput(name, TYPES[kind], width) for name, (kind, width) in inputs.items()]
    native, why = None, ""
    try:
        native = compile_graph(model, given, [manifest.outputs.result])
        slot.native.CopyFrom(native)
    except NotNativeError as error:
        why = str(error)
        slot.onnx = model.SerializeToString()
    found = explanation_of(manifest, reference, native, why)
    if found is not None:
        slot.explanation.CopyFrom(found)
    for name, (kind, width) in inputs.items():
        type_name = f"TENSOR_TYPE_{kind.upper()}"
        slot.inputs.add(name=name, type=type_name, registers=[0] * width)
    return slot


def rows_of(seed: int, count: int, columns: int) -> NDArray[np.float32]:
    """Numbers of several kinds, a tenth of them missing."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, columns)).astype(np.float32)
    rows[:, ::2] = np.round(rows[:, ::2] * 3)
    rows[random.random(rows.shape) < 0.1] = np.nan
    return rows


def boosted(seed: int, columns: int, trees: int, leaves: int, **parameters: Any) -> Any:
    rows = rows_of(seed, 1500, columns)
    known = np.nan_to_num(rows)
    risk = known[:, 0] - known[:, 1] + known[:, 0] * known[:, 2] * 0.5
    defaulted = (np.random.default_rng(seed).random(len(rows)) < 1 / (1 + np.exp(-risk))).astype(
        int
    )
    settings = {
        "objective": "binary",
        "num_leaves": leaves,
        "min_data_in_leaf": 5,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "verbose": -1,
        **parameters,
    }
    return lightgbm.train(settings, lightgbm.Dataset(rows, defaulted), trees)


def by_shap(booster: Any, reference: NDArray[np.float32], rows: NDArray[np.float32]) -> Any:
    background = shap.maskers.Independent(reference, max_samples=len(reference))
    explainer = shap.TreeExplainer(
        booster, background, feature_perturbation="interventional", model_output="raw"
    )
    values = explainer.shap_values(rows, check_additivity=False)
    return np.asarray(values[-1] if isinstance(values, list) else values)


def by_subsets(model: _native.Model, x: list[Any], reference: list[list[Any]]) -> list[float]:
    """Shapley's formula; the model has one input `x`, and its only output is the margin."""
    players = range(len(x))

    def worth(taken: tuple[int, ...]) -> float:
        mixed = [[x[i] if i in taken else z[i] for i in players] for z in reference]
        (margin,) = model.run({"x": np.array(mixed)}).values()
        return float(margin.astype(float).mean())

    parts = []
    for player in players:
        others = [other for other in players if other != player]
        part = 0.0
        for size in range(len(x)):
            weight = 1 / (len(x) * math.comb(len(x) - 1, size))
            for taken in itertools.combinations(others, size):
                part += weight * (worth((*taken, player)) - worth(taken))
        parts.append(part)
    return parts


@pytest.mark.parametrize(
    ("trees", "leaves", "reference_rows"), [(40, 31, 300), (60, 4, 1), (8, 80, 50)]
)
def test_parts_of_boosted_trees_are_the_shap_packages(
    trees: int, leaves: int, reference_rows: int
) -> None:
    booster = boosted(1, 8, trees, leaves)
    reference, rows = rows_of(2, reference_rows, 8), rows_of(3, 25, 8)
    graph = to_onnx(trees_of(booster), 8, 0.0, "boosted")
    model = explained(graph, {"features": ("float", 8)}, cells(reference), {"margin": "margin"})
    assert model.path == "native"
    parts = model.explain({"features": rows})
    np.testing.assert_allclose(parts, by_shap(booster, reference, rows), atol=1e-6)
    margin = booster.predict(rows, raw_score=True)
    np.testing.assert_allclose(model.base_margin + parts.sum(axis=1), margin, atol=2e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), leaves=st.integers(2, 40), columns=st.integers(3, 12))
def test_random_boosted_trees_too(seed: int, leaves: int, columns: int) -> None:
    booster = boosted(seed, columns, 6, leaves)
    reference, rows = rows_of(seed + 1, 20, columns), rows_of(seed + 2, 8, columns)
    graph = to_onnx(trees_of(booster), columns, 0.0, "boosted")
    model = explained(
        graph, {"features": ("float", columns)}, cells(reference), {"margin": "margin"}
    )
    parts = model.explain({"features": rows})
    np.testing.assert_allclose(parts, by_shap(booster, reference, rows), atol=1e-6)
    again = model.explain({"features": rows})
    assert parts.tobytes() == again.tobytes()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), column=st.integers(0, 4), by=st.floats(0.01, 5))
def test_raising_what_only_helps_never_speaks_more_against_an_applicant(
    seed: int, column: int, by: float
) -> None:
    booster = boosted(seed, 5, 10, 12, monotone_constraints=[-1] * 5)
    reference, rows = rows_of(seed + 1, 20, 5), np.nan_to_num(rows_of(seed + 2, 10, 5))
    graph = to_onnx(trees_of(booster), 5, 0.0, "boosted")
    model = explained(graph, {"features": ("float", 5)}, cells(reference), {"margin": "margin"})
    raised = rows.copy()
    raised[:, column] += by
    before, after = model.explain({"features": rows}), model.explain({"features": raised})
    assert (after[:, column] <= before[:, column] + 1e-9).all()


def test_a_column_that_the_model_does_not_read_gets_nothing() -> None:
    booster = boosted(4, 6, 10, 8)
    unread = [i for i, gain in enumerate(booster.feature_importance()) if gain == 0]
    trees = list(trees_of(booster))
    model = explained(
        to_onnx(trees, 8, 0.0, "boosted"),
        {"features": ("float", 8)},
        cells(rows_of(5, 30, 8)),
        {"margin": "margin"},
    )
    parts = model.explain({"features": rows_of(6, 20, 8)})
    assert (parts[:, [*unread, 6, 7]] == 0.0).all()


def graph_of(nodes: list[onnx.NodeProto], inputs: list[Any], output: str, *constants: Any) -> Any:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(n, t, [None, w]) for n, t, w in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, None])],
        list(constants),
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def classifier(booster: Any, columns: int, post_transform: str, **names: Any) -> onnx.NodeProto:
    """The boosted trees as LightGBM's own converter writes them: weights of one of two classes."""
    (regressor,) = to_onnx(trees_of(booster), columns, 0.0, "trees").graph.node
    attributes = {a.name: helper.get_attribute_value(a) for a in regressor.attribute}
    given = {k: v for k, v in attributes.items() if k.startswith("nodes_")}
    given |= {
        k.replace("target_", "class_"): v for k, v in attributes.items() if k.startswith("target_")
    }
    given["class_ids"] = [1 if post_transform == "SOFTMAX" else 0] * len(given["class_ids"])
    return helper.make_node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_int64s=[0, 1],
        post_transform=post_transform,
        **given,
    )


@pytest.mark.parametrize("default", [0, 1])
def test_of_a_probability_the_log_odds_are_explained(default: int) -> None:
    booster = boosted(7, 6, 30, 10)
    reference, rows = rows_of(8, 60, 6), rows_of(9, 20, 6)
    graph = graph_of(
        [classifier(booster, 6, "LOGISTIC")], [("x", TensorProto.FLOAT, 6)], "probabilities"
    )
    outputs = {"probability": "probabilities", "class": default}
    model = explained(graph, {"x": ("float", 6)}, cells(reference), outputs)
    sign = 1 if default == 1 else -1
    wanted = sign * by_shap(booster, reference, rows)
    np.testing.assert_allclose(model.explain({"x": rows}), wanted, atol=1e-6)


def test_a_softmax_of_two_classes_is_explained_by_their_difference() -> None:
    booster = boosted(7, 6, 30, 10)
    reference, rows = rows_of(8, 60, 6), rows_of(9, 20, 6)
    graph = graph_of(
        [classifier(booster, 6, "SOFTMAX")], [("x", TensorProto.FLOAT, 6)], "probabilities"
    )
    outputs = {"probability": "probabilities", "class": 1}
    model = explained(graph, {"x": ("float", 6)}, cells(reference), outputs)
    margin = np.log(p := model.run({"x": rows})["probabilities"][:, 1].astype(float)) - np.log(
        1 - p
    )
    parts = model.explain({"x": rows})
    np.testing.assert_allclose(model.base_margin + parts.sum(axis=1), margin, atol=1e-4)


def test_columns_that_are_scaled_before_the_trees_keep_their_parts() -> None:
    booster = boosted(10, 5, 20, 8)
    reference, rows = rows_of(11, 40, 5), rows_of(12, 15, 5)
    offset, scale = [1.0, -2.0, 0.5, 0.0, 4.0], [0.5, 2.0, 4.0, 0.25, 1.0]
    (trees,) = to_onnx(trees_of(booster), 5, 0.0, "trees").graph.node
    trees.input[0] = "scaled"
    scaler = helper.make_node(
        "Scaler", ["x"], ["scaled"], domain="ai.onnx.ml", offset=offset, scale=scale
    )
    graph = graph_of([scaler, trees], [("x", TensorProto.FLOAT, 5)], "margin")
    back = [
        (r / np.float32(scale) + np.float32(offset)).astype(np.float32) for r in (reference, rows)
    ]
    model = explained(graph, {"x": ("float", 5)}, cells(back[0]), {"margin": "margin"})
    wanted = by_shap(booster, reference, rows)
    # Scaling by powers of two and back is exact but for a few roundings at the splits.
    np.testing.assert_allclose(model.explain({"x": back[1]}), wanted, atol=1e-6)


def one_hot_graph() -> onnx.ModelProto:
    """x: three texts; the first, one-hot, is asked by trees together with the others."""
    nodes = []
    for i, known in enumerate((["a", "b", "c"], ["u", "v"], ["u", "w", "z"])):
        index = helper.make_tensor(f"index{i}", TensorProto.INT64, [1], [i])
        nodes.append(helper.make_node("Constant", [], [f"index{i}"], value=index))
        nodes.append(
            helper.make_node(
                "ArrayFeatureExtractor", ["x", f"index{i}"], [f"text{i}"], domain="ai.onnx.ml"
            )
        )
        nodes.append(
            helper.make_node(
                "OneHotEncoder",
                [f"text{i}"],
                [f"hot{i}"],
                domain="ai.onnx.ml",
                cats_strings=known,
                zeros=1,
            )
        )
        shape = helper.make_tensor(f"shape{i}", TensorProto.INT64, [2], [1, len(known)])
        nodes.append(helper.make_node("Constant", [], [f"shape{i}"], value=shape))
        nodes.append(helper.make_node("Reshape", [f"hot{i}", f"shape{i}"], [f"flat{i}"]))
    nodes.append(helper.make_node("Concat", ["flat0", "flat1", "flat2"], ["row"], axis=1))
    random = np.random.default_rng(0)
    rows = random.integers(0, 2, size=(400, 8)).astype(np.float32)
    risk = rows[:, 0] * rows[:, 3] - rows[:, 2] + rows[:, 7] * rows[:, 1]
    booster = lightgbm.train(
        {"objective": "regression", "num_leaves": 8, "verbose": -1, "min_data_in_leaf": 5},
        lightgbm.Dataset(rows, risk),
        10,
    )
    (trees,) = to_onnx(trees_of(booster), 8, 0.0, "trees").graph.node
    trees.input[0] = "row"
    return graph_of([*nodes, trees], [("x", TensorProto.STRING, 3)], "margin")


def test_columns_of_one_hot_encoding_count_as_the_one_input_that_they_come_from() -> None:
    reference = [["a", "u", "w"], ["b", "v", "z"], ["c", "u", ""], ["a", "v", "u"]]
    model = explained(one_hot_graph(), {"x": ("string", 3)}, reference, {"margin": "margin"})
    for row in (["b", "u", "z"], ["c", "v", "w"], ["", "u", "u"]):
        (parts,) = model.explain({"x": np.array([row])})
        np.testing.assert_allclose(parts, by_subsets(model, row, reference), atol=1e-6)


def test_trees_that_read_two_inputs_as_one_number_are_not_explained_by_tree_shap() -> None:
    (trees,) = to_onnx(trees_of(boosted(13, 4, 3, 4)), 4, 0.0, "trees").graph.node
    trees.input[0] = "normal"
    normal = helper.make_node("Normalizer", ["x"], ["normal"], domain="ai.onnx.ml", norm="L2")
    graph = graph_of([normal, trees], [("x", TensorProto.FLOAT, 4)], "margin")
    with pytest.raises(ArtifactError, match="x_0, x_1, x_2, x_3 enter its trees as one number"):
        explained(graph, {"x": ("float", 4)}, [[0.0] * 4], {"margin": "margin"})


def linear() -> onnx.ModelProto:
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 1], [0.5, -1.0, 2.0, 0.25])
    bias = helper.make_tensor("b", TensorProto.FLOAT, [1], [0.75])
    node = helper.make_node("Gemm", ["x", "w", "b"], ["margin"])
    return graph_of([node], [("x", TensorProto.FLOAT, 4)], "margin", weights, bias)


def test_a_sum_of_one_term_for_each_column_is_explained_by_its_terms() -> None:
    reference = [[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0], [0.5, -3.0, 2.0, 1.0]]
    model = explained(
        linear(), {"x": ("float", 4)}, reference, {"margin": "margin"}, method="scorecard"
    )
    rows = np.array([[2.0, -1.0, 0.5, 8.0], [0.0, 1.0, 2.0, 3.0]], dtype=np.float32)
    wanted = (rows - np.mean(reference, axis=0)) * [0.5, -1.0, 2.0, 0.25]
    parts = model.explain({"x": rows})
    np.testing.assert_allclose(parts, wanted, atol=1e-6)
    margin = model.run({"x": rows})["margin"][:, 0]
    np.testing.assert_allclose(model.base_margin + parts.sum(axis=1), margin, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), first=st.integers(0, 4), by=st.floats(0.01, 5))
def test_of_such_a_sum_the_parts_are_shapleys_and_raising_what_helps_helps(
    seed: int, first: int, by: float
) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=5).astype(np.float32)
    graph = graph_of(
        [
            helper.make_node("Imputer", ["x"], ["known"], domain="ai.onnx.ml",
                             imputed_value_floats=random.normal(size=5).tolist(),
                             replaced_value_float=float("nan")),
            helper.make_node("Scaler", ["known"], ["scaled"], domain="ai.onnx.ml",
                             offset=random.normal(size=5).tolist(),
                             scale=random.uniform(0.5, 2, size=5).tolist()),
            helper.make_node("Gemm", ["scaled", "w", "b"], ["margin"]),
        ],
        [("x", TensorProto.FLOAT, 5)],
        "margin",
        helper.make_tensor("w", TensorProto.FLOAT, [5, 1], weights),
        helper.make_tensor("b", TensorProto.FLOAT, [1], [0.5]),
    )  # fmt: skip
    reference, rows = rows_of(seed + 1, 6, 5), rows_of(seed + 2, 4, 5)
    model = explained(
        graph, {"x": ("float", 5)}, cells(reference), {"margin": "margin"}, method="scorecard"
    )
    parts = model.explain({"x": rows})
    for row, found in zip(rows, parts, strict=True):
        wanted = by_subsets(model, row.tolist(), reference.tolist())
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert parts.tobytes() == model.explain({"x": rows}).tobytes()
    raised = np.nan_to_num(rows)
    before = model.explain({"x": raised})
    raised[:, first] -= np.sign(weights[first]) * np.float32(by)
    after = model.explain({"x": raised})
    # What only helps lowers its own part and no other.
    assert (after[:, first] <= before[:, first]).all()
    others = np.arange(5) != first
    np.testing.assert_array_equal(after[:, others], before[:, others])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cell": 1 << 20}, "its terms do not fit the model"),
        ({"cell": (1 << 32) - 1}, "its terms do not fit the model"),
        ({"type": "TENSOR_TYPE_DOUBLE"}, "its terms do not fit the model"),
        ({"type": "TENSOR_TYPE_STRING"}, "its terms do not fit the model"),
        ({"type": "TENSOR_TYPE_UNSPECIFIED"}, "its terms do not fit the model"),
        ({"column": 4}, "its terms do not fit the model"),
        ({"weight": float("nan")}, "its terms do not fit the model"),
        ({"weight": float("inf")}, "its terms do not fit the model"),
        ({"weight": 3.5}, "base and parts of row 0 of the reference add up to"),
    ],
)
def test_terms_that_the_model_does_not_have_are_refused(change: dict[str, Any], said: str) -> None:
    reference = [[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0]]
    slot = slot_of(
        linear(), {"x": ("float", 4)}, reference, {"margin": "margin"}, method="scorecard"
    )
    term = slot.explanation.additive.terms[1]
    for field, value in change.items():
        setattr(term, field, TensorType.Value(value) if field == "type" else value)
    with pytest.raises(_native.StatusError, match=said):
        _native.Model(slot.SerializeToString(), str(onnxruntime_library()))


def test_an_explanation_is_of_one_kind() -> None:
    slot = slot_of(
        linear(), {"x": ("float", 4)}, [[0.0] * 4], {"margin": "margin"}, method="scorecard"
    )
    for change in (
        lambda: slot.explanation.additive.ClearField("terms"),
        lambda: slot.explanation.permutations.SetInParent(),
        lambda: slot.explanation.ClearField("additive"),
    ):
        change()
        with pytest.raises(_native.StatusError):
            _native.Model(slot.SerializeToString(), str(onnxruntime_library()))


def test_trees_that_ask_several_columns_are_no_scorecard() -> None:
    graph = to_onnx(trees_of(boosted(13, 4, 3, 4)), 4, 0.0, "boosted")
    with pytest.raises(ArtifactError, match="let `explanation` say tree_shap, permutation or none"):
        explained(
            graph,
            {"features": ("float", 4)},
            [[0.0] * 4],
            {"margin": "margin"},
            method="scorecard",
        )


def test_what_is_no_forest_is_refused_by_tree_shap_and_says_what_to_do() -> None:
    with pytest.raises(ArtifactError, match="let `explanation` say permutation or none"):
        explained(linear(), {"x": ("float", 4)}, [[0.0] * 4], {"margin": "margin"})


def test_permutations_are_exact_where_columns_do_not_interact() -> None:
    reference = [[0.0, 1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0]]
    model = explained(
        linear(),
        {"x": ("float", 4)},
        reference,
        {"margin": "margin"},
        method="permutation",
        permutations=4,
    )
    row = np.array([[2.0, -1.0, 0.5, 8.0]], dtype=np.float32)
    wanted = (row[0] - np.mean(reference, axis=0)) * [0.5, -1.0, 2.0, 0.25]
    np.testing.assert_allclose(model.explain({"x": row})[0], wanted, atol=1e-6)


def interacting() -> onnx.ModelProto:
    """erf(x @ W) @ v + b: columns interact, and the core leaves it to onnxruntime."""
    random = np.random.default_rng(3)
    first = helper.make_tensor("w", TensorProto.FLOAT, [3, 6], random.normal(size=18))
    last = helper.make_tensor("v", TensorProto.FLOAT, [6, 1], random.normal(size=6))
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["hidden"]),
        helper.make_node("Erf", ["hidden"], ["squashed"]),
        helper.make_node("MatMul", ["squashed", "v"], ["margin"]),
    ]
    return graph_of(nodes, [("x", TensorProto.FLOAT, 3)], "margin", first, last)


def test_permutations_explain_any_graph_and_come_near_the_exact_values() -> None:
    reference = [[0.0, 1.0, -1.0], [0.5, -0.5, 0.25]]
    model = explained(
        interacting(),
        {"x": ("float", 3)},
        reference,
        {"margin": "margin"},
        method="permutation",
        permutations=400,
    )
    assert model.path == "onnxruntime"
    rows = np.array([[1.0, 2.0, -0.5], [-1.0, 0.0, 1.5]], dtype=np.float32)
    parts = model.explain({"x": rows})
    margin = model.run({"x": rows})["margin"][:, 0]
    np.testing.assert_allclose(model.base_margin + parts.sum(axis=1), margin, atol=1e-6)
    for row, found in zip(rows, parts, strict=True):
        wanted = by_subsets(model, row.tolist(), reference)
        np.testing.assert_allclose(found, wanted, atol=0.05)
    assert parts.tobytes() == model.explain({"x": rows}).tobytes()


def test_permutations_of_texts_leave_the_applicants_own_behind() -> None:
    reference = [["a", "u", "w"], ["b", "v", "z"]]
    model = explained(
        one_hot_graph(),
        {"x": ("string", 3)},
        reference,
        {"margin": "margin"},
        method="permutation",
        permutations=12,
    )
    row = np.array([["c", "u", "z"]])
    before = model.run({"x": row})["margin"]
    (parts,) = model.explain({"x": row})
    assert model.base_margin + parts.sum() == pytest.approx(float(before[0, 0]), abs=1e-6)
    assert model.run({"x": row})["margin"] == before


def test_a_model_that_explains_nothing_says_so() -> None:
    model = explained(
        linear(), {"x": ("float", 4)}, [[0.0] * 4], {"margin": "margin"}, method="none"
    )
    with pytest.raises(ValueError, match="explains nothing"):
        model.explain({"x": np.zeros((1, 4), dtype=np.float32)})
