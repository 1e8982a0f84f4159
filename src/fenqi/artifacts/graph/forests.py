"""From a tree operator's attributes to a Forest (native_model.proto)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.graph.tensors import NotNativeError
from fenqi.internal.v1 import native_model_pb2 as image

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

MODES = {
    "LEAF": image.BRANCH_UNSPECIFIED,
    "BRANCH_LEQ": image.BRANCH_LEQ,
    "BRANCH_LT": image.BRANCH_LT,
    "BRANCH_GTE": image.BRANCH_GTE,
    "BRANCH_GT": image.BRANCH_GT,
    "BRANCH_EQ": image.BRANCH_EQ,
    "BRANCH_NEQ": image.BRANCH_NEQ,
    "BRANCH_MEMBER": image.BRANCH_MEMBER,
}
AGGREGATES = {
    "SUM": image.AGGREGATE_SUM,
    "AVERAGE": image.AGGREGATE_AVERAGE,
    "MIN": image.AGGREGATE_MIN,
    "MAX": image.AGGREGATE_MAX,
}
# A node with two parents is copied for each; more copies than this are too many.
_MOST_COPIES = 4


@dataclass(slots=True)
class Trees:
    """Nodes in any order, one entry a node; children are positions of other nodes."""

    roots: Ints
    # image.Branch; BRANCH_UNSPECIFIED: a leaf.
    branch: Ints
    column: Ints
    value: Floats
    missing_is_true: NDArray[np.bool_]
    when_true: Ints
    when_false: Ints
    # Weights of leaves, sorted by leaf: the node, the target, the weight.
    leaf: Ints
    target: Ints
    weight: Floats
    # Of each node with BRANCH_MEMBER, its values.
    members: dict[int, Floats]

    def classes_scored(self, count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of each target, whether every row gives it a weight, and whether any may."""
        tree = self._tree_of_nodes()
        leaves = self.branch == image.BRANCH_UNSPECIFIED
        in_tree = np.bincount(tree[leaves & (tree >= 0)], minlength=len(self.roots))
        always = np.zeros(count, np.bool_)
        for target in range(count):
            weighted = np.unique(self.leaf[self.target == target])
            found = np.bincount(tree[weighted], minlength=len(self.roots))
            always[target] = bool((found == in_tree).any())
        return always, np.bincount(self.target, minlength=count)[:count] > 0

    def _tree_of_nodes(self) -> Ints:
        tree = np.full(len(self.branch), -1, np.int64)
        for rows, trees in self._levels():
            tree[rows] = trees
        return tree

    def _levels(self) -> list[tuple[Ints, Ints]]:
        """From the roots down, all nodes of one depth and the tree of each. A node with several
        parents comes several times; so does one that is its own ancestor, until it is too often.
        """
        rows, trees = self.roots, np.arange(len(self.roots))
        levels = []
        total = 0
        while rows.size:
            total += rows.size
            if total > _MOST_COPIES * len(self.branch) + len(self.roots):
                raise NotNativeError("its trees run in circles, or share too many nodes")
            levels.append((rows, trees))
            inner = self.branch[rows] != image.BRANCH_UNSPECIFIED
            above, of = rows[inner], trees[inner]
            # Child by child: both of one parent next to each other.
            rows = np.stack([self.when_true[above], self.when_false[above]], 1).ravel()
            trees = np.repeat(of, 2)
        return levels

    def to_image(
        self, columns: int, targets: int, aggregate: image.Aggregate, base_values: Floats
    ) -> image.Forest:
        """The forest; `base_values` has one a target, or none."""
        compares = ~np.isin(self.branch, (image.BRANCH_UNSPECIFIED, image.BRANCH_MEMBER))
        if np.isnan(self.value[compares]).any():
            raise NotNativeError("its trees compare with NaN")
        # A forest asks NaN nothing else; by IEEE 754 it differs from every value.
        asked_of_nan = self.missing_is_true | (self.branch == image.BRANCH_NEQ)
        levels = self._levels()
        sizes = [rows.size for rows, _ in levels]
        rows = np.concatenate([rows for rows, _ in levels])
        trees = np.concatenate([trees for _, trees in levels])
        # Trees one after another, each from its root down.
        order = np.argsort(trees, kind="stable")
        place = np.empty(rows.size, np.int64)
        place[order] = np.arange(rows.size)
        children = _children(sizes, [self.branch[rows] != 0 for rows, _ in levels])
        is_inner = children >= 0
        when_true, when_false = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int64)
        when_true[is_inner] = place[children[is_inner]]
        when_false[is_inner] = place[children[is_inner] + 1]
        old, branch = rows[order], self.branch[rows[order]]
        leaves = branch == image.BRANCH_UNSPECIFIED
        when_true, when_false = when_true[order], when_false[order]
        first = np.searchsorted(self.leaf, old)
        count = np.where(leaves, np.searchsorted(self.leaf, old, "right") - first, 0)
        when_true[leaves] = (np.cumsum(count) - count)[leaves]
        when_false[leaves] = count[leaves]
        weights = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(count.sum())
        forest = image.Forest(
            column_count=columns,
            target_count=targets,
            roots=place[: len(self.roots)].tolist(),
            branch=branch.tolist(),
            column=np.where(leaves, 0, self.column[old]).tolist(),
            value=np.where(leaves | (branch == image.BRANCH_MEMBER), 0, self.value[old]).tolist(),
            missing_is_true=(asked_of_nan[old] & ~leaves).tolist(),
            when_true=when_true.tolist(),
            when_false=when_false.tolist(),
            weight_target=self.target[weights].tolist(),
            weight=self.weight[weights].tolist(),
            base_values=base_values.tolist(),
            aggregate=aggregate,
        )
        if self.members:
            self._add_members(forest, old, branch)
        return forest

    def _add_members(self, forest: image.Forest, old: Ints, branch: Ints) -> None:
        sets: dict[bytes, int] = {}
        index = np.zeros(len(old), np.int64)
        for i in np.flatnonzero(branch == image.BRANCH_MEMBER):
            values = np.unique(self.members[int(old[i])] + np.float32(0))
            if values.tobytes() not in sets:
                sets[values.tobytes()] = len(sets)
                forest.member_sets.add(values=values.tolist())
            index[i] = sets[values.tobytes()]
        forest.set_of_node.extend(index.tolist())


def _children(sizes: list[int], inner: list[NDArray[np.bool_]]) -> Ints:
    """Of each node, level after level, where its first child stands; -1 of a leaf. The second
    follows it."""
    children = np.full(sum(sizes), -1, np.int64)
    begin = 0
    for size, is_inner in zip(sizes, inner, strict=True):
        parents = begin + np.flatnonzero(is_inner)
        begin += size
        children[parents] = begin + 2 * np.arange(parents.size)
    return children
