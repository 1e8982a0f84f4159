"""What a graph takes and gives, and whether that is what a manifest says."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import ModelProto, TensorProto, ValueInfoProto

from fenqi.artifacts.graph.compiler import GraphInput
from fenqi.artifacts.manifest import Input, Manifest, TensorType
from fenqi.artifacts.safety import UnsafeGraph

ELEMENT_TYPES: dict[TensorType, int] = {
    "float": TensorProto.FLOAT,
    "double": TensorProto.DOUBLE,
    "int64": TensorProto.INT64,
    "string": TensorProto.STRING,
    "bool": TensorProto.BOOL,
}
_TYPES = {number: name for name, number in ELEMENT_TYPES.items()}
_RESULTS = {TensorProto.FLOAT, TensorProto.DOUBLE}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph; `columns` is None where the graph leaves them open."""

    name: str
    type: TensorType
    columns: int | None


def graph_inputs_of(manifest: Manifest) -> list[GraphInput]:
    """The inputs as the compiler of graphs takes them."""
    return [
        GraphInput(tensor.name, ELEMENT_TYPES[tensor.type], len(tensor.columns))
        for tensor in manifest.inputs
    ]


def inputs_of(model: ModelProto) -> list[Tensor]:
    """The inputs that must be given, in order. Raises UnsafeGraph for others than tensors of rows
    whose number is open or one."""
    initialized = {tensor.name for tensor in model.graph.initializer}
    return [_tensor(value) for value in model.graph.input if value.name not in initialized]


def results_of(model: ModelProto) -> list[Tensor]:
    """The outputs that may hold a margin or probabilities."""
    return [
        Tensor(value.name, _TYPES[value.type.tensor_type.elem_type], _width(value))
        for value in model.graph.output
        if value.type.tensor_type.elem_type in _RESULTS
    ]


def check_interface(model: ModelProto, manifest: Manifest) -> None:
    """Raises UnsafeGraph where inputs and outputs are not as the manifest says."""
    given = inputs_of(model)
    if [tensor.name for tensor in given] != [tensor.name for tensor in manifest.inputs]:
        raise UnsafeGraph(
            f"its inputs are {', '.join(tensor.name for tensor in given)}; the manifest says "
            f"{', '.join(tensor.name for tensor in manifest.inputs)}"
        )
    for tensor, said in zip(given, manifest.inputs, strict=True):
        _check_input(tensor, said)
    outputs = {value.name: value for value in model.graph.output}
    _check_output(outputs, manifest.outputs.result)
    result = outputs[manifest.outputs.result]
    width = _width(result)
    if manifest.outputs.probability and width not in (None, 1) and manifest.outputs.class_ >= width:
        raise UnsafeGraph(
            f"its output {result.name} has {width} columns; the manifest wants column "
            f"{manifest.outputs.class_}, from 0"
        )


def _check_input(tensor: Tensor, said: Input) -> None:
    if tensor.type != said.type:
        raise UnsafeGraph(
            f"its input {tensor.name} is of type {tensor.type}; the manifest says {said.type}"
        )
    if tensor.columns not in (None, len(said.columns)):
        raise UnsafeGraph(
            f"its input {tensor.name} has {tensor.columns} columns; the manifest names "
            f"{len(said.columns)}"
        )


def _check_output(outputs: dict[str, ValueInfoProto], name: str) -> None:
    if name not in outputs:
        raise UnsafeGraph(f"it has no output {name}; there are {', '.join(outputs)}")
    if outputs[name].type.tensor_type.elem_type not in _RESULTS:
        raise UnsafeGraph(f"its output {name} is no tensor of float or double")


def _tensor(value: ValueInfoProto) -> Tensor:
    type = _TYPES.get(value.type.tensor_type.elem_type)
    if type is None:
        raise UnsafeGraph(
            f"its input {value.name} is no tensor of {', '.join(sorted(_TYPES.values()))}"
        )
    dims = value.type.tensor_type.shape.dim
    fixed = bool(dims) and dims[0].HasField("dim_value") and dims[0].dim_value != 1
    if len(dims) not in (0, 2) or fixed:
        raise UnsafeGraph(f"its input {value.name} is not of shape [rows, columns], with rows open")
    return Tensor(value.name, type, _width(value))


def _width(value: ValueInfoProto) -> int | None:
    dims = value.type.tensor_type.shape.dim
    return dims[1].dim_value if len(dims) == 2 and dims[1].HasField("dim_value") else None
