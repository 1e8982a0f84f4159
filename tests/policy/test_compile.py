"""What the compiler makes of a policy that is right."""

from __future__ import annotations

import json
import time
from pathlib import Path

from fenqi.internal.v1 import release_image_pb2
from fenqi.policy import CompiledPolicy, compile_policy

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "policies" / "taiwan_card.yaml"


def compiled(folder: Path, **parts: object) -> CompiledPolicy:
    path = folder / "policy.yaml"
    path.write_text(json.dumps({"policy": "t", "version": "1", **parts}), encoding="utf-8")
    return compile_policy(path)


def feature(expression: str) -> dict[str, str]:
    return {"expr": expression, "meaning": "test"}


def test_the_bundled_policy_compiles_quickly_and_without_warnings() -> None:
    start = time.monotonic()
    policy = compile_policy(BUNDLED)
    assert time.monotonic() - start < 3
    assert policy.warnings == []
    assert len(policy.features) >= 40
    assert len(policy.rules) >= 30


def test_the_same_files_give_the_same_bytes() -> None:
    assert compile_policy(BUNDLED).image == compile_policy(BUNDLED).image


def test_the_hash_names_the_content(tmp_path: Path) -> None:
    one = compiled(tmp_path, features={"f": feature("1 + 1")})
    other = compiled(tmp_path, features={"f": feature("1 + 2")})
    assert one.content_hash != other.content_hash
    assert release_image_pb2.ReleaseImage.FromString(one.image).content_hash == one.content_hash


def test_equal_subexpressions_are_computed_once_over_the_whole_policy(tmp_path: Path) -> None:
    limit = "double(application.behaviour.card_statements[0].credit_limit_fen) / 100.0"
    alone = compiled(tmp_path, features={"a": feature(limit)})
    both = compiled(tmp_path, features={"a": feature(limit), "b": feature(f"{limit} + 1.0")})
    assert both.instructions == alone.instructions + 1


def test_the_contracts_limits_are_in_every_release(tmp_path: Path) -> None:
    image = release_image_pb2.ReleaseImage.FromString(compiled(tmp_path).image)
    limits = {
        field.name: field
        for node in image.row.nodes
        for field in node.fields
        if field.HasField("max_items") or field.HasField("min")
    }
    assert limits["accounts"].max_items == 512
    assert limits["amount_fen"].min == 0
