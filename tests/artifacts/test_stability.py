"""The population stability index, its noise bound, and histograms it is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fenqi.artifacts.reference import Histogram, histogram, text_histogram
from fenqi.artifacts.stability import counts_like, noise_bound, psi


@pytest.mark.parametrize(
    ("rows", "others", "bound"),
    # docs of the domain, 3.2: ten bins.
    [(1_000, 1_000, 0.0338), (10_000, 1_000, 0.0186), (10_000, 10_000, 0.0034)],
)
def test_the_noise_bound_is_the_published_one(rows: int, others: int, bound: float) -> None:
    expected, found = np.full(10, rows / 10), np.full(10, others / 10)
    assert noise_bound(expected, found) == pytest.approx(bound, abs=1e-4)


def test_two_samples_of_one_population_stay_below_the_bound_95_times_in_a_hundred() -> None:
    chance = np.random.default_rng(0)
    reference = histogram(chance.normal(size=5000))
    above = 0
    for _ in range(400):
        found = np.searchsorted(reference.edges, chance.normal(size=2000), side="right")
        counts = np.bincount(found, minlength=10).astype(float)
        expected = np.array(reference.counts, dtype=float)
        above += psi(expected, counts) > noise_bound(expected, counts)
    assert 0.01 < above / 400 < 0.12


def test_the_index_of_a_known_shift() -> None:
    # (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5).
    found = psi(np.array([500.0, 500.0]), np.array([600.0, 400.0]))
    assert found == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))


@settings(deadline=None)
@given(arrays(np.float64, st.integers(1, 200), elements=st.floats(-5, 5) | st.just(np.nan)))
def test_a_histogram_counts_everything_once(values: np.ndarray) -> None:
    found = histogram(values)
    assert sum(found.counts) + found.missing == len(values)
    Histogram.model_validate(found.model_dump())
    place = np.searchsorted(found.edges, values[~np.isnan(values)], side="right")
    assert np.bincount(place, minlength=len(found.counts)).tolist() == found.counts


def test_few_distinct_numbers_have_a_bin_each() -> None:
    found = histogram(np.array([0.0] * 95 + [1.0] * 5))
    assert (found.edges, found.counts) == ([1.0], [95, 5])


def test_infinite_values_are_in_the_outer_bins() -> None:
    found = histogram(np.array([-np.inf, np.inf, *np.arange(100.0)]))
    assert np.isfinite(found.edges).all() and sum(found.counts) == 102


def test_texts_are_counted_by_value_and_the_rest_together() -> None:
    found = text_histogram(np.array(["a"] * 3 + ["b"] + [f"c{n}" for n in range(40)] + [""]))
    assert found.values[0] == "a" and found.counts[0] == 3
    assert found.missing == 1 and sum(found.counts) == 44


def test_other_bins_are_an_estimate_that_is_near() -> None:
    chance = np.random.default_rng(1)
    one, other = histogram(chance.normal(size=20_000)), histogram(chance.normal(size=20_000))
    shifted = histogram(chance.normal(0.5, 1, size=20_000))
    same, moved = counts_like(one, other), counts_like(one, shifted)
    assert same is not None and moved is not None
    assert psi(*same) < 0.01
    assert psi(*moved) == pytest.approx(0.25, abs=0.05)  # of two normals half a deviation apart
    assert counts_like(one, text_histogram(np.array(["a"]))) is None
