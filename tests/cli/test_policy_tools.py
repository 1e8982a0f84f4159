"""`fenqi policy test`, `run`, `diff` and `docs`, run as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import run

POLICY = Path(__file__).parents[1] / "data" / "small_loan.yaml"
APPLICANT = """loan: {amount_fen: 700000}
identity: {age_years: 22}
channel: CHANNEL_H5
consents: [{source: DATA_SOURCE_BUREAU, granted: true}]
"""


@pytest.fixture
def applicant(tmp_path: Path) -> str:
    path = tmp_path / "applicant.yaml"
    path.write_text(APPLICANT)
    return str(path)


def edited(folder: Path, old: str, new: str) -> str:
    text = POLICY.read_text(encoding="utf-8")
    assert old in text
    path = folder / "edited.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


# --- test ---


def test_tests_that_pass_end_with_status_0() -> None:
    done = run("policy", "test", str(POLICY))
    assert (done.returncode, done.stdout) == (0, "3 passed, 0 failed, of 3 tests\n")


def test_a_test_that_fails_is_shown_with_place_difference_and_grounds(tmp_path: Path) -> None:
    done = run("policy", "test", edited(tmp_path, "when: age < 18", "when: age < 17"))
    assert done.returncode == 1
    assert "A minor is declined, whatever the score" in done.stdout
    assert f"{tmp_path.name}/edited.yaml:" in done.stdout
    assert "hits: expected TOO_YOUNG, got none" in done.stdout
    assert "TOO_YOUNG did not fire: its condition is false; it read age = 17" in done.stdout
    assert "2 passed, 1 failed, of 3 tests" in done.stdout


def test_too_little_coverage_fails_and_says_what_nobody_did() -> None:
    done = run("policy", "test", str(POLICY), "--coverage")
    assert done.returncode == 0
    assert "SEEKING_CREDIT never fires" in done.stdout
    assert "rules 1 of 4" in done.stdout
    done = run("policy", "test", str(POLICY), "--min-coverage", "90")
    assert done.returncode == 1
    assert "is below 90 %" in done.stdout


def test_results_and_coverage_can_be_read_by_a_machine() -> None:
    done = run("policy", "test", str(POLICY), "--json")
    content = json.loads(done.stdout)
    assert [test["passed"] for test in content["tests"]] == [True] * 3
    assert content["coverage"]["rules"]["TOO_YOUNG"]["fired"] == 1
    assert 0 < content["coverage"]["share"] < 1


def test_a_policy_that_does_not_compile_is_status_2(tmp_path: Path) -> None:
    for command in (("test",), ("docs",), ("diff", str(POLICY))):
        done = run("policy", *command, edited(tmp_path, "age < 18", "aeg < 18"))
        assert done.returncode == 2
        assert "undeclared reference to 'aeg'" in done.stderr


# --- run ---


def test_a_run_shows_values_rows_points_and_what_rules_read(applicant: str) -> None:
    done = run("policy", "run", applicant, "--policy", str(POLICY))
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "inquiries missing times How often lenders asked the bureau in three months." in lines
    assert "row 1 does not hold: age is 22, the row asks >= 60" in lines
    assert "row 2 holds" in lines
    assert "age 22 below 25 10 50 R_AGE" in lines
    assert "small: true; application.loan.amount_fen = 700000" in lines
    assert "SEEKING_CREDIT missing amount = 700000, inquiries = missing" in lines
    assert any(line.startswith("LIMIT true cap at 500000") for line in lines)
    assert "│ decline │" in lines


def test_data_without_consent_is_shown_as_such(applicant: str) -> None:
    path = Path(applicant)
    path.write_text(APPLICANT.replace("granted: true", "granted: false"))
    done = run("policy", "run", applicant, "--policy", str(POLICY))
    assert "without consent" in done.stdout and "bureau" in done.stdout


def test_a_run_at_another_stage_asks_other_rules(applicant: str) -> None:
    done = run("policy", "run", applicant, "--policy", str(POLICY), "--stage", "drawdown", "--json")
    content = json.loads(done.stdout)
    verdicts = {rule["id"]: rule for rule in content["rules"]}
    assert verdicts["NIGHT"]["condition"] == "not asked"
    assert verdicts["LIMIT"]["read"] == {"amount": 700000, "tables.limit.most_fen": 500000}
    assert content["features"]["inquiries"] is None
    assert content["tables"]["limit"]["why"][-1] == "row 2 holds"
    assert content["scorecards"]["card"]["age"]["points"] == 10


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--stage", "drawdwon", "--stage drawdwon: there is no such stage; there is application"),
        ("--at", "soon", "--at soon: write a moment as 2026-01-31T08:00"),
    ],
)
def test_an_option_that_means_nothing_is_status_2(
    applicant: str, option: str, value: str, message: str
) -> None:
    done = run("policy", "run", applicant, "--policy", str(POLICY), option, value)
    assert done.returncode == 2
    assert message in done.stderr


# --- diff ---


def test_a_diff_says_what_changed_and_who_moves(tmp_path: Path) -> None:
    new = edited(tmp_path, "approve_from: 580", "approve_from: 620")
    applications = tmp_path / "a.csv"
    applications.write_text(
        "application_id,loan.amount_fen,identity.age_years\ngrown,1,30\nold,1,45\n"
    )
    done = run("policy", "diff", str(POLICY), new, "--applications", str(applications))
    assert done.returncode == 1
    assert "approve_from 580 -> 620 (stricter)" in done.stdout
    assert "swapped out: 1  (old)" in done.stdout
    assert "other cut-offs" in done.stdout
    done = run("policy", "diff", str(POLICY), new, "--applications", str(applications), "--json")
    content = json.loads(done.stdout)
    assert content["applications"]["causes"] == [
        {
            "before": "approve",
            "after": "refer",
            "why": "other cut-offs",
            "count": 1,
            "examples": ["old"],
        }
    ]


def test_policies_that_say_the_same_end_with_status_0() -> None:
    done = run("policy", "diff", str(POLICY), str(POLICY))
    assert (done.returncode, done.stdout) == (0, "the policies say the same\n")


# --- docs ---


def test_a_book_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "book.html"
    done = run("policy", "docs", str(POLICY), "-o", str(path))
    assert done.returncode == 0
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    done = run("policy", "docs", str(POLICY), "--format", "markdown")
    assert done.stdout.startswith("# Small loan\n")
