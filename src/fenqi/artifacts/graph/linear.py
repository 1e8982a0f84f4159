"""LinearRegressor and LinearClassifier."""

from __future__ import annotations

import numpy as np

from fenqi.artifacts.graph.arithmetic import group, matrix
from fenqi.artifacts.graph.operators import ML, Node, operator
from fenqi.artifacts.graph.scores import (
    label_at,
    labels_of,
    one_minus,
    opposite,
    transform,
    transformed,
)
from fenqi.artifacts.graph.tensors import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    Tensor,
    constant,
)
from fenqi.internal.v1 import native_model_pb2 as image


@operator("LinearRegressor", domain=ML)
def _linear_regressor(node: Node) -> list[Tensor]:
    x = node.of_types(node.input(0), (FLOAT,))
    scores = _scores(node, x, int(node.attribute("targets", 1)))
    name = transform(node)
    # onnxruntime transforms nothing where there is one target.
    return [scores if scores.size == 1 else _transformed(node, scores, name)]


@operator("LinearClassifier", domain=ML)
def _linear_classifier(node: Node) -> list[Tensor]:
    x = node.cast(node.of_types(node.input(0), (FLOAT, DOUBLE, INT64, INT32)), FLOAT)
    scores = _scores(node, x, len(node.attribute("intercepts", [])))
    name, labels = transform(node), labels_of(node, "classlabels_ints")
    label = _label(node, scores, labels) if node.wanted[0] else labels
    if scores.size > 1:
        return [label, _transformed(node, scores, name)]
    both = opposite(node, scores, name) if name == "LOGISTIC" else one_minus(node, scores)
    return [label, both]


def _scores(node: Node, x: Tensor, count: int) -> Tensor:
    """x times the coefficients plus the intercepts, [1, count]."""
    x = x.moved(lambda array: array.reshape(1, -1)) if len(x.shape) == 1 else x
    coefficients = np.array(node.attribute("coefficients", []), np.float32)
    if x.shape[0] != 1 or count == 0 or coefficients.size != count * x.shape[1]:
        raise node.refuse(f"has {coefficients.size} coefficients for {x.shape} and {count} scores")
    intercepts = np.array(node.attribute("intercepts", []), np.float32)
    if intercepts.size != count:
        intercepts = np.zeros(count, np.float32)
    weights = constant(FLOAT, coefficients.reshape(count, -1).T)
    return matrix(node, x, weights, constant(FLOAT, intercepts))


def _transformed(node: Node, scores: Tensor, name: str) -> Tensor:
    return transformed(node, scores, name, image.STEP_KIND_SIGMOID)


def _label(node: Node, scores: Tensor, labels: Tensor) -> Tensor:
    if scores.size > 1:
        if labels.size != scores.size:
            raise node.refuse(f"has {labels.size} labels for {scores.size} scores")
        best = group(node, image.STEP_KIND_GROUP_ARG_MAX, scores, [0, 1], keep=False, dtype=INT64)
        return label_at(node, labels, best)
    if labels.size != 2:
        raise node.refuse(f"has {labels.size} labels for two classes")
    above = node.each(image.STEP_KIND_LESS, node.scalar(scores, 0.0), scores, dtype=BOOL)
    return label_at(node, labels, above)
