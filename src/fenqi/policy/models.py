"""Models in their slots: which artifacts there are, and what they read and say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fenqi.artifacts import Artifact, ArtifactError, load_artifact
from fenqi.artifacts.expiry import expired
from fenqi.artifacts.signature import TrustedKeys
from fenqi.policy.document import Document
from fenqi.policy.errors import PolicyError, did_you_mean
from fenqi.policy.expressions import Expressions
from fenqi.policy.lowered import Scalar
from fenqi.policy.program import CoreOutput, Operand
from fenqi.policy.schema import ARTIFACT
from fenqi.policy.scorecards import OUTPUTS
from fenqi.policy.yaml_file import Steps


def bind_slots(document: Document, bindings: Mapping[str, str]) -> Document:
    """The policy with other artifacts, `name/version`, in the slots that are named.

    Raises PolicyError where there is no such slot, or the artifact's name is none.
    """
    models = dict(document.policy.models)
    for slot, artifact in bindings.items():
        if slot not in models:
            message = f"there is no slot {slot} to fill{did_you_mean(slot, models)}"
            raise PolicyError([document.problem(document.position(("models",)), message)])
        if not re.fullmatch(ARTIFACT, artifact):
            message = f"{artifact} cannot fill it: expected name/version, as in scorecard/2"
            raise PolicyError([document.problem(document.position(("models", slot)), message)])
        models[slot] = models[slot].model_copy(update={"artifact": artifact})
    policy = document.policy.model_copy(update={"models": models})
    return replace(document, policy=policy)


def load_artifacts(
    ex: Expressions, models_dir: Path, trusted: TrustedKeys | None
) -> dict[str, Artifact]:
    """The artifacts that models and scorecards name, by `name/version`; signed, with `trusted`, by
    one of these keys."""
    policy = ex.document.policy
    wanted: list[tuple[Steps, str]] = [
        (("models", slot, "artifact"), use.artifact) for slot, use in policy.models.items()
    ]
    wanted += [
        (("scorecards", name, "artifact"), card.artifact)
        for name, card in policy.scorecards.items()
        if card.artifact is not None
    ]
    loaded: dict[str, Artifact] = {}
    for path, name in wanted:
        if name in loaded:
            continue
        try:
            artifact = loaded[name] = load_artifact(models_dir / name, trusted)
        except ArtifactError as error:
            ex.report(path, str(error))
            continue
        # Without a server it may still be studied, as beside the one that is to take its place.
        if artifact.manifest.expires is not None:
            for past in expired({name: artifact.manifest.expires}):
                ex.warn(path, f"{past}; no server lets it decide any more")
    return loaded


# What may feed a tensor of each type.
_FED_BY = {
    "float": ("bool", "int", "uint", "double"),
    "double": ("bool", "int", "uint", "double"),
    "int64": ("bool", "int"),
    "bool": ("bool",),
    "string": ("string",),
}


def declare_model(
    ex: Expressions, slot: str, artifact: Artifact, features: dict[str, Scalar]
) -> list[Operand] | None:
    """What the model's columns read, in order; declares its outputs. None where it is wrong."""
    path = ("models", slot, "artifact")
    inputs: list[Operand] = []
    fine = True
    for tensor in artifact.manifest.inputs:
        for column in tensor.columns:
            ex.read.add(column.feature)
            known = features.get(column.feature)
            wrong = ""
            if known is None:
                # A feature that is wrong has been reported.
                if column.feature not in ex.document.policy.features:
                    wrong = "which is no feature here"
                fine = False
            elif known.type not in _FED_BY[tensor.type]:
                kind = "a text" if known.type == "string" else f"of type {known.type}"
                wrong = f"which is {kind}"
                if tensor.type not in ("float", "double"):
                    wrong += f"; its input {tensor.name} is of type {tensor.type}"
            elif ex.builder.is_after_models(known.operand):
                wrong = "which rests on a score"
            else:
                inputs.append(known.operand)
            if wrong:
                ex.report(path, f"the model reads {column.feature}, {wrong}")
                fine = False
    for output in OUTPUTS:
        name = f"{slot}.{output}"
        ex.declare(name, Scalar(CoreOutput(name), "double"), "double")
    return inputs if fine else None
