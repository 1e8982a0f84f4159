"""The graph that is packed, with the sample run through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, TensorProto
from onnx.helper import make_tensor_value_info

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.files import read_file
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.graph import without_zip_maps
from fenqi.artifacts.interface import Tensor, inputs_of, results_of
from fenqi.artifacts.manifest import Outputs
from fenqi.artifacts.packing.sample import Sample, columns_for, names_of, tensors_of
from fenqi.artifacts.packing.wishes import Wishes
from fenqi.artifacts.safety import UnsafeGraph, parse_graph
from fenqi.artifacts.session import Session, result_of


@dataclass(frozen=True, slots=True)
class Material:
    """What an artifact is made of."""

    sample: Sample
    model: ModelProto
    onnx: bytes
    inputs: list[Tensor]
    # By input, the headings that feed it, and by heading what the column is called in the manifest.
    columns: dict[str, list[str]]
    names: dict[str, str]
    tensors: Tensors
    outputs: Outputs
    # What onnxruntime makes of each row: margin or probability.
    result: NDArray[np.float64]

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each input."""
        return {name: len(headings) for name, headings in self.columns.items()}

    def picked(self, rows: NDArray[np.intp]) -> Tensors:
        """Some rows of the tensors."""
        return {name: tensor[rows] for name, tensor in self.tensors.items()}

    def by_name(self) -> dict[str, NDArray[Any]]:
        """The sample's columns as the manifest calls them, [rows] each, in its order."""
        by_heading = self.by_heading(self.tensors)
        return {self.names[heading]: values for heading, values in by_heading.items()}

    def by_heading(self, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The columns of tensors like the sample's as the data calls them, [rows] each."""
        return {
            heading: tensors[name][:, place]
            for name, headings in self.columns.items()
            for place, heading in enumerate(headings)
        }


def material_of(onnx: Path, sample: Sample, wishes: Wishes, notes: list[str]) -> Material:
    """Reads the graph and runs it on every row; says in `notes` what is to be known of it.

    Raises ArtifactError where the graph is refused, or does not fit the sample.
    """
    content = read_file(onnx)
    try:
        model = parse_graph(content)
        plain = without_zip_maps(model)
        if plain is not model:
            notes.append("took out the ZipMap that makes dictionaries of probabilities")
            for value in plain.graph.output:
                if not value.HasField("type"):
                    value.CopyFrom(make_tensor_value_info(value.name, TensorProto.FLOAT, None))
            content = plain.SerializeToString(deterministic=True)
            model = parse_graph(content)
        inputs = inputs_of(model)
        output = _output(model, wishes)
    except UnsafeGraph as error:
        raise ArtifactError(f"{onnx}: {error}") from None
    if any(_is_probit(attribute) for node in model.graph.node for attribute in node.attribute):
        notes.append(
            "its PROBIT transform is left to onnxruntime, whose answers for it vary from run to "
            "run: do not trust it to decide"
        )
    others = {name for name in (wishes.predictions, wishes.target) if name is not None}
    sample.only(sorted(others))
    columns = columns_for(sample, inputs, wishes.columns, others)
    tensors = tensors_of(sample, inputs, columns)
    values = Session(content).run(output, tensors)
    outputs = _outputs(output, values, wishes)
    result = result_of(outputs, values)
    _check_result(sample, outputs, result)
    names = names_of([heading for headings in columns.values() for heading in headings])
    return Material(sample, model, content, inputs, columns, names, tensors, outputs, result)


def _is_probit(attribute: AttributeProto) -> bool:
    # TreeEnsemble numbers what the older operators name.
    return attribute.name == "post_transform" and (attribute.s == b"PROBIT" or attribute.i == 4)


def _output(model: ModelProto, wishes: Wishes) -> str:
    """The output that holds the result, as the graph suggests where nothing is wished."""
    results = {result.name: result for result in results_of(model)}
    name = wishes.output
    if name is None:
        likely = [one for one in results if "prob" in one.lower()] or list(results)
        if len(likely) != 1:
            raise UnsafeGraph(
                f"its outputs of float are {', '.join(results) or 'none'}; name the one with the "
                "probability or margin: --output"
            )
        (name,) = likely
    if name not in results:
        raise UnsafeGraph(f"it has no output {name} of float; there are {', '.join(results)}")
    return name


def _outputs(name: str, values: NDArray[Any], wishes: Wishes) -> Outputs:
    """Several columns are probabilities of classes; one is what its name or the caller says."""
    is_margin = wishes.is_margin
    if is_margin is None:
        is_margin = values.size == len(values) and "prob" not in name.lower()
    if is_margin:
        return Outputs(margin=name)
    return Outputs.model_validate({"probability": name, "class": wishes.default_class})


def _check_result(sample: Sample, outputs: Outputs, result: NDArray[np.float64]) -> None:
    strange = np.flatnonzero(~np.isfinite(result))
    if len(strange):
        raise ArtifactError(
            f"{sample.place(strange[0])}: the graph gives {result[strange[0]]}, no finite number"
        )
    if outputs.probability is not None and not ((result >= 0) & (result <= 1)).all():
        at = int(np.abs(result - 0.5).argmax())
        raise ArtifactError(
            f"{sample.place(at)}: the output {outputs.probability} is {result[at]:g}, which is no "
            "probability; say --margin if it is log-odds of default"
        )
