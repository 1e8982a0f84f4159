"""What changed between two policies, in words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from fenqi.policy.compiler import CompiledPolicy
from fenqi.policy.document import Document
from fenqi.policy.schema import Bin, Cutoffs, Rule
from fenqi.policy.tables.lookup import Lookup, ValueList
from fenqi.policy.tables.table import Table

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?!\w)")
# Cut-offs by which more are approved where the number grows.
_LOOSER_WHEN_GREATER = {"approve_at_most", "refer_at_most", "refer_above_fen", "explore_rate"}
_STRICTER_WHEN_GREATER = {"approve_from", "refer_from"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: of which part, and what."""

    part: str
    what: str

    def __str__(self) -> str:
        return f"{self.part}: {self.what}"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two policies."""

    document: Document
    compiled: CompiledPolicy


def changes(old: Side, new: Side) -> list[Change]:
    """Every difference that can change an answer or what is said of it, by part of the policy."""
    before, after = old.document.policy, new.document.policy
    found: list[Change] = []
    for key in ("version", "title", "jurisdiction", "time_zone"):
        one, other = getattr(before, key), getattr(after, key)
        if one != other:
            found.append(Change("policy", f"{key} {_arrow(one, other)}"))
    if old.document.pack is not None and new.document.pack is not None:
        one, other = old.document.pack.version, new.document.pack.version
        if one != other:
            found.append(Change("policy", f"rule pack {_arrow(one, other)}"))
    for key in ("sources", "features", "models"):
        found += _parts(key.removesuffix("s"), getattr(before, key), getattr(after, key))
    found += _entries("list", old.compiled.lists, new.compiled.lists)
    found += _entries("lookup", old.compiled.lookups, new.compiled.lookups)
    found += _tables(old, new)
    found += _scorecards(old, new)
    found += _parts("segment", before.segments, after.segments)
    if before.cutoffs != after.cutoffs:
        found += [Change("cut-offs", what) for what in _differences(before.cutoffs, after.cutoffs)]
    found += _rules(before.rules, after.rules)
    found += _parts("product", before.products, after.products)
    for key in ("offers", "drawdown"):
        one, other = getattr(before, key), getattr(after, key)
        if one != other:
            found += [Change(key, what) for what in _differences(one, other)]
    found += _parts("reason", before.reasons, after.reasons)
    return found


# --- parts with names ---


def _parts(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in before:
        if name not in after:
            yield Change(f"{kind} {name}", "removed")
    for name, part in after.items():
        if name not in before:
            yield Change(f"{kind} {name}", f"added{_gist(part)}")
        elif isinstance(part, BaseModel) and isinstance(before[name], BaseModel):
            for what in _differences(before[name], part):
                yield Change(f"{kind} {name}", what)
        elif before[name] != part:
            yield Change(f"{kind} {name}", _arrow(before[name], part))


def _gist(part: Any) -> str:
    for key in ("expr", "when", "artifact", "meaning", "en"):
        value = getattr(part, key, None)
        if value:
            return f": {value}"
    return ""


def _rules(before: list[Rule], after: list[Rule]) -> Iterator[Change]:
    old = {rule.id: rule for rule in before}
    new = {rule.id: rule for rule in after}
    yield from _parts("rule", old, new)
    kept_before = [name for name in old if name in new]
    kept_after = [name for name in new if name in old]
    matcher = difflib.SequenceMatcher(None, kept_before, kept_after, autojunk=False)
    for kind, _, _, begin, end in matcher.get_opcodes():
        if kind in ("insert", "replace"):
            for name in kept_after[begin:end]:
                yield Change(f"rule {name}", "stands at another place in the order of rules")


def _differences(before: BaseModel | None, after: BaseModel | None) -> Iterator[str]:
    """One phrase for each key that is not the same."""
    if before is None or after is None:
        yield "added" if before is None else "removed"
        return
    for key, info in type(after).model_fields.items():
        one, other = getattr(before, key), getattr(after, key)
        if one == other:
            continue
        name = info.alias or key
        if isinstance(one, BaseModel) or isinstance(other, BaseModel):
            yield from (f"{name}: {what}" for what in _differences(one, other))
        elif isinstance(one, dict) and isinstance(other, dict):
            for change in _parts(name, one, other):
                yield str(change)
        elif isinstance(one, str) and isinstance(other, str) and name in ("expr", "when"):
            yield _expression(name, one, other)
        else:
            yield f"{name} {_arrow(one, other)}{_direction(after, name, one, other)}"


def _expression(name: str, before: str, after: str) -> str:
    """Where only numbers differ, the thresholds that moved; otherwise both texts."""
    before, after = " ".join(before.split()), " ".join(after.split())
    if _NUMBER.sub("#", before) == _NUMBER.sub("#", after):
        moved = [
            f"{old} -> {new}"
            for old, new in zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
            if old != new
        ]
        return f"threshold {', '.join(moved)} in `{after}`"
    return f"{name} was `{before}`, is `{after}`"


def _direction(of: BaseModel, name: str, before: Any, after: Any) -> str:
    if not isinstance(of, Cutoffs) or None in (before, after):
        return ""
    if name in _LOOSER_WHEN_GREATER:
        return " (looser)" if after > before else " (stricter)"
    if name in _STRICTER_WHEN_GREATER:
        return " (stricter)" if after > before else " (looser)"
    return ""


def _arrow(before: Any, after: Any) -> str:
    return f"{_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"[{', '.join(_shown(one) for one in value)}]"
    return str(value)


# --- what files hold ---


def _entries(
    kind: str,
    before: Mapping[str, Lookup | ValueList],
    after: Mapping[str, Lookup | ValueList],
) -> Iterator[Change]:
    """Lists and lookups by what they hold, wherever that is written."""
    for name in before:
        if name not in after:
            yield Change(f"{kind} {name}", "removed")
    for name, part in after.items():
        if name not in before:
            yield Change(f"{kind} {name}", "added")
            continue
        old, new = _held(before[name]), _held(part)
        if old != new:
            what = f"{len(new - old)} entries are new, {len(old - new)} are gone"
            yield Change(f"{kind} {name}", what)


def _held(part: Lookup | ValueList) -> set[Hashable]:
    if isinstance(part, Lookup):
        return {(row.key, row.values) for row in part.rows}
    values = part.values
    numbers_and_texts = (*values.texts, *values.prefixes, *values.intervals, *values.truths)
    return {part.salt, *numbers_and_texts, *part.digests}


def _tables(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.document.policy.tables, new.document.policy.tables
    for name in before:
        if name not in after:
            yield Change(f"table {name}", "removed")
    for name, part in after.items():
        if name not in before:
            yield Change(f"table {name}", f"added: {part.meaning}")
            continue
        without_rows = {"rows": None, "csv": None}
        yield from (
            Change(f"table {name}", what)
            for what in _differences(
                before[name].model_copy(update=without_rows), part.model_copy(update=without_rows)
            )
        )
        yield from (
            Change(f"table {name}", what)
            for what in _rows(old.compiled.tables[name], new.compiled.tables[name])
        )


def _rows(before: Table, after: Table) -> Iterator[str]:
    old, new = _row_texts(before), _row_texts(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        paired = min(i_end - i, j_end - j)
        for number in range(paired):
            yield f"row {j + number + 1} was {old[i + number]}, is {new[j + number]}"
        for number in range(i + paired, i_end):
            yield f"row {number + 1} removed: {old[number]}"
        for number in range(j + paired, j_end):
            yield f"row {number + 1} added: {new[number]}"


def _row_texts(table: Table) -> list[str]:
    return [
        " | ".join(
            [*(cell.text or "-" for cell in row.cells), *(_shown(value) for value in row.values)]
        )
        for row in table.rows
    ]


# --- scorecards ---


def _scorecards(old: Side, new: Side) -> Iterator[Change]:
    before, after = old.compiled.scorecards, new.compiled.scorecards
    for name in before:
        if name not in after:
            yield Change(f"scorecard {name}", "removed")
    for name, card in after.items():
        if name not in before:
            yield Change(f"scorecard {name}", f"added: {card.meaning}")
            continue
        was, now = before[name].attributes or {}, card.attributes or {}
        plain = {"attributes": None}
        for what in _differences(
            before[name].model_copy(update=plain), card.model_copy(update=plain)
        ):
            yield Change(f"scorecard {name}", what)
        for change in _parts(
            "attribute",
            {key: part.model_copy(update={"bins": []}) for key, part in was.items()},
            {key: part.model_copy(update={"bins": []}) for key, part in now.items()},
        ):
            yield Change(f"scorecard {name}", str(change))
        for key in now:
            if key in was:
                for what in _bins(was[key].bins, now[key].bins):
                    yield Change(f"scorecard {name}", f"{key}: {what}")


def _bins(before: list[Bin], after: list[Bin]) -> Iterator[str]:
    old = {one.text: one.points for one in before}
    new = {one.text: one.points for one in after}
    for text in old:
        if text not in new:
            yield f"bin `{text}` removed"
    for text, points in new.items():
        if text not in old:
            yield f"bin `{text}` added with {points:g} points"
        elif old[text] != points:
            yield f"bin `{text}`: {old[text]:g} -> {points:g} points"
