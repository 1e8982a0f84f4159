"""A policy for a command: read, compiled, and the files that it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fenqi.policy import CompiledPolicy, PolicyError
from fenqi.policy.compiler import compile_document
from fenqi.policy.document import Document, read_document, tests_beside, with_tests_beside


@dataclass(frozen=True, slots=True)
class Subject:
    """A policy that compiles, with its tests."""

    document: Document
    compiled: CompiledPolicy


def read_subject(path: Path, models: Path | None) -> Subject:
    """Reads and compiles the policy. Raises PolicyError, OSError."""
    document = with_tests_beside(read_document(path))
    return Subject(document, compile_document(document, models))


def files_of(path: Path, subject: Subject | PolicyError | None) -> set[Path]:
    """What to look at for changes: every file that was read, or in which a mistake was found."""
    files = {path, tests_beside(path)}
    if isinstance(subject, Subject):
        files |= {file.path for file in subject.document.files}
        files |= set(_csv_files(subject.document))
    elif subject is not None:
        base = path.absolute().parent.parent
        files |= {base / problem.position.file for problem in subject.problems}
    return files


def counted(count: int, word: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _csv_files(document: Document) -> Iterable[Path]:
    for kind in ("lists", "lookups", "tables"):
        for name, part in getattr(document.policy, kind).items():
            if part.csv is not None:
                yield document.beside((kind, name), part.csv)
