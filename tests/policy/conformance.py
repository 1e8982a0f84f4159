"""Runs the CEL specification's conformance cases against Fenqi's compiler and core.

    python -m tests.policy.conformance FOLDER [--why]

Every *.jsonl below FOLDER holds cases of google/cel-spec (tests/simple, Apache-2.0), one JSON
object a line, in protobuf's JSON of cel.expr.conformance.test.SimpleTest. The last line counts: a
case passed, failed, or was refused: the compiler declined it, although it has a value. Where an
error is expected, a message of the compiler is one. --why says which failed or were refused, and
why. The exit status is 1 where one failed.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import any_pb2, json_format

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.check import CheckFailure
from fenqi.policy.expression import Expression, compile_expression
from fenqi.policy.messages import MessageTable
from fenqi.policy.program import Constant, ProgramBuilder, write_constant
from fenqi.policy.wellknown import unpacked

PASSED, FAILED, REFUSED = "passed", "failed", "refused"

_PRIMITIVES = {
    "BOOL": "bool",
    "INT64": "int",
    "UINT64": "uint",
    "DOUBLE": "double",
    "STRING": "string",
    "BYTES": "bytes",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one case."""

    case: str
    outcome: str
    why: str = ""


def read_cases(folder: Path) -> Iterator[dict[str, Any]]:
    """The cases of every file below `folder`, in order."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield json.loads(line)


def type_of(declared: dict[str, Any]) -> str:
    """The name of a cel.expr.Type."""
    match declared:
        case {"primitive": name}:
            return _PRIMITIVES[name]
        case {"wellKnown": "TIMESTAMP"} | {"messageType": "google.protobuf.Timestamp"}:
            return "timestamp"
        case {"wellKnown": "DURATION"} | {"messageType": "google.protobuf.Duration"}:
            return "duration"
        case {"listType": inner}:
            return f"list({type_of(inner.get('elemType', {}))})"
        case {"mapType": inner}:
            return (
                f"map({type_of(inner.get('keyType', {}))}, {type_of(inner.get('valueType', {}))})"
            )
        case {"messageType": name} if not name.startswith("google.protobuf."):
            return str(name)
        case {"null": _}:
            return "null"
        case {"type": _}:
            return "type"
        case _:
            return "dyn"


def constant_of(value: dict[str, Any], builder: ProgramBuilder) -> Constant:
    """A cel.expr.Value as a constant."""
    ((kind, content),) = value.items()
    match kind:
        case "nullValue":
            return Constant("null", None)
        case "boolValue" | "stringValue":
            return Constant(kind.removesuffix("Value"), content)
        case "int64Value":
            return Constant("int", int(content))
        case "uint64Value":
            return Constant("uint", int(content))
        case "doubleValue":
            return Constant("double", float(content))
        case "bytesValue":
            return Constant("bytes", base64.b64decode(content))
        case "typeValue":
            return Constant("type", content)
        case "enumValue":
            return Constant("int", int(content.get("value", 0)))
        case "listValue":
            parts = (constant_of(part, builder) for part in content.get("values", []))
            return Constant("list", tuple(parts))
        case "mapValue":
            entries = content.get("entries", [])
            parts = (constant_of(e[part], builder) for e in entries for part in ("key", "value"))
            return Constant("map", tuple(parts))
        case "objectValue":
            return _object(content, builder)
        case _:
            raise ValueError(f"a value of unknown kind {kind}")


def _object(content: dict[str, Any], builder: ProgramBuilder) -> Constant:
    from google.protobuf import descriptor_pool, message_factory

    packed = json_format.ParseDict(content, any_pb2.Any())
    descriptor = descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())
    message = message_factory.GetMessageClass(descriptor).FromString(packed.value)
    return unpacked(message, builder)


def written(constant: Constant, table: MessageTable) -> image.Constant:
    """The constant as a message."""
    message = image.Constant()
    write_constant(message, constant, table)
    return message


def comparable(value: image.Constant) -> object:
    """Equal for the same value of the same type; NaN is NaN, maps have no order."""
    kind = value.WhichOneof("value")
    match kind:
        case "double_value":
            number = value.double_value
            return kind, "nan" if math.isnan(number) else repr(number)
        case "list_value" | "optional_value":
            return kind, tuple(map(comparable, getattr(value, kind).values))
        case "map_value":
            parts = [comparable(part) for part in value.map_value.values]
            return kind, frozenset(zip(parts[::2], parts[1::2], strict=True))
        case "message_value":
            return kind, value.message_value.message_type, value.message_value.bytes
        case "timestamp_value" | "duration_value":
            moment = getattr(value, kind)
            return kind, moment.seconds, moment.nanos
        case "error":
            return (kind,)
        case _:
            return kind, getattr(value, str(kind))


def compile_case(case: dict[str, Any]) -> Expression:
    """Compiles the expression with the names that the case declares or binds."""
    variables = dict.fromkeys(case.get("bindings", {}), "dyn")
    for declaration in case.get("typeEnv", []):
        if "ident" in declaration:
            variables[declaration["name"]] = type_of(declaration["ident"].get("type", {}))
    return compile_expression(
        case["expr"],
        variables,
        container=case.get("container", ""),
        check=not case.get("disableCheck", False),
    )


def judge(case: dict[str, Any]) -> Verdict:
    """Runs one case."""
    name = case["id"]
    wants_error = "evalError" in case
    try:
        expression = compile_case(case)
    except CheckFailure as failure:
        outcome = PASSED if wants_error else REFUSED
        return Verdict(name, outcome, f"{case['expr']!r}: {failure.message}")
    if case.get("checkOnly", False):
        return Verdict(name, PASSED)
    scratch = ProgramBuilder()
    values = {
        variable: constant_of(bound["value"], scratch)
        for variable, bound in case.get("bindings", {}).items()
    }
    result = expression.run(expression.constants(values))
    if wants_error:
        outcome = PASSED if result.WhichOneof("value") == "error" else FAILED
        return Verdict(name, outcome, f"{case['expr']!r}: an error is expected, not {result}")
    expected = written(
        constant_of(case.get("value", {"boolValue": True}), scratch), scratch.messages
    )
    if comparable(result) == comparable(expected):
        return Verdict(name, PASSED)
    return Verdict(name, FAILED, f"{case['expr']!r}: {expected} is expected, not {result}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--why", action="store_true", help="say what failed and was refused, why")
    options = parser.parse_args()
    verdicts = [judge(case) for case in read_cases(options.folder)]
    if options.why:
        for verdict in verdicts:
            if verdict.outcome != PASSED:
                print(f"{verdict.outcome}: {verdict.case}: {' '.join(verdict.why.split())}")
    count = {o: sum(v.outcome == o for v in verdicts) for o in (PASSED, FAILED, REFUSED)}
    print(
        f"conformance: passed {count[PASSED]}, failed {count[FAILED]}, refused {count[REFUSED]}, "
        f"of {len(verdicts)}"
    )
    return 1 if count[FAILED] else 0


if __name__ == "__main__":
    sys.exit(main())
