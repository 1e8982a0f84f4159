"""Nodes of an ONNX tree ensemble, which other nodes and weights name by tree and number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class RepeatedNodeError(ValueError):
    """A tree has two nodes of one number."""


class UnknownNodeError(ValueError):
    """A tree has no node of this number."""


class TreeNodes:
    """Where each node stands, by its tree and its number in it. Whatever numbers there are."""

    def __init__(self, tree: Numbers, node: Numbers) -> None:
        """There is at least one node. Raises RepeatedNodeError."""
        self._trees, self._nodes = np.unique(tree), np.unique(node)
        keys = self._keys(tree, node)
        self._order = np.argsort(keys)
        self._sorted = keys[self._order]
        if (self._sorted[1:] == self._sorted[:-1]).any():
            raise RepeatedNodeError

    def find(self, tree: Numbers, node: Numbers) -> Numbers:
        """The places of these. Raises UnknownNodeError."""
        keys = self._keys(tree, node)
        at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        if (self._sorted[at] != keys).any():
            raise UnknownNodeError
        return self._order[at]

    def _keys(self, tree: Numbers, node: Numbers) -> Numbers:
        """One number for each pair, -1 for a pair that holds an unknown number."""
        which, number = np.searchsorted(self._trees, tree), np.searchsorted(self._nodes, node)
        known = (self._trees[np.minimum(which, len(self._trees) - 1)] == tree) & (
            self._nodes[np.minimum(number, len(self._nodes) - 1)] == node
        )
        return np.where(known, which * len(self._nodes) + number, -1)
