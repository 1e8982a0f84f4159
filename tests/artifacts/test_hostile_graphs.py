"""Hostile and broken ONNX files are refused before anything runs them, each with its reason."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from fenqi.artifacts.safety import UnsafeGraph, parse_graph
from tests.artifacts.copies import MODELS, SHARED, needs_shared

FLOAT = TensorProto.FLOAT
IMPORTS = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]


def value(name: str, shape: list[int | str | None] = [None, 3], type: int = FLOAT):  # noqa: B006
    return helper.make_tensor_value_info(name, type, shape)


def model(
    nodes: list[onnx.NodeProto],
    initializers: list[TensorProto] | None = None,
    functions: list[onnx.FunctionProto] | None = None,
    imports: list[onnx.OperatorSetIdProto] = IMPORTS,
    output: str = "y",
) -> ModelProto:
    graph = helper.make_graph(
        nodes, "g", [value("x")], [value(output, [None, None])], initializers or []
    )
    return helper.make_model(graph, opset_imports=imports, functions=functions or [])


def node(operator: str, inputs: list[str], outputs: list[str], **rest) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, outputs, **rest)


def tensor(name: str, numbers: list[float], **fields) -> TensorProto:
    made = helper.make_tensor(name, FLOAT, [len(numbers)], numbers)
    for key, given_value in fields.items():
        setattr(made, key, given_value)
    return made


def external(location: str) -> TensorProto:
    made = TensorProto(name="w", data_type=FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    made.external_data.add(key="location", value=location)
    return made


def sized(*dims: int, type: int = FLOAT) -> TensorProto:
    return TensorProto(name="w", data_type=type, dims=dims)


def branches(depth: int) -> ModelProto:
    """An If in an If in an If."""
    inner = helper.make_graph([node("Identity", ["x"], ["y0"])], "g0", [], [value("y0")])
    for level in range(1, depth + 1):
        nodes = [
            node("If", ["c"], [f"y{level}"], then_branch=inner, else_branch=inner),
        ]
        inner = helper.make_graph(nodes, f"g{level}", [], [value(f"y{level}")])
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    return model(list(inner.node), [condition], output=f"y{depth}")


def functions(levels: int, calls: int) -> ModelProto:
    """Each function calls the one before `calls` times: calls ** levels nodes."""
    made_functions = []
    for level in range(levels):
        called = ("Neg", "") if level == 0 else (f"f{level - 1}", "own")
        nodes = [
            helper.make_node(called[0], [f"a{n}"], [f"a{n + 1}"], domain=called[1])
            for n in range(calls)
        ]
        made = helper.make_function("own", f"f{level}", ["a0"], [f"a{calls}"], nodes, IMPORTS)
        made.opset_import.append(helper.make_opsetid("own", 1))
        made_functions.append(made)
    top = [helper.make_node(f"f{levels - 1}", ["x"], ["y"], domain="own")]
    return model(top, functions=made_functions, imports=[*IMPORTS, helper.make_opsetid("own", 1)])


def calling_itself() -> ModelProto:
    nodes = [helper.make_node("f", ["a"], ["b"], domain="own")]
    own = [*IMPORTS, helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "f", ["a"], ["b"], nodes, own)
    top = [helper.make_node("f", ["x"], ["y"], domain="own")]
    return model(top, functions=[function], imports=own)


def doubling_concat(levels: int) -> ModelProto:
    nodes = [
        node("Concat", [f"v{level}", f"v{level}"], [f"v{level + 1}"], axis=1)
        for level in range(levels)
    ]
    nodes[0].input[0] = nodes[0].input[1] = "x"
    return model(nodes, output=f"v{levels}")


def expanded(*shape: int) -> ModelProto:
    dims = helper.make_tensor("s", TensorProto.INT64, [len(shape)], shape)
    return model([node("Expand", ["x", "s"], ["y"])], [dims])


def loop() -> ModelProto:
    body = helper.make_graph(
        [node("Identity", ["on"], ["on2"])],
        "body",
        [value("i", [], TensorProto.INT64), value("on", [], TensorProto.BOOL)],
        [value("on2", [], TensorProto.BOOL)],
    )
    return model([node("Loop", ["", ""], ["y"], body=body)])


def trees(**changes) -> ModelProto:
    """A root with two leaves, in one tree, with what `changes` says."""
    attributes = {
        "n_targets": 1,
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [2, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    }
    attributes |= changes
    made = node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", name="trees")
    made.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items() if v != [])
    return model([made])


def chain(depth: int) -> ModelProto:
    """A tree that goes down on one side only."""
    count = 2 * depth + 1
    inner = range(0, count - 1, 2)
    leaves = [n for n in range(count) if n not in inner]
    return trees(
        nodes_treeids=[0] * count,
        nodes_nodeids=list(range(count)),
        nodes_featureids=[0] * count,
        nodes_modes=["BRANCH_LEQ" if n in inner else "LEAF" for n in range(count)],
        nodes_values=[0.5] * count,
        nodes_truenodeids=[n + 1 if n in inner else 0 for n in range(count)],
        nodes_falsenodeids=[n + 2 if n in inner else 0 for n in range(count)],
        target_treeids=[0] * len(leaves),
        target_nodeids=leaves,
        target_ids=[0] * len(leaves),
        target_weights=[1.0] * len(leaves),
    )


def shared_children(levels: int) -> ModelProto:
    """Both sides of every node are the same child: 2 ** levels paths."""
    count = levels + 1
    return trees(
        nodes_treeids=[0] * count,
        nodes_nodeids=list(range(count)),
        nodes_featureids=[0] * count,
        nodes_modes=["BRANCH_LEQ"] * levels + ["LEAF"],
        nodes_values=[0.5] * count,
        nodes_truenodeids=[*range(1, count), 0],
        nodes_falsenodeids=[*range(1, count), 0],
        target_treeids=[0],
        target_nodeids=[levels],
        target_ids=[0],
        target_weights=[1.0],
    )


NEG = node("Neg", ["x"], ["y"])
ADD = node("Add", ["x", "w"], ["y"])

HOSTILE: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "data in another file": (
        lambda: model([ADD], [external("weights.bin")]),
        "the initializer w has its data in another file, 'weights.bin'",
    ),
    "a path that climbs out": (
        lambda: model([ADD], [external("../../../../etc/passwd")]),
        "in another file, '../../../../etc/passwd'",
    ),
    "an absolute path": (lambda: model([ADD], [external("/etc/passwd")]), "'/etc/passwd'"),
    "a path in a constant node": (
        lambda: model([node("Constant", [], ["y"], value=external("/dev/zero"))]),
        "value of the node 0 (Constant) has its data in another file, '/dev/zero'",
    ),
    "a path in a branch": (
        lambda: _in_branch(external("a")),
        "has its data in another file, 'a'",
    ),
    "terabytes declared": (
        lambda: model([ADD], [sized(2**20, 2**20)]),
        "the initializer w is 1048576x1048576: over the limit of 67108864 elements",
    ),
    "a product that overflows": (
        lambda: model([ADD], [sized(2**33, 2**33)]),
        "over the limit of 67108864 elements",
    ),
    "nothing times too much": (
        lambda: model([ADD], [sized(0, 2**40)]),
        "over the limit of 67108864 elements",
    ),
    "a negative size": (lambda: model([ADD], [sized(-3)]), "has a negative size, -3"),
    "more said than stored": (
        lambda: model([ADD], [tensor("w", [1.0, 2.0, 3.0], raw_data=b"1234")]),
        "the initializer w says that it is 3, and holds 1 elements",
    ),
    "half an element": (
        lambda: model([ADD], [tensor("w", [1.0], raw_data=b"12345")]),
        "holds 5 bytes, no whole elements",
    ),
    "a sparse giant": (
        lambda: _sparse(2**40),
        "the initializer w is 1099511627776: over the limit",
    ),
    "many dimensions": (lambda: model([ADD], [sized(*[1] * 50)]), "has 50 dimensions"),
    "an unknown element type": (
        lambda: model([ADD], [sized(3, type=999)]),
        "elements of type 999, which is not supported",
    ),
    "a giant input": (lambda: _with_input([1, 2**31]), "the value x is 1x2147483648: over"),
    "a giant by expansion": (
        lambda: expanded(2**20, 2**20, 3),
        "for one row, the value y is 1048576x1048576x3: over the limit",
    ),
    "a giant by doubling": (lambda: doubling_concat(40), "for one row, the value v"),
    "functions that double": (
        lambda: functions(30, 2),
        "it has more than 20000 nodes, those of functions once for each call",
    ),
    "functions forty deep": (lambda: functions(40, 1), "more than 32 deep"),
    "a function that calls itself": (calling_itself, "the function f calls itself"),
    "branches in branches": (lambda: branches(6), "branches are nested more than 4 deep"),
    "too many nodes": (
        lambda: model([node("Neg", ["x"], [f"y{n}"]) for n in range(20_001)], output="y1"),
        "it has more than 20000 nodes",
    ),
    "a loop": (loop, "the node 0 (Loop) may run without an end"),
    "a cycle": (
        lambda: model([node("Neg", ["b"], ["a"]), node("Neg", ["a"], ["b"])], output="b"),
        "the graph is cyclic: the node 0 (Neg) reads b, which rests on it",
    ),
    "a node that reads itself": (
        lambda: model([node("Neg", ["y"], ["y"])]),
        "the graph is cyclic: the node 0 (Neg) reads y",
    ),
    "nodes out of order": (
        lambda: model([node("Neg", ["a"], ["y"]), node("Neg", ["x"], ["a"])]),
        "the node 0 (Neg) reads a, which is made only later",
    ),
    "a value from nowhere": (lambda: model([node("Neg", ["z"], ["y"])]), "reads z, which nothing"),
    "an output from nowhere": (lambda: model([NEG], output="z"), "nothing makes the output z"),
    "a value made twice": (lambda: model([NEG, NEG]), "makes y, which is there already"),
    "a custom domain": (
        lambda: model([node("Evil", ["x"], ["y"], domain="com.evil")]),
        "the node 0 (Evil) is of the domain com.evil; only operators of ONNX itself are run",
    ),
    "onnxruntime's own domain": (
        lambda: model([node("Gelu", ["x"], ["y"], domain="com.microsoft")]),
        "is of the domain com.microsoft",
    ),
    "an unknown operator": (
        lambda: model([node("Nag", ["x"], ["y"])]),
        "the node 0 (Nag) is no operator of ai.onnx 17",
    ),
    "a domain that is not imported": (
        lambda: model([NEG], imports=IMPORTS[1:]),
        "is of the domain ai.onnx, which is not imported",
    ),
    "chance": (
        lambda: model([node("RandomNormalLike", ["x"], ["y"])]),
        "gives the same applicant different answers",
    ),
    "a long name": (
        lambda: model([node("Neg", ["x"], ["y"], name="n" * 2000)]),
        "has more than 1000 bytes",
    ),
    "no graph": (ModelProto, "it is empty"),
    "no output": (lambda: ModelProto(ir_version=8), "it holds no graph with an output"),
    "a tree that is cyclic": (
        lambda: trees(
            nodes_treeids=[0] * 4,
            nodes_nodeids=[0, 1, 2, 3],
            nodes_featureids=[0] * 4,
            nodes_modes=["LEAF", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF"],
            nodes_values=[0.0] * 4,
            nodes_truenodeids=[0, 2, 1, 0],
            nodes_falsenodeids=[0, 3, 3, 0],
            target_nodeids=[0, 3],
        ),
        "the node trees (TreeEnsembleRegressor) has a tree that is cyclic",
    ),
    "a tree too deep": (lambda: chain(3000), "has a tree of more than 2000 levels"),
    "a tree that unfolds": (lambda: shared_children(40), "unfolds to more than 8000000 nodes"),
    "a child from nowhere": (
        lambda: trees(nodes_truenodeids=[7, 0, 0]),
        "names a node that does not exist",
    ),
    "a weight from nowhere": (
        lambda: trees(target_nodeids=[1, 9]),
        "names a node that does not exist",
    ),
    "a weight within": (
        lambda: trees(target_nodeids=[0, 2]),
        "gives a weight to a node that is no leaf",
    ),
    "a column beyond the row": (
        lambda: trees(nodes_featureids=[3, 0, 0]),
        "asks for column 3 of 3, from 0",
    ),
    "a column before the row": (lambda: trees(nodes_featureids=[-1, 0, 0]), "asks for column -1"),
    "an output beyond the last": (
        lambda: trees(target_ids=[0, 1]),
        "has a weight for an output beyond its 1",
    ),
    "lists of two lengths": (
        lambda: trees(nodes_falsenodeids=[2, 0]),
        "has 3 entries, and nodes_falsenodeids has 2",
    ),
    "values of another length": (
        lambda: trees(nodes_values=[0.5]),
        "has 3 entries, and nodes_values has 1",
    ),
    "the same node twice": (
        lambda: trees(nodes_nodeids=[0, 1, 1]),
        "has two nodes of one tree and number",
    ),
    "no nodes": (
        lambda: trees(
            **{
                name: []
                for name in (
                    *(f"nodes_{k}" for k in ("treeids", "nodeids", "featureids", "modes")),
                    *(f"nodes_{k}" for k in ("values", "truenodeids", "falsenodeids")),
                )
            }
        ),
        "has no nodes",
    ),
}


def _in_branch(inside: TensorProto) -> ModelProto:
    made = branches(1)
    then = made.graph.node[0].attribute[0].g
    then.initializer.add().CopyFrom(inside)
    return made


def _sparse(size: int) -> ModelProto:
    made = model([ADD])
    sparse = made.graph.sparse_initializer.add()
    sparse.dims.append(size)
    sparse.values.CopyFrom(tensor("w", [1.0]))
    sparse.indices.CopyFrom(helper.make_tensor("i", TensorProto.INT64, [1], [0]))
    return made


def _with_input(shape: list[int | str | None]) -> ModelProto:
    made = model([NEG])
    made.graph.input[0].CopyFrom(value("x", shape))
    return made


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_graph_is_refused_with_its_reason(what: str) -> None:
    build, said = HOSTILE[what]
    content = build().SerializeToString()
    began = time.process_time()
    with pytest.raises(UnsafeGraph) as caught:
        parse_graph(content)
    assert said in str(caught.value)
    assert time.process_time() - began < 2


def test_what_is_built_here_without_a_fault_is_accepted() -> None:
    for fine in (
        model([NEG]),
        model([ADD], [tensor("w", [1.0, 2.0, 3.0])]),
        branches(3),
        functions(5, 2),
        doubling_concat(5),
        expanded(1, 3),
        trees(),
        chain(1000),
        shared_children(10),
    ):
        parse_graph(fine.SerializeToString())


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a message."""
    size, length = len(content), b""
    while size >= 128:
        length += bytes([size % 128 + 128])
        size //= 128
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def test_messages_nested_without_end_are_refused_before_they_are_parsed() -> None:
    inner = b""
    for _ in range(200):
        # graph.node.attribute.g
        inner = field(1, field(5, field(6, inner)))
    with pytest.raises(UnsafeGraph, match="nested more than 32 deep"):
        parse_graph(field(7, inner))


