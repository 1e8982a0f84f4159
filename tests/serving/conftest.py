"""A serving process of rules alone, in this process, for either front; and a place for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fenqi.serving.process import ServingProcess
from tests.serving.process import serving
from tests.serving.site import Site


@pytest.fixture(scope="module", params=["epoll", "grpcio"])
def process(request: pytest.FixtureRequest) -> Iterator[ServingProcess]:
    with serving(front=request.param) as started:
        yield started


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "policies").mkdir()
    (tmp_path / "models").mkdir()
    made = Site(tmp_path)
    made.write_policy(1)
    return made
