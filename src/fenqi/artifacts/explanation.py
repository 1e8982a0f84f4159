"""How the core finds what each column adds to a model's margin (explanation.proto)."""

from __future__ import annotations

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.graph.flow import Affine, Ends, Flow, NotASumError
from fenqi.artifacts.json_file import Cell, number
from fenqi.artifacts.manifest import Manifest
from fenqi.internal.v1.explanation_pb2 import Additive, Explanation, ReferenceColumn, TreeShap
from fenqi.internal.v1.native_model_pb2 import (
    BRANCH_UNSPECIFIED,
    TENSOR_TYPE_DOUBLE,
    TENSOR_TYPE_FLOAT,
    TENSOR_TYPE_INT64,
    Forest,
    NativeModel,
)

# Of a bank of cells.
_TYPES = {"float": TENSOR_TYPE_FLOAT, "double": TENSOR_TYPE_DOUBLE, "int": TENSOR_TYPE_INT64}


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
            raise NotASumError(f"onnxruntime runs it ({why_not_native})")
        flow = Flow(native)
        if wanted.method == "tree_shap":
            built.tree_shap.CopyFrom(_tree_shap(manifest, native, flow))
        else:
            _explain_scorecard(manifest, native, flow, built)
    except (NotASumError, RecursionError) as error:
        raise ArtifactError(
            f"{manifest.name}/{manifest.version}: {wanted.method} does not explain this model: "
            f"{error}; let `explanation` say {_OTHERS[wanted.method]}"
        ) from error
    return built


_OTHERS = {"tree_shap": "permutation or none", "scorecard": "tree_shap, permutation or none"}


def _explain_scorecard(
    manifest: Manifest, native: NativeModel, flow: Flow, built: Explanation
) -> None:
    """A sum of one term for each column: of a linear model, or of trees that ask one column each,
    whose Shapley values are the same."""
    try:
        built.additive.CopyFrom(_additive(manifest, flow))
    except NotASumError as error:
        trees = _tree_shap(manifest, native, flow)
        if not _ask_one_column_each(native.forests[trees.forest], trees):
            raise error
        built.tree_shap.CopyFrom(trees)


def _additive(manifest: Manifest, flow: Flow) -> Additive:
    margin = _margin(manifest, flow, lambda cell: len(flow.columns(cell)) <= 1)
    if not any(flow.columns(cell) for cell in margin.weights):
        raise NotASumError("its margin rests on no column")
    built = Additive(constant=margin.constant)
    for (bank, cell), weight in margin.weights.items():
        # What rests on no column is the same for everybody, so it does not matter whose it is.
        columns = flow.columns((bank, cell)) or {0}
        built.terms.add(type=_TYPES[bank], cell=cell, weight=weight, column=min(columns))
    return built


def _ask_one_column_each(forest: Forest, trees: TreeShap) -> bool:
    ends = [*forest.roots[1:], len(forest.branch)]
    return all(
        len(
            {
                trees.input_of_column[forest.column[node]]
                for node in range(begin, end)
                if forest.branch[node] != BRANCH_UNSPECIFIED
            }
        )
        <= 1
        for begin, end in zip(forest.roots, ends, strict=True)
    )


def _tree_shap(manifest: Manifest, native: NativeModel, flow: Flow) -> TreeShap:
    margin = _margin(manifest, flow, lambda cell: flow.forest_at(cell) is not None)
    weights = {flow.forest_at(cell): weight for cell, weight in margin.weights.items()}
    forests = {forest for forest, _ in filter(None, weights)}
    if len(forests) != 1:
        raise NotASumError(f"its margin comes from {len(forests)} forests, not from one")
    forest = forests.pop()
    built = TreeShap(forest=forest, constant=margin.constant)
    for target in range(native.forests[forest].target_count):
        built.weight_of_target.append(weights.get((forest, target), 0.0))
    names = [column.name for column in manifest.columns]
    for cell in flow.forest_row(forest):
        columns = sorted(flow.columns(cell))
        if len(columns) > 1:
            raise NotASumError(
                f"{', '.join(names[column] for column in columns)} enter its trees as one number"
            )
        built.input_of_column.append(columns[0] if columns else 0)
    return built


def _margin(manifest: Manifest, flow: Flow, ends: Ends) -> Affine:
    outputs = manifest.outputs
    if outputs.margin is not None:
        return flow.margin(flow.output(outputs.margin, 0), ends)
    return flow.log_odds(flow.output(outputs.result, outputs.class_), ends)


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
