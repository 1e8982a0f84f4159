"""What the book of a policy is made of, whatever it is written in.

Texts use two marks of Markdown: `code` in backquotes, and [text](#anchor) for links inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """The name of a part within a chapter."""

    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows under a header. `anchors`: one a row, empty for none."""

    header: list[str]
    rows: list[list[str]]
    anchors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Station:
    """One column of the flow: a segment, who decides there, and the cut-offs."""

    name: str
    meaning: str
    decided_by: str
    cutoffs: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The way to a decision."""

    data: str
    work: str
    # Rules that end it before anybody is scored.
    hard: list[str]
    stations: list[Station]
    # How many rules do what.
    rules: dict[str, int]
    explores: bool


Block: TypeAlias = Paragraph | Heading | Grid | Flow


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter."""

    title: str
    anchor: str
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class Book:
    """The whole book."""

    title: str
    subtitle: str
    chapters: list[Chapter]
