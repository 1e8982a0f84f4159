"""TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.graph.arithmetic import column, group, select, side_by_side
from fenqi.artifacts.graph.forests import AGGREGATES, MODES, Floats, Ints, Trees
from fenqi.artifacts.graph.operators import ML, Node, operator
from fenqi.artifacts.graph.scores import (
    label_at,
    labels_of,
    one_minus,
    opposite,
    transform,
    transformed,
)
from fenqi.artifacts.graph.tensors import BOOL, FLOAT, INT32, INT64, STRING, Tensor, constant
from fenqi.artifacts.tree_nodes import RepeatedNodeError, TreeNodes, UnknownNodeError
from fenqi.internal.v1 import native_model_pb2 as image


@operator("TreeEnsembleRegressor", domain=ML)
def _regressor(node: Node) -> list[Tensor]:
    targets = int(node.attribute("n_targets", 1))
    trees = _trees(node, "target", targets)
    return [_regression(node, trees, targets, str(node.attribute("aggregate_function", "SUM")))]


# TreeEnsemble numbers what the older operators name.
_NUMBERED_MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER"]
_NUMBERED_AGGREGATES = ["AVERAGE", "SUM", "MIN", "MAX"]


@operator("TreeEnsemble", domain=ML)
def _ensemble(node: Node) -> list[Tensor]:
    targets = int(node.attribute("n_targets", 1))
    aggregate = _NUMBERED_AGGREGATES[int(node.attribute("aggregate_function", 1))]
    return [_regression(node, _trees_of_version_5(node, targets), targets, aggregate)]


def _regression(node: Node, trees: Trees, targets: int, aggregate: str) -> Tensor:
    base = node.numbers("base_values", np.float32)
    name = transform(node)
    base = base if base.size == targets else np.zeros(0, np.float32)
    if targets == 1:
        # onnxruntime transforms nothing where there is one target.
        return _sums(node, trees, 1, AGGREGATES[aggregate], base)
    always, ever = trees.classes_scored(targets)
    counted = [k for k in range(targets) if ever[k] and not always[k]] if base.size else []
    if base.size:
        # In onnxruntime a target that no leaf scores is 0, whatever its base value.
        base = np.concatenate([np.where(ever, base, 0), np.zeros(len(counted))]).astype(np.float32)
    counting = _with_counts(trees, targets, counted)
    sums = _sums(node, counting, targets + len(counted), AGGREGATES[aggregate], base)
    scores = sums.moved(lambda array: array[:, :targets])
    if counted:
        parts = [column(scores, k) for k in range(targets)]
        for i, k in enumerate(counted):
            found = _is_positive(node, column(sums, targets + i))
            parts[k] = select(node, found, parts[k], node.scalar(scores, 0.0))
        scores = side_by_side(node, parts)
    return transformed(node, scores, name, image.STEP_KIND_LOGISTIC)


def _is_positive(node: Node, score: Tensor) -> Tensor:
    return node.each(image.STEP_KIND_LESS, node.scalar(score, 0.0), score, dtype=BOOL)


def _sums(
    node: Node, trees: Trees, targets: int, aggregate: image.Aggregate, base: Floats
) -> Tensor:
    x = node.of_types(node.input(0), (FLOAT, INT64, INT32))
    if x.size != x.shape[-1]:
        raise node.refuse("reads several rows")
    x = node.cast(x, FLOAT)
    inner = trees.branch != image.BRANCH_UNSPECIFIED
    asked = trees.column[inner]
    if asked.size and not 0 <= asked.min() <= asked.max() < x.size:
        raise node.refuse(f"asks column {asked.max()} of {x.size}")
    forest = node.builder.add_forest(trees.to_image(x.size, targets, aggregate, base))
    result = node.builder.new_cells(FLOAT, [1, targets])
    node.builder.step(image.STEP_KIND_FOREST, result, [x], count=targets, index=forest)
    return result


# --- classifiers ---


@operator("TreeEnsembleClassifier", domain=ML)
def _classifier(node: Node) -> list[Tensor]:
    labels = labels_of(node, "classlabels_int64s")
    count, name = labels.size, transform(node)
    base = node.numbers("base_values", np.float32)
    trees = _trees(node, "class", count)
    if count == 1:
        return _one_class(node, trees, labels, base)
    always, ever = trees.classes_scored(count)
    # Whether a class has a score at all may depend on the row: it is counted beside the sums.
    counted = [k for k in range(count) if ever[k] and not always[k]]
    if count == 2 and counted == [0] and not base.size:
        counted = []
    counting = _with_counts(trees, count, counted)
    sums = _sums(node, counting, count + len(counted), image.AGGREGATE_SUM, base[:0])
    scores = sums.moved(lambda array: array[:, :count])
    scored: list[Tensor | bool] = [bool(always[k]) for k in range(count)]
    for i, k in enumerate(counted):
        scored[k] = _is_positive(node, column(sums, count + i))
    if count > 2:
        return _many_classes(node, labels, scores, base, name, scored)
    return _two_classes(node, labels, scores, base, name, scored)


def _with_counts(trees: Trees, count: int, counted: list[int]) -> Trees:
    """The trees with another target for each class in `counted`: how many leaves score it."""
    if not counted:
        return trees
    leaf, target, weight = [trees.leaf], [trees.target], [trees.weight]
    for i, k in enumerate(counted):
        scoring = np.unique(trees.leaf[trees.target == k])
        leaf.append(scoring)
        target.append(np.full(scoring.size, count + i, np.int64))
        weight.append(np.ones(scoring.size, np.float32))
    leaves = np.concatenate(leaf)
    order = np.argsort(leaves, kind="stable")
    return replace(
        trees,
        leaf=leaves[order],
        target=np.concatenate(target)[order],
        weight=np.concatenate(weight)[order],
    )


def _one_class(node: Node, trees: Trees, labels: Tensor, base: Floats) -> list[Tensor]:
    if labels.dtype == STRING:
        raise node.refuse("names a single class")
    scores = _sums(node, trees, 1, image.AGGREGATE_SUM, base if base.size == 1 else base[:0])
    label = label_at(node, constant(INT64, [0, 1]), _is_positive(node, scores))
    return [label, scores]


def _many_classes(
    node: Node,
    labels: Tensor,
    scores: Tensor,
    base: Floats,
    name: str,
    scored: list[Tensor | bool],
) -> list[Tensor]:
    if base.size:
        added = np.zeros(scores.size, np.float32)
        added[: base.size] = base
        scores = node.each(image.STEP_KIND_ADD, scores, constant(FLOAT, added))
    label = labels
    if node.wanted[0]:
        # A class without a score is never the best one.
        none = constant(FLOAT, np.full((1, 1), -np.inf))
        ranked = []
        for k in range(scores.size):
            score, has = column(scores, k), scored[k] if k >= base.size else True
            if isinstance(has, Tensor):
                score = select(node, has, score, none)
            ranked.append(score if has is not False else none)
        row = side_by_side(node, ranked)
        best = group(node, image.STEP_KIND_GROUP_ARG_MAX, row, [0, 1], keep=False, dtype=INT64)
        label = label_at(node, labels, best)
    return [label, transformed(node, scores, name, image.STEP_KIND_LOGISTIC)]


def _two_classes(
    node: Node,
    labels: Tensor,
    scores: Tensor,
    base: Floats,
    name: str,
    scored: list[Tensor | bool],
) -> list[Tensor]:
    first, second = scored
    if isinstance(second, bool):
        return _binary(node, labels, scores, base, name, first, second)
    yes, no = (_binary(node, labels, scores, base, name, first, has) for has in (True, False))
    label = select(node, second, yes[0], no[0]).moved(np.ravel)
    return [label, select(node, second, yes[1], no[1])]


def _binary(
    node: Node,
    labels: Tensor,
    scores: Tensor,
    base: Floats,
    name: str,
    first: Tensor | bool,
    second: bool,
) -> list[Tensor]:
    """Two classes; `first` and `second`: whether a leaf gave each a weight."""
    weights = node.numbers("class_weights", np.float32)
    all_positive = not (weights < 0).any()
    one_class = np.unique(node.attribute("class_ids", [])).size == 1
    first_score, second_score = column(scores, 0), column(scores, 1)
    if base.size == 2 and second:
        second_score = _plus(node, first_score, base[1])
        first_score = _if_set(node, first, node.each(image.STEP_KIND_NEGATE, second_score))
    elif base.size:
        # A score that stays unset is 0, whatever its base value.
        first_score = _if_set(node, first, _plus(node, first_score, base[0]))
        second_score = second_score if base.size == 1 else node.scalar(scores, 0.0)
    deciding = second_score if second else first_score
    bound = node.scalar(deciding, 0.5 if one_class and all_positive else 0.0)
    above = node.each(image.STEP_KIND_LESS, bound, deciding, dtype=BOOL)
    # Where both classes have weights, whole labels are 1 and 0 whatever the classes are called.
    named = labels if one_class or labels.dtype == STRING else constant(INT64, [0, 1])
    label = label_at(node, named, above)
    if second or base.size >= 2:
        both = side_by_side(node, [first_score, second_score])
        return [label, transformed(node, both, name, image.STEP_KIND_LOGISTIC)]
    if one_class and all_positive and name != "LOGISTIC":
        return [label, one_minus(node, first_score)]
    if base.size and not one_class:
        raise node.refuse("onnxruntime leaves the second class's score unwritten")
    return [label, opposite(node, first_score, name)]


def _if_set(node: Node, is_set: Tensor | bool, score: Tensor) -> Tensor:
    """`score` where a leaf gave one, else 0."""
    if is_set is True:
        return score
    unset = node.scalar(score, 0.0)
    return select(node, is_set, score, unset) if is_set else unset


def _plus(node: Node, score: Tensor, base: np.float32) -> Tensor:
    return node.each(image.STEP_KIND_ADD, score, constant(FLOAT, base))


# --- attributes ---


def _trees(node: Node, kind: str, targets: int) -> Trees:
    """The trees of a regressor (`kind` "target") or classifier ("class")."""
    modes = np.array([_mode(node, mode) for mode in node.attribute("nodes_modes", [])], np.int64)
    tree = np.array(node.attribute("nodes_treeids", []), np.int64)
    own = np.array(node.attribute("nodes_nodeids", []), np.int64)
    value = node.numbers("nodes_values", np.float32)
    if not modes.size or not len(modes) == len(tree) == len(own) == len(value):
        raise node.refuse("has no nodes, or lists of different lengths")
    begins = np.flatnonzero(np.diff(tree, prepend=tree[0] - 1))
    if np.unique(tree[begins]).size != begins.size:
        raise node.refuse("mixes the nodes of its trees")
    if own.min() < 0 or tree.min() < 0:
        raise node.refuse("has a tree or node of a negative number")
    inner = modes != image.BRANCH_UNSPECIFIED
    try:
        nodes = TreeNodes(tree, own)
        when_true, when_false = (
            _children(node, nodes, tree, inner, f"nodes_{side}nodeids")
            for side in ("true", "false")
        )
        leaf = nodes.find(
            np.array(node.attribute(f"{kind}_treeids", []), np.int64),
            np.array(node.attribute(f"{kind}_nodeids", []), np.int64),
        )
    except RepeatedNodeError:
        raise node.refuse("has a node twice") from None
    except UnknownNodeError:
        raise node.refuse("points to a node that there is not") from None
    tracks = np.zeros(len(modes), np.bool_)
    given = np.array(node.attribute("nodes_missing_value_tracks_true", []), np.int64)
    tracks[: given.size] = given == 1
    order = np.argsort(leaf, kind="stable")
    # Weights at inner nodes count for nothing.
    order = order[~inner[leaf[order]]]
    trees = Trees(
        roots=begins,
        branch=modes,
        column=np.array(node.attribute("nodes_featureids", []), np.int64),
        value=value,
        missing_is_true=tracks,
        when_true=when_true,
        when_false=when_false,
        leaf=leaf[order],
        target=np.array(node.attribute(f"{kind}_ids", []), np.int64)[order],
        weight=node.numbers(f"{kind}_weights", np.float32)[order],
        members={},
    )
    if trees.target.size and not 0 <= trees.target.min() <= trees.target.max() < targets:
        raise node.refuse(f"has weights for other than its {targets} targets")
    return _of_single_target(trees) if targets == 1 else trees


def _mode(node: Node, name: str) -> int:
    if name not in MODES or name == "BRANCH_MEMBER":
        raise node.refuse(f"has a node of the unknown mode {name}")
    return MODES[name]


def _children(
    node: Node, nodes: TreeNodes, tree: Ints, inner: NDArray[np.bool_], name: str
) -> Ints:
    children = np.zeros(len(tree), np.int64)
    ids = np.array(node.attribute(name, []), np.int64)
    if ids.size != tree.size:
        raise node.refuse(f"has no {name} for each node")
    children[inner] = nodes.find(tree[inner], ids[inner])
    return children


def _of_single_target(trees: Trees) -> Trees:
    """One weight a leaf: its first; its node's value where it has none (as onnxruntime does)."""
    leaves = np.flatnonzero(trees.branch == image.BRANCH_UNSPECIFIED)
    weight = trees.value[leaves].copy()
    first, at = np.unique(trees.leaf, return_index=True)
    weight[np.searchsorted(leaves, first)] = trees.weight[at]
    return replace(trees, leaf=leaves, target=np.zeros(leaves.size, np.int64), weight=weight)


