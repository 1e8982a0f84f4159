"""What an expression becomes on its way to instructions."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fenqi.policy.program import Constant, Operand
from fenqi.policy.row import Step
from fenqi.policy.tables.image import ListPart, LookupPart

NONE = Constant("optional", ())

_FIELD_TYPES = {
    FieldDescriptor.CPPTYPE_BOOL: "bool",
    FieldDescriptor.CPPTYPE_INT32: "int",
    FieldDescriptor.CPPTYPE_INT64: "int",
    FieldDescriptor.CPPTYPE_ENUM: "int",
    FieldDescriptor.CPPTYPE_UINT32: "uint",
    FieldDescriptor.CPPTYPE_UINT64: "uint",
    FieldDescriptor.CPPTYPE_FLOAT: "double",
    FieldDescriptor.CPPTYPE_DOUBLE: "double",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value in a register; `type` as in `types`.

    Of the types in SCALARS it is what the register holds; of another one, what the checker says.
    """

    operand: Operand
    type: str
    # A repeated field or map of a message: an element that it does not have is missing.
    is_field: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the request, at a path known now."""

    path: tuple[Step, ...]
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class Repeated:
    """A repeated field or map of the request."""

    path: tuple[Step, ...]
    field: FieldDescriptor
    type: str

    @property
    def is_map(self) -> bool:
        """Whether it is a map."""
        message = self.field.message_type
        return message is not None and message.GetOptions().map_entry


@dataclass(frozen=True, slots=True)
class ListName:
    """`lists.name`, the right side of `in`."""

    part: ListPart


@dataclass(frozen=True, slots=True)
class LookupName:
    """`lookups.name.column`, which takes a key."""

    part: LookupPart
    column: str
    type: str


Lowered = Scalar | Message | Repeated | ListName | LookupName


def field_type(field: FieldDescriptor) -> str:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "bytes"
    return _FIELD_TYPES.get(field.cpp_type, "string")
