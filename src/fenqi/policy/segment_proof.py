"""Finds out whether every applicant falls in exactly one segment (R10, R14).

Where conditions only compare what an application says with constants, all applicants are looked at
(`regions`): that is a proof, and whoever falls in none or in several is shown. Otherwise the core
is asked about random applications near the constants, and the answer is "tested, not proven".
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fenqi import _native
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.expressions import Expressions
from fenqi.policy.program import Slot
from fenqi.policy.regions import (
    FAILED,
    MOST_COMBINATIONS,
    Applicant,
    Consent,
    Regions,
    Sample,
    field_of,
)
from fenqi.policy.row import Key, RowSlot
from fenqi.policy.segments import Routing
from fenqi.v1 import application_pb2, scoring_pb2

TESTED = 2_000


def prove_segments(ex: Expressions, routing: Routing, built: image.ReleaseImage) -> None:
    """Reports whoever falls in none of the segments or in several; `built` is the whole release."""
    if not routing.conditions:
        return
    names = list(routing.conditions)
    regions = Regions(ex.builder, list(routing.conditions.values()))
    has_rest = len(names) < len(routing.judgements)
    if regions.combinations <= MOST_COMBINATIONS:
        found = _first_outside(regions, names, has_rest)
        if found is None:
            return
        if regions.is_exact:
            what, applicant = found
            ex.report(("segments",), f"{what} an applicant with {_describe(applicant)}")
            return
    tested = _test(ex, built, names, has_rest)
    if tested is not None:
        ex.report(("segments",), tested)
    else:
        ex.warn(
            ("segments",),
            f"that each applicant falls in exactly one segment was tested on {TESTED} random "
            "applications, not proven: the conditions rest on more than comparisons with constants",
        )


def _first_outside(
    regions: Regions, names: list[str], has_rest: bool
) -> tuple[str, Applicant] | None:
    for applicant in regions.applicants():
        what = _wrong(dict(zip(names, regions.values(applicant), strict=True)), has_rest)
        if what is not None:
            return what, applicant
    return None


def _wrong(conditions: Mapping[str, Sample], has_rest: bool) -> str | None:
    """What is wrong with how the conditions come out for somebody, as the start of a sentence."""
    for name, value in conditions.items():
        if value is None:
            return f"the condition of {name} is missing (guard it with `has()` or a `default`) for"
        if value is FAILED:
            return f"the condition of {name} fails for"
    holding = [name for name, value in conditions.items() if value]
    if len(holding) > 1:
        return f"{holding[0]} and {holding[1]} overlap: both hold for"
    if not holding and not has_rest:
        return "none of the segments holds for"
    return None


def _describe(applicant: Applicant) -> str:
    parts = []
    for leaf, sample in applicant.items():
        if isinstance(leaf, Consent):
            granted = "consent" if sample else "no consent"
            names = [
                name.removeprefix("DATA_SOURCE_").lower()
                for name, number in application_pb2.DataSource.items()
                if leaf.mask >> number & 1
            ]
            parts.append(f"{granted} for {' and '.join(names)} data")
        elif isinstance(leaf, Slot):
            parts.append(_describe_slot(leaf.slot, sample))
    return ", ".join(parts) if parts else "whatever data"


def _describe_slot(slot: RowSlot, sample: Sample) -> str:
    path = _text(slot)
    if slot.what == "presence":
        return f"{path} {'missing' if sample is None else 'there'}"
    if slot.what == "count":
        return f"{path} missing" if sample is None else f"{sample} entries in {path}"
    if sample is None:
        return f"{path} missing"
    of = field_of(slot)
    if of is not None and of.enum_type is not None and isinstance(sample, int):
        known = of.enum_type.values_by_number.get(sample)
        return f"{path} = {known.name if known is not None else sample}"
    return f"{path} = {str(sample).lower() if isinstance(sample, bool) else repr(sample)}"


def _text(slot: RowSlot) -> str:
    text = ""
    for step in slot.path:
        match step:
            case Key(key):
                text += f'["{key}"]'
            case int():
                text += f"[{step}]"
            case str():
                text += f".{step}" if text else step
    return text


# --- testing ---


def _test(
    ex: Expressions, built: image.ReleaseImage, names: list[str], has_rest: bool
) -> str | None:
    """What is wrong for one of many random applications; None where nothing was found."""
    engine = _native.Engine()
    engine.deploy(_native.Release(_segments_alone(built)))
    draw = random.Random(built.content_hash)
    slots = list(dict.fromkeys(ex.builder.slots()))
    pools = _pools(built)
    for _ in range(TESTED):
        request = scoring_pb2.ScoreRequest()
        for source in application_pb2.DataSource.values():
            if source and draw.random() < 0.8:
                request.application.consents.add(source=source, granted=True)
        for slot in slots:
            if draw.random() < 0.7:
                _set(request, slot, draw, pools)
        try:
            values = engine.trace(request.SerializeToString())
        except _native.StatusError:
            continue  # beyond the contract's limits
        conditions = {name: _sample(values[f"segment {name}"]) for name in names}
        what = _wrong(conditions, has_rest)
        if what is not None:
            text = " ".join(str(request.application).split())
            return f"{what} this applicant: {text or 'nothing known'}"
    return None


def _sample(value: Any) -> Sample:
    return FAILED if isinstance(value, ValueError) else value


def _segments_alone(built: image.ReleaseImage) -> bytes:
    """The release without what decides: what models would write is missing."""
    alone = image.ReleaseImage()
    alone.CopyFrom(built)
    core = 2 * len(alone.models) + (1 if alone.scored_register_plus_one else 0)
    for part in ("models", "scorecards", "rules", "segments", "reasons"):
        alone.ClearField(part)
    for part in ("segment", "skip", "scored"):
        alone.ClearField(f"{part}_register_plus_one")
    # Their registers come after the constants.
    for _ in range(core):
        alone.program.constants.add(missing=True)
    return alone.SerializeToString()


def _pools(built: image.ReleaseImage) -> dict[str, list[Any]]:
    """Values worth trying, by kind: the program's constants and their neighbours."""
    ints, doubles, texts = {0, 1}, {0.0, 1.0}, {"", "other"}
    for constant in built.program.constants:
        ints.add(constant.int_value)
        doubles.add(constant.double_value)
        texts.add(constant.string_value)
    for members in built.program.sets:
        ints.update(members.ints)
        doubles.update(members.doubles)
        texts.update(members.strings)
    ints |= {number + step for number in ints for step in (-1, 1)}
    doubles |= {float(number) for number in ints}
    doubles |= {number * factor for number in doubles for factor in (0.999, 1.001)}
    return {"int": sorted(ints), "double": sorted(doubles), "string": sorted(texts)}


