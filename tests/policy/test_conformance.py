"""The conformance cases of google/cel-spec (tests/simple, Apache-2.0): Fenqi speaks CEL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.conformance import FAILED, PASSED, judge, read_cases

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "conformance" / "cel"


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no conformance cases in {CASES}")
def test_the_conformance_cases_pass() -> None:
    verdicts = [judge(case) for case in read_cases(CASES)]
    assert len(verdicts) > 800
    failed = [(verdict.case, verdict.why) for verdict in verdicts if verdict.outcome == FAILED]
    assert not failed
    passed = sum(verdict.outcome == PASSED for verdict in verdicts)
    assert passed >= 0.98 * len(verdicts)
