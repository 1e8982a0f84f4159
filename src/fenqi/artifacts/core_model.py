"""An artifact's model as a release runs it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from fenqi import _native
from fenqi.artifacts.artifact import Artifact
from fenqi.artifacts.explanation import explanation_of
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.graph import ServingForm, serving_form
from fenqi.artifacts.graph.tensors import TENSOR_TYPES
from fenqi.artifacts.interface import graph_inputs_of
from fenqi.bundled import onnxruntime_library
from fenqi.internal.v1.explanation_pb2 import Explanation
from fenqi.internal.v1.release_image_pb2 import ModelSlot


def form_of(artifact: Artifact) -> ServingForm:
    """Which path serves the model: the core by itself where it can and gives onnxruntime's answers
    on the golden rows and random ones, else onnxruntime."""
    manifest = artifact.manifest
    return serving_form(
        artifact.onnx,
        graph_inputs_of(manifest),
        [manifest.outputs.result],
        artifact.golden.tensors(manifest),
    )


def core_model(artifact: Artifact) -> _native.Model:
    """The model in the core, with its explanation. Raises ArtifactError where it has none of the
    kind that its manifest asks for, StatusError where the core refuses it."""
    manifest, form = artifact.manifest, form_of(artifact)
    explanation = explanation_of(manifest, artifact.reference.rows, form.native, form.why)
    slot = ModelSlot()
    # Registers say the width; nothing feeds them here.
    fill_slot(slot, artifact, form, explanation, repeat(0))
    return _native.Model(slot.SerializeToString(), str(onnxruntime_library()))


def explained(model: _native.Model, rows: Tensors) -> tuple[NDArray[np.float64], float]:
    """What each column adds to the margin of each row, one row at a time, and the microseconds that
    one takes, the median. Raises StatusError."""
    count = len(next(iter(rows.values())))
    parts, times = [], []
    for row in range(count):
        given = {name: tensor[row : row + 1] for name, tensor in rows.items()}
        began = time.perf_counter_ns()
        parts.append(model.explain(given))
        times.append((time.perf_counter_ns() - began) / 1000)
    return np.concatenate(parts), float(np.median(times))


def fill_slot(
    slot: ModelSlot,
    artifact: Artifact,
    form: ServingForm,
    explanation: Explanation | None,
    registers: Iterator[int],
) -> None:
    """What the core runs: graph, outputs, explanation, and inputs that are fed from `registers`,
    one for each column in order."""
    manifest, outputs = artifact.manifest, artifact.manifest.outputs
    if form.native is None:
        slot.onnx = artifact.onnx
    else:
        slot.native.CopyFrom(form.native)
    slot.margin_output = outputs.margin or ""
    slot.probability_output = outputs.probability or ""
    if outputs.probability is not None:
        slot.output_column = outputs.class_
    for tensor, given in zip(manifest.inputs, graph_inputs_of(manifest), strict=True):
        slot.inputs.add(
            name=given.name,
            type=TENSOR_TYPES[given.dtype],
            registers=islice(registers, given.width),
            missing_int=tensor.missing,
        )
    if explanation is not None:
        slot.explanation.CopyFrom(explanation)
