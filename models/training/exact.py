"""Exact explanations of small trees, worked out once, when the model is made.

The interventional Shapley value of a feature (Lundberg et al. 2020, "From local explanations to
global understanding with explainable AI for trees") compares an applicant with every member of a
reference set. In one tree it depends on the applicant only through the answers to the tree's
questions. So each tree is cut into cells in which all its questions have one answer, and each
cell's Shapley values are computed here, averaged over the whole reference set. Scoring then reads
them from the leaf that an applicant falls into: exact, and independent of the set's size.

The tree of cells has the same value everywhere as the tree that it was made from.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .boosting import Split, Tree
from .dataset import Floats

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """One feature of a tree: intervals between its thresholds, and missing values.

    Interval i holds thresholds[i-1] < x <= thresholds[i]; the last interval is above all of them;
    index len(thresholds) + 1 stands for missing.
    """

    feature: int
    thresholds: list[np.float32]

    @property
    def cells(self) -> int:
        """Intervals, and one for missing."""
        return len(self.thresholds) + 2

    def index(self, values: Floats) -> NDArray[np.intp]:
        """The interval of each value."""
        found = np.searchsorted(np.array(self.thresholds, dtype=np.float32), values, side="left")
        return np.where(np.isnan(values), len(self.thresholds) + 1, found)

    def representative(self, cell: int) -> float:
        """A value inside the interval."""
        if cell == len(self.thresholds) + 1:
            return math.nan
        return float(self.thresholds[cell]) if cell < len(self.thresholds) else math.inf


@dataclass(frozen=True)
class CellTree:
    """A tree as a table: `margins` [cells of axis 0, ..], `shapley` [axes, cells of axis 0, ..]."""

    axes: list[Axis]
    margins: Doubles
    shapley: Doubles
    # Mean of the tree over the reference set.
    base: float


@dataclass
class _Questions:
    thresholds: dict[int, set[np.float32]] = field(default_factory=dict)

    def collect(self, tree: Tree) -> None:
        if isinstance(tree, Split):
            self.thresholds.setdefault(tree.feature, set()).add(tree.threshold)
            self.collect(tree.left)
            self.collect(tree.right)


def explain(tree: Tree, reference: Floats) -> CellTree:
    """The tree's cells with their Shapley values against `reference` [rows, features]."""
    questions = _Questions()
    questions.collect(tree)
    axes = [Axis(f, sorted(questions.thresholds[f])) for f in sorted(questions.thresholds)]
    shape = tuple(axis.cells for axis in axes)
    margins = np.empty(shape)
    for cell in np.ndindex(*shape):
        values = {a.feature: a.representative(c) for a, c in zip(axes, cell, strict=True)}
        margins[cell] = _value(tree, values)
    weights = np.zeros(shape)
    np.add.at(weights, tuple(axis.index(reference[:, axis.feature]) for axis in axes), 1.0)
    weights /= weights.sum()
    expected = _coalition_values(margins, weights)
    shapley = np.stack([_shapley(expected, player, shape) for player in range(len(axes))])
    return CellTree(axes, margins, shapley, float((margins * weights).sum()))


def _value(tree: Tree, values: dict[int, float]) -> float:
    while isinstance(tree, Split):
        x = values[tree.feature]
        left = tree.missing_left if math.isnan(x) else x <= tree.threshold
        tree = tree.left if left else tree.right
    return tree


def _coalition_values(margins: Doubles, weights: Doubles) -> dict[frozenset[int], Doubles]:
    """v(S): the tree's mean when the axes in S are the applicant's and the others the reference's.

    Each has the tree's number of dimensions; those outside S have length one.
    """
    players = range(margins.ndim)
    values: dict[frozenset[int], Doubles] = {}
    for size in range(margins.ndim + 1):
        for chosen in itertools.combinations(players, size):
            others = tuple(player for player in players if player not in chosen)
            of_others = weights.sum(axis=tuple(chosen), keepdims=True)
            values[frozenset(chosen)] = (margins * of_others).sum(axis=others, keepdims=True)
    return values


def _shapley(
    expected: dict[frozenset[int], Doubles], player: int, shape: tuple[int, ...]
) -> Doubles:
    count = len(shape)
    total = np.zeros(shape)
    others = [other for other in range(count) if other != player]
    for size in range(count):
        weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
        for chosen in itertools.combinations(others, size):
            without = frozenset(chosen)
            total += weight * (expected[without | {player}] - expected[without])
    return total
