"""Operators on each element, reductions and products."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import itemgetter

import numpy as np

from fenqi.artifacts.graph.operators import Node, operator
from fenqi.artifacts.graph.tensors import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT64,
    REALS,
    STRING,
    WHOLES,
    Tensor,
)
from fenqi.internal.v1 import native_model_pb2 as image

# Whole numbers of 32 bits would overflow where the core's do not.
_NUMBERS = (*REALS, INT64)

_UNARY = {
    "Abs": image.STEP_KIND_ABS,
    "Neg": image.STEP_KIND_NEGATE,
    "Exp": image.STEP_KIND_EXP,
    "Log": image.STEP_KIND_LOG,
    "Sqrt": image.STEP_KIND_SQRT,
    "Reciprocal": image.STEP_KIND_RECIPROCAL,
    "Floor": image.STEP_KIND_FLOOR,
    "Ceil": image.STEP_KIND_CEIL,
    "Tanh": image.STEP_KIND_TANH,
    "Relu": image.STEP_KIND_RELU,
    "Sigmoid": image.STEP_KIND_SIGMOID,
}
_WHOLE_TOO = ("Abs", "Neg", "ReduceSum", "ReduceProd", "ReduceMin", "ReduceMax")


@operator(*_UNARY)
def _unary(node: Node) -> list[Tensor]:
    name = node.proto.op_type
    x = node.of_types(node.input(0), _NUMBERS if name in _WHOLE_TOO else REALS)
    return [node.each(_UNARY[name], x)]


_VARIADIC = {
    "Add": image.STEP_KIND_ADD,
    "Sub": image.STEP_KIND_SUBTRACT,
    "Mul": image.STEP_KIND_MULTIPLY,
    "Div": image.STEP_KIND_DIVIDE,
    "Min": image.STEP_KIND_MIN,
    "Max": image.STEP_KIND_MAX,
    "Sum": image.STEP_KIND_ADD,
}


@operator(*_VARIADIC)
def _variadic(node: Node) -> list[Tensor]:
    _no_old_broadcast(node)
    operands = [node.of_types(node.input(i), _NUMBERS) for i in range(len(node.inputs))]
    kind = _VARIADIC[node.proto.op_type]
    return [reduce(lambda a, b: node.each(kind, a, b), operands)]


def _no_old_broadcast(node: Node) -> None:
    """Before version 7, operators broadcast along a named axis."""
    if node.version < 7 and node.attribute("broadcast", 0):
        raise node.refuse("broadcasts in the way of operator sets before 7")


@operator("Mean")
def _mean(node: Node) -> list[Tensor]:
    operands = [node.of_types(node.input(i), REALS) for i in range(len(node.inputs))]
    total = reduce(lambda a, b: node.each(image.STEP_KIND_ADD, a, b), operands)
    return [node.each(image.STEP_KIND_DIVIDE, total, node.scalar(total, len(operands)))]


@operator("Pow")
def _power(node: Node) -> list[Tensor]:
    x, exponent = node.of_types(node.input(0), REALS), node.input(1)
    if exponent.value is not None:
        # onnxruntime multiplies here, and powers else.
        powers = np.unique(exponent.value)
        if powers.size == 1 and float(powers[0]) in (2.0, 3.0):
            shape = np.broadcast_shapes(x.shape, exponent.shape)
            x = x.moved(lambda array: np.broadcast_to(array, shape))
            factors = [x] * int(powers[0])
            return [reduce(lambda a, b: node.each(image.STEP_KIND_MULTIPLY, a, b), factors)]
    return [node.each(image.STEP_KIND_POWER, x, node.cast(exponent, x.dtype))]


@operator("Clip")
def _clip(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), _NUMBERS)
    if node.version >= 11:
        low, high = node.optional_input(1), node.optional_input(2)
    else:
        bounds = (node.attribute("min"), node.attribute("max"))
        low, high = (None if b is None else node.scalar(x, b) for b in bounds)
    if low is not None:
        x = node.each(image.STEP_KIND_MAX, x, low)
    if high is not None:
        x = node.each(image.STEP_KIND_MIN, x, high)
    return [x]


# --- truth ---

_COMPARISONS = {
    "Equal": (image.STEP_KIND_EQUAL, False),
    "Less": (image.STEP_KIND_LESS, False),
    "LessOrEqual": (image.STEP_KIND_LESS_OR_EQUAL, False),
    "Greater": (image.STEP_KIND_LESS, True),
    "GreaterOrEqual": (image.STEP_KIND_LESS_OR_EQUAL, True),
}


@operator(*_COMPARISONS)
def _compare(node: Node) -> list[Tensor]:
    _no_old_broadcast(node)
    kind, swapped = _COMPARISONS[node.proto.op_type]
    types = (*REALS, *WHOLES, STRING) if kind == image.STEP_KIND_EQUAL else (*REALS, *WHOLES)
    order = (1, 0) if swapped else (0, 1)
    a, b = (node.of_types(node.input(i), types) for i in order)
    return [node.each(kind, a, b, dtype=BOOL)]


_LOGIC = {
    "And": image.STEP_KIND_AND,
    "Or": image.STEP_KIND_OR,
    "Xor": image.STEP_KIND_XOR,
    "Not": image.STEP_KIND_NOT,
}


@operator(*_LOGIC)
def _logic(node: Node) -> list[Tensor]:
    operands = [node.of_types(node.input(i), (BOOL,)) for i in range(len(node.inputs))]
    return [node.each(_LOGIC[node.proto.op_type], *operands)]


@operator("IsNaN")
def _is_nan(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), REALS)
    return [node.each(image.STEP_KIND_IS_NAN, x, dtype=BOOL)]


@operator("Where")
def _where(node: Node) -> list[Tensor]:
    return [select(node, node.input(0), node.input(1), node.input(2))]


def select(node: Node, condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """`yes` where the condition holds, else `no`, broadcast."""
    shape = np.broadcast_shapes(condition.shape, yes.shape, no.shape)
    result = node.builder.new_cells(yes.dtype, shape)
    node.builder.step(image.STEP_KIND_SELECT, result, [condition, yes, no], dtype=yes.dtype)
    return result


# --- groups ---


def group(
    node: Node,
    kind: image.StepKind,
    x: Tensor,
    axes: Sequence[int],
    *,
    keep: bool,
    dtype: int | None = None,
) -> Tensor:
    """One result for each group of the elements that differ only in `axes`."""
    rank = len(x.shape)
    inside = sorted(axis % rank for axis in axes)
    outside = [axis for axis in range(rank) if axis not in inside]
    size = int(np.prod([x.shape[axis] for axis in inside], dtype=np.int64))
    shape = [1 if a in inside else d for a, d in enumerate(x.shape) if keep or a not in inside]
    together = x.moved(lambda array: np.transpose(array, [*outside, *inside]))
    result = node.builder.new_cells(x.dtype if dtype is None else dtype, shape)
    node.builder.step(kind, result, [together], count=result.size, size=size)
    return result


_REDUCTIONS = {
    "ReduceSum": image.STEP_KIND_GROUP_LANE_SUM,
    "ReduceMean": image.STEP_KIND_GROUP_LANE_SUM,
    "ReduceProd": image.STEP_KIND_GROUP_PRODUCT,
    "ReduceMin": image.STEP_KIND_GROUP_MIN,
    "ReduceMax": image.STEP_KIND_GROUP_MAX,
    "ReduceSumSquare": image.STEP_KIND_GROUP_LANE_SUM,
    "ReduceL1": image.STEP_KIND_GROUP_LANE_SUM,
    "ReduceL2": image.STEP_KIND_GROUP_LANE_SUM,
    "ReduceLogSum": image.STEP_KIND_GROUP_LANE_SUM,
    "ReduceLogSumExp": image.STEP_KIND_GROUP_LOG_SUM_EXP,
}


@operator(*_REDUCTIONS)
def _reduce(node: Node) -> list[Tensor]:
    name = node.proto.op_type
    x = node.of_types(node.input(0), _NUMBERS if name in _WHOLE_TOO else REALS)
    axes = node.attribute("axes")
    if axes is None:
        given = node.constant_input(1) if len(node.inputs) > 1 else None
        axes = None if given is None else [int(axis) for axis in given]
    if not axes:
        if node.attribute("noop_with_empty_axes", 0):
            return [x]
        axes = range(len(x.shape))
    before = x
    if name in ("ReduceSumSquare", "ReduceL2"):
        before = node.each(image.STEP_KIND_MULTIPLY, x, x)
    elif name == "ReduceL1":
        before = node.each(image.STEP_KIND_ABS, x)
    keep = node.attribute("keepdims", 1) != 0
    kind = _REDUCTIONS[name]
    in_lanes = x.dtype in REALS and _are_last(axes, len(x.shape))
    if kind == image.STEP_KIND_GROUP_LANE_SUM and not in_lanes:
        # onnxruntime sums row by row what does not lie side by side; of whole numbers any order
        # gives the same.
        kind = image.STEP_KIND_GROUP_SUM
    result = group(node, kind, before, list(axes), keep=keep)
    if name == "ReduceMean":
        return [node.each(image.STEP_KIND_DIVIDE, result, node.scalar(x, x.size // result.size))]
    if name == "ReduceL2":
        return [node.each(image.STEP_KIND_SQRT, result)]
    if name == "ReduceLogSum":
        return [node.each(image.STEP_KIND_LOG, result)]
    return [result]


def _are_last(axes: Sequence[int], rank: int) -> bool:
    return sorted(axis % rank for axis in axes) == list(range(rank - len(axes), rank))


@operator("ArgMax", "ArgMin")
def _arg_extreme(node: Node) -> list[Tensor]:
    if node.attribute("select_last_index", 0):
        raise node.refuse("takes the last of equals")
    largest = node.proto.op_type == "ArgMax"
    kind = image.STEP_KIND_GROUP_ARG_MAX if largest else image.STEP_KIND_GROUP_ARG_MIN
    x = node.of_types(node.input(0), (*REALS, *WHOLES))
    axis, keep = node.attribute("axis", 0), node.attribute("keepdims", 1) != 0
    return [group(node, kind, x, [axis], keep=keep, dtype=INT64)]


@operator("TopK")
def _top_k(node: Node) -> list[Tensor]:
    k = node.constant_input(1) if node.version >= 10 else np.array([node.attribute("k")])
    if k is None or int(np.ravel(k)[0]) != 1:
        raise node.refuse("takes more than the first")
    largest = node.attribute("largest", 1) != 0
    x, axis = node.of_types(node.input(0), (*REALS, INT64)), [node.attribute("axis", -1)]
    values = image.STEP_KIND_GROUP_MAX if largest else image.STEP_KIND_GROUP_MIN
    places = image.STEP_KIND_GROUP_ARG_MAX if largest else image.STEP_KIND_GROUP_ARG_MIN
    return [
        group(node, values, x, axis, keep=True),
        group(node, places, x, axis, keep=True, dtype=INT64),
    ]


@operator("Softmax", "LogSoftmax")
def _softmax(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), REALS)
    axis = node.attribute("axis", -1 if node.version >= 13 else 1) % len(x.shape)
    # Before version 13 everything from the axis on is one group.
    inside = [axis] if node.version >= 13 else list(range(axis, len(x.shape)))
    order = [a for a in range(len(x.shape)) if a not in inside] + inside
    together = x.moved(lambda array: np.transpose(array, order))
    result = softmax(node, together, int(np.prod([x.shape[a] for a in inside])))
    if node.proto.op_type == "LogSoftmax":
        result = node.each(image.STEP_KIND_LOG, result)
    return [result.moved(lambda array: np.transpose(array, np.argsort(order)))]


def softmax(
    node: Node, x: Tensor, size: int, kind: image.StepKind = image.STEP_KIND_GROUP_SOFTMAX
) -> Tensor:
    """The softmax of each `size` neighbours."""
    result = node.builder.new_cells(x.dtype, x.shape)
    node.builder.step(kind, result, [x], count=x.size // size, size=size)
    return result


# --- products ---


@operator("MatMul")
def _mat_mul(node: Node) -> list[Tensor]:
    a, b = node.of_types(node.input(0), REALS), node.input(1)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise node.refuse("multiplies what is no matrix")
    return [matrix(node, a, b, node.scalar(a, 0.0))]


@operator("Gemm")
def _gemm(node: Node) -> list[Tensor]:
    a, b, c = node.of_types(node.input(0), (FLOAT, DOUBLE)), node.input(1), node.optional_input(2)
    if node.attribute("transA", 0):
        a = a.moved(np.transpose)
    if node.attribute("transB", 0):
        b = b.moved(np.transpose)
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if alpha != 1.0 or (c is not None and beta != 1.0):
        raise node.refuse("scales its factors")
    return [matrix(node, a, b, node.scalar(a, 0.0) if c is None else c)]


def matrix(node: Node, a: Tensor, b: Tensor, bias: Tensor) -> Tensor:
    """a [rows, k] times b [k, n], plus the bias, broadcast."""
    if b.value is None:
        raise node.refuse("multiplies by a matrix that is not constant")
    (rows, size), count = a.shape, b.shape[1]
    if b.shape[0] != size:
        raise node.refuse(f"multiplies a row of {size} by a matrix of {b.shape[0]} rows")
    biases = bias.moved(lambda array: np.broadcast_to(array, (rows, count)))
    results = []
    for row in range(rows):
        result = node.builder.new_cells(a.dtype, [1, count])
        row_of = itemgetter(row)
        of_row = [a.moved(row_of), b, biases.moved(row_of)]
        node.builder.step(image.STEP_KIND_MATRIX, result, of_row, count=count, size=size)
        results.append(node.builder.cells_of(result))
    return Tensor(a.dtype, cells=np.concatenate(results))


def column(tensor: Tensor, i: int) -> Tensor:
    """Column `i` of a tensor of one row, [1, 1]."""
    return tensor.moved(lambda array: array.reshape(1, -1)[:, i : i + 1])


def side_by_side(node: Node, tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of one row, next to each other."""
    cells = [node.builder.cells_of(tensor).reshape(1, -1) for tensor in tensors]
    return Tensor(tensors[0].dtype, cells=np.concatenate(cells, 1))
