"""Scorecards: from bins and points to instructions (3.1).

The score is the sum of the attributes' points. score = offset + factor x ln(odds good : bad), so
the probability of default is 1 / (1 + exp((score - offset) / factor)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from fenqi.artifacts import Artifact
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.expressions import Expressions
from fenqi.policy.lowered import Scalar
from fenqi.policy.program import Constant, CoreOutput, Operand, Part, Place
from fenqi.policy.schema import Bin, Scorecard, ScorecardFile

# Where the core says whether anybody is scored; missing where a hard rule made it needless.
SCORED = CoreOutput("scored")
OUTPUTS = ("score", "probability_of_default")
_NUMBERS = ("bool", "int", "uint", "double")


@dataclass(frozen=True, slots=True)
class LoweredAttribute:
    """An attribute in the program: which bin, and its points."""

    name: str
    bin: Operand
    points: Operand
    reference_points: float


@dataclass(frozen=True, slots=True)
class LoweredScorecard:
    """A scorecard in the program."""

    card: Scorecard
    attributes: list[LoweredAttribute]
    score: Operand
    probability: Operand


class BinError(ValueError):
    """Bins that do not fit together; `number` says which one, from 0."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True, eq=False, slots=True)
class BinningPart(Part):
    """The bins of one attribute."""

    binning: image.Binning
    operands: tuple[Operand, ...] = ()

    def add_to(self, program: image.Program, registers: list[int]) -> int:
        """Writes the bins as the program's next ones and gives their number."""
        program.binnings.append(self.binning)
        return len(program.binnings) - 1


def with_attributes(
    ex: Expressions, name: str, artifacts: Mapping[str, Artifact]
) -> Scorecard | None:
    """The scorecard with its attributes, from its artifact where it has one; `artifacts` by
    `name/version`. None where they cannot be read.
    """
    card = ex.document.policy.scorecards[name]
    if card.artifact is None:
        return card
    artifact = artifacts.get(card.artifact)
    if artifact is None:
        return None
    path = ("scorecards", name, "artifact")
    if artifact.scorecard is None:
        ex.report(path, f"{card.artifact} has no scorecard.yaml")
        return None
    try:
        file = ScorecardFile.model_validate(artifact.scorecard)
    except ValidationError as error:
        ex.report(path, f"scorecard.yaml of {card.artifact}: {error}")
        return None
    for key in ("odds", "base_score", "base_odds", "points_to_double_odds"):
        if getattr(file, key) != getattr(card, key):
            wanted = getattr(file, key)
            ex.report(path, f"the points of {card.artifact} are made for {key}: {wanted}")
            return None
    for key, attribute in file.attributes.items():
        if attribute.points_of(card.reference) is None:
            ex.report(
                path,
                f"{card.artifact} ships no points of the reference `{card.reference}` for {key}",
            )
            return None
    return card.model_copy(
        update={"attributes": file.attributes, "base_points": file.base_points + card.base_points}
    )


def lower_scorecard(ex: Expressions, name: str, card: Scorecard) -> LoweredScorecard | None:
    """Adds the scorecard to the program and declares its outputs; None where it is wrong."""
    attributes = card.attributes or {}
    lowered = [_lower_attribute(ex, name, card, key) for key in attributes]
    place = ex.place(("scorecards", name), f"scorecard {name}")
    complete = [attribute for attribute in lowered if attribute is not None]
    if len(complete) < len(lowered) or not complete:
        for output in OUTPUTS:  # so that what reads them is not reported too
            ex.declare(f"{name}.{output}", Scalar(Constant("double", 0.0), "double"), "double")
        return None
    total = complete[0].points
    for attribute in complete[1:]:
        total = ex.builder.emit(image.OP_ADD_DOUBLE, total, attribute.points, place=place)
    if card.base_points:
        base = Constant("double", card.base_points)
        total = ex.builder.emit(image.OP_ADD_DOUBLE, total, base, place=place)
    # Missing where nobody is scored.
    score = ex.builder.emit(image.OP_SELECT, SCORED, total, total, place=place)
    probability = _probability(ex, card, score, place)
    for output, operand in zip(OUTPUTS, (score, probability), strict=True):
        ex.declare(f"{name}.{output}", Scalar(operand, "double"), "double")
    return LoweredScorecard(card, complete, score, probability)


