"""Products and offers: what a policy lends, put into the program and into the release image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fenqi.internal.v1 import offer_plan_pb2
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.clock import Clock, clock_of
from fenqi.policy.expressions import Expressions
from fenqi.policy.offer_schema import LimitKind, Offers, Product
from fenqi.policy.program import Constant, Operand, Registers
from fenqi.policy.references import all_cutoffs
from fenqi.policy.segments import Routing
from fenqi.policy.yaml_file import Steps
from fenqi.v1 import application_pb2, quote_pb2, scoring_pb2

MOST_PRODUCTS = 64
# Methods x terms of all products.
MOST_FORMS = 1024
_DEFAULT_DEBT_SERVICE_RATIO = 0.5
_DAY_COUNTS = {
    "30/360": quote_pb2.DAY_COUNT_30_360,
    "actual/365": quote_pb2.DAY_COUNT_ACTUAL_365,
    "actual/360": quote_pb2.DAY_COUNT_ACTUAL_360,
}
_WHEN_MISSING = {
    "refer": scoring_pb2.RULE_ACTION_REFER,
    "decline": scoring_pb2.RULE_ACTION_DECLINE,
}


@dataclass(frozen=True, slots=True)
class LoweredProduct:
    """A product, and in the program who may have it."""

    code: str
    product: Product
    eligible: Operand


@dataclass(frozen=True, slots=True)
class LoweredOffers:
    """The policy's `offers` and `products`, in the program."""

    offers: Offers
    products: list[LoweredProduct]
    income: Operand | None
    debt_service: Operand | None
    income_multiple: Operand | None
    ladder_reached: Operand | None
    # The policy's, or the rule pack's.
    annual_rate_cap: float
    # The rule pack's; None: it has none.
    amount_cap_fen: int | None
    # Of the policy's time zone, in which plans are dated.
    clock: Clock

    def operands(self) -> list[Operand]:
        """What the core reads."""
        limits = (self.income, self.debt_service, self.income_multiple, self.ladder_reached)
        eligible = [product.eligible for product in self.products]
        return [*eligible, *(operand for operand in limits if operand is not None)]


def lower_offers(ex: Expressions, routing: Routing) -> LoweredOffers | None:
    """Adds products and limits to the program; None where there are none, or they are wrong."""
    policy = ex.document.policy
    offers = policy.offers
    if offers is None:
        if policy.products:
            ex.report(("products",), "products are priced by `offers`; the policy has none")
        return None
    if not policy.products:
        ex.report(("offers",), "there is nothing to offer; name a loan under `products`")
    _check_size(ex)
    _check_deciders(ex, routing)
    _check_reasons(ex, offers)
    cap = _annual_rate_cap(ex, offers)
    products = [_lower_product(ex, code, product) for code, product in policy.products.items()]
    income = _limit(ex, ("offers", "income_fen"), offers.income_fen, "int")
    debts = _limit(ex, ("offers", "debt_service_fen"), offers.debt_service_fen, "int")
    multiple = _limit(ex, ("offers", "income_multiple"), offers.income_multiple, "double")
    ladder = offers.ladder.reached if offers.ladder is not None else None
    reached = _limit(ex, ("offers", "ladder", "reached"), ladder, "int")
    if ex.problems:
        return None
    pack = ex.document.pack
    return LoweredOffers(
        offers,
        [product for product in products if product is not None],
        income,
        debts,
        multiple,
        reached,
        cap,
        pack.amount_cap_fen if pack is not None else None,
        clock_of(policy.time_zone),
    )


def binding_limits(ex: Expressions, offers: Offers) -> Iterator[tuple[LimitKind, str]]:
    """The limits that can bind under the policy, each with why."""
    policy, pack = ex.document.policy, ex.document.pack
    yield "product", "a term or a method that no product has"
    if pack is not None and pack.amount_cap_fen is not None:
        yield "cap", f"the pack {pack.jurisdiction} caps amounts"
    elif any(rule.then == "cap" for rule in policy.rules):
        yield "cap", "a rule caps amounts"
    elif any(cutoffs.explore_amount_fen is not None for _, cutoffs in all_cutoffs(policy)):
        yield "cap", "exploration caps amounts"
    if offers.income_fen is not None:
        yield "affordability", "`income_fen` limits the instalment"
    if offers.income_multiple is not None:
        yield "income_multiple", "`income_multiple` limits the amount"
    if offers.expected_loss_budget_fen is not None:
        yield "expected_loss", "`expected_loss_budget_fen` limits what a loan loses"
    if offers.ladder is not None:
        yield "ladder", "`ladder` limits the amount"
    yield "price", "a risk that no price within the cap pays for"


