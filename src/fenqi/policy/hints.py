"""What CEL's checker says, in a policy's words and with the nearest name that would do."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.protobuf import descriptor_pool

from fenqi.policy.check import CONTAINER
from fenqi.policy.errors import did_you_mean
from fenqi.policy.schema import Policy

_UNDECLARED = re.compile(r"undeclared reference to '([\w.]+)'")
_UNDEFINED = re.compile(r"undefined field '(\w+)' not found in (?:struct|message) '([\w.]+)'")
_IN_CONTAINER = f" (in container '{CONTAINER}')"


def explained(message: str, known: Iterable[str], policy: Policy) -> str | None:
    """The checker's message with a suggestion; None where it follows from another mistake.

    `known`: names that expressions may use. A name that `policy` has and that is not known belongs
    to a part that is wrong itself.
    """
    message = message.replace(_IN_CONTAINER, "")
    names = set(known)
    if undeclared := _UNDECLARED.search(message):
        name = undeclared.group(1)
        if _is_of(policy, name, names):
            return None
        return message + (did_you_mean(name, names) or did_you_mean(name.split(".")[0], names))
    if undefined := _UNDEFINED.search(message):
        name, struct = undefined.groups()
        fields = descriptor_pool.Default().FindMessageTypeByName(struct).fields_by_name
        shown = f"undefined field '{name}' not found in {struct.removeprefix(f'{CONTAINER}.')}"
        return shown + did_you_mean(name, fields)
    return message


def _is_of(policy: Policy, name: str, known: set[str]) -> bool:
    """Whether an unknown name is one of a part of the policy that nothing is known of."""
    first, _, rest = name.partition(".")
    if first in ("tables", "lists", "lookups"):
        part = rest.split(".")[0]
        begin = f"{first}.{part}"
        is_known = any(one == begin or one.startswith(f"{begin}.") for one in known)
        return part in getattr(policy, first) and not is_known
    parts = (policy.features, policy.scorecards, policy.models)
    return any(first in part for part in parts) and first not in known
