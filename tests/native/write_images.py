"""Writes what the C++ tests of the engine run on: compiled policies and real requests.

    python tests/native/write_images.py FOLDER

FOLDER gets `rules_a` and `rules_b` (policies without a model that answer differently), `fields` (a
policy that reads every kind of field), `dynamic` (one with values of every kind), `drawdown`
(one whose drawdowns need an acknowledged quote), `lending` (one that offers loans), `us_pack` (one
whose form counts a rate of its own), `taiwan` (the bundled policy with its model), `requests`
(length-delimited), `expressions` (length-delimited: image, values, result, and so on) and
`onnxruntime` (the path of the library).
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import Message
from google.protobuf.proto import serialize_length_prefixed

from fenqi.engine import onnxruntime_library
from fenqi.lab.taiwan import load_holdout, to_request
from fenqi.policy import compile_policy
from fenqi.policy.check import CheckFailure
from fenqi.policy.expression import compile_expression

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from tests.policy.expressions import SOURCES, VALUES, VARIABLES  # noqa: E402

RULES = """\
policy: rules_{name}
version: "{version}"
features:
  limit:
    expr: double(application.behaviour.card_statements[0].credit_limit_fen) / 100.0
    meaning: Credit limit.
  greeting:
    expr: "'limit ' + string(application.behaviour.card_statements[0].credit_limit_fen)"
    meaning: A text that is made for each request.
rules:
  - id: LIMIT_LOW
    when: limit < {threshold} && greeting.startsWith("limit")
    then: {action}
    reason: R_{name_upper}
    meaning: Low limit.
  - id: DIVIDED
    when: 1 / (application.behaviour.card_statements[0].credit_limit_fen - 100) > 5
    then: flag
    on_error: flag
    meaning: Fails where the limit is 1.00.
reasons:
  R_{name_upper}: {{en: "Release {name}.", zh: "版本 {name}。"}}
"""

FIELDS = """\
policy: fields
version: "1"
features:
  whole: {expr: "application.bureau.inquiries_1m + size(application.bureau.accounts)", meaning: m}
  real: {expr: "application.signals['a'] / application.location.latitude", meaning: m}
  text: {expr: "application.text_signals['t'] + request.request_id.reverse()", meaning: m}
  element: {expr: "application.bureau.accounts[2].payment_status_24m.substring(1)", meaning: m}
  yes: {expr: "application.device.rooted || has(application.own_history)", meaning: m}
  kind: {expr: "application.channel in [1, 2] && request.stage == 1", meaning: m}
rules:
  - {id: A, when: "yes && kind", then: decline, reason: R, meaning: m}
  - id: B
    when: whole / 3 > int(real) || text.contains(element)
    then: refer
    reason: R
    meaning: m
reasons:
  R: {en: "Because.", zh: "因为。"}
"""

# Blocks in blocks, views of messages, values of every kind.
DYNAMIC = """\
policy: dynamic
version: "1"
features:
  statements:
    expr: application.behaviour.card_statements.filter(s, s.statement_balance_fen > 0)
    meaning: m
  balances: {expr: "statements.map(s, s.statement_balance_fen)", meaning: m}
  pairs: {expr: "balances.map(b, balances.filter(c, c > b).size())", meaning: m}
  named: {expr: "{'n': size(balances), 's': dyn(string(size(pairs)))}", meaning: m}
  mixed: {expr: "[dyn(1), 'a', 2.5, null, b'x', [named]]", meaning: m}
  times: {expr: "[timestamp(0) + duration('1h')].map(t, t.getHours('Asia/Shanghai'))", meaning: m}
  held: {expr: "application.?bureau.?inquiries_1m.orValue(7)", meaning: m}
  made: {expr: "IncomeSource{verified: true, monthly_amount_fen: held}", meaning: m}
  grouped: {expr: "balances.transformMapEntry(i, b, {string(i): b})", meaning: m}
  pieces: {expr: "application.signals.transformList(k, v, k + '=' + string(v))", meaning: m}
  signals: {expr: "pieces.join(';')", meaning: m}
rules:
  - id: MATCHED
    when: signals.matches("a=[0-9.]+") || named.s == mixed[1] || made.verified
    then: flag
    meaning: m
  - id: SORTED
    when: balances.sort().distinct().size() > 3 && mixed.exists(m, m == 2.5)
    then: flag
    on_error: flag
    meaning: m
"""


# Every part of a policy that needs no model.
EVERYTHING = """\
policy: everything
version: "1"
sources:
  card_statements: {data_source: own_records, consent: not_needed}
  device: {consent: required}
features:
  limit:
    expr: double(application.behaviour.card_statements[0].credit_limit_fen) / 100.0
    meaning: Credit limit.
    source: card_statements
  late:
    expr: application.behaviour.card_statements.filter(s, s.repayment_status > 0).size()
    meaning: Months late.
    default: 0
  rooted: {expr: application.device.rooted, meaning: Rooted., default: false}
tables:
  grade:
    meaning: A grade.
    hit: first
    inputs: {limit: limit, late: late}
    outputs: {grade: {type: string}, most: {type: int}}
    rows: [["< 50000", "> 1", low, 100000], ["-", "-", high, 900000]]
lists:
  bad: {meaning: Bad., values: [a, b]}
