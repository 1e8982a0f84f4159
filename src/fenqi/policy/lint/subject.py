"""What lints look at."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property

from fenqi.policy.compiler import CompiledPolicy
from fenqi.policy.document import Document
from fenqi.policy.reads import Reads, reads_of
from fenqi.policy.regions import Regions
from fenqi.policy.schema import Policy


@dataclass(frozen=True)
class Subject:
    """A policy that compiles, and the day on which it is looked at."""

    document: Document
    compiled: CompiledPolicy
    today: datetime.date

    @property
    def policy(self) -> Policy:
        """The merged policy."""
        return self.document.policy

    @cached_property
    def reads(self) -> dict[tuple[str | int, ...], Reads]:
        """What each expression reads, by its path."""
        return {path: reads_of(checked) for path, checked in self.compiled.expressions.items()}

    @cached_property
    def _single(self) -> dict[int, Regions]:
        return {}

    def regions(self, *rules: int) -> Regions:
        """What the conditions of these rules, by number, tell apart."""
        if len(rules) == 1 and rules[0] in self._single:
            return self._single[rules[0]]
        conditions = [self.compiled.conditions[self.policy.rules[number].id] for number in rules]
        regions = Regions(self.compiled.builder, conditions)
        if len(rules) == 1:
            self._single[rules[0]] = regions
        return regions
