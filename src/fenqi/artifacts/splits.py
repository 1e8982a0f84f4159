"""Rows that lie exactly on every value at which a graph's trees split, and one unit in the last
place beside it: where float32 and float64, or < and <=, come apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, numpy_helper

from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.safety.trees import MEMBER_MODE, is_ensemble

# Values that are tried; of more, every second, every third, ...
MOST_VALUES = 20_000

_UNCHANGED = {"Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}

_REALS = (TensorProto.FLOAT, TensorProto.DOUBLE)

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a column of some tensor comes from: an input's column, times scale after an offset."""

    input: str
    column: int
    offset: float = 0.0
    scale: float = 1.0


# An input's name, and a column of it.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class SplitValues:
    """The values at which trees split, in the numbers of the inputs' columns, ascending.
    `not_tried`: how many stand behind steps that cannot be undone."""

    by_column: dict[Place, Doubles]
    not_tried: int


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Rows beside split values. `not_tried`: values behind steps that cannot be undone, and those
    beyond MOST_VALUES."""

    inputs: Tensors
    values: int
    not_tried: int


def split_values(model: ModelProto, widths: Mapping[str, int]) -> SplitValues:
    """Of columns of float and double; `widths`: columns of each input."""
    columns = _Columns(model, widths)
    real = {g.name for g in model.graph.input if g.type.tensor_type.elem_type in _REALS}
    found: dict[Place, set[float]] = {}
    lost = 0
    for node in model.graph.node:
        if not is_ensemble(node):
            continue
        features, values = _splits(node)
        for feature, value in set(zip(features.tolist(), values.tolist(), strict=True)):
            if not np.isfinite(value):
                continue
            source = columns.of(node.input[0], feature)
            if source is None or source.input not in real:
                lost += 1
            else:
                place = (source.input, source.column)
                found.setdefault(place, set()).add(value / source.scale + source.offset)
    return SplitValues({place: np.array(sorted(found[place])) for place in sorted(found)}, lost)


def beside(values: Doubles, dtype: Any) -> NDArray[Any]:
    """One unit in the last place below each, itself, and one above, [values, 3], in `dtype`."""
    # A split that only parts missing values from known ones is at the largest finite number.
    with np.errstate(over="ignore"):
        middle = values.astype(dtype)
        below, above = np.nextafter(middle, -np.inf), np.nextafter(middle, np.inf)
    three = np.stack([below, middle, above], axis=1)
    return np.where(np.isfinite(three), three, middle[:, np.newaxis])


def split_rows(model: ModelProto, widths: Mapping[str, int], base: Tensors) -> SplitRows:
    """Three rows for each distinct pair of an input's column and a split value: copies of the rows
    of `base` in turn, with that column set.

    `widths`: columns of each input. Rows is 3 x values.
    """
    known = split_values(model, widths)
    rows = [(place, value) for place, values in known.by_column.items() for value in values]
    step = -(-len(rows) // MOST_VALUES) or 1
    tried = rows[::step]
    repeated = np.arange(3 * len(tried)) % len(next(iter(base.values())))
    inputs = {name: tensor[repeated].copy() for name, tensor in base.items()}
    for number, ((name, column), value) in enumerate(tried):
        tensor = inputs[name]
        tensor[3 * number : 3 * number + 3, column] = beside(np.array([value]), tensor.dtype)[0]
    return SplitRows(inputs, len(tried), known.not_tried + len(rows) - len(tried))


# One entry for each column; None where it rests on none or several.
_Sources = list[Source | None]


class _Columns:
    """Follows columns of tensors back to the graph's inputs."""

    def __init__(self, model: ModelProto, widths: Mapping[str, int]) -> None:
        self._widths = widths
        self._makers = {name: node for node in model.graph.node for name in node.output}
        self._constants = {t.name: t for t in model.graph.initializer}
        self._known: dict[str, _Sources | None] = {}

    def of(self, tensor: str, column: int) -> Source | None:
        """Where the column of the tensor comes from, where that is one column."""
        sources = self._sources(tensor)
        return sources[column] if sources is not None and column < len(sources) else None

    def _sources(self, tensor: str) -> _Sources | None:
        if tensor not in self._known:
            self._known[tensor] = None
            self._known[tensor] = self._made(tensor)
        return self._known[tensor]

    def _made(self, tensor: str) -> _Sources | None:
        if tensor in self._widths:
            return [Source(tensor, column) for column in range(self._widths[tensor])]
        node = self._makers.get(tensor)
        if node is None:
            return None
        if node.op_type in _UNCHANGED or node.op_type == "Imputer":
            return self._sources(node.input[0])
        if node.op_type in ("Concat", "FeatureVectorizer"):
            parts = [self._sources(name) for name in node.input]
            return None if None in parts else [s for part in parts if part for s in part]
        if node.op_type == "OneHotEncoder":
            return self._encoded(node)
        if node.op_type == "Scaler":
            return self._scaled(node)
        if node.op_type == "ArrayFeatureExtractor":
            return self._extracted(node)
        return None

    def _scaled(self, node: NodeProto) -> _Sources | None:
        sources = self._sources(node.input[0])
        if sources is None:
            return None
        attributes = {attribute.name: attribute.floats for attribute in node.attribute}
        offset = np.broadcast_to(attributes.get("offset", [0.0]), len(sources))
        scale = np.broadcast_to(attributes.get("scale", [1.0]), len(sources))
        if not np.all(scale):
            return None
        # (x - offset) * scale, x = (input - o) * s.
        return [
            s and Source(s.input, s.column, s.offset + float(o) / s.scale, s.scale * float(k))
            for s, o, k in zip(sources, offset, scale, strict=True)
        ]

    def _encoded(self, node: NodeProto) -> _Sources | None:
        """A column for each category, of which none is a number of the input."""
        sources = self._sources(node.input[0])
        categories = sum(len(a.ints) + len(a.strings) for a in node.attribute)
        return None if sources is None else [None] * (len(sources) * categories)

    def _extracted(self, node: NodeProto) -> _Sources | None:
        sources = self._sources(node.input[0])
        chosen = self._constants.get(node.input[1])
        if sources is None or chosen is None or chosen.data_type != TensorProto.INT64:
            return None
        picked = numpy_helper.to_array(chosen).ravel()
        if len(picked) and not 0 <= picked.min() <= picked.max() < len(sources):
            return None
        return [sources[column] for column in picked]


