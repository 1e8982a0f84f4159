"""Tensors inside an ONNX file: where their data lies, and whether it is as much as they say."""

from __future__ import annotations

import math
from collections.abc import Iterable

from onnx import SparseTensorProto, TensorProto, TypeProto, helper

from fenqi.artifacts.safety.limits import MOST_ELEMENTS, UnsafeGraph

# Bytes of one element.
_TYPES: dict[int, int] = {
    TensorProto.FLOAT: 4,
    TensorProto.DOUBLE: 8,
    TensorProto.FLOAT16: 2,
    TensorProto.BFLOAT16: 2,
    TensorProto.INT8: 1,
    TensorProto.INT16: 2,
    TensorProto.INT32: 4,
    TensorProto.INT64: 8,
    TensorProto.UINT8: 1,
    TensorProto.UINT16: 2,
    TensorProto.UINT32: 4,
    TensorProto.UINT64: 8,
    TensorProto.BOOL: 1,
}
_MOST_DIMENSIONS = 16


def check_tensor(tensor: TensorProto, what: str) -> None:
    """Raises UnsafeGraph; `what`: how messages name the tensor."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        where = next((e.value for e in tensor.external_data if e.key == "location"), "")
        raise UnsafeGraph(
            f"{what} has its data in another file, {where!r}; a graph holds all its data"
        )
    if tensor.HasField("segment"):
        raise UnsafeGraph(f"{what} is only a segment of a tensor")
    count = elements(tensor.dims, what)
    stored = _stored(tensor, what)
    if stored != count:
        shape = "x".join(str(size) for size in tensor.dims) or "scalar"
        raise UnsafeGraph(f"{what} says that it is {shape}, and holds {stored} elements")


def check_sparse(tensor: SparseTensorProto, what: str) -> None:
    """Raises UnsafeGraph: a sparse tensor is as large as its dense form, which runtimes make."""
    check_tensor(tensor.values, f"the values of {what}")
    check_tensor(tensor.indices, f"the indices of {what}")
    elements(tensor.dims, what)


def check_type(type: TypeProto, what: str) -> None:
    """Raises UnsafeGraph for shapes that are too large."""
    while type.WhichOneof("value") in ("sequence_type", "optional_type", "map_type"):
        kind = type.WhichOneof("value")
        type = type.map_type.value_type if kind == "map_type" else getattr(type, kind).elem_type
    tensor = type.sparse_tensor_type if type.HasField("sparse_tensor_type") else type.tensor_type
    elements([d.dim_value for d in tensor.shape.dim if d.HasField("dim_value")], what)


def elements(dims: Iterable[int], what: str) -> int:
    """The product of `dims`. Raises UnsafeGraph where it is negative or over the limit."""
    sizes = list(dims)
    if len(sizes) > _MOST_DIMENSIONS:
        raise UnsafeGraph(
            f"{what} has {len(sizes)} dimensions, over the limit of {_MOST_DIMENSIONS}"
        )
    if any(size < 0 for size in sizes):
        raise UnsafeGraph(f"{what} has a negative size, {min(sizes)}")
    count = math.prod(sizes)
    # Also of the sizes without zeros: a runtime may multiply them one by one.
    if math.prod(size for size in sizes if size) > MOST_ELEMENTS:
        shape = "x".join(str(size) for size in sizes[:8])
        raise UnsafeGraph(f"{what} is {shape}: over the limit of {MOST_ELEMENTS} elements")
    return count


def _stored(tensor: TensorProto, what: str) -> int:
    if tensor.data_type == TensorProto.STRING:
        return len(tensor.string_data)
    size = _TYPES.get(tensor.data_type)
    if size is None:
        raise UnsafeGraph(f"{what} has elements of type {tensor.data_type}, which is not supported")
    if not tensor.HasField("raw_data"):
        field = helper.tensor_dtype_to_field(tensor.data_type)
        return len(getattr(tensor, field))
    if len(tensor.raw_data) % size:
        raise UnsafeGraph(f"{what} holds {len(tensor.raw_data)} bytes, no whole elements")
    return len(tensor.raw_data) // size
