"""What the core runs by itself gives onnxruntime's answers; what it does not run, it says why."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from onnx import ModelProto, TensorProto, helper

from fenqi.artifacts import load_artifact
from fenqi.artifacts.graph import (
    GraphInput,
    NotNativeError,
    compile_graph,
    graph_inputs,
    serving_form,
    without_zip_maps,
)
from fenqi.artifacts.graph.parity import LIMIT, compare, native_runner
from fenqi.artifacts.graph.probing import random_rows
from fenqi.internal.v1 import native_model_pb2 as image
from tests.artifacts import model_cases, random_models
from tests.artifacts.every_split import rows_of_every_split, splits_of

ROOT = Path(__file__).parents[2]
MODELS = ROOT.parent / "shared" / "conformance" / "models"
CASES = model_cases.case_folders(MODELS) if MODELS.exists() else []

several = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def parity_of(model: ModelProto, count: int = 150) -> float:
    """The largest difference on random rows; the rows of every split are among them."""
    inputs = graph_inputs(model)
    native = compile_graph(model, inputs, [output.name for output in model.graph.output])
    rows = random_rows(native, splits_of(model, inputs), count)
    with np.errstate(all="ignore"):
        return compare(model, native, inputs, rows).largest_difference


@pytest.mark.skipif(not CASES, reason="the folder ../shared/conformance/models is not here")
@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_each_model_gives_what_onnxruntime_gave_for_all_rows_and_for_each(folder: Path) -> None:
    result = model_cases.run_case(folder)
    assert result.passed, result
    # Only support vector machines are beyond the core.
    assert (result.path == "native") == ("svc" not in folder.name or "linear" in folder.name)


@pytest.mark.skipif(not CASES, reason="the folder ../shared/conformance/models is not here")
def test_single_tree_ensembles_give_the_same_bits() -> None:
    trees = [folder for folder in CASES if folder.parent.name == "trees"]
    assert [f.name for f in trees if not model_cases.run_case(f).same_bits] == []


def onnx_cases() -> list[onnx.backend.test.case.test_case.TestCase]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = collect_testcases(None)
    return [
        case
        for case in cases
        if case.model and any(n.domain == "ai.onnx.ml" for n in case.model.graph.node)
    ]


# Why a case of the onnx package runs in onnxruntime.
BEYOND = {
    "test_ai_onnx_ml_tree_ensemble_single_tree": "float64",
    "test_ai_onnx_ml_label_encoder_tensor_mapping": "int16",
    "test_ai_onnx_ml_label_encoder_tensor_value_only_mapping": "int16",
}


def test_the_onnx_packages_own_cases_hold_or_are_refused_with_the_reason() -> None:
    cases = onnx_cases()
    assert len(cases) >= 8
    for case in cases:
        inputs, expected = case.data_sets[0]
        run_onnx_case(case.name, case.model, inputs, expected)


def run_onnx_case(name: str, model: ModelProto, inputs: list, expected: list) -> None:
    arrays = [np.asarray(array) for array in inputs]
    if "array_feature_extractor" in name:
        # Which columns it takes is part of the model.
        model = ModelProto.FromString(model.SerializeToString())
        model.graph.initializer.append(onnx.numpy_helper.from_array(arrays.pop(), "y"))
        del model.graph.input[1]
    elif "tree_ensemble" not in name:
        # Value by value: as one row.
        arrays = [array.reshape(1, -1) for array in arrays]
    given = [
        GraphInput(value.name, value.type.tensor_type.elem_type, array.shape[1])
        for value, array in zip(model.graph.input, arrays, strict=True)
    ]
    try:
        native = compile_graph(model, given, [output.name for output in model.graph.output])
    except NotNativeError as error:
        assert BEYOND[name] in str(error), (name, error)
        return
    assert name not in BEYOND
    fed = {value.name: array for value, array in zip(given, arrays, strict=True)}
    answer = native_runner(native, given).run(fed)
    for output, wanted in zip(model.graph.output, expected, strict=True):
        found = answer[output.name].reshape(np.shape(wanted))
        np.testing.assert_array_equal(found, wanted, err_msg=name)


@several
@given(model=random_models.regressors())
def test_random_regression_forests_agree_to_the_bit(model: ModelProto) -> None:
    assert parity_of(model) == 0.0


@several
@given(model=random_models.classifiers())
def test_random_classification_forests_agree_to_the_bit_labels_too(model: ModelProto) -> None:
    assert parity_of(model) == 0.0


@several
@given(model=random_models.pipelines())
def test_random_pipelines_agree(model: ModelProto) -> None:
    assert parity_of(model, count=60) <= LIMIT


def ensemble(name: str) -> tuple[ModelProto, list[GraphInput], image.NativeModel]:
    artifact = load_artifact(ROOT / "models" / name)
    model = onnx.load_from_string(artifact.onnx)
    inputs = graph_inputs(model)
    return model, inputs, compile_graph(model, inputs, [o.name for o in model.graph.output])


@pytest.mark.parametrize("name", ["taiwan_gbm/1", "taiwan_scorecard/1"])
def test_bundled_models_agree_beside_every_split_value(name: str) -> None:
    model, inputs, native = ensemble(name)
    rows = rows_of_every_split(model, inputs, native)
    assert len(splits_of(model, inputs)) > 10
    parity = compare(model, native, inputs, rows)
    assert (parity.largest_difference, parity.equal_rows) == (0.0, parity.rows)


def tree_model(**changes: object) -> ModelProto:
    """One question, two leaves."""
    attributes: dict[str, object] = {
        "n_targets": 1,
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    } | changes
    node = random_models.make("TreeEnsembleRegressor", ["x"], ["y"], **attributes)
    return random_models.model_of([node], {"x": (TensorProto.FLOAT, 1)}, ["y"])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"post_transform": "PROBIT"}, "from run to run"),
        ({"nodes_truenodeids": [0, 0, 0]}, "in circles"),
        ({"nodes_truenodeids": [7, 0, 0]}, "a node that there is not"),
        ({"nodes_featureids": [3, 0, 0]}, "asks column 3 of 1"),
        ({"nodes_modes": ["BRANCH_NEAR", "LEAF", "LEAF"]}, "unknown mode"),
        ({"nodes_nodeids": [0, 1, 1]}, "a node twice"),
        ({"target_ids": [0, 5]}, "other than its 1 targets"),
        ({"nodes_values": [float("nan"), 0.0, 0.0]}, "compare with NaN"),
    ],
)
def test_a_forest_that_cannot_be_native_is_refused_with_the_reason(
    changes: dict[str, object], why: str
) -> None:
    model = tree_model(**changes)
    with pytest.raises(NotNativeError, match=why):
        compile_graph(model, graph_inputs(model), ["y"])


def test_a_graph_beyond_the_core_is_served_by_onnxruntime_and_says_which_node() -> None:
    node = helper.make_node("Erf", ["x"], ["y"], name="bell")
    model = random_models.model_of([node], {"x": (TensorProto.FLOAT, 2)}, ["y"])
    form = serving_form(model.SerializeToString(), graph_inputs(model), ["y"])
    assert (form.path, form.parity) == ("onnxruntime", None)
    assert form.why == "Erf (bell): the core does not know this operator"


def test_where_the_two_paths_differ_onnxruntime_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that is wrong: every leaf weighs twice as much."""
    from fenqi.artifacts.graph import parity

    def wrong(*arguments: object) -> image.NativeModel:
        native = compile_graph(*arguments)  # type: ignore[arg-type]
        native.forests[0].weight[0] *= 2
        return native

    monkeypatch.setattr(parity, "compile_graph", wrong)
    model = tree_model(target_weights=[1.5, 2.5])
    form = serving_form(model.SerializeToString(), graph_inputs(model), ["y"])
    assert form.path == "onnxruntime"
    assert form.why.startswith("its answers differ from onnxruntime's by ")
    assert form.parity is not None and not form.parity.agrees


