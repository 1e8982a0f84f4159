"""Writes an artifact: the graph, its manifest, golden rows from the training library, a card."""

from __future__ import annotations

import hashlib
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from ruamel.yaml import YAML

from .dataset import ROOT, Column, Floats
from .ensemble import CONTRIBUTIONS, INPUT, MARGIN
from .measures import Platt

SCORE_SCALE = {"base_score": 600, "base_odds": 20, "points_to_double_odds": 40}


@dataclass(frozen=True)
class Golden:
    """Rows with what the training library itself says of them."""

    features: Floats
    margin: NDArray[np.float64]
    contributions: NDArray[np.float64]


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
    base_margin: float,
    platt: Platt,
    golden: Golden,
    scorecard: dict[str, Any] | None = None,
) -> None:
    """Writes models/<name>/<version>/, over what is there; `scorecard`: the points, of one."""
    folder = ROOT / "models" / story.name / story.version
    folder.mkdir(parents=True, exist_ok=True)
    onnx = model.SerializeToString(deterministic=True)
    (folder / "model.onnx").write_bytes(onnx)
    _write_golden(folder / "golden.json", golden)
    (folder / "card.md").write_text(story.card, encoding="utf-8")
    manifest: dict[str, Any] = {
        "name": story.name,
        "version": story.version,
        "kind": story.kind,
        "purpose": story.purpose,
        "owner": "Fenqi example models",
        "limits_of_use": story.limits_of_use,
        "data": {
            "source": "Default of credit card clients (Taiwan, 2005), UCI 350, CC BY 4.0",
            "window": "statements April to September 2005, outcome October 2005",
            "rows": "four in five clients by a hash of the id; the others are the holdout",
        },
        "metrics": story.metrics,
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "input": INPUT,
        "features": [
            {
                "name": column.name,
                "reason": column.reason,
                "dimension": column.dimension,
                "monotone": column.monotone,
            }
            for column in columns
        ],
        "outputs": {"margin": MARGIN, "contributions": CONTRIBUTIONS},
        "base_margin": base_margin,
        "calibration": {"kind": "platt", "a": platt.a, "b": platt.b},
        "score_scale": SCORE_SCALE,
    }
    if scorecard is not None:
        points = _yaml(scorecard)
        (folder / "scorecard.yaml").write_bytes(points)
        manifest["scorecard_sha256"] = hashlib.sha256(points).hexdigest()
    (folder / "manifest.yaml").write_bytes(_yaml(manifest))


def _yaml(content: dict[str, Any]) -> bytes:
    text = io.StringIO()
    YAML().dump(content, text)
    return text.getvalue().encode()


def _write_golden(path: Path, golden: Golden) -> None:
    rows = [[None if math.isnan(x) else float(x) for x in row] for row in golden.features]
    content = {
        "features": rows,
        "margin": golden.margin.tolist(),
        "contributions": golden.contributions.tolist(),
    }
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
