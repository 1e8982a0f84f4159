"""From an ONNX graph to a NativeModel, or to the reason why onnxruntime has to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
import onnxruntime
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

# Each registers the operators that it knows.
from fenqi.artifacts.graph import arithmetic, columns, encoders, linear, trees  # noqa: F401
from fenqi.artifacts.graph.builder import ModelBuilder
from fenqi.artifacts.graph.operators import OPERATORS, Node
from fenqi.artifacts.graph.tensors import (
    NUMPY_TYPES,
    STRING,
    TENSOR_TYPES,
    NotNativeError,
    Tensor,
    constant,
    type_name,
)
from fenqi.internal.v1.native_model_pb2 import NativeModel

# Elements of constants that nodes make of constants.
_MOST_FOLDED = 1 << 22
# Operators whose last input says how large their result is.
_SIZED = ("ConstantOfShape", "Expand", "Tile")
_FOLDED_TOO = ("Constant", "ConstantOfShape")


@dataclass(frozen=True, slots=True)
class GraphInput:
    """An input tensor that will be fed: `width` values of an ONNX element type for each row."""

    name: str
    dtype: int
    width: int


def graph_inputs(model: ModelProto, widths: Mapping[str, int] | None = None) -> list[GraphInput]:
    """The graph's inputs in its order, by its own word; `widths` says what it leaves open.

    Raises NotNativeError where one is no tensor of rows.
    """
    found = []
    constants = {tensor.name for tensor in model.graph.initializer}
    for given in model.graph.input:
        if given.name in constants:
            continue
        tensor = given.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") else 0 for d in tensor.shape.dim]
        width = (widths or {}).get(given.name, dims[1] if len(dims) == 2 else 0)
        if not given.type.HasField("tensor_type") or len(dims) != 2 or width < 1:
            raise NotNativeError(f"its input {given.name} is no tensor of shape [rows, columns]")
        found.append(GraphInput(given.name, tensor.elem_type, width))
    return found


def compile_graph(
    model: ModelProto, inputs: Sequence[GraphInput], outputs: Sequence[str]
) -> NativeModel:
    """The graph's `outputs` as steps over one row of `inputs`.

    Raises NotNativeError, whose message names the node, where the core cannot run it.
    """
    try:
        return _Compilation(model, inputs, outputs).run()
    except NotNativeError:
        raise
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
        ArithmeticError,
    ) as error:
        # A graph that makes no sense; onnxruntime says more of it.
        raise NotNativeError(f"it cannot be read: {error}") from error


class _Compilation:
    def __init__(
        self, model: ModelProto, inputs: Sequence[GraphInput], outputs: Sequence[str]
    ) -> None:
        if model.functions:
            raise NotNativeError("it has functions of its own")
        self.model = model
        self.inputs = inputs
        self.outputs = outputs
        self.builder = ModelBuilder()
        self.tensors: dict[str, Tensor] = {}
        self.versions = {each.domain: each.version for each in model.opset_import}

    def run(self) -> NativeModel:
        graph = self.model.graph
        for initial in graph.initializer:
            self.tensors[initial.name] = _initial(initial)
        for given in self.inputs:
            if given.dtype not in TENSOR_TYPES:
                raise NotNativeError(f"its input {given.name} is of {type_name(given.dtype)}")
            self.tensors[given.name] = self.builder.add_input(given.name, given.dtype, given.width)
        for node, wanted in needed_nodes(graph, self.outputs):
            for name, tensor in zip(node.output, self._results(node, wanted), strict=False):
                self.tensors[name] = tensor
        for name in self.outputs:
            if name not in self.tensors:
                raise NotNativeError(f"nothing gives the output {name}")
            self.builder.add_output(name, self.tensors[name])
        return self.builder.finish()

    def _results(self, proto: NodeProto, wanted: list[bool]) -> list[Tensor]:
        missing = [name for name in proto.input if name and name not in self.tensors]
        if missing:
            raise NotNativeError(f"nothing gives {missing[0]}")
        given = [self.tensors[name] if name else None for name in proto.input]
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        version = self.versions.get(domain, self.versions.get("ai.onnx", 1))
        node = Node(proto, version, given, wanted, self.builder)
        compile_node = OPERATORS.get((domain, proto.op_type))
        if compile_node is None and proto.op_type not in _FOLDED_TOO:
            raise node.refuse("the core does not know this operator")
        if all(tensor is None or tensor.value is not None for tensor in given):
            return _folded(node, self.model)
        assert compile_node is not None
        return compile_node(node)


def needed_nodes(graph: GraphProto, outputs: Sequence[str]) -> list[tuple[NodeProto, list[bool]]]:
    """The nodes that `outputs` rest on, in order, each with which of its outputs are read."""
    read = set(outputs)
    needed = []
    for node in reversed(graph.node):
        wanted = [name in read for name in node.output]
        if any(wanted):
            needed.append((node, wanted))
            read.update(node.input)
    return needed[::-1]


def _initial(tensor: onnx.TensorProto) -> Tensor:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise NotNativeError(f"its constant {tensor.name} is in another file")
    return _constant(numpy_helper.to_array(tensor), tensor.data_type)


def _constant(value: np.ndarray, dtype: int) -> Tensor:
    if dtype == STRING:
        texts = [t.decode() if isinstance(t, bytes) else str(t) for t in value.ravel()]
        return Tensor(STRING, value=np.array(texts, dtype=object).reshape(value.shape))
    if dtype not in NUMPY_TYPES:
        raise NotNativeError(f"it has a constant of {type_name(dtype)}")
    return constant(dtype, value)


def _folded(node: Node, model: ModelProto) -> list[Tensor]:
    """What a node makes of constants, by onnxruntime's own word."""
    given = [tensor for tensor in node.inputs if tensor is not None]
    if _most_elements(node, given) > _MOST_FOLDED:
        raise node.refuse("may make a huge constant")
    names = [name for name in node.proto.input if name]
    graph = helper.make_graph(
        [node.proto],
        "constant",
        [
            helper.make_tensor_value_info(name, tensor.dtype, tensor.shape)
            for name, tensor in dict(zip(names, given, strict=True)).items()
        ],
        [onnx.ValueInfoProto(name=name) for name in node.proto.output if name],
    )
    alone = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=8)
    try:
        session = onnxruntime.InferenceSession(alone.SerializeToString(), _quiet())
        results = session.run(None, {name: t.value for name, t in zip(names, given, strict=True)})
    except Exception as error:
        raise node.refuse(f"onnxruntime refuses it: {error}") from error
    tensors = []
    for result in results:
        if not isinstance(result, np.ndarray):
            raise node.refuse("makes no tensor")
        dtype = (
            STRING if result.dtype.kind in "OSU" else helper.np_dtype_to_tensor_dtype(result.dtype)
        )
        tensors.append(_constant(result, dtype))
    return tensors


def _most_elements(node: Node, given: Sequence[Tensor]) -> int:
    """No operator that is folded makes more of its inputs, in Python's whole numbers."""
    size = prod(tensor.size for tensor in given)
    if node.proto.op_type in _SIZED and given and given[-1].value is not None:
        size *= prod(max(1, int(d)) for d in given[-1].value.ravel())
    return size


def _quiet() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return options
