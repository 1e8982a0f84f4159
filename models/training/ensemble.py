"""Writes trees of cells as one ONNX TreeEnsembleRegressor with many targets.

Target 0 is the margin, target 1 + i what feature i contributes to it. One pass over the trees
gives the prediction and its explanation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import ModelProto, TensorProto, helper

from .exact import Axis, CellTree

INPUT, MARGIN, CONTRIBUTIONS = "features", "margin", "contributions"
_EVERY_NUMBER = float(np.finfo(np.float32).max)


@dataclass
class _Nodes:
    """The operator's parallel arrays."""

    tree_ids: list[int] = field(default_factory=list)
    node_ids: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    missing_true: list[int] = field(default_factory=list)
    target_tree_ids: list[int] = field(default_factory=list)
    target_node_ids: list[int] = field(default_factory=list)
    target_ids: list[int] = field(default_factory=list)
    target_weights: list[float] = field(default_factory=list)

    def add(self, tree: int, node: int, mode: str) -> int:
        """Adds a node; returns its place in the arrays."""
        self.tree_ids.append(tree)
        self.node_ids.append(node)
        self.modes.append(mode)
        for numbers in (self.features, self.true_ids, self.false_ids, self.missing_true):
            numbers.append(0)
        self.values.append(0.0)
        return len(self.node_ids) - 1


class _TreeWriter:
    """Writes one tree of cells, asking for one axis after the other by bisection."""

    def __init__(self, nodes: _Nodes, number: int, tree: CellTree) -> None:
        self._nodes, self._number, self._tree = nodes, number, tree
        self._next = 0

    def write(self) -> None:
        self._axis(())

    def _new(self, mode: str) -> tuple[int, int]:
        node = self._next
        self._next += 1
        return node, self._nodes.add(self._number, node, mode)

    def _axis(self, cell: tuple[int, ...]) -> int:
        if len(cell) == len(self._tree.axes):
            return self._leaf(cell)
        if self._is_constant(cell):
            return self._axis((*cell, 0))
        axis = self._tree.axes[len(cell)]
        missing = len(axis.thresholds) + 1
        return self._intervals(cell, axis, 0, len(axis.thresholds), missing)

    def _is_constant(self, cell: tuple[int, ...]) -> bool:
        """Whether nothing below depends on the next axis."""
        below = (self._tree.margins[cell], *(s[cell] for s in self._tree.shapley))
        return all(np.all(values == values[:1]) for values in below)

    def _same(self, cell: tuple[int, ...], a: int, b: int) -> bool:
        """Whether cells a and b of the next axis hold the same everywhere below."""
        tables = (self._tree.margins, *self._tree.shapley)
        return all(np.array_equal(table[(*cell, a)], table[(*cell, b)]) for table in tables)

    def _intervals(
        self, cell: tuple[int, ...], axis: Axis, low: int, high: int, missing: int | None
    ) -> int:
        """Asks until one interval of low .. high is left; `missing` may still come along."""
        if low == high:
            if missing is None or self._same(cell, low, missing):
                return self._axis((*cell, low))
            return self._question(axis, _EVERY_NUMBER, False, (*cell, low), (*cell, missing))
        middle = (low + high) // 2
        # A missing value goes with the side on which an interval already holds what it should get.
        alike = next(
            (
                i
                for i in range(low, high + 1)
                if missing is not None and self._same(cell, i, missing)
            ),
            high,
        )
        left = alike <= middle
        node, at = self._new("BRANCH_LEQ")
        self._fill(at, axis, float(axis.thresholds[middle]), left)
        self._nodes.true_ids[at] = self._intervals(
            cell, axis, low, middle, missing if left else None
        )
        self._nodes.false_ids[at] = self._intervals(
            cell, axis, middle + 1, high, None if left else missing
        )
        return node

    def _question(
        self,
        axis: Axis,
        value: float,
        missing_true: bool,
        if_true: tuple[int, ...],
        if_false: tuple[int, ...],
    ) -> int:
        node, at = self._new("BRANCH_LEQ")
        self._fill(at, axis, value, missing_true)
        self._nodes.true_ids[at] = self._axis(if_true)
        self._nodes.false_ids[at] = self._axis(if_false)
        return node

    def _fill(self, at: int, axis: Axis, value: float, missing_true: bool) -> None:
        self._nodes.features[at] = axis.feature
        self._nodes.values[at] = value
        self._nodes.missing_true[at] = int(missing_true)

    def _leaf(self, cell: tuple[int, ...]) -> int:
        node, _ = self._new("LEAF")
        self._weight(node, 0, float(self._tree.margins[cell]))
        for axis, shapley in zip(self._tree.axes, self._tree.shapley, strict=True):
            if shapley[cell] != 0.0:
                self._weight(node, 1 + axis.feature, float(shapley[cell]))
        return node

    def _weight(self, node: int, target: int, weight: float) -> None:
        self._nodes.target_tree_ids.append(self._number)
        self._nodes.target_node_ids.append(node)
        self._nodes.target_ids.append(target)
        self._nodes.target_weights.append(weight)


def to_onnx(trees: list[CellTree], features: int, intercept: float, name: str) -> ModelProto:
    """A graph from float32 `features` [rows, features] to `margin` [rows, 1] and `contributions`
    [rows, features]. `intercept` is added to the margin.
    """
    nodes = _Nodes()
    for number, tree in enumerate(trees):
        _TreeWriter(nodes, number, tree).write()
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        ["both"],
        domain="ai.onnx.ml",
        n_targets=1 + features,
        base_values=[intercept] + [0.0] * features,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_treeids=nodes.tree_ids,
        nodes_nodeids=nodes.node_ids,
        nodes_featureids=nodes.features,
        nodes_modes=nodes.modes,
        nodes_values=nodes.values,
        nodes_truenodeids=nodes.true_ids,
        nodes_falsenodeids=nodes.false_ids,
        nodes_missing_value_tracks_true=nodes.missing_true,
        target_treeids=nodes.target_tree_ids,
        target_nodeids=nodes.target_node_ids,
        target_ids=nodes.target_ids,
        target_weights=nodes.target_weights,
    )
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [2], [1, features])
    split = helper.make_node("Split", ["both", "sizes"], [MARGIN, CONTRIBUTIONS], axis=1)
    graph = helper.make_graph(
        [ensemble, split],
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, features])],
        [
            helper.make_tensor_value_info(MARGIN, TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info(CONTRIBUTIONS, TensorProto.FLOAT, [None, features]),
        ],
        [sizes],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="fenqi")
