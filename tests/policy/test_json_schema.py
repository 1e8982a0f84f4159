"""The schema that editors use is the one that the compiler checks by."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from fenqi.policy import schema
from fenqi.policy.json_schema import policy_schema
from fenqi.policy.schema import Fragment, Policy
from fenqi.policy.yaml_file import read_yaml

POLICIES = Path(__file__).parents[2] / "policies"
RULE = {"id": "A", "when": "true", "then": "flag", "meaning": "test"}
FEATURE = {"expr": "1", "meaning": "test"}
TABLE = {"meaning": "test", "inputs": {"a": "1"}, "outputs": {"o": {}}, "rows": [["-", "x"]]}


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema.Draft7Validator.check_schema(policy_schema())
    return jsonschema.Draft7Validator(policy_schema())


def test_the_schema_beside_the_policies_is_what_the_command_prints() -> None:
    command = [sys.executable, "-m", "fenqi.cli.main", "policy", "schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (POLICIES / "policy.schema.json").read_text(encoding="utf-8") == printed


def test_the_bundled_policies_keep_to_it(validator: Any) -> None:
    for path in POLICIES.rglob("*.yaml"):
        errors = list(validator.iter_errors(read_yaml(path, path.name, "a policy").plain()))
        assert errors == [], f"{path.name}: {errors[0].message}"


def test_every_key_says_what_it_means() -> None:
    for part in vars(schema).values():
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, field in part.model_fields.items():
                if part.__module__ == schema.__name__:
                    assert field.description, f"{part.__name__}.{name}"


@pytest.mark.parametrize(
    "content",
    [
        {"policy": "t", "version": "1"},
        {"rules": [RULE]},
        {"tests": [{"name": "n", "expect": {"score": [1, 2], "features": {"f": None}}}]},
        {"features": {"f": FEATURE | {"source": ["bureau", "device"], "default": 0.5}}},
        {"tables": {"t": TABLE | {"inputs": {"a": {"expr": "1"}}, "rows": [[None, 1, True]]}}},
        {"rules": [RULE | {"then": "cap", "cap_fen": 5, "reason": "R"}]},
        {"policy": "t"},
        {"policy": "t", "version": "1", "treshold": 3},
        {"rules": [RULE | {"them": "flag"}]},
        {"rules": [RULE | {"then": "declined"}]},
        {"features": {"Big": FEATURE}},
        {"features": {"f": FEATURE | {"default": [1]}}},
        {"tables": {"t": TABLE | {"inputs": {"a": {"exp": "1"}}}}},
        {"cutoffs": {"approve_at_most": 2, "refer_at_most": 1}},
        {"reasons": {"R": {"en": "x"}}},
        {"tests": [{"name": "n", "expect": {"score": [1]}}]},
        {"segments": {"s": {"otherwise": False, "meaning": "m"}}},
    ],
    ids=lambda content: json.dumps(content)[:60],
)
def test_editor_and_compiler_agree_on_what_fits(validator: Any, content: dict[str, Any]) -> None:
    model = Policy if "policy" in content else Fragment
    try:
        model.model_validate(content)
        fits = True
    except ValidationError:
        fits = False
    assert validator.is_valid(content) == fits
