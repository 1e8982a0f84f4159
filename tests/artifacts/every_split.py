"""Rows for tests that try every split value of a native model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fenqi.artifacts.graph.probing import Rows, random_rows, split_values
from fenqi.internal.v1 import native_model_pb2 as image


def rows_of_every_split(
    native: image.NativeModel, seed: int = 1, golden: Mapping[str, Any] | None = None
) -> Rows:
    """Rows in which every column takes each of its split values and their neighbours."""
    splits = split_values(native)
    count = max((len(values) for values in splits.values()), default=0)
    rows = random_rows(native, count, seed, golden)
    for (name, i), values in splits.items():
        rows[name][:, i] = np.resize(values, count)
    return rows
