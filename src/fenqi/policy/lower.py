"""From a checked expression to instructions.

Missing is never zero: a field that is unset reads as missing, and missing passes through every
operation until `has()`, a feature's `default` or a model takes it up. What the machine cannot do
yet is refused here, with its place.

Limits: an expression nests at most MOST_NESTING deep, a policy has at most
`program.MOST_INSTRUCTIONS` instructions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.check import CheckFailure
from fenqi.policy.program import (
    NOWHERE,
    Constant,
    ConstantSet,
    Operand,
    Place,
    ProgramBuilder,
    Slot,
)
from fenqi.policy.row import Key, RowSlot, Step, message_descriptor
from fenqi.policy.tables.image import (
    ListPart,
    LookupPart,
    emit_in_list,
    emit_in_lookup,
    emit_lookup,
)
from fenqi.v1 import application_pb2, scoring_pb2

MOST_NESTING = 200
REQUEST = message_descriptor(scoring_pb2.ScoreRequest)
APPLICATION = message_descriptor(application_pb2.Application)
PROTECTED = ("application", "protected_attributes")
SCALARS = ("bool", "int", "uint", "double", "string")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value in a register."""

    operand: Operand
    type: str


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


Found = Scalar | Message | Repeated
Lowered = Found | ListName | LookupName

_FIELD_TYPES = {
    FieldDescriptor.CPPTYPE_BOOL: "bool",
    FieldDescriptor.CPPTYPE_INT32: "int",
    FieldDescriptor.CPPTYPE_INT64: "int",
    FieldDescriptor.CPPTYPE_ENUM: "int",
    FieldDescriptor.CPPTYPE_UINT32: "uint",
    FieldDescriptor.CPPTYPE_UINT64: "uint",
    FieldDescriptor.CPPTYPE_FLOAT: "double",
    FieldDescriptor.CPPTYPE_DOUBLE: "double",
    FieldDescriptor.CPPTYPE_STRING: "string",
}

_ARITHMETIC = {"_+_": "ADD", "_-_": "SUB", "_*_": "MUL", "_/_": "DIV", "_%_": "MOD"}
# Comparison: the operation, and whether its sides are swapped.
_COMPARISONS = {
    "_==_": ("EQ", False),
    "_!=_": ("NE", False),
    "_<_": ("LT", False),
    "_<=_": ("LE", False),
    "_>_": ("LT", True),
    "_>=_": ("LE", True),
}
_CONVERSIONS = ("int", "uint", "double", "string", "bool")
# Functions that are one operation, by name and argument types: operation and result.
_FUNCTIONS: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {
    ("size", ("string",)): ("SIZE_STRING", "int"),
    ("contains", ("string", "string")): ("CONTAINS", "bool"),
    ("startsWith", ("string", "string")): ("STARTS_WITH", "bool"),
    ("endsWith", ("string", "string")): ("ENDS_WITH", "bool"),
    ("charAt", ("string", "int")): ("CHAR_AT", "string"),
    ("indexOf", ("string", "string", "int")): ("INDEX_OF", "int"),
    ("lastIndexOf", ("string", "string")): ("LAST_INDEX_OF", "int"),
    ("lastIndexOf", ("string", "string", "int")): ("LAST_INDEX_OF_FROM", "int"),
    ("lowerAscii", ("string",)): ("LOWER_ASCII", "string"),
    ("upperAscii", ("string",)): ("UPPER_ASCII", "string"),
    ("trim", ("string",)): ("TRIM", "string"),
    ("substring", ("string", "int")): ("SUBSTRING", "string"),
    ("substring", ("string", "int", "int")): ("SUBSTRING_TO", "string"),
    ("replace", ("string", "string", "string")): ("REPLACE", "string"),
    ("reverse", ("string",)): ("REVERSE", "string"),
    ("math.abs", ("int",)): ("ABS_INT", "int"),
    ("math.abs", ("double",)): ("ABS_DOUBLE", "double"),
    ("math.sign", ("int",)): ("SIGN_INT", "int"),
    ("math.sign", ("uint",)): ("SIGN_UINT", "uint"),
    ("math.sign", ("double",)): ("SIGN_DOUBLE", "double"),
    ("math.ceil", ("double",)): ("CEIL", "double"),
    ("math.floor", ("double",)): ("FLOOR", "double"),
    ("math.round", ("double",)): ("ROUND", "double"),
    ("math.trunc", ("double",)): ("TRUNC", "double"),
    ("math.sqrt", ("double",)): ("SQRT", "double"),
    ("math.isNaN", ("double",)): ("IS_NAN", "bool"),
    ("math.isInf", ("double",)): ("IS_INF", "bool"),
    ("math.isFinite", ("double",)): ("IS_FINITE", "bool"),
}


