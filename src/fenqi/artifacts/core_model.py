"""An artifact's model as a release runs it."""

from __future__ import annotations

from fenqi import _native
from fenqi.artifacts.artifact import Artifact
from fenqi.artifacts.explanation import explanation_of
from fenqi.artifacts.graph import ServingForm, serving_form
from fenqi.artifacts.graph.tensors import TENSOR_TYPES
from fenqi.artifacts.interface import graph_inputs_of
from fenqi.bundled import onnxruntime_library
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
    manifest, outputs, form = artifact.manifest, artifact.manifest.outputs, form_of(artifact)
    slot = ModelSlot(
        margin_output=outputs.margin or "",
        probability_output=outputs.probability or "",
        output_column=None if outputs.probability is None else outputs.class_,
    )
    if form.native is None:
        slot.onnx = artifact.onnx
    else:
        slot.native.CopyFrom(form.native)
    found = explanation_of(manifest, artifact.reference.rows, form.native, form.why)
    if found is not None:
        slot.explanation.CopyFrom(found)
    for given in graph_inputs_of(manifest):
        # Registers say the width; nothing feeds them here.
        slot.inputs.add(
            name=given.name, type=TENSOR_TYPES[given.dtype], registers=[0] * given.width
        )
    return _native.Model(slot.SerializeToString(), str(onnxruntime_library()))