def _check_size(ex: Expressions) -> None:
    """The core's limits (native/offers/search.h)."""
    products = ex.document.policy.products
    forms = sum(len(product.methods) * len(product.terms_months) for product in products.values())
    if len(products) > MOST_PRODUCTS:
        ex.report(("products",), f"a policy has at most {MOST_PRODUCTS} products")
    if forms > MOST_FORMS:
        ex.report(
            ("products",),
            f"products have {forms} methods x terms in all; at most {MOST_FORMS} can be searched",
        )


def _check_deciders(ex: Expressions, routing: Routing) -> None:
    if not routing.judgements and not ex.problems:
        ex.report(
            ("offers",),
            "a price needs a probability of default; name a model or scorecard that decides",
        )
    for judgement in routing.judgements:
        if judgement.decided_by is None:
            ex.report(
                ("segments", judgement.name),
                f"offers need a probability of default, and nothing scores {judgement.name}; give "
                "it a `decided_by`",
            )


def _check_reasons(ex: Expressions, offers: Offers) -> None:
    can_bind = dict(binding_limits(ex, offers))
    for limit, why in can_bind.items():
        if limit not in offers.reasons:
            ex.report(
                ("offers", "reasons"), f"`{limit}` needs a reason, because it can bind: {why}"
            )
    for limit in offers.reasons:
        if limit not in can_bind and limit != "amount":
            ex.report(("offers", "reasons", limit), f"nothing in the policy limits by {limit}")


def _annual_rate_cap(ex: Expressions, offers: Offers) -> float:
    pack = ex.document.pack
    most = pack.annual_rate_cap if pack is not None else None
    own = offers.annual_rate_cap
    if own is not None and most is not None and own > most:
        ex.report(
            ("offers", "annual_rate_cap"),
            f"{own:g} a year is more than the {most:g} that the law of "
            f"{pack.jurisdiction if pack is not None else ''} allows",
        )
    cap = own if own is not None else most
    if cap is None:
        ex.report(("offers",), "say with `annual_rate_cap` what a loan may cost a year at most")
    return cap if cap is not None else 0.0


def _lower_product(ex: Expressions, code: str, product: Product) -> LoweredProduct | None:
    path: Steps = ("products", code)
    pack = ex.document.pack
    months = pack.interest_only_months if pack is not None else None
    if (
        months is not None
        and "interest_only" in product.methods
        and product.terms_months[-1] > months
    ):
        ex.report(
            (*path, "terms_months"),
            f"a loan that is repaid at the end runs at most {months} months in "
            f"{pack.jurisdiction if pack is not None else ''}; make `interest_only` a product of "
            "its own with shorter terms",
        )
    owner = f"product {code}"
    # No currency is no other currency.
    of_currency = ex.condition(
        (*path, "currency"),
        f'!has(application.loan.currency) || application.loan.currency == "{product.currency}"',
        owner,
    )
    when = None
    if product.when is not None:
        when = ex.condition((*path, "when"), product.when, owner)
        if when is None:
            return None
    if of_currency is None:
        return None
    if when is None:
        return LoweredProduct(code, product, of_currency.operand)
    both = ex.builder.emit(image.OP_AND, of_currency.operand, when.operand)
    return LoweredProduct(code, product, both)


def _limit(ex: Expressions, path: Steps, source: str | float | None, type: str) -> Operand | None:
    """What a limit rests on; None where there is none, or it is wrong."""
    if source is None:
        return None
    if isinstance(source, int | float):
        return Constant("double", float(source))
    value = ex.lower(tuple(path), source, "offers")
    if value is None:
        return None
    if value.type != type:
        ex.report(path, f"it must be of type {type}; this is of type {value.type}")
        return None
    return value.operand


# --- the image ---


