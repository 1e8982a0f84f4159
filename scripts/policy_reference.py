"""Writes docs/policies/reference.md: every key of a policy, from its schema."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic_core import PydanticUndefined

from fenqi.policy import offer_schema, schema

PAGE = Path(__file__).parents[1] / "docs" / "policies" / "reference.md"

# In the order in which a reader meets them.
PARTS = (
    schema.Policy,
    schema.Fragment,
    schema.Source,
    schema.Feature,
    schema.ValueList,
    schema.Hashed,
    schema.Lookup,
    schema.LookupKey,
    schema.DecisionTable,
    schema.TableInput,
    schema.TableOutput,
    schema.Scorecard,
    schema.Attribute,
    schema.ReferencePoints,
    schema.Bin,
    schema.ModelUse,
    schema.Segment,
    schema.Cutoffs,
    schema.Drawdown,
    schema.Product,
    offer_schema.Amounts,
    offer_schema.ProductCharge,
    offer_schema.ServicingTerms,
    schema.Offers,
    offer_schema.Ladder,
    offer_schema.AdverseSelection,
    offer_schema.TakeUpTerms,
    schema.Rule,
    schema.ReasonTexts,
    schema.PolicyTest,
    schema.Expectation,
    schema.ExpectedOffer,
    schema.TestFile,
    schema.RulePack,
)
HEAD = """\
# Every key of a policy file

Made from `schema.py` and `offer_schema.py` in `src/fenqi/policy/` by `python
scripts/policy_reference.py`; `fenqi policy schema` prints the same as JSON Schema. A key that is
not here is an error. What the keys mean together is in [semantics.md](semantics.md);
[guide.md](guide.md) shows how to begin.

A *name* is `lower_case`; an *expression* is CEL ([expressions.md](expressions.md)); a
*value* is true or false, a number or a text; a *data source* is one of the contract's:
{sources}.
"""
WORDS = {
    "str": "text",
    "Text": "text",
    "Name": "name",
    "ReasonCode": "code",
    "Expression": "expression",
    "Scalar": "value",
    "DataSourceName": "data source",
    "float": "number",
    "Finite": "number",
    "Share": "number",
    "PriceRate": "number",
    "int": "whole number",
    "Fen": "whole number",
    "PositiveFen": "whole number",
    "Months": "whole number",
    "Count": "whole number",
    "Currency": "text",
    "bool": "true or false",
    "Any": "anything",
    "datetime.date": "day",
    "datetime.datetime": "time",
}


def reference() -> str:
    """The page."""
    sources = choices(get_args(schema.DataSourceName))
    return HEAD.format(sources=sources) + "".join(f"\n{section(part)}" for part in PARTS)


def section(part: type[schema.Part]) -> str:
    """What a part is, and its keys in a table."""
    lines = [f"## {title(part)}", "", (part.__doc__ or "").replace("\n    ", "\n").strip(), ""]
    lines += ["| key | holds | meaning |", "|---|---|---|"]
    lines += [row(part, name) for name in part.model_fields if not is_elsewhere(part, name)]
    if part is schema.Policy:
        lines += ["", f"And everything that a [{title(schema.Fragment)}](#fragment) holds."]
    return "\n".join(lines) + "\n"


def title(part: type[schema.Part]) -> str:
    """A class's name as words: `DecisionTable` is a decision table."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part.__name__).capitalize()


def is_elsewhere(part: type[schema.Part], name: str) -> bool:
    """Whether the key stands in the table of the part that it comes from."""
    return part is schema.Policy and name in schema.Fragment.model_fields


def row(part: type[schema.Part], name: str) -> str:
    field = part.model_fields[name]
    key = f"`{field.alias or name}`" + (" (needed)" if field.is_required() else "")
    meaning = field.description or ""
    default = shown(field.get_default(call_default_factory=False))
    if default:
        meaning = f"{meaning} By default `{default}`.".strip()
    return f"| {key} | {holds(annotation(part, name))} | {meaning.replace('|', chr(92) + '|')} |"


def shown(default: Any) -> str:
    """A default worth telling; nothing, an empty text and an empty list are none."""
    if default is None or default is PydanticUndefined or default in ("", [], {}):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


def annotation(part: type[schema.Part], name: str) -> str:
    """The type as it is written, where it says more than what pydantic keeps of it."""
    return next(
        str(base.__annotations__[name])
        for base in part.__mro__
        if name in getattr(base, "__annotations__", {})
    )


def holds(written: str) -> str:
    return words(ast.parse(written, mode="eval").body)


def words(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp):
        return " or ".join(words(side) for side in sides(node))
    if isinstance(node, ast.Subscript):
        return subscripted(ast.unparse(node.value), node.slice)
    name = ast.unparse(node)
    if name in WORDS:
        return WORDS[name]
    known = getattr(schema, name, None) or getattr(offer_schema, name)
    if isinstance(known, type) and issubclass(known, schema.Part):
        text = title(known)
        return f"[{text.lower()}](#{text.lower().replace(' ', '-')})"
    return choices(get_args(known))


def sides(node: ast.expr) -> Iterator[ast.expr]:
    """Both sides of every `|`, `None` left out."""
    if isinstance(node, ast.BinOp):
        yield from sides(node.left)
        yield from sides(node.right)
    elif not (isinstance(node, ast.Constant) and node.value is None):
        yield node


def subscripted(outer: str, inner: ast.expr) -> str:
    if outer == "Literal":
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        return choices([ast.literal_eval(item) for item in items])
    if outer == "Annotated":
        assert isinstance(inner, ast.Tuple)
        return words(inner.elts[0])
    if outer == "list":
        return f"list of {words(inner)}"
    assert isinstance(inner, ast.Tuple)
    if outer == "tuple":
        return "[" + ", ".join(words(item) for item in inner.elts) + "]"
    assert outer == "dict"
    key, value = inner.elts
    return f"{words(key)} → {words(value)}"


def choices(values: Any) -> str:
    return ", ".join(
        f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in values
    )


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
