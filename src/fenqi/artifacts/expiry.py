"""The last day on which a model may decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date


def expired(expires: Mapping[str, date]) -> list[str]:
    """A sentence for each of the models, `name/version` to its last day, whose day is past."""
    return [f"{name} expired on {day}" for name, day in expires.items() if day < date.today()]
