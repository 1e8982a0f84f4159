"""What a policy file may hold, key by key. `fenqi policy schema` prints it as JSON Schema.

Descriptions are what an editor shows beside a key; the reference in docs/ is written from them.
"""

from __future__ import annotations

import datetime
import math
from typing import Any, Literal

from pydantic import Field, model_validator

from fenqi.offers.loan import Method
from fenqi.policy.offer_schema import Help, LimitKind, Offers, Product
from fenqi.policy.schema_part import (
    ID,
    Expression,
    Name,
    Part,
    ReasonCode,
    Scalar,
    Text,
    ValueType,
)

ARTIFACT = r"^[a-z0-9_]+/[A-Za-z0-9_.-]+$"

Jurisdiction = Literal["CN", "US", "EU"]
StageName = Literal["application", "drawdown", "account_review", "prescreen"]
Dimension = Literal["ability", "willingness"]
Reference = Literal["at_cutoff", "population", "maximum"]
# The contract's DataSource, in lower case.
DataSourceName = Literal[
    "declared",
    "identity",
    "bureau",
    "device",
    "location",
    "carrier",
    "bank_statements",
    "public_funds",
    "platform",
    "multi_lender",
    "social",
    "own_records",
]
HitPolicy = Literal["unique", "any", "first", "priority", "rule_order", "output_order", "collect"]


class Source(Part):
    """Where data comes from, and whether its use needs the applicant's consent (R13, R27)."""

    consent: Literal["required", "not_needed"] = Field(
        description="`required`: without a granted consent in the application, everything that "
        "rests on this source is missing, and the answer says so."
    )
    data_source: DataSourceName | None = Field(
        default=None,
        description="The contract's source that consents name; by default the key itself.",
    )
    meaning: Text = Field(default="", description="What the data is, in a sentence.")


class Feature(Part):
    """A named expression over the application and earlier features."""

    expr: Expression = Field(description="CEL over `application`, `request` and earlier names.")
    meaning: Text = Field(min_length=1, description="What it is, in a sentence.")
    type: ValueType | None = Field(
        default=None, description="The expression's type; checked where it is given."
    )
    unit: Text = Field(default="", description="share, fen, days, months late, ...")
    source: Name | list[Name] = Field(
        default_factory=list,
        description="The data sources that it rests on, beyond those of the fields it reads.",
    )
    default: Scalar | None = Field(
        default=None,
        description="The value where it is missing. Without it, missing stays missing.",
    )

    @property
    def sources(self) -> list[str]:
        """The declared sources as a list."""
        return [self.source] if isinstance(self.source, str) else list(self.source)


class Hashed(Part):
    """Entries are hex SHA-256 of salt and value, so that a list of people names nobody."""

    salt: Text = Field(description="Put before each value when it is hashed.")


class ValueList(Part):
    """A list for `value in lists.<name>`. Texts may end in `*` (any ending)."""

    meaning: Text = Field(min_length=1, description="What is on it, and who keeps it.")
    type: Literal["string", "int", "double"] = Field(
        default="string", description="What the entries are."
    )
    values: list[Scalar] | None = Field(default=None, description="The entries.")
    csv: str | None = Field(default=None, description="A CSV file beside the policy.")
    column: str | None = Field(default=None, description="Its column; by default the first.")
    hashed: Hashed | None = Field(
        default=None, description="The entries are hashes, so that the list names nobody."
    )

    @model_validator(mode="after")
    def _one_origin(self) -> ValueList:
        if (self.values is None) == (self.csv is None):
            raise ValueError("give either `values` or `csv`")
        return self


class LookupKey(Part):
    """The column that a lookup is asked by."""

    column: str = Field(description="The CSV column. Cells: a value, `10..20`, `ab*`, or `*`.")
    type: Literal["string", "int", "double"] = Field(
        default="string", description="What the keys are."
    )


