"""Runs published financial vectors: annual rates (*.jsonl) and schedules (*.toml with *.csv).

    python -m tests.offers.vectors FOLDER

The last line is `vectors: passed P, failed F, of N`. The formats, sources and licences stand in the
folder's README.md; amortization fixtures are those of PyPI's mortgagemath (MIT), annual rates are
numbers from FSharp.Finance.Personal and pyxirr.
"""

from __future__ import annotations

import csv
import json
import math
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from fenqi.offers import Charge, Loan, RateChange, Schedule, annual_rate, schedule

Check = Callable[[], None]


def vectors(folder: Path) -> Iterator[tuple[str, Check]]:
    """(name, check) of every vector under `folder`; a check raises AssertionError with a reason."""
    for path in sorted(folder.rglob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                vector = json.loads(line)
                name = vector.get("id", f"{path.name}:{number}")
                yield name, lambda vector=vector: check_rate(vector)  # type: ignore[misc]
    for path in sorted(folder.rglob("*.toml")):
        yield f"schedules/{path.stem}", lambda path=path: check_schedule(path)  # type: ignore[misc]


# -- annual rates


def flows_of(vector: dict[str, Any]) -> list[tuple[date, float]]:
    signed = [(day, amount) for day, amount in vector.get("flows", [])]
    signed += [(day, amount) for day, amount in vector.get("advances", [])]
    signed += [(day, -amount) for day, amount in vector.get("payments", [])]
    return [(date.fromisoformat(day), float(amount)) for day, amount in signed]


def check_rate(vector: dict[str, Any]) -> None:
    flows = flows_of(vector)
    match vector["method"]:
        case "us_appendix_j":
            unit = vector.get("unit_period")
            answer = annual_rate(flows, "appendix_j", unit_period=unit)
        case "eu_2008_48":
            answer = annual_rate(flows, "eu")
        case "uk_mcob_10":
            answer = annual_rate(flows, "uk")
        case "xirr_actual_365":
            answer = annual_rate(flows)
        case other:
            raise AssertionError(f"there is no method {other}")
    key = "expected_percent" if "expected_percent" in vector else "expected"
    expected = vector[key]
    if expected is None:
        assert answer.rate is None, f"no rate solves it, but the answer is {answer.rate}"
        return
    assert answer.rate is not None, f"expected {expected}, but the answer is {answer.solutions}"
    if key == "expected_percent":
        unit = Decimal(1).scaleb(-vector["decimals"])
        shown = Decimal(repr(100 * answer.rate)).quantize(unit, rounding=ROUND_HALF_UP)
        assert shown == Decimal(repr(expected)).quantize(unit), f"{shown} % is not {expected} %"
        return
    near = abs(answer.rate - expected) <= vector["tolerance"] * max(1.0, abs(expected))
    other_root = answer.solutions == "several" and solves(flows, answer.rate)
    assert near or other_root, f"{answer.rate} is not {expected}"


def solves(flows: list[tuple[date, float]], rate: float) -> bool:
    """Whether the present value changes its sign within a relative 10^-8 of growth `1 + rate`."""
    start = min(day for day, _ in flows)

    def value(growth: float) -> float:
        return math.fsum(a * growth ** (-(day - start).days / 365) for day, a in flows)

    return value((1 + rate) * (1 - 1e-8)) * value((1 + rate) * (1 + 1e-8)) <= 0


# -- schedules

PER_YEAR = {"monthly": 12, "semi_monthly": 24, "biweekly": 26, "weekly": 52, "quarterly": 4,
            "annual": 1}  # fmt: skip
FREQUENCY = {"semi_monthly": "semimonthly", "biweekly": "fortnightly", "annual": "yearly"}
COMPOUNDING = {"monthly": "nominal", "semi_annual": "semiannual", "annual": "annual"}


def amount_in(unit: Decimal) -> Callable[[str], int]:
    """Reads an amount into a whole number of `unit`."""

    def read(text: str) -> int:
        amount = Decimal(text) / unit
        assert amount == amount.to_integral_value(), f"{text} is finer than {unit}"
        return int(amount)

    return read


def loan_of(terms: dict[str, Any]) -> tuple[Loan, list[Charge]]:
    """The loan of a fixture's [loan], in units of its currency, and its charges."""
    amount = amount_in(Decimal(terms.get("currency_unit", "0.01")))
    cadence = terms.get("payment_frequency", "monthly")
    counted = terms.get("day_count", "30/360") == "actual/360"
    carried = counted or terms.get("balance_tracking") == "carry_precision"

    def periods(months: int) -> int:
        return months * PER_YEAR[cadence] // 12

    loan = Loan(
        principal_fen=amount(terms["principal"]),
        annual_rate=Decimal(terms["annual_rate"]) / 100,
        periods=periods(terms["term_months"]),
        frequency=FREQUENCY.get(cadence, cadence),
        day_count="actual/360" if counted else "30/360",
        compounding=COMPOUNDING[terms.get("compounding", "monthly")],
        instalment_rounding=terms["payment_rounding"].removeprefix("ROUND_").lower(),
        interest_rounding=terms["interest_rounding"].removeprefix("ROUND_").lower(),
        disbursed=date.fromisoformat(str(terms["start_date"])) if counted else None,
        grace_periods=periods(terms.get("interest_only_months", 0)),
        instalment_fen=amount(terms.get("payment_override", "0")),
        amortisation_periods=periods(terms.get("amortization_period_months", 0)),
        rate_changes=tuple(
            RateChange(
                from_row=change["effective_payment_number"],
                annual_rate=Decimal(change["new_annual_rate"]) / 100,
                new_instalment=change.get("recast", True),
                instalment_cap=Decimal(change.get("payment_cap_factor", "0")),
            )
            for change in terms.get("rate_schedule", [])
        ),
        level_basis="equal_periods" if counted else "actual_periods",
        last_instalment="takes_all",
        balance="precise" if carried else "rounded",
    )
    fee = amount(terms.get("fee_per_period", "0"))
    return loan, [Charge(timing="each_instalment", amount_fen=fee)] if fee else []


def printed_rows(plan: Schedule) -> list[dict[str, int]]:
    """Rows as the fixtures print them: interest in full also where a part of it is added to the
    balance, and the last row of a balloon loan without the balloon."""
    loan = plan.loan
    rows = [
        {
            "payment": row.payment_fen,
            "principal": row.principal_fen - row.capitalised_fen,
            "interest": row.interest_fen + row.capitalised_fen,
            "balance": row.balance_fen,
        }
        for row in plan.rows
    ]
    if loan.amortisation_periods > loan.periods:
        last = rows[-1]
        regular = plan.instalment_fen + plan.rows[-1].charges_fen
        last["balance"] = last["payment"] - regular
        last["principal"] -= last["balance"]
        last["payment"] = regular
    return rows


def check_schedule(path: Path) -> None:
    fixture = tomllib.loads(path.read_text(encoding="utf-8"))
    loan, charges = loan_of(fixture["loan"])
    amount = amount_in(Decimal(fixture["loan"].get("currency_unit", "0.01")))
    plan = schedule(loan, charges)
    rows = printed_rows(plan)
    expected = fixture["expected"]
    payment = expected.get("periodic_payment", expected.get("monthly_payment"))
    # A loan that begins with interest alone publishes the interest.
    first = rows[0]["interest"] if loan.grace_periods else plan.instalment_fen
    assert first == amount(payment), f"the instalment is {first}, not {payment}"
    if "balloon_at_term" in expected:
        balloon = rows[-1]["balance"]
        assert balloon == amount(expected["balloon_at_term"]), f"the balloon is {balloon}"
    for part in expected.get("amortization_ranges", []):
        check_range(rows, part, amount)
    with path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for published in csv.DictReader(file):
            check_row(rows, published, amount)


def check_range(
    rows: list[dict[str, int]], part: dict[str, Any], amount: Callable[[str], int]
) -> None:
    inside = rows[part["start_payment"] - 1 : part["end_payment"]]
    assert inside[-1]["balance"] == amount(part["balance"]), f"balance of {part}"
    for column in ("principal", "interest"):
        total = sum(row[column] for row in inside)
        assert total == amount(part[column]), f"{column} of {part} is {total}"


def check_row(
    rows: list[dict[str, int]], published: dict[str, str], amount: Callable[[str], int]
) -> None:
    number = int(published["payment"])
    if number == 0:
        return  # the state before the first instalment
    assert number <= len(rows), f"there is no row {number}"
    row = rows[number - 1]
    columns = {"payment_amount": "payment"} | {c: c for c in ("principal", "interest", "balance")}
    for column, ours in columns.items():
        if published.get(column):
            value = amount(published[column])
            assert row[ours] == value, f"row {number}: {ours} is {row[ours]}, not {value}"


def main() -> int:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print("usage: python -m tests.offers.vectors FOLDER", file=sys.stderr)
        return 2
    passed = failed = 0
    for name, check in vectors(Path(sys.argv[1])):
        try:
            check()
        except Exception as error:  # a vector of another shape is one that failed
            failed += 1
            print(f"{name}: {type(error).__name__}: {error}")
        else:
            passed += 1
    print(f"vectors: passed {passed}, failed {failed}, of {passed + failed}")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
