"""Files of applications: one JSON object a line, or CSV with the contract's paths as columns."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fenqi.errors import ConfigurationError, InvalidRequestError
from fenqi.requests import request_message
from fenqi.v1.scoring_pb2 import ScoreRequest


@dataclass(frozen=True, slots=True)
class Applicant:
    """One application of a file. `name` is its id, or where it stands."""

    name: str
    request: ScoreRequest


def read_applications(path: Path) -> Iterator[Applicant]:
    """The applications of a file, in order.

    `.csv`: the header names fields (`loan.amount_fen`, `behaviour.card_statements.0.paid_fen`);
    an empty cell is a missing value. Otherwise JSON lines, each an Application or a ScoreRequest.
    Raises ConfigurationError with the line for what cannot be read.
    """
    records = _csv(path) if path.suffix.lower() == ".csv" else _json_lines(path)
    for line, record in records:
        try:
            request = request_message(record)
        except InvalidRequestError as error:
            raise ConfigurationError(f"{path}:{line}: {error}") from None
        name = request.request_id or request.application.application_id or f"line {line}"
        yield Applicant(name, request)


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                content = json.loads(line)
                if not isinstance(content, dict):
                    raise ConfigurationError(f"{path}:{number}: each line is an object in {{}}")
                yield number, content
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{number}: not JSON: {error}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8") from None


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            for row in reader:
                if len(row) != len(header):
                    wanted = f"{len(header)} values, as the header; this line has {len(row)}"
                    raise ConfigurationError(f"{path}:{reader.line_num}: expected {wanted}")
                yield reader.line_num, _nested(path, header, row)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8") from None
    except csv.Error as error:
        raise ConfigurationError(f"{path}:{reader.line_num}: not CSV: {error}") from None


def _nested(path: Path, header: list[str], row: list[str]) -> dict[str, Any]:
    """A line's cells where their columns say; positions in lists are numbers from 0."""
    content: dict[str, Any] = {}
    for column, cell in zip(header, row, strict=True):
        if cell == "":
            continue
        steps = column.split(".")
        holder: Any = content
        for step in steps[:-1]:
            holder = holder.setdefault(step, {})
            if not isinstance(holder, dict):
                raise ConfigurationError(f"{path}: the column {column} is inside another column")
        holder[steps[-1]] = {"true": True, "false": False}.get(cell, cell)
    nested: dict[str, Any] = _lists(content)
    return nested


def _lists(value: Any) -> Any:
    """Dictionaries with the keys 0, 1, ... as lists."""
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        length = max(int(key) for key in value) + 1
        # What is left out before a position is an entry of which nothing is known.
        return [_lists(value.get(str(number), {})) for number in range(min(length, 10_000))]
    return {key: _lists(part) for key, part in value.items()}
