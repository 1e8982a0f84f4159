"""Decision tables of the DMN TCK (Apache-2.0) and of GoRules Zen (MIT), with their own answers.

They stand in `shared/conformance/decision_tables` beside the project, or in the folder that
FENQI_DECISION_TABLES names.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.policy.decision_table_cases import TableCases, read_tables

SHARED = Path(__file__).resolve().parents[3] / "shared" / "conformance" / "decision_tables"
FOLDER = Path(os.environ.get("FENQI_DECISION_TABLES", SHARED))

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no cases in {FOLDER}")


@pytest.mark.parametrize(
    "source", [pytest.param(source, id=source["id"]) for source in read_tables(FOLDER)]
)
def test_a_table_answers_and_is_analysed_as_its_authors_expect(source: dict[str, object]) -> None:
    assert list(TableCases(source).failures()) == []
