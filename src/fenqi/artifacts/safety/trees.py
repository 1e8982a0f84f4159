"""Tree ensembles inside an ONNX file: lists of one length, children that exist, no cycles.

onnxruntime follows these indices without a second look, and descends by recursion.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper

from fenqi.artifacts.safety.limits import MOST_LEVELS, MOST_TREE_NODES, UnsafeGraph
from fenqi.artifacts.tree_nodes import Numbers, RepeatedNodeError, TreeNodes, UnknownNodeError

# In nodes_modes of version 5: the value is in a set.
MEMBER_MODE = 6

_V5 = "TreeEnsemble"
_ENSEMBLES = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target", _V5: ""}


def is_ensemble(node: NodeProto) -> bool:
    """Whether `node` is trees."""
    return node.op_type in _ENSEMBLES and node.domain == "ai.onnx.ml"


def check_trees(node: NodeProto, what: str, columns: int | None) -> None:
    """Raises UnsafeGraph; `columns`: how many the node's input has, where that is known."""
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == _V5:
        _check_split_leaves(attributes, what, columns)
    else:
        _check_joint_leaves(attributes, what, columns, _ENSEMBLES[node.op_type])


@contextmanager
def _unsafe(what: str) -> Iterator[None]:
    """Makes UnsafeGraph of what TreeNodes has against them."""
    try:
        yield
    except RepeatedNodeError:
        raise UnsafeGraph(f"{what} has two nodes of one tree and number") from None
    except UnknownNodeError:
        raise UnsafeGraph(f"{what} names a node that does not exist") from None


def _check_joint_leaves(
    attributes: dict[str, Any], what: str, columns: int | None, leaves: str
) -> None:
    """Versions 1 and 3: leaves are nodes, and weights name them by tree and node."""
    tree, node = _ints(attributes, "nodes_treeids"), _ints(attributes, "nodes_nodeids")
    true, false = _ints(attributes, "nodes_truenodeids"), _ints(attributes, "nodes_falsenodeids")
    feature = _ints(attributes, "nodes_featureids")
    modes = np.array(attributes["nodes_modes"].strings if "nodes_modes" in attributes else [])
    _same_length(
        what, len(node), nodes_treeids=tree, nodes_modes=modes, nodes_featureids=feature,
        nodes_truenodeids=true, nodes_falsenodeids=false,
    )  # fmt: skip
    if not len(node):
        raise UnsafeGraph(f"{what} has no nodes")
    _optional_lengths(
        attributes, what, len(node), ("nodes_values", "nodes_missing_value_tracks_true")
    )
    inner = np.flatnonzero(modes != b"LEAF")
    with _unsafe(what):
        nodes = TreeNodes(tree, node)
        children = [nodes.find(tree[inner], ids[inner]) for ids in (true, false)]
    _check_features(what, feature[inner], columns)
    is_root = _check_shape(what, len(node), inner, children)
    roots = tree[is_root]
    if len(np.unique(roots)) < len(roots):
        raise UnsafeGraph(f"{what} has a tree with two roots")
    of_tree, of_node = (_ints(attributes, f"{leaves}_{kind}ids") for kind in ("tree", "node"))
    target = _ints(attributes, f"{leaves}_ids")
    _same_length(what, len(target), **{f"{leaves}_treeids": of_tree, f"{leaves}_nodeids": of_node})
    _optional_lengths(attributes, what, len(target), (f"{leaves}_weights",))
    with _unsafe(what):
        weighed = nodes.find(of_tree, of_node)
    if np.isin(weighed, inner).any():
        raise UnsafeGraph(f"{what} gives a weight to a node that is no leaf")
    _check_targets(what, target, _target_count(attributes, leaves))


def _check_split_leaves(attributes: dict[str, Any], what: str, columns: int | None) -> None:
    """Version 5: leaves stand apart, and children are indices."""
    true, false = _ints(attributes, "nodes_truenodeids"), _ints(attributes, "nodes_falsenodeids")
    true_leaf, false_leaf = (
        _ints(attributes, "nodes_trueleafs"),
        _ints(attributes, "nodes_falseleafs"),
    )
    feature, roots = _ints(attributes, "nodes_featureids"), _ints(attributes, "tree_roots")
    target = _ints(attributes, "leaf_targetids")
    count = len(feature)
    _same_length(
        what, count, nodes_truenodeids=true, nodes_falsenodeids=false,
        nodes_trueleafs=true_leaf, nodes_falseleafs=false_leaf,
    )  # fmt: skip
    if not count or not len(roots):
        raise UnsafeGraph(f"{what} has no nodes")
    for name in ("nodes_splits", "nodes_modes"):
        if name not in attributes or len(_tensor(attributes[name])) != count:
            raise UnsafeGraph(f"{what} has {count} nodes, and {name} is of another length")
    _check_sets(attributes, what)
    _optional_lengths(attributes, what, count, ("nodes_missing_value_tracks_true",))
    if len(_tensor(attributes["leaf_weights"]) if "leaf_weights" in attributes else []) != len(
        target
    ):
        raise UnsafeGraph(f"{what} has {len(target)} leaves, and leaf_weights is of another length")
    children = []
    for ids, is_leaf in ((true, true_leaf != 0), (false, false_leaf != 0)):
        limit = np.where(is_leaf, len(target), count)
        if ((ids < 0) | (ids >= limit)).any():
            raise UnsafeGraph(f"{what} has a node whose child does not exist")
        children.append(np.where(is_leaf, -1, ids))
    _check_features(what, feature, columns)
    is_root = _check_shape(what, count, np.arange(count), children)
    if ((roots < 0) | (roots >= count)).any() or sorted(roots) != list(np.flatnonzero(is_root)):
        raise UnsafeGraph(f"{what} has roots that are not those of its trees")
    _check_targets(what, target, attributes["n_targets"].i if "n_targets" in attributes else None)


