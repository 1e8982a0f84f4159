"""Rows on which a native model is compared with onnxruntime: where two evaluators may differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.internal.v1 import native_model_pb2 as image

Rows = dict[str, NDArray[Any]]

_SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38], dtype=np.float32
)
_NUMPY: dict[int, Any] = {
    image.TENSOR_TYPE_FLOAT: np.float32,
    image.TENSOR_TYPE_DOUBLE: np.float64,
    image.TENSOR_TYPE_INT64: np.int64,
    image.TENSOR_TYPE_BOOL: np.bool_,
    image.TENSOR_TYPE_STRING: np.object_,
}


def split_values(native: image.NativeModel) -> dict[tuple[str, int], NDArray[np.float32]]:
    """For each input and column that a forest asks as it was fed: the values that it is compared
    with, and one unit in the last place below and above each; ascending."""
    origin = _origins(native)
    found: dict[tuple[str, int], list[NDArray[np.float32]]] = {}
    for step in native.steps:
        if step.kind != image.STEP_KIND_FOREST:
            continue
        forest = native.forests[step.index]
        branch, column = np.array(forest.branch), np.array(forest.column)
        value = np.array(forest.value, np.float32)
        for asked in np.unique(column[branch != image.BRANCH_UNSPECIFIED]):
            place = origin.get(step.a + int(asked))
            if place is None:
                continue
            nodes = (column == asked) & (branch != image.BRANCH_UNSPECIFIED)
            values = [value[nodes & (branch != image.BRANCH_MEMBER)]]
            for i in np.flatnonzero(nodes & (branch == image.BRANCH_MEMBER)):
                values.append(
                    np.array(forest.member_sets[forest.set_of_node[i]].values, np.float32)
                )
            found.setdefault(place, []).extend(values)
    return {place: _with_neighbours(np.concatenate(values)) for place, values in found.items()}


def _origins(native: image.NativeModel) -> dict[int, tuple[str, int]]:
    """Of float cells that hold an input's column unchanged, the input and the column."""
    origin = {
        given.first_cell + i: (given.name, i)
        for given in native.inputs
        if given.type == image.TENSOR_TYPE_FLOAT
        for i in range(given.width)
    }
    for step in native.steps:
        if step.kind == image.STEP_KIND_COPY and step.type == image.TENSOR_TYPE_FLOAT:
            copied = native.copied_cells[step.index : step.index + step.count]
            origin |= {step.result + i: origin[c] for i, c in enumerate(copied) if c in origin}
    return origin


def _with_neighbours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.unique(values)
    infinity = np.float32(np.inf)
    # Beyond the largest number stands infinity.
    with np.errstate(over="ignore"):
        above, below = np.nextafter(values, infinity), np.nextafter(values, -infinity)
    return np.unique(np.concatenate([values, above, below]))


def random_rows(
    native: image.NativeModel, count: int, seed: int = 1, golden: Mapping[str, Any] | None = None
) -> Rows:
    """`count` rows, the same for the same seed: values from golden rows (arrays [rows, columns]) or
    a normal distribution, split values and their neighbours, and, in every other row, NaN,
    infinities and denormals."""
    random = np.random.default_rng(seed)
    splits = split_values(native)
    rows: Rows = {}
    for given in native.inputs:
        columns = [
            _column(random, native, given, i, count, splits, golden) for i in range(given.width)
        ]
        rows[given.name] = np.stack(columns, 1)
    return rows


def _column(
    random: np.random.Generator,
    native: image.NativeModel,
    given: image.NativeTensor,
    i: int,
    count: int,
    splits: Mapping[tuple[str, int], NDArray[np.float32]],
    golden: Mapping[str, Any] | None,
) -> NDArray[Any]:
    known = None if golden is None else np.asarray(golden[given.name])[:, i]
    if given.type == image.TENSOR_TYPE_STRING:
        texts = ["", "?", *(text.decode() for text in native.text_constants)]
        return random.choice(np.array(texts if known is None else [*texts, *known], object), count)
    if given.type in (image.TENSOR_TYPE_INT64, image.TENSOR_TYPE_BOOL):
        whole = np.array([-1, 0, 1, 2, *native.int_constants[:64]], np.int64)
        pool = whole if known is None else np.concatenate([whole, known.astype(np.int64)])
        return random.choice(pool, count).astype(_NUMPY[given.type])
    drawn = random.normal(0, 2, count) if known is None else random.choice(known, count)
    column = np.asarray(drawn, _NUMPY[given.type])
    near = splits.get((given.name, i))
    if near is not None and near.size:
        at = random.random(count) < 0.5
        column[at] = random.choice(near, int(at.sum()))
    special = (random.random(count) < 0.15) & (np.arange(count) % 2 == 1)
    column[special] = random.choice(_SPECIAL, int(special.sum()))
    return column
