"""Published annual rates and schedules; sources and licences stand in their own README."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.offers.vectors import Check, vectors

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "vectors"
CASES = list(vectors(FOLDER))


@pytest.mark.skipif(not CASES, reason="the published vectors are not beside the project")
@pytest.mark.parametrize("check", [check for _, check in CASES], ids=[name for name, _ in CASES])
def test_a_published_number_is_reproduced(check: Check) -> None:
    check()