def test_a_million_empty_messages_are_refused_before_they_are_parsed() -> None:
    with pytest.raises(UnsafeGraph, match="more than 200000 messages; the last is a onnx"):
        parse_graph(field(7, field(1, b"") * 1_000_000))


def test_too_many_texts_are_refused_before_they_are_parsed() -> None:
    attribute = field(1, field(5, field(9, b"") * 4_100_000))
    with pytest.raises(UnsafeGraph, match="more than 4000000 texts"):
        parse_graph(field(7, attribute))


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"not a model at all", b"\xff" * 40, b"PK\x03\x04"]
)
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(UnsafeGraph, match=r"it is empty|no ONNX file|holds no graph"):
        parse_graph(content)


def test_a_file_cut_off_anywhere_is_refused() -> None:
    whole = (MODELS / "taiwan_scorecard" / "1" / "model.onnx").read_bytes()
    parse_graph(whole)
    cut = [*range(0, 60), *range(60, len(whole), 97)]
    for end in cut:
        with pytest.raises(UnsafeGraph):
            parse_graph(whole[:end])


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 20))
def test_damage_is_refused_or_harmless_and_never_anything_else(seed: int, flips: int) -> None:
    content = bytearray((MODELS / "taiwan_scorecard" / "1" / "model.onnx").read_bytes())
    chance = random.Random(seed)
    for _ in range(flips):
        content[chance.randrange(len(content))] = chance.randrange(256)
    try:
        parse_graph(bytes(content))
    except UnsafeGraph as refused:
        assert str(refused)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(content: bytes) -> None:
    with pytest.raises(UnsafeGraph):
        parse_graph(content)


