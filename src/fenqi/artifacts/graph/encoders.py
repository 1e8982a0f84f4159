"""Operators of ai.onnx.ml that prepare columns, as onnxruntime has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fenqi.artifacts.graph.arithmetic import group, select
from fenqi.artifacts.graph.operators import ML, Node, operator
from fenqi.artifacts.graph.tensors import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    REALS,
    STRING,
    Tensor,
    constant,
)
from fenqi.internal.v1 import native_model_pb2 as image

_NUMBERS = (FLOAT, DOUBLE, INT64, INT32)


@operator("Scaler", domain=ML)
def _scaler(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), _NUMBERS)
    offset = np.array(node.attribute("offset", []), np.float32)
    scale = np.array(node.attribute("scale", []), np.float32)
    if {offset.size, scale.size} - {1, x.shape[-1]} or not offset.size or not scale.size:
        raise node.refuse("has no offset and scale for each column")
    # Doubles stay doubles until the end.
    x = x if x.dtype == DOUBLE else node.cast(x, FLOAT)
    moved = node.each(image.STEP_KIND_SUBTRACT, x, constant(x.dtype, offset))
    return [node.cast(node.each(image.STEP_KIND_MULTIPLY, moved, constant(x.dtype, scale)), FLOAT)]


@operator("Imputer", domain=ML)
def _imputer(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), (FLOAT, INT64))
    kind = "floats" if x.dtype == FLOAT else "int64s"
    imputed = node.attribute(f"imputed_value_{kind}", [])
    replaced = node.attribute(f"replaced_value_{kind.removesuffix('s')}", 0)
    if not imputed:
        raise node.refuse("imputes no value of its input's type")
    values = constant(x.dtype, imputed if len(imputed) == x.shape[-1] else imputed[:1])
    if x.dtype == FLOAT and np.isnan(replaced):
        is_missing = node.each(image.STEP_KIND_IS_NAN, x, dtype=BOOL)
    else:
        is_missing = node.each(image.STEP_KIND_EQUAL, x, node.scalar(x, replaced), dtype=BOOL)
    return [select(node, is_missing, values, x)]


@operator("Binarizer", domain=ML)
def _binarizer(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), (FLOAT,))
    is_nan = node.each(image.STEP_KIND_IS_NAN, x, dtype=BOOL)
    # onnxruntime fails on NaN too.
    is_number = node.each(image.STEP_KIND_NOT, is_nan)
    node.builder.step(image.STEP_KIND_REQUIRE, None, [is_number], dtype=BOOL)
    threshold = node.scalar(x, node.attribute("threshold", 0.0))
    above = node.each(image.STEP_KIND_LESS, threshold, x, dtype=BOOL)
    return [node.cast(above, FLOAT)]


@operator("Normalizer", domain=ML)
def _normalizer(node: Node) -> list[Tensor]:
    x = node.cast(node.of_types(node.input(0), (FLOAT, INT64, INT32)), FLOAT)
    norm = node.attribute("norm", "MAX")
    zero = node.scalar(x, 0.0)
    if norm == "MAX":
        of_row = group(node, image.STEP_KIND_GROUP_MAX, x, [-1], keep=True)
        scaled = node.each(image.STEP_KIND_DIVIDE, x, of_row)
    elif norm == "L1":
        absolute = node.each(image.STEP_KIND_ABS, x)
        of_row = group(node, image.STEP_KIND_GROUP_SUM, absolute, [-1], keep=True)
        scaled = node.each(image.STEP_KIND_DIVIDE, x, of_row)
    elif norm == "L2":
        square = node.each(image.STEP_KIND_MULTIPLY, x, x)
        of_row = group(node, image.STEP_KIND_GROUP_SUM, square, [-1], keep=True)
        share = node.each(image.STEP_KIND_DIVIDE, square, of_row)
        root = node.each(image.STEP_KIND_SQRT, share)
        is_negative = node.each(image.STEP_KIND_LESS, x, zero, dtype=BOOL)
        scaled = select(node, is_negative, node.each(image.STEP_KIND_NEGATE, root), root)
    else:
        raise node.refuse(f"has an unknown norm, {norm}")
    is_zero = node.each(image.STEP_KIND_EQUAL, of_row, zero, dtype=BOOL)
    return [select(node, is_zero, x, scaled)]


@operator("OneHotEncoder", domain=ML)
def _one_hot_encoder(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), (*REALS, INT64, STRING))
    texts, wholes = node.attribute("cats_strings", []), node.attribute("cats_int64s", [])
    categories: list[Any] = texts or wholes
    if (x.dtype == STRING and not texts) or (x.dtype != STRING and not wholes):
        raise node.refuse("has no categories of its input's type")
    if len(set(categories)) != len(categories):
        raise node.refuse("has a category twice")
    x = x if x.dtype == STRING else node.cast(x, INT64)
    known = constant(x.dtype, categories)
    hot = node.each(
        image.STEP_KIND_EQUAL, x.moved(lambda array: array[..., np.newaxis]), known, dtype=BOOL
    )
    if not node.attribute("zeros", 1):
        wholes_hot = Tensor(INT64, cells=node.builder.cells_of(hot))
        found = group(node, image.STEP_KIND_GROUP_MAX, wholes_hot, [-1], keep=False)
        node.builder.step(image.STEP_KIND_REQUIRE, None, [found], dtype=BOOL)
    return [node.cast(hot, FLOAT)]


# Of each type that a LabelEncoder maps to: its attributes' ending, and what it gives by default.
_LABELS: dict[int, tuple[str, Any]] = {
    FLOAT: ("float", -0.0),
    INT64: ("int64", -1),
    STRING: ("string", "_Unused"),
}
_TENSOR_TYPES = {"f4": FLOAT, "f8": DOUBLE, "i8": INT64}


@operator("LabelEncoder", domain=ML)
def _label_encoder(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), (FLOAT, DOUBLE, INT64, STRING))
    keys, values, default = _by_position(node, x) if node.version < 2 else _by_key(node, x)
    if keys.size != values.size or not keys.size:
        raise node.refuse("has keys and values of different numbers")
    assert keys.value is not None and values.value is not None and default.value is not None
    # Of equal keys the first counts; NaN equals NaN, and is the last.
    first: dict[Any, int] = {}
    for i, key in enumerate(keys.value.tolist()):
        first.setdefault(None if key != key else key, i)
    known = sorted(key for key in first if key is not None)
    places = np.array([first[key] for key in [*known, *([None] if None in first else [])]])
    results = constant(values.dtype, [*values.value[places], *default.value.ravel()])
    position = node.builder.new_cells(INT64, x.shape)
    sorted_keys = keys.moved(lambda array: array[places])
    node.builder.step(
        image.STEP_KIND_FIND, position, [x, sorted_keys], count=x.size, size=len(places)
    )
    result = node.builder.new_cells(values.dtype, x.shape)
    operands = [position, results]
    node.builder.step(
        image.STEP_KIND_TAKE, result, operands, count=x.size, size=results.size, dtype=values.dtype
    )
    return [result]


def _by_position(node: Node, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Version 1: texts to their positions, or positions to texts."""
    names = constant(STRING, node.attribute("classes_strings", []))
    numbers = constant(INT64, np.arange(names.size))
    keys, values = (names, numbers) if x.dtype == STRING else (numbers, names)
    ending, default = _LABELS[values.dtype]
    given = node.attribute(f"default_{ending}", default)
    return keys, values, constant(values.dtype, [given])


