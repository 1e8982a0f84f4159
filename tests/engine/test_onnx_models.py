"""Any ONNX graph with float, int64 or string inputs runs, and what cannot is refused with a reason.

Oracle: onnxruntime's own Python session on the same graph.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper

from fenqi import _native
from fenqi.artifacts.graph import compile_graph, graph_inputs
from fenqi.engine import onnxruntime_library
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy import compile_policy
from fenqi.v1 import scoring_pb2

FEATURES = {
    "amount": "double(application.loan.amount_fen)",
    "term": "application.loan.term_months",
    "channel": "application.channel",
    "product": "application.loan.product",
}


def make_model(nodes: list, inputs: list, outputs: list) -> ModelProto:
    graph = helper.make_graph(nodes, "test", inputs, outputs)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def tensor(name: str, kind: int, width: int | None) -> object:
    return helper.make_tensor_value_info(name, kind, [None, width])


def mixed_model() -> ModelProto:
    """margin = amount / 1000 + term + channel + 10 for the product "cash", -10 for another."""
    label = helper.make_node(
        "LabelEncoder",
        ["words"],
        ["word_value"],
        domain="ai.onnx.ml",
        keys_strings=["cash"],
        values_floats=[10.0],
        default_float=-10.0,
    )
    thousand = helper.make_node(
        "Constant",
        [],
        ["thousand"],
        value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1000.0]),
    )
    axis = helper.make_node(
        "Constant", [], ["axis"], value=helper.make_tensor("a", TensorProto.INT64, [1], [1])
    )
    return make_model(
        [
            label,
            thousand,
            axis,
            helper.make_node("Div", ["reals", "thousand"], ["scaled"]),
            helper.make_node("ReduceSum", ["wholes", "axis"], ["whole_sum"], keepdims=1),
            helper.make_node("Cast", ["whole_sum"], ["whole_value"], to=TensorProto.FLOAT),
            helper.make_node("Sum", ["scaled", "whole_value", "word_value"], ["margin"]),
        ],
        [
            tensor("reals", TensorProto.FLOAT, 1),
            tensor("wholes", TensorProto.INT64, 2),
            tensor("words", TensorProto.STRING, 1),
        ],
        [tensor("margin", TensorProto.FLOAT, 1)],
    )


def release(
    model: ModelProto, folder: Path, change: Callable[[image.ModelSlot], None] | None = None
) -> object:
    """A release of the four features with `model` on them."""
    features = {name: {"expr": text, "meaning": "test"} for name, text in FEATURES.items()}
    path = folder / "policy.yaml"
    path.write_text(json.dumps({"policy": "t", "version": "1", "features": features}))
    built = image.ReleaseImage.FromString(compile_policy(path).image)
    at = {feature.name: feature.register for feature in built.program.named}
    slot = built.models.add(
        slot="s", name="m", version="1", onnx=model.SerializeToString(), margin_output="margin"
    )
    slot.inputs.add(name="reals", type=image.TENSOR_TYPE_FLOAT, registers=[at["amount"]])
    slot.inputs.add(
        name="wholes",
        type=image.TENSOR_TYPE_INT64,
        registers=[at["term"], at["channel"]],
        missing_int=-1,
    )
    slot.inputs.add(name="words", type=image.TENSOR_TYPE_STRING, registers=[at["product"]])
    slot.score_scale.factor = 1.0
    slot.score_register = built.program.register_count
    slot.probability_register = built.program.register_count + 1
    built.program.register_count += 2
    built.segments.add(model_plus_one=1)
    if change is not None:
        change(slot)
    return _native.Release(built.SerializeToString(), str(onnxruntime_library()))


def request(product: str | None = "cash") -> scoring_pb2.ScoreRequest:
    made = scoring_pb2.ScoreRequest()
    made.application.loan.amount_fen, made.application.loan.term_months = 2500, 12
    made.application.channel = 3
    if product is not None:
        made.application.loan.product = product
    return made


def score(loaded: object, sent: scoring_pb2.ScoreRequest) -> scoring_pb2.ScoreResponse:
    engine = _native.Engine()
    engine.deploy(loaded)
    return scoring_pb2.ScoreResponse.FromString(engine.score(sent.SerializeToString()))


@pytest.mark.parametrize("product", ["cash", "car", "", None])
def test_float_int64_and_string_inputs_reach_the_graph(product: str | None, tmp_path: Path) -> None:
    model = mixed_model()
    (expected,) = onnxruntime.InferenceSession(model.SerializeToString()).run(
        None,
        {
            "reals": np.array([[2500.0]], np.float32),
            "wholes": np.array([[12, 3]]),
            "words": np.array([[product or ""]], dtype=object),
        },
    )
    answer = score(release(model, tmp_path), request(product))
    margin = float(expected[0, 0])
    assert answer.score == pytest.approx(-margin, abs=1e-5)
    assert answer.probability_of_default == pytest.approx(1 / (1 + np.exp(-margin)), abs=1e-9)


def test_a_missing_whole_number_becomes_what_the_image_says(tmp_path: Path) -> None:
    sent = request()
    sent.application.loan.ClearField("term_months")
    assert score(release(mixed_model(), tmp_path), sent).score == pytest.approx(-(2.5 + 3 - 1 + 10))


def without_missing_int(slot: image.ModelSlot) -> None:
    slot.inputs[1].ClearField("missing_int")


@pytest.mark.parametrize("native", [False, True])
def test_a_missing_whole_number_that_nothing_stands_for_leaves_the_applicant_unscored(
    native: bool, tmp_path: Path
) -> None:
    def change(slot: image.ModelSlot) -> None:
        without_missing_int(slot)
        if native:
            make_native(slot)

    sent = request()
    loaded = release(mixed_model(), tmp_path, change)
    assert score(loaded, sent).HasField("score")
    sent.application.loan.ClearField("term_months")
    answer = score(loaded, sent)
    assert not answer.HasField("score")
    assert answer.decision == scoring_pb2.DECISION_REFER


def make_native(slot: image.ModelSlot) -> None:
    model = ModelProto.FromString(slot.onnx)
    slot.native.CopyFrom(compile_graph(model, graph_inputs(model), ["margin"]))
    slot.onnx = b""


@pytest.mark.parametrize("product", ["cash", "car", "", None])
def test_a_native_model_of_several_tensors_gives_the_same_answer(
    product: str | None, tmp_path: Path
) -> None:
    sent = request(product)
    by_onnxruntime = score(release(mixed_model(), tmp_path), sent)
    assert score(release(mixed_model(), tmp_path, make_native), sent) == by_onnxruntime


def test_a_model_that_gives_no_number_fails_the_call_and_names_itself(tmp_path: Path) -> None:
    sent = request()
    sent.application.loan.ClearField("amount_fen")  # NaN reaches an addition
    with pytest.raises(_native.StatusError) as caught:
        score(release(mixed_model(), tmp_path), sent)
    assert caught.value.args[0] == 13
    assert "m/1" in caught.value.args[1]


def change_type(slot: image.ModelSlot) -> None:
    slot.inputs[1].type = image.TENSOR_TYPE_FLOAT


def drop_column(slot: image.ModelSlot) -> None:
    del slot.inputs[1].registers[1]


def drop_input(slot: image.ModelSlot) -> None:
    del slot.inputs[2]


def rename_output(slot: image.ModelSlot) -> None:
    slot.margin_output = "nothing"


def feed_text_to_floats(slot: image.ModelSlot) -> None:
    slot.inputs[0].registers[0] = slot.inputs[2].registers[0]


def cut_graph(slot: image.ModelSlot) -> None:
    slot.onnx = slot.onnx[:-20]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_type, "input wholes is of type int64 in the graph"),
        (drop_column, "input wholes must have the shape"),
        (drop_input, "nothing feeds the graph's input words"),
        (rename_output, "the graph has no output nothing"),
        (feed_text_to_floats, "input reals is fed from a register of another kind"),
        (cut_graph, "onnxruntime"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused_with_the_reason(
    change: Callable[[image.ModelSlot], None], said: str, tmp_path: Path
) -> None:
    with pytest.raises(_native.StatusError, match=r"model m/1") as caught:
        release(mixed_model(), tmp_path, change)
    assert said in caught.value.args[1]


def test_a_graph_whose_output_is_no_tensor_is_refused_with_what_to_do(tmp_path: Path) -> None:
    zipped = make_model(
        [
            helper.make_node("Cast", ["wholes"], ["w"], to=TensorProto.FLOAT),
            helper.make_node("Concat", ["reals", "w"], ["all"], axis=1),
            helper.make_node(
                "ZipMap", ["all"], ["margin"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2]
            ),
            helper.make_node("Identity", ["words"], ["echo"]),
        ],
        [
            tensor("reals", TensorProto.FLOAT, 1),
            tensor("wholes", TensorProto.INT64, 2),
            tensor("words", TensorProto.STRING, 1),
        ],
        [
            helper.make_value_info(
                "margin",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(
                        TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])
                    )
                ),
            ),
            tensor("echo", TensorProto.STRING, 1),
        ],
    )
    with pytest.raises(_native.StatusError) as caught:
        release(zipped, tmp_path)
    assert "without ZipMap" in caught.value.args[1]
