"""Compares a graph with what the training library itself predicts: conversions go wrong without a
word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.packing.material import Material
from fenqi.artifacts.packing.rows import spread
from fenqi.artifacts.packing.sample import read_sample, tensors_of
from fenqi.artifacts.packing.wishes import Wishes
from fenqi.artifacts.parity import Comparison, Judge, Rows, compare
from fenqi.artifacts.session import Session
from fenqi.artifacts.splits import split_rows, split_values

# Rows of the sample whose other columns go beside a split value, in turn.
BASE_ROWS = 64

_JUDGES: tuple[Judge, Judge] = ("library", "onnxruntime")

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ByLibrary:
    """What the library predicts of the sample, [rows]; how far the graph is from it."""

    predicted: Doubles
    comparisons: list[Comparison]


def by_library(material: Material, wishes: Wishes) -> ByLibrary | None:
    """The sample, and rows beside split values; None where nobody says what the library predicts.

    Raises ArtifactError where the graph is too far from it.
    """
    sample = material.sample
    if wishes.predict is not None:
        predicted = wishes.predict(material.by_heading(material.tensors), wishes.default_class)
        found = [_compared("sample", sample.place, predicted, material.result, wishes)]
        return ByLibrary(predicted, found + _splits_by_function(material, wishes))
    if wishes.predictions is None:
        if wishes.splits is not None:
            raise ArtifactError("rows beside split values need --predictions, their column's name")
        return None
    predicted = sample.numbers(wishes.predictions)
    found = [_compared("sample", sample.place, predicted, material.result, wishes)]
    if wishes.splits is not None:
        splits = read_sample(wishes.splits)
        tensors = tensors_of(splits, material.inputs, material.columns)
        of_splits = splits.numbers(wishes.predictions)
        found.append(_compared_splits(material, splits.place, tensors, of_splits, wishes))
    return ByLibrary(predicted, found)


def _splits_by_function(material: Material, wishes: Wishes) -> list[Comparison]:
    assert wishes.predict is not None
    base = material.picked(spread(np.arange(material.sample.rows), material.result, BASE_ROWS))
    rows = split_rows(material.model, material.widths, base)
    if not rows.values:
        return []
    columns = material.by_heading(rows.inputs)
    predicted = wishes.predict(columns, wishes.default_class)

    def place(row: int) -> str:
        values = ", ".join(f"{heading} {column[row]}" for heading, column in columns.items())
        return f"a row beside a split value ({values})"

    return [_compared_splits(material, place, rows.inputs, predicted, wishes)]


def _compared_splits(
    material: Material,
    place: Callable[[int], str],
    tensors: Tensors,
    predicted: Doubles,
    wishes: Wishes,
) -> Comparison:
    """A float32 that is none of the rounded splits is on the same side of a split before and after
    rounding; so a right conversion differs exactly on splits, if anywhere."""
    result = Session(material.onnx).result(material.outputs, tensors)
    differ = ~(_away(predicted, result) <= wishes.tolerance)
    on_split = np.zeros(len(result), dtype=np.bool_)
    for (name, column), values in split_values(material.model, material.widths).by_column.items():
        tensor = tensors[name]
        on_split |= np.isin(tensor[:, column], values.astype(tensor.dtype))
    if not np.isfinite(predicted).all() or (differ & ~on_split).any() or not differ.any():
        return _compared("splits", place, predicted, result, wishes)
    found = compare("splits", _JUDGES, predicted, result)
    return found.model_copy(update={"on_split": int(differ.sum())})


def _compared(
    rows: Rows,
    place: Callable[[int], str],
    predicted: Doubles,
    result: Doubles,
    wishes: Wishes,
) -> Comparison:
    """`place`: where a row is, for messages."""
    absent = np.flatnonzero(~np.isfinite(predicted))
    if len(absent):
        raise ArtifactError(f"{place(int(absent[0]))}: there is no prediction")
    found = compare(rows, _JUDGES, predicted, result)
    if found.largest > wishes.tolerance:
        count = int((_away(predicted, result) > wishes.tolerance).sum())
        raise ArtifactError(
            f"the graph is not what was trained: {count} of {len(predicted)} rows differ by more "
            f"than {wishes.tolerance:g}. The largest difference is {found.largest:.3g}, at "
            f"{place(found.at)}: the library says {predicted[found.at]:.9g}, the graph "
            f"{result[found.at]:.9g}. The conversion changed the model, or the predictions are of "
            "another output: see docs/artifacts.md"
        )
    return found


def _away(predicted: Doubles, result: Doubles) -> Doubles:
    return np.asarray(np.abs(predicted - result) / np.maximum(1, np.abs(predicted)))
