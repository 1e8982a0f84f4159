"""What is wrong with a policy, and where."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from fenqi.errors import FenqiError

# A source line longer than this is shown around the place only.
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1. `file` is the name used in messages."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where, what, and the line it stands on."""

    position: Position
    message: str
    source_line: str = ""

    def __str__(self) -> str:
        text = f"{self.position}: {self.message}"
        if self.source_line:
            line, before = _around(self.source_line, self.position.column - 1)
            text += f"\n  {line}\n  {_blank(line[:before])}^"
        return text


class PolicyError(FenqiError):
    """A policy that cannot be compiled. `problems` lists everything that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ "; did you mean `x`?" for the known name that is nearest, or nothing where none is near."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean `{by_folded[near[0]]}`?" if near else ""


def _around(line: str, column: int) -> tuple[str, int]:
    """A part of the line that fits, and where the column is in it."""
    if len(line) <= _WIDTH:
        return line, column
    begin = max(0, min(column - _WIDTH // 2, len(line) - _WIDTH))
    end = begin + _WIDTH
    shown = ("…" if begin else "") + line[begin:end] + ("…" if end < len(line) else "")
    return shown, column - begin + (1 if begin else 0)


def _blank(text: str) -> str:
    """Spaces as wide as the text is on a terminal: a Chinese character takes two."""
    return "".join(
        "\t" if character == "\t" else "  " if _is_wide(character) else " " for character in text
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
