"""Rows for tests that try every split value of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from fenqi.artifacts.graph import GraphInput
from fenqi.artifacts.graph.probing import Rows, random_rows
from fenqi.artifacts.splits import Place, beside, split_values
from fenqi.internal.v1 import native_model_pb2 as image


def splits_of(model: ModelProto, inputs: Sequence[GraphInput]) -> dict[Place, NDArray[np.float64]]:
    """The values that the columns of inputs are compared with."""
    return split_values(model, {given.name: given.width for given in inputs}).by_column


def rows_of_every_split(
    model: ModelProto,
    inputs: Sequence[GraphInput],
    native: image.NativeModel,
    golden: Mapping[str, Any] | None = None,
) -> Rows:
    """Rows in which every column takes each of its split values and their neighbours."""
    splits = splits_of(model, inputs)
    count = 3 * max((len(values) for values in splits.values()), default=0)
    rows = random_rows(native, splits, count, golden=golden)
    for (name, i), values in splits.items():
        rows[name][:, i] = np.resize(beside(values, rows[name].dtype), count)
    return rows
