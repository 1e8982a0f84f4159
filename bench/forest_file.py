"""A LightGBM model in the two forms that are compared: for the native core, and for onnxruntime."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from bench.peer_processes import PYTHON
from fenqi.internal.v1 import native_model_pb2

_DUMP = (
    "import json, lightgbm, sys; print(json.dumps(lightgbm.Booster(model_file=sys.argv[1])"
    ".dump_model()))"
)


def read_forest(model: Path, column_count: int) -> native_model_pb2.Forest:
    """The forest of a LightGBM model file, split values rounded down to float32: of a float32 x,
    x <= v is then what it was.
    """
    dumped = subprocess.run(
        [str(PYTHON), "-c", _DUMP, str(model)], capture_output=True, text=True, check=True
    )
    return forest_of(json.loads(dumped.stdout), column_count)


def forest_of(dump: dict[str, Any], column_count: int) -> native_model_pb2.Forest:
    """The same of what Booster.dump_model gives."""
    forest = native_model_pb2.Forest(
        column_count=column_count,
        target_count=1,
        aggregate=native_model_pb2.AGGREGATE_SUM,
    )
    for tree in dump["tree_info"]:
        forest.roots.append(len(forest.branch))
        _add_node(forest, tree["tree_structure"])
    return forest


def _add_node(forest: native_model_pb2.Forest, node: dict[str, Any]) -> int:
    at = len(forest.branch)
    is_leaf = "split_index" not in node
    leq = native_model_pb2.BRANCH_LEQ
    forest.branch.append(native_model_pb2.BRANCH_UNSPECIFIED if is_leaf else leq)
    forest.column.append(0 if is_leaf else node["split_feature"])
    forest.value.append(0.0 if is_leaf else _rounded_down(node["threshold"]))
    forest.missing_is_true.append(not is_leaf and _missing_is_true(node))
    forest.when_true.append(len(forest.weight))
    forest.when_false.append(1)
    if is_leaf:
        forest.weight_target.append(0)
        forest.weight.append(node["leaf_value"])
    else:
        forest.when_true[at] = _add_node(forest, node["left_child"])
        forest.when_false[at] = _add_node(forest, node["right_child"])
    return at


def _missing_is_true(node: dict[str, Any]) -> bool:
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return bool(node["threshold"] >= 0)  # LightGBM takes NaN for 0 where it saw none


def _rounded_down(value: float) -> float:
    with np.errstate(over="ignore"):
        nearest = np.float32(value)
    # As doubles: NumPy would round `value` before it compares.
    return float(nearest if float(nearest) <= value else np.nextafter(nearest, np.float32(-np.inf)))


def onnx_graph(forest: native_model_pb2.Forest) -> bytes:
    """The same trees as a TreeEnsembleRegressor from `input` to `variable`."""
    ends = [*forest.roots[1:], len(forest.branch)]
    tree_of = np.repeat(np.arange(len(ends)), np.diff([0, *ends]))
    first = np.array(forest.roots)[tree_of]
    is_leaf = np.array(forest.branch) == native_model_pb2.BRANCH_UNSPECIFIED
    node_in_tree = np.arange(len(forest.branch)) - first
    child = {
        side: np.where(is_leaf, 0, np.array(nodes) - first).tolist()
        for side, nodes in (("true", forest.when_true), ("false", forest.when_false))
    }
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["input"],
        ["variable"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=tree_of.tolist(),
        nodes_nodeids=node_in_tree.tolist(),
        nodes_featureids=list(forest.column),
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf],
        nodes_values=list(forest.value),
        nodes_missing_value_tracks_true=[int(missing) for missing in forest.missing_is_true],
        nodes_truenodeids=child["true"],
        nodes_falsenodeids=child["false"],
        target_treeids=tree_of[is_leaf].tolist(),
        target_nodeids=node_in_tree[is_leaf].tolist(),
        target_ids=[0] * len(forest.weight),
        target_weights=list(forest.weight),
    )
    rows = helper.make_tensor_value_info("input", TensorProto.FLOAT, [None, forest.column_count])
    margins = helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None, 1])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    graph = helper.make_graph([trees], "forest", [rows], [margins])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    serialized: bytes = model.SerializeToString()
    return serialized