def test_probabilities_in_dictionaries_become_columns() -> None:
    nodes = [
        random_models.make(
            "LinearClassifier", ["x"], ["label", "p"], coefficients=[1.0, -1.0, 0.5, 2.0],
            intercepts=[0.0, 0.1], classlabels_ints=[0, 1], post_transform="SOFTMAX",
        ),
        random_models.make("ZipMap", ["p"], ["maps"], classlabels_int64s=[0, 1]),
    ]  # fmt: skip
    model = random_models.model_of(nodes, {"x": (TensorProto.FLOAT, 2)}, ["maps"])
    assert [n.op_type for n in without_zip_maps(model).graph.node][-1] == "Identity"
    rows = {"x": np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)}
    plain = without_zip_maps(model)
    inputs = graph_inputs(plain)
    parity = compare(plain, compile_graph(plain, inputs, ["maps"]), inputs, rows)
    assert parity.agrees and parity.rows == 20


def test_an_unknown_category_fails_the_row_where_the_encoder_does_not_allow_it() -> None:
    from fenqi import _native

    node = random_models.make("OneHotEncoder", ["x"], ["y"], cats_strings=["a", "b"], zeros=0)
    model = random_models.model_of([node], {"x": (TensorProto.STRING, 1)}, ["y"])
    inputs = graph_inputs(model)
    runner = native_runner(compile_graph(model, inputs, ["y"]), inputs)
    np.testing.assert_array_equal(runner.run({"x": np.array([["b"]])})["y"], [[0, 1]])
    with pytest.raises(_native.StatusError, match="category"):
        runner.run({"x": np.array([["c"]])})


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Tile", ["x", "huge"], ["y"]),
        helper.make_node("Expand", ["x", "huge"], ["y"]),
        helper.make_node("ConstantOfShape", ["huge"], ["y"]),
        helper.make_node("Reshape", ["x", "huge"], ["y"]),
        helper.make_node("Gather", ["x", "far"], ["y"], axis=1),
        helper.make_node("Gemm", ["x"], ["y"]),
        helper.make_node("Split", ["x"], ["y"], axis=9),
        helper.make_node("Softmax", ["nothing"], ["y"]),
        random_models.make("TreeEnsemble", ["x"], ["y"], n_targets=1),
        random_models.make("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1),
        random_models.make("LabelEncoder", ["x"], ["y"]),
    ],
    ids=lambda node: node.op_type,
)
def test_hostile_graphs_are_refused_before_they_take_memory(node: onnx.NodeProto) -> None:
    constants = {"huge": np.array([10**6, 10**7]), "far": np.array([10**9])}
    model = random_models.model_of([node], {"x": (TensorProto.FLOAT, 1)}, ["y"], constants)
    with pytest.raises(NotNativeError):
        compile_graph(model, graph_inputs(model), ["y"])


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
@pytest.mark.parametrize("base", [[], [0.5], [0.25, 0.75]])
@pytest.mark.parametrize(
    "leaves",
    [
        [(1, 0, 0.36), (2, 0, 0.94)],
        [(1, 1, 0.36), (2, 1, -0.94)],
        [(1, 0, 0.36)],
        [(1, 1, 0.36)],
    ],
    ids=["one class, shares", "one class, margins", "a leaf without first", "and without second"],
)
def test_a_class_that_no_leaf_scores_is_unset_as_in_onnxruntime(
    transform: str, base: list[float], leaves: list[tuple[int, int, float]]
) -> None:
    node = random_models.make(
        "TreeEnsembleClassifier", ["x"], ["label", "y"],
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.5, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
        class_treeids=[0] * len(leaves), class_nodeids=[leaf for leaf, _, _ in leaves],
        class_ids=[k for _, k, _ in leaves], class_weights=[weight for _, _, weight in leaves],
        classlabels_int64s=[0, 1], post_transform=transform,
        **({"base_values": base} if base else {}),
    )  # fmt: skip
    model = random_models.model_of([node], {"x": (TensorProto.FLOAT, 1)}, ["label", "y"])
    assert parity_of(model) == 0.0
