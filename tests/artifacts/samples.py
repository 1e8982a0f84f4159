"""The conformance folder's pipelines as a newcomer has them: an ONNX file and a CSV file."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.artifacts.copies import PIPELINES


@dataclass(frozen=True)
class Exported:
    """One pipeline: its graph, and a CSV of its inputs with the library's predictions in the
    column `predicted`."""

    name: str
    onnx: Path
    data: Path
    made_with: str
    # Why the conversion is known to be wrong; empty where it is right.
    wrong: str
    predicted: np.ndarray


def names() -> list[str]:
    return sorted(path.name for path in PIPELINES.glob("*")) if PIPELINES.exists() else []


def exported(name: str, folder: Path, **more: np.ndarray) -> Exported:
    """Writes the CSV into `folder`, with the columns `more`."""
    case = PIPELINES / name
    arrays = np.load(case / "cases.npz")
    about = json.loads((case / "case.json").read_text())
    columns: dict[str, np.ndarray] = {}
    for key in arrays:
        if key.startswith("in:"):
            tensor = arrays[key]
            for place in range(tensor.shape[1]):
                heading = key[3:] if tensor.shape[1] == 1 else f"{key[3:]} {place}"
                columns[heading] = tensor[:, place]
    predicted = arrays["library"]
    predicted = predicted if predicted.ndim == 1 else predicted[:, 1]
    columns["predicted"] = predicted
    columns |= more
    data = folder / f"{name}.csv"
    write_csv(data, columns)
    wrong = about.get("conversion_differs_from_library", "")
    return Exported(name, case / "model.onnx", data, about["made_with"], wrong, predicted)


def write_csv(path: Path, columns: dict[str, np.ndarray]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow(["" if value != value else str(value) for value in row])
