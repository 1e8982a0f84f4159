"""The policy file: YAML read into checked models that remember where each value stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scalarstring import (
    DoubleQuotedScalarString,
    FoldedScalarString,
    LiteralScalarString,
    SingleQuotedScalarString,
)

from fenqi.policy.errors import PolicyError, Position, Problem

Path_ = Sequence[str | int]

NAME = r"^[a-z][a-z0-9_]*$"
StageName = Literal["application", "drawdown", "account_review", "prescreen"]


def _whole_characters(text: str) -> str:
    """YAML can spell halves of surrogate pairs ("\\ud83d"); they are no characters."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValueError("holds half of a surrogate pair; write the character itself")
    return text


Text = Annotated[str, AfterValidator(_whole_characters)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Feature(_Part):
    """A named expression over the application and earlier features."""

    expr: Text
    meaning: Text
    unit: Text = ""
    source: Text = ""
    # The value where the expression is missing. Without it, missing stays missing.
    default: bool | int | float | Text | None = None


class ModelUse(_Part):
    """A model artifact in a slot of the policy."""

    artifact: str = Field(pattern=r"^[a-z0-9_]+/[A-Za-z0-9_.-]+$")
    role: Literal["decision", "secondary"] = "decision"


class Rule(_Part):
    """A condition, what it does, and what a condition that cannot be known means."""

    id: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    when: Text
    then: Literal["decline", "refer", "flag"]
    meaning: Text
    reason: str | None = None
    on_error: Literal["decline", "refer", "flag", "skip"] = "refer"
    stage: list[StageName] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _adverse_rules_have_reasons(self) -> Rule:
        if self.reason is None and self.then != "flag":
            raise ValueError(f"a rule that may {self.then} needs a reason")
        return self


class Cutoffs(_Part):
    """From probability of default to a decision."""

    approve_at_most: float = Field(ge=0, le=1)
    refer_at_most: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Cutoffs:
        if self.refer_at_most < self.approve_at_most:
            raise ValueError("refer_at_most lies below approve_at_most")
        return self


class ReasonTexts(_Part):
    """What an applicant is told."""

    en: Text = Field(min_length=1)
    zh: Text = Field(min_length=1)


class Policy(_Part):
    """One policy file."""

    policy: str = Field(pattern=NAME)
    version: str = Field(min_length=1)
    title: str = ""
    features: dict[str, Feature] = Field(default_factory=dict)
    models: dict[str, ModelUse] = Field(default_factory=dict)
    rules: list[Rule] = Field(default_factory=list)
    cutoffs: Cutoffs | None = None
    reasons: dict[str, ReasonTexts] = Field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A policy with its source: `file` is the name used in messages."""

    policy: Policy
    file: str
    lines: list[str]
    tree: CommentedMap

    def position(self, path: Path_) -> Position:
        """Where the value at `path` begins, or the deepest part of the path that exists."""
        return _position(self.tree, path)

    def position_in(self, path: Path_, line: int, column: int) -> Position:
        """Where line and column (from 1) of the text at `path` stand in the file."""
        return _position_in_scalar(self.tree, self.lines, path, line, column)

    def problem(self, position: Position, message: str) -> Problem:
        """A problem that shows its line."""
        line = self.lines[position.line - 1] if position.line <= len(self.lines) else ""
        return Problem(self.file, position, message, line)


def read_document(path: Path) -> Document:
    """Reads and checks a policy file.

    Raises PolicyError for what is no YAML or breaks the schema, OSError for what cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    file = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    lines = text.splitlines()
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        at = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
        line = lines[at.line - 1] if at.line <= len(lines) else ""
        raise PolicyError([Problem(file, at, f"not YAML: {error.problem}", line)]) from error
    if not isinstance(tree, CommentedMap):
        raise PolicyError([Problem(file, Position(1, 1), "a policy is a mapping of keys")])
    try:
        policy = Policy.model_validate(_plain(tree))
    except ValidationError as error:
        raise PolicyError(
            [
                _schema_problem(file, lines, tree, details["loc"], details["msg"])
                for details in error.errors()
            ]
        ) from error
    return Document(policy, file, lines, tree)


def _schema_problem(
    file: str, lines: list[str], tree: CommentedMap, path: Path_, message: str
) -> Problem:
    at = _position(tree, path)
    where = ".".join(str(step) for step in path)
    message = message.removeprefix("Value error, ")
    return Problem(file, at, f"{where}: {message}" if where else message, lines[at.line - 1])


def _plain(node: Any) -> Any:
    """ruamel's containers and strings as plain ones."""
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    if isinstance(node, str):
        return str(node)
    if isinstance(node, bool) or node is None:
        return node
    if isinstance(node, float):
        return float(node)
    return int(node) if isinstance(node, int) else node


def _position(tree: CommentedMap, path: Path_) -> Position:
    node: Any = tree
    line, column = 0, 0
    for step in path:
        if isinstance(node, CommentedMap) and step in node:
            line, column = node.lc.value(step)
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            line, column = node.lc.item(step)
        else:
            break
        node = node[step]
    return Position(line + 1, column + 1)


def _position_in_scalar(
    tree: CommentedMap, lines: list[str], path: Path_, line: int, column: int
) -> Position:
    start = _position(tree, path)
    node: Any = tree
    for step in path:
        node = node[step]
    text_lines = str(node).split("\n")
    offset = sum(len(text) + 1 for text in text_lines[: line - 1]) + column - 1
    block = isinstance(node, LiteralScalarString | FoldedScalarString)
    quoted = isinstance(node, DoubleQuotedScalarString | SingleQuotedScalarString)
    # Walk the source as YAML does: each line's text, with one character for each line break.
    row = start.line if block else start.line - 1
    first = start.column - 1 + (1 if quoted else 0)
    # A block keeps what a line is indented beyond its first line; other scalars keep nothing.
    indent = _indent(lines[row]) if block and row < len(lines) else None
    while row < len(lines):
        source = lines[row]
        begin = indent if indent is not None else first if row < start.line else _indent(source)
        length = len(source.rstrip()) - begin
        if offset <= length:
            return Position(row + 1, begin + offset + 1)
        offset -= length + 1
        row += 1
    return start


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
