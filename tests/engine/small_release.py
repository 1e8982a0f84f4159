"""Small releases for tests of deployments: one feature, and a model of a few nodes on it."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

from onnx import TensorProto, helper

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy import compile_policy
from fenqi.v1 import scoring_pb2

_POLICY = {
    "policy": "small",
    "version": "1",
    "features": {
        "amount": {"expr": "double(application.loan.amount_fen)", "meaning": "Asked for, fen."}
    },
}


def graph(weight: float, padding: int = 0) -> bytes:
    """An ONNX graph of margin = weight * log(amount): no number for an amount below 0, and -inf
    for none. `padding`: floats that it carries besides."""
    nodes = [helper.make_node("Log", ["features"], ["log"])]
    constants = [helper.make_tensor("weight", TensorProto.FLOAT, [1], [weight])]
    if padding:
        constants.append(helper.make_tensor("pad", TensorProto.FLOAT, [padding], [0.0] * padding))
        # Chosen by the input, so that nobody works it out beforehand and throws the rest away.
        nodes.append(helper.make_node("IsNaN", ["features"], ["is_missing"]))
        nodes.append(helper.make_node("Cast", ["is_missing"], ["index"], to=TensorProto.INT64))
        nodes.append(helper.make_node("Gather", ["pad", "index"], ["zero"]))
        nodes.append(helper.make_node("Add", ["log", "zero"], ["padded"]))
    nodes.append(helper.make_node("Mul", [nodes[-1].output[0], "weight"], ["margin"]))
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
        constants,
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString()


@functools.cache
def _compiled() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.yaml"
        path.write_text(json.dumps(_POLICY), encoding="utf-8")
        return compile_policy(path).image


def image_of(weight: float, *, approve: float = 0.5, padding: int = 0) -> image.ReleaseImage:
    """A release that approves up to a probability of default of `approve`, and otherwise declines.

    Its score is -margin. Named by weight and `approve`.
    """
    built = image.ReleaseImage.FromString(_compiled())
    (amount,) = [named.register for named in built.program.named if named.name == "amount"]
    slot = built.models.add(slot="risk", name="small", version=f"{weight}", margin_output="margin")
    slot.onnx = graph(weight, padding)
    slot.inputs.add(name="features", type=image.TENSOR_TYPE_FLOAT, registers=[amount])
    slot.score_scale.factor = 1.0
    slot.score_register = built.program.register_count
    slot.probability_register = built.program.register_count + 1
    built.program.register_count += 2
    built.segments.add(model_plus_one=1).cutoffs.approve = approve
    built.segments[0].cutoffs.refer = approve
    built.content_hash = f"{weight}/{approve}"
    return built


def request_of(amount_fen: int, customer: str = "") -> bytes:
    """A serialized ScoreRequest."""
    request = scoring_pb2.ScoreRequest()
    request.application.loan.amount_fen = amount_fen
    request.application.customer_key = customer
    return request.SerializeToString()
