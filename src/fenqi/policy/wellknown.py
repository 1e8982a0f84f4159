"""Making the messages that CEL knows as values of its own: wrappers, timestamps, JSON values."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf import any_pb2, descriptor_pool, json_format, message_factory
from google.protobuf import duration_pb2 as _duration_pb2  # noqa: F401  registers the descriptors
from google.protobuf import struct_pb2 as _struct_pb2  # noqa: F401
from google.protobuf import timestamp_pb2 as _timestamp_pb2  # noqa: F401
from google.protobuf import wrappers_pb2 as _wrappers_pb2  # noqa: F401
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.program import Constant, Operand, Place, ProgramBuilder
from fenqi.policy.row import message_descriptor

# What a wrapper holds, its zero, and the operation that makes a number fit.
_WRAPPERS: dict[str, tuple[Constant, str | None]] = {
    "google.protobuf.BoolValue": (Constant("bool", False), None),
    "google.protobuf.Int32Value": (Constant("int", 0), "TO_32_BITS"),
    "google.protobuf.Int64Value": (Constant("int", 0), None),
    "google.protobuf.UInt32Value": (Constant("uint", 0), "TO_32_BITS"),
    "google.protobuf.UInt64Value": (Constant("uint", 0), None),
    "google.protobuf.FloatValue": (Constant("double", 0.0), "TO_FLOAT"),
    "google.protobuf.DoubleValue": (Constant("double", 0.0), None),
    "google.protobuf.StringValue": (Constant("string", ""), None),
    "google.protobuf.BytesValue": (Constant("bytes", b""), None),
}
_MOMENTS = {
    "google.protobuf.Timestamp": "MAKE_TIMESTAMP",
    "google.protobuf.Duration": "MAKE_DURATION",
}
WELL_KNOWN = frozenset(
    {
        *(*_WRAPPERS, *_MOMENTS, "google.protobuf.Value", "google.protobuf.Struct"),
        *("google.protobuf.ListValue", "google.protobuf.Any"),
    }
)
_VALUE_KINDS = {
    "number_value": "double",
    "string_value": "string",
    "bool_value": "bool",
    "struct_value": "map",
    "list_value": "list",
}


@dataclass(frozen=True, slots=True)
class Making:
    """Emits what makes them."""

    builder: ProgramBuilder
    place: Place

    def make(self, descriptor: Descriptor, fields: dict[str, Operand]) -> Operand | None:
        """The value of a message with these fields; None where it cannot be made."""
        name = descriptor.full_name
        if not fields.keys() <= set(descriptor.fields_by_name.keys()):
            return self._emit("UNKNOWN_FUNCTION")
        if name in _WRAPPERS:
            return self._wrapper(*_WRAPPERS[name], fields.get("value"))
        if name in _MOMENTS:
            seconds, nanos = (
                self._of_kind(fields.get(part, Constant("int", 0)), "int")
                for part in ("seconds", "nanos")
            )
            return self._emit(_MOMENTS[name], seconds, nanos)
        match name:
            case "google.protobuf.Struct":
                return self._of_kind(fields.get("fields", Constant("map", ())), "map")
            case "google.protobuf.ListValue":
                return self._of_kind(fields.get("values", Constant("list", ())), "list")
            case "google.protobuf.Value":
                return self._value(fields)
            case _:
                return self._any(fields)

    def _emit(self, op: str, *words: Operand) -> Operand:
        return self.builder.emit(image.Op.Value(f"OP_{op}"), *words, place=self.place)

    def _of_kind(self, operand: Operand, kind: str) -> Operand:
        if isinstance(operand, Constant) and operand.type == kind:
            return operand
        return self._emit(f"AS_{kind.upper()}", operand)

    def _wrapper(self, zero: Constant, fit: str | None, given: Operand | None) -> Operand:
        if given is None:
            return zero
        value = self._of_kind(given, zero.type)
        return value if fit is None else self._emit(fit, value)

    def _value(self, fields: dict[str, Operand]) -> Operand:
        for name, operand in fields.items():
            if name in _VALUE_KINDS:
                return self._of_kind(operand, _VALUE_KINDS[name])
        return Constant("null", None)

    def _any(self, fields: dict[str, Operand]) -> Operand | None:
        url, content = fields.get("type_url"), fields.get("value", Constant("bytes", b""))
        if not isinstance(url, Constant) or not isinstance(content, Constant):
            return None if fields else self._emit("UNKNOWN_FUNCTION")
        packed = any_pb2.Any(type_url=url.value, value=content.value)
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())
            message = message_factory.GetMessageClass(descriptor).FromString(packed.value)
        except (KeyError, DecodeError):
            return self._emit("UNKNOWN_FUNCTION")
        return unpacked(message, self.builder)


def unpacked(message: ProtobufMessage, builder: ProgramBuilder) -> Constant:
    """A message as the value that CEL sees in it."""
    descriptor = message_descriptor(type(message))
    name = descriptor.full_name
    if name in _WRAPPERS:
        zero, _ = _WRAPPERS[name]
        return Constant(zero.type, message.value)  # type: ignore[attr-defined]
    if name in _MOMENTS:
        seconds, nanos = message.seconds, message.nanos  # type: ignore[attr-defined]
        borrow = nanos < 0
        moment = (seconds - borrow, nanos + 10**9 * borrow)
        return Constant("timestamp" if name.endswith("Timestamp") else "duration", moment)
    if name in WELL_KNOWN and not name.endswith("Any"):
        return _json(json_format.MessageToDict(message))
    builder.messages.add(descriptor)
    return Constant("message", (name, message.SerializeToString(deterministic=True)))


def _json(content: object) -> Constant:
    match content:
        case None:
            return Constant("null", None)
        case bool():
            return Constant("bool", content)
        case int() | float():
            return Constant("double", float(content))
        case str():
            return Constant("string", content)
        case list():
            return Constant("list", tuple(_json(part) for part in content))
        case dict():
            pairs = ((Constant("string", key), _json(part)) for key, part in content.items())
            return Constant("map", tuple(part for pair in pairs for part in pair))
        case _:
            raise TypeError(f"no JSON value: {content!r}")