@needs_shared
def test_every_model_of_the_conformance_folder_is_accepted() -> None:
    files = sorted((SHARED / "conformance" / "models").glob("*/*/model.onnx"))
    assert files
    for file in files:
        parse_graph(file.read_bytes())


def test_a_forest_of_three_thousand_trees_is_checked_in_seconds() -> None:
    tree_count, leaves = 3000, 127
    size = 2 * leaves - 1
    inner = leaves - 1
    numbers = np.arange(size)
    is_inner = numbers < inner
    tree = np.repeat(np.arange(tree_count), size)
    leaf = np.flatnonzero(~is_inner)
    big = trees(
        nodes_treeids=tree.tolist(),
        nodes_nodeids=np.tile(numbers, tree_count).tolist(),
        nodes_featureids=(np.tile(numbers, tree_count) % 3).tolist(),
        nodes_modes=np.tile(np.where(is_inner, "BRANCH_LEQ", "LEAF"), tree_count).tolist(),
        nodes_values=[0.5] * len(tree),
        nodes_truenodeids=np.tile(np.where(is_inner, 2 * numbers + 1, 0), tree_count).tolist(),
        nodes_falsenodeids=np.tile(np.where(is_inner, 2 * numbers + 2, 0), tree_count).tolist(),
        target_treeids=np.repeat(np.arange(tree_count), len(leaf)).tolist(),
        target_nodeids=np.tile(leaf, tree_count).tolist(),
        target_ids=[0] * tree_count * len(leaf),
        target_weights=[0.5] * tree_count * len(leaf),
    ).SerializeToString()
    began = time.process_time()
    parse_graph(big)
    assert time.process_time() - began < 10


def test_nothing_of_another_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.zeros(3, dtype=np.float32).tobytes())
    original = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: opened.append(str(self)) or original(self, *a, **k)
    )
    with pytest.raises(UnsafeGraph, match="in another file"):
        parse_graph(model([ADD], [external("weights.bin")]).SerializeToString())
    assert not opened
