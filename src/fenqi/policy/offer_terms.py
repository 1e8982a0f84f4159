"""A policy's products and offers as fenqi.offers takes them."""

from __future__ import annotations

from fenqi.offers import Charge, PriceTerms
from fenqi.policy.offer_schema import Offers, Product


def charges_of(product: Product) -> list[Charge]:
    """The product's charges."""
    return [
        Charge(
            name=charge.name_en,
            timing=charge.timing,
            base=charge.base,
            payee=charge.payee,
            amount_fen=charge.amount_fen or 0,
            rate=charge.rate or 0.0,
        )
        for charge in product.charges
    ]


def price_terms_of(offers: Offers, annual_rate_cap: float) -> PriceTerms:
    """What prices are made from; `annual_rate_cap` is the policy's or, without one, the pack's."""
    selection = offers.adverse_selection
    return PriceTerms(
        lgd=offers.loss_given_default,
        cost_of_funds=offers.cost_of_funds,
        acquisition_fen=offers.acquisition_fen,
        servicing_fen=offers.servicing_fen,
        margin=offers.margin,
        rate_step=offers.rate_step,
        cap=annual_rate_cap,
        cap_basis=offers.cap_basis,
        selection_sensitivity=selection.sensitivity if selection is not None else 0.0,
        reference_rate=selection.reference_rate if selection is not None else 0.0,
    )