def _check_sets(attributes: dict[str, Any], what: str) -> None:
    """Each node that asks for a set has one; NaN ends a set."""
    wanted = int((_tensor(attributes["nodes_modes"]) == MEMBER_MODE).sum())
    given = attributes.get("membership_values")
    members = np.array([]) if given is None else _tensor(given)
    ends = np.isnan(members.astype(np.float64))
    if ends.sum() != wanted or (len(ends) and not ends[-1]):
        raise UnsafeGraph(f"{what} asks for {wanted} sets, and has {int(ends.sum())} that end")


def _check_shape(
    what: str, count: int, inner: Numbers, children: list[Numbers]
) -> NDArray[np.bool_]:
    """Which nodes are roots. `children`: of each inner node; -1 is a leaf that stands apart.

    Nodes may share a child: LightGBM's sets of categories are exported so.
    """
    both = np.full((count, 2), -1)
    both[inner] = np.stack(children, axis=1)
    parents = np.bincount(both[both >= 0], minlength=count)
    is_root: NDArray[np.bool_] = parents == 0
    levels = [np.flatnonzero(is_root)]
    while len(levels[-1]):
        if len(levels) > MOST_LEVELS:
            raise UnsafeGraph(f"{what} has a tree of more than {MOST_LEVELS} levels")
        below = both[levels[-1]]
        below, times = np.unique(below[below >= 0], return_counts=True)
        parents[below] -= times
        levels.append(below[parents[below] == 0])
    if sum(map(len, levels)) < count:
        raise UnsafeGraph(f"{what} has a tree that is cyclic")
    # Nodes below each one where every shared child counts once for each parent.
    size = np.ones(count + 1)
    size[-1] = 0
    for level in reversed(levels):
        size[level] += size[both[level]].sum(axis=1)
    if size[:-1][is_root].sum() > MOST_TREE_NODES:
        raise UnsafeGraph(f"{what} unfolds to more than {MOST_TREE_NODES} nodes of trees")
    return is_root


def _check_features(what: str, feature: Numbers, columns: int | None) -> None:
    if feature.min(initial=0) < 0:
        raise UnsafeGraph(f"{what} asks for column {feature.min()}")
    if columns is not None and feature.max(initial=0) >= columns:
        raise UnsafeGraph(f"{what} asks for column {feature.max()} of {columns}, from 0")


def _check_targets(what: str, target: Numbers, count: int | None) -> None:
    if count is None or count < 1:
        raise UnsafeGraph(f"{what} does not say how many outputs it has")
    if len(target) and (target.min() < 0 or target.max() >= count):
        raise UnsafeGraph(f"{what} has a weight for an output beyond its {count}")


def _target_count(attributes: dict[str, Any], leaves: str) -> int | None:
    if leaves == "target":
        return attributes["n_targets"].i if "n_targets" in attributes else None
    for name, field in (("classlabels_int64s", "ints"), ("classlabels_strings", "strings")):
        if name in attributes:
            return len(getattr(attributes[name], field))
    return None


def _ints(attributes: dict[str, Any], name: str) -> Numbers:
    return np.array(attributes[name].ints if name in attributes else [], dtype=np.int64)


def _tensor(attribute: Any) -> NDArray[Any]:
    return numpy_helper.to_array(attribute.t).ravel() if attribute.HasField("t") else np.array([])


def _optional_lengths(
    attributes: dict[str, Any], what: str, count: int, names: tuple[str, ...]
) -> None:
    """Lists that may be absent or empty; of doubles, as a tensor."""
    for name in (*names, *(f"{name}_as_tensor" for name in names)):
        if name in attributes:
            part = attributes[name]
            length = len(part.ints) or len(part.floats) or len(_tensor(part))
            if length not in (0, count):
                raise UnsafeGraph(f"{what} has {count} entries, and {name} has {length}")


def _same_length(what: str, count: int, **lists: NDArray[Any]) -> None:
    for name, values in lists.items():
        if len(values) != count:
            raise UnsafeGraph(f"{what} has {count} entries, and {name} has {len(values)}")
