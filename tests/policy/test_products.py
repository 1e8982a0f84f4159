"""Products and offers: what a policy may say of them, and what the core is handed (R5, R14-R17)."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from fenqi.internal.v1 import offer_plan_pb2, release_image_pb2
from fenqi.offers.loan import Method
from fenqi.policy.document import read_pack
from fenqi.policy.offer_schema import Product
from fenqi.v1 import application_pb2, quote_pb2, scoring_pb2
from tests.policy.decisions import (
    COUNTER_OFFER,
    codes,
    compiled,
    engine,
    feature,
    plain_card,
    problems,
    rule,
)

PRODUCT = {
    "meaning": "test",
    "amounts": {"from_fen": 100_000, "to_fen": 500_000, "step_fen": 10_000},
    "terms_months": [3, 6, 12],
    "methods": ["equal_instalments", "flat_fee"],
}
OFFERS = {
    "loss_given_default": 0.65,
    "cost_of_funds": 0.06,
    "annual_rate_cap": 0.24,
    "reasons": {"product": "R_A", "price": "R_B"},
}
INCOME = {"income_fen": "income", "debt_service_fen": "debts"}
FEATURES = {
    "income": feature("application.obligations.monthly_debt_service_fen * 3"),
    "debts": feature("application.obligations.monthly_debt_service_fen"),
}
SCORED = {
    "scorecards": {"card": plain_card()},
    "cutoffs": {"approve_from": 600, "refer_from": 560},
}


def lending(**changes: Any) -> dict[str, Any]:
    """A policy that lends; `changes` to the product, to `offers`, or to the policy."""
    product, offers, policy = dict(PRODUCT), dict(OFFERS), dict(SCORED)
    for name, value in changes.items():
        if name in Product.model_fields:
            product[name] = value
        elif name in ("features", "rules", "jurisdiction", "segments", "scorecards", "cutoffs"):
            policy[name] = value
        elif name == "reasons":
            offers["reasons"] = {**OFFERS["reasons"], **value}
        else:
            offers[name] = value
    return {**policy, "products": {"cash": product}, "offers": offers}


def plan(folder: Path, **changes: Any) -> offer_plan_pb2.OfferPlan:
    image = compiled(folder, **lending(**changes)).image
    return release_image_pb2.ReleaseImage.FromString(image).offer_plan


def wrong(folder: Path, **changes: Any) -> str:
    return problems(folder, **lending(**changes))


# --- what the core is handed ---


def test_a_policy_without_products_has_no_plan(tmp_path: Path) -> None:
    image = release_image_pb2.ReleaseImage.FromString(compiled(tmp_path, **SCORED).image)
    assert not image.HasField("offer_plan")


def test_the_core_gets_the_product_as_it_is_written(tmp_path: Path) -> None:
    charge = {
        "name_zh": "担保费",
        "name_en": "Guarantee fee",
        "timing": "each_instalment",
        "base": "principal",
        "rate": 0.005,
        "payee": "guarantor",
        "payee_name": "某某担保",
    }
    (product,) = plan(
        tmp_path,
        lender="某某消费金融",
        rounding="up",
        day_count="actual/365",
        grace_periods=2,
        charges=[charge],
        servicing={"penalty_rate": 0.18, "penalty_base": "instalment", "grace_days": 3},
    ).products
    assert (product.code, product.lender, product.currency) == ("cash", "某某消费金融", "CNY")
    assert (product.from_fen, product.to_fen, product.step_fen) == (100_000, 500_000, 10_000)
    assert list(product.terms_months) == [3, 6, 12]
    assert list(product.methods) == [
        application_pb2.REPAYMENT_METHOD_EQUAL_INSTALMENTS,
        application_pb2.REPAYMENT_METHOD_FLAT_FEE,
    ]
    assert product.loan == quote_pb2.LoanTerms(
        frequency=quote_pb2.FREQUENCY_MONTHLY,
        day_count=quote_pb2.DAY_COUNT_ACTUAL_365,
        rounding=quote_pb2.ROUNDING_UP,
        grace_periods=2,
        charges=[
            quote_pb2.LoanCharge(
                name_zh="担保费",
                name_en="Guarantee fee",
                timing=quote_pb2.CHARGE_TIMING_EACH_INSTALMENT,
                base=quote_pb2.CHARGE_BASE_PRINCIPAL,
                payee=quote_pb2.PAYEE_GUARANTOR,
                payee_name="某某担保",
                rate=0.005,
            )
        ],
    )
    assert product.servicing == quote_pb2.ServicingTerms(
        penalty_rate=0.18,
        penalty_base=quote_pb2.PENALTY_BASE_INSTALMENT,
        penalty_year_days=360,
        grace_days=3,
    )


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_of_the_arithmetic_is_one_of_the_contract(tmp_path: Path, method: str) -> None:
    (product,) = plan(tmp_path, methods=[method]).products
    (number,) = product.methods
    name = application_pb2.RepaymentMethod.Name(number)
    assert name == f"REPAYMENT_METHOD_{method.upper()}"


def test_the_core_gets_every_parameter_of_the_offers(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        features=FEATURES,
        **INCOME,
        debt_service_ratio=0.4,
        residual_income_fen=150_000,
        income_multiple=4.5,
        ladder={"amounts_fen": [100, 300], "good_repayments": [0, 2], "reached": "debts"},
        expected_loss_budget_fen=65_000,
        when_missing="decline",
        acquisition_fen=15_000,
        servicing_fen=500,
        hurdle=0.15,
        margin=0.03,
        rate_step=0.0005,
        cap_basis="effective",
        horizon_months=6,
        adverse_selection={"sensitivity": 4, "reference_rate": 0.18},
        take_up={"intercept": 2, "rate_weight": -9, "amount_weight": 1.5, "market_rate": 0.2},
        most_offers=5,
        reasons={
            "affordability": "R_C",
            "income_multiple": "R_C",
            "expected_loss": "R_D",
            "ladder": "R_E",
        },
    )
    registers = [
        made.income_register_plus_one,
        made.debt_service_register_plus_one,
        made.income_multiple_register_plus_one,
        made.products[0].eligible_register_plus_one,
    ]
    assert 0 not in registers
    assert made.ladder.reached_register_plus_one == made.debt_service_register_plus_one
    assert (list(made.ladder.amounts_fen), list(made.ladder.good_repayments)) == (
        [100, 300],
        [0, 2],
    )
    assert made.when_missing == scoring_pb2.RULE_ACTION_DECLINE
    assert made.cap_is_effective
    assert made.adverse_selection == offer_plan_pb2.AdverseSelection(
        sensitivity=4, reference_rate=0.18
    )
    assert made.take_up == offer_plan_pb2.TakeUp(
        intercept=2, rate_weight=-9, amount_weight=1.5, market_rate=0.2
    )
    numbers = {
        "debt_service_ratio": 0.4,
        "residual_income_fen": 150_000,
        "expected_loss_budget_fen": 65_000,
        "legal_cap_fen": 0,
        "loss_given_default": 0.65,
        "cost_of_funds": 0.06,
        "acquisition_fen": 15_000,
        "servicing_fen": 500,
        "hurdle": 0.15,
        "margin": 0.03,
        "rate_step": 0.0005,
        "annual_rate_cap": 0.24,
        "horizon_months": 6,
        "most_offers": 5,
    }
    assert {name: getattr(made, name) for name in numbers} == numbers
    by_limit = {scoring_pb2.LimitKind.Name(one.limit): one.reason for one in made.reasons}
    assert by_limit == {
        "LIMIT_KIND_PRODUCT": 0,
        "LIMIT_KIND_PRICE": 1,
        "LIMIT_KIND_AFFORDABILITY": 2,
        "LIMIT_KIND_INCOME_MULTIPLE": 2,
        "LIMIT_KIND_EXPECTED_LOSS": 3,
        "LIMIT_KIND_LADDER": 4,
        "LIMIT_KIND_AMOUNT": 0,
    }


def test_the_core_is_told_where_the_request_says_what_loan_it_is_about(tmp_path: Path) -> None:
    image = release_image_pb2.ReleaseImage.FromString(compiled(tmp_path, **lending()).image)
    made = image.offer_plan
    slots = {made.product_slot_plus_one, made.term_months_slot_plus_one}
    slots |= {made.repayment_method_slot_plus_one, image.amount_slot_plus_one}
    assert len(slots) == 4 and 0 not in slots
    assert image.row.decided_at_slot_plus_one > 0


@pytest.mark.parametrize(
    "zone", ["Asia/Shanghai", "America/New_York", "Australia/Adelaide", "Africa/Casablanca", "UTC"]
)
def test_plans_are_dated_by_the_clock_of_the_policys_time_zone(tmp_path: Path, zone: str) -> None:
    image = compiled(tmp_path, time_zone=zone, **lending()).image
    made = release_image_pb2.ReleaseImage.FromString(image).offer_plan
    changes = [(one.at_seconds, one.utc_offset_minutes) for one in made.clock_changes]
    assert changes == sorted(changes)
    local = ZoneInfo(zone)
    moments = [at + second for at, _ in changes for second in (-1, 0)]
    moments += range(946_684_800, 2_524_608_000, 1_000_003)
    for moment in moments:
        begun = [minutes for at, minutes in changes if at <= moment]
        offset = datetime.datetime.fromtimestamp(moment, local).utcoffset()
        assert offset == datetime.timedelta(minutes=(begun or [made.utc_offset_minutes])[-1])


def test_what_cannot_be_searched_in_time_is_refused(tmp_path: Path) -> None:
    many = {f"p{number}": {**PRODUCT, "terms_months": [3]} for number in range(65)}
    said = problems(tmp_path, **{**lending(), "products": many})
    assert "at most 64 products" in said
    said = wrong(tmp_path, terms_months=list(range(1, 600)))
    assert "1198 methods x terms in all" in said


def test_without_a_hurdle_there_is_none(tmp_path: Path) -> None:
    assert not plan(tmp_path).HasField("hurdle")


def test_half_of_the_income_is_what_debts_may_take_by_default(tmp_path: Path) -> None:
    made = plan(tmp_path, features=FEATURES, **INCOME, reasons={"affordability": "R_C"})
    assert made.debt_service_ratio == 0.5


def test_products_stand_in_an_included_file_like_everything_else(tmp_path: Path) -> None:
    parts = lending()
    (tmp_path / "loans.yaml").write_text(
        f"products: {parts.pop('products')}\noffers: {parts.pop('offers')}\n".replace("'", '"')
    )
    image = compiled(tmp_path, include=["loans.yaml"], **parts).image
    made = release_image_pb2.ReleaseImage.FromString(image).offer_plan
    assert [product.code for product in made.products] == ["cash"]


def test_only_one_file_says_how_offers_are_made(tmp_path: Path) -> None:
    (tmp_path / "loans.yaml").write_text(f"offers: {OFFERS}\n".replace("'", '"'))
    said = problems(tmp_path, include=["loans.yaml"], **lending())
    assert "offers: it stands at" in said and "keep one of them" in said


# --- what a jurisdiction demands ---


def test_the_law_caps_amounts_whatever_a_product_says(tmp_path: Path) -> None:
    """R5: 200,001 yuan are cut or refused even where the product file says 500,000."""
    large = {"from_fen": 10_000_000, "to_fen": 50_000_000, "step_fen": 10_000_000}
    made = plan(tmp_path, jurisdiction="CN", amounts=large, reasons={"cap": "R_C"})
    assert made.legal_cap_fen == 20_000_000


@pytest.mark.parametrize("asked", [20_000_100, 20_010_000, 50_000_000])
def test_more_than_the_law_allows_is_cut_to_it(tmp_path: Path, asked: int) -> None:
    amounts = {"from_fen": 10_000, "to_fen": 50_000_000, "step_fen": 100}
    parts = lending(jurisdiction="CN", amounts=amounts, reasons={"cap": "R_C"})
    answer = engine(tmp_path, **parts).score(
        {
            "signals": {"s": 690.0},
            "identity": {"age_years": 30},
            "employment": {"status": "EMPLOYMENT_STATUS_EMPLOYED"},
            "loan": {"product": "cash", "amount_fen": asked, "term_months": 12},
            "consents": [{"source": "DATA_SOURCE_IDENTITY", "granted": True}],
        }
    )
    assert answer.decision == COUNTER_OFFER
    assert 19_990_000 <= max(offer.amount_fen for offer in answer.offers) <= 20_000_000
    assert answer.limit_binding == scoring_pb2.LIMIT_KIND_CAP
    assert codes(answer)[0] == "R_CN_AMOUNT"


def test_the_caps_of_the_chinese_pack_are_those_of_its_rules() -> None:
    pack = read_pack("CN")
    by_id = {rule.id: rule for rule in pack.rules}
    assert by_id["CN_AMOUNT"].cap_fen == pack.amount_cap_fen
    assert f"term_months > {pack.interest_only_months}" in by_id["CN_BULLET_TERM"].when


def test_the_law_caps_the_price_where_the_policy_says_nothing(tmp_path: Path) -> None:
    parts = lending(jurisdiction="CN", reasons={"cap": "R_C"})
    del parts["offers"]["annual_rate_cap"]
    image = compiled(tmp_path, **parts).image
    made = release_image_pb2.ReleaseImage.FromString(image).offer_plan
    assert made.annual_rate_cap == read_pack("CN").annual_rate_cap


def test_a_policy_may_cap_the_price_lower_and_never_higher(tmp_path: Path) -> None:
    more = {"jurisdiction": "CN", "reasons": {"cap": "R_C"}}
    assert plan(tmp_path, annual_rate_cap=0.2, **more).annual_rate_cap == 0.2
    said = wrong(tmp_path, annual_rate_cap=0.25, **more)
    assert "0.25 a year is more than the 0.24 that the law of CN allows" in said


def test_without_a_pack_that_caps_it_the_policy_caps_the_price(tmp_path: Path) -> None:
    parts = lending(jurisdiction="US")
    del parts["offers"]["annual_rate_cap"]
    assert "say with `annual_rate_cap`" in problems(tmp_path, **parts)


def test_a_loan_that_is_repaid_at_the_end_runs_as_long_as_the_law_allows(tmp_path: Path) -> None:
    more = {"methods": ["interest_only"], "reasons": {"cap": "R_C"}}
    assert plan(tmp_path, jurisdiction="CN", **more)
    said = wrong(tmp_path, jurisdiction="CN", terms_months=[6, 18], **more)
    assert "at most 12 months in CN" in said


# --- what goes together ---


def test_products_without_offers_have_no_price(tmp_path: Path) -> None:
    said = problems(tmp_path, products={"cash": PRODUCT}, **SCORED)
    assert "products are priced by `offers`" in said


def test_offers_without_products_offer_nothing(tmp_path: Path) -> None:
    assert "there is nothing to offer" in problems(tmp_path, offers=OFFERS, **SCORED)


def test_without_a_score_there_is_no_price(tmp_path: Path) -> None:
    parts = lending()
    del parts["scorecards"], parts["cutoffs"]
    assert "name a model or scorecard that decides" in problems(tmp_path, **parts)


def test_every_segment_needs_somebody_who_scores_it(tmp_path: Path) -> None:
    segments = {
        "a": {"when": "application.loan.term_months > 3", "meaning": "m", "decided_by": "card"},
        "b": {"otherwise": True, "meaning": "m"},
    }
    assert "nothing scores b; give it a `decided_by`" in wrong(tmp_path, segments=segments)


@pytest.mark.parametrize(
    ("limit", "changes"),
    [
        ("cap", {"rules": [rule("R", "application.loan.amount_fen > 5", "cap", cap_fen=5)]}),
        ("cap", {"jurisdiction": "CN"}),
        ("affordability", {"features": FEATURES, **INCOME}),
        ("expected_loss", {"expected_loss_budget_fen": 100}),
        (
            "ladder",
            {"ladder": {"amounts_fen": [1], "good_repayments": [0], "reached": "1"}},
        ),
    ],
    ids=str,
)
def test_whatever_can_bind_needs_a_reason(
    tmp_path: Path, limit: str, changes: dict[str, Any]
) -> None:
    said = wrong(tmp_path, **changes)
    assert f"`{limit}` needs a reason, because it can bind" in said
    assert "needs a reason" not in wrong(tmp_path, reasons={limit: "R_C"}, **changes)


def test_a_reason_for_a_limit_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    said = wrong(tmp_path, reasons={"ladder": "R_C"})
    assert "nothing in the policy limits by ladder" in said


def test_a_reason_without_a_text_is_a_mistake(tmp_path: Path) -> None:
    said = wrong(tmp_path, reasons={"price": "R_X"})
    assert "the reason R_X has no text in `reasons`" in said


# --- each parameter is checked, and the message says where ---


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amounts": {"from_fen": 5, "to_fen": 4, "step_fen": 1}}, "`to_fen` lies below"),
        ({"amounts": {"from_fen": 5, "to_fen": 14, "step_fen": 2}}, "do not lead from 5 to 14"),
        ({"amounts": {"from_fen": 0, "to_fen": 4, "step_fen": 1}}, "greater than or equal to 1"),
        ({"amounts": {"from_fen": 1, "to_fen": 2**53 + 1, "step_fen": 2**53}}, "less than or"),
        ({"amounts": {"from_fen": 1, "to_fen": 2**30, "step_fen": 1}}, "take larger steps"),
        ({"terms_months": [0]}, "greater than or equal to 1"),
        ({"terms_months": [601]}, "less than or equal to 600"),
        ({"terms_months": [6, 3]}, "ascending"),
        ({"terms_months": []}, "it is empty"),
        ({"methods": ["annuity"]}, "`equal_instalments`"),
        ({"methods": ["flat_fee", "flat_fee"]}, "stands there once"),
        ({"day_count": "30/365"}, "`30/360`"),
        ({"grace_periods": 3}, "fewer than the shortest term, 3"),
        ({"currency": "yuan"}, "is not of the form"),
        ({"when": "application.loan.amount_fen"}, "a condition is true or false"),
        ({"when": "income_fen > 3"}, "income_fen"),
        ({"loss_given_default": 1.5}, "less than or equal to 1"),
        ({"loss_given_default": 0}, "greater than 0"),
        ({"cost_of_funds": -0.1}, "greater than or equal to 0"),
        ({"margin": float("nan")}, "finite"),
        ({"rate_step": 0}, "greater than or equal to 0.000001"),
        ({"annual_rate_cap": 0}, "greater than or equal to 0.000001"),
        ({"most_offers": 11}, "less than or equal to 10"),
        ({"horizon_months": 0}, "greater than or equal to 1"),
        ({"income_fen": "1"}, "belong together"),
        ({"income_multiple": 3}, "needs `income_fen`"),
        ({"income_fen": "1.5", "debt_service_fen": "1"}, "type int; this is of type double"),
        ({**INCOME, "features": FEATURES, "income_multiple": "3"}, "type double"),
        ({**INCOME, "features": FEATURES, "income_multiple": 0}, "above 0"),
        ({"take_up": {"intercept": 1, "market_rate": 0.2, "rate_weight": 3}}, "less than or equal"),
        ({"take_up": {"intercept": 1, "market_rate": 20}}, "less than or equal to 10"),
        (
            {"ladder": {"amounts_fen": [1, 2], "good_repayments": [0], "reached": "1"}},
            "one entry for each step",
        ),
        (
            {"ladder": {"amounts_fen": [1, 2], "good_repayments": [1, 2], "reached": "1"}},
            "the first of `good_repayments` is 0",
        ),
        (
            {"ladder": {"amounts_fen": [2, 1], "good_repayments": [0, 2], "reached": "1"}},
            "`amounts_fen` ascend",
        ),
        ({"profit": 3}, "`profit` is no key of"),
    ],
    ids=str,
)
def test_each_parameter_is_checked_and_the_message_says_where(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    said = wrong(tmp_path, **changes)
    assert message in said
    assert "policy.yaml:1:" in said


CHARGE = {"name_zh": "费", "name_en": "Fee", "timing": "deducted"}


@pytest.mark.parametrize(
    ("charge", "message"),
    [
        ({}, "`amount_fen` and base `flat` belong together"),
        ({"rate": 0.1}, "`amount_fen` and base `flat` belong together"),
        ({"amount_fen": 5, "rate": 0.1}, "`flat` has none"),
        ({"base": "principal"}, "needs a `rate`"),
        ({"base": "balance", "rate": 0.1}, "up front there is no balance yet"),
        ({"amount_fen": 5, "name_en": "x" * 129}, "longer than 128 bytes"),
        ({"amount_fen": 5, "name_zh": ""}, "it is empty"),
        ({"amount_fen": 5, "payee": "bank"}, "`guarantor`"),
    ],
    ids=str,
)
def test_a_charge_says_when_on_what_and_how_much(
    tmp_path: Path, charge: dict[str, Any], message: str
) -> None:
    assert message in wrong(tmp_path, charges=[{**CHARGE, **charge}])
