"""Rows beside split values: on each, and on both of its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper
from onnx.backend.test.case.node import collect_testcases

from fenqi.artifacts.safety import UnsafeGraph, parse_graph
from fenqi.artifacts.splits import split_rows
from tests.artifacts.test_hostile_graphs import model, node, trees


def tried(graph: ModelProto, width: int = 3) -> set[tuple[int, float]]:
    """Columns and values that rows hold beside the base row of sevens."""
    found = split_rows(graph, {"x": width}, {"x": np.full((1, width), 7, dtype=np.float32)})
    rows = found.inputs["x"]
    assert len(rows) == 3 * found.values
    return {(int(c), float(rows[r, c])) for r, c in zip(*np.nonzero(rows != 7), strict=True)}


def beside(value: float) -> set[float]:
    x = np.float32(value)
    return {float(x), *(float(np.nextafter(x, np.float32(d))) for d in (-np.inf, np.inf))}


def test_a_split_is_tried_with_its_neighbours_in_its_column() -> None:
    assert tried(trees()) == {(2, value) for value in beside(0.5)}


def test_a_scaler_before_the_trees_is_undone() -> None:
    graph = trees()
    scaler = node(
        "Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[0.0, 0.0, 10.0], scale=[1.0, 1.0, 4.0]
    )
    graph.graph.node[0].input[0] = "s"
    both = model([scaler, graph.graph.node[0]])
    assert tried(both) == {(2, value) for value in beside(10.125)}  # (x - 10) * 4 = 0.5


def test_what_stands_behind_other_steps_is_counted_and_not_tried() -> None:
    graph = trees()
    graph.graph.node[0].input[0] = "e"
    both = model([node("Exp", ["x"], ["e"]), graph.graph.node[0]])
    found = split_rows(both, {"x": 3}, {"x": np.zeros((1, 3), dtype=np.float32)})
    assert (found.values, found.not_tried) == (0, 1)


def sets() -> ModelProto:
    (case,) = (c for c in collect_testcases("TreeEnsemble") if "set_membership" in c.name)
    made: ModelProto = case.model
    made.graph.input[0].name = made.graph.node[0].input[0] = "x"
    return made


def test_each_member_of_a_set_is_tried() -> None:
    values = {11.0, 1.2, 3.7, 8.0, 9.0, 12.0}  # and 7, where the base row is
    expected = set().union(*(beside(value) for value in values)) | beside(7.0) - {7.0}
    assert {value for _, value in tried(sets(), 1)} == expected


def test_a_node_without_its_set_is_refused() -> None:
    graph = sets()
    (members,) = (a for a in graph.graph.node[0].attribute if a.name == "membership_values")
    cut = helper.make_tensor("membership_values", TensorProto.FLOAT, [2], [1.2, np.nan])
    members.t.CopyFrom(cut)
    with pytest.raises(UnsafeGraph, match="asks for 2 sets, and has 1 that end"):
        parse_graph(graph.SerializeToString())