scorecards:
  card:
    meaning: A card.
    base_score: 600
    base_odds: 50
    points_to_double_odds: 20
    base_points: 480
    attributes:
      limit:
        expr: limit
        reference_points: 40
        reason: R_LIMIT
        dimension: ability
        bins: [{missing: true, points: 0}, {below: 50000, points: 10}, {below: 200000, points: 40},
               {points: 70}]
      late:
        expr: late
        reference_points: 30
        reason: R_LATE
        dimension: willingness
        bins: [{in: [0], points: 50}, {in: [1, 2], points: 20}, {points: 0}]
segments:
  few: {when: late < 2, meaning: Few., decided_by: card}
  many:
    otherwise: true
    meaning: Many.
    decided_by: card
    cutoffs: {approve_at_most: 0.02, refer_at_most: 0.3, refer_above_fen: 500000}
cutoffs:
  approve_from: 560
  refer_from: 540
  explore_rate: 0.5
  explore_budget: 100000
  explore_from: 500
  explore_amount_fen: 100000
rules:
  - {id: NOTED, when: "tables.grade.grade == 'low' || request.request_id in lists.bad", then: flag,
     on_error: flag, meaning: m}
  - {id: CAPPED, when: "tables.grade.grade == 'low'", then: cap, cap_fen: tables.grade.most,
     reason: R_LIMIT, meaning: m}
  - {id: HARD, when: late > 5, then: decline, skips_models: true, reason: R_LATE, meaning: m,
     valid_from: 2020-01-01}
  - {id: ROOTED, when: rooted, then: refer, reason: R_LATE, meaning: m}
  - {id: WEAK, when: "score < 520.0 && segment == 'few'", then: flag, meaning: m}
reasons:
  R_LIMIT: {en: "Limit.", zh: "额度。", group: g}
  R_LATE: {en: "Late.", zh: "逾期。", priority: 1}
"""

# Loans for those of the requests that a card approves: some as asked, some others, some none.
LENDING = """\
policy: lending
version: "1"
features:
  bill: {expr: "application.behaviour.card_statements[0].statement_balance_fen", meaning: m}
  limit: {expr: "application.behaviour.card_statements[0].credit_limit_fen", meaning: m}
scorecards:
  card:
    meaning: m
    base_score: 600
    base_odds: 50
    points_to_double_odds: 20
    base_points: 500
    attributes:
      limit:
        expr: double(limit)
        reference_points: 100
        reason: R
        bins: [{missing: true, points: 0}, {below: 5000000, points: 60}, {points: 120}]
cutoffs: {approve_from: 520, refer_from: 510}
products:
  cash:
    meaning: m
    amounts: {from_fen: 100000, to_fen: 20000000, step_fen: 10000}
    terms_months: [3, 6, 12, 24]
    methods: [equal_instalments, equal_principal, interest_only, flat_fee]
    charges:
      - {name_zh: f, name_en: f, timing: each_instalment, base: balance, rate: 0.001}
  dated:
    meaning: m
    amounts: {from_fen: 100000, to_fen: 1000000, step_fen: 50000}
    terms_months: [12]
    methods: [equal_instalments]
    day_count: actual/365
offers:
  income_fen: limit / 10
  debt_service_fen: bill / 20
  loss_given_default: 0.65
  cost_of_funds: 0.05
  acquisition_fen: 3000
  margin: 0.03
  annual_rate_cap: 0.24
  hurdle: 0.1
  adverse_selection: {sensitivity: 2, reference_rate: 0.15}
  reasons: {product: R, affordability: R, price: R}
reasons:
  R: {en: "R.", zh: "R。"}
"""


def rules_image(name: str, version: int, threshold: float, action: str) -> bytes:
    text = RULES.format(
        name=name, name_upper=name.upper(), version=version, threshold=threshold, action=action
    )
    return image_of(f"rules_{name}.yaml", text)


def image_of(name: str, text: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return compile_policy(path).image


def expressions() -> Iterator[Message]:
    """Of each expression that the core and cel-cpp agree on: image, values and result."""
    for source in SOURCES.read_text(encoding="utf-8").splitlines():
        try:
            expression = compile_expression(source, VARIABLES)
        except CheckFailure:
            continue
        values = expression.constants(VALUES)
        yield from (expression.image, values, expression.run(values))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules_a").write_bytes(rules_image("a", 1, 1e9, "decline"))
    (folder / "rules_b").write_bytes(rules_image("b", 2, 1e9, "refer"))
    (folder / "everything").write_bytes(image_of("everything.yaml", EVERYTHING))
    (folder / "lending").write_bytes(image_of("lending.yaml", LENDING))
    for name in ("drawdown", "us_pack"):
        policy = ROOT / "tests" / "data" / f"{name}.yaml"
        (folder / name).write_bytes(compile_policy(policy).image)
    (folder / "fields").write_bytes(image_of("fields.yaml", FIELDS))
    (folder / "dynamic").write_bytes(image_of("dynamic.yaml", DYNAMIC))
    (folder / "taiwan").write_bytes(compile_policy(ROOT / "policies" / "taiwan_card.yaml").image)
    with (folder / "requests").open("wb") as file:
        for number, client in enumerate(load_holdout()[:200]):
            request = to_request(client)
            request.application.customer_key = f"customer-{number}"  # exploration draws by it
            serialize_length_prefixed(request, file)
    with (folder / "expressions").open("wb") as file:
        for part in expressions():
            serialize_length_prefixed(part, file)
    (folder / "onnxruntime").write_text(str(onnxruntime_library()), encoding="utf-8")


if __name__ == "__main__":
    main()
