"""Trees, and how they are written as one ONNX TreeEnsembleRegressor."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

INPUT, MARGIN = "features", "margin"


@dataclass(frozen=True)
class Split:
    """x[feature] <= threshold goes left; a missing value goes where `missing_left` says."""

    feature: int
    threshold: np.float32
    missing_left: bool
    left: Split | float
    right: Split | float


Tree = Split | float


def to_onnx(trees: list[Tree], features: int, intercept: float, name: str) -> ModelProto:
    """A graph from float32 `features` [rows, features] to `margin` [rows, 1]: the sum of the trees
    and `intercept`.
    """
    attributes: dict[str, list[Any]] = defaultdict(list)
    for number, tree in enumerate(trees):
        _Writer(attributes, number).write(tree)
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [MARGIN],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=[intercept],
        aggregate_function="SUM",
        post_transform="NONE",
        **attributes,
    )
    graph = helper.make_graph(
        [ensemble],
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, features])],
        [helper.make_tensor_value_info(MARGIN, TensorProto.FLOAT, [None, 1])],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="fenqi")


class _Writer:
    """Writes one tree into the operator's parallel lists."""

    def __init__(self, attributes: dict[str, list[Any]], number: int) -> None:
        self._attributes, self._number, self._next = attributes, number, 0

    def write(self, tree: Tree) -> int:
        """The id of the tree's root."""
        node, self._next = self._next, self._next + 1
        is_leaf = not isinstance(tree, Split)
        at = self._add(
            treeids=self._number,
            nodeids=node,
            featureids=0 if is_leaf else tree.feature,
            modes="LEAF" if is_leaf else "BRANCH_LEQ",
            values=0.0 if is_leaf else float(tree.threshold),
            truenodeids=0,
            falsenodeids=0,
            missing_value_tracks_true=0 if is_leaf else int(tree.missing_left),
        )
        if isinstance(tree, Split):
            self._attributes["nodes_truenodeids"][at] = self.write(tree.left)
            self._attributes["nodes_falsenodeids"][at] = self.write(tree.right)
        else:
            leaf = {"treeids": self._number, "nodeids": node, "ids": 0, "weights": float(tree)}
            for name, value in leaf.items():
                self._attributes[f"target_{name}"].append(value)
        return node

    def _add(self, **values: Any) -> int:
        for name, value in values.items():
            self._attributes[f"nodes_{name}"].append(value)
        return len(self._attributes["nodes_nodeids"]) - 1
