"""A place with one policy of one slot, and models for it: a good one, and ones that go wrong with
real traffic although their packages are in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper
from ruamel.yaml import YAML

from fenqi.artifacts.packing import Wishes, pack
from tests.artifacts.samples import write_csv

COLUMNS = ("first", "second")
# Both lie between 0 and 1 where the models were made.
USUAL = (0.0, 1.0)
UNUSUAL = (2.0, 3.0)
# From here on the logarithm of the model that errs has no value.
NO_VALUE_FROM = 5.0
# Of the square matrices that the slow model multiplies by: some 25 million multiplications.
_WIDTH, _LAYERS = 1024, 24

GOOD, ERRS, SLOW, OF_OTHERS, SAME = "1", "2", "3", "4", "5"


def make_trial_site(folder: Path) -> Path:
    """Writes policy and models into `folder`; the policy's file.

    risk/1 (GOOD) and risk/5 (SAME) are alike. risk/2 (ERRS) fails where `first` is NO_VALUE_FROM or
    more, risk/3 (SLOW) takes a millisecond, risk/4 (OF_OTHERS) was made on applicants with UNUSUAL
    values.
    """
    graphs = {
        GOOD: _graph([], "features"),
        ERRS: _graph(_failing(), "finite"),
        SLOW: _graph(_slow(), "slowly"),
        OF_OTHERS: _graph([], "features"),
        SAME: _graph([], "features"),
    }
    for version, onnx in graphs.items():
        low, high = UNUSUAL if version == OF_OTHERS else USUAL
        draw = np.random.default_rng(11)
        sample = folder / "sample.csv"
        write_csv(sample, {name: draw.uniform(low, high, 4000) for name in COLUMNS})
        file = folder / "model.onnx"
        file.write_bytes(onnx)
        wishes = Wishes("risk", version, is_margin=True, latency_budget_us=1e6)
        pack(file, sample, folder / "models", wishes)
    policy = folder / "policies" / "trial.yaml"
    policy.parent.mkdir()
    YAML().dump(_POLICY, policy)
    return policy


_POLICY = {
    "policy": "trial",
    "version": "1",
    "features": {
        name: {"expr": f'application.signals["{name}"]', "meaning": "A signal."} for name in COLUMNS
    },
    "models": {"risk": {"artifact": f"risk/{GOOD}"}},
    "cutoffs": {"approve_at_most": 0.5, "refer_at_most": 0.6},
    "tests": [
        {
            "name": f"Somebody with {value} is decided",
            "application": {"signals": dict.fromkeys(COLUMNS, value)},
            "expect": {},
        }
        for value in (0.1, 0.5, 0.9)
    ],
}


def _graph(nodes: list[NodeProto], features: str) -> bytes:
    """margin = features * weights - 3, after `nodes`, which give `features`."""
    constants = {
        "weights": np.array([[2.0], [1.0]], np.float32),
        "offset": np.array([-3.0], np.float32),
        "limits": np.array([NO_VALUE_FROM, 1e9], np.float32),
        "least": np.array([1e-9], np.float32),
        "wide": np.zeros((2, _WIDTH), np.float32),
        "square": np.eye(_WIDTH, dtype=np.float32),
        "narrow": np.zeros((_WIDTH, 2), np.float32),
    }
    used = {name for node in nodes for name in node.input} | {"weights", "offset"}
    graph = helper.make_graph(
        [
            *nodes,
            helper.make_node("MatMul", [features, "weights"], ["product"]),
            helper.make_node("Add", ["product", "offset"], ["margin"]),
        ],
        "risk",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def _failing() -> list[NodeProto]:
    """features + least * log(limits - features)"""
    return [
        helper.make_node("Sub", ["limits", "features"], ["left"]),
        helper.make_node("Log", ["left"], ["log"]),
        helper.make_node("Mul", ["log", "least"], ["little"]),
        helper.make_node("Add", ["features", "little"], ["finite"]),
    ]


def _slow() -> list[NodeProto]:
    """features + 0, by a long way."""
    nodes = [helper.make_node("MatMul", ["features", "wide"], ["layer 0"])]
    for layer in range(_LAYERS):
        given, made = f"layer {layer}", f"layer {layer + 1}"
        nodes.append(helper.make_node("MatMul", [given, "square"], [f"{given} wide"]))
        nodes.append(helper.make_node("Tanh", [f"{given} wide"], [made]))
    nodes.append(helper.make_node("MatMul", [f"layer {_LAYERS}", "narrow"], ["nothing"]))
    nodes.append(helper.make_node("Add", ["features", "nothing"], ["slowly"]))
    return nodes
