"""From the characters of a text in YAML to where each of them is written.

A message about an expression names a character of the expression; its place in the file depends on
how YAML folded, indented, quoted or escaped the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fenqi.policy.yaml_file import Node

# (line, column), from 1.
Place = tuple[int, int]

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")


def scalar_places(node: Node, lines: list[str]) -> list[Place]:
    """A place for each character of a text, and one for its end.

    Where the text cannot be followed, all places are the node's own.
    """
    assert isinstance(node.value, str)
    length = len(node.value)
    if node.style in ("|", ">"):
        places = _block(node.value, node, lines)
        # Of the line breaks at its end, a block keeps none, one or all.
        followed = len(places) > len(node.value.rstrip("\n"))
        places = places[:length] + places[-1:] * (length + 1 - len(places[:length]))
    else:
        places = _flow(node, lines)
        followed = len(places) == length + 1
    return places if followed else [(node.line, node.column)] * (length + 1)


def _block(value: str, node: Node, lines: list[str]) -> list[Place]:
    """Literal and folded: lines without their indentation; folded ones joined by spaces."""
    rows = range(node.line, min(node.end_line + 1, len(lines)))
    first = next((row for row in rows if lines[row].strip(" ")), None)
    shown = next((line for line in value.split("\n") if line), None)
    if first is None or shown is None:
        return []
    indent = _indent(lines[first]) - _indent(shown)
    places: list[Place] = []
    before: tuple[int, str] | None = None
    blank: list[Place] = []
    for row in rows:
        text = lines[row][indent:]
        if not text:
            blank.append((row + 1, 1))
            continue
        if before is not None:
            indented = text[0] in " \t" or before[1][0] in " \t"
            if node.style == "|" or indented or not blank:
                places.append((before[0] + 1, len(lines[before[0]]) + 1))
        places += blank
        places += [(row + 1, indent + number + 1) for number in range(len(text))]
        before, blank = (row, text), []
    return [*places, (places[-1][0], places[-1][1] + 1)]


def _flow(node: Node, lines: list[str]) -> list[Place]:
    """Plain and quoted: lines joined by spaces, blank lines are line breaks."""
    quote = 0 if node.style == "" else 1
    places: list[Place] = []
    blank: list[Place] = []
    joined = True
    for row in range(node.line - 1, node.end_line):
        is_last = row == node.end_line - 1
        source = lines[row][: node.end_column - 1 - quote] if is_last else lines[row].rstrip(" \t")
        if row == node.line - 1:
            start = node.column - 1 + quote
        else:
            start = len(source) - len(source.lstrip(" \t"))
            if start == len(source) and not is_last:
                blank.append((row + 1, 1))
                continue
            if not joined:
                places += blank or [(row, len(lines[row - 1]) + 1)]
            blank = []
        joined = _characters(source, start, row + 1, node.style, places)
    places.append((node.end_line, node.end_column - quote))
    return places


def _characters(source: str, start: int, line: int, style: str, places: list[Place]) -> bool:
    """Adds the characters of one line; whether it ends in a backslash, which joins it."""
    at = start
    while at < len(source):
        step = 1
        if style == '"' and source[at] == "\\":
            escape = _ESCAPE.match(source, at)
            if escape is None:
                return True
            step = escape.end() - at
        elif style == "'" and source.startswith("''", at):
            step = 2
        places.append((line, at + 1))
        at += step
    return False


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
