"""From a policy file and its models to one release image."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fenqi.artifacts import Artifact, ArtifactError, load_artifact
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr
from fenqi.policy.check import Checker, CheckFailure
from fenqi.policy.document import Document, read_document
from fenqi.policy.errors import PolicyError, Position, Problem
from fenqi.policy.lower import REQUEST, Lowering, default_of
from fenqi.policy.lowered import Scalar
from fenqi.policy.program import (
    MOST_INSTRUCTIONS,
    ModelOutput,
    Operand,
    Place,
    ProgramBuilder,
    Slot,
)
from fenqi.policy.references import reference_problems
from fenqi.policy.row import REQUEST_ID, STAGE, build_row
from fenqi.policy.schema import Rule
from fenqi.v1 import scoring_pb2

IMAGE_FORMAT = 1
MODEL_OUTPUTS = ("probability_of_default", "score")

_ACTIONS = {
    "skip": scoring_pb2.RULE_ACTION_UNSPECIFIED,
    "flag": scoring_pb2.RULE_ACTION_FLAG,
    "refer": scoring_pb2.RULE_ACTION_REFER,
    "decline": scoring_pb2.RULE_ACTION_DECLINE,
}
_DIMENSIONS = {
    None: scoring_pb2.DIMENSION_UNSPECIFIED,
    "ability": scoring_pb2.DIMENSION_ABILITY,
    "willingness": scoring_pb2.DIMENSION_WILLINGNESS,
}
_EVERY_STAGE = ("application", "drawdown", "account_review", "prescreen")


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy, ready for the core."""

    image: bytes
    policy: str
    version: str
    content_hash: str
    features: list[str]
    rules: list[str]
    instructions: int
    # Every expression as it was checked, by its path in the policy.
    expressions: dict[tuple[str | int, ...], CheckedExpr]
    # Names that an expression or a model reads.
    read: frozenset[str]
    # What the author may want to look at; each with its place.
    warnings: list[Problem]


def compile_policy(path: Path | str, models_dir: Path | str | None = None) -> CompiledPolicy:
    """Compiles the policy at `path` with the models that it names.

    `models_dir` holds `<name>/<version>/`; by default it is `models` beside the policy's folder.
    The same files give the same bytes on every machine. Raises PolicyError with everything that
    is wrong.
    """
    path = Path(path)
    models = Path(models_dir) if models_dir is not None else path.resolve().parent.parent / "models"
    return _Compilation(read_document(path), models).run()


