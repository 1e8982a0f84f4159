"""A scorecard: attributes in bins with weights of evidence, put together by logistic regression.

Formulas: Siddiqi, Credit Risk Scorecards. WOE_j = ln((good_j / good) / (bad_j / bad)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from .dataset import Column, Floats
from .measures import Platt
from .trees import Split, Tree

FINE_BINS = 20
LEAST_SHARE = 0.05  # of the rows, in a bin
LEAST_BADS = 30
LEAST_INFORMATION = 0.02  # an attribute with less information value says nothing
MOST_CORRELATION = 0.85  # of the weights of evidence of two attributes

Outcomes = NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """One feature in intervals between thresholds, and missing values.

    Interval i holds thresholds[i-1] < x <= thresholds[i]; the last interval is above all of them;
    index len(thresholds) + 1 stands for missing.
    """

    feature: int
    thresholds: list[np.float32]

    @property
    def cells(self) -> int:
        """Intervals, and one for missing."""
        return len(self.thresholds) + 2

    def index(self, values: Floats) -> NDArray[np.intp]:
        """The interval of each value."""
        found = np.searchsorted(np.array(self.thresholds, dtype=np.float32), values, side="left")
        return np.where(np.isnan(values), len(self.thresholds) + 1, found)


@dataclass(frozen=True)
class Attribute:
    """A column in bins. `woe` has one entry for each interval and one for missing."""

    axis: Axis
    woe: NDArray[np.float64]
    information: float

    def transform(self, features: Floats) -> NDArray[np.float64]:
        """The weight of evidence of each row."""
        return self.woe[self.axis.index(features[:, self.axis.feature])]


@dataclass(frozen=True)
class Scorecard:
    """ln(odds of default) = intercept - sum of coefficient * WOE; coefficients are positive."""

    attributes: list[Attribute]
    coefficients: NDArray[np.float64]
    intercept: float

    def parts(self, features: Floats) -> NDArray[np.float64]:
        """Each attribute's part of the margin, [rows, attributes]."""
        columns = [attribute.transform(features) for attribute in self.attributes]
        return -self.coefficients * np.stack(columns, axis=1)

    def margin(self, features: Floats) -> NDArray[np.float64]:
        """Log-odds of default of each row."""
        return self.intercept + self.parts(features).sum(axis=1)


def train(columns: list[Column], features: Floats, defaulted: Outcomes) -> Scorecard:
    """Bins every column, drops what says little or says it twice, and fits the rest."""
    binned = [
        _bin(number, column.monotone, features[:, number], defaulted)
        for number, column in enumerate(columns)
    ]
    chosen = _choose([attribute for attribute in binned if attribute is not None], features)
    while True:
        woe = np.stack([attribute.transform(features) for attribute in chosen], axis=1)
        fit = LogisticRegression(C=1e6, max_iter=1000).fit(-woe, defaulted)
        coefficients = fit.coef_[0]
        # A negative coefficient turns an attribute's meaning round: drop the worst and fit again.
        if coefficients.min() > 0:
            return Scorecard(chosen, coefficients, float(fit.intercept_[0]))
        del chosen[int(coefficients.argmin())]


def trees(card: Scorecard) -> list[Tree]:
    """The scorecard as one tree for each attribute; feature i is its i-th attribute."""
    built: list[Tree] = []
    for number, (attribute, coefficient) in enumerate(
        zip(card.attributes, card.coefficients, strict=True)
    ):
        *known, missing = (-coefficient * attribute.woe).tolist()
        thresholds = attribute.axis.thresholds
        above_all = np.finfo(np.float32).max
        built.append(Split(number, above_all, False, _bisect(number, thresholds, known), missing))
    return built


def _bisect(feature: int, thresholds: list[np.float32], parts: list[float]) -> Tree:
    """From an interval to its part."""
    if not thresholds:
        return parts[0]
    middle = len(thresholds) // 2
    return Split(
        feature,
        thresholds[middle],
        False,
        _bisect(feature, thresholds[:middle], parts[: middle + 1]),
        _bisect(feature, thresholds[middle + 1 :], parts[middle + 1 :]),
    )


