"""What lints look at."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from fenqi.policy.compiler import CompiledPolicy
from fenqi.policy.document import Document
from fenqi.policy.reads import Reads, reads_of
from fenqi.policy.regions import MOST_COMBINATIONS, Applicant, Regions
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
    def _regions(self) -> dict[tuple[int, ...], Regions]:
        return {}

    @cached_property
    def _examples(self) -> dict[int, Applicant | None]:
        return {}

    def regions(self, *rules: int) -> Regions:
        """What the conditions of these rules, by number, tell apart."""
        if rules not in self._regions:
            of = [self.compiled.conditions[self.policy.rules[number].id] for number in rules]
            regions = Regions(self.compiled.builder, of)
            if len(rules) > 1:
                # Of pairs there are many, and each is asked for once.
                return regions
            self._regions[rules] = regions
        return self._regions[rules]

    def example(self, rule: int) -> Applicant | None:
        """An applicant for whom the rule's condition is true; None where none is found."""
        if rule not in self._examples:
            regions = self.regions(rule)
            few = islice(regions.applicants(), MOST_COMBINATIONS)
            true = (applicant for applicant in few if regions.values(applicant)[0] is True)
            self._examples[rule] = next(true, None)
        return self._examples[rule]
