"""Chooses how a packed model is explained: exactly where its graph allows that, within a stated
budget where an estimate is asked for, else not at all; never by something made up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fenqi._native import Model, StatusError
from fenqi.artifacts.artifact import Artifact
from fenqi.artifacts.core_model import core_model, explained
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.json_file import cells
from fenqi.artifacts.manifest import Explanation
from fenqi.artifacts.packing.wishes import Wishes
from fenqi.artifacts.reference import Reference

_MOST_PERMUTATIONS = 100
# Of the budget, so that a busy machine does not break it.
_SHARE_OF_BUDGET = 0.5

Exact = Literal["scorecard", "tree_shap"]
_WHY: dict[Exact, str] = {
    "scorecard": "exact, because no two columns interact in its margin",
    "tree_shap": "exact, because its margin is a weighted sum of what one tree ensemble gives",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, whom it compares with, and why it is this one, in a sentence."""

    explanation: Explanation
    reference: Reference
    why: str


def explain(draft: Artifact, sample: Tensors, wishes: Wishes) -> Explained:
    """The explanation of `draft`, an artifact without one; `sample` are the rows that it was packed
    from.

    Raises ArtifactError where one is possible, or asked for, and beyond its budget.
    """
    if wishes.explain == "none":
        why = "none, as asked: a refusal by its score gives no reasons"
        return Explained(_explanation("none", wishes), draft.reference, why)
    if wishes.explain == "permutation":
        return _by_permutations(draft, wishes)
    refused = ""
    methods: tuple[Exact, ...] = ("scorecard", "tree_shap")
    for method in methods:
        candidate = _with(draft, _explanation(method, wishes))
        try:
            model = core_model(candidate)
        except (ArtifactError, StatusError) as error:
            refused = str(error.__cause__ or error)
            continue
        if method == "scorecard" and wishes.reference == "maximum":
            candidate, model = _against_the_best(candidate, model, sample)
        taken = _within_budget(candidate, model, wishes)
        why = f"{method}, {_WHY[method]}; {taken:.0f} us for a row"
        return Explained(candidate.manifest.explanation, candidate.reference, why)
    why = (
        f"none, because {refused}: a refusal by its score gives no reasons. `--explain "
        "permutation` estimates them within a budget of time"
    )
    return Explained(_explanation("none", wishes), draft.reference, why)


def _by_permutations(draft: Artifact, wishes: Wishes) -> Explained:
    """As many as the budget allows: each costs the same."""
    fewest = _with(draft, _explanation("permutation", wishes, 2))
    taken = _within_budget(fewest, core_model(fewest), wishes)
    fit = int(_SHARE_OF_BUDGET * wishes.explanation_budget_us / taken) * 2
    chosen = _explanation("permutation", wishes, max(2, min(_MOST_PERMUTATIONS, fit)))
    taken = _within_budget(candidate := _with(draft, chosen), core_model(candidate), wishes)
    why = (
        f"permutation, as asked: an estimate from {chosen.permutations} permutations of the "
        f"columns; {taken:.0f} us for a row, {chosen.budget_us:g} us are allowed"
    )
    return Explained(chosen, draft.reference, why)


def _against_the_best(draft: Artifact, model: Model, sample: Tensors) -> tuple[Artifact, Model]:
    """Of a scorecard, the maximum is who has the most points in each column: nobody has more."""
    parts = model.explain(sample)
    best = iter(parts.argmin(axis=0))
    row = [
        cells(sample[tensor.name][[next(best)], place])[0]
        for tensor in draft.manifest.inputs
        for place in range(len(tensor.columns))
    ]
    margin = model.base_margin + float(np.min(parts, axis=0).sum())
    reference = draft.reference.model_copy(update={"rows": [row], "margin": margin})
    draft = replace(draft, reference=reference)
    return draft, core_model(draft)


def _explanation(
    method: Literal["none", "scorecard", "tree_shap", "permutation"],
    wishes: Wishes,
    permutations: int = 10,
) -> Explanation:
    return Explanation(
        method=method,
        reference=wishes.reference,
        budget_us=wishes.explanation_budget_us,
        permutations=permutations,
    )


def _with(draft: Artifact, explanation: Explanation) -> Artifact:
    manifest = draft.manifest.model_copy(update={"explanation": explanation})
    return replace(draft, manifest=manifest)


def _within_budget(draft: Artifact, model: Model, wishes: Wishes) -> float:
    """Microseconds for a row."""
    _, taken = explained(model, draft.golden.tensors(draft.manifest))
    explanation = draft.manifest.explanation
    if taken > wishes.explanation_budget_us:
        few = f" with {explanation.permutations} permutations"
        raise ArtifactError(
            f"to explain one row by {explanation.method}"
            f"{few if explanation.method == 'permutation' else ''} takes {taken:.0f} us here, over "
            f"the budget of {wishes.explanation_budget_us:g} us: raise it with "
            "--explanation-budget-us, or pack with --explain none"
        )
    return taken
