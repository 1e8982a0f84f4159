"""A YAML file as plain data that knows where each value stands.

YAML 1.2's core schema: `on` and `no` are texts, a date is a text. Anchors and merge keys (`<<`)
work; keys that stand twice, tags of one's own and numbers that no value can hold are errors. What
a file may cost is bounded, however it uses anchors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from fenqi.policy.errors import PolicyError, Position, Problem
from fenqi.policy.scalar_places import scalar_places

# Steps from the file's top: keys, and numbers of list items from 0.
Steps: TypeAlias = Sequence[str | int]

MOST_BYTES = 16 << 20
MOST_DEPTH = 64
# Values once every anchor is written out.
MOST_VALUES = 1_000_000

# libyaml's parser where PyYAML was built with it: four times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML counts as the end of a line; str.splitlines() knows some more.
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAGS = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:map",
    "tag:yaml.org,2002:seq",
    "!",
}


@dataclass(slots=True, eq=False)
class Node:
    """A value with its place. Lines and columns count from 1; the end is exclusive."""

    value: bool | int | float | str | list[Node] | dict[str, Node] | None
    line: int
    column: int
    end_line: int
    end_column: int
    # `"`, `'`, `|`, `>`, or empty for plain scalars and collections.
    style: str = ""
    # For mappings: where each key stands.
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: int = 1
    depth: int = 1


@dataclass(slots=True, eq=False)
class YamlFile:
    """One file. `name` is how messages call it."""

    path: Path
    name: str
    lines: list[str]
    root: Node
    _plain: dict[int, Any] = field(default_factory=dict)
    _texts: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The content as dictionaries, lists and scalars."""
        content: dict[str, Any] = _plain(self.root, self._plain)
        return content

    def node(self, steps: Steps) -> Node | None:
        """The value at `steps`, if there is one."""
        node: Node | None = self.root
        for step in steps:
            node = None if node is None else _child(node, step)
        return node

    def position(self, steps: Steps) -> Position:
        """Where the value at `steps` is, or the deepest part of the way that exists.

        A scalar is where it begins, a mapping or list where its key is.
        """
        node = self.root
        line, column = node.line, node.column
        for step in steps:
            child = _child(node, step)
            if child is None:
                break
            line, column = child.line, child.column
            if isinstance(child.value, dict | list) and isinstance(node.value, dict):
                line, column = node.keys[str(step)]
            node = child
        return Position(self.name, line, column)

    def key_position(self, steps: Steps) -> Position:
        """Where the key that `steps` end in is written."""
        parent = self.node(steps[:-1])
        if parent is None or str(steps[-1]) not in parent.keys:
            return self.position(steps)
        return Position(self.name, *parent.keys[str(steps[-1])])

    def position_in(self, steps: Steps, line: int, column: int) -> Position:
        """Where line and column (from 1) of the text at `steps` stand in the file."""
        node = self.node(steps)
        if node is None or not isinstance(node.value, str):
            return self.position(steps)
        places = self._texts.get(id(node))
        if places is None:
            places = scalar_places(node, self.lines)
            self._texts[id(node)] = places
        offset = sum(len(text) + 1 for text in node.value.split("\n")[: line - 1]) + column - 1
        return Position(self.name, *places[min(offset, len(places) - 1)])

    def problem(self, position: Position, message: str) -> Problem:
        """A problem that shows its line."""
        lines = self.lines
        return Problem(
            position, message, lines[position.line - 1] if position.line <= len(lines) else ""
        )


def read_yaml(path: Path, name: str, what: str) -> YamlFile:
    """Reads a file whose top is a mapping. `what` it is ("a policy") is for messages.

    Raises PolicyError for what is no such YAML, OSError for what cannot be read.
    """
    with path.open("rb") as stream:
        return parse_yaml(stream.read(MOST_BYTES + 1), path, name, what)


