"""What belongs together in an ONNX graph: operators, the order of nodes, subgraphs, functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    defs,
)

from fenqi.artifacts.safety.limits import (
    LONGEST_NAME,
    MOST_CALLS,
    MOST_NODES,
    MOST_SUBGRAPHS,
    UnsafeGraph,
)
from fenqi.artifacts.safety.tensors import check_sparse, check_tensor, check_type

_STANDARD = ("", "ai.onnx", "ai.onnx.ml")
# May run without an end, or hold values whose size no check sees.
_ENDLESS = {"Loop", "SequenceMap"}
_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}

# A function's domain and name.
_Key = tuple[str, str]


class _Unfolded(NamedTuple):
    """What a call of a function becomes: nodes, and calls in calls."""

    nodes: int
    depth: int


class _Names:
    """Names of values, those of a subgraph's surroundings with them."""

    def __init__(self, scopes: tuple[set[str], ...] = ()) -> None:
        self.scopes = scopes

    def below(self) -> _Names:
        return _Names((*self.scopes, set()))

    def add(self, names: Iterable[str]) -> None:
        self.scopes[-1].update(names)

    def __contains__(self, name: str) -> bool:
        return any(name in scope for scope in self.scopes)


def check_structure(model: ModelProto) -> None:
    """Raises UnsafeGraph."""
    _Structure(model).check()


class _Structure:
    def __init__(self, model: ModelProto) -> None:
        self._model = model
        self._functions = {(f.domain, f.name): f for f in model.functions}
        self._nodes = 0
        # Nodes of a function, those of the functions that it calls once for each call.
        self._known: dict[_Key, _Unfolded] = {}

    def check(self) -> None:
        model = self._model
        if not model.HasField("graph") or not model.graph.output:
            raise UnsafeGraph("it holds no graph with an output")
        if model.training_info:
            raise UnsafeGraph("it holds a graph for training; export it for inference")
        if len(self._functions) < len(model.functions):
            raise UnsafeGraph("two functions have one name")
        versions = _versions(model.opset_import)
        for function in model.functions:
            self._function(function)
        self._graph(model.graph, _Names(), versions)

    def _graph(self, graph: GraphProto, outer: _Names, versions: dict[str, int]) -> None:
        names = outer.below()
        if len(names.scopes) > MOST_SUBGRAPHS + 1:
            raise UnsafeGraph(f"branches are nested more than {MOST_SUBGRAPHS} deep")
        for value in (*graph.input, *graph.output, *graph.value_info):
            _check_name(value.name)
            check_type(value.type, f"the value {value.name}")
        for tensor in graph.initializer:
            check_tensor(tensor, f"the initializer {tensor.name}")
        for sparse in graph.sparse_initializer:
            check_sparse(sparse, f"the initializer {sparse.values.name}")
        names.add(value.name for value in graph.input)
        names.add(tensor.name for tensor in graph.initializer)
        names.add(sparse.values.name for sparse in graph.sparse_initializer)
        self._sequence(graph.node, names, versions)
        for value in graph.output:
            if value.name not in names:
                raise UnsafeGraph(f"nothing makes the output {value.name}")

    def _function(self, function: FunctionProto) -> None:
        names = _Names().below()
        names.add(function.input)
        self._sequence(function.node, names, _versions(function.opset_import))
        for name in function.output:
            if name not in names:
                raise UnsafeGraph(
                    f"nothing makes the output {name} of the function {function.name}"
                )

    def _sequence(
        self, nodes: Sequence[NodeProto], names: _Names, versions: dict[str, int]
    ) -> None:
        """Checks nodes that stand one after the other, and adds to `names` what they make."""
        for number, node in enumerate(nodes):
            what = described(node, number)
            self._nodes += self._size(node)
            if self._nodes > MOST_NODES:
                raise UnsafeGraph(
                    f"it has more than {MOST_NODES} nodes, those of functions once for each call"
                )
            for name in (node.name, *node.input, *node.output):
                _check_name(name)
            for name in node.input:
                if name and name not in names:
                    raise _unknown(nodes, number, name)
            self._operator(node, what, versions)
            for attribute in node.attribute:
                self._attribute(attribute, what, names, versions)
            for name in node.output:
                if name and name in names:
                    raise UnsafeGraph(f"{what} makes {name}, which is there already")
                names.add([name])

    def _operator(self, node: NodeProto, what: str, versions: dict[str, int]) -> None:
        if (node.domain, node.op_type) in self._functions:
            return
        if node.domain not in _STANDARD:
            raise UnsafeGraph(
                f"{what} is of the domain {node.domain}; only operators of ONNX itself are run"
            )
        # A text that is no UTF-8 is read as bytes.
        if not isinstance(node.op_type, str):
            raise UnsafeGraph(f"{what} has no name of an operator")
        domain = "" if node.domain == "ai.onnx" else node.domain
        if domain not in versions:
            raise UnsafeGraph(
                f"{what} is of the domain {domain or 'ai.onnx'}, which is not imported"
            )
        if not defs.has(node.op_type, versions[domain], domain):
            raise UnsafeGraph(f"{what} is no operator of {domain or 'ai.onnx'} {versions[domain]}")
        if node.op_type in _ENDLESS:
            raise UnsafeGraph(f"{what} may run without an end")
        if node.op_type in _RANDOM:
            raise UnsafeGraph(f"{what} gives the same applicant different answers")

    def _attribute(
        self,
        attribute: AttributeProto,
        what: str,
        names: _Names,
        versions: dict[str, int],
    ) -> None:
        place = f"{attribute.name} of {what}"
        tensors = [attribute.t] if attribute.HasField("t") else []
        for tensor in (*tensors, *attribute.tensors):
            check_tensor(tensor, place)
        sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
        for part in (*sparse, *attribute.sparse_tensors):
            check_sparse(part, place)
        types = [attribute.tp] if attribute.HasField("tp") else []
        for type in (*types, *attribute.type_protos):
            check_type(type, place)
        for graph in subgraphs(attribute):
            self._graph(graph, names, versions)

    def _size(self, node: NodeProto) -> int:
        """Nodes that the runtime makes of `node`; those of subgraphs are counted by themselves."""
        return 1 + self._unfolded((node.domain, node.op_type), ()).nodes

    def _unfolded(self, key: _Key, callers: tuple[_Key, ...]) -> _Unfolded:
        """What a call of a function becomes."""
        if key not in self._functions:
            return _Unfolded(0, 0)
        if key not in self._known:
            if key in callers:
                raise UnsafeGraph(f"the function {key[1]} calls itself")
            if len(callers) >= MOST_CALLS:
                raise _too_deep()
            nodes, depth = 0, 0
            for node in _all_nodes(self._functions[key].node):
                inner = self._unfolded((node.domain, node.op_type), (*callers, key))
                nodes, depth = nodes + 1 + inner.nodes, max(depth, inner.depth)
            self._known[key] = _Unfolded(nodes, depth + 1)
        if self._known[key].depth > MOST_CALLS:
            raise _too_deep()
        return self._known[key]