def _trees_of_version_5(node: Node, targets: int) -> Trees:
    """Inner nodes first, then leaves."""
    modes = np.ravel(node.attribute("nodes_modes"))
    splits, weights = node.attribute("nodes_splits"), node.attribute("leaf_weights")
    if splits.dtype != np.float32 or weights.dtype != np.float32:
        raise node.refuse(f"splits are of type {splits.dtype}")
    inner, count = len(modes), len(weights)
    if modes.size and int(modes.max()) >= len(_NUMBERED_MODES):
        raise node.refuse("has a node of an unknown mode")
    names = [f"BRANCH_{_NUMBERED_MODES[int(mode)]}" for mode in modes]
    zeros = np.zeros(count, np.int64)

    def side(which: str) -> Ints:
        ids = np.array(node.attribute(f"nodes_{which}nodeids"), np.int64)
        is_leaf = np.array(node.attribute(f"nodes_{which}leafs"), np.int64) != 0
        limit = np.where(is_leaf, count, inner)
        if len(ids) != inner or ((ids < 0) | (ids >= limit)).any():
            raise node.refuse("points to a node that there is not")
        return np.concatenate([np.where(is_leaf, ids + inner, ids), zeros])

    roots = np.array(node.attribute("tree_roots"), np.int64)
    target = np.array(node.attribute("leaf_targetids"), np.int64)
    if ((roots < 0) | (roots >= inner)).any() or ((target < 0) | (target >= targets)).any():
        raise node.refuse("points to a node or target that there is not")
    tracks = np.array(node.attribute("nodes_missing_value_tracks_true", []), np.int64)
    missing = np.zeros(inner + count, np.bool_)
    missing[: tracks.size] = tracks == 1
    members = _members(node, names)
    return Trees(
        roots=roots,
        branch=np.concatenate([np.array([MODES[name] for name in names], np.int64), zeros]),
        column=np.concatenate([np.array(node.attribute("nodes_featureids"), np.int64), zeros]),
        value=np.concatenate([splits, zeros.astype(np.float32)]),
        missing_is_true=missing,
        when_true=side("true"),
        when_false=side("false"),
        leaf=np.arange(inner, inner + count),
        target=target,
        weight=weights,
        members=members,
    )


def _members(node: Node, names: list[str]) -> dict[int, Floats]:
    """The values of each node with set membership: they stand in order, NaN after each set."""
    asking = [i for i, name in enumerate(names) if name == "BRANCH_MEMBER"]
    if not asking:
        return {}
    values = np.ravel(node.attribute("membership_values"))
    if values.dtype != np.float32:
        raise node.refuse(f"members are of type {values.dtype}")
    ends = np.flatnonzero(np.isnan(values))
    if len(ends) < len(asking):
        raise node.refuse("has fewer sets than nodes that ask for one")
    begins = np.concatenate([[0], ends[:-1] + 1])
    return {i: values[b:e] for i, b, e in zip(asking, begins, ends, strict=False)}
