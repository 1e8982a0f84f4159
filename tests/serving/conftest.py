"""A serving process of rules alone, in this process, for either front."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fenqi.serving.process import ServingProcess
from tests.serving.process import serving


@pytest.fixture(scope="module", params=["epoll", "grpcio"])
def process(request: pytest.FixtureRequest) -> Iterator[ServingProcess]:
    with serving(front=request.param) as started:
        yield started
