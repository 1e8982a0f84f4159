"""Evaluates expressions twice: compiled, by the core, and by Google's cel-cpp, the oracle."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

from cel_expr_python import cel
from google.protobuf import descriptor_pool

from fenqi import _native
from fenqi.policy import compile_policy
from fenqi.v1 import scoring_pb2

_ENVIRONMENT = cel.NewEnv(
    descriptor_pool.Default(),
    config=cel.NewEnvConfigFromYaml("name: oracle\nextensions:\n- name: math\n- name: strings\n"),
    variables={
        "application": cel.Type("fenqi.v1.Application"),
        "request": cel.Type("fenqi.v1.ScoreRequest"),
    },
    container="fenqi.v1",
)


class Failed:
    """The result of an expression that ends in an error; all errors are alike."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failed)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "Failed()"


def compile_features(expressions: list[str]) -> bytes:
    """An image of a policy whose features f0, f1, ... are the expressions."""
    features = {
        f"f{number}": {"expr": expression, "meaning": "test"}
        for number, expression in enumerate(expressions)
    }
    policy = {"policy": "test", "version": "1", "features": features}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(json.dumps(policy, ensure_ascii=False), encoding="utf-8")
        return compile_policy(path).image


def by_core(expressions: list[str], request: scoring_pb2.ScoreRequest) -> list[object]:
    """Each expression's value: None where missing, Failed() where it ends in an error."""
    engine = _native.Engine()
    engine.deploy(_native.Release(compile_features(expressions)))
    values = engine.trace(request.SerializeToString()).values()
    return [Failed() if isinstance(value, ValueError) else value for value in values]


def by_oracle(expression: str, request: scoring_pb2.ScoreRequest) -> object:
    """The expression's value as cel-cpp finds it."""
    compiled = _ENVIRONMENT.compile(expression)
    value = compiled.eval(data={"application": request.application, "request": request})
    return Failed() if value.type() == cel.Type.ERROR else value.plain_value()


def same(a: object, b: object) -> bool:
    """Equal in type and value, bit for bit; NaN equals NaN."""
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return isinstance(a, bool) == isinstance(b, bool) and type(a) is type(b) and a == b
