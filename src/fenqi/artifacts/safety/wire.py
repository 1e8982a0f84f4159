"""Walks an ONNX file as protobuf before it is parsed.

Parsing makes an object of every message: two bytes of a file can become a hundred of memory. This
walk counts first, needs no memory of its own, and says exactly where a damaged file ends.
"""

from __future__ import annotations

import re
from typing import Any

import onnx

from fenqi.artifacts.safety.limits import (
    MOST_BYTES,
    MOST_DEPTH,
    MOST_MESSAGES,
    MOST_STRINGS,
    UnsafeGraph,
)

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Numbers with tags of one byte, one after the other: most of a forest.
_NUMBERS = re.compile(
    b"(?:[%s][\x80-\xff]{0,9}[\x00-\x7f]|[%s].{8}|[%s].{4})++"
    % tuple(
        re.escape(bytes(field << 3 | type for field in range(1, 16)))
        for type in (_VARINT, _FIXED64, _FIXED32)
    ),
    re.DOTALL,
)

# Of each kind of message: which fields hold messages, and their kinds.
_Fields = dict[int, str]


def check_wire(content: bytes) -> None:
    """Raises UnsafeGraph."""
    if len(content) > MOST_BYTES:
        raise UnsafeGraph(f"it has {len(content)} bytes, over the limit of {MOST_BYTES}")
    if not content:
        raise UnsafeGraph("it is empty")
    _Walk(content).run()


class _Walk:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._messages = self._strings = 0
        # Messages still to be read: where each begins and ends, its kind, its depth.
        self._waiting: list[tuple[int, int, str, int]] = []

    def run(self) -> None:
        self._waiting.append((0, len(self._content), "onnx.ModelProto", 0))
        while self._waiting:
            self._message(*self._waiting.pop())

    def _message(self, at: int, end: int, kind: str, depth: int) -> None:
        fields = _MESSAGES[kind]
        while at < end:
            numbers = _NUMBERS.match(self._content, at, end)
            if numbers is not None:
                at = numbers.end()
                continue
            start = at
            tag, at = self._varint(at, end, kind)
            number, type = tag >> 3, tag & 7
            if type == _VARINT:
                _, at = self._varint(at, end, kind)
            elif type in (_FIXED64, _FIXED32):
                at += 8 if type == _FIXED64 else 4
                if at > end:
                    raise self._truncated(start, kind)
            elif type == _BYTES:
                length, at = self._varint(at, end, kind)
                if length > end - at:
                    raise self._truncated(start, kind)
                self._part(fields.get(number), at, at + length, depth + 1)
                at += length
            else:
                raise UnsafeGraph(f"it is no ONNX file: byte {start} begins no field of a {kind}")

    def _part(self, kind: str | None, at: int, end: int, depth: int) -> None:
        if kind is None:
            self._strings += 1
            if self._strings > MOST_STRINGS:
                raise UnsafeGraph(f"it holds more than {MOST_STRINGS} texts")
            return
        self._messages += 1
        if self._messages > MOST_MESSAGES:
            raise UnsafeGraph(f"it holds more than {MOST_MESSAGES} messages; the last is a {kind}")
        if depth > MOST_DEPTH:
            raise UnsafeGraph(f"messages are nested more than {MOST_DEPTH} deep, in a {kind}")
        self._waiting.append((at, end, kind, depth))

    def _varint(self, at: int, end: int, kind: str) -> tuple[int, int]:
        value = 0
        for place in range(10):
            if at + place >= end:
                raise self._truncated(at, kind)
            byte = self._content[at + place]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value, at + place + 1
        raise UnsafeGraph(f"it is no ONNX file: the number at byte {at} of a {kind} has no end")

    def _truncated(self, at: int, kind: str) -> UnsafeGraph:
        return UnsafeGraph(
            f"it is truncated or no ONNX file: the field at byte {at} goes beyond its {kind}, and "
            f"the file has {len(self._content)} bytes"
        )


def _messages_of(top: Any) -> dict[str, _Fields]:
    """The message fields of `top` and of every kind of message below it."""
    found: dict[str, _Fields] = {}
    waiting = [top]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name in found:
            continue
        parts = [field for field in descriptor.fields if field.message_type is not None]
        found[descriptor.full_name] = {part.number: part.message_type.full_name for part in parts}
        waiting += [part.message_type for part in parts]
    return found


_MESSAGES = _messages_of(onnx.ModelProto.DESCRIPTOR)
