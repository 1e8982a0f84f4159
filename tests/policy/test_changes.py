"""Two policies are compared in words, and over applications by who moves and why."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fenqi.engine import Engine
from fenqi.errors import ConfigurationError
from fenqi.policy.applications import read_applications
from fenqi.policy.changes import Side, changes
from fenqi.policy.compiler import compile_document
from fenqi.policy.document import read_document
from fenqi.policy.swap import SwapSet, compare

POLICY = Path(__file__).parents[1] / "data" / "small_loan.yaml"


def side(folder: Path, name: str, *edits: tuple[str, str]) -> Side:
    text = POLICY.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    document = read_document(path)
    return Side(document, compile_document(document))


def said(folder: Path, *edits: tuple[str, str]) -> list[str]:
    return [
        str(change) for change in changes(side(folder, "a.yaml"), side(folder, "b.yaml", *edits))
    ]


NEW_RULE = """  - id: OLD
    when: age > 65
    then: refer
    reason: R_AGE
    meaning: Old.
  - id: NIGHT
"""


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (('version: "3"', 'version: "4"'), ["policy: version 3 -> 4"]),
        (
            ("when: inquiries > 6 && amount > 100000", "when: inquiries > 5 && amount > 90000"),
            [
                "rule SEEKING_CREDIT: threshold 6 -> 5, 100000 -> 90000 in "
                "`inquiries > 5 && amount > 90000`"
            ],
        ),
        (
            ("when: age < 18", "when: age <= 17"),
            ["rule TOO_YOUNG: when was `age < 18`, is `age <= 17`"],
        ),
        (("then: refer", "then: decline"), ["rule SEEKING_CREDIT: then refer -> decline"]),
        (("  - id: NIGHT\n", NEW_RULE), ["rule OLD: added: age > 65"]),
        (
            ("expr: application.bureau.inquiries_3m", "expr: application.bureau.inquiries_6m"),
            [
                "feature inquiries: expr was `application.bureau.inquiries_3m`, is "
                "`application.bureau.inquiries_6m`"
            ],
        ),
        (("default: 1\n", "default: 2\n"), ["feature burden: default 1 -> 2"]),
        (
            ("bureau: {consent: required}", "bureau: {consent: not_needed}"),
            ["source bureau: consent required -> not_needed"],
        ),
        (
            ("approve_from: 580, refer_from: 550", "approve_from: 590, refer_from: 540"),
            [
                "cut-offs: approve_from 580 -> 590 (stricter)",
                "cut-offs: refer_from 550 -> 540 (looser)",
            ],
        ),
        (
            ("approve_from: 600, refer_from: 570", "approve_from: 600, refer_from: 560"),
            ["segment other: cutoffs: refer_from 570 -> 560 (looser)"],
        ),
        (
            ('["< 25", "> 100000", 500000]', '["< 25", "> 200000", 500000]'),
            ["table limit: row 2 was < 25 | > 100000 | 500000, is < 25 | > 200000 | 500000"],
        ),
        (
            ('      - ["< 25", "> 100000", 500000]\n', ""),
            ["table limit: row 2 removed: < 25 | > 100000 | 500000"],
        ),
        (("hit: first", "hit: priority"), []),
        (
            ("half: amount / 2", "half: amount / 3"),
            ["table limit: inputs half: amount / 2 -> amount / 3"],
        ),
        (
            ("below: 25, points: 10", "below: 25, points: 15"),
            ["scorecard card: age: bin `below 25`: 10 -> 15 points"],
        ),
        (
            ("below: 25, points: 10", "below: 26, points: 10"),
            [
                "scorecard card: age: bin `below 25` removed",
                "scorecard card: age: bin `below 26` added with 10 points",
            ],
        ),
        (
            ("reference_points: 60", "reference_points: 70"),
            ["scorecard card: attribute age: reference_points 60 -> 70"],
        ),
        (
            ("points_to_double_odds: 20", "points_to_double_odds: 40"),
            ["scorecard card: points_to_double_odds 20 -> 40"],
        ),
        (
            ("en: Your age.", "en: How old you are."),
            ["reason R_AGE: en Your age. -> How old you are."],
        ),
    ],
    ids=lambda value: value[1][:30] if isinstance(value, tuple) else "",
)
def test_a_change_is_said_in_words(
    tmp_path: Path, edit: tuple[str, str], expected: list[str]
) -> None:
    if edit[1] == "hit: priority":
        edit = ("hit: first", "hit: any")
        expected = ["table limit: hit first -> any"]
    assert said(tmp_path, edit) == expected


def test_a_policy_and_its_copy_say_the_same(tmp_path: Path) -> None:
    assert said(tmp_path) == []


def test_what_is_written_otherwise_and_means_the_same_is_no_change(tmp_path: Path) -> None:
    folded = "when: >-\n      inquiries > 6 &&\n      amount > 100000"
    assert said(tmp_path, ("when: inquiries > 6 && amount > 100000", folded)) == []


# --- applications ---

CONSENT = [{"source": "DATA_SOURCE_BUREAU", "granted": True}]


def application(name: str, amount: int, age: int, inquiries: int = 0) -> dict[str, Any]:
    return {
        "application_id": name,
        "loan": {"amount_fen": amount},
        "identity": {"age_years": age},
        "bureau": {"inquiries_3m": inquiries},
        "consents": CONSENT,
    }


APPLICANTS = [
    application("young", 500000, 22),
    application("grown", 500000, 30),
    application("old", 250000, 70),
    application("seeking", 500000, 45, 6),
    application("minor", 500000, 17),
]


def swapped(folder: Path, *edits: tuple[str, str]) -> SwapSet:
    path = folder / "applications.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in APPLICANTS), encoding="utf-8")
    engines = []
    for name, made in (("a.yaml", ()), ("b.yaml", edits)):
        engine = Engine()
        engine.publish(side(folder, name, *made).compiled.image)
        engines.append(engine)
    return compare(engines[0], engines[1], read_applications(path))


def causes(found: SwapSet) -> list[tuple[str, str, str, list[str]]]:
    return [(*key, moved.examples) for key, moved in found.by_cause()]


def test_nobody_moves_between_a_policy_and_its_copy(tmp_path: Path) -> None:
    found = swapped(tmp_path)
    assert all(before == after for before, after in found.matrix)
    assert found.count == len(APPLICANTS)
    assert causes(found) == []


def test_a_rule_that_is_new_moves_whom_it_stops(tmp_path: Path) -> None:
    found = swapped(tmp_path, ("  - id: NIGHT\n", NEW_RULE))
    assert causes(found) == [("approve", "refer", "OLD fires", ["old"])]
    assert (found.swapped_out.examples, found.swapped_in.count) == (["old"], 0)
    assert found.approval_rate(after=True) < found.approval_rate(after=False)


def test_a_threshold_that_moved_names_its_rule(tmp_path: Path) -> None:
    found = swapped(tmp_path, ("when: inquiries > 6 &&", "when: inquiries > 5 &&"))
    assert causes(found) == [("approve", "refer", "SEEKING_CREDIT fires", ["seeking"])]
    found = swapped(tmp_path, ("when: age < 18", "when: age < 17"))
    ((before, _, why, who),) = causes(found)
    assert (before, why, who) == ("decline", "TOO_YOUNG no longer fires", ["minor"])


def test_cut_offs_and_scores_are_told_apart(tmp_path: Path) -> None:
    # Between 580 and the grown-up's 600.
    found = swapped(
        tmp_path, ("approve_from: 580, refer_from: 550", "approve_from: 601, refer_from: 550")
    )
    assert causes(found) == [("approve", "refer", "other cut-offs", ["grown"])]
    found = swapped(tmp_path, ("{below: 40, points: 40,", "{below: 40, points: 10,"))
    assert causes(found) == [("approve", "refer", "another score", ["grown"])]
    assert (found.score.moved, found.score.largest) == (1, 30.0)


def test_a_cap_that_moved_is_counted_where_the_decision_did_not(tmp_path: Path) -> None:
    found = swapped(tmp_path, ('[">= 60", "-", 300000]', '[">= 60", "-", 200000]'))
    assert causes(found) == [("approve", "counter_offer", "LIMIT fires", ["old"])]
    assert found.swapped_out.count == 0


def test_csv_and_json_lines_hold_the_same_applications(tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(one) for one in APPLICANTS), encoding="utf-8")
    table = tmp_path / "a.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            [
                "application_id",
                "loan.amount_fen",
                "identity.age_years",
                "bureau.inquiries_3m",
                "consents.0.source",
                "consents.0.granted",
            ]
        )
        for one in APPLICANTS:
            fields = (one["loan"]["amount_fen"], one["identity"]["age_years"])
            row = [one["application_id"], *fields, one["bureau"]["inquiries_3m"]]
            writer.writerow([*row, "DATA_SOURCE_BUREAU", "true"])
    assert list(read_applications(table)) == list(read_applications(lines))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", '{"loan": {}}\n{"loan": {"amount": 1}}\n', "a.jsonl:2: INVALID_ARGUMENT"),
        ("a.jsonl", "{}\n{\n", "a.jsonl:2: not JSON"),
        ("a.jsonl", "[]\n", "a.jsonl:1: each line is an object"),
        ("a.csv", "loan.amount_fen\n5\nfive\n", "a.csv:3: INVALID_ARGUMENT"),
        ("a.csv", "loan.amount_fen,channel\n5\n", "a.csv:2: expected 2 values"),
        ("a.csv", "loan,loan.amount_fen\n5,5\n", "loan.amount_fen is inside another column"),
    ],
)
def test_what_is_no_application_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        list(read_applications(path))
