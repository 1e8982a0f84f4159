"""What pydantic finds wrong with a file, said for the person who wrote it."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fenqi.policy.errors import Problem, did_you_mean
from fenqi.policy.yaml_file import Steps, YamlFile

# What a value had to be, by the first word of pydantic's error type.
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "date": "a date (2026-01-31)",
    "datetime": "a moment (2026-01-31T08:00:00+08:00)",
}
_PATTERNS = {
    r"^[a-z][a-z0-9_]*$": "a name: small letters, digits and `_`, a letter first",
    r"^[A-Z][A-Z0-9_]*$": "an id: capital letters, digits and `_`, a letter first",
    r"^[a-z0-9_]+/[A-Za-z0-9_.-]+$": "an artifact: `name/version`",
}
# Parts that analysts know by another name than their class.
_OWNERS = {
    "Fragment": "an included file",
    "ModelUse": "a model",
    "PolicyTest": "a test",
    "ReasonTexts": "a reason",
    "TestFile": "a file of tests",
    "ValueList": "a list",
}
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


def schema_problems(
    file: YamlFile, model: type[BaseModel], error: ValidationError
) -> list[Problem]:
    """One sentence for each place at which the file breaks the schema of `model`."""
    by_place: dict[tuple[str | int, ...], list[tuple[bool, ErrorDetails]]] = {}
    for details in error.errors():
        steps, through_union = _in_file(file, details)
        by_place.setdefault(steps, []).append((through_union, details))
    problems = []
    for steps, found in by_place.items():
        # Under one place of a union each alternative complains; those about kinds are one sentence.
        kinds = [details for through_union, details in found if through_union]
        if kinds and all(_kind(details) for details in kinds):
            problems.append(_problem(file, steps, _wrong_kind(file, steps, kinds)))
            continue
        inside = any(other[: len(steps)] == steps and other != steps for other in by_place)
        for _, details in found:
            if inside and _kind(details):
                # The value is of another alternative, and that one has its own complaint.
                continue
            problems.append(_one(file, model, steps, details))
    return problems


def _one(
    file: YamlFile, model: type[BaseModel], steps: tuple[str | int, ...], details: ErrorDetails
) -> Problem:
    kind = details["type"]
    if kind == "extra_forbidden":
        known = _keys_at(model, steps[:-1])
        owner = _owner(model, steps[:-1])
        hint = did_you_mean(str(steps[-1]), known)
        if not hint and known:
            hint = "; it has " + _either((f"`{key}`" for key in known), "and")
        message = f"`{steps[-1]}` is no key of {owner}{hint}"
        at = file.key_position(steps)
        return file.problem(at, _with_path(file, steps[:-1], message))
    if kind == "missing":
        message = f"`{steps[-1]}` is missing"
        meaning = _description(model, steps)
        if meaning:
            message += f": {meaning}"
        return _problem(file, steps[:-1], message)
    return _problem(file, steps, _sentence(file, steps, details))


def _sentence(file: YamlFile, steps: Steps, details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return details["msg"].removeprefix("Value error, ")
    if kind in ("literal_error", "enum"):
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        if allowed:
            wrong = f"it must be {_either((f'`{name}`' for name in allowed), 'or')}"
            return f"{wrong}{did_you_mean(str(details['input']), allowed)}"
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern"))
        return f"`{details['input']}` is not {_PATTERNS.get(pattern, f'of the form {pattern}')}"
    if _kind(details):
        return _wrong_kind(file, steps, [details])
    if kind in ("string_too_short", "too_short"):
        return "it is empty"
    message = details["msg"].replace("Input should be", "it must be")
    return message[:1].lower() + message[1:]


def _wrong_kind(file: YamlFile, steps: Steps, found: list[ErrorDetails]) -> str:
    wanted = list(dict.fromkeys(kind for details in found if (kind := _kind(details))))
    node = file.node(steps)
    value = None if node is None else node.value
    given = (
        "nothing"
        if value is None
        else "a mapping"
        if isinstance(value, dict)
        else "a list"
        if isinstance(value, list)
        else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    )
    return f"it must be {_either(wanted, 'or')}, not {given}"


def _kind(details: ErrorDetails) -> str | None:
    """What the value had to be, where the error is about that."""
    kind = details["type"]
    stem, _, rest = kind.partition("_")
    if rest in ("type", "parsing", "from_datetime_parsing", "from_date_parsing", "from_float"):
        return _KINDS.get(stem)
    return None


def _in_file(file: YamlFile, details: ErrorDetails) -> tuple[tuple[str | int, ...], bool]:
    """The error's place without pydantic's names for alternatives of a union."""
    steps: list[str | int] = []
    through_union = False
    location = details["loc"]
    for number, step in enumerate(location):
        is_key = number == len(location) - 1 and details["type"] in ("missing", "extra_forbidden")
        if is_key or file.node([*steps, step]) is not None:
            # A key's own complaint is pydantic's `[key]` behind it.
            steps.append(step)
        elif step != "[key]":
            through_union = True
    return tuple(steps), through_union


def _problem(file: YamlFile, steps: Steps, message: str) -> Problem:
    return file.problem(file.position(steps), _with_path(file, steps, message))


def _with_path(file: YamlFile, steps: Steps, message: str) -> str:
    """The message behind where it is, rules by their ids: `rules.AGE_LIMIT.then: ...`."""
    names = []
    for number, step in enumerate(steps):
        identity = file.node([*steps[: number + 1], "id"]) if isinstance(step, int) else None
        names.append(str(step if identity is None else identity.value))
    return f"{'.'.join(names)}: {message}" if names else message


def _either(words: Iterable[str], link: str) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {link} {listed[-1]}"


# --- what the schema says of a place ---


def _model_at(model: type[BaseModel], steps: Steps) -> type[BaseModel] | None:
    """The part of the schema that describes the mapping at `steps`."""
    annotation: Any = model
    for step in steps:
        annotation = _below(annotation, step)
    return _first_model(annotation)


def _below(annotation: Any, step: str | int) -> Any:
    for candidate in _alternatives(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            for name, info in candidate.model_fields.items():
                if step in (info.alias or name, name):
                    return info.annotation
        arguments = typing.get_args(candidate)
        if typing.get_origin(candidate) is dict and isinstance(step, str):
            return arguments[1]
        if typing.get_origin(candidate) is list and isinstance(step, int):
            return arguments[0]
    return None


def _alternatives(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for one in typing.get_args(annotation) for inner in _alternatives(one)]
    return [annotation]


def _first_model(annotation: Any) -> type[BaseModel] | None:
    for candidate in _alternatives(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _keys_at(model: type[BaseModel], steps: Steps) -> list[str]:
    found = _model_at(model, steps)
    if found is None:
        return []
    return [info.alias or name for name, info in found.model_fields.items()]


def _owner(model: type[BaseModel], steps: Steps) -> str:
    """`a decision table`, from the class's name."""
    found = _model_at(model, steps)
    if found is None:
        return "this part"
    words = _WORDS.sub(" ", found.__name__).lower()
    return _OWNERS.get(found.__name__, f"{'an' if words[0] in 'aeiou' else 'a'} {words}")


def _description(model: type[BaseModel], steps: Steps) -> str:
    found = _model_at(model, steps[:-1])
    if found is None:
        return ""
    for name, info in found.model_fields.items():
        if (info.alias or name) == steps[-1]:
            return info.description or ""
    return ""
