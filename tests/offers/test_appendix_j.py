"""Regulation Z, Appendix J (c): every example as the regulation prints it (12 CFR 1026)."""

from __future__ import annotations

from datetime import date

import pytest

from fenqi.offers import annual_rate, within_appendix_j_tolerance

Flow = tuple[date, float]


def monthly(first: date, count: int, amount: float, months: int = 1) -> list[Flow]:
    index = first.year * 12 + first.month - 1
    return [
        (date((index + k * months) // 12, (index + k * months) % 12 + 1, first.day), -amount)
        for k in range(count)
    ]


def daily(first: date, count: int, amount: float, days: int) -> list[Flow]:
    return [(date.fromordinal(first.toordinal() + k * days), -amount) for k in range(count)]


def semimonthly(first: date, count: int, amount: float) -> list[Flow]:
    firsts = monthly(first, (count + 1) // 2, amount)
    seconds = monthly(first.replace(day=first.day + 15), count // 2, amount)
    return sorted(firsts + seconds)


def with_(flows: list[Flow], first: float | None = None, last: float | None = None) -> list[Flow]:
    changed = list(flows)
    if first is not None:
        changed[0] = (changed[0][0], -first)
    if last is not None:
        changed[-1] = (changed[-1][0], -last)
    return changed


C1I = monthly(date(1978, 2, 10), 24, 230)
C5 = date(1978, 1, 3)

EXAMPLES: dict[str, tuple[float, date, list[Flow], str, str, float]] = {
    # advance, on, payments, unit period, published, unrounded
    "(c)(1)(i)": (5000, date(1978, 1, 10), C1I, "month", "9.69", 9.685708),
    "(c)(1)(ii)": (
        6000, date(1978, 2, 10), monthly(date(1978, 4, 1), 36, 200), "month", "11.82", 11.816508,
    ),
    "(c)(1)(iii)": (
        5000, date(1978, 2, 23), semimonthly(date(1978, 3, 1), 24, 219.17), "semimonth", "10.34",
        10.337903,
    ),
    "(c)(1)(iv)": (
        10000, date(1978, 5, 23), monthly(date(1978, 10, 1), 40, 385, 3), "3 months", "8.97",
        8.970770,
    ),
    "(c)(1)(v)": (
        500, date(1978, 3, 20), daily(date(1978, 4, 21), 30, 17.60, 7), "week", "14.96", 14.962223,
    ),
    "(c)(2)(i)": (5000, date(1978, 1, 10), with_(C1I, 250), "month", "10.08", 10.082890),
    "(c)(2)(ii)": (
        400, date(1978, 3, 18), with_(daily(date(1978, 4, 20), 12, 38.31, 28), 39.50), "4 weeks",
        "28.50", 28.497940,
    ),
    "(c)(3)(i)": (5000, date(1978, 1, 10), with_(C1I, None, 280), "month", "10.50", 10.500469),
    "(c)(3)(ii)": (
        200, date(1978, 4, 3), with_(daily(date(1978, 4, 11), 20, 9.50, 14), None, 30), "2 weeks",
        "12.22", 12.224857,
    ),
    "(c)(4)(i)": (5000, date(1978, 1, 10), with_(C1I, 250, 280), "month", "10.90", 10.895549),
    "(c)(4)(ii)": (
        8000, date(1978, 1, 10), with_(monthly(date(1978, 3, 1), 20, 465, 2), 449.36, 200),
        "2 months", "7.30", 7.301765,
    ),
    "(c)(5)(i)": (1000, C5, [(date(1978, 9, 15), -1080)], "term", "11.45", 11.450980),
    "(c)(5)(ii)": (1000, C5, [(date(1978, 7, 3), -1044)], "term", "8.80", 8.800000),
    "(c)(5)(iii)": (1000, C5, [(date(1979, 7, 3), -1135.19)], "year", "8.76", 8.757047),
    "(c)(5)(iv)": (1000, C5, [(date(1980, 1, 3), -1240)], "year", "11.36", 11.355287),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("given", [True, False], ids=["unit period given", "unit period found"])
def test_an_example_of_the_regulation_has_its_published_rate(name: str, given: bool) -> None:
    advance, on, payments, unit, published, unrounded = EXAMPLES[name]
    found = annual_rate(
        [(on, advance), *payments], "appendix_j", unit_period=unit if given else None
    )
    assert found.rate is not None
    assert f"{100 * found.rate:.2f}" == published
    assert 100 * found.rate == pytest.approx(unrounded, abs=1e-6)
    assert found.solutions == "unique"


def test_the_unit_period_is_named_as_it_was_counted() -> None:
    for name, (advance, on, payments, unit, *_) in EXAMPLES.items():
        found = annual_rate([(on, advance), *payments], "appendix_j")
        assert found.unit_period == unit.replace("3 months", "3 months"), name


def test_a_series_on_last_days_counts_whole_months() -> None:
    ends = [date(2023, 2, 28), date(2023, 3, 31), date(2023, 4, 30), date(2023, 5, 31)]
    tens = [date(2023, 2, 10), date(2023, 3, 10), date(2023, 4, 10), date(2023, 5, 10)]
    on_ends = annual_rate([(date(2023, 1, 31), 1000.0), *((day, -255.0) for day in ends)],
                          "appendix_j", unit_period="month")  # fmt: skip
    on_tens = annual_rate([(date(2023, 1, 10), 1000.0), *((day, -255.0) for day in tens)],
                          "appendix_j", unit_period="month")  # fmt: skip
    assert on_ends.rate == pytest.approx(on_tens.rate, rel=1e-12)


def test_february_does_not_shorten_the_month_of_a_series_on_the_thirtieth() -> None:
    thirtieths = [date(2023, 1, 30), date(2023, 2, 28), date(2023, 3, 30)]
    tenths = [date(2023, 1, 10), date(2023, 2, 10), date(2023, 3, 10)]
    late = annual_rate([(date(2022, 12, 30), 1000.0), *((day, -340.0) for day in thirtieths)],
                       "appendix_j", unit_period="month")  # fmt: skip
    early = annual_rate([(date(2022, 12, 10), 1000.0), *((day, -340.0) for day in tenths)],
                        "appendix_j", unit_period="month")  # fmt: skip
    assert late.rate == pytest.approx(early.rate, rel=1e-12)


@pytest.mark.parametrize(
    ("disclosed", "irregular", "accurate"),
    [(0.1012, False, True), (0.1013, False, False), (0.1013, True, True), (0.1026, True, False)],
)
def test_tolerance_is_an_eighth_of_a_point_and_a_quarter_for_irregular_loans(
    disclosed: float, irregular: bool, accurate: bool
) -> None:
    assert within_appendix_j_tolerance(disclosed, 0.10, irregular=irregular) is accurate