def parse_yaml(content: bytes, path: Path, name: str, what: str) -> YamlFile:
    """As `read_yaml`, of what was read from `path` already. Raises PolicyError."""
    if len(content) > MOST_BYTES:
        raise _refusal(name, [], 1, 1, f"the file is larger than {MOST_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        wrong = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _refusal(name, [], line, column, wrong) from None
    lines = _LINE_END.split(text)
    root = _Reader(name, lines).read(text)
    if root is None:
        raise _refusal(name, lines, 1, 1, f"the file is empty; {what} is a mapping of keys")
    if not isinstance(root.value, dict):
        raise _refusal(name, lines, root.line, root.column, f"{what} is a mapping of keys")
    return YamlFile(path, name, lines, root)


def _refusal(name: str, lines: list[str], line: int, column: int, message: str) -> PolicyError:
    shown = lines[line - 1] if line <= len(lines) else ""
    return PolicyError([Problem(Position(name, line, column), message, shown)])


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _plain(node: Node, known: dict[int, Any]) -> Any:
    if not isinstance(node.value, dict | list):
        return node.value
    if id(node) not in known:
        known[id(node)] = (
            {key: _plain(value, known) for key, value in node.value.items()}
            if isinstance(node.value, dict)
            else [_plain(value, known) for value in node.value]
        )
    return known[id(node)]


@dataclass(slots=True)
class _Reader:
    """Makes nodes of the parser's events, without recursion."""

    name: str
    lines: list[str]
    anchors: dict[str, Node] = field(default_factory=dict)
    # Collections that are not finished, outermost first, with their anchors.
    open: list[tuple[Node, str | None]] = field(default_factory=list)
    # For each open mapping the key that waits for its value.
    waiting: list[tuple[str, tuple[int, int], bool] | None] = field(default_factory=list)
    merges: dict[int, list[Node]] = field(default_factory=dict)
    root: Node | None = None

    def read(self, text: str) -> Node | None:
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._refuse(event, "a second document begins here; use one a file")
                elif isinstance(event, yaml.NodeEvent):
                    self._node(event)
                elif isinstance(event, yaml.CollectionEndEvent):
                    self._end(event)
        except yaml.MarkedYAMLError as error:
            raise self._not_yaml(error) from None
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            wrong = f"not YAML: the character U+{int(error.character):04X} cannot stand here"
            raise _refusal(self.name, self.lines, line, column, wrong) from None
        return self.root

    def _node(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for _, anchor in self.open):
                raise self._refuse(event, f"*{event.anchor} stands inside &{event.anchor} itself")
            if event.anchor not in self.anchors:
                raise self._refuse(event, f"there is no &{event.anchor} before this")
            self._place(self.anchors[event.anchor], event)
            return
        node = Node(None, *_place_of(event.start_mark), *_place_of(event.end_mark))
        tag = getattr(event, "tag", None)
        if tag is not None and tag not in _TAGS:
            raise self._refuse(event, f"the tag {tag} means nothing here; remove it")
        if isinstance(event, yaml.ScalarEvent):
            node.style = event.style or ""
            is_text = not event.implicit[0]
            node.value = str(event.value) if is_text else self._scalar(event, event.value)
            if event.anchor is not None:
                self.anchors[event.anchor] = node
            self._place(node, event)
            return
        node.value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.open.append((node, event.anchor))
        self.waiting.append(None)
        if len(self.open) > MOST_DEPTH:
            raise self._refuse(event, f"values are nested more than {MOST_DEPTH} deep")

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        node, anchor = self.open.pop()
        self.waiting.pop()
        if isinstance(node.value, dict):
            for merged in self.merges.pop(id(node), []):
                assert isinstance(merged.value, dict)
                for key, value in merged.value.items():
                    if key not in node.value:
                        node.value[key] = value
                        node.keys[key] = merged.keys[key]
        children = node.value.values() if isinstance(node.value, dict) else node.value
        assert not isinstance(children, str | int | float | None)
        for child in children:
            node.values += child.values
            node.depth = max(node.depth, child.depth + 1)
        if node.values > MOST_VALUES:
            raise self._refuse(event, f"there are more than {MOST_VALUES:,} values")
        if node.depth > MOST_DEPTH:
            raise self._refuse(event, f"values are nested more than {MOST_DEPTH} deep")
        if anchor is not None:
            self.anchors[anchor] = node
        self._place(node, event)

    def _place(self, node: Node, event: yaml.Event) -> None:
        """Puts a finished value where it belongs: the root, a list, a key or its value."""
        if not self.open:
            self.root = node
            return
        parent = self.open[-1][0]
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        assert isinstance(parent.value, dict)
        waiting = self.waiting[-1]
        if waiting is None:
            self.waiting[-1] = self._key(parent, node, event)
            return
        self.waiting[-1] = None
        key, place, is_merge = waiting
        if is_merge:
            self._merge(parent, node, event)
            return
        parent.value[key] = node
        parent.keys[key] = place

    def _key(
        self, parent: Node, node: Node, event: yaml.Event
    ) -> tuple[str, tuple[int, int], bool]:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(event, "a key is a word, not a list, a mapping or an alias")
        key = str(event.value)
        if key in parent.keys:
            first = parent.keys[key][0]
            raise self._refuse(event, f"the key `{key}` is here again; it was on line {first}")
        is_merge = key == "<<" and node.style == ""
        return key, (node.line, node.column), is_merge

    def _merge(self, parent: Node, node: Node, event: yaml.Event) -> None:
        merged = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(one.value, dict) for one in merged):
            raise self._refuse(event, "`<<` takes a mapping or a list of mappings")
        self.merges.setdefault(id(parent), []).extend(merged)

    def _scalar(self, event: yaml.Event, text: str) -> bool | int | float | str | None:
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _NOT_FINITE.fullmatch(text):
            raise self._refuse(event, f"{text} is not a number that a policy can hold")
        if _INT.fullmatch(text):
            number = int(text, 0 if text[:2] in ("0o", "0x") else 10) if len(text) < 64 else 1 << 64
            if not -(1 << 63) <= number < 1 << 64:
                raise self._refuse(event, "the number does not fit into 64 bits")
            return number
        if _FLOAT.fullmatch(text):
            value = float(text)
            if value in (float("inf"), float("-inf")):
                raise self._refuse(event, "the number is larger than any double")
            return value
        return text

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> PolicyError:
        mark = error.problem_mark
        problem = error.problem
        if problem == "found unexpected end of stream" and error.context_mark is not None:
            mark, problem = error.context_mark, "this has no end"
        if mark is None:
            return _refusal(self.name, self.lines, 1, 1, f"not YAML: {problem}")
        line, column = mark.line + 1, mark.column + 1
        source = self.lines[line - 1] if line <= len(self.lines) else ""
        if source[column - 1 : column] == "\t":
            problem = "a tab cannot stand here; indent with spaces"
        elif problem == "exceeded maximum nesting depth":
            problem = f"values are nested more than {MOST_DEPTH} deep"
        elif problem == "found invalid Unicode character escape code":
            problem = "this is no character, but half of a surrogate pair; write the character"
        return _refusal(self.name, self.lines, line, column, f"not YAML: {problem}")

    def _refuse(self, event: yaml.Event, message: str) -> PolicyError:
        line, column = _place_of(event.start_mark)
        return _refusal(self.name, self.lines, line, column, message)


def _place_of(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1