@dataclass(slots=True)
class _Compilation:
    document: Document
    models_dir: Path
    builder: ProgramBuilder = field(default_factory=ProgramBuilder)
    checker: Checker = field(default_factory=Checker)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    features: dict[str, Scalar] = field(default_factory=dict)
    expressions: dict[tuple[str | int, ...], CheckedExpr] = field(default_factory=dict)
    # Names that an expression or a model reads.
    read: set[str] = field(default_factory=set)

    def run(self) -> CompiledPolicy:
        lowering = Lowering(self.builder)
        self._lower_features(lowering)
        artifacts = self._load_models()
        if artifacts:
            for name in MODEL_OUTPUTS:
                self.checker.declare(name, "double")
                lowering.names[name] = Scalar(ModelOutput(name), "double")
        conditions = self._lower_rules(lowering)
        self._check_reasons(artifacts)
        self._check_features_are_used()
        if self.document.policy.cutoffs is not None and not artifacts:
            self._report(("cutoffs",), "cut-offs need a model; name one under `models`")
        if self.document.policy.cutoffs and self.document.policy.cutoffs.approve_from is not None:
            self._report(("cutoffs",), "cut-offs by score cannot be compiled yet")
        if len(self.builder) > MOST_INSTRUCTIONS:
            self._report((), f"the policy has more than {MOST_INSTRUCTIONS} instructions")
        if self.problems:
            raise PolicyError(self.problems)
        return self._assemble(artifacts, conditions)

    # --- expressions ---

    def _lower_features(self, lowering: Lowering) -> None:
        for name, feature in self.document.policy.features.items():
            path = ("features", name, "expr")
            if self.checker.is_declared(name) or name in MODEL_OUTPUTS or not name.isidentifier():
                self._report(("features", name), f"a feature cannot be called {name}")
                continue
            value = self._expression(lowering, path, feature.expr, f"feature {name}")
            if value is None:
                continue
            if feature.default is not None:
                try:
                    value = default_of(self.builder, value, feature.default)
                except ValueError as error:
                    self._report(("features", name, "default"), str(error))
            self.features[name] = value
            lowering.names[name] = value
            self.checker.declare(name, value.type)

    def _lower_rules(self, lowering: Lowering) -> dict[str, Operand]:
        conditions: dict[str, Operand] = {}
        for number, rule in enumerate(self.document.policy.rules):
            path = ("rules", number, "when")
            if rule.id in conditions:
                self._report(("rules", number, "id"), f"there are two rules {rule.id}")
            value = self._expression(lowering, path, rule.when, f"rule {rule.id}")
            if value is None:
                continue
            if value.type != "bool":
                self._report(path, f"a condition is true or false; this is of type {value.type}")
            conditions[rule.id] = value.operand
        return conditions

    def _expression(
        self, lowering: Lowering, path: tuple[str | int, ...], source: str, owner: str
    ) -> Scalar | None:
        def locate(line: int, column: int) -> Place:
            at = self.document.position_in(path, line, column)
            return Place(at.file, at.line, at.column, owner)

        try:
            checked = self.checker.check(source)
            self.expressions[path] = checked
            for reference in checked.reference_map.values():
                self.read.add(reference.name)
            return lowering.lower(checked, locate)
        except CheckFailure as failure:
            at = self.document.position_in(path, failure.line, failure.column)
            self.problems.append(self.document.problem(at, failure.message))
            return None

    # --- models and reasons ---

    def _load_models(self) -> dict[str, Artifact]:
        """The artifacts by slot, the deciding one first."""
        uses = self.document.policy.models
        deciding = [slot for slot, use in uses.items() if use.role == "decision"]
        if uses and len(deciding) != 1:
            self._report(("models",), "exactly one model has the role decision")
        loaded: dict[str, Artifact] = {}
        for slot in (*deciding, *(slot for slot in uses if slot not in deciding)):
            path = ("models", slot, "artifact")
            try:
                artifact = load_artifact(self.models_dir / uses[slot].artifact)
            except ArtifactError as error:
                self._report(path, str(error))
                continue
            self._check_inputs(path, artifact)
            loaded[slot] = artifact
        return loaded

    def _check_inputs(self, path: tuple[str | int, ...], artifact: Artifact) -> None:
        for column in artifact.manifest.features:
            self.read.add(column.name)
            known = self.features.get(column.name)
            if known is None:
                self._report(path, f"the model reads {column.name}, which is no feature here")
            elif known.type == "string":
                self._report(path, f"the model reads {column.name}, which is a text")

    def _check_reasons(self, artifacts: dict[str, Artifact]) -> None:
        reasons = self.document.policy.reasons
        used: set[str] = set()
        used.update(rule.reason for rule in self.document.policy.rules if rule.reason is not None)
        self.problems += reference_problems(self.document)
        for slot, artifact in artifacts.items():
            for column in artifact.manifest.features:
                if column.reason is None:
                    continue
                used.add(column.reason)
                if column.reason not in reasons:
                    self._report(
                        ("models", slot, "artifact"),
                        f"the model's reason {column.reason} (of {column.name}) has no text in "
                        "`reasons`",
                    )
        for code in reasons:
            if code not in used:
                self._warn(("reasons", code), f"nothing gives the reason {code}")

    def _check_features_are_used(self) -> None:
        for name in self.features:
            if name not in self.read:
                self._warn(("features", name), f"nothing reads the feature {name}")

    # --- image ---

    def _assemble(
        self, artifacts: dict[str, Artifact], conditions: dict[str, Operand]
    ) -> CompiledPolicy:
        policy = self.document.policy
        named = [value.operand for value in self.features.values()]
        extra = [*named, *conditions.values()]
        wanted = [REQUEST_ID, STAGE, *self.builder.slots()]
        wanted += [operand.slot for operand in extra if isinstance(operand, Slot)]
        row, slots = build_row(REQUEST, wanted)
        outputs = list(MODEL_OUTPUTS) if artifacts else []
        program, registers = self.builder.lay_out(slots, outputs, extra)
        for name, value in self.features.items():
            program.features.add(name=name, register=registers.of(value.operand))
        reasons = {code: number for number, code in enumerate(policy.reasons)}
        built = image.ReleaseImage(
            format=IMAGE_FORMAT,
            policy=policy.policy,
            policy_version=policy.version,
            row=row,
            program=program,
        )
        for slot, artifact in artifacts.items():
            deciding = len(built.models) == 0
            self._add_model(built, slot, artifact, registers.of, reasons, deciding)
        for number, rule in enumerate(policy.rules):
            place = self.document.position(("rules", number))
            self._add_rule(built, rule, registers.of(conditions[rule.id]), place, reasons)
        if policy.cutoffs is not None:
            built.cutoffs.approve_at_most = policy.cutoffs.approve_at_most or 0.0
            built.cutoffs.refer_at_most = policy.cutoffs.refer_at_most or 0.0
        for code, texts in policy.reasons.items():
            built.reasons.add(code=code, text_en=texts.en, text_zh=texts.zh)
        serialized = built.SerializeToString(deterministic=True)
        built.content_hash = hashlib.sha256(serialized).hexdigest()
        return CompiledPolicy(
            image=built.SerializeToString(deterministic=True),
            policy=policy.policy,
            version=policy.version,
            content_hash=built.content_hash,
            features=list(self.features),
            rules=[rule.id for rule in policy.rules],
            instructions=len(self.builder),
            expressions=self.expressions,
            read=frozenset(self.read),
            warnings=self.warnings,
        )

    def _add_model(
        self,
        built: image.ReleaseImage,
        slot: str,
        artifact: Artifact,
        register_of: Callable[[Operand], int],
        reasons: dict[str, int],
        deciding: bool,
    ) -> None:
        manifest = artifact.manifest
        model = built.models.add(
            slot=slot,
            name=manifest.name,
            version=manifest.version,
            onnx=artifact.onnx,
            margin_output=manifest.outputs.margin,
            probability_output=manifest.outputs.probability,
            contributions_output=manifest.outputs.contributions,
            base_margin=manifest.base_margin,
        )
        model.inputs.add(
            name=manifest.input,
            type=image.TENSOR_TYPE_FLOAT,
            registers=[
                register_of(self.features[column.name].operand) for column in manifest.features
            ],
        )
        if manifest.calibration.kind == "platt":
            model.calibration.kind = image.Calibration.KIND_PLATT
            model.calibration.a = manifest.calibration.a
            model.calibration.b = manifest.calibration.b
        model.score_scale.offset = manifest.score_scale.offset
        model.score_scale.factor = manifest.score_scale.factor
        if manifest.outputs.contributions:
            for column in manifest.features:
                reason = reasons[column.reason] + 1 if column.reason is not None else 0
                model.contributions.add(
                    reason_plus_one=reason, dimension=_DIMENSIONS[column.dimension]
                )
        if deciding:
            probability, score = (register_of(ModelOutput(name)) for name in MODEL_OUTPUTS)
            model.probability_register_plus_one = probability + 1
            model.score_register_plus_one = score + 1

    def _add_rule(
        self,
        built: image.ReleaseImage,
        rule: Rule,
        condition: int,
        at: Position,
        reasons: dict[str, int],
    ) -> None:
        stages = rule.stage if rule.stage is not None else _EVERY_STAGE
        numbers = [scoring_pb2.Stage.Value(f"STAGE_{stage.upper()}") for stage in stages]
        places = built.program.places
        places.add(file=at.file, line=at.line, column=at.column, owner=f"rule {rule.id}")
        built.rules.add(
            id=rule.id,
            condition=condition,
            action=_ACTIONS[rule.then],
            on_error=_ACTIONS[rule.on_error],
            reason_plus_one=0 if rule.reason is None else reasons[rule.reason] + 1,
            stages=sum(1 << number for number in numbers),
            place=len(places) - 1,
        )

    # --- messages ---

    def _report(self, path: tuple[str | int, ...], message: str) -> None:
        self.problems.append(self.document.problem(self.document.position(path), message))

    def _warn(self, path: tuple[str | int, ...], message: str) -> None:
        self.warnings.append(self.document.problem(self.document.position(path), message))
