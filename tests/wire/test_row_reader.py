"""The row reader against google.protobuf, on random messages, whole and damaged.

Oracle: google.protobuf's own parser (BSD-3-Clause).
"""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from fenqi import _native
from fenqi.v1 import constraints_pb2, scoring_pb2
from tests.policy.evaluation import compile_features

INVALID_ARGUMENT = 3
SEEDS = 40
MESSAGES = 60
DAMAGED = 12

# What the policy of this test reads: scalars of every type, elements, counts, presence, map keys.
READ = [
    "application.submitted_at_seconds",
    "application.channel",
    "application.customer_key",
    "application.identity.id_checksum_valid",
    "application.identity.age_years",
    "application.identity.id_days_to_expiry",
    "application.identity.face_match_score",
    "application.identity.name_id_match",
    "application.location.gps_city",
    "application.location.latitude",
    "application.income_sources[0].monthly_amount_fen",
    "application.income_sources[2].reliability",
    "size(application.income_sources)",
    "size(application.bureau.accounts)",
    "application.bureau.accounts[1].payment_status_24m",
    "application.bureau.accounts[1].closed",
    "application.behaviour.card_statements[0].statement_balance_fen",
    "application.behaviour.card_statements[3].repayment_status",
    "application.behaviour.spend_trend",
    'application.signals["a"]',
    'application.signals["b"]',
    'application.text_signals["a"]',
    "application.obligations.dependants",
    "application.consents[1].granted",
    "has(application.device)",
    "has(application.own_history)",
    "request.stage",
    "request.request_id",
]


@pytest.fixture(scope="module")
def engine() -> Any:
    built = _native.Engine()
    built.deploy(_native.Release(compile_features(READ)))
    return built


# --- what a parsed message says ---


def _walk(message: Message, path: str) -> object:
    """The value at `path`, None where it is missing."""
    node: Any = message
    for step in path.replace("]", "").replace("[", ".").split("."):
        if step.startswith('"'):
            key = step.strip('"')
            return node.get(key, None)
        if step.isdigit():
            if int(step) >= len(node):
                return None
            node = node[int(step)]
            continue
        field = node.DESCRIPTOR.fields_by_name[step]
        if field.is_repeated:
            node = getattr(node, step)
            continue
        if field.message_type is not None:
            if not node.HasField(step):
                return None
            node = getattr(node, step)
            continue
        if field.has_presence:
            return getattr(node, step) if node.HasField(step) else None
        return getattr(node, step) or None
    return node


def said_by(message: scoring_pb2.ScoreRequest) -> list[object]:
    """READ, worked out on the parsed message."""
    values: list[object] = []
    for expression in READ:
        path = expression.split("(")[-1].rstrip(")")
        whole = path if not path.startswith("request") else path.removeprefix("request.")
        if expression.startswith("size("):
            parent, _, name = whole.rpartition(".")
            holder = _walk(message, parent) if message.HasField("application") else None
            values.append(None if holder is None else len(getattr(holder, name)))
        elif expression.startswith("has("):
            values.append(_walk(message, whole) is not None)
        else:
            values.append(_walk(message, whole))
    return values


def violations(message: Message) -> list[str]:
    """Paths of values outside the contract's limits, also inside repeated messages."""
    found: list[str] = []
    for field, value in message.ListFields():
        limits = field.GetOptions().Extensions[constraints_pb2.limits]
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        items = list(value.items()) if entry else list(value) if field.is_repeated else [value]
        if limits.HasField("max_items") and len(items) > limits.max_items:
            found.append(field.name)
        for item in items:
            for part in item if entry else [item]:
                if isinstance(part, Message):
                    found += violations(part)
                elif _outside(part, limits):
                    found.append(field.name)
    return found


def _outside(value: object, limits: constraints_pb2.Limits) -> bool:
    if isinstance(value, str):
        return limits.HasField("max_bytes") and len(value.encode()) > limits.max_bytes
    if isinstance(value, bytes):
        return limits.HasField("max_bytes") and len(value) > limits.max_bytes
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return True
    return (limits.HasField("min") and value < limits.min) or (
        limits.HasField("max") and value > limits.max
    )


# --- random messages ---


