"""Operators that only move elements about."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.graph.builder import MOST_CELLS
from fenqi.artifacts.graph.operators import ML, Node, operator
from fenqi.artifacts.graph.tensors import FLOAT, WHOLES, Tensor, constant, type_name
from fenqi.internal.v1 import native_model_pb2 as image


@operator("Identity", "Dropout")
def _identity(node: Node) -> list[Tensor]:
    if node.proto.op_type == "Dropout" and len(node.wanted) > 1 and node.wanted[1]:
        raise node.refuse("gives its mask")
    return [node.input(0)] * len(node.wanted)


@operator("Reshape")
def _reshape(node: Node) -> list[Tensor]:
    given = node.constant_input(1) if node.version >= 5 else np.array(node.attribute("shape"))
    if given is None:
        raise node.refuse("has no shape")
    x = node.input(0)
    keep = node.attribute("allowzero", 0) == 0
    shape = [x.shape[i] if d == 0 and keep else int(d) for i, d in enumerate(given.ravel())]
    return [x.moved(lambda array: array.reshape(shape))]


@operator("Flatten")
def _flatten(node: Node) -> list[Tensor]:
    x, axis = node.input(0), node.attribute("axis", 1)
    rows = int(np.prod(x.shape[: axis if axis >= 0 else axis + len(x.shape)], dtype=np.int64))
    return [x.moved(lambda array: array.reshape(rows, -1))]


@operator("Squeeze")
def _squeeze(node: Node) -> list[Tensor]:
    x, axes = node.input(0), _axes(node)
    return [x.moved(lambda array: np.squeeze(array, None if axes is None else tuple(axes)))]


@operator("Unsqueeze")
def _unsqueeze(node: Node) -> list[Tensor]:
    axes = _axes(node)
    return [node.input(0).moved(lambda array: np.expand_dims(array, tuple(axes or ())))]


def _axes(node: Node) -> list[int] | None:
    given = node.constant_input(1) if node.version >= 13 else node.attribute("axes")
    return None if given is None else [int(axis) for axis in np.ravel(given)]


@operator("Transpose")
def _transpose(node: Node) -> list[Tensor]:
    return [node.input(0).moved(lambda array: np.transpose(array, node.attribute("perm")))]


@operator("Concat")
def _concat(node: Node) -> list[Tensor]:
    return [_together(node, [t for t in node.inputs if t is not None], node.attribute("axis", 1))]


def _together(node: Node, tensors: list[Tensor], axis: int) -> Tensor:
    dtype = tensors[0].dtype
    cells = [node.builder.cells_of(tensor) for tensor in tensors]
    return Tensor(dtype, cells=np.concatenate(cells, axis))


@operator("Split")
def _split(node: Node) -> list[Tensor]:
    x, axis = node.input(0), node.attribute("axis", 0)
    given = node.constant_input(1) if node.version >= 13 else node.attribute("split")
    width, parts = x.shape[axis], len(node.wanted)
    sizes = [-(-width // parts)] * parts if given is None else [int(size) for size in given]
    ends = np.cumsum(sizes)[:-1]
    moves = [partial(_part, ends=ends, axis=axis, i=i) for i in range(parts)]
    return [x.moved(move) for move in moves]


def _part(array: NDArray[Any], ends: NDArray[np.int64], axis: int, i: int) -> NDArray[Any]:
    return np.split(array, ends, axis)[i]


@operator("Slice")
def _slice(node: Node) -> list[Tensor]:
    x = node.input(0)
    if node.version >= 10:
        starts, ends = node.constant_input(1), node.constant_input(2)
        axes, steps = node.constant_input(3), node.constant_input(4)
    else:
        starts, ends = node.attribute("starts"), node.attribute("ends")
        axes, steps = node.attribute("axes"), None
    if starts is None or ends is None:
        raise node.refuse("has no bounds")
    cut: list[slice] = [slice(None)] * len(x.shape)
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        step = 1 if steps is None else int(steps[i])
        axis = i if axes is None else int(axes[i])
        # Going down, an end below the first element has no spelling in Python but None.
        low = step < 0 and int(end) < -x.shape[axis]
        cut[axis] = slice(int(start), None if low else int(end), step)
    return [x.moved(lambda array: array[tuple(cut)])]


@operator("Gather")
def _gather(node: Node) -> list[Tensor]:
    x, indices, axis = node.input(0), node.input(1), node.attribute("axis", 0)
    if indices.value is not None:
        positions = indices.value
        _check_size(node, x.size * indices.size)
        return [x.moved(lambda array: np.take(array, positions, axis))]
    if len(x.shape) != 1:
        raise node.refuse("takes rows that are known only when it runs")
    return [_take(node, x, indices, indices.shape)]


@operator("ArrayFeatureExtractor", domain=ML)
def _array_feature_extractor(node: Node) -> list[Tensor]:
    x, indices = node.input(0), node.input(1)
    if indices.value is not None:
        positions = indices.value.ravel()
        _check_size(node, x.size * positions.size)
        if positions.size and int(positions.max()) >= x.shape[-1]:
            raise node.refuse(f"takes column {positions.max()} of {x.shape[-1]}")
        taken = x.moved(lambda array: np.take(array, positions, -1))
        return [taken.moved(lambda array: np.atleast_2d(array))]
    if x.size != x.shape[-1]:
        raise node.refuse("takes columns of several rows that are known only when it runs")
    return [_take(node, x, indices, (1, indices.size))]


def _take(node: Node, x: Tensor, indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    node.of_types(indices, WHOLES)
    flat = x.moved(np.ravel)
    result = node.builder.new_cells(x.dtype, shape)
    positions = indices.moved(lambda array: array.reshape(shape))
    node.builder.step(
        image.STEP_KIND_TAKE, result, [positions, flat], count=result.size, size=flat.size,
        dtype=x.dtype,
    )  # fmt: skip
    return result


@operator("FeatureVectorizer", domain=ML)
def _feature_vectorizer(node: Node) -> list[Tensor]:
    floats = [node.cast(tensor, FLOAT) for tensor in node.inputs if tensor is not None]
    rows = [tensor.moved(lambda array: array.reshape(1, -1)) for tensor in floats]
    sizes = node.attribute("inputdimensions")
    if sizes is not None and list(sizes) != [row.size for row in rows]:
        raise node.refuse(f"expects inputs of widths {list(sizes)}")
    return [_together(node, rows, 1)]


@operator("Expand")
def _expand(node: Node) -> list[Tensor]:
    x, wanted = node.input(0), node.constant_input(1)
    if wanted is None:
        raise node.refuse("has no shape")
    shape = np.broadcast_shapes(x.shape, tuple(int(d) for d in wanted))
    _check_size(node, prod(shape))
    return [x.moved(lambda array: np.broadcast_to(array, shape))]


@operator("Tile")
def _tile(node: Node) -> list[Tensor]:
    x, repeats = node.input(0), node.constant_input(1)
    if repeats is None:
        raise node.refuse("has no repeats")
    times: NDArray[Any] = repeats
    _check_size(node, x.size * prod(max(1, int(each)) for each in times.ravel()))
    return [x.moved(lambda array: np.tile(array, times))]


def _check_size(node: Node, size: int) -> None:
    """Before memory is taken for it."""
    if size > MOST_CELLS:
        raise node.refuse("makes more values than the core keeps")


@operator("Shape")
def _shape(node: Node) -> list[Tensor]:
    start, end = node.attribute("start", 0), node.attribute("end")
    return [constant(7, np.array(node.input(0).shape, np.int64)[start:end])]


@operator("ZipMap", domain=ML)
def _zip_map(node: Node) -> list[Tensor]:
    """The columns in the order of the labels: a map is no more than that."""
    labels = node.attribute("classlabels_int64s") or node.attribute("classlabels_strings") or []
    x = node.input(0)
    if x.size != len(labels):
        raise node.refuse(f"has {len(labels)} labels for {x.size} columns")
    return [x]


@operator("Cast")
def _cast(node: Node) -> list[Tensor]:
    x, to = node.input(0), int(node.attribute("to"))
    if to not in (1, 6, 7, 8, 9, 11):
        raise node.refuse(f"casts to {type_name(to)}")
    return [node.cast(x, to)]
