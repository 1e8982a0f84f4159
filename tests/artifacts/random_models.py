"""Random tree ensembles and pipelines as ONNX graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto, helper

ML = "ai.onnx.ml"
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
# Few values, so that rows and splits meet.
SPLITS = [-2.0, -1.0, -0.5, 0.0, 1e-45, 0.5, 1.0, 1.5, 3.0]


def model_of(
    nodes: Sequence[NodeProto],
    inputs: dict[str, tuple[int, int]],
    outputs: Sequence[str],
    constants: dict[str, Any] | None = None,
) -> ModelProto:
    """A model; `inputs`: name to (element type, width)."""
    graph = helper.make_graph(
        list(nodes),
        "random",
        [
            helper.make_tensor_value_info(name, dtype, [None, width])
            for name, (dtype, width) in inputs.items()
        ],
        [helper.ValueInfoProto(name=name) for name in outputs],
        [
            helper.make_tensor(
                name,
                helper.np_dtype_to_tensor_dtype(np.asarray(value).dtype),
                np.shape(value),
                np.ravel(value),
            )
            for name, value in (constants or {}).items()
        ],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def make(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> NodeProto:
    """A node of ai.onnx.ml."""
    given = {name: value for name, value in attributes.items() if not _is_empty(value)}
    return helper.make_node(op, list(inputs), list(outputs), domain=ML, **given)


def _is_empty(value: Any) -> bool:
    return isinstance(value, list) and not value


@st.composite
def trees(draw: st.DrawFn, columns: int, prefix: str, targets: int) -> dict[str, Any]:
    """Attributes of a tree operator: any structure, modes and missing tracks, one weight a leaf or
    one for each target. `prefix`: "target" or "class"."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    modes = draw(st.sampled_from([["BRANCH_LEQ"], ["BRANCH_LT"], MODES]))
    share_of_tracks = draw(st.sampled_from([0.0, 0.5]))
    all_leaves_say_all = draw(st.booleans())
    nodes: dict[str, list[Any]] = {
        key: []
        for key in (
            "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
            "missing_value_tracks_true", "hitrates",
        )
    }  # fmt: skip
    weights: dict[str, list[Any]] = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}

    def grow(tree: int, depth: int, own: int) -> int:
        """Adds node `own` and all below; the next free number."""
        is_leaf = depth == 0 or random.random() < 0.2
        at = len(nodes["treeids"])
        for key, value in {
            "treeids": tree,
            "nodeids": own,
            "featureids": 0 if is_leaf else int(random.integers(columns)),
            "values": 0.0 if is_leaf else float(random.choice(SPLITS)),
            "modes": "LEAF" if is_leaf else str(random.choice(modes)),
            "truenodeids": 0,
            "falsenodeids": 0,
            "missing_value_tracks_true": int(random.random() < share_of_tracks),
            "hitrates": 1.0,
        }.items():
            nodes[key].append(value)
        if is_leaf:
            some = range(targets) if all_leaves_say_all else random.permutation(targets)[:1]
            for target in some:
                weights["treeids"].append(tree)
                weights["nodeids"].append(own)
                weights["ids"].append(int(target))
                weights["weights"].append(float(np.float32(random.normal())))
            return own + 1
        nodes["truenodeids"][at] = own + 1
        after = grow(tree, depth - 1, own + 1)
        nodes["falsenodeids"][at] = after
        return grow(tree, depth - 1, after)

    for tree in range(draw(st.integers(1, 12))):
        grow(tree, draw(st.integers(0, 6)), 0)
    return {f"nodes_{key}": value for key, value in nodes.items()} | {
        f"{prefix}_{key}": value for key, value in weights.items()
    }


@st.composite
def regressors(draw: st.DrawFn) -> ModelProto:
    """TreeEnsembleRegressor: every aggregate, post transform, one or several targets."""
    columns, targets = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    base = draw(st.one_of(st.just([]), st.lists(_bases, min_size=targets, max_size=targets)))
    node = make(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        n_targets=targets,
        aggregate_function=draw(st.sampled_from(["SUM", "AVERAGE", "MIN", "MAX"])),
        post_transform=draw(st.sampled_from(TRANSFORMS)),
        base_values=base,
        **draw(trees(columns, "target", targets)),
    )
    return model_of([node], {"x": (TensorProto.FLOAT, columns)}, ["y"])


