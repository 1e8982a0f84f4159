"""Tensors of a graph while it is compiled: for one row, so that every shape is known.

A tensor is a constant, or names the cell of each of its elements. What only moves elements about
(Reshape, Concat, Split) is then a NumPy operation on the array of cells, and costs nothing at run
time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from fenqi.internal.v1 import native_model_pb2 as image

FLOAT = TensorProto.FLOAT
DOUBLE = TensorProto.DOUBLE
INT64 = TensorProto.INT64
INT32 = TensorProto.INT32
BOOL = TensorProto.BOOL
STRING = TensorProto.STRING

# How the core calls each; int32 is kept as a whole number of 64 bits.
TENSOR_TYPES: dict[int, image.TensorType] = {
    FLOAT: image.TENSOR_TYPE_FLOAT,
    DOUBLE: image.TENSOR_TYPE_DOUBLE,
    INT64: image.TENSOR_TYPE_INT64,
    INT32: image.TENSOR_TYPE_INT64,
    BOOL: image.TENSOR_TYPE_BOOL,
    STRING: image.TENSOR_TYPE_STRING,
}
# The bank of cells that holds each.
BANKS: dict[int, str] = {
    image.TENSOR_TYPE_FLOAT: "float",
    image.TENSOR_TYPE_DOUBLE: "double",
    image.TENSOR_TYPE_INT64: "int",
    image.TENSOR_TYPE_BOOL: "int",
    image.TENSOR_TYPE_STRING: "text",
}
NUMPY_TYPES: dict[int, Any] = {
    FLOAT: np.float32,
    DOUBLE: np.float64,
    INT64: np.int64,
    INT32: np.int32,
    BOOL: np.bool_,
    STRING: np.object_,
}
REALS = (FLOAT, DOUBLE)
WHOLES = (INT64, INT32, BOOL)


class NotNativeError(Exception):
    """The core cannot run this graph by itself; the message says why."""


def type_name(dtype: int) -> str:
    """What ONNX calls an element type."""
    return str(TensorProto.DataType.Name(dtype)).lower()


@dataclass(frozen=True, slots=True)
class Tensor:
    """Exactly one of `value` (a constant) and `cells` is there; both have the tensor's shape."""

    dtype: int
    value: NDArray[Any] | None = None
    cells: NDArray[np.int64] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def size(self) -> int:
        return int(self._array.size)

    @property
    def _array(self) -> NDArray[Any]:
        array = self.value if self.value is not None else self.cells
        assert array is not None
        return array

    def moved(self, move: Callable[[NDArray[Any]], NDArray[Any]]) -> Tensor:
        """The tensor whose elements `move`, a function of arrays, takes from here."""
        if self.value is not None:
            return Tensor(self.dtype, value=move(self.value))
        assert self.cells is not None
        return Tensor(self.dtype, cells=move(self.cells))


def constant(dtype: int, values: Any) -> Tensor:
    """A constant of that element type."""
    return Tensor(dtype, value=np.asarray(values, dtype=NUMPY_TYPES[dtype]))