def points(
    card: Scorecard,
    columns: list[Column],
    references: dict[str, Floats],
    platt: Platt,
    scale: dict[str, float],
) -> dict[str, Any]:
    """The calibrated scorecard in points, as scorecard.yaml holds it; `columns` are its own, one an
    attribute, `references` the applicants whom reasons may compare with. The score is the one that
    the ONNX model gives (3.1):

        score = offset + factor ln(odds), ln(odds good : bad) = a margin + b

    The part that belongs to no attribute is spread over all (Siddiqi).
    """
    factor = scale["points_to_double_odds"] / math.log(2)
    offset = scale["base_score"] - factor * math.log(scale["base_odds"])
    shared = (offset + factor * (platt.a * card.intercept + platt.b)) / len(card.attributes)
    attributes = {}
    for column, attribute, coefficient in zip(
        columns, card.attributes, card.coefficients, strict=True
    ):
        of_bin = shared - factor * platt.a * coefficient * attribute.woe
        means = {
            name: float(shared - factor * platt.a * coefficient * attribute.transform(rows).mean())
            for name, rows in references.items()
        }
        limits = [_below(edge) for edge in attribute.axis.thresholds]
        bins: list[dict[str, Any]] = [{"missing": True, "points": float(of_bin[-1])}]
        bins += [
            {"below": limit, "points": float(p)} for limit, p in zip(limits, of_bin, strict=False)
        ]
        bins.append({"points": float(of_bin[len(limits)])})
        attributes[column.name] = {
            "expr": column.name,
            "reason": column.reason,
            "dimension": column.dimension,
            "reference_points": means,
            "bins": bins,
        }
    return {**scale, "attributes": attributes}


def _below(edge: np.float32) -> float:
    """The least double that the model, which rounds its input to 32 bits, puts above `edge`."""
    above = np.nextafter(edge, np.float32(np.inf))
    middle = (float(edge) + float(above)) / 2
    # Exactly in the middle, rounding goes to the neighbour whose last bit is zero.
    return middle if np.float32(middle) > edge else math.nextafter(middle, math.inf)


def _bin(number: int, monotone: int, values: Floats, defaulted: Outcomes) -> Attribute | None:
    """Fine quantile bins, joined until they are large enough and, where promised, monotone."""
    known = ~np.isnan(values)
    x, y = values[known], defaulted[known]
    quantiles = np.quantile(x, np.linspace(0, 1, FINE_BINS + 1)[1:-1], method="lower")
    edges = [np.float32(edge) for edge in np.unique(quantiles) if edge < x.max()]
    while edges:
        goods, bads = _counts(Axis(number, edges), x, y)
        join = _to_join(goods[:-1], bads[:-1], monotone, len(x))
        if join is None:
            break
        del edges[join]
    if not edges:
        return None
    axis = Axis(number, edges)
    goods, bads = _counts(axis, values, defaulted)
    good_share, bad_share = goods / goods.sum(), bads / bads.sum()
    woe = np.log(good_share / bad_share)
    information = float(((good_share - bad_share) * woe).sum())
    return Attribute(axis, woe, information) if information >= LEAST_INFORMATION else None


def _counts(axis: Axis, x: Floats, y: Outcomes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Goods and bads in each cell; half of one is added where a cell has none."""
    index = axis.index(x)
    goods = np.bincount(index[y == 0], minlength=axis.cells).astype(float)
    bads = np.bincount(index[y == 1], minlength=axis.cells).astype(float)
    empty = (goods == 0) | (bads == 0)
    return goods + 0.5 * empty, bads + 0.5 * empty


def _to_join(
    goods: NDArray[np.float64], bads: NDArray[np.float64], monotone: int, rows: int
) -> int | None:
    """The edge to take away: of a bin that is too small, or that breaks the promised order."""
    total = goods + bads
    rate = bads / total
    small = (total < LEAST_SHARE * rows) | (bads < LEAST_BADS)
    if small.any():
        worst = int(np.flatnonzero(small)[np.argmin(total[small])])
        neighbours = [edge for edge in (worst - 1, worst) if 0 <= edge < len(rate) - 1]
        return min(neighbours, key=lambda edge: abs(rate[edge] - rate[edge + 1]))
    steps = np.diff(rate) * monotone
    if monotone != 0 and len(steps) > 0 and steps.min() < 0:
        return int(steps.argmin())
    return None


def _choose(attributes: list[Attribute], features: Floats) -> list[Attribute]:
    """The most informative first, none that says what a chosen one says already."""
    chosen: list[Attribute] = []
    taken: list[NDArray[np.float64]] = []
    for attribute in sorted(attributes, key=lambda a: -a.information):
        woe = attribute.transform(features)
        if all(abs(np.corrcoef(woe, other)[0, 1]) <= MOST_CORRELATION for other in taken):
            chosen.append(attribute)
            taken.append(woe)
    return chosen
