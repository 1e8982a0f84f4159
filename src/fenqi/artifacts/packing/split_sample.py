"""Rows beside split values as a CSV file, for the training library to predict."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.files import read_file
from fenqi.artifacts.interface import inputs_of
from fenqi.artifacts.packing.by_library import BASE_ROWS
from fenqi.artifacts.packing.sample import columns_for, read_sample, tensors_of
from fenqi.artifacts.safety import UnsafeGraph, parse_graph
from fenqi.artifacts.splits import split_rows


def write_split_sample(
    onnx: Path, data: Path, columns: list[str] | None, others: set[str], output: Path
) -> int:
    """Writes the rows under the headings of the data's columns; gives how many there are.

    Raises ArtifactError.
    """
    try:
        model = parse_graph(read_file(onnx))
        inputs = inputs_of(model)
    except UnsafeGraph as error:
        raise ArtifactError(f"{onnx}: {error}") from None
    sample = read_sample(data)
    chosen = columns_for(sample, inputs, columns, others)
    tensors = tensors_of(sample, inputs, chosen)
    picked = np.linspace(0, sample.rows - 1, min(sample.rows, BASE_ROWS)).astype(np.intp)
    base = {name: tensor[picked] for name, tensor in tensors.items()}
    rows = split_rows(model, {name: len(names) for name, names in chosen.items()}, base).inputs
    if not len(next(iter(rows.values()))):
        return 0
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name for names in chosen.values() for name in names])
        for row in zip(*rows.values(), strict=True):
            writer.writerow([_text(value) for part in row for value in part])
    return len(next(iter(rows.values())))


def _text(value: object) -> str:
    """So that reading brings the same number back; nothing for a missing one."""
    return "" if value != value else str(value)
