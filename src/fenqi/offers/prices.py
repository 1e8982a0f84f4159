"""The price of a loan from its risk: break-even, margin, cap, and what it is expected to earn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import FiniteFloat

from fenqi import _native
from fenqi.errors import from_native
from fenqi.offers.loan import Charge, Fen, Loan, Terms, float_array, invalid, native_terms
from fenqi.offers.schedules import CostRate, varying_terms

Verdict = Literal["offered", "capped", "above_cap", "no_break_even"]
CapBasis = Literal["nominal", "effective"]


class PriceTerms(Terms):
    """What a price is made from. Rates as fractions, amounts in fen.

    lgd: loss given default. cost_of_funds: effective, a year. acquisition_fen: once. servicing_fen:
    with each instalment. margin: on break-even. rate_step: prices are multiples of it. cap: what
    the whole flow may cost a year, `cap_basis` says by which rate, compared in percent with two
    decimals. selection_sensitivity: by how much a rate higher by 1 raises the log-odds of default
    of those who accept it, against `reference_rate`. For method flat_fee margin and step are of a
    period.
    """

    lgd: float
    cost_of_funds: float
    acquisition_fen: Fen = 0
    servicing_fen: Fen = 0
    margin: float = 0.0
    rate_step: float = 0.0001
    cap: float = 0.24
    cap_basis: CapBasis = "nominal"
    selection_sensitivity: float = 0.0
    reference_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Price:
    """A loan's price, or why it has none.

    verdict: "offered"; "capped", at the highest rate within the cap; "above_cap", where break-even
    is above it, or charges alone are: a smaller or shorter loan, or none; "no_break_even", where no
    rate up to 1,000 % pays for the risk. break_even and cap_rate are None where there is none, all
    that follows is None unless a rate is offered. pd12: of those who accept. raroc: a year.
    """

    verdict: Verdict
    break_even: float | None
    cap_rate: float | None
    rate: float | None
    pd12: float | None
    expected_loss_fen: float | None
    net_present_value_fen: float | None
    capital_years_fen: float | None
    raroc: float | None
    cost: CostRate | None


@dataclass(frozen=True, slots=True)
class PriceBatch:
    """Prices of N loans, arrays of shape (N,).

    verdict: str. offered: bool. Where a loan has no break-even rate, no rate within the cap, or no
    offer, the float64 columns concerned are masked.
    """

    verdict: NDArray[np.str_]
    offered: NDArray[np.bool_]
    break_even: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    cap_rate: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    rate: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    pd12: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    expected_loss_fen: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    net_present_value_fen: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    raroc: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    nominal: np.ma.MaskedArray[Any, np.dtype[np.float64]]
    effective: np.ma.MaskedArray[Any, np.dtype[np.float64]]


def price(loan: Loan, terms: PriceTerms, pd12: float, charges: Sequence[Charge] = ()) -> Price:
    """The price of `loan`, whose own rate is ignored, at a probability of default `pd12` of twelve
    months (0 <= pd12 < 1).

    The price never falls as pd12 rises, and the cost of the plan at it, with all `charges`, is
    never above the cap as disclosed. Raises InvalidRequestError naming the field.
    """
    risk = _risks(pd12)
    if risk.size != 1:
        raise invalid([("pd12", "must be one number; price_batch takes an array of them")])
    table, verdicts = _native_prices(loan, terms, charges, varying_terms(loan), risk)
    return _price(table[0].tolist(), verdicts[0])


def price_batch(
    loan: Loan,
    terms: PriceTerms,
    pd12: ArrayLike,
    charges: Sequence[Charge] = (),
    *,
    principal_fen: ArrayLike | None = None,
    periods: ArrayLike | None = None,
) -> PriceBatch:
    """The prices of many loans: `pd12`, `principal_fen` and `periods` broadcast to (N,)."""
    risks, amounts, terms_of = np.broadcast_arrays(
        _risks(pd12),
        np.asarray(loan.principal_fen if principal_fen is None else principal_fen),
        np.asarray(loan.periods if periods is None else periods),
    )
    varying = varying_terms(loan, principal_fen=amounts.ravel(), periods=terms_of.ravel())
    table, verdicts = _native_prices(loan, terms, charges, varying, risks.ravel())
    verdict = np.array(verdicts)
    offered = np.isin(verdict, ("offered", "capped"))

    def column(index: int, there: NDArray[np.bool_]) -> Any:
        return np.ma.masked_array(table[:, index], mask=~there)

    return PriceBatch(
        verdict=verdict,
        offered=offered,
        break_even=column(0, verdict != "no_break_even"),
        cap_rate=column(1, table[:, 1] >= 0),
        rate=column(2, offered),
        pd12=column(3, offered),
        expected_loss_fen=column(4, offered),
        net_present_value_fen=column(5, offered),
        raroc=column(7, offered),
        nominal=column(8, offered),
        effective=column(9, offered),
    )


def other_retail_capital(pd: ArrayLike, lgd: ArrayLike) -> NDArray[np.float64]:
    """Basel's capital K for other retail exposures, as a part of the exposure; arrays broadcast.

    pd and lgd are 0 to 1; raises InvalidRequestError naming the field.
    """
    shares = {"pd": float_array("pd", pd), "lgd": float_array("lgd", lgd)}
    for field, share in shares.items():
        if not ((share >= 0) & (share <= 1)).all():
            raise invalid([(field, "must be 0 to 1")])
    return np.asarray(_native.offers.other_retail_capital(**shares))


class TakeUp(Terms):
    """Whether an applicant takes an offer: a logistic model.

    logit = intercept + rate_weight (rate - market_rate) + amount_weight ln(offered / asked)
    """

    intercept: FiniteFloat
    rate_weight: FiniteFloat = 0.0
    amount_weight: FiniteFloat = 0.0
    market_rate: FiniteFloat = 0.0

    def probability(
        self, rate: ArrayLike, offered_fen: ArrayLike, asked_fen: ArrayLike
    ) -> NDArray[np.float64]:
        """The probability of acceptance; arrays broadcast. Amounts must be positive."""
        offered = float_array("offered_fen", offered_fen)
        asked = float_array("asked_fen", asked_fen)
        rates = float_array("rate", rate)
        for field, amounts in (("offered_fen", offered), ("asked_fen", asked)):
            if not ((amounts > 0) & (amounts < np.inf)).all():
                raise invalid([(field, "must be positive, and finite")])
        if not np.isfinite(rates).all():
            raise invalid([("rate", "must be finite")])
        return np.asarray(
            _native.offers.take_up(
                self.intercept,
                self.rate_weight,
                self.amount_weight,
                self.market_rate,
                rates,
                offered,
                asked,
            )
        )


def _risks(pd12: ArrayLike) -> NDArray[np.float64]:
    return np.atleast_1d(float_array("pd12", pd12))


def _native_prices(
    loan: Loan,
    terms: PriceTerms,
    charges: Sequence[Charge],
    varying: NDArray[np.int64],
    pd12: NDArray[np.float64],
) -> tuple[NDArray[np.float64], list[Verdict]]:
    numbers: dict[str, object] = terms.model_dump()
    numbers["cap_basis"] = get_args(CapBasis).index(terms.cap_basis)
    try:
        return _native.offers.prices(native_terms(loan, charges), numbers, varying, pd12)
    except _native.StatusError as error:
        raise from_native(error) from None


def _price(row: list[float], verdict: Verdict) -> Price:
    even, cap_rate, rate, pd12, loss, value, capital, raroc, *cost = row
    break_even = None if verdict == "no_break_even" else even
    within = None if cap_rate < 0 else cap_rate
    if verdict in ("above_cap", "no_break_even"):
        return Price(verdict, break_even, within, *(None,) * 7)
    return Price(
        verdict, break_even, within, rate, pd12, loss, value, capital, raroc, CostRate(*cost)
    )