def _by_key(node: Node, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    keys = _listed(node, "keys")
    values = _listed(node, "values")
    if keys.dtype != x.dtype:
        raise node.refuse("has keys of another type than its input")
    given = node.attribute("default_tensor")
    if given is not None:
        return keys, values, constant(values.dtype, given.ravel())
    if values.dtype not in _LABELS:
        raise node.refuse("has no default")
    ending, default = _LABELS[values.dtype]
    return keys, values, constant(values.dtype, [node.attribute(f"default_{ending}", default)])


def _listed(node: Node, name: str) -> Tensor:
    """The attribute `<name>_floats`, `_int64s`, `_strings` or `_tensor`."""
    for dtype, (ending, _) in _LABELS.items():
        given = node.attribute(f"{name}_{ending}s")
        if given:
            return constant(dtype, given)
    tensor = node.attribute(f"{name}_tensor")
    if tensor is None:
        raise node.refuse(f"has no {name}")
    if tensor.dtype.kind in "OSU":
        texts = [t.decode() if isinstance(t, bytes) else str(t) for t in tensor.ravel()]
        return constant(STRING, texts)
    if tensor.dtype.str[1:] not in _TENSOR_TYPES:
        raise node.refuse(f"has {name} of type {tensor.dtype}")
    return constant(_TENSOR_TYPES[tensor.dtype.str[1:]], tensor.ravel())
