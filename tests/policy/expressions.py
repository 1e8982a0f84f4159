"""Expressions over variables of every type, one a line in expressions.txt, and their values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from fenqi.policy.expression import Uint

SOURCES = Path(__file__).with_name("expressions.txt")
VARIABLES = {
    "l": "list(int)",
    "m": "map(string, int)",
    "d": "dyn",
    "s": "string",
    "i": "int",
    "u": "uint",
    "x": "double",
    "t": "timestamp",
    "du": "duration",
    "b": "bool",
    "by": "bytes",
}
VALUES: dict[str, object] = {
    "l": [3, 1, 2],
    "m": {"a": 1, "b": 2},
    "d": [1, "a", 2.5],
    "s": "h\u00e9llo",
    "i": 5,
    "u": Uint(7),
    "x": 1.5,
    "t": datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=UTC),
    "du": timedelta(hours=1, seconds=2.5),
    "b": True,
    "by": b"ab\xff",
}
