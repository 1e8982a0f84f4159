"""Writes an artifact: the graph, its manifest, golden rows from the training library, a card."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto
from ruamel.yaml import YAML

from fenqi.artifacts.calibration import calibrated
from fenqi.artifacts.golden import TOLERANCE, golden_bytes
from fenqi.artifacts.graph import GraphInput
from fenqi.artifacts.manifest import FORMAT, Calibration, Outputs, ScoreScale
from fenqi.artifacts.packing.certify import certificate_of
from fenqi.artifacts.parity import Judge, compare, parity_bytes
from fenqi.artifacts.reference import reference_bytes
from fenqi.artifacts.session import Session
from fenqi.artifacts.splits import split_rows
from fenqi.artifacts.trial import Task, run_task

from .dataset import ROOT, Column, Floats
from .measures import Platt
from .trees import INPUT, MARGIN

SCORE_SCALE: dict[str, float] = {"base_score": 600, "base_odds": 20, "points_to_double_odds": 40}

_JUDGES: tuple[Judge, Judge] = ("library", "onnxruntime")

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Golden:
    """Rows with what the training library itself says of them; for contributions, shap."""

    library: str
    # Margins of rows.
    predict: Callable[[Floats], Doubles]
    features: Floats
    margin: Doubles
    contributions: Doubles


@dataclass(frozen=True)
class Development:
    """The sample that drift is measured against, its margins, and which of its rows reasons compare
    with."""

    features: Floats
    margin: Doubles
    compared: NDArray[np.intp]


@dataclass(frozen=True)
class Story:
    """What a reader of the artifact should know."""

    name: str
    version: str
    kind: str
    purpose: str
    limits_of_use: list[str]
    metrics: dict[str, Any]
    card: str


def write_artifact(
    story: Story,
    model: ModelProto,
    columns: list[Column],
    platt: Platt,
    golden: Golden,
    development: Development,
    scorecard: dict[str, Any] | None = None,
) -> None:
    """Writes models/<name>/<version>/, over what is there; `scorecard`: the points, of one."""
    onnx = model.SerializeToString(deterministic=True)
    calibration = Calibration(kind="platt", a=platt.a, b=platt.b)
    log_odds = calibrated(calibration, None, development.margin)
    files = {
        "model.onnx": onnx,
        "golden.json": golden_bytes(
            {
                "inputs": {INPUT: golden.features},
                "predictions_of": "library",
                "margin": golden.margin,
                "contributions": golden.contributions,
                "tolerance": TOLERANCE,
            }
        ),
        "reference.json": reference_bytes(
            ScoreScale(**SCORE_SCALE).score(log_odds),
            {column.name: development.features[:, i] for i, column in enumerate(columns)},
            development.compared,
            development.margin[development.compared],
        ),
        "parity.json": _parity(model, onnx, golden),
        "card.md": story.card.encode(),
    }
    if scorecard is not None:
        files["scorecard.yaml"] = _yaml(scorecard)
    folder = ROOT / "models" / story.name / story.version
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.yaml").write_bytes(_yaml(_manifest(story, columns, calibration, files)))


def _manifest(
    story: Story, columns: list[Column], calibration: Calibration, files: dict[str, bytes]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": story.name,
        "version": story.version,
        "kind": story.kind,
        "purpose": story.purpose,
        "owner": "Fenqi example models",
        "limits_of_use": story.limits_of_use,
        "materiality": "low",
        "data": {
            "source": "Default of credit card clients (Taiwan, 2005), UCI 350, CC BY 4.0",
            "window": "statements April to September 2005, outcome October 2005",
            "rows": "four in five clients by a hash of the id; the others are the holdout",
        },
        "metrics": story.metrics,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "inputs": [
            {
                "name": INPUT,
                "type": "float",
                "columns": [
                    {
                        "name": column.name,
                        "feature": column.name,
                        "unit": column.unit,
                        "reason": column.reason,
                        "dimension": column.dimension,
                        "monotone": column.monotone,
                    }
                    for column in columns
                ],
            }
        ],
        "outputs": {"margin": MARGIN},
        "calibration": calibration.model_dump(include={"kind", "a", "b"}),
        "score_scale": SCORE_SCALE,
        "explanation": {
            "method": "scorecard" if story.kind == "scorecard" else "tree_shap",
            "reference": "at_cutoff",
        },
        "latency_budget_us": 200,
    }


def _yaml(content: dict[str, Any]) -> bytes:
    text = io.StringIO()
    YAML().dump(content, text)
    return text.getvalue().encode()


def _parity(model: ModelProto, onnx: bytes, golden: Golden) -> bytes:
    """Raises ArtifactError where the graph is not what was trained."""
    rows = {INPUT: golden.features}
    outputs = Outputs(margin=MARGIN)
    splits = split_rows(model, {INPUT: golden.features.shape[1]}, rows).inputs
    session = Session(onnx)
    by_library = [
        compare("golden", _JUDGES, golden.margin, session.result(outputs, rows)),
        compare("splits", _JUDGES, golden.predict(splits[INPUT]), session.result(outputs, splits)),
    ]
    inputs = [GraphInput(INPUT, TensorProto.FLOAT, golden.features.shape[1])]
    trial = run_task(Task(onnx, inputs, outputs, rows, golden.margin.tolist(), "library"))
    return parity_bytes(certificate_of(trial, golden.library, by_library, TOLERANCE))
