"""Expressions of every kind: the core and cel-cpp agree, checked and unchecked.

Oracle: Google's cel-cpp through the package cel-expr-python (Apache-2.0).
"""

from __future__ import annotations

import pytest

from tests.policy.expressions import SOURCES, VALUES, VARIABLES
from tests.policy.oracle import by_cel_cpp, by_core, environment

ENVIRONMENT = environment(VARIABLES)
# The package cannot hand out optionals, and does not register what these macros insert with.
UNREADABLE = ("transformMap", ".first()", "regex.extract('hello', 'x')")


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
@pytest.mark.parametrize("source", SOURCES.read_text(encoding="utf-8").splitlines())
def test_an_expression_has_the_value_that_cel_cpp_finds(source: str, checked: bool) -> None:
    if any(part in source for part in UNREADABLE):
        pytest.skip("cel-expr-python cannot evaluate it")
    expected = by_cel_cpp(ENVIRONMENT, source, VALUES, check=checked)
    assert by_core(VARIABLES, source, VALUES, check=checked) == expected
