"""From the bytes of an ONNX file to a graph that may be compiled and run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, shape_inference

from fenqi.artifacts.safety.limits import UnsafeGraph
from fenqi.artifacts.safety.structure import check_structure, described
from fenqi.artifacts.safety.tensors import check_type
from fenqi.artifacts.safety.trees import check_trees, is_ensemble
from fenqi.artifacts.safety.wire import check_wire

# Lists in an attribute that are longer say nothing about shapes.
_LONG = 64


def parse_graph(content: bytes) -> ModelProto:
    """The model in the bytes of an ONNX file. Raises UnsafeGraph, which says why it is refused.

    Costs about 10 ms and 0.3 s for each million nodes of trees.
    """
    check_wire(content)
    try:
        model = ModelProto.FromString(content)
    except DecodeError as error:
        raise UnsafeGraph(f"it is no ONNX file: {error}") from None
    check_structure(model)
    shapes = _shapes_for_one_row(model)
    for node, what in _described_nodes(model):
        if is_ensemble(node):
            shape = shapes.get(node.input[0]) if node.input else None
            check_trees(node, what, shape[-1] if shape else None)
    return model


def _shapes_for_one_row(model: ModelProto) -> dict[str, list[int | None]]:
    """Shapes of the values of the top graph as far as they can be inferred for one row.

    Raises UnsafeGraph where a value is too large: operators can make much of little.
    """
    light = ModelProto()
    light.CopyFrom(_without_weight(model))
    for value in light.graph.input:
        shape = value.type.tensor_type.shape
        if len(shape.dim) and not shape.dim[0].HasField("dim_value"):
            shape.dim[0].dim_value = 1
    try:
        inferred = shape_inference.infer_shapes(light, data_prop=True)
    except shape_inference.InferenceError as error:
        raise UnsafeGraph(f"its shapes do not fit together: {error}") from None
    shapes: dict[str, list[int | None]] = {}
    graph = inferred.graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        check_type(value.type, f"for one row, the value {value.name}")
        shapes[value.name] = [
            dim.dim_value if dim.HasField("dim_value") else None
            for dim in value.type.tensor_type.shape.dim
        ]
    return shapes


def _without_weight(model: ModelProto) -> ModelProto:
    """The model without what only its answers depend on: trees, coefficients."""
    light = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    light.functions.extend(model.functions)
    light.graph.CopyFrom(_light_graph(model.graph))
    return light


def _light_graph(graph: GraphProto) -> GraphProto:
    light = GraphProto(name=graph.name, input=graph.input)
    for value in graph.output:
        # Inference stops where an output is declared otherwise than it turns out to be.
        light.output.add(
            name=value.name
        ).type.tensor_type.elem_type = value.type.tensor_type.elem_type
    light.initializer.extend(
        tensor
        if len(tensor.dims) <= 1 and sum(tensor.dims) <= _LONG
        else TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
        for tensor in graph.initializer
    )
    for node in graph.node:
        copy = light.node.add(
            name=node.name,
            op_type=node.op_type,
            domain=node.domain,
            input=node.input,
            output=node.output,
        )
        copy.attribute.extend(
            part
            for part in node.attribute
            if max(len(part.ints), len(part.floats), len(part.strings), len(part.t.dims)) <= _LONG
        )
    return light


def _described_nodes(model: ModelProto) -> Iterator[tuple[NodeProto, str]]:
    """All nodes, of subgraphs and functions too, and how messages name them."""
    waiting: list[Sequence[NodeProto]] = [model.graph.node, *(f.node for f in model.functions)]
    while waiting:
        for number, node in enumerate(waiting.pop()):
            yield node, described(node, number)
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g.node)
                waiting += [graph.node for graph in attribute.graphs]
