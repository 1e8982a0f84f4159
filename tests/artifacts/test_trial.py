"""What a graph does when it runs is found out in a process of its own."""

from __future__ import annotations

import itertools
import re
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from fenqi.artifacts import ArtifactError, load_artifact, trial_process
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.graph import GraphInput
from fenqi.artifacts.manifest import Outputs
from fenqi.artifacts.safety import parse_graph
from fenqi.artifacts.trial import Task, run_task, try_artifact
from fenqi.artifacts.verify import verify
from tests.artifacts.copies import MODELS, change_manifest, copy_of, replace


def task(nodes: list, rows: np.ndarray) -> Task:
    """A graph from x to y that the checks of the file accept."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content = model.SerializeToString()
    parse_graph(content)
    inputs = [GraphInput("x", TensorProto.FLOAT, 1)]
    outputs = Outputs(margin="y")
    return Task(content, inputs, outputs, {"x": rows}, [0.0] * len(rows), "library")


def test_a_trial_compares_golden_rows_and_takes_the_time() -> None:
    trial = try_artifact(load_artifact(MODELS / "taiwan_gbm" / "1"))
    assert trial.golden.count == 64
    assert 0 < trial.golden.largest < 1e-5
    assert 0 < trial.p50_us <= trial.p99_us


def test_a_tensor_as_large_as_an_input_says_fails_the_trial_and_not_the_caller() -> None:
    huge = [
        helper.make_node("Cast", ["x"], ["n"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["n", "one"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["y"]),
    ]
    one = helper.make_node("Constant", [], ["one"], value_ints=[1])
    with pytest.raises(ArtifactError) as caught:
        run_task(task([one, *huge], np.array([[1e13]], dtype=np.float32)))
    assert "onnxruntime cannot run the graph" in str(caught.value)


def test_a_graph_that_fails_is_said_in_onnxruntimes_words() -> None:
    wrong = helper.make_node("Gather", ["x", "far"], ["y"], axis=1)
    far = helper.make_node("Constant", [], ["far"], value_ints=[7])
    with pytest.raises(ArtifactError, match="indices element out of data bounds"):
        run_task(task([far, wrong], np.zeros((1, 1), dtype=np.float32)))


def outcomes(folder: Path) -> dict[str, str]:
    return {check.subject: check.outcome for check in verify(folder)}


def test_another_graph_under_the_right_hash_is_found_out_by_its_golden_rows(
    tmp_path: Path,
) -> None:
    import onnx

    folder = copy_of("taiwan_scorecard/1", tmp_path)
    model = onnx.load_from_string((folder / "model.onnx").read_bytes())
    (weights,) = (a for a in model.graph.node[0].attribute if a.name == "target_weights")
    weights.floats[:] = [weight + 0.01 for weight in weights.floats]
    replace(folder, "model.onnx", model.SerializeToString())
    found = [check for check in verify(folder) if check.outcome == "failed"]
    assert [check.subject for check in found] == ["onnxruntime on golden rows"]
    assert "off from library by" in found[0].detail


def test_a_model_past_its_day_and_a_slow_one_fail(tmp_path: Path) -> None:
    folder = copy_of("taiwan_scorecard/1", tmp_path)
    assert outcomes(folder)["expiry"] == "doubtful"
    assert outcomes(folder)["latency"] == "passed"
    change_manifest(folder, lambda m: m.update(expires="2020-01-31", latency_budget_us=0.5))
    found = {check.subject: check for check in verify(folder)}
    assert found["expiry"].outcome == "failed"
    assert found["latency"].outcome == "failed"
    assert re.search(
        r"99 % within \d+ us, \d+ us over; the budget is 0.5 us", found["latency"].detail
    )


def test_a_busy_machine_does_not_make_a_model_slow() -> None:
    """In two of seven rounds another process takes the processor."""
    calls = itertools.count(-trial_process._WARM_UP_RUNS)

    def answer(row: Tensors) -> None:
        if next(calls) // trial_process._RUNS_OF_A_ROUND in (1, 3):
            time.sleep(0.002)

    rows = {"x": np.zeros((4, 1), dtype=np.float32)}
    p50_us, p99_us = trial_process._latency(answer, rows)
    assert 0 < p50_us <= p99_us < 2000


def test_a_model_that_is_slow_throughout_is_measured_as_slow() -> None:
    rows = {"x": np.zeros((1, 1), dtype=np.float32)}
    p50_us, p99_us = trial_process._latency(lambda row: time.sleep(0.001), rows)
    assert 1000 <= p50_us <= p99_us


def test_a_broken_artifact_has_one_check_with_the_reason(tmp_path: Path) -> None:
    folder = copy_of("taiwan_scorecard/1", tmp_path)
    (folder / "card.md").unlink()
    (check,) = verify(folder)
    assert check.outcome == "failed" and "card.md: No such file" in check.detail
