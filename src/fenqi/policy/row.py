"""The row's table: where in a request's bytes each value of the row stands.

The table covers the whole contract, because the core checks every field of a request, also those
that the policy does not read. Fields that it reads get a slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.v1 import constraints_pb2


@dataclass(frozen=True, slots=True)
class Key:
    """A step into a map."""

    text: str


# A field's name, an element's position, or a map's key.
Step = str | int | Key


@dataclass(frozen=True, slots=True)
class RowSlot:
    """One thing to read: a scalar's value, whether a message is there, a list's length, or what
    all consents grant.
    """

    path: tuple[Step, ...]
    what: Literal["value", "presence", "count", "grants"] = "value"


REQUEST_ID = RowSlot(("request_id",))
STAGE = RowSlot(("stage",))
DECIDED_AT = RowSlot(("decided_at_seconds",))
# Bit s: the application's consents grant fenqi.v1.DataSource s.
CONSENTS = RowSlot(("application", "consents"), "grants")
AMOUNT = RowSlot(("application", "loan", "amount_fen"))
PRODUCT = RowSlot(("application", "loan", "product"))
TERM_MONTHS = RowSlot(("application", "loan", "term_months"))
REPAYMENT_METHOD = RowSlot(("application", "loan", "repayment_method"))
CUSTOMER_KEY = RowSlot(("application", "customer_key"))

FIELD_KINDS = {
    FieldDescriptor.TYPE_INT32: image.FIELD_KIND_INT32,
    FieldDescriptor.TYPE_ENUM: image.FIELD_KIND_INT32,
    FieldDescriptor.TYPE_INT64: image.FIELD_KIND_INT64,
    FieldDescriptor.TYPE_UINT32: image.FIELD_KIND_UINT32,
    FieldDescriptor.TYPE_UINT64: image.FIELD_KIND_UINT64,
    FieldDescriptor.TYPE_SINT32: image.FIELD_KIND_SINT32,
    FieldDescriptor.TYPE_SINT64: image.FIELD_KIND_SINT64,
    FieldDescriptor.TYPE_FIXED32: image.FIELD_KIND_FIXED32,
    FieldDescriptor.TYPE_FIXED64: image.FIELD_KIND_FIXED64,
    FieldDescriptor.TYPE_SFIXED32: image.FIELD_KIND_SFIXED32,
    FieldDescriptor.TYPE_SFIXED64: image.FIELD_KIND_SFIXED64,
    FieldDescriptor.TYPE_FLOAT: image.FIELD_KIND_FLOAT,
    FieldDescriptor.TYPE_DOUBLE: image.FIELD_KIND_DOUBLE,
    FieldDescriptor.TYPE_BOOL: image.FIELD_KIND_BOOL,
    FieldDescriptor.TYPE_STRING: image.FIELD_KIND_STRING,
    FieldDescriptor.TYPE_BYTES: image.FIELD_KIND_BYTES,
    FieldDescriptor.TYPE_MESSAGE: image.FIELD_KIND_MESSAGE,
}


@dataclass(slots=True)
class _Need:
    """What is read at one place of the request and below it."""

    slots: dict[str, int] = field(default_factory=dict)
    below: dict[Step, _Need] = field(default_factory=dict)


def message_descriptor(message: type[Message]) -> Descriptor:
    """The descriptor of a generated class."""
    descriptor: Any = message.DESCRIPTOR  # its type depends on protobuf's implementation
    return cast(Descriptor, descriptor)


def build_row(root: Descriptor, wanted: Iterable[RowSlot]) -> tuple[image.Row, dict[RowSlot, int]]:
    """Builds the table for `root` with a slot for everything in `wanted`.

    Returns the table and the slot of each. `wanted` keeps its order and may repeat itself. Paths
    must be right: field names of the messages they walk through, keys only into maps. Raises
    ValueError for a contract that the core cannot read (groups, maps of anything but strings to
    scalars, oneofs, messages inside themselves).
    """
    slots = {slot: number for number, slot in enumerate(dict.fromkeys(wanted))}
    needs = _Need()
    for slot, number in slots.items():
        need = needs
        for step in slot.path:
            need = need.below.setdefault(step, _Need())
        need.slots[slot.what] = number
    row = image.Row(slot_count=len(slots))
    _add_node(row, root, needs, ())
    if REQUEST_ID in slots:
        row.request_id_slot = slots[REQUEST_ID]
    if STAGE in slots:
        row.stage_slot = slots[STAGE]
    row.decided_at_slot_plus_one = slots.get(DECIDED_AT, -1) + 1
    row.consents_slot_plus_one = slots.get(CONSENTS, -1) + 1
    return row, slots


def _add_node(
    row: image.Row, message: Descriptor, need: _Need, parents: tuple[Descriptor, ...]
) -> int:
    """Adds a node for `message` and the nodes below it; returns its number plus one."""
    if message in parents:
        raise ValueError(f"{message.full_name} contains itself; the core cannot read it")
    if any(not _is_synthetic(oneof.fields) for oneof in message.oneofs):
        raise ValueError(f"{message.full_name} has a oneof; the core cannot read it")
    number = len(row.nodes)
    row.nodes.add()
    fields = [
        _field(row, descriptor, need.below.get(descriptor.name, _Need()), (*parents, message))
        for descriptor in sorted(message.fields, key=lambda f: f.number)
    ]
    row.nodes[number].fields.extend(fields)
    return number + 1


def _is_synthetic(fields: Sequence[FieldDescriptor]) -> bool:
    """Whether a oneof only stands for `optional`."""
    return len(fields) == 1 and fields[0].has_presence


def _field(
    row: image.Row, descriptor: FieldDescriptor, need: _Need, parents: tuple[Descriptor, ...]
) -> image.RowField:
    if descriptor.type not in FIELD_KINDS:
        raise ValueError(f"{descriptor.full_name} is a group; the core cannot read it")
    built = image.RowField(
        number=descriptor.number,
        name=descriptor.name,
        kind=FIELD_KINDS[descriptor.type],
        zero_is_missing=not descriptor.is_repeated and not descriptor.has_presence,
        repeated=descriptor.is_repeated,
    )
    options: Any = descriptor.GetOptions()
    limits = options.Extensions[constraints_pb2.limits]
    for name in ("min", "max", "max_bytes", "max_items"):
        if limits.HasField(name):
            setattr(built, name, getattr(limits, name))
    message = descriptor.message_type
    if message is not None and message.GetOptions().map_entry:
        _fill_map(row, built, message, need, parents)
    elif descriptor.is_repeated:
        _fill_repeated(row, built, message, need, parents)
    elif message is not None:
        built.slot_plus_one = need.slots.get("presence", -1) + 1
        built.node_plus_one = _add_node(row, message, need, parents)
    else:
        built.slot_plus_one = need.slots.get("value", -1) + 1
    return built


def _fill_map(
    row: image.Row,
    built: image.RowField,
    entry: Descriptor,
    need: _Need,
    parents: tuple[Descriptor, ...],
) -> None:
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    if key.type != FieldDescriptor.TYPE_STRING or value.message_type is not None:
        raise ValueError(f"{entry.full_name} is no map from string to a scalar")
    built.map = True
    built.count_slot_plus_one = need.slots.get("count", -1) + 1
    built.node_plus_one = _add_node(row, entry, _Need(), parents)
    for part in row.nodes[built.node_plus_one - 1].fields:
        part.zero_is_missing = False  # an entry's absent key or value is its zero
    keys = [(step, below) for step, below in need.below.items() if isinstance(step, Key)]
    for step, below in sorted(keys, key=lambda pair: pair[0].text.encode()):
        built.elements.add(key=step.text, slot_plus_one=below.slots["value"] + 1)


def _fill_repeated(
    row: image.Row,
    built: image.RowField,
    message: Descriptor | None,
    need: _Need,
    parents: tuple[Descriptor, ...],
) -> None:
    built.count_slot_plus_one = need.slots.get("count", -1) + 1
    built.consents = "grants" in need.slots
    if message is not None:
        built.node_plus_one = _add_node(row, message, _Need(), parents)
    indices = [(step, below) for step, below in need.below.items() if isinstance(step, int)]
    for index, below in sorted(indices, key=lambda pair: pair[0]):
        element = built.elements.add(index=index)
        if message is not None:
            element.node_plus_one = _add_node(row, message, below, parents)
        else:
            element.slot_plus_one = below.slots["value"] + 1
