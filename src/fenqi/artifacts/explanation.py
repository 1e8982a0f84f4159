"""How the core finds what each column adds to a model's margin (explanation.proto)."""

from __future__ import annotations

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.graph.flow import Flow, NotAForestError
from fenqi.artifacts.json_file import Cell, number
from fenqi.artifacts.manifest import Manifest
from fenqi.internal.v1.explanation_pb2 import Explanation, ReferenceColumn, TreeShap
from fenqi.internal.v1.native_model_pb2 import NativeModel


def explanation_of(
    manifest: Manifest, rows: list[list[Cell]], native: NativeModel | None, why_not_native: str
) -> Explanation | None:
    """What the manifest asks for, for the core; None where that is no explanation.

    `rows` are the reference, a value for each column of the model. `native` is the graph as the
    core runs it; without it `why_not_native` says why. Raises ArtifactError where the model cannot
    be explained in this way.
    """
    wanted = manifest.explanation
    if wanted.method == "none":
        return None
    built = Explanation(reference=_reference(manifest, rows))
    if wanted.method == "permutation":
        built.permutations.count = wanted.permutations
        return built
    try:
        if native is None:
            raise NotAForestError(f"onnxruntime runs it ({why_not_native})")
        built.tree_shap.CopyFrom(_tree_shap(manifest, native))
    except (NotAForestError, RecursionError) as error:
        raise ArtifactError(
            f"{manifest.name}/{manifest.version}: {wanted.method} does not explain this model: "
            f"{error}; let `explanation` say permutation or none"
        ) from error
    return built


def _tree_shap(manifest: Manifest, native: NativeModel) -> TreeShap:
    flow, outputs = Flow(native), manifest.outputs
    if outputs.margin is not None:
        margin = flow.margin(flow.output(outputs.margin, 0))
    else:
        margin = flow.log_odds(flow.output(outputs.result, outputs.class_))
    forests = {forest for forest, _ in margin.weights}
    if len(forests) != 1:
        raise NotAForestError(f"its margin comes from {len(forests)} forests, not from one")
    forest = forests.pop()
    built = TreeShap(forest=forest, constant=margin.constant)
    for target in range(native.forests[forest].target_count):
        built.weight_of_target.append(margin.weights.get((forest, target), 0.0))
    names = [column.name for column in manifest.columns]
    for cell in flow.forest_row(forest):
        columns = sorted(flow.columns(cell))
        if len(columns) > 1:
            raise NotAForestError(
                f"{', '.join(names[column] for column in columns)} enter its trees as one number"
            )
        # What rests on no column is the same for everybody, so it does not matter whose it is.
        built.input_of_column.append(columns[0] if columns else 0)
    return built


def _reference(manifest: Manifest, rows: list[list[Cell]]) -> list[ReferenceColumn]:
    tensors = [tensor for tensor in manifest.inputs for _ in tensor.columns]
    needed = [i for i, t in enumerate(tensors) if t.type in ("int64", "bool") and t.missing is None]
    # The model says nothing of an applicant who lacks what it needs.
    whole = [row for row in rows if all(row[i] is not None for i in needed)]
    if not whole:
        raise ArtifactError(
            f"{manifest.name}/{manifest.version}: every row of the reference lacks a value that "
            "the model needs"
        )
    built = []
    for tensor, column in zip(tensors, zip(*whole, strict=True), strict=True):
        if tensor.type == "string":
            texts = ["" if cell is None else str(cell) for cell in column]
            built.append(ReferenceColumn(texts=texts))
        else:
            numbers = [_number(cell, tensor.missing) for cell in column]
            built.append(ReferenceColumn(numbers=numbers))
    return built


def _number(cell: Cell, missing: int | None) -> float:
    return float(missing) if cell is None and missing is not None else number(cell)
