"""Products that lend nothing, or promise more than the law lets them lend."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from fenqi.offers import Loan, price
from fenqi.policy.lint.finding import Finding, found
from fenqi.policy.lint.subject import Subject
from fenqi.policy.offer_schema import Product
from fenqi.policy.offer_terms import charges_of, price_terms_of
from fenqi.policy.products import LoweredOffers
from fenqi.policy.regions import MOST_COMBINATIONS, Regions

# Any day will do: it is needed where days are counted.
_DAY = datetime.date(2026, 1, 1)


def products_out_of_reach(subject: Subject) -> Iterator[Finding]:
    """A product that nobody can have is forgotten, or its numbers contradict each other."""
    lending = subject.compiled.offers
    if lending is None:
        return
    for lowered in lending.products:
        path = ("products", lowered.code)
        regions = Regions(subject.compiled.builder, [lowered.eligible])
        if regions.combinations <= MOST_COMBINATIONS and not any(
            regions.values(applicant)[0] is True for applicant in regions.applicants()
        ):
            message = f"nobody can have {lowered.code}: its `when` is never true"
            yield found(
                subject.document, "product-out-of-reach", "warning", (*path, "when"), message
            )
        elif not _has_price(lowered.product, lending):
            message = (
                f"nobody can have {lowered.code}: even without any risk, what it costs to make and "
                f"the charges are more than {lending.annual_rate_cap:g} a year"
            )
            yield found(subject.document, "product-out-of-reach", "warning", path, message)


def amounts_above_the_cap(subject: Subject) -> Iterator[Finding]:
    """The rule pack's cap binds whatever a product says (R5)."""
    lending = subject.compiled.offers
    if lending is None or lending.amount_cap_fen is None:
        return
    for lowered in lending.products:
        most = lowered.product.amounts.to_fen
        if most > lending.amount_cap_fen:
            message = (
                f"{lowered.code} lends up to {most} fen, and nothing above "
                f"{lending.amount_cap_fen} fen is ever offered: the law's cap"
            )
            path = ("products", lowered.code, "amounts", "to_fen")
            yield found(subject.document, "amount-above-cap", "warning", path, message)


def _has_price(product: Product, lending: LoweredOffers) -> bool:
    """Whether somebody without risk could have one of the product's loans within the cap."""
    free_of_risk = lending.offers.model_copy(update={"margin": 0.0, "adverse_selection": None})
    cap = lending.annual_rate_cap
    charges = charges_of(product)
    loans = (
        Loan(
            principal_fen=amount,
            periods=term,
            method=method,
            day_count=product.day_count,
            instalment_rounding=product.rounding,
            interest_rounding=product.rounding,
            disbursed=_DAY,
            grace_periods=product.grace_periods,
        )
        for method in product.methods
        for term in product.terms_months
        for amount in (product.amounts.from_fen, product.amounts.to_fen)
    )
    return any(
        price(loan, price_terms_of(free_of_risk, cap, loan.method), 0.0, charges).rate is not None
        for loan in loans
    )
