"""What a dotted name means where no checker said it, by CEL's rules for containers.

In the container a.b the name x.y is a.b.x.y, or a.x.y, or x.y, whichever is known first; and of
x.y.z the longest part that is known, with fields of it. A name with a dot in front is taken as it
is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor

from fenqi.policy.functions import NAMES
from fenqi.policy.program import Constant

# Types that have a name of their own, and what type() calls them.
_TYPES = {
    name: name
    for name in (
        *("bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"),
        *("null_type", "optional_type", "google.protobuf.Timestamp", "google.protobuf.Duration"),
    )
}


@dataclass(frozen=True, slots=True)
class Found:
    """A name that is known: a variable, or a constant (an enum's value, a type)."""

    name: str
    parts: list[str]
    constant: Constant | None


class Names:
    """Names in one container; `variables` may grow."""

    def __init__(self, variables: Collection[str], container: str) -> None:
        self._variables = variables
        self._container = container

    def _candidates(self, name: str) -> Iterator[str]:
        if name.startswith("."):
            yield name[1:]
            return
        prefix = self._container
        while prefix:
            yield f"{prefix}.{name}"
            prefix = prefix.rpartition(".")[0]
        yield name

    def resolve(self, parts: list[str]) -> Found | None:
        """The longest beginning of a dotted name that is known."""
        for count in range(len(parts), 0, -1):
            for candidate in self._candidates(".".join(parts[:count])):
                if candidate in self._variables:
                    return Found(candidate, parts[:count], None)
                if (constant := _constant(candidate)) is not None:
                    return Found(candidate, parts[:count], constant)
        return None

    def function(self, parts: list[str], name: str) -> str | None:
        """The full name of a function that is called as `parts.name`, not as a method."""
        if self.resolve(parts) is not None:
            return None
        candidates = self._candidates(".".join((*parts, name)))
        return next((candidate for candidate in candidates if candidate in NAMES), None)

    def message(self, name: str) -> Descriptor | None:
        """The message of that name."""
        return next(filter(None, map(_message, self._candidates(name))), None)


def _message(name: str) -> Descriptor | None:
    try:
        return descriptor_pool.Default().FindMessageTypeByName(name)
    except KeyError:
        return None


def _constant(name: str) -> Constant | None:
    if name in _TYPES:
        return Constant("type", _TYPES[name])
    if _message(name) is not None:
        return Constant("type", name)
    enum, _, value = name.rpartition(".")
    try:
        values = descriptor_pool.Default().FindEnumTypeByName(enum).values_by_name
        return Constant("int", values[value].number)
    except KeyError:
        return None
