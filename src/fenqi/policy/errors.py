"""What is wrong with a policy, and where."""

from __future__ import annotations

from dataclasses import dataclass

from fenqi.errors import FenqiError


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: where, what, and the line it stands on."""

    file: str
    position: Position
    message: str
    source_line: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.position.line}:{self.position.column}: {self.message}"
        if self.source_line:
            caret = " " * (self.position.column - 1) + "^"
            text += f"\n  {self.source_line}\n  {caret}"
        return text


class PolicyError(FenqiError):
    """A policy that cannot be compiled. `problems` lists everything that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
