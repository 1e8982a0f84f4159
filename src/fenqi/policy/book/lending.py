"""The book's chapter on what a policy lends."""

from __future__ import annotations

from collections.abc import Iterator

from fenqi.policy.book.blocks import Block, Grid, Heading, Paragraph
from fenqi.policy.offer_schema import Offers, Product, ProductCharge
from fenqi.policy.schema import Policy


def lending(policy: Policy) -> Iterator[Block]:
    """Products, limits, and what prices are made of; nothing where the policy lends nothing."""
    offers = policy.offers
    if offers is None:
        return
    yield Heading("Products", "products")
    header = [
        "product",
        "what it is",
        "amounts",
        "months",
        "repaid by",
        "charges",
        "who may have it",
    ]
    products = policy.products.items()
    yield Grid(header, [_product(code, product) for code, product in products])
    yield Heading("Limits and prices", "limits")
    yield Paragraph(
        "The loan that was asked for is offered where it is within every limit and a price pays "
        "for its risk; otherwise the best other one; otherwise the limit that binds is named."
    )
    yield Grid(["", ""], list(_parameters(offers)))
    yield Grid(
        ["limit", "what the applicant is told"],
        [[limit.replace("_", " "), f"`{code}`"] for limit, code in offers.reasons.items()],
    )


def _product(code: str, product: Product) -> list[str]:
    amounts = product.amounts
    span = f"{_money(amounts.from_fen)} to {_money(amounts.to_fen)} by {_money(amounts.step_fen)}"
    return [
        f"`{code}`",
        product.meaning,
        f"{product.currency} {span}",
        ", ".join(map(str, product.terms_months)),
        ", ".join(method.replace("_", " ") for method in product.methods),
        "; ".join(map(_charge, product.charges)) or "none",
        f"`{product.when}`" if product.when is not None else "everybody",
    ]


def _charge(charge: ProductCharge) -> str:
    much = _money(charge.amount_fen) if charge.amount_fen is not None else f"{charge.rate:.2%}"
    of = "" if charge.base == "flat" else f" of the {charge.base}"
    timing = charge.timing.replace("_", " ")
    return f"{charge.name_en} {charge.name_zh}: {much}{of}, {timing}, {charge.payee}"


def _parameters(offers: Offers) -> Iterator[list[str]]:
    """Each key that is set, as it is written."""
    for key, value in offers.model_dump(exclude={"reasons"}, exclude_none=True).items():
        if isinstance(value, dict):
            shown = ", ".join(f"{name} {part}" for name, part in value.items())
        else:
            shown = f"`{value}`" if isinstance(value, str) else str(value)
        yield [f"`{key}`", " ".join(shown.split())]


def _money(fen: int) -> str:
    return f"{fen / 100:,.2f}"