def _versions(imports: Iterable[OperatorSetIdProto]) -> dict[str, int]:
    versions: dict[str, int] = {}
    for one in imports:
        domain = "" if one.domain == "ai.onnx" else one.domain
        if versions.setdefault(domain, one.version) != one.version:
            raise UnsafeGraph(f"two versions of the domain {domain or 'ai.onnx'} are imported")
    return versions


def subgraphs(attribute: AttributeProto) -> Iterator[GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """`nodes`, and those of their subgraphs."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in subgraphs(attribute):
                waiting += graph.node


def described(node: NodeProto, number: int) -> str:
    return f"the node {node.name or number} ({node.op_type})"


def _check_name(name: str) -> None:
    if len(name.encode()) > LONGEST_NAME:
        raise UnsafeGraph(f"the name {name[:40]}... has more than {LONGEST_NAME} bytes")


def _unknown(nodes: Sequence[NodeProto], number: int, name: str) -> UnsafeGraph:
    """Why the node `number` cannot read `name`."""
    what = described(nodes[number], number)
    maker = {made: index for index, node in enumerate(nodes) for made in node.output if made}
    if name not in maker:
        return UnsafeGraph(f"{what} reads {name}, which nothing makes")
    waiting, seen = [maker[name]], set[int]()
    while waiting:
        index = waiting.pop()
        if index == number:
            return UnsafeGraph(f"the graph is cyclic: {what} reads {name}, which rests on it")
        if index not in seen:
            seen.add(index)
            waiting += [maker[read] for read in nodes[index].input if read in maker]
    return UnsafeGraph(f"{what} reads {name}, which is made only later; sort the graph's nodes")


def _too_deep() -> UnsafeGraph:
    return UnsafeGraph(f"functions call one another more than {MOST_CALLS} deep")