class Lowering:
    """Lowers expressions into one builder. `names` are the values that expressions may use."""

    def __init__(self, builder: ProgramBuilder) -> None:
        self._builder = builder
        self.names: dict[str, Lowered] = {
            "request": Message((), REQUEST),
            "application": Message(("application",), APPLICATION),
        }

    def lower(self, checked: CheckedExpr, locate: Callable[[int, int], Place]) -> Scalar:
        """The value of `checked`; `locate` gives the place of a line and column in its text.

        Raises CheckFailure for what is not supported yet, or must not be read.
        """
        result = _Expression(self._builder, self.names, checked, locate).lower(checked.expr, 0)
        if not isinstance(result, Scalar):
            raise CheckFailure(1, 1, "an expression must give a number, a text, true or false")
        return result


class _Expression:
    """One expression on its way."""

    def __init__(
        self,
        builder: ProgramBuilder,
        names: dict[str, Lowered],
        checked: CheckedExpr,
        locate: Callable[[int, int], Place],
    ) -> None:
        self._builder = builder
        self._names = names
        self._checked = checked
        self._locate = locate

    # --- nodes ---

    def lower(self, expr: Expr, depth: int) -> Lowered:
        if depth > MOST_NESTING:
            raise self._refuse(expr, f"nested more than {MOST_NESTING} deep")
        match expr.WhichOneof("expr_kind"):
            case "const_expr":
                return self._constant(expr)
            case "ident_expr":
                return self._name(expr)
            case "select_expr":
                return self._select(expr, depth)
            case "call_expr":
                return self._call(expr, depth)
            case "list_expr":
                raise self._unsupported(expr, "a list outside of `in`")
            case "struct_expr":
                raise self._unsupported(expr, "making a message or map")
            case _:
                raise self._unsupported(expr, "a macro over a list or map")

    def _constant(self, expr: Expr) -> Scalar:
        constant = expr.const_expr
        kind = constant.WhichOneof("constant_kind")
        types = {
            "bool_value": "bool",
            "int64_value": "int",
            "uint64_value": "uint",
            "double_value": "double",
            "string_value": "string",
        }
        if kind not in types:
            raise self._unsupported(expr, "a constant of this type")
        return Scalar(Constant(types[kind], getattr(constant, kind)), types[kind])

    def _name(self, expr: Expr) -> Lowered:
        reference = self._checked.reference_map[expr.id]
        if reference.HasField("value"):  # an enum's value
            return Scalar(Constant("int", reference.value.int64_value), "int")
        if (known := self._names.get(expr.ident_expr.name)) is None:
            raise self._unsupported(expr, f"the name {expr.ident_expr.name}")
        return known

    def _select(self, expr: Expr, depth: int) -> Lowered:
        select = expr.select_expr
        if expr.id in self._checked.reference_map:  # a qualified name
            return self._name(expr)
        operand = self.lower(select.operand, depth + 1)
        if isinstance(operand, Repeated) and operand.is_map:
            entry = self._map_entry(operand, select.field)
            return self._present(entry) if select.test_only else entry
        if not isinstance(operand, Message):
            raise self._unsupported(expr, f"selecting .{select.field} here")
        found = self._field(expr, operand, select.field)
        return self._has(found) if select.test_only else found

    def _field(self, expr: Expr, message: Message, name: str) -> Found:
        path = (*message.path, name)
        if path[:2] == PROTECTED:
            raise self._refuse(expr, "a policy must not read protected attributes")
        field = message.descriptor.fields_by_name[name]
        if field.is_repeated:
            return Repeated(path, field)
        if field.message_type is not None:
            return Message(path, field.message_type)
        return self._value(expr, path, field)

    def _value(self, expr: Expr, path: tuple[Step, ...], field: FieldDescriptor) -> Scalar:
        if field.type == FieldDescriptor.TYPE_BYTES:
            raise self._unsupported(expr, "bytes")
        return Scalar(Slot(RowSlot(path)), _FIELD_TYPES[field.cpp_type])

    def _map_entry(self, mapping: Repeated, key: str) -> Scalar:
        entry = mapping.field.message_type
        assert entry is not None, "a map's entries are messages"
        value = entry.fields_by_name["value"]
        return Scalar(Slot(RowSlot((*mapping.path, Key(key)))), _FIELD_TYPES[value.cpp_type])

    def _has(self, found: Found) -> Scalar:
        match found:
            case Scalar():
                return self._present(found)
            case Message(path):
                return self._present(Scalar(Slot(RowSlot(path, "presence")), "bool"))
            case Repeated():
                zero = Constant("int", 0)
                known = self._builder.emit(image.OP_DEFAULT, self._count(found).operand, zero)
                return Scalar(self._builder.emit(image.OP_LT_INT, zero, known), "bool")

    def _present(self, value: Scalar) -> Scalar:
        return Scalar(self._builder.emit(image.OP_PRESENT, value.operand), "bool")

    def _count(self, repeated: Repeated) -> Scalar:
        return Scalar(Slot(RowSlot(repeated.path, "count")), "int")

    # --- calls ---

    def _call(self, expr: Expr, depth: int) -> Lowered:
        call = expr.call_expr
        arguments = [call.target, *call.args] if call.HasField("target") else list(call.args)
        match call.function:
            case "_[_]":
                return self._index(expr, depth)
            case "@in":
                return self._membership(expr, depth)
            case "math.@max" | "math.@min":
                return self._extreme(expr, depth)
            case "size" if isinstance(counted := self.lower(arguments[0], depth + 1), Repeated):
                return self._count(counted)
        values = [self._scalar(argument, depth) for argument in arguments]
        return self._operation(expr, call.function, values)

    def _scalar(self, expr: Expr, depth: int) -> Scalar:
        value = self.lower(expr, depth + 1)
        if not isinstance(value, Scalar):
            raise self._unsupported(expr, "a whole message, list or map as a value")
        return value

    def _operation(self, expr: Expr, function: str, values: list[Scalar]) -> Scalar:
        types = tuple(value.type for value in values)
        match function:
            case "_&&_" | "_||_":
                return self._emit(expr, "AND" if function == "_&&_" else "OR", "bool", values)
            case "!_":
                return self._emit(expr, "NOT", "bool", values)
            case "_?_:_" if types[1] == types[2]:
                return self._emit(expr, "SELECT", types[1], values)
            case "-_":
                return self._emit(expr, f"NEG_{types[0].upper()}", types[0], values)
        if function in _ARITHMETIC and len(set(types)) == 1:
            return self._emit(expr, f"{_ARITHMETIC[function]}_{types[0].upper()}", types[0], values)
        if function in _COMPARISONS and len(set(types)) == 1:
            name, swapped = _COMPARISONS[function]
            sides = values[::-1] if swapped else values
            return self._emit(expr, f"{name}_{types[0].upper()}", "bool", sides)
        if function in _CONVERSIONS and len(types) == 1:
            if types[0] == function:
                return values[0]
            return self._emit(expr, f"{types[0].upper()}_TO_{function.upper()}", function, values)
        if function == "math.abs" and types == ("uint",):
            return values[0]
        if function == "indexOf" and types == ("string", "string"):
            values = [*values, Scalar(Constant("int", 0), "int")]
            types = (*types, "int")
        if (known := _FUNCTIONS.get((function, types))) is not None:
            name, result = known
            return self._emit(expr, name, result, values)
        raise self._unsupported(expr, f"{function.strip('_@')} of {', '.join(types)}")

    def _emit(self, expr: Expr, name: str, result: str, values: list[Scalar]) -> Scalar:
        try:
            op = image.Op.Value(f"OP_{name}")
        except ValueError:
            raise self._unsupported(expr, f"the operation {name}") from None
        line, column = self._position(expr)
        operands = (value.operand for value in values)
        return Scalar(self._builder.emit(op, *operands, place=self._locate(line, column)), result)

    def _index(self, expr: Expr, depth: int) -> Lowered:
        operand = self.lower(expr.call_expr.args[0], depth + 1)
        if isinstance(operand, LookupName):
            key = self._key(expr.call_expr.args[1], depth, operand)
            at = self._locate(*self._position(expr))
            found = emit_lookup(self._builder, operand.part, operand.column, key, at)
            return Scalar(found, operand.type)
        index = expr.call_expr.args[1].const_expr
        kind = index.WhichOneof("constant_kind")
        if isinstance(operand, Repeated) and operand.is_map and kind == "string_value":
            return self._map_entry(operand, index.string_value)
        if isinstance(operand, Repeated) and not operand.is_map and kind == "int64_value":
            if not 0 <= index.int64_value < 2**31:
                raise self._refuse(expr, "an index below 0 or above 2147483647")
            path = (*operand.path, int(index.int64_value))
            if operand.field.message_type is not None:
                return Message(path, operand.field.message_type)
            return self._value(expr, path, operand.field)
        raise self._unsupported(expr, "an index that is no constant")

    def _membership(self, expr: Expr, depth: int) -> Scalar:
        wanted, container = expr.call_expr.args
        if container.WhichOneof("expr_kind") == "list_expr":
            return self._in_list(expr, self._scalar(wanted, depth), container)
        found = self.lower(container, depth + 1)
        if isinstance(found, ListName | LookupName):
            value = self._key(wanted, depth, found)
            at = self._locate(*self._position(expr))
            if isinstance(found, ListName):
                return Scalar(emit_in_list(self._builder, found.part, value, at), "bool")
            return Scalar(emit_in_lookup(self._builder, found.part, value, at), "bool")
        key = wanted.const_expr
        is_text = key.WhichOneof("constant_kind") == "string_value"
        if isinstance(found, Repeated) and found.is_map and is_text:
            return self._present(self._map_entry(found, key.string_value))
        raise self._unsupported(expr, "`in` of anything but a list of constants or a map's key")

    def _key(self, expr: Expr, depth: int, of: ListName | LookupName) -> Operand:
        value = self._scalar(expr, depth)
        wanted = of.part.values.type if isinstance(of, ListName) else of.part.lookup.key_type
        if value.type != wanted:
            raise self._refuse(expr, f"a {wanted} is looked up here; this is a {value.type}")
        return value.operand

    def _in_list(self, expr: Expr, value: Scalar, container: Expr) -> Scalar:
        members = []
        for element in container.list_expr.elements:
            member = self.lower(element, 0)
            if not isinstance(member, Scalar) or not isinstance(member.operand, Constant):
                raise self._unsupported(element, "`in` of a list that holds more than constants")
            if member.type != value.type:
                raise self._unsupported(element, f"{value.type} `in` a list of {member.type}")
            members.append(member.operand.value)
        if value.type == "bool":
            raise self._unsupported(expr, "bool `in` a list")
        # NaN equals nothing, and would spoil the order.
        distinct = {member for member in members if member == member}
        order = (lambda m: str(m).encode()) if value.type == "string" else None
        chosen = ConstantSet(value.type, tuple(sorted(distinct, key=order)))
        op = image.Op.Value(f"OP_IN_{value.type.upper()}")
        return Scalar(self._builder.emit(op, value.operand, members=chosen), "bool")

    def _extreme(self, expr: Expr, depth: int) -> Scalar:
        arguments = list(expr.call_expr.args)
        if len(arguments) == 1 and arguments[0].WhichOneof("expr_kind") == "list_expr":
            arguments = list(arguments[0].list_expr.elements)
        values = [self._scalar(argument, depth) for argument in arguments]
        if not values or len({value.type for value in values}) != 1:
            raise self._unsupported(expr, "greatest or least of mixed types")
        name = "GREATEST" if expr.call_expr.function == "math.@max" else "LEAST"
        result = values[0]
        for value in values[1:]:
            result = self._emit(expr, f"{name}_{result.type.upper()}", result.type, [result, value])
        return result

    # --- where ---

    def _position(self, expr: Expr) -> tuple[int, int]:
        """Line and column of a node in the expression's text, from 1."""
        source = self._checked.source_info
        offset = source.positions.get(expr.id, 0)
        start, line = 0, 1
        for end in source.line_offsets:
            if end > offset:
                break
            start, line = end, line + 1
        return line, offset - start + 1

    def _refuse(self, expr: Expr, message: str) -> CheckFailure:
        return CheckFailure(*self._position(expr), message)

    def _unsupported(self, expr: Expr, what: str) -> CheckFailure:
        return self._refuse(expr, f"{what} is not supported yet")


def default_of(builder: ProgramBuilder, value: Scalar, default: bool | int | float | str) -> Scalar:
    """`value`, or `default` where it is missing.

    Raises ValueError for a default of another type.
    """
    if value.type == "double" and isinstance(default, int) and not isinstance(default, bool):
        default = float(default)
    wanted = {"bool": bool, "int": int, "uint": int, "double": float, "string": str}[value.type]
    if type(default) is not wanted:
        raise ValueError(f"the default must be of type {value.type}")
    operand = builder.emit(
        image.OP_DEFAULT, value.operand, Constant(value.type, default), place=NOWHERE
    )
    return Scalar(operand, value.type)