class Lookup(Part):
    """A table for `lookups.<name>.<column>[key]`; a key that is not there gives missing."""

    meaning: Text = Field(min_length=1, description="What it says, and who keeps it.")
    csv: str = Field(description="A CSV file beside the policy.")
    key: LookupKey = Field(description="What the table is asked by.")
    values: dict[Name, ValueType] = Field(min_length=1, description="Value columns, with types.")


class TableInput(Part):
    """A column of conditions."""

    expr: Expression = Field(description="What the column's cells are compared with.")
    type: ValueType | None = Field(default=None, description="Checked where it is given.")
    allowed: list[Scalar] | None = Field(
        default=None, description="All values that can occur; gaps are looked for among these."
    )


class TableOutput(Part):
    """A column of outcomes."""

    type: ValueType = Field(default="string", description="What the column holds.")
    priority: list[Scalar] | None = Field(
        default=None, description="For `priority` and `output_order`: best first."
    )
    default: Scalar | None = Field(
        default=None, description="The value where no row holds. Without it: missing."
    )


class DecisionTable(Part):
    """Conditions x outcomes. Results are `tables.<name>.<output>` and `tables.<name>.row`."""

    meaning: Text = Field(min_length=1, description="What it decides, in a sentence.")
    hit: HitPolicy = Field(default="first", description="Which of the rows that hold count.")
    aggregate: Literal["sum", "min", "max", "count"] | None = Field(
        default=None, description="For `collect`: one number instead of a list."
    )
    complete: bool = Field(
        default=False, description="A gap is an error; otherwise `fenqi policy check` lists it."
    )
    inputs: dict[Name, TableInput | Expression] = Field(
        min_length=1, description="Columns of conditions: a name, and the expression to compare."
    )
    outputs: dict[Name, TableOutput] = Field(
        min_length=1, description="Columns of outcomes: `tables.<name>.<output>`."
    )
    rows: list[list[Scalar | None]] | None = Field(
        default=None,
        description="One list a row: a cell for each input, then for each output. Cells: `-` "
        "(any), `>= 18`, `[18..25)`, `a, b`, `not a`, `ab*`, `missing`.",
    )
    csv: str | None = Field(
        default=None, description="A CSV file beside the policy; its header names the columns."
    )

    @model_validator(mode="after")
    def _whole(self) -> DecisionTable:
        if (self.rows is None) == (self.csv is None):
            raise ValueError("give either `rows` or `csv`")
        if self.aggregate is not None and self.hit != "collect":
            raise ValueError("`aggregate` belongs to hit policy `collect`")
        if self.hit in ("priority", "output_order") and not any(
            output.priority for output in self.outputs.values()
        ):
            raise ValueError(f"hit policy `{self.hit}` needs `priority` at an output")
        return self


class Bin(Part):
    """One bin of an attribute: exactly one kind of condition, or none for the rest."""

    below: float | None = Field(
        default=None, description="Numbers from the bin before up to, not including, this."
    )
    values: list[Scalar] | None = Field(default=None, alias="in", description="These values.")
    special: list[float] | None = Field(
        default=None, description="Codes that are no quantities (-1, 99999)."
    )
    missing: Literal[True] | None = Field(default=None, description="No value.")
    points: float = Field(description="Points that it gives.")
    label: Text = Field(default="", description="What to call the bin.")

    @model_validator(mode="after")
    def _one_condition(self) -> Bin:
        given = [self.below, self.values, self.special, self.missing]
        if sum(value is not None for value in given) > 1:
            raise ValueError(
                "a bin has one of `below`, `in`, `special`, `missing`, or none of them"
            )
        return self

    @property
    def text(self) -> str:
        """The condition in words."""
        if self.missing:
            return "missing"
        if self.special is not None:
            return f"special {', '.join(f'{code:g}' for code in self.special)}"
        if self.values is not None:
            return f"in {', '.join(str(value) for value in self.values)}"
        return "the rest" if self.below is None else f"below {self.below:g}"