def _with_members(
    attributes: dict[str, AttributeProto], features: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Splits, and in place of that of a node which asks for a set the members of its set. Sets
    stand one after the other in the nodes' order, each ended by NaN."""
    asks_set = numpy_helper.to_array(attributes["nodes_modes"].t) == MEMBER_MODE
    members = numpy_helper.to_array(attributes["membership_values"].t).astype(np.float64)
    is_end = np.isnan(members)
    owner = np.flatnonzero(asks_set)[(np.cumsum(is_end) - is_end)[~is_end]]
    return (
        np.concatenate([features[~asks_set], features[owner]]),
        np.concatenate([values[~asks_set], members[~is_end]]),
    )


def _splits(node: NodeProto) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Features and values of all inner nodes; values of sets count each."""
    attributes = {attribute.name: attribute for attribute in node.attribute}
    features = np.array(attributes["nodes_featureids"].ints, dtype=np.int64)
    if node.op_type == "TreeEnsemble":
        values = numpy_helper.to_array(attributes["nodes_splits"].t).astype(np.float64)
        if "membership_values" in attributes:
            return _with_members(attributes, features, values)
        return features, values
    modes = np.array(attributes["nodes_modes"].strings)
    if "nodes_values_as_tensor" in attributes:
        values = numpy_helper.to_array(attributes["nodes_values_as_tensor"].t).astype(np.float64)
    else:
        values = np.array(attributes["nodes_values"].floats, dtype=np.float64)
    inner = modes != b"LEAF"
    return features[inner], values[inner]
