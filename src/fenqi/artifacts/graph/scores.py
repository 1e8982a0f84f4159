"""What trees and linear models make of their sums: post transforms, second classes, labels.

As onnxruntime has them (core/providers/cpu/ml), where the operators' specification is silent too.
"""

from __future__ import annotations

import numpy as np

from fenqi.artifacts.graph.arithmetic import side_by_side, softmax
from fenqi.artifacts.graph.operators import Node
from fenqi.artifacts.graph.tensors import INT64, STRING, Tensor, constant
from fenqi.internal.v1 import native_model_pb2 as image

# TreeEnsemble numbers what the older operators name.
_NUMBERED = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]


def transform(node: Node) -> str:
    """The node's post transform."""
    given = node.attribute("post_transform", "NONE")
    name = _NUMBERED[given] if isinstance(given, int) else str(given)
    if name == "PROBIT":
        raise node.refuse("PROBIT gives other values from run to run in onnxruntime")
    return name


def transformed(node: Node, scores: Tensor, name: str, logistic: image.StepKind) -> Tensor:
    """Several scores after the post transform `name`; `logistic` is what LOGISTIC is."""
    if name == "LOGISTIC":
        return node.each(logistic, scores)
    if name == "SOFTMAX":
        return softmax(node, scores, scores.size)
    if name == "SOFTMAX_ZERO":
        return softmax(node, scores, scores.size, image.STEP_KIND_GROUP_SOFTMAX_ZERO)
    return scores


def one_minus(node: Node, score: Tensor) -> Tensor:
    """[1 - s, s]: of a share that is the second class's."""
    rest = node.each(image.STEP_KIND_SUBTRACT, node.scalar(score, 1.0), score)
    return side_by_side(node, [rest, score])


def opposite(node: Node, score: Tensor, name: str) -> Tensor:
    """[-s, s], or both through the logistic function where that is the post transform."""
    both = side_by_side(node, [node.each(image.STEP_KIND_NEGATE, score), score])
    return node.each(image.STEP_KIND_LOGISTIC, both) if name == "LOGISTIC" else both


def labels_of(node: Node, ints: str) -> Tensor:
    """The class labels, as a constant; `ints` is the attribute of whole ones."""
    texts = node.attribute("classlabels_strings", [])
    return constant(STRING, texts) if texts else constant(INT64, node.attribute(ints, []))


def label_at(node: Node, labels: Tensor, position: Tensor) -> Tensor:
    """The label at a position that is known when it runs, shape [1]."""
    result = node.builder.new_cells(labels.dtype, [1])
    at = position.moved(np.ravel)
    node.builder.step(
        image.STEP_KIND_TAKE, result, [at, labels], count=1, size=labels.size, dtype=labels.dtype
    )
    return result