def _set(
    request: scoring_pb2.ScoreRequest, slot: RowSlot, draw: random.Random, pools: dict[str, Any]
) -> None:
    """Puts a random value where `slot` reads, with what is around it."""
    if slot.what == "grants":
        return
    at: Any = request
    for number, step in enumerate(slot.path):
        last = number == len(slot.path) - 1
        match step:
            case int():
                while len(at) <= step:
                    at.add()
                at = at[step]
            case Key(key):
                at[key] = _draw(at.GetEntryClass().DESCRIPTOR.fields_by_name["value"], draw, pools)
                return
            case str():
                of: FieldDescriptor = at.DESCRIPTOR.fields_by_name[step]
                if last and of.message_type is None and not of.is_repeated:
                    setattr(at, step, _draw(of, draw, pools))
                    return
                at = getattr(at, step)
                if isinstance(at, Message):
                    at.SetInParent()
    if slot.what == "count" and not isinstance(at, Message) and hasattr(at, "add"):
        for _ in range(draw.randrange(4)):
            at.add()


def _draw(of: FieldDescriptor, draw: random.Random, pools: dict[str, Any]) -> Any:
    match of.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return draw.random() < 0.5
        case FieldDescriptor.CPPTYPE_STRING:
            return draw.choice(pools["string"])
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return draw.choice(pools["double"])
        case FieldDescriptor.CPPTYPE_INT32 | FieldDescriptor.CPPTYPE_ENUM:
            return max(0, min(draw.choice(pools["int"]), 2**31 - 1))
        case FieldDescriptor.CPPTYPE_UINT32 | FieldDescriptor.CPPTYPE_UINT64:
            return max(0, min(draw.choice(pools["int"]), 2**32 - 1))
    return max(0, draw.choice(pools["int"]))
