"""A mistake in a policy is reported with its file, line, column and a caret, all at once.

Each file in cases/ holds a policy and, in its first lines, what must be said of it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fenqi.policy import PolicyError, compile_policy

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
MODELS = Path(__file__).parents[2] / "models"
EXPECT = "# expect: "


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_mistake_is_reported_where_it_is(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix(EXPECT) for line in lines if line.startswith(EXPECT)]
    with pytest.raises(PolicyError) as caught:
        compile_policy(path, MODELS)
    said = str(caught.value)
    for message in expected:
        assert message in said
    assert len(caught.value.problems) >= len(expected)
    for problem in caught.value.problems:
        assert problem.position.file == f"cases/{path.name}"
        assert 1 <= problem.position.line <= len(lines) + 1


def test_the_caret_stands_under_the_mistake(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text('policy: t\nversion: "1"\nfeatures:\n  f: {expr: "1 + nope", meaning: test}\n')
    with pytest.raises(PolicyError) as caught:
        compile_policy(path)
    source, caret = str(caught.value).splitlines()[-2:]
    assert source[caret.index("^") :].startswith("nope")
