"""One node of a graph while it is compiled, and which functions know which operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from fenqi.artifacts.graph.builder import ModelBuilder
from fenqi.artifacts.graph.tensors import NotNativeError, Tensor, constant, type_name
from fenqi.internal.v1 import native_model_pb2 as image

ML = "ai.onnx.ml"


@dataclass(frozen=True, slots=True)
class Node:
    """A node with its inputs as tensors."""

    proto: NodeProto
    # The version of its operator set.
    version: int
    # None where an optional input is left out.
    inputs: list[Tensor | None]
    # For each output, whether anything reads it.
    wanted: list[bool]
    builder: ModelBuilder

    def refuse(self, why: str) -> NotNativeError:
        """The error that says which node cannot be compiled, and why."""
        domain = f"{self.proto.domain}." if self.proto.domain else ""
        name = f" ({self.proto.name})" if self.proto.name else ""
        return NotNativeError(f"{domain}{self.proto.op_type}{name}: {why}")

    def attribute(self, name: str, default: Any = None) -> Any:
        """The attribute as Python has it, texts decoded, tensors as arrays; else `default`."""
        for attribute in self.proto.attribute:
            if attribute.name == name:
                return _plain(helper.get_attribute_value(attribute))
        return default

    def numbers(self, name: str, dtype: Any) -> NDArray[Any]:
        """A list attribute, or the tensor attribute `<name>_as_tensor`; empty where it has none."""
        given = self.attribute(f"{name}_as_tensor")
        if given is None:
            return np.array(self.attribute(name, []), dtype=dtype)
        if given.dtype != dtype:
            raise self.refuse(f"{name} are of type {given.dtype}")
        return np.asarray(given)

    def input(self, i: int) -> Tensor:
        """Input `i`, which must be there."""
        tensor = self.optional_input(i)
        if tensor is None:
            raise self.refuse(f"input {i} is left out")
        return tensor

    def optional_input(self, i: int) -> Tensor | None:
        """Input `i`, or None."""
        return self.inputs[i] if i < len(self.inputs) else None

    def constant_input(self, i: int) -> NDArray[Any] | None:
        """The value of input `i`; None where it is left out."""
        tensor = self.optional_input(i)
        if tensor is not None and tensor.value is None:
            raise self.refuse(f"input {i} is not constant")
        return None if tensor is None else tensor.value

    def of_types(self, tensor: Tensor, types: Sequence[int]) -> Tensor:
        """`tensor`, whose type must be one of `types`."""
        if tensor.dtype not in types:
            raise self.refuse(f"works on {type_name(tensor.dtype)}")
        return tensor

    # --- steps ---

    def each(self, kind: image.StepKind, *operands: Tensor, dtype: int | None = None) -> Tensor:
        """The step for each element of the operands, broadcast to one shape; the result is of
        `dtype`, by default the last operand's."""
        shape = np.broadcast_shapes(*(operand.shape for operand in operands))
        result = self.builder.new_cells(operands[-1].dtype if dtype is None else dtype, shape)
        self.builder.step(kind, result, operands)
        return result

    def scalar(self, like: Tensor, value: float) -> Tensor:
        """A constant of `like`'s type."""
        return constant(like.dtype, value)

    def cast(self, tensor: Tensor, to: int) -> Tensor:
        """`tensor` in another type."""
        kind = _CASTS.get(to)
        if tensor.dtype == to:
            return tensor
        if kind is None or tensor.dtype == TensorProto.STRING:
            raise self.refuse(f"casts {type_name(tensor.dtype)} to {type_name(to)}")
        return self.each(kind, tensor, dtype=to)


_CASTS: dict[int, image.StepKind] = {
    TensorProto.FLOAT: image.STEP_KIND_TO_FLOAT,
    TensorProto.DOUBLE: image.STEP_KIND_TO_DOUBLE,
    TensorProto.INT64: image.STEP_KIND_TO_INT64,
    TensorProto.INT32: image.STEP_KIND_TO_INT32,
    TensorProto.BOOL: image.STEP_KIND_TO_BOOL,
}

Operator = Callable[[Node], list[Tensor]]
OPERATORS: dict[tuple[str, str], Operator] = {}


def operator(*names: str, domain: str = "") -> Callable[[Operator], Operator]:
    """Says which operators a function compiles."""

    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(((domain, name) for name in names), function))
        return function

    return register


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
