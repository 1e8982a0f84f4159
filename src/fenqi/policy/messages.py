"""The table of messages that a program reads or makes."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.row import FIELD_KINDS, message_descriptor
from fenqi.v1 import application_pb2, scoring_pb2

# No program may read it, so that its table does not even have it.
PROTECTED_FIELD = "protected_attributes"
_APPLICATION = message_descriptor(application_pb2.Application).full_name
WHOLE_IS_GUARDED = (
    "a whole application as a value holds protected attributes, which a policy must not read; "
    "select the fields that you need"
)
# Messages that hold protected attributes: no program may use a whole one as a value.
GUARDED = frozenset({_APPLICATION, message_descriptor(scoring_pb2.ScoreRequest).full_name})


def is_readable(descriptor: FieldDescriptor) -> bool:
    """Whether a program may read the field: not protected, of a type that the core has.

    Fields of the well-known types (google.protobuf.Timestamp and so on) are not read yet.
    """
    message = descriptor.message_type
    if message is not None and not message.GetOptions().map_entry:
        if message.full_name.startswith("google.protobuf."):
            return False
    elif message is not None and not is_readable(message.fields_by_name["value"]):
        return False
    protected = descriptor.name == PROTECTED_FIELD
    containing = descriptor.containing_type
    of_application = containing is not None and containing.full_name == _APPLICATION
    return descriptor.type in FIELD_KINDS and not (protected and of_application)


@dataclass(slots=True)
class MessageTable:
    """Messages in the order in which they were asked for, each with those that it contains."""

    _descriptors: dict[str, Descriptor] = field(default_factory=dict)

    def add(self, descriptor: Descriptor) -> None:
        """Makes room for a message and everything that can be reached from it."""
        if descriptor.full_name in self._descriptors:
            return
        self._descriptors[descriptor.full_name] = descriptor
        for one in descriptor.fields:
            if is_readable(one) and one.message_type is not None:
                self.add(one.message_type)

    def index(self, name: str) -> int:
        """The message's number. Only for messages that were added."""
        return list(self._descriptors).index(name)

    def position(self, descriptor: Descriptor, name: str) -> int:
        """A readable field's position in its message."""
        return [one.name for one in self._fields(descriptor)].index(name)

    def name(self, index: int) -> str:
        """The full name of the message of that number."""
        return list(self._descriptors)[index]

    def write(self, program: image.Program) -> None:
        """Adds the table to the program."""
        for descriptor in self._descriptors.values():
            added = program.message_types.add(name=descriptor.full_name)
            for one in self._fields(descriptor):
                added.fields.append(self._field(descriptor, one))

    def _field(self, message: Descriptor, one: FieldDescriptor) -> image.MessageField:
        is_entry = message.GetOptions().map_entry
        built = image.MessageField(
            name=one.name,
            number=one.number,
            kind=FIELD_KINDS[one.type],
            # An entry's absent key or value is its zero.
            zero_is_missing=not one.is_repeated and not one.has_presence and not is_entry,
            repeated=one.is_repeated,
        )
        if one.message_type is not None:
            built.map = one.message_type.GetOptions().map_entry
            built.message_type_plus_one = self.index(one.message_type.full_name) + 1
        return built

    @staticmethod
    def _fields(descriptor: Descriptor) -> list[FieldDescriptor]:
        return sorted((f for f in descriptor.fields if is_readable(f)), key=lambda f: f.name)