@st.composite
def classifiers(draw: st.DrawFn) -> ModelProto:
    """TreeEnsembleClassifier: two or more classes, also with weights for one of two only."""
    columns, classes = draw(st.integers(1, 5)), draw(st.integers(2, 4))
    weighted = 1 if classes == 2 and draw(st.booleans()) else classes
    base = draw(st.one_of(st.just([]), st.lists(_bases, min_size=classes, max_size=classes)))
    labels = (
        {"classlabels_strings": [f"c{k}" for k in range(classes)]}
        if draw(st.booleans())
        else {"classlabels_int64s": list(range(classes))}
    )
    node = make(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "y"],
        post_transform=draw(st.sampled_from(TRANSFORMS)),
        base_values=base,
        **labels,
        **draw(trees(columns, "class", weighted)),
    )
    return model_of([node], {"x": (TensorProto.FLOAT, columns)}, ["label", "y"])


@st.composite
def pipelines(draw: st.DrawFn) -> ModelProto:
    """Numbers and texts through encoders into a linear model or a small network."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width = draw(st.integers(1, 9))
    nodes, last = [], "x"
    for i, op in enumerate(draw(st.lists(st.sampled_from(sorted(_STEPS)), max_size=4))):
        nodes.append(_STEPS[op](random, width, last, f"s{i}"))
        last = f"s{i}"
    known = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    nodes += [
        make("OneHotEncoder", ["words"], ["hot"], cats_strings=known, zeros=1),
        helper.make_node("Reshape", ["hot", "flat"], ["hot_row"]),
        make("LabelEncoder", ["words"], ["codes"], keys_strings=known,
             values_floats=[float(v) for v in random.normal(size=len(known))], default_float=0.25),
        helper.make_node("Cast", ["wholes"], ["whole_row"], to=TensorProto.FLOAT),
        helper.make_node("Concat", [last, "hot_row", "codes", "whole_row"], ["row"], axis=1),
    ]  # fmt: skip
    total = width + len(known) + 2
    head = draw(st.sampled_from(["linear", "network", "regressor"]))
    scores = draw(st.integers(1, 6))
    coefficients = random.normal(size=total * scores).astype(np.float32)
    intercepts = random.normal(size=scores).astype(np.float32)
    constants: dict[str, Any] = {"flat": np.array([-1, len(known)])}
    outputs = ["y"]
    if head == "linear":
        nodes.append(
            make("LinearClassifier", ["row"], ["label", "y"], coefficients=coefficients.tolist(),
                 intercepts=intercepts.tolist(), post_transform=draw(st.sampled_from(TRANSFORMS)),
                 classlabels_ints=list(range(max(2, scores))))
        )  # fmt: skip
        outputs = ["label", "y"]
    elif head == "regressor":
        nodes.append(
            make("LinearRegressor", ["row"], ["y"], coefficients=coefficients.tolist(),
                 intercepts=intercepts.tolist(), targets=scores)
        )  # fmt: skip
    else:
        constants |= {"w": coefficients.reshape(total, scores), "b": intercepts}
        last = draw(st.sampled_from(["Sigmoid", "Tanh", "Relu", "Softmax"]))
        nodes += [
            helper.make_node("MatMul", ["row", "w"], ["product"]),
            helper.make_node("Add", ["product", "b"], ["shifted"]),
            helper.make_node(last, ["shifted"], ["y"]),
        ]
    return model_of(
        nodes,
        {
            "x": (TensorProto.FLOAT, width),
            "words": (TensorProto.STRING, 1),
            "wholes": (TensorProto.INT64, 1),
        },
        outputs,
        constants,
    )


def _scaler(random: np.random.Generator, width: int, given: str, result: str) -> NodeProto:
    offset, scale = random.normal(size=width), random.uniform(0.5, 2, width)
    return make("Scaler", [given], [result], offset=offset.tolist(), scale=scale.tolist())


def _imputer(random: np.random.Generator, width: int, given: str, result: str) -> NodeProto:
    values = random.normal(size=width).tolist()
    return make("Imputer", [given], [result], imputed_value_floats=values,
                replaced_value_float=float("nan"))  # fmt: skip


def _binarizer(random: np.random.Generator, width: int, given: str, result: str) -> NodeProto:
    return make("Binarizer", [given], [result], threshold=0.5)


def _normalizer(random: np.random.Generator, width: int, given: str, result: str) -> NodeProto:
    return make("Normalizer", [given], [result], norm=str(random.choice(["L1", "L2"])))


_STEPS = {
    "scaler": _scaler,
    "imputer": _imputer,
    "binarizer": _binarizer,
    "normalizer": _normalizer,
}
_bases = st.floats(-1, 1, width=32)