class ReferencePoints(Part):
    """Points of each reference applicant, as a model artifact ships them."""

    at_cutoff: float | None = Field(
        default=None, description="Mean of applicants at or slightly above the cut-off."
    )
    population: float | None = Field(default=None, description="Mean of all applicants.")


class Attribute(Part):
    """One characteristic of a scorecard."""

    expr: Expression = Field(description="Often a feature's name.")
    bins: list[Bin] = Field(
        min_length=1,
        description="Specials and missing first; numeric bins in order of `below`; last one bin "
        "without a condition for the rest. A value in no bin gives no score.",
    )
    reason: str | None = Field(default=None, description="The reason where points are lost here.")
    dimension: Dimension | None = Field(default=None, description="Which sub-score it is part of.")
    reference_points: float | ReferencePoints | None = Field(
        default=None,
        description="Points of the reference applicant, or of several, of whom the scorecard's "
        "`reference` names one; for reference `maximum`, computed.",
    )

    def points_of(self, reference: Reference) -> float | None:
        """Points of that reference applicant; None where they are not known."""
        if reference == "maximum":
            return max(part.points for part in self.bins)
        if isinstance(self.reference_points, ReferencePoints):
            given = self.reference_points
            return given.at_cutoff if reference == "at_cutoff" else given.population
        return self.reference_points


