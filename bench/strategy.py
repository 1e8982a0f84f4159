"""A decision strategy of a lender's size, made up from the contract's fields by a seed.

150 features, 200 rules of four terms, three decision tables of 100 rows, a scorecard of 15
attributes, and applicants to decide. Thresholds are quantiles of the applicants' own features, so
that rules fire for few, and tables and bins are hit all over. `bench/policy_file.py` writes it as
a Fenqi policy, `bench/peer_forms.py` for every other engine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.expression import Call, Expression, Field, Members, Name, call
from bench.plain_python import feature_function

Value = bool | int | float | str
Application = dict[str, dict[str, Value]]

# Fields of the contract: type, and what applicants have in them.
NUMBERS: dict[str, tuple[type, float, float]] = {
    "identity.age_years": (int, 18, 66),
    "identity.phone_in_network_days": (int, 0, 3000),
    "identity.liveness_score": (float, 0.3, 1.0),
    "identity.face_match_score": (float, 0.3, 1.0),
    "identity.contacts_confirmed": (int, 0, 4),
    "device.model_age_months": (int, 0, 72),
    "device.memory_mib": (int, 1024, 16384),
    "device.days_since_first_seen": (int, 0, 900),
    "device.applicants_7d_incl": (int, 1, 6),
    "device.loan_apps_installed": (int, 0, 20),
    "location.distance_to_home_km": (float, 0.0, 1200.0),
    "location.speed_since_last_position_kmh": (float, 0.0, 1000.0),
    "location.months_at_address": (int, 0, 200),
    "network.applications_10m_incl": (int, 1, 5),
    "network.applications_24h_incl": (int, 1, 12),
    "employment.months_in_job": (int, 0, 240),
    "employment.employers_24m": (int, 0, 6),
    "employment.social_security_months": (int, 0, 120),
    "employment.gap_months_24m": (int, 0, 20),
    "employment.employer_age_months": (int, 0, 300),
    "employment.employer_headcount": (int, 1, 5000),
    "bureau.file_age_months": (int, 0, 240),
    "bureau.bureau_score": (float, 300.0, 900.0),
    "bureau.inquiries_1m": (int, 0, 9),
    "bureau.inquiries_3m": (int, 0, 15),
    "bureau.inquiries_6m": (int, 0, 24),
    "bureau.inquiries_12m": (int, 0, 36),
    "bureau.total_balance_fen": (int, 0, 60_000_000),
    "bureau.total_revolving_limit_fen": (int, 0, 20_000_000),
    "bureau.total_revolving_balance_fen": (int, 0, 15_000_000),
    "bureau.total_overdue_fen": (int, 0, 500_000),
    "bureau.max_days_past_due_24m": (int, 0, 120),
    "bureau.max_overdue_months_24m": (int, 0, 9),
    "bureau.lenders": (int, 0, 14),
    "behaviour.monthly_spend_fen": (int, 0, 2_000_000),
    "behaviour.spend_variation": (float, 0.0, 2.0),
    "behaviour.spend_trend": (float, -0.5, 0.5),
    "behaviour.night_spend_share": (float, 0.0, 0.6),
    "behaviour.on_time_ratio": (float, 0.3, 1.0),
    "behaviour.max_days_past_due_12m": (int, 0, 90),
    "behaviour.partial_payment_share": (float, 0.0, 0.7),
    "behaviour.account_age_days": (int, 0, 3000),
    "behaviour.sessions_30d": (int, 0, 120),
    "behaviour.form_fill_seconds": (float, 5.0, 900.0),
    "multi_lender.applications_7d": (int, 0, 9),
    "multi_lender.applications_1m": (int, 0, 16),
    "multi_lender.applications_3m": (int, 0, 30),
    "multi_lender.nonbank_lenders_3m": (int, 0, 12),
    "multi_lender.night_applications_3m": (int, 0, 6),
    "multi_lender.co_debt_fen": (int, 0, 9_000_000),
    "obligations.monthly_debt_service_fen": (int, 0, 1_500_000),
    "obligations.monthly_rent_fen": (int, 0, 900_000),
    "obligations.dependants": (int, 0, 5),
    "own_history.applications_7d": (int, 0, 5),
    "own_history.declines": (int, 0, 6),
    "own_history.outstanding_fen": (int, 0, 5_000_000),
    "own_history.max_days_past_due": (int, 0, 100),
    "loan.amount_fen": (int, 100_000, 20_000_000),
    "loan.term_months": (int, 3, 36),
}
FLAGS = (
    *("identity.phone_real_name", "identity.typed_matches_document", "device.rooted"),
    *("device.emulator", "device.mock_location", "device.sim_matches_phone"),
    *("network.proxy_or_vpn", "network.data_centre", "employment.employer_on_risk_list"),
    "employment.changed_since_last_application",
)
TEXTS: dict[str, tuple[str, ...]] = {
    "location.gps_city": ("310000", "440100", "440300", "510100", "330100", "420100"),
    "location.home_city": ("310000", "440100", "440300", "510100", "330100", "420100"),
    "location.employer_city": ("310000", "440100", "440300", "510100", "330100", "420100"),
    "employment.sector": ("A", "C", "F", "G", "H", "I", "O"),
    "marketing.acquisition_channel": ("organic", "search", "partner:a", "partner:b", "offline"),
    "loan.product": ("cash", "card", "phone", "course"),
}
MESSAGES = tuple(dict.fromkeys(path.split(".")[0] for path in (*NUMBERS, *FLAGS, *TEXTS)))
MISSING_SHARE = 0.06
SAMPLE = 400


@dataclass(frozen=True, slots=True)
class Feature:
    """A named value. `level` 0 reads the application, 1 reads features of level 0."""

    name: str
    type: str
    expression: Expression
    default: Value
    level: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition over features and tables, and what it does."""

    id: str
    condition: Expression
    action: str


