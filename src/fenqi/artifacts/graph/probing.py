"""Rows on which a native model is compared with onnxruntime: where two evaluators may differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.splits import Place, beside
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


def random_rows(
    native: image.NativeModel,
    splits: Mapping[Place, NDArray[np.float64]],
    count: int,
    seed: int = 1,
    golden: Mapping[str, Any] | None = None,
) -> Rows:
    """`count` rows, the same for the same seed: values from golden rows (arrays [rows, columns]) or
    a normal distribution, the split values of each column and their neighbours, and, in every other
    row, NaN, infinities and denormals."""
    random = np.random.default_rng(seed)
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
    splits: Mapping[Place, NDArray[np.float64]],
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
        column[at] = random.choice(beside(near, column.dtype).ravel(), int(at.sum()))
    special = (random.random(count) < 0.15) & (np.arange(count) % 2 == 1)
    column[special] = random.choice(_SPECIAL, int(special.sum()))
    return column