def _probability(ex: Expressions, card: Scorecard, score: Operand, place: Place) -> Operand:
    offset, factor = Constant("double", card.offset), Constant("double", card.factor)
    above = ex.builder.emit(image.OP_SUB_DOUBLE, score, offset, place=place)
    log_odds = ex.builder.emit(image.OP_DIV_DOUBLE, above, factor, place=place)
    return ex.builder.emit(image.OP_LOGISTIC, log_odds, place=place)


def _lower_attribute(
    ex: Expressions, name: str, card: Scorecard, key: str
) -> LoweredAttribute | None:
    attribute = (card.attributes or {})[key]
    path: tuple[str | int, ...] = ("scorecards", name, "attributes", key)
    expression: tuple[str | int, ...] = (*path, "expr")
    if card.artifact is not None:
        path = expression = ("scorecards", name, "artifact")
    owner = f"scorecard {name}, attribute {key}"
    value = ex.lower(expression, attribute.expr, owner)
    if value is None:
        return None
    try:
        part = BinningPart(binning_of(attribute.bins, value.type))
    except BinError as error:
        at = path if card.artifact is not None else (*path, "bins", error.number)
        ex.report(at, f"{key}: {error}")
        return None
    place = ex.place(path, owner)
    number = ex.builder.emit(image.OP_BIN, value.operand, part, place=place)
    points = ex.builder.emit(image.OP_POINTS, number, part, place=place)
    reference = attribute.points_of(card.reference)
    assert reference is not None, "scorecards without it are refused before"
    return LoweredAttribute(key, number, points, reference)


def binning_of(bins: list[Bin], type: str) -> image.Binning:
    """The bins for values of `type`. Raises BinError."""
    if type not in (*_NUMBERS, "string"):
        raise BinError(0, f"a value of type {type} cannot be put into bins")
    built = image.Binning(points=[part.points for part in bins])
    numbers: dict[float, int] = {}
    texts: dict[str, int] = {}
    for number, part in enumerate(bins):
        if part.missing:
            _once(built.missing_bin_plus_one, number, "for missing values")
            built.missing_bin_plus_one = number + 1
        elif part.below is not None:
            _add_limit(built, number, part.below, type)
        elif part.special is not None or part.values is not None:
            for value in part.special or part.values or []:
                _add_value(numbers, texts, number, value, type)
        else:
            _once(built.rest_bin_plus_one, number, "without a condition")
            built.rest_bin_plus_one = number + 1
    if built.below and any(part.values is not None for part in bins):
        raise BinError(0, "bins are by `below` or by `in`; codes among numbers are `special`")
    if built.rest_bin_plus_one and built.rest_bin_plus_one != len(bins):
        raise BinError(built.rest_bin_plus_one - 1, "the bin without a condition comes last")
    for value in sorted(numbers):
        built.numbers.append(value)
        built.number_bins.append(numbers[value])
    for text in sorted(texts, key=str.encode):
        built.texts.append(text)
        built.text_bins.append(texts[text])
    return built


def _once(known: int, number: int, what: str) -> None:
    if known:
        raise BinError(number, f"there are two bins {what}")


def _add_limit(built: image.Binning, number: int, below: float, type: str) -> None:
    if type not in _NUMBERS[1:]:
        raise BinError(number, f"`below` is for numbers; this is of type {type}")
    if not math.isfinite(below):
        raise BinError(number, "`below` is a finite number; the last bin needs no condition")
    if built.below and below <= built.below[-1]:
        raise BinError(number, f"`below: {below:g}` comes after `below: {built.below[-1]:g}`")
    built.below.append(below)
    built.below_bins.append(number)


def _add_value(
    numbers: dict[float, int], texts: dict[str, int], number: int, value: object, type: str
) -> None:
    if isinstance(value, str) != (type == "string") or isinstance(value, bool) != (type == "bool"):
        raise BinError(number, f"{value!r} is not of the attribute's type, {type}")
    if isinstance(value, str):
        is_new = texts.setdefault(value, number) == number
    else:
        assert isinstance(value, bool | int | float)
        if math.isnan(value):
            raise BinError(number, "NaN is no value; it is in no bin")
        is_new = numbers.setdefault(float(value), number) == number
    if not is_new:
        raise BinError(number, f"{value!r} is in two bins")