@dataclass(frozen=True, slots=True)
class Band:
    """[low, high); None is without end."""

    low: int | float | None
    high: int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """First row that holds gives the output. A cell is a band of numbers or a choice of texts."""

    name: str
    inputs: tuple[str, ...]
    rows: tuple[tuple[tuple[Band | Members, ...], str], ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """Points by band or text; `missing` where the value is not there, `rest` where no bin holds."""

    name: str
    expression: Expression
    bins: tuple[tuple[Band | Members, float], ...]
    missing: float
    rest: float


@dataclass(frozen=True, slots=True)
class Strategy:
    """Everything that a decision needs."""

    features: tuple[Feature, ...]
    rules: tuple[Rule, ...]
    tables: tuple[Table, ...]
    attributes: tuple[Attribute, ...]
    base_points: float
    approve_from: float
    refer_from: float


def make_applications(count: int, seed: int = 7) -> list[Application]:
    """`count` applicants; every field is missing for some."""
    rng = random.Random(seed)
    return [_application(rng) for _ in range(count)]


def _application(rng: random.Random) -> Application:
    application: Application = {message: {} for message in MESSAGES}
    values: dict[str, Value] = {}
    for path, (kind, low, high) in NUMBERS.items():
        # Most applicants are near the low end, as counts and amounts are.
        drawn = low + (high - low) * rng.random() ** 2
        values[path] = int(drawn) if kind is int else drawn
    values |= {path: rng.random() < 0.1 for path in FLAGS}
    values |= {path: rng.choice(choices) for path, choices in TEXTS.items()}
    for path, value in values.items():
        if rng.random() >= MISSING_SHARE:
            message, name = path.split(".")
            application[message][name] = value
    return application


def make_strategy(rules: int = 200, seed: int = 11) -> Strategy:
    """The strategy, with as many rules as asked for. The same arguments give the same one."""
    rng = random.Random(seed)
    first = _first_level(rng)
    features = [*first, *_second_level(rng, first)]
    evaluate = feature_function(features)
    sample = [evaluate(application) for application in make_applications(SAMPLE, seed)]
    maker = _Maker(rng, features, sample)
    tables = tuple(maker.table(name) for name in ("risk_grade", "price_band", "channel_policy"))
    attributes = tuple(maker.attribute(number) for number in range(15))
    return Strategy(
        features=tuple(features),
        rules=tuple(maker.rule(number) for number in range(rules)),
        tables=tables,
        attributes=attributes,
        base_points=300.0,
        approve_from=640.0,
        refer_from=560.0,
    )


def make_grid(amounts: int, shares: int) -> tuple[Table, list[Application]]:
    """A table of amounts x shares x 4 rows over fields of the application, and three applicants:
    they hit the first, the middle and the last row.
    """
    step, width = 1000, 1.0 / shares
    products = TEXTS["loan.product"]
    cells = [
        (
            Band(i * step, (i + 1) * step),
            Band(round(j * width, 9), round((j + 1) * width, 9)),
            Members((text,)),
        )
        for i in range(amounts)
        for j in range(shares)
        for text in products
    ]
    rows = tuple((cell, f"outcome_{number % 97}") for number, cell in enumerate(cells))
    inputs = ("loan.amount_fen", "behaviour.on_time_ratio", "loan.product")
    applications: list[Application] = [
        {
            "loan": {"amount_fen": amount.low, "product": text.values[0]},
            "behaviour": {"on_time_ratio": (share.low + share.high) / 2},
        }
        for amount, share, text in (cells[0], cells[len(cells) // 2], cells[-1])
    ]
    return Table("grid", inputs, rows), applications


# --- features ---


def _first_level(rng: random.Random) -> list[Feature]:
    numbers = list(NUMBERS)
    made: list[tuple[str, Expression, Value]] = []
    for path in rng.sample(numbers, 40):
        kind = NUMBERS[path][0]
        made.append(("int" if kind is int else "double", Field(path), kind(0)))
    for _ in range(25):
        above, below = (_as_double(path) for path in rng.sample(numbers, 2))
        share = call("if", call(">", below, 0.0), call("/", above, below), -1.0)
        made.append(("double", share, -1.0))
    for _ in range(12):
        left, right = (_as_double(path) for path in rng.sample(numbers, 2))
        made.append(("double", call(rng.choice("+-"), left, right), 0.0))
    made += [("bool", Field(path), False) for path in FLAGS]
    made += [("string", Field(path), "unknown") for path in TEXTS]
    for path in TEXTS:
        chosen = Members(tuple(rng.sample(TEXTS[path], 2)))
        made.append(("bool", Call("in", (Field(path), chosen)), False))
    made.append(("bool", call("==", Field("location.gps_city"), Field("location.home_city")), True))
    return [
        Feature(f"first_{number:03}", kind, expression, default, 0)
        for number, (kind, expression, default) in enumerate(made)
    ]


def _as_double(path: str) -> Expression:
    return call("double", Field(path)) if NUMBERS[path][0] is int else Field(path)


def _second_level(rng: random.Random, first: list[Feature]) -> list[Feature]:
    doubles = [Name(feature.name) for feature in first if feature.type == "double"]
    whole = [Name(feature.name) for feature in first if feature.type == "int"]
    flags = [Name(feature.name) for feature in first if feature.type == "bool"]
    made: list[tuple[str, Expression]] = []
    for _ in range(20):
        a, b = rng.sample(doubles, 2)
        weight = round(rng.uniform(0.1, 0.9), 2)
        made.append(("double", call("+", call("*", a, weight), call("*", b, 1.0 - weight))))
    for _ in range(15):
        a, b = rng.sample(doubles, 2)
        made.append(("double", call("if", call(">", a, b), a, b)))
    for _ in range(15):
        count: Expression = call("if", rng.choice(flags), 1, 0)
        for name in rng.sample(whole, 3):
            count = call("+", count, call("if", call(">", name, rng.randrange(2, 9)), 1, 0))
        made.append(("int", count))
    return [
        Feature(f"second_{number:03}", kind, expression, 0 if kind == "int" else 0.0, 1)
        for number, (kind, expression) in enumerate(made)
    ]


# --- what reads features ---


class _Maker:
    """Draws rules, tables and attributes over features whose values on a sample are known."""

    def __init__(
        self, rng: random.Random, features: Sequence[Feature], sample: list[dict[str, Any]]
    ) -> None:
        self._rng = rng
        self._sample = sample
        self._of_type = {
            kind: [feature for feature in features if feature.type == kind]
            for kind in ("bool", "int", "double", "string")
        }

    def _quantile(self, feature: Feature, share: float) -> int | float:
        values = sorted(row[feature.name] for row in self._sample)
        value = values[int(share * (len(values) - 1))]
        return int(value) if feature.type == "int" else round(float(value), 4)

    def _term(self) -> Expression:
        """True for about a fifth of the applicants."""
        kind = self._rng.choices(("int", "double", "bool", "string"), (30, 45, 15, 10))[0]
        feature = self._rng.choice(self._of_type[kind])
        name = Name(feature.name)
        if kind == "bool":
            return name
        if kind == "string":
            texts = sorted({row[feature.name] for row in self._sample})
            if self._rng.random() < 0.5:
                return call("==", name, self._rng.choice(texts))
            return Call("in", (name, Members(tuple(self._rng.sample(texts, 2)))))
        if self._rng.random() < 0.5:
            return call(">", name, self._quantile(feature, self._rng.uniform(0.7, 0.95)))
        return call("<", name, self._quantile(feature, self._rng.uniform(0.05, 0.3)))

    def rule(self, number: int) -> Rule:
        """Four terms; every twentieth rule reads a table."""
        a, b, c, d = (self._term() for _ in range(4))
        if number % 20 == 0:
            a = call("==", Name("tables.risk_grade.outcome"), self._rng.choice("ABCDE"))
        shape = number % 3
        if shape == 0:
            condition = call("or", call("and", a, b), call("and", c, d))
        elif shape == 1:
            condition = call("and", call("and", a, b), call("or", c, d))
        else:
            condition = call("and", call("and", a, b), call("and", c, call("not", d)))
        action = ("flag", "flag", "refer", "decline")[number % 4] if number < 12 else "flag"
        return Rule(f"RULE_{number:05}", condition, action)

    def _bands(self, feature: Feature, count: int) -> list[Band]:
        edges = sorted({self._quantile(feature, (i + 1) / count) for i in range(count - 1)})
        ends: list[int | float | None] = [None, *edges, None]
        return [Band(low, high) for low, high in pairwise(ends)]

    def _bandable(self, kind: str, count: int) -> Feature:
        """A feature of the first level whose values can be cut into `count` bands."""
        first = [feature for feature in self._of_type[kind] if feature.level == 0]
        while True:
            feature = self._rng.choice(first)
            if len(self._bands(feature, count)) == count:
                return feature

    def table(self, name: str) -> Table:
        """A grid of 5 x 5 bands x 4 texts: 100 rows, of which each applicant falls in one."""
        amount, share = self._bandable("double", 5), self._bandable("double", 5)
        text = self._rng.choice(self._of_type["string"]).name
        texts = sorted({row[text] for row in self._sample})
        groups = [Members(tuple(texts[i::4])) for i in range(4)]
        rows = [
            ((band, other, group), self._rng.choice("ABCDE"))
            for band in self._bands(amount, 5)
            for other in self._bands(share, 5)
            for group in groups
        ]
        return Table(name, (amount.name, share.name, text), tuple(rows))

    def attribute(self, number: int) -> Attribute:
        """Five bins over a feature, over a field that may be missing, or over a text."""
        name = f"attribute_{number:02}"
        points = [float(self._rng.randrange(5, 45)) for _ in range(7)]
        if number % 5 == 4:
            text = self._rng.choice(self._of_type["string"]).name
            texts = sorted({row[text] for row in self._sample})
            chosen = tuple((Members(tuple(texts[i::3])), points[i]) for i in range(2))
            return Attribute(name, Name(text), chosen, points[5], points[6])
        if number % 5 == 3:
            path = self._rng.choice([p for p, (kind, _, high) in NUMBERS.items() if high > 50])
            kind, low, high = NUMBERS[path]
            ends = [kind(low + (high - low) * share) for share in (0.1, 0.3, 0.5, 0.8)]
            bands = [Band(None if i == 0 else ends[i - 1], end) for i, end in enumerate(ends)]
            return Attribute(name, Field(path), _bins(bands, points), points[5], points[6])
        feature = self._bandable("double" if number % 2 else "int", 5)
        bands = self._bands(feature, 5)[:-1]
        return Attribute(name, Name(feature.name), _bins(bands, points), points[5], points[6])


def _bins(bands: list[Band], points: list[float]) -> tuple[tuple[Band | Members, float], ...]:
    return tuple(zip(bands, points, strict=False))