def offer_plan(
    lowered: LoweredOffers, registers: Registers, codes: Mapping[str, int]
) -> offer_plan_pb2.OfferPlan:
    """The plan; `codes` are the catalogue's reasons by number."""
    offers = lowered.offers

    def register(operand: Operand | None) -> int:
        return 0 if operand is None else registers.of(operand) + 1

    plan = offer_plan_pb2.OfferPlan(
        income_register_plus_one=register(lowered.income),
        debt_service_register_plus_one=register(lowered.debt_service),
        residual_income_fen=offers.residual_income_fen,
        income_multiple_register_plus_one=register(lowered.income_multiple),
        expected_loss_budget_fen=offers.expected_loss_budget_fen or 0,
        legal_cap_fen=lowered.amount_cap_fen or 0,
        when_missing=_WHEN_MISSING[offers.when_missing],
        loss_given_default=offers.loss_given_default,
        cost_of_funds=offers.cost_of_funds,
        acquisition_fen=offers.acquisition_fen,
        servicing_fen=offers.servicing_fen,
        hurdle=offers.hurdle,
        margin=offers.margin,
        rate_step=offers.rate_step,
        annual_rate_cap=lowered.annual_rate_cap,
        cap_is_effective=offers.cap_basis == "effective",
        horizon_months=offers.horizon_months,
        most_offers=offers.most_offers,
        utc_offset_minutes=lowered.clock.utc_offset_minutes,
    )
    for at, minutes in lowered.clock.changes:
        plan.clock_changes.add(at_seconds=at, utc_offset_minutes=minutes)
    if lowered.income is not None:
        ratio = offers.debt_service_ratio
        plan.debt_service_ratio = _DEFAULT_DEBT_SERVICE_RATIO if ratio is None else ratio
    if offers.ladder is not None:
        plan.ladder.amounts_fen.extend(offers.ladder.amounts_fen)
        plan.ladder.good_repayments.extend(offers.ladder.good_repayments)
        plan.ladder.reached_register_plus_one = register(lowered.ladder_reached)
    if offers.adverse_selection is not None:
        plan.adverse_selection.sensitivity = offers.adverse_selection.sensitivity
        plan.adverse_selection.reference_rate = offers.adverse_selection.reference_rate
    if offers.take_up is not None:
        plan.take_up.CopyFrom(offer_plan_pb2.TakeUp(**offers.take_up.model_dump()))
    # An amount that no product has is told as a product that nobody has, unless it has its own.
    reasons = {"amount": offers.reasons["product"], **offers.reasons}
    for limit, code in reasons.items():
        kind = scoring_pb2.LimitKind.Value(f"LIMIT_KIND_{limit.upper()}")
        plan.reasons.add(limit=kind, reason=codes[code])
    for product in lowered.products:
        _add_product(plan.products.add(), product, registers)
    return plan


def _add_product(
    added: offer_plan_pb2.Product, lowered: LoweredProduct, registers: Registers
) -> None:
    product = lowered.product
    added.code, added.lender, added.currency = lowered.code, product.lender, product.currency
    added.eligible_register_plus_one = registers.of(lowered.eligible) + 1
    amounts = product.amounts
    added.from_fen, added.to_fen, added.step_fen = (
        amounts.from_fen,
        amounts.to_fen,
        amounts.step_fen,
    )
    added.terms_months.extend(product.terms_months)
    for method in product.methods:
        name = f"REPAYMENT_METHOD_{method.upper()}"
        added.methods.append(application_pb2.RepaymentMethod.Value(name))
    added.loan.CopyFrom(_loan_terms(product))
    servicing = product.servicing
    terms = servicing.model_dump(exclude={"penalty_base"})
    base = f"PENALTY_BASE_{servicing.penalty_base.upper()}"
    added.servicing.CopyFrom(quote_pb2.ServicingTerms(penalty_base=base, **terms))


def _loan_terms(product: Product) -> quote_pb2.LoanTerms:
    """What is the same for every loan of the product."""
    terms = quote_pb2.LoanTerms(
        frequency=quote_pb2.FREQUENCY_MONTHLY,
        day_count=_DAY_COUNTS[product.day_count],
        rounding=f"ROUNDING_{product.rounding.upper()}",
        grace_periods=product.grace_periods,
    )
    for charge in product.charges:
        terms.charges.add(
            name_zh=charge.name_zh,
            name_en=charge.name_en,
            timing=f"CHARGE_TIMING_{charge.timing.upper()}",
            base=f"CHARGE_BASE_{charge.base.upper()}",
            payee=f"PAYEE_{charge.payee.upper()}",
            payee_name=charge.payee_name,
            amount_fen=charge.amount_fen or 0,
            rate=charge.rate or 0.0,
        )
    return terms
