"""Puts what was compiled into one release image, named by the SHA-256 of its contents."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from fenqi.artifacts import Artifact
from fenqi.artifacts.core_model import fill_slot
from fenqi.artifacts.graph import ServingForm
from fenqi.artifacts.manifest import Manifest
from fenqi.artifacts.reference import Histogram, Reference
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.explanation_pb2 import Explanation
from fenqi.offers.texts import DEFAULT, read_texts
from fenqi.policy.consent import DataUse
from fenqi.policy.cutoffs import cutoffs_image
from fenqi.policy.lower import REQUEST
from fenqi.policy.lowered import Scalar
from fenqi.policy.products import LoweredOffers, offer_plan
from fenqi.policy.program import CoreOutput, Operand, ProgramBuilder, Registers, Slot
from fenqi.policy.row import (
    AMOUNT,
    CONSENTS,
    CUSTOMER_KEY,
    DECIDED_AT,
    PRODUCT,
    REPAYMENT_METHOD,
    REQUEST_ID,
    STAGE,
    TERM_MONTHS,
    RowSlot,
    build_row,
)
from fenqi.policy.rules import LoweredRule, stage_numbers
from fenqi.policy.schema import Drawdown, RulePack
from fenqi.policy.scorecards import OUTPUTS, SCORED, LoweredScorecard
from fenqi.policy.segments import Judgement, Routing
from fenqi.policy.tables.image import TableResults
from fenqi.policy.tables.table import SINGLE, Table
from fenqi.v1 import scoring_pb2

IMAGE_FORMAT = 2

_ACTIONS = {
    "skip": scoring_pb2.RULE_ACTION_UNSPECIFIED,
    "flag": scoring_pb2.RULE_ACTION_FLAG,
    "refer": scoring_pb2.RULE_ACTION_REFER,
    "decline": scoring_pb2.RULE_ACTION_DECLINE,
    "cap": scoring_pb2.RULE_ACTION_CAP,
}
_DIMENSIONS = {
    None: scoring_pb2.DIMENSION_UNSPECIFIED,
    "ability": scoring_pb2.DIMENSION_ABILITY,
    "willingness": scoring_pb2.DIMENSION_WILLINGNESS,
}


@dataclass(frozen=True, slots=True)
class LoweredModel:
    """A model in its slot, with what its columns read."""

    artifact: Artifact
    # One a column, of all input tensors in order.
    inputs: list[Operand]
    form: ServingForm
    # None: it explains nothing.
    explanation: Explanation | None
    always_runs: bool


@dataclass(slots=True)
class Compiled:
    """All parts of a policy, in the program."""

    policy: str
    version: str
    builder: ProgramBuilder
    use: DataUse
    routing: Routing
    reasons: list[image.ReasonText]
    features: dict[str, Scalar] = field(default_factory=dict)
    tables: dict[str, tuple[Table, TableResults]] = field(default_factory=dict)
    scorecards: dict[str, LoweredScorecard] = field(default_factory=dict)
    models: dict[str, LoweredModel] = field(default_factory=dict)
    rules: list[LoweredRule] = field(default_factory=list)
    skip: Operand | None = None
    drawdown: Drawdown | None = None
    offers: LoweredOffers | None = None
    # The jurisdiction's pack, where there is one.
    pack: RulePack | None = None

    def release_image(self) -> image.ReleaseImage:
        """The release image. The same parts give the same bytes."""
        named = self._named()
        operands = [*(operand for _, operand in named), *self._read_by_core()]
        core = [f"{slot}.{output}" for slot in self.models for output in OUTPUTS]
        if self.scorecards:
            core.append(SCORED.name)
        row, slots = build_row(REQUEST, self._slots(operands))
        program, registers = self.builder.lay_out(slots, core, operands)
        for name, operand in named:
            program.named.add(name=name, register=registers.of(operand))
        self.use.add_gates(row, slots)
        built = image.ReleaseImage(
            format=IMAGE_FORMAT,
            policy=self.policy,
            policy_version=self.version,
            row=row,
            program=program,
            reasons=self.reasons,
            amount_slot_plus_one=slots.get(AMOUNT, -1) + 1,
            customer_key_slot_plus_one=slots.get(CUSTOMER_KEY, -1) + 1,
        )
        if self.routing.index is not None:
            built.segment_register_plus_one = registers.of(self.routing.index) + 1
        if self.skip is not None:
            built.skip_register_plus_one = registers.of(self.skip) + 1
        if self.scorecards:
            built.scored_register_plus_one = registers.of(SCORED) + 1
        codes = {reason.code: number for number, reason in enumerate(self.reasons)}
        for slot, model in self.models.items():
            _add_model(built.models.add(), slot, model, registers, codes)
        for name, card in self.scorecards.items():
            _add_scorecard(built.scorecards.add(), name, card, registers, codes)
        for rule in self.rules:
            _add_rule(built, rule, registers, codes)
        for judgement in self.routing.judgements:
            self._add_segment(built.segments.add(), judgement, codes)
        self._add_quoting(built, codes)
        if self.offers is not None:
            plan = offer_plan(self.offers, registers, codes)
            plan.product_slot_plus_one = slots[PRODUCT] + 1
            plan.term_months_slot_plus_one = slots[TERM_MONTHS] + 1
            plan.repayment_method_slot_plus_one = slots[REPAYMENT_METHOD] + 1
            built.offer_plan.CopyFrom(plan)
        content = built.SerializeToString(deterministic=True)
        built.content_hash = hashlib.sha256(content).hexdigest()
        return built

    def _add_quoting(self, built: image.ReleaseImage, codes: dict[str, int]) -> None:
        """What borrowers are shown of a loan, and what a drawdown needs."""
        pack, drawdown = self.pack, self.drawdown
        built.disclosure_texts.CopyFrom(read_texts(DEFAULT if pack is None else pack.disclosure))
        if pack is not None and pack.annual_rate_cap is not None:
            built.annual_rate_cap = pack.annual_rate_cap
        if drawdown is not None:
            built.drawdown.CopyFrom(
                image.Drawdown(
                    minimum_reading_seconds=drawdown.minimum_reading_seconds,
                    valid_seconds=round(drawdown.valid_hours * 3600),
                    action=_ACTIONS[drawdown.then],
                    reason=codes[drawdown.reason],
                )
            )

    def _named(self) -> list[tuple[str, Operand]]:
        """What traces show; see NamedRegister in release_image.proto."""
        named = [(name, value.operand) for name, value in self.features.items()]
        for name, (table, results) in self.tables.items():
            named.append((f"table {name}.{'row' if table.hit in SINGLE else 'rows'}", results.row))
            named += [(f"table {name}.{o}", value) for o, (value, _) in results.outputs.items()]
        for name, card in self.scorecards.items():
            for attribute in card.attributes:
                named.append((f"scorecard {name}.{attribute.name} bin", attribute.bin))
                named.append((f"scorecard {name}.{attribute.name} points", attribute.points))
            named.append((f"{name}.score", card.score))
            named.append((f"{name}.probability_of_default", card.probability))
        for slot in self.models:
            named += [(f"{slot}.{output}", CoreOutput(f"{slot}.{output}")) for output in OUTPUTS]
        if self.routing.index is not None:
            named.append(("segment", self.routing.index))
            named += [(f"segment {name}", o) for name, o in self.routing.conditions.items()]
        for rule in self.rules:
            named.append((f"rule {rule.rule.id}", rule.condition))
            if rule.cap is not None:
                named.append((f"rule {rule.rule.id} cap", rule.cap))
        return named

    def _read_by_core(self) -> list[Operand]:
        """What the core reads besides what is named."""
        operands: list[Operand] = [o for model in self.models.values() for o in model.inputs]
        if self.skip is not None:
            operands.append(self.skip)
        if self.offers is not None:
            operands += self.offers.operands()
        return operands

    def _slots(self, operands: list[Operand]) -> list[RowSlot]:
        wanted = [REQUEST_ID, STAGE, *self.builder.slots()]
        wanted += [operand.slot for operand in operands if isinstance(operand, Slot)]
        cutoffs = [j.cutoffs for j in self.routing.judgements if j.cutoffs is not None]
        explores = any(one.explore_rate is not None for one in cutoffs)
        caps = any(rule.cap is not None for rule in self.rules)
        lends = self.offers is not None
        if caps or explores or lends or any(one.refer_above_fen is not None for one in cutoffs):
            wanted.append(AMOUNT)
            self.use.note_slot(AMOUNT)
        if lends:
            for slot in (PRODUCT, TERM_MONTHS, REPAYMENT_METHOD):
                wanted.append(slot)
                self.use.note_slot(slot)
        if explores:
            wanted.append(CUSTOMER_KEY)
        if self.drawdown is not None or lends:
            # When the money would be paid out: plans have dates.
            wanted.append(DECIDED_AT)
        if self.use.withheld:
            wanted.append(CONSENTS)
        return wanted

    def _add_segment(
        self, added: image.Segment, judgement: Judgement, codes: dict[str, int]
    ) -> None:
        added.name = judgement.name
        if judgement.decided_by in self.models:
            added.model_plus_one = list(self.models).index(judgement.decided_by) + 1
        elif judgement.decided_by in self.scorecards:
            added.scorecard_plus_one = list(self.scorecards).index(judgement.decided_by) + 1
        if judgement.cutoffs is not None:
            added.cutoffs.CopyFrom(cutoffs_image(judgement.cutoffs, codes))


def _add_model(
    added: image.ModelSlot,
    slot: str,
    model: LoweredModel,
    registers: Registers,
    codes: dict[str, int],
) -> None:
    manifest = model.artifact.manifest
    added.slot, added.name, added.version = slot, manifest.name, manifest.version
    fed_by = (registers.of(operand) for operand in model.inputs)
    fill_slot(added, model.artifact, model.form, model.explanation, fed_by)
    added.calibration.CopyFrom(_calibration(manifest))
    added.score_scale.offset = manifest.score_scale.offset
    added.score_scale.factor = manifest.score_scale.factor
    if model.explanation is not None:
        for column in manifest.columns:
            added.contributions.append(_contribution(column.reason, column.dimension, codes))
    added.score_register = registers.of(CoreOutput(f"{slot}.score"))
    added.probability_register = registers.of(CoreOutput(f"{slot}.probability_of_default"))
    added.always_runs = model.always_runs
    _add_reference(added, model.artifact.reference)


def _add_reference(added: image.ModelSlot, reference: Reference) -> None:
    """What live scores and columns are compared with. Texts are not counted in the core."""
    added.score_edges.extend(reference.score.edges)
    added.score_counts.extend(reference.score.counts)
    for name, column in reference.columns.items():
        entry = added.columns.add(name=name)
        if isinstance(column, Histogram):
            entry.edges.extend(column.edges)
            entry.counts.extend([*column.counts, column.missing])


def _calibration(manifest: Manifest) -> image.Calibration:
    built = image.Calibration()
    calibration, shift = manifest.calibration, manifest.prior_shift
    if calibration.kind == "platt":
        built.kind = image.Calibration.KIND_PLATT
        built.a, built.b = calibration.a, calibration.b
    elif calibration.kind == "isotonic":
        built.kind = image.Calibration.KIND_ISOTONIC
        for raw, calibrated in calibration.points:
            built.raw.append(raw)
            built.calibrated.append(calibrated)
    if shift is not None:
        built.prior_shift = shift.log_odds
    return built


def _add_scorecard(
    added: image.Scorecard,
    name: str,
    lowered: LoweredScorecard,
    registers: Registers,
    codes: dict[str, int],
) -> None:
    added.name = name
    added.score_register = registers.of(lowered.score)
    added.probability_register = registers.of(lowered.probability)
    added.base_points = lowered.card.base_points
    for attribute in lowered.attributes:
        given = (lowered.card.attributes or {})[attribute.name]
        added.attributes.add(
            name=attribute.name,
            points_register=registers.of(attribute.points),
            reference_points=attribute.reference_points,
            contribution=_contribution(given.reason, given.dimension, codes),
        )


def _contribution(
    reason: str | None, dimension: str | None, codes: dict[str, int]
) -> image.Contribution:
    return image.Contribution(
        reason_plus_one=codes[reason] + 1 if reason is not None else 0,
        dimension=_DIMENSIONS[dimension],
    )


def _add_rule(
    built: image.ReleaseImage, lowered: LoweredRule, registers: Registers, codes: dict[str, int]
) -> None:
    rule, place = lowered.rule, lowered.place
    places = built.program.places
    places.add(file=place.file, line=place.line, column=place.column, owner=place.owner)
    built.rules.add(
        id=rule.id,
        condition=registers.of(lowered.condition),
        action=_ACTIONS[rule.then],
        on_error=_ACTIONS[rule.on_error],
        reason_plus_one=0 if rule.reason is None else codes[rule.reason] + 1,
        stages=sum(1 << number for number in set(stage_numbers(rule))),
        place=len(places) - 1,
        cap_register_plus_one=registers.of(lowered.cap) + 1 if lowered.cap is not None else 0,
        reads_scores=lowered.reads_scores,
    )
