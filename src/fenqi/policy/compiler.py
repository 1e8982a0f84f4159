"""From a policy file and its models to one release image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from fenqi.artifacts import Artifact, ArtifactError
from fenqi.artifacts.core_model import form_of
from fenqi.artifacts.explanation import explanation_of
from fenqi.artifacts.graph import ServingForm
from fenqi.artifacts.signature import TrustedKeys
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr
from fenqi.policy.consent import data_use
from fenqi.policy.cutoffs import check_cutoffs
from fenqi.policy.document import Document, read_document
from fenqi.policy.errors import PolicyError, Problem
from fenqi.policy.expressions import Expressions
from fenqi.policy.lower import content_of, default_of, typed
from fenqi.policy.lowered import Scalar
from fenqi.policy.models import bind_slots, declare_model, load_artifacts
from fenqi.policy.ordering import CycleError, Part, in_order
from fenqi.policy.policy_tables import declare_lists, declare_lookups, lower_table
from fenqi.policy.products import LoweredOffers, lower_offers
from fenqi.policy.program import MOST_INSTRUCTIONS, Operand, ProgramBuilder
from fenqi.policy.reasons import check_reasons, reason_images
from fenqi.policy.references import reference_problems
from fenqi.policy.release import Compiled, LoweredModel
from fenqi.policy.rules import lower_rules, skip_condition
from fenqi.policy.schema import Scorecard
from fenqi.policy.scorecards import OUTPUTS, lower_scorecard, with_attributes
from fenqi.policy.segment_proof import prove_segments
from fenqi.policy.segments import (
    Routing,
    always_running,
    declare_outcome,
    declare_segment,
    route,
)
from fenqi.policy.tables.lookup import Lookup, ValueList
from fenqi.policy.tables.table import Table

# Names that no part of a policy may have.
RESERVED = frozenset(
    {"application", "request", "decision_time", "segment", "lists", "lookups", "tables", *OUTPUTS}
)


_SEGMENTS = Part("segment", "")
_OUTCOME = Part("outcome", "")


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """A policy, ready for the core."""

    image: bytes
    policy: str
    version: str
    content_hash: str
    # In the order in which they are worked out.
    features: list[str]
    rules: list[str]
    segments: list[str]
    tables: dict[str, Table]
    lookups: dict[str, Lookup]
    lists: dict[str, ValueList]
    # With their attributes, also where these are from an artifact.
    scorecards: dict[str, Scorecard]
    models: dict[str, Artifact]
    # The last day of each model and scorecard that has one, by `name/version`.
    expires: dict[str, date]
    # Of each model, which path serves it and why.
    forms: dict[str, ServingForm]
    instructions: int
    # Every expression as it was checked, by its path in the policy.
    expressions: dict[tuple[str | int, ...], CheckedExpr]
    # Names that an expression or a model reads.
    read: frozenset[str]
    # The program as it was built, and in it the condition of each rule, by id.
    builder: ProgramBuilder
    conditions: dict[str, Operand]
    # What it lends; None: nothing.
    offers: LoweredOffers | None
    # The contract's data sources that are read, and those of them that need consent.
    sources: frozenset[str]
    gated_sources: frozenset[str]
    # What the author may want to look at; each with its place.
    warnings: list[Problem]


def compile_policy(
    path: Path | str,
    models_dir: Path | str | None = None,
    bindings: Mapping[str, str] | None = None,
    trusted: TrustedKeys | None = None,
) -> CompiledPolicy:
    """Compiles the policy at `path` with the models that it names.

    `models_dir` holds `<name>/<version>/`; by default it is `models` beside the policy's folder.
    `bindings`: slots that are filled with another `name/version` than the policy says. `trusted`:
    the keys of which one must have signed each model.
    The same files give the same bytes on every machine. Raises PolicyError with everything that
    is wrong.
    """
    return compile_document(read_document(Path(path)), models_dir, bindings, trusted)


def compile_document(
    document: Document,
    models_dir: Path | str | None = None,
    bindings: Mapping[str, str] | None = None,
    trusted: TrustedKeys | None = None,
) -> CompiledPolicy:
    """Compiles a policy that was read; otherwise as `compile_policy`."""
    beside = document.files[0].path.parent.parent / "models"
    bound = bind_slots(document, bindings or {})
    models = Path(models_dir if models_dir is not None else beside)
    return _Compilation(bound, models, trusted).run()


@dataclass(slots=True)
class _Compilation:
    document: Document
    models_dir: Path
    trusted: TrustedKeys | None
    ex: Expressions = field(init=False)
    compiled: Compiled = field(init=False)

    def __post_init__(self) -> None:
        use, problems = data_use(self.document)
        self.ex = Expressions(self.document, use)
        self.ex.problems += [*problems, *reference_problems(self.document)]
        policy = self.document.policy
        self.compiled = Compiled(
            policy.policy,
            policy.version,
            self.ex.builder,
            use,
            Routing([]),
            reason_images(self.ex),
            drawdown=policy.drawdown,
            pack=self.document.pack,
        )

    def run(self) -> CompiledPolicy:
        ex, policy = self.ex, self.document.policy
        self._check_names()
        lists, lookups = declare_lists(ex), declare_lookups(ex)
        artifacts = load_artifacts(ex, self.models_dir, self.trusted)
        cards = {name: with_attributes(ex, name, artifacts) for name in policy.scorecards}
        known = {name: card for name, card in cards.items() if card is not None}
        models = {
            slot: artifacts[use.artifact]
            for slot, use in policy.models.items()
            if use.artifact in artifacts
        }
        self._lower_parts(known, models)
        self._route_and_rule(known, models)
        if ex.problems:
            raise PolicyError(ex.problems)
        built = self.compiled.release_image()
        prove_segments(ex, self.compiled.routing, built)
        if ex.problems:
            raise PolicyError(ex.problems)
        return CompiledPolicy(
            image=built.SerializeToString(deterministic=True),
            policy=policy.policy,
            version=policy.version,
            content_hash=built.content_hash,
            features=list(self.compiled.features),
            rules=[rule.id for rule in policy.rules],
            segments=list(policy.segments),
            tables={name: table for name, (table, _) in self.compiled.tables.items()},
            lookups=lookups,
            lists=lists,
            scorecards=known,
            models=models,
            expires={
                name: artifact.manifest.expires
                for name, artifact in artifacts.items()
                if artifact.manifest.expires is not None
            },
            forms={slot: model.form for slot, model in self.compiled.models.items()},
            instructions=len(ex.builder),
            expressions=ex.checked,
            read=frozenset(ex.read),
            builder=ex.builder,
            conditions={one.rule.id: one.condition for one in self.compiled.rules},
            offers=self.compiled.offers,
            sources=frozenset(ex.use.read),
            gated_sources=frozenset(ex.use.withheld),
            warnings=ex.warnings,
        )

    def _check_names(self) -> None:
        """Features, models and scorecards share one space of names."""
        policy = self.document.policy
        taken: dict[str, str] = {}
        for key in ("features", "scorecards", "models"):
            for name in getattr(policy, key):
                kind = key.removesuffix("s")
                if name in RESERVED or not name.isidentifier():
                    self.ex.report((key, name), f"a {kind} cannot be called {name}")
                elif name in taken:
                    self.ex.report((key, name), f"{name} is the name of a {taken[name]} already")
                taken[name] = kind

    # --- what reads one another: features, tables, scorecards, models ---

    def _lower_parts(self, cards: Mapping[str, Scorecard], models: Mapping[str, Artifact]) -> None:
        for part in self._ordered(cards, models):
            match part.kind:
                case "feature":
                    self._lower_feature(part.name)
                case "table":
                    lowered = lower_table(self.ex, part.name)
                    if lowered is not None:
                        self.compiled.tables[part.name] = lowered
                case "scorecard":
                    card = lower_scorecard(self.ex, part.name, cards[part.name])
                    if card is not None:
                        self.compiled.scorecards[part.name] = card
                case "model":
                    self._lower_model(part.name, models[part.name])
                case "segment":
                    self.compiled.routing = route(self.ex)
                    declare_segment(self.ex, self.compiled.routing)
                case "outcome":
                    declare_outcome(self.ex, self.compiled.routing)

    def _ordered(
        self, cards: Mapping[str, Scorecard], models: Mapping[str, Artifact]
    ) -> list[Part]:
        policy = self.document.policy
        texts: dict[Part, list[str]] = {}
        for name, feature in policy.features.items():
            texts[Part("feature", name)] = [feature.expr]
        for name, table in policy.tables.items():
            inputs = table.inputs.values()
            texts[Part("table", name)] = [i if isinstance(i, str) else i.expr for i in inputs]
        for name, card in cards.items():
            attributes = (card.attributes or {}).values()
            texts[Part("scorecard", name)] = [attribute.expr for attribute in attributes]
        conditions = [segment.when for segment in policy.segments.values() if segment.when]
        texts[_SEGMENTS] = conditions
        by_name = {self._spelt(part): part for part in texts}
        by_name |= {slot: Part("model", slot) for slot in models}
        by_name |= dict.fromkeys(OUTPUTS, _OUTCOME)
        order = {name: number for number, name in enumerate(by_name)}
        reads: dict[Part, list[Part]] = {}
        for part, sources in texts.items():
            names = {name for source in sources for name in self.ex.names_in(source)}
            reads[part] = [by_name[n] for n in sorted(names & order.keys(), key=order.__getitem__)]
        for slot, artifact in models.items():
            columns = [column.feature for column in artifact.manifest.columns]
            reads[Part("model", slot)] = [by_name[c] for c in columns if c in by_name]
        deciders = [Part("scorecard", name) for name in cards]
        deciders += [Part("model", slot) for slot in models]
        reads[_OUTCOME] = [_SEGMENTS, *deciders]
        try:
            return in_order(reads)
        except CycleError as error:
            first = error.parts[0]
            path = (
                ("segments",) if first in (_SEGMENTS, _OUTCOME) else (f"{first.kind}s", first.name)
            )
            self.ex.report(path, f"a circle: {error}")
            raise PolicyError(self.ex.problems) from None

    @staticmethod
    def _spelt(part: Part) -> str:
        """What expressions call a part."""
        if part == _SEGMENTS:
            return "segment"
        return f"tables.{part.name}" if part.kind == "table" else part.name

    def _lower_feature(self, name: str) -> None:
        ex, feature = self.ex, self.document.policy.features[name]
        value = ex.lower(("features", name, "expr"), feature.expr, f"feature {name}")
        sources = [ex.use.declared[s] for s in feature.sources if s in ex.use.declared]
        for source in sources:
            if source in ex.use.forbidden:
                ex.report(("features", name, "source"), ex.use.why_forbidden(source))
        if value is None:
            return
        value = content_of(
            ex.builder, value, ex.place(("features", name, "expr"), f"feature {name}")
        )
        if value.type == "dyn" and feature.type is not None:
            value = typed(ex.builder, value, feature.type)
        elif feature.type is not None and feature.type != value.type:
            ex.report(
                ("features", name, "type"),
                f"{name} is declared {feature.type}; the expression is {value.type}",
            )
        value = Scalar(ex.use.gate(ex.builder, value.operand, sources), value.type)
        if feature.default is not None:
            try:
                value = default_of(ex.builder, value, feature.default)
            except ValueError as error:
                ex.report(("features", name, "default"), str(error))
        self.compiled.features[name] = value
        ex.declare(name, value, value.type)

    def _lower_model(self, slot: str, artifact: Artifact) -> None:
        inputs = declare_model(self.ex, slot, artifact, self.compiled.features)
        if inputs is not None:
            form = form_of(artifact)
            where = ("models", slot, "artifact")
            if form.parity is not None and form.native is None:
                self.ex.warn(where, f"onnxruntime serves {slot}, not the core: {form.why}")
            try:
                rows = artifact.reference.rows
                explanation = explanation_of(artifact.manifest, rows, form.native, form.why)
            except ArtifactError as error:
                self.ex.report(where, str(error))
                return
            self.compiled.models[slot] = LoweredModel(
                artifact, inputs, form, explanation, always_runs=False
            )

    # --- what decides ---

    def _route_and_rule(
        self, cards: Mapping[str, Scorecard], models: Mapping[str, Artifact]
    ) -> None:
        ex = self.ex
        routing = self.compiled.routing
        for judgement in routing.judgements:
            if judgement.cutoffs is not None:
                check_cutoffs(ex, judgement.cutoffs, judgement.path)
        self.compiled.rules = lower_rules(ex)
        self.compiled.skip = skip_condition(ex, self.compiled.rules)
        self.compiled.offers = lower_offers(ex, routing)
        running = always_running(ex, models)
        for slot, model in self.compiled.models.items():
            self.compiled.models[slot] = replace(model, always_runs=slot in running)
        check_reasons(ex, models, cards, routing)
        if len(ex.builder) > MOST_INSTRUCTIONS:
            ex.report((), f"the policy has more than {MOST_INSTRUCTIONS} instructions")
