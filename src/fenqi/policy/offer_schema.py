"""Products and offers in a policy file: what is lent, within which limits, at which price.

Words and limits are those of fenqi.offers and of the contract (quote.proto).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fenqi.offers.loan import ChargeBase, ChargeTiming, DayCount, Method, Payee, Rounding
from fenqi.policy.schema_part import Expression, Part, ReasonCode, Text

# The core's limits (native/offers/rounding.h, charge.h), and a term of fifty years.
MOST_FEN = 2**53
MOST_MONTHS = 600
MOST_CHARGES = 16
MOST_AMOUNTS = 1_000_000

# LimitKind of scoring.proto, in lower case.
LimitKind = Literal[
    "product",
    "cap",
    "affordability",
    "income_multiple",
    "expected_loss",
    "ladder",
    "price",
    "amount",
]
# Help of scoring.proto, in lower case.
Help = Literal[
    "smaller_amount",
    "longer_term",
    "shorter_term",
    "other_method",
    "other_product",
    "verified_income",
    "known_debts",
    "repay_debts",
    "good_repayment",
]
PenaltyBase = Literal["principal", "instalment"]
CapBasis = Literal["nominal", "effective"]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Fen = Annotated[int, Field(ge=0, le=MOST_FEN)]
PositiveFen = Annotated[int, Field(ge=1, le=MOST_FEN)]
Months = Annotated[int, Field(ge=1, le=MOST_MONTHS)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# A yearly rate that prices may reach: 1,000 %.
PriceRate = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Amounts(Part):
    """The amounts that a product lends: from one to another in steps."""

    from_fen: PositiveFen = Field(description="The smallest, fen.")
    to_fen: PositiveFen = Field(description="The largest, fen.")
    step_fen: PositiveFen = Field(description="From one amount to the next, fen.")

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        if self.to_fen < self.from_fen:
            raise ValueError("`to_fen` lies below `from_fen`")
        if (self.to_fen - self.from_fen) % self.step_fen != 0:
            raise ValueError(
                f"steps of {self.step_fen} fen do not lead from {self.from_fen} to {self.to_fen}"
            )
        if (self.to_fen - self.from_fen) // self.step_fen >= MOST_AMOUNTS:
            raise ValueError(f"more than {MOST_AMOUNTS:,} amounts; take larger steps")
        return self


class ProductCharge(Part):
    """A charge beside interest, whoever takes it; all count towards what a loan costs a year."""

    name_zh: Text = Field(min_length=1, description="What the borrower reads, in Chinese.")
    name_en: Text = Field(min_length=1, description="In English.")
    timing: ChargeTiming = Field(
        description="Deducted from what is paid out, added to the principal, or due with each "
        "instalment."
    )
    base: ChargeBase = Field(
        default="flat",
        description="What `rate` is of; up front only the principal. `flat`: `amount_fen`.",
    )
    amount_fen: PositiveFen | None = Field(default=None, description="With base `flat`: fen.")
    rate: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = Field(
        default=None,
        description="With the other bases: a fraction; with each instalment, for one period.",
    )
    payee: Payee = Field(default="lender", description="Who takes it.")
    payee_name: Text = Field(default="", description="The payee's own name, if it is shown.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.amount_fen is None) == (self.base == "flat"):
            raise ValueError("`amount_fen` and base `flat` belong together")
        if (self.rate is None) == (self.base != "flat"):
            raise ValueError(f"base `{self.base}` needs a `rate`, and `flat` has none")
        if self.timing != "each_instalment" and self.base not in ("flat", "principal"):
            raise ValueError(f"up front there is no {self.base} yet: base `flat` or `principal`")
        for key in ("name_zh", "name_en", "payee_name"):
            if len(getattr(self, key).encode()) > 128:
                raise ValueError(f"`{key}` is longer than 128 bytes")
        return self


class ServicingTerms(Part):
    """What it costs not to keep to the plan; shown with every quote."""

    penalty_rate: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = Field(
        default=0.0, description="Penalty interest a year."
    )
    penalty_base: PenaltyBase = Field(
        default="principal", description="On overdue principal, or with its interest."
    )
    penalty_year_days: Literal[360, 365] = Field(
        default=360, description="Days in the year of the penalty rate."
    )
    grace_days: Annotated[int, Field(ge=0, le=366)] = Field(
        default=0, description="Paid so many days late is paid in time (容时)."
    )
    tolerance_fen: Fen = Field(default=0, description="Short by at most this is paid (容差).")
    prepayment_fee_rate: Share = Field(
        default=0.0, description="Of principal that is repaid early."
    )


class Product(Part):
    """A kind of loan: amounts x terms x methods, and what is the same for all of them.

    Its name is the code that `application.loan.product` asks for.
    """

    meaning: Text = Field(min_length=1, description="What it is, in a sentence.")
    when: Expression | None = Field(
        default=None,
        description="Who may have it; whoever it cannot be known of may not. By default everybody.",
    )
    lender: Text = Field(default="", description="The lender's name, as borrowers know it.")
    currency: Currency = Field(
        default="CNY",
        description="ISO 4217 code of its amounts; who asks in another one may not have it.",
    )
    amounts: Amounts = Field(description="What it lends.")
    terms_months: list[Months] = Field(
        min_length=1, description="Monthly instalments, ascending; at most 600."
    )
    methods: list[Method] = Field(
        min_length=1, description="How it is repaid, the preferred one first."
    )
    rounding: Rounding = Field(
        default="half_up", description="Of instalments, interest and charges, to the fen."
    )
    day_count: DayCount = Field(default="30/360", description="How a period's interest is counted.")
    grace_periods: Annotated[int, Field(ge=0)] = Field(
        default=0, description="First instalments that take interest only."
    )
    charges: list[ProductCharge] = Field(
        default_factory=list,
        max_length=MOST_CHARGES,
        description="What it costs beside interest, third parties' charges included.",
    )
    servicing: ServicingTerms = Field(
        default_factory=ServicingTerms, description="What it costs not to keep to the plan."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.terms_months != sorted(set(self.terms_months)):
            raise ValueError("`terms_months` are ascending, each once")
        if len(self.methods) != len(set(self.methods)):
            raise ValueError("each of the `methods` stands there once")
        if self.grace_periods >= self.terms_months[0]:
            raise ValueError(
                f"`grace_periods` must be fewer than the shortest term, {self.terms_months[0]}"
            )
        if len(self.lender.encode()) > 128:
            raise ValueError("`lender` is longer than 128 bytes")
        return self


class Ladder(Part):
    """How far a customer may go: a small first loan that grows with good repayment (R14)."""

    amounts_fen: list[Fen] = Field(min_length=1, description="Most fen on each step, ascending.")
    good_repayments: list[Count] = Field(
        min_length=1, description="How many each step needs, ascending; the first needs 0."
    )
    reached: Expression = Field(
        description="How many the customer has, an int; somebody whom the ladder does not concern "
        "has many."
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.amounts_fen) != len(self.good_repayments):
            raise ValueError("`amounts_fen` and `good_repayments` have one entry for each step")
        if self.good_repayments[0] != 0:
            raise ValueError("the first of `good_repayments` is 0: everybody stands on a step")
        for key in ("amounts_fen", "good_repayments"):
            steps = getattr(self, key)
            if steps != sorted(set(steps)):
                raise ValueError(f"`{key}` ascend")
        return self


class AdverseSelection(Part):
    """Worse risks accept the higher price.

    logit PD' = logit PD + sensitivity (rate - reference_rate)
    """

    sensitivity: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = Field(
        description="Log-odds of default for a yearly rate higher by 1."
    )
    reference_rate: PriceRate = Field(
        description="The yearly rate at which the probability of default was observed."
    )


class TakeUpTerms(Part):
    """Whether an applicant takes an offer (R17).

    logit = intercept + rate_weight (rate - market_rate) + amount_weight ln(offered / asked)
    """

    intercept: Finite = Field(description="Log-odds at the market's rate, for what was asked.")
    rate_weight: Annotated[float, Field(le=0, allow_inf_nan=False)] = Field(
        default=0.0, description="For a yearly rate higher by 1; 0 or negative."
    )
    amount_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        default=0.0, description="For an amount e times that asked for; 0 or positive."
    )
    market_rate: PriceRate = Field(description="What others ask a year.")


class Offers(Part):
    """Which of the products' loans a person can carry, and what they cost (3.7, 3.8).

    `docs/offers.md` has the formulas.
    """

    income_fen: Expression | None = Field(
        default=None, description="Verified monthly net income, fen, an int."
    )
    debt_service_fen: Expression | None = Field(
        default=None, description="What all known debts take a month, fen, an int."
    )
    debt_service_ratio: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Most of the income that debts and the new instalment may take; with "
        "`income_fen`, by default 0.5.",
    )
    residual_income_fen: Fen = Field(
        default=0, description="What must be left to live on a month, fen."
    )
    income_multiple: Finite | Expression | None = Field(
        default=None,
        description="Most amount in monthly incomes: a number, or an expression that is a double.",
    )
    ladder: Ladder | None = Field(default=None, description="A small first loan that grows.")
    expected_loss_budget_fen: PositiveFen | None = Field(
        default=None,
        description="Most expected loss of one loan over its life, fen, at its price: the longer "
        "it runs, the less may be lent.",
    )
    when_missing: Literal["refer", "decline"] = Field(
        default="refer", description="Where income, debts or another limit is not known."
    )
    loss_given_default: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        description="Share of the balance that is lost in default."
    )
    cost_of_funds: Share = Field(description="Effective, a year.")
    acquisition_fen: Fen = Field(default=0, description="Cost of making a loan, fen.")
    servicing_fen: Fen = Field(default=0, description="Cost of each instalment, fen.")
    hurdle: Annotated[float, Field(ge=-1, le=10, allow_inf_nan=False)] | None = Field(
        default=None, description="Least yearly return on capital that an offer earns (RAROC)."
    )
    margin: Share = Field(
        default=0.0, description="Yearly, on break-even; a flat fee's is a twelfth a month."
    )
    rate_step: Annotated[float, Field(ge=1e-6, le=0.1, allow_inf_nan=False)] = Field(
        default=0.001,
        description="Yearly rates are multiples of it; a flat fee's of a twelfth a month.",
    )
    annual_rate_cap: Annotated[float, Field(ge=1e-6, le=10, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Most that a loan costs a year, every charge included; by default, and at "
        "most, the rule pack's.",
    )
    cap_basis: CapBasis = Field(
        default="nominal", description="Which yearly rate the cap is on (finding 9)."
    )
    horizon_months: Annotated[int, Field(ge=1, le=120)] = Field(
        default=12, description="Months over which the model's probability of default holds."
    )
    adverse_selection: AdverseSelection | None = Field(
        default=None, description="How risk rises with price."
    )
    take_up: TakeUpTerms | None = Field(
        default=None, description="Who accepts; by default everybody."
    )
    most_offers: Annotated[int, Field(ge=1, le=10)] = Field(
        default=3, description="Most offers in an answer."
    )
    reasons: dict[LimitKind, ReasonCode] = Field(
        description="What an applicant is told where a limit binds: a code in `reasons` for each "
        "limit that can. `amount`, one that no product has, is told as `product` by default."
    )

    @model_validator(mode="after")
    def _together(self) -> Self:
        if (self.income_fen is None) != (self.debt_service_fen is None):
            raise ValueError("`income_fen` and `debt_service_fen` belong together")
        if self.income_fen is None:
            for key in ("debt_service_ratio", "income_multiple"):
                if getattr(self, key) is not None:
                    raise ValueError(f"`{key}` needs `income_fen` and `debt_service_fen`")
            if self.residual_income_fen:
                raise ValueError("`residual_income_fen` needs `income_fen` and `debt_service_fen`")
        if isinstance(self.income_multiple, float) and not 0 < self.income_multiple <= 1000:
            raise ValueError("`income_multiple` is above 0 and at most 1,000")
        return self