class Scorecard(Part):
    """Points for attributes; the sum is a score, and a score is odds (3.1).

    Gives `<name>.score` and `<name>.probability_of_default`.
    """

    meaning: Text = Field(min_length=1, description="Whom it scores, and where it comes from.")
    odds: Literal["good_to_bad", "bad_to_good"] = Field(
        default="good_to_bad",
        description="How `base_odds` are meant: 50 good to one bad, or 1/19 bad to good.",
    )
    base_score: float = Field(description="The score at `base_odds`.")
    base_odds: float = Field(gt=0, description="The odds at `base_score`.")
    points_to_double_odds: float = Field(
        gt=0, description="Points by which the odds good : bad double."
    )
    base_points: float = Field(default=0.0, description="Points that everybody gets.")
    reference: Reference = Field(
        default="at_cutoff",
        description="Against whom points are lost, for reasons (12 CFR 1002, comment 9(b)(2)-5).",
    )
    attributes: dict[Name, Attribute] | None = Field(
        default=None, description="Characteristics with their bins and points."
    )
    artifact: str | None = Field(
        default=None,
        pattern=ARTIFACT,
        description="Read the attributes from `scorecard.yaml` of this model artifact.",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Scorecard:
        if (self.attributes is None) == (self.artifact is None):
            raise ValueError("give either `attributes` or `artifact`")
        for name, attribute in (self.attributes or {}).items():
            if attribute.points_of(self.reference) is None:
                raise ValueError(f"{name}: reference `{self.reference}` needs `reference_points`")
        return self

    @property
    def factor(self) -> float:
        """Points for each unit of ln(odds good : bad)."""
        return self.points_to_double_odds / math.log(2)

    @property
    def offset(self) -> float:
        """The score at odds of 1 : 1."""
        good_to_bad = self.base_odds if self.odds == "good_to_bad" else 1.0 / self.base_odds
        return self.base_score - self.factor * math.log(good_to_bad)


class ScorecardFile(Part):
    """What `scorecard.yaml` in a model artifact holds: the points, and the scale they are on."""

    odds: Literal["good_to_bad", "bad_to_good"] = Field(
        default="good_to_bad", description="How `base_odds` are meant."
    )
    base_score: float = Field(description="The score at `base_odds`.")
    base_odds: float = Field(gt=0, description="Of the scale that the points are on.")
    points_to_double_odds: float = Field(gt=0, description="Of the scale that the points are on.")
    base_points: float = Field(default=0.0, description="Points that everybody gets.")
    attributes: dict[Name, Attribute] = Field(min_length=1, description="As in a policy.")


class ModelUse(Part):
    """A model artifact in a slot. Gives `<slot>.score` and `<slot>.probability_of_default`."""

    artifact: str = Field(pattern=ARTIFACT, description="`name/version` under the models folder.")
    role: Literal["decision", "secondary"] = Field(
        default="decision",
        description="Without segments, the one with role `decision` decides. With segments, "
        "`decided_by` says which.",
    )


class Cutoffs(Part):
    """From probability of default, or from score, to a decision."""

    approve_at_most: float | None = Field(
        default=None, ge=0, le=1, description="Approve up to this probability of default."
    )
    refer_at_most: float | None = Field(
        default=None, ge=0, le=1, description="Refer up to this; decline above."
    )
    approve_from: float | None = Field(default=None, description="Approve from this score.")
    refer_from: float | None = Field(
        default=None, description="Refer from this score; decline below."
    )
    refer_above_fen: int | None = Field(
        default=None,
        gt=0,
        description="Sub-limit: an approval of more than this amount goes to a person.",
    )
    refer_above_reason: str | None = Field(
        default=None, description="Code in `reasons` for that referral."
    )
    explore_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of applicants in the band just below `approve` who are approved at "
        "random, to learn how they repay (3.4). Sticky by hash of `customer_key`.",
    )
    explore_budget: int | None = Field(
        default=None,
        gt=0,
        description="Most expected loss, fen, for each application that falls into the band: an "
        "applicant's rate is cut to budget / (probability x loss given default x amount).",
    )
    explore_at_most: float | None = Field(
        default=None, ge=0, le=1, description="The band's end, as probability of default."
    )
    explore_from: float | None = Field(default=None, description="The band's end, as score.")
    explore_amount_fen: int | None = Field(
        default=None, gt=0, description="An explored approval lends at most this."
    )
    explore_loss_given_default: float = Field(
        default=1.0, gt=0, le=1, description="Share of the amount that is lost where one defaults."
    )
    explore_salt: Text = Field(
        default="", description="Another salt draws other people; change it to start afresh."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Cutoffs:
        by_probability = (self.approve_at_most, self.refer_at_most)
        by_score = (self.approve_from, self.refer_from)
        if (None in by_probability) == (None in by_score) or any(
            value is not None for value in (by_score if None in by_score else by_probability)
        ):
            raise ValueError(
                "give either `approve_at_most` and `refer_at_most` (probability of default), or "
                "`approve_from` and `refer_from` (score)"
            )
        if (self.refer_at_most or 0.0) < (self.approve_at_most or 0.0):
            raise ValueError("refer_at_most lies below approve_at_most")
        if (self.refer_from or 0.0) > (self.approve_from or 0.0):
            raise ValueError("refer_from lies above approve_from")
        if self.refer_above_reason is not None and self.refer_above_fen is None:
            raise ValueError("`refer_above_reason` belongs to `refer_above_fen`")
        explore = [self.explore_rate, self.explore_budget, self.explore_amount_fen]
        ends = [self.explore_at_most, self.explore_from]
        if any(value is not None for value in [*explore, *ends]):
            if None in explore:
                raise ValueError(
                    "exploring needs `explore_rate`, `explore_budget` and `explore_amount_fen`"
                )
            end = self.explore_at_most if self.approve_from is None else self.explore_from
            if end is None or sum(value is not None for value in ends) != 1:
                raise ValueError(
                    "exploring needs the band's end: `explore_at_most` beside `approve_at_most`, "
                    "`explore_from` beside `approve_from`"
                )
            if self.approve_at_most is not None and end < self.approve_at_most:
                raise ValueError("explore_at_most lies below approve_at_most: the band is empty")
            if self.approve_from is not None and end > self.approve_from:
                raise ValueError("explore_from lies above approve_from: the band is empty")
        return self


class Segment(Part):
    """Applicants who are scored by one model or scorecard and held to one set of cut-offs.

    Each applicant falls in exactly one segment (R10, R14): conditions exclude one another, and
    together they hold for everybody, or one segment is `otherwise`.
    """

    when: Expression | None = Field(default=None, description="A condition; never missing.")
    otherwise: Literal[True] | None = Field(
        default=None, description="Everybody for whom no other segment's condition is true."
    )
    meaning: Text = Field(min_length=1, description="Who is in it, in a sentence.")
    decided_by: Name | None = Field(
        default=None, description="A slot under `models` or a scorecard; none: rules alone."
    )
    cutoffs: Cutoffs | None = Field(
        default=None, description="By default the policy's own `cutoffs`."
    )

    @model_validator(mode="after")
    def _one_condition(self) -> Segment:
        if (self.when is None) == (self.otherwise is None):
            raise ValueError("give either `when` or `otherwise: true`")
        return self


class Rule(Part):
    """A condition, what it does, and what a condition that cannot be known means."""

    id: str = Field(pattern=ID, description="Names the rule in answers; never change it.")
    when: Expression = Field(description="A CEL condition.")
    then: Literal["decline", "refer", "flag", "cap"] = Field(
        description="`cap`: the loan may be at most `cap_fen`."
    )
    meaning: Text = Field(min_length=1, description="What it stops, in a sentence.")
    reason: str | None = Field(
        default=None, description="Code in `reasons`; needed by every rule but a flag."
    )
    on_error: Literal["decline", "refer", "flag", "skip"] = Field(
        default="refer", description="What a condition does that is missing or failed."
    )
    cap_fen: int | Expression | None = Field(
        default=None, description="For `cap`: most fen, a number or an expression."
    )
    stage: list[StageName] | None = Field(
        default=None, description="Where in the loan's life it holds; by default everywhere."
    )
    valid_from: datetime.date | None = Field(
        default=None, description="First day on which it holds (Asia/Shanghai, or `time_zone`)."
    )
    valid_until: datetime.date | None = Field(
        default=None, description="Last day on which it holds."
    )
    skips_models: bool = Field(
        default=False,
        description="A hard rule: where it declines, no model is run and the answer has no score.",
    )
    owner: Text = Field(default="", description="Who answers for it.")
    basis: Text = Field(default="", description="Where its threshold comes from.")
    proposal: bool = Field(
        default=False, description="The threshold is a starting value without a public source."
    )

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if self.reason is None and self.then != "flag":
            raise ValueError(f"a rule that may {self.then} needs a reason")
        if (self.then == "cap") != (self.cap_fen is not None):
            raise ValueError("`then: cap` and `cap_fen` belong together")
        if self.skips_models and self.then != "decline":
            raise ValueError("only a rule that declines may skip the models")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self


class ReasonTexts(Part):
    """What an applicant is told."""

    en: Text = Field(min_length=1, description="The text in English.")
    zh: Text = Field(min_length=1, description="The text in Chinese.")
    group: Name | None = Field(
        default=None, description="Reasons of one group are added up, and only one is given."
    )
    priority: int = Field(default=0, description="Ties go to the higher; then to the first.")


class ExpectedOffer(Part):
    """One offer of an answer. What is not named is not compared."""

    product: Name | None = Field(default=None, description="Its product.")
    amount_fen: int | None = Field(default=None, description="Its amount, fen.")
    term_months: int | None = Field(default=None, description="Its term.")
    method: Method | None = Field(default=None, description="How it is repaid.")
    nominal_annual_rate: float | tuple[float, float] | None = Field(
        default=None, description="What it costs a year: a number (within 1e-6) or a range."
    )


class Expectation(Part):
    """What must come out. What is not named is not compared."""

    decision: Literal["approve", "counter_offer", "refer", "decline"] | None = Field(
        default=None, description="The decision."
    )
    segment: str | None = Field(default=None, description="The segment; '' for none.")
    score: float | tuple[float, float] | None = Field(
        default=None, description="A number (within 1e-6) or a range."
    )
    probability_of_default: float | tuple[float, float] | None = Field(
        default=None, description="A number (within 1e-9) or a range."
    )
    hits: list[str] | None = Field(default=None, description="All rules that fire, in any order.")
    reasons: list[str] | None = Field(default=None, description="Codes, in order.")
    amount_cap_fen: int | None = Field(
        default=None, description="Most that may be lent, fen; 0 or more."
    )
    explored: bool | None = Field(default=None, description="Approved at random, to learn.")
    offers: list[ExpectedOffer] | None = Field(
        default=None, description="All offers, in order; `[]`: none."
    )
    limit_binding: LimitKind | Literal["none"] | None = Field(
        default=None, description="What stands in the way of the loan asked for."
    )
    what_would_help: list[Help] | None = Field(
        default=None, description="What the applicant could do, in any order."
    )
    withheld: list[DataSourceName] | None = Field(
        default=None, description="Sources left out for want of consent."
    )
    features: dict[str, Scalar | None] | None = Field(
        default=None, description="Values of features; null: missing."
    )
    tables: dict[str, Scalar | None] | None = Field(
        default=None, description="`<table>.<output>` or `<table>.row` to its value."
    )


class PolicyTest(Part):
    """An example applicant."""

    name: Text = Field(min_length=1, description="A sentence about behaviour.")
    application: dict[str, Any] = Field(
        default_factory=dict,
        description="What is known, by the contract's names: `loan: {amount_fen: 500000}`.",
    )
    stage: StageName = Field(
        default="application", description="Where in the loan's life the decision is asked for."
    )
    at: datetime.datetime | None = Field(
        default=None,
        description="The moment of the decision, in `time_zone` unless it names another; by "
        "default the submission's.",
    )
    acknowledged: bool = Field(
        default=False,
        description="At a drawdown: the customer has read and accepted a quote of this loan.",
    )
    expect: Expectation = Field(description="What must come out.")


class Fragment(Part):
    """A file that a policy includes: parts of it, without a name and version of its own."""

    include: list[str] = Field(
        default_factory=list, description="Other files, beside this one, that hold parts."
    )
    sources: dict[Name, Source] = Field(
        default_factory=dict, description="Where data comes from, and whether it needs consent."
    )
    features: dict[Name, Feature] = Field(
        default_factory=dict, description="Named expressions; each may read those before it."
    )
    lists: dict[Name, ValueList] = Field(
        default_factory=dict, description="Lists for `value in lists.<name>`."
    )
    lookups: dict[Name, Lookup] = Field(
        default_factory=dict, description="Tables for `lookups.<name>.<column>[key]`."
    )
    tables: dict[Name, DecisionTable] = Field(
        default_factory=dict, description="Conditions x outcomes: `tables.<name>.<output>`."
    )
    scorecards: dict[Name, Scorecard] = Field(
        default_factory=dict, description="Points for attributes: `<name>.score`."
    )
    models: dict[Name, ModelUse] = Field(
        default_factory=dict, description="Model artifacts in slots: `<slot>.score`."
    )
    segments: dict[Name, Segment] = Field(
        default_factory=dict,
        description="Who is scored by what and held to which cut-offs; one for each applicant.",
    )
    rules: list[Rule] = Field(
        default_factory=list, description="Conditions and what they do; every hit is reported."
    )
    products: dict[Name, Product] = Field(
        default_factory=dict, description="What is lent; needs `offers`."
    )
    offers: Offers | None = Field(
        default=None,
        description="Which loans a person can carry, and their price; in one file of a policy.",
    )
    reasons: dict[ReasonCode, ReasonTexts] = Field(
        default_factory=dict, description="The catalogue of reasons, with what applicants are told."
    )
    tests: list[PolicyTest] = Field(
        default_factory=list, description="Example applicants and what must come out."
    )


class TestFile(Part):
    """Example applicants beside a policy: `<policy>.tests.yaml`."""

    tests: list[PolicyTest] = Field(description="Example applicants and what must come out.")


class Drawdown(Part):
    """What must be true before money is paid out, besides the rules (R37)."""

    acknowledgement: Literal["required"] = Field(
        description="The customer's acknowledgement of a quote, made by the Quote method; a "
        "drawdown without a valid one is refused."
    )
    minimum_reading_seconds: int = Field(
        default=10, ge=0, le=86_400, description="From the quote to the acknowledgement, at least."
    )
    valid_hours: float = Field(
        default=24, gt=0, le=8784, description="From the quote to the drawdown, at most."
    )
    then: Literal["refer", "decline"] = Field(
        default="decline", description="What a drawdown without it comes to."
    )
    reason: ReasonCode = Field(description="The reason that it is given.")


class Policy(Fragment):
    """A policy file: everything about one decision strategy."""

    policy: Name = Field(description="The policy's name.")
    version: str = Field(min_length=1, description="In quotes; every answer carries it.")
    title: Text = Field(default="", description="What people call it.")
    jurisdiction: Jurisdiction | None = Field(
        default=None,
        description="Puts the rule pack of this jurisdiction under the policy; nothing here can "
        "override it (R5, R7).",
    )
    time_zone: str = Field(
        default="Asia/Shanghai", description="For validity dates and the days of loans."
    )
    cutoffs: Cutoffs | None = Field(
        default=None, description="From score or probability of default to a decision."
    )
    drawdown: Drawdown | None = Field(
        default=None, description="What a drawdown needs; nothing beyond the rules where absent."
    )


class RulePack(Part):
    """What a jurisdiction demands, under every policy that names it. Bundled with Fenqi."""

    jurisdiction: Jurisdiction = Field(description="Whose pack it is.")
    version: str = Field(min_length=1, description="Raised with every change.")
    meaning: Text = Field(min_length=1, description="Which loans it is about.")
    consent_required: list[DataSourceName] = Field(
        default_factory=list, description="A policy cannot declare these `not_needed`."
    )
    forbidden_sources: list[DataSourceName] = Field(
        default_factory=list, description="A policy that reads one of these does not compile."
    )
    protected_fields: list[str] = Field(
        default_factory=list,
        description="Paths in the application that no policy or model may read, beyond "
        "`application.protected_attributes`.",
    )
    reasons_required: list[Literal["decline", "refer", "cap"]] = Field(
        default_factory=list,
        description="Whoever gets this answer is told why: rules, scorecard attributes and model "
        "features that can bring it about all need a reason.",
    )
    annual_rate_cap: float | None = Field(
        default=None, gt=0, description="Most that a loan may cost a year, all charges included."
    )
    amount_cap_fen: int | None = Field(
        default=None,
        gt=0,
        description="Most that a loan may be, fen, whatever a product says (R5).",
    )
    interest_only_months: int | None = Field(
        default=None, gt=0, description="Longest term of a loan that is repaid at the end."
    )
    disclosure: Literal["cn", "eu", "us"] = Field(
        default="cn", description="The form by which the cost of a loan is shown to the borrower."
    )
    rules: list[Rule] = Field(
        default_factory=list, description="Hard limits. Their ids begin with the jurisdiction."
    )
    reasons: dict[ReasonCode, ReasonTexts] = Field(
        default_factory=dict, description="The catalogue of reasons, with what applicants are told."
    )

    @model_validator(mode="after")
    def _rules_are_named_after_it(self) -> RulePack:
        for rule in self.rules:
            if not rule.id.startswith(f"{self.jurisdiction}_"):
                raise ValueError(f"the rule {rule.id} must be called {self.jurisdiction}_{rule.id}")
        return self