def fill(message: Message, rng: random.Random, depth: int = 0) -> None:
    """Sets a random part of the fields, mostly within limits."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.4:
            continue
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        if entry:
            for key in rng.sample(["a", "b", "c", ""], rng.randrange(4)):
                value = field.message_type.fields_by_name["value"]
                getattr(message, field.name)[key] = scalar(value, rng)
        elif field.is_repeated:
            for _ in range(rng.randrange(5)):
                fill(getattr(message, field.name).add(), rng, depth + 1)
        elif field.message_type is not None:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), rng, depth + 1)
        else:
            setattr(message, field.name, scalar(field, rng))


def scalar(field: FieldDescriptor, rng: random.Random) -> Any:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return rng.choice([b"", b"\xff\x00", b"x" * 300 if rng.random() < 0.1 else b"y"])
        case FieldDescriptor.CPPTYPE_STRING:
            return rng.choice(
                ["", "a", "é中😀", "x" * 40, "x" * 300 if rng.random() < 0.1 else "y"]
            )
        case FieldDescriptor.CPPTYPE_BOOL:
            return rng.random() < 0.5
        case FieldDescriptor.CPPTYPE_DOUBLE:
            return rng.choice(
                [0.0, 0.25, 1.0, 0.5] + ([-3.0, math.nan] if rng.random() < 0.05 else [])
            )
        case FieldDescriptor.CPPTYPE_ENUM:
            return rng.choice([0, 1, 2, 77] if field.name != "stage" else [0, 1, 2, 3, 4])
        case FieldDescriptor.CPPTYPE_INT64:
            return rng.choice([0, 1, 300, 2**40, 2**63 - 1] + ([-1] if rng.random() < 0.05 else []))
        case _:
            return rng.choice([0, 1, 7, 300] + ([-1, 2**31 - 1] if rng.random() < 0.05 else []))


def encode(message: Message) -> bytes:
    """The same bytes in every run: maps are written in order."""
    return message.SerializeToString(deterministic=True)


def random_request(rng: random.Random) -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest()
    fill(request, rng)
    return request


def damage(data: bytes, rng: random.Random) -> bytes:
    """One mistake: a changed, lost or added byte, a cut, a repetition, an unknown field."""
    at = rng.randrange(len(data) + 1)
    unknown = [
        b"\xf8\x3f\x05",
        b"\xfa\x3f\x02hi",
        b"\xfb\x3f\x08\x01\xfc\x3f",
        b"\x0b\x0c",
        b"\x00",
    ]
    match rng.randrange(6):
        case 0:
            changed = bytearray(data)
            if changed:
                changed[at % len(changed)] ^= 1 << rng.randrange(8)
            return bytes(changed)
        case 1:
            return data[:at]
        case 2:
            return data[:at] + bytes([rng.randrange(256)]) + data[at:]
        case 3:
            return data + data
        case 4:
            return data + rng.choice(unknown)
        case _:
            return data[:at] + rng.choice(unknown) + data[at:]


# Sentences of the checks that go beyond protobuf's.
STRICTER = (
    "another type on the wire",
    "is NaN",
    "is infinite",
    "is allowed",
    "are allowed",
    "entries",
    "more than a key and a value",
)


def check(engine: Any, data: bytes) -> str:
    """Compares both parsers on `data`; says how it went."""
    try:
        parsed = scoring_pb2.ScoreRequest.FromString(data)
    except DecodeError:
        parsed = None
    try:
        values = list(engine.trace(data).values())
    except _native.StatusError as error:
        code, message, _ = error.args
        assert code == INVALID_ARGUMENT
        if parsed is not None:
            assert any(words in message for words in STRICTER), message
            # What protobuf dropped or replaced cannot be found in its message any more.
            about_bytes = "another type on the wire" in message or '["' in message
            if not about_bytes and not _merged(data):
                assert violations(parsed), message
        return "refused"
    assert parsed is not None, "protobuf refuses what the core accepts"
    assert values == said_by(parsed)
    return "accepted"


def _merged(data: bytes) -> bool:
    """Whether a value was sent twice, so that a refused one may have been replaced."""
    return scoring_pb2.ScoreRequest.FromString(data).ByteSize() < len(data)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_requests_read_as_protobuf_reads_them(engine: Any, seed: int) -> None:
    rng = random.Random(seed)
    outcomes = []
    for _ in range(MESSAGES):
        request = random_request(rng)
        data = encode(request)
        outcomes.append(check(engine, data))
        assert (outcomes[-1] == "refused") == bool(violations(request))
    assert "accepted" in outcomes


@pytest.mark.parametrize("seed", range(SEEDS))
def test_damaged_requests_are_refused_where_protobuf_refuses_them(engine: Any, seed: int) -> None:
    rng = random.Random(1000 + seed)
    outcomes = []
    for _ in range(MESSAGES):
        data = random_request(rng).SerializeToString(deterministic=True)
        outcomes += [check(engine, damage(data, rng)) for _ in range(DAMAGED)]
    assert {"accepted", "refused"} == set(outcomes)


def test_random_bytes_never_crash(engine: Any) -> None:
    rng = random.Random(7)
    for _ in range(20_000):
        check(engine, rng.randbytes(rng.randrange(40)))


def test_a_message_in_two_pieces_merges(engine: Any) -> None:
    one, two = scoring_pb2.ScoreRequest(), scoring_pb2.ScoreRequest()
    one.application.income_sources.add(monthly_amount_fen=1)
    one.application.identity.age_years = 30
    two.application.income_sources.add(monthly_amount_fen=2)
    two.application.income_sources.add(reliability=0.5)
    two.application.identity.age_years = 31
    data = encode(one) + encode(two)
    assert check(engine, data) == "accepted"


def test_the_last_value_of_a_map_key_wins(engine: Any) -> None:
    one, two = scoring_pb2.ScoreRequest(), scoring_pb2.ScoreRequest()
    one.application.signals["a"] = 1.0
    two.application.signals["a"] = 2.0
    assert check(engine, encode(one) + encode(two)) == "accepted"


# --- named kinds of bad input: issue section "Bad input" ---


def refused(engine: Any, data: bytes) -> tuple[str, str]:
    with pytest.raises(_native.StatusError) as caught:
        engine.score(data)
    code, message, fields = caught.value.args
    assert code == INVALID_ARGUMENT
    return message, fields[0][0] if fields else ""


def test_an_infinite_number_is_refused_with_its_path(engine: Any) -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.behaviour.spend_trend = math.inf
    message, field = refused(engine, encode(request))
    assert field == "application.behaviour.spend_trend"
    assert "infinite" in message


def test_nan_in_a_map_is_refused_with_its_key(engine: Any) -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.signals["speed"] = math.nan
    _, field = refused(engine, encode(request))
    assert field == 'application.signals["speed"]'


def test_a_negative_amount_is_refused_with_its_position(engine: Any) -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.income_sources.add()
    request.application.income_sources.add(monthly_amount_fen=-5)
    message, field = refused(engine, encode(request))
    assert field == "application.income_sources[1].monthly_amount_fen"
    assert "-5" in message


def test_ten_thousand_entries_are_refused(engine: Any) -> None:
    request = scoring_pb2.ScoreRequest()
    for _ in range(10_000):
        request.application.bureau.accounts.add()
    message, field = refused(engine, encode(request))
    assert field == "application.bureau.accounts"
    assert "512" in message


def test_a_field_of_another_wire_type_is_refused(engine: Any) -> None:
    # application.loan.amount_fen (21.2) as text
    data = bytes.fromhex("1a06aa010312 01 35".replace(" ", ""))
    _, field = refused(engine, data)
    assert field == "application.loan.amount_fen"


def test_text_that_is_no_utf8_is_refused_with_its_path(engine: Any) -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.location.gps_city = "abc"
    data = encode(request).replace(b"abc", b"a\xffc")
    message, field = refused(engine, data)
    assert field == "application.location.gps_city"
    assert "UTF-8" in message


def test_cut_bytes_are_refused_with_the_place_of_the_damage(engine: Any) -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.income_sources.add(monthly_amount_fen=300)
    message, _ = refused(engine, encode(request)[:-1])
    assert "byte" in message


def test_absent_sections_are_no_error(engine: Any) -> None:
    assert engine.score(b"")
    assert engine.score(encode(scoring_pb2.ScoreRequest(request_id="x")))
