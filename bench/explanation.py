"""How long does an exact explanation of a forest take, and does the reference matter?

A LightGBM forest of 300 trees with 31 leaves over 40 inputs, on made-up data with missing values.
The core explains rows one at a time against references of 100, 1,000 and 10,000 rows
(native/models/explanation_bench_main.cc); the shap package's TreeExplainer, exact and
interventional too, explains a few of the same rows against the smaller two, and both say the same.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import shap
from numpy.typing import NDArray

from bench.forest_file import forest_of
from bench.machine import ROOT
from bench.servers import LOAD_CPU

TREES, LEAVES, COLUMNS = 300, 31, 40
REFERENCES = (100, 1_000, 10_000)
# shap is slow: it explains few rows, and none against the largest reference.
SHAP_ROWS, SHAP_REFERENCES = 10, (100, 1_000)
ROWS = 1_000
SECONDS = 4.0


def run() -> dict[str, Any]:
    """For each size of the reference, figures of the core and of shap. Raises RuntimeError where
    the two explain differently."""
    random = np.random.default_rng(7)
    booster = _train(_rows(random, 20_000), random)
    rows = _rows(random, ROWS)
    forest = forest_of(booster.dump_model(), COLUMNS).SerializeToString()
    references = {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "forest.bin").write_bytes(forest)
        rows.tofile(Path(folder) / "rows.bin")
        for count in REFERENCES:
            reference = _rows(random, count)
            figures, parts = _core(Path(folder), reference)
            if count in SHAP_REFERENCES:
                figures["shap"] = _by_shap(booster, reference, rows[:SHAP_ROWS], parts)
            references[str(count)] = figures
    return {
        "forest": {"trees": TREES, "leaves": LEAVES, "columns": COLUMNS},
        "references": references,
        "versions": {"shap": shap.__version__, "lightgbm": lightgbm.__version__},
    }


def _rows(random: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Counts, amounts and shares, one in twenty missing."""
    rows = random.normal(size=(count, COLUMNS))
    rows[:, ::3] = np.round(np.exp(rows[:, ::3]) * 10)
    rows[:, 1::3] = np.round(rows[:, 1::3] * 3)
    rows[random.random(rows.shape) < 0.05] = np.nan
    return rows.astype(np.float32)


def _train(rows: NDArray[np.float32], random: np.random.Generator) -> Any:
    known = np.nan_to_num((rows - np.nanmean(rows, 0)) / np.nanstd(rows, 0))
    risk = known @ random.normal(size=COLUMNS) * 0.5
    risk += known[:, 0] * known[:, 1] - np.abs(known[:, 2]) * known[:, 3]
    defaulted = (random.random(len(rows)) < 1 / (1 + np.exp(1 - risk))).astype(int)
    parameters = {
        "objective": "binary",
        "num_leaves": LEAVES,
        "learning_rate": 0.05,
        "feature_fraction": 0.5,
        "num_threads": 1,
        "seed": 7,
        "deterministic": True,
        "verbose": -1,
    }
    return lightgbm.train(parameters, lightgbm.Dataset(rows, defaulted), TREES)


def _core(
    folder: Path, reference: NDArray[np.float32]
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Figures, and the parts of all rows."""
    reference.tofile(folder / "reference.bin")
    command = [
        *["taskset", "-c", str(LOAD_CPU)],
        str(ROOT / "build" / "native" / "release" / "bin" / "explanation_bench"),
        *["--forest", str(folder / "forest.bin"), "--reference", str(folder / "reference.bin")],
        *["--rows", str(folder / "rows.bin"), "--columns", str(COLUMNS)],
        *["--seconds", str(SECONDS), "--parts", str(folder / "parts.bin")],
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts = np.fromfile(folder / "parts.bin").reshape(-1, COLUMNS)
    return json.loads(done.stdout), parts


def _by_shap(
    booster: Any,
    reference: NDArray[np.float32],
    rows: NDArray[np.float32],
    parts: NDArray[np.float64],
) -> dict[str, float]:
    background = shap.maskers.Independent(reference, max_samples=len(reference))
    explainer = shap.TreeExplainer(
        booster, background, feature_perturbation="interventional", model_output="raw"
    )
    times, largest = [], 0.0
    for row, ours in zip(rows, parts, strict=False):
        began = time.perf_counter_ns()
        values = explainer.shap_values(row[np.newaxis], check_additivity=False)
        times.append(time.perf_counter_ns() - began)
        theirs = np.asarray(values[-1] if isinstance(values, list) else values)[0]
        largest = max(largest, float(np.abs(theirs - ours).max()))
    if largest > 1e-6:
        raise RuntimeError(f"the core's explanation differs from shap's by {largest:.1e}")
    return {"p50_ns": float(np.median(times)), "largest_difference": largest}
