"""From an expression to instructions.

Missing is never zero: a field that is unset reads as missing, and missing passes through every
operation until `has()`, a feature's `default` or a model takes it up. Where types are known, the
instructions are typed; where they are not, operations find out at run time.

Limits: an expression nests at most MOST_NESTING deep, a list or map that it spells out has at most
MOST_ELEMENTS elements, a policy has at most `program.MOST_INSTRUCTIONS` instructions. What
comprehensions may cost is bounded at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr, ParsedExpr
from fenqi.policy.check import CONTAINER, CheckFailure
from fenqi.policy.functions import BY_COUNT, DEFAULTS, TYPED, Function
from fenqi.policy.messages import PROTECTED_FIELD, is_readable
from fenqi.policy.names import Names
from fenqi.policy.program import (
    MISSING,
    NOWHERE,
    Arguments,
    BlockVariable,
    Constant,
    ConstantSet,
    MessageType,
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
from fenqi.policy.types import SCALARS, type_arguments, type_kind, type_name
from fenqi.policy.wellknown import WELL_KNOWN, Making
from fenqi.v1 import application_pb2, scoring_pb2

MOST_NESTING = 200
MOST_ELEMENTS = 10_000
MOST_NESTED_COMPREHENSIONS = 16
REQUEST = message_descriptor(scoring_pb2.ScoreRequest)
APPLICATION = message_descriptor(application_pb2.Application)
PROTECTED = ("application", PROTECTED_FIELD)


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
}
# a > b is b < a.
_SWAPPED = {"_>_": "_<_", "_>=_": "_<=_"}
NONE = Constant("optional", ())


Gate = Callable[[tuple[Step, ...], Operand], Operand]


class Lowering:
    """Lowers expressions into one builder. `names` are the values that expressions may use."""

    def __init__(
        self,
        builder: ProgramBuilder,
        names: dict[str, Lowered] | None = None,
        container: str = CONTAINER,
    ) -> None:
        self._builder = builder
        self._container = container
        # What becomes of a message or list of the request that is read as a value, by its path.
        self.gate: Gate = lambda path, value: value
        self.names: dict[str, Lowered] = (
            names
            if names is not None
            else {
                "request": Message((), REQUEST),
                "application": Message(("application",), APPLICATION),
            }
        )

    def lower(
        self, expression: CheckedExpr | ParsedExpr, locate: Callable[[int, int], Place]
    ) -> Scalar:
        """The value of an expression; `locate` gives the place of a line and column in its text.

        Raises CheckFailure for what the core cannot do, or must not read.
        """
        names = Names(self.names.keys(), self._container)
        lowering = _Expression(self._builder, self.names, names, expression, locate, self.gate)
        return lowering.value(expression.expr, 0)


class _Expression:
    """One expression on its way."""

    def __init__(
        self,
        builder: ProgramBuilder,
        globals_: dict[str, Lowered],
        names: Names,
        expression: CheckedExpr | ParsedExpr,
        locate: Callable[[int, int], Place],
        gate: Gate,
    ) -> None:
        self._builder = builder
        self._gate = gate
        self._globals = globals_
        self._names = names
        self._source = expression.source_info
        self._checked = expression if isinstance(expression, CheckedExpr) else None
        self._locate = locate
        # What comprehensions and cel.bind declare, the innermost last.
        self._locals: list[tuple[str, Lowered]] = []
        self._comprehensions = 0

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
                return self._list(expr, depth)
            case "struct_expr":
                return self._struct(expr, depth)
            case "comprehension_expr":
                return self._comprehension(expr, depth)
            case kind:
                raise self._refuse(expr, f"nothing that can be computed ({kind})")

    def value(self, expr: Expr, depth: int) -> Scalar:
        """The expression as a value of its own."""
        return self._as_value(expr, self.lower(expr, depth + 1))

    def _constant(self, expr: Expr) -> Scalar:
        constant = expr.const_expr
        kind = constant.WhichOneof("constant_kind")
        if kind == "null_value":
            return Scalar(Constant("null", None), "null")
        name = {"int64_value": "int", "uint64_value": "uint"}.get(kind, kind.removesuffix("_value"))
        return Scalar(Constant(name, getattr(constant, kind)), name)

    def _type_of(self, expr: Expr) -> str:
        """What the checker says; "dyn" where it says nothing."""
        if self._checked is None or expr.id not in self._checked.type_map:
            return "dyn"
        return type_name(self._checked.type_map[expr.id])

    def _typed(self, expr: Expr, operand: Operand, *, is_field: bool = False) -> Scalar:
        """A value of any kind, as the scalar that the checker says it is."""
        return self._of_type(expr, operand, self._type_of(expr), is_field=is_field)

    def _of_type(
        self, expr: Expr, operand: Operand, kind: str, *, is_field: bool = False
    ) -> Scalar:
        if kind in SCALARS:
            return self._emit(expr, f"AS_{kind.upper()}", kind, operand)
        return Scalar(operand, kind, is_field)

    # --- names ---

    def _name(self, expr: Expr) -> Lowered:
        name = expr.ident_expr.name
        for local, found in reversed(self._locals):
            if local == name:
                return self._of_local(expr, found)
        if self._checked is None:
            return self._resolved(expr, [name])
        reference = self._checked.reference_map[expr.id]
        if reference.HasField("value"):  # an enum's value
            return Scalar(Constant("int", reference.value.int64_value), "int")
        name = (reference.name or name).removeprefix(".")
        if (known := self._globals.get(name)) is not None:
            return known
        if self._type_of(expr) == "type":
            return Scalar(Constant("type", name), "type")
        raise self._refuse(expr, f"the name {name} has no value")

    def _of_local(self, expr: Expr, found: Lowered) -> Lowered:
        """A comprehension's variable is of any kind; its type says which."""
        if not isinstance(found, Scalar) or not isinstance(found.operand, BlockVariable):
            return found
        if found.operand.name == "accumulator":
            return found
        return self._of_type(expr, found.operand, found.type)

    def _resolved(self, expr: Expr, parts: list[str]) -> Lowered:
        """A dotted name without a checker's word for it: the longest one that is known, and then
        fields of it.
        """
        found = self._names.resolve(parts)
        if found is None:
            return self._unknown(expr)
        used = len(found.parts)
        value: Lowered
        if found.constant is not None:
            value = Scalar(found.constant, found.constant.type)
        else:
            value = self._globals[found.name]
        for field in parts[used:]:
            value = self._select_from(expr, value, field)
        return value

    def _unknown(self, expr: Expr) -> Scalar:
        """What nobody knows, where nobody checked: an error when it is computed."""
        return self._emit(expr, "UNKNOWN_FUNCTION", "dyn")

    # --- fields ---

    def _select(self, expr: Expr, depth: int) -> Lowered:
        select = expr.select_expr
        if self._checked is None:
            parts = self._dotted(expr)
            if parts is not None and not select.test_only:
                return self._resolved(expr, parts)
        elif expr.id in self._checked.reference_map:  # a qualified name
            return self._name(expr)
        operand = self.lower(select.operand, depth + 1)
        if not select.test_only:
            return self._select_from(expr, operand, select.field)
        return self._has(expr, operand, select.field)

    def _dotted(self, expr: Expr) -> list[str] | None:
        """The parts of a dotted name that begins with no comprehension's variable."""
        parts: list[str] = []
        while expr.WhichOneof("expr_kind") == "select_expr" and not expr.select_expr.test_only:
            parts.append(expr.select_expr.field)
            expr = expr.select_expr.operand
        name = expr.ident_expr.name
        if not name or any(local == name for local, _ in self._locals):
            return None
        return [name, *reversed(parts)]

    def _select_from(self, expr: Expr, operand: Lowered, name: str) -> Lowered:
        match operand:
            case Message():
                return self._field(expr, operand, name)
            case Repeated() if operand.is_map:
                return self._map_entry(operand, name)
            case _:
                value = self._as_value(expr, operand)
                self._check_protected(expr, value.type, name)
                is_message = "." in value.type and "(" not in value.type
                op = "INDEX_FIELD" if value.is_field else "FIELD"  # of a map of a message
                found = self._emit(expr, op, "dyn", value.operand, Constant("string", name))
                return self._typed(expr, found.operand, is_field=is_message)

    def _check_protected(self, expr: Expr, kind: str, name: str) -> None:
        may_be_application = APPLICATION.full_name in kind or "dyn" in kind
        if name == PROTECTED_FIELD and may_be_application:
            raise self._refuse(expr, "a policy must not read protected attributes")

    def _field(self, expr: Expr, message: Message, name: str) -> Lowered:
        if message.descriptor.full_name == APPLICATION.full_name and name == PROTECTED_FIELD:
            raise self._refuse(expr, "a policy must not read protected attributes")
        path = (*message.path, name)
        field = message.descriptor.fields_by_name.get(name)
        if field is None:
            raise self._refuse(expr, f"{message.descriptor.full_name} has no field {name}")
        if field.is_repeated:
            return Repeated(path, field, self._type_of(expr))
        if field.message_type is not None:
            return Message(path, field.message_type)
        return Scalar(Slot(RowSlot(path)), _field_type(field))

    def _map_entry(self, mapping: Repeated, key: str) -> Scalar:
        entry = mapping.field.message_type
        assert entry is not None, "a map's entries are messages"
        value = entry.fields_by_name["value"]
        return Scalar(Slot(RowSlot((*mapping.path, Key(key)))), _field_type(value))

    def _has(self, expr: Expr, operand: Lowered, name: str) -> Scalar:
        match operand:
            case Message():
                return self._is_set(self._field(expr, operand, name))
            case Repeated() if operand.is_map:
                return self._present(self._map_entry(operand, name))
            case _:
                value = self._as_value(expr, operand)
                self._check_protected(expr, value.type, name)
                name_of_field = Constant("string", name)
                return self._emit(expr, "HAS_FIELD", "bool", value.operand, name_of_field)

    def _is_set(self, found: Lowered) -> Scalar:
        match found:
            case Scalar():
                return self._present(found)
            case Message(path):
                return self._present(Scalar(Slot(RowSlot(path, "presence")), "bool"))
            case Repeated():
                zero = Constant("int", 0)
                known = self._builder.emit(image.OP_DEFAULT, self._count(found).operand, zero)
                return Scalar(self._builder.emit(image.OP_LT_INT, zero, known), "bool")
            case ListName() | LookupName():
                raise AssertionError("no field is a list or lookup of the policy")

    def _present(self, value: Scalar) -> Scalar:
        return Scalar(self._builder.emit(image.OP_PRESENT, value.operand), "bool")

    def _count(self, repeated: Repeated) -> Scalar:
        return Scalar(Slot(RowSlot(repeated.path, "count")), "int")

    def _as_value(self, expr: Expr, lowered: Lowered) -> Scalar:
        """Messages and lists of the request as values."""
        match lowered:
            case Scalar():
                return lowered
            case Repeated(path, _, kind):
                return Scalar(self._view(expr, path), kind, is_field=True)
            case Message(path, descriptor):
                if descriptor.full_name in (REQUEST.full_name, APPLICATION.full_name):
                    raise self._refuse(
                        expr,
                        f"a whole {descriptor.name} as a value holds protected attributes, which a "
                        "policy must not read; select the fields that you need",
                    )
                return Scalar(self._view(expr, path), descriptor.full_name)
            case ListName():
                raise self._refuse(expr, "a list of the policy has no use but `value in` it")
            case LookupName():
                raise self._refuse(expr, "a lookup has no use but `lookup[key]` and `key in` it")

    def _view(self, expr: Expr, path: tuple[Step, ...]) -> Operand:
        """What stands at a path of the request, read from its bytes."""
        self._builder.messages.add(REQUEST)
        root = MessageType(REQUEST.full_name)
        found: Operand = self._builder.emit(image.OP_REQUEST, 0, root)
        for step in path:
            match step:
                case str():
                    word, op = Constant("string", step), "FIELD"
                case int():
                    word, op = Constant("int", step), "INDEX_FIELD"
                case Key(text):
                    word, op = Constant("string", text), "INDEX_FIELD"
            found = self._emit(expr, op, "dyn", found, word).operand
        return self._gate(path, found)

    # --- calls ---

    def _call(self, expr: Expr, depth: int) -> Lowered:
        call = expr.call_expr
        name = call.function
        arguments = [call.target, *call.args] if call.HasField("target") else list(call.args)
        if self._checked is None and call.HasField("target"):
            parts = self._dotted(call.target)
            if parts is not None:
                qualified = self._names.function(parts, name)
                if qualified is not None:
                    name, arguments = qualified, list(call.args)
        match name, len(arguments):
            case "_[_]", 2:
                return self._index(expr, arguments[0], arguments[1], depth)
            case (("_[?_]" | "_?._"), 2):
                return self._optional_select(expr, name, arguments, depth)
            case "@in", 2:
                return self._membership(expr, arguments[0], arguments[1], depth)
            case "_?_:_", 3:
                return self._conditional(expr, arguments, depth)
            case (("math.@max" | "math.@min"), _):
                return self._extreme(expr, name, arguments, depth)
            case "optional.none", 0:
                return Scalar(NONE, "optional(dyn)")
            case "dyn", 1:
                value = self.value(arguments[0], depth)
                return Scalar(value.operand, "dyn")
            case "size", 1:
                counted = self.lower(arguments[0], depth + 1)
                if isinstance(counted, Repeated):
                    return self._count(counted)
                return self._operation(expr, name, [self._as_value(arguments[0], counted)])
            case "_+_", 2 if (element := _single_element(arguments[1])) is not None:
                first, second = self.value(arguments[0], depth), self.value(element, depth)
                kind = self._type_of(expr)
                return self._emit(expr, "APPEND", kind, first.operand, second.operand)
            case "cel.@mapInsert", _:
                return self._map_insert(expr, arguments, depth)
        return self._operation(expr, name, [self.value(part, depth) for part in arguments])

    def _operation(self, expr: Expr, name: str, values: list[Scalar]) -> Scalar:
        if name in _SWAPPED:
            name, values = _SWAPPED[name], values[::-1]
        types = tuple(value.type for value in values)
        if len(types) == 1 and name == types[0] and name in SCALARS:
            return values[0]
        if name == "math.abs" and types == ("uint",):
            return values[0]
        if (default := DEFAULTS.get((name, len(values)))) is not None:
            values = [*values, Scalar(Constant(*default), default[0])]
            types = tuple(value.type for value in values)
        function = TYPED.get((name, types)) or BY_COUNT.get((name, len(values)))
        if function is None:
            if self._checked is None:
                return self._unknown(expr)
            raise self._refuse(expr, f"{name.strip('_@')} of {', '.join(types)} is not supported")
        return self._apply(expr, function, values)

    def _apply(self, expr: Expr, function: Function, values: list[Scalar]) -> Scalar:
        operands = [
            value.operand if kind in ("dyn", value.type) and kind in ("dyn", *SCALARS)
            else self._emit(expr, f"AS_{kind.upper()}", kind, value.operand).operand
            for kind, value in zip(function.kinds, values, strict=True)
        ]  # fmt: skip
        if len(operands) > 3:
            result = self._emit(expr, function.operation, function.result, Arguments((*operands,)))
        else:
            result = self._emit(expr, function.operation, function.result, *operands)
        if function.result in SCALARS:
            return result
        return self._typed(expr, result.operand)

    def _emit(
        self, expr: Expr, name: str, result: str, *words: Operand | Arguments | MessageType | int
    ) -> Scalar:
        op = image.Op.Value(f"OP_{name}")
        place = self._locate(*self._position(expr))
        return Scalar(self._builder.emit(op, *words, place=place), result)

    def _conditional(self, expr: Expr, arguments: list[Expr], depth: int) -> Scalar:
        condition = self._as_bool(arguments[0], self.value(arguments[0], depth))
        if (extended := self._conditional_step(expr, condition, arguments, depth)) is not None:
            return extended
        yes, no = self.value(arguments[1], depth), self.value(arguments[2], depth)
        selected = self._emit(
            expr, "SELECT", "dyn", condition.operand, yes.operand, no.operand
        ).operand
        if yes.type == no.type:
            return Scalar(selected, yes.type)
        return self._typed(expr, selected)

    def _conditional_step(
        self, expr: Expr, condition: Scalar, arguments: list[Expr], depth: int
    ) -> Scalar | None:
        """`c ? accumulator + [x] : accumulator` of filter, map and the like: appends what an
        optional holds, so that the accumulator grows in place.
        """
        if arguments[2].ident_expr.name not in ("@result", "__result__"):
            return None
        step = arguments[1].call_expr
        if not step.args or step.args[0].ident_expr.name != arguments[2].ident_expr.name:
            return None
        accumulator = self.value(arguments[2], depth)
        if step.function == "_+_" and (element := _single_element(step.args[1])) is not None:
            added = self._if(expr, condition, self.value(element, depth))
            return self._emit(expr, "APPEND_OPTIONAL", accumulator.type, accumulator.operand, added)
        if step.function == "cel.@mapInsert" and len(step.args) == 3:
            key = self.value(step.args[1], depth)
            added = self._if(expr, condition, self.value(step.args[2], depth))
            guarded = self._emit(
                expr, "SELECT", "dyn", condition.operand, key.operand, Constant("string", "")
            )
            words = (accumulator.operand, guarded.operand, added)
            return self._emit(expr, "MAP_INSERT_OPTIONAL", accumulator.type, *words)
        return None

    def _if(self, expr: Expr, condition: Scalar, value: Scalar) -> Operand:
        held = self._emit(expr, "OPTIONAL_OF", "dyn", value.operand).operand
        return self._emit(expr, "SELECT", "dyn", condition.operand, held, NONE).operand

    def _as_bool(self, expr: Expr, value: Scalar) -> Scalar:
        return value if value.type == "bool" else self._of_type(expr, value.operand, "bool")

    # --- elements ---

    def _index(self, expr: Expr, container: Expr, at: Expr, depth: int) -> Lowered:
        operand = self.lower(container, depth + 1)
        if isinstance(operand, LookupName):
            key = self._key(at, self.value(at, depth), operand)
            place = self._locate(*self._position(expr))
            looked_up = emit_lookup(self._builder, operand.part, operand.column, key, place)
            return Scalar(looked_up, operand.type)
        kind = at.const_expr.WhichOneof("constant_kind")
        if isinstance(operand, Repeated) and operand.is_map and kind == "string_value":
            return self._map_entry(operand, at.const_expr.string_value)
        if isinstance(operand, Repeated) and not operand.is_map and kind == "int64_value":
            position = at.const_expr.int64_value
            if not 0 <= position < 2**31:
                raise self._refuse(expr, "an index below 0 or above 2147483647")
            path = (*operand.path, int(position))
            if operand.field.message_type is not None:
                return Message(path, operand.field.message_type)
            return Scalar(Slot(RowSlot(path)), _field_type(operand.field))
        value = self._as_value(container, operand)
        index = self.value(at, depth)
        op = "INDEX_FIELD" if value.is_field else "INDEX"
        found = self._emit(expr, op, "dyn", value.operand, index.operand)
        return self._typed(expr, found.operand)

    def _optional_select(self, expr: Expr, name: str, arguments: list[Expr], depth: int) -> Scalar:
        operand = self.lower(arguments[0], depth + 1)
        what = self.value(arguments[1], depth)
        if name == "_[?_]":
            value = self._as_value(arguments[0], operand)
            return self._emit(
                expr, "INDEX_OPTIONAL", self._type_of(expr), value.operand, what.operand
            )
        field = arguments[1].const_expr.string_value
        if isinstance(operand, Message):
            self._field(expr, operand, field)  # it must be there, and not be protected
            container = self._view(expr, operand.path)
        else:
            value = self._as_value(arguments[0], operand)
            self._check_protected(expr, value.type, field)
            container = value.operand
        kind = self._type_of(expr)
        if kind == f"optional({APPLICATION.full_name})":
            raise self._refuse(expr, "a whole Application as a value holds protected attributes")
        return self._emit(expr, "FIELD_OPTIONAL", kind, container, what.operand)

    def _membership(self, expr: Expr, wanted: Expr, container: Expr, depth: int) -> Scalar:
        value = self.value(wanted, depth)
        found = self.lower(container, depth + 1)
        place = self._locate(*self._position(expr))
        if isinstance(found, ListName):
            key = self._key(wanted, value, found)
            return Scalar(emit_in_list(self._builder, found.part, key, place), "bool")
        if isinstance(found, LookupName):
            key = self._key(wanted, value, found)
            return Scalar(emit_in_lookup(self._builder, found.part, key, place), "bool")
        text = wanted.const_expr
        is_text = text.WhichOneof("constant_kind") == "string_value"
        if isinstance(found, Repeated) and found.is_map and is_text:
            return self._present(self._map_entry(found, text.string_value))
        held = self._as_value(container, found)
        if isinstance(held.operand, Constant) and held.operand.type == "list":
            members = held.operand.value
            if value.type in SCALARS and all(m.type == value.type for m in members):
                return self._in_constants(value, [m.value for m in members])
        return self._emit(expr, "IN", "bool", value.operand, held.operand)

    def _key(self, expr: Expr, value: Scalar, of: ListName | LookupName) -> Operand:
        """`value`, of the type that a list holds or a lookup is asked by."""
        kind = of.part.values.type if isinstance(of, ListName) else of.part.lookup.key_type
        if value.type not in ("dyn", kind):
            raise self._refuse(expr, f"a {kind} is looked up here; this is a {value.type}")
        return (
            self._of_type(expr, value.operand, kind).operand
            if value.type == "dyn"
            else value.operand
        )

    def _in_constants(self, value: Scalar, members: list[bool | int | float | str]) -> Scalar:
        if value.type == "bool":
            members_as_list = Constant("list", tuple(Constant("bool", m) for m in members))
            return Scalar(self._builder.emit(image.OP_IN, value.operand, members_as_list), "bool")
        # NaN equals nothing, and would spoil the order.
        distinct = {member for member in members if member == member}
        order = (lambda m: str(m).encode()) if value.type == "string" else None
        chosen = ConstantSet(value.type, tuple(sorted(distinct, key=order)))
        op = image.Op.Value(f"OP_IN_{value.type.upper()}")
        return Scalar(self._builder.emit(op, value.operand, members=chosen), "bool")

    def _extreme(self, expr: Expr, name: str, arguments: list[Expr], depth: int) -> Scalar:
        word = "GREATEST" if name == "math.@max" else "LEAST"
        if len(arguments) == 1 and arguments[0].WhichOneof("expr_kind") == "list_expr":
            arguments = list(arguments[0].list_expr.elements)
        elif len(arguments) == 1:
            only = self.value(arguments[0], depth)
            if only.type in ("int", "uint", "double"):
                return only
            found = self._emit(expr, f"{word}_OF", "dyn", only.operand)
            return self._typed(expr, found.operand)
        values = [self.value(argument, depth) for argument in arguments]
        kinds = {value.type for value in values}
        if len(kinds) == 1 and kinds <= {"int", "uint", "double"}:
            result = values[0]
            for value in values[1:]:
                operands = (result.operand, value.operand)
                result = self._emit(expr, f"{word}_{result.type.upper()}", result.type, *operands)
            return result
        made = self._make_list(expr, values)
        return self._typed(expr, self._emit(expr, f"{word}_OF", "dyn", made).operand)

    # --- making ---

    def _list(self, expr: Expr, depth: int) -> Scalar:
        elements = expr.list_expr.elements
        self._check_size(expr, len(elements))
        optional = set(expr.list_expr.optional_indices)
        values = [self.value(element, depth) for element in elements]
        kind = self._type_of(expr)
        if not optional:
            return Scalar(self._make_list(expr, values), kind)
        start = min(optional)
        made = self._make_list(expr, values[:start])
        for number, value in enumerate(values[start:], start):
            op = "APPEND_OPTIONAL" if number in optional else "APPEND"
            made = self._emit(expr, op, kind, made, value.operand).operand
        return Scalar(made, kind)

    def _make_list(self, expr: Expr, values: list[Scalar]) -> Operand:
        operands = tuple(value.operand for value in values)
        constants = tuple(operand for operand in operands if isinstance(operand, Constant))
        if len(constants) == len(operands):
            return Constant("list", constants)
        return self._emit(expr, "MAKE_LIST", "dyn", 0, Arguments(operands), len(operands)).operand

    def _struct(self, expr: Expr, depth: int) -> Scalar:
        struct = expr.struct_expr
        self._check_size(expr, len(struct.entries))
        if not struct.message_name:
            return self._map(expr, depth)
        name = struct.message_name.removeprefix(".")
        if self._checked is not None:
            name = self._checked.reference_map[expr.id].name or name
        descriptor = self._names.message(name)
        if descriptor is None:
            return self._unknown(expr)
        if descriptor.full_name in WELL_KNOWN:
            making = Making(self._builder, self._locate(*self._position(expr)))
            fields = {e.field_key: self.value(e.value, depth).operand for e in struct.entries}
            made = making.make(descriptor, fields)
            if made is None:
                raise self._refuse(expr, f"making {descriptor.full_name} like this")
            return self._typed(expr, made)
        return self._message(expr, descriptor, depth)

    def _map(self, expr: Expr, depth: int) -> Scalar:
        entries = expr.struct_expr.entries
        pairs = [(self.value(e.map_key, depth), self.value(e.value, depth)) for e in entries]
        kind = self._type_of(expr)
        start = next((i for i, e in enumerate(entries) if e.optional_entry), len(entries))
        operands = tuple(part.operand for pair in pairs[:start] for part in pair)
        made: Operand
        if _is_constant_map(operands):
            made = Constant("map", operands)
        else:
            made = self._emit(expr, "MAKE_MAP", kind, 0, Arguments(operands), start).operand
        for entry, (key, value) in list(zip(entries, pairs, strict=True))[start:]:
            op = "MAP_INSERT_OPTIONAL" if entry.optional_entry else "MAP_INSERT"
            made = self._emit(expr, op, kind, made, key.operand, value.operand).operand
        return Scalar(made, kind)

    def _map_insert(self, expr: Expr, arguments: list[Expr], depth: int) -> Scalar:
        values = [self.value(argument, depth).operand for argument in arguments]
        op = "MAP_INSERT" if len(values) == 3 else "MAP_MERGE"
        return self._emit(expr, op, self._type_of(expr), *values)

    def _message(self, expr: Expr, descriptor: Descriptor, depth: int) -> Scalar:
        self._builder.messages.add(descriptor)
        last_of_oneof: dict[str, str] = {}
        for entry in expr.struct_expr.entries:
            field = descriptor.fields_by_name.get(entry.field_key)
            if field is None:
                return self._unknown(expr)
            if not is_readable(field):
                raise self._refuse(expr, f"a policy must not make {field.full_name}")
            if field.containing_oneof is not None:
                last_of_oneof[field.containing_oneof.name] = field.name
        items: list[Operand | int] = []
        count = 0
        for entry in expr.struct_expr.entries:
            value = self.value(entry.value, depth)
            oneof = descriptor.fields_by_name[entry.field_key].containing_oneof
            if oneof is not None and last_of_oneof[oneof.name] != entry.field_key:
                continue
            position = self._builder.messages.position(descriptor, entry.field_key)
            items += [position, value.operand, int(entry.optional_entry)]
            count += 1
        name = descriptor.full_name
        return self._emit(
            expr, "MAKE_MESSAGE", name, MessageType(name), Arguments((*items,)), count
        )

    def _check_size(self, expr: Expr, size: int) -> None:
        if size > MOST_ELEMENTS:
            raise self._refuse(expr, f"more than {MOST_ELEMENTS} elements")

    # --- comprehensions ---

    def _comprehension(self, expr: Expr, depth: int) -> Lowered:
        loop = expr.comprehension_expr
        if _is_binding(loop):
            bound = self.lower(loop.accu_init, depth + 1)
            return self._with([(loop.accu_var, bound)], loop.result, depth)
        self._comprehensions += 1
        if self._comprehensions > MOST_NESTED_COMPREHENSIONS:
            raise self._refuse(
                expr, f"comprehensions nested more than {MOST_NESTED_COMPREHENSIONS} deep"
            )
        over = self.value(loop.iter_range, depth)
        first = self.value(loop.accu_init, depth)
        block = self._builder.open_block(self._comprehensions, has_second=bool(loop.iter_var2))
        accumulator = Scalar(BlockVariable(block, "accumulator"), first.type)
        names = [*self._variables(over, loop, block), (loop.accu_var, accumulator)]
        condition = self._with(names, loop.loop_condition, depth)
        goes_on = self._as_bool(expr, self._as_value(expr, condition))
        self._builder.end_condition(block, goes_on.operand)
        step = self._as_value(expr, self._with(names, loop.loop_step, depth))
        if first.type in SCALARS and step.type != first.type:
            step = self._of_type(expr, step.operand, first.type)
        place = self._locate(*self._position(expr))
        folded = self._builder.fold(over.operand, first.operand, block, step.operand, place)
        self._comprehensions -= 1
        result = Scalar(folded, first.type)
        return self._with([(loop.accu_var, result)], loop.result, depth)

    def _variables(
        self, over: Scalar, loop: Expr.Comprehension, block: int
    ) -> list[tuple[str, Scalar]]:
        arguments = type_arguments(over.type)
        first, second = BlockVariable(block, "first"), BlockVariable(block, "second")
        if type_kind(over.type) == "map" and len(arguments) == 2:
            types = arguments
        elif type_kind(over.type) == "list" and len(arguments) == 1:
            types = ["int", *arguments] if loop.iter_var2 else arguments
        else:
            types = ["dyn", "dyn"]
        names = [(loop.iter_var, Scalar(first, types[0]))]
        if loop.iter_var2:
            names.append((loop.iter_var2, Scalar(second, types[1])))
        return names

    def _with(self, names: Sequence[tuple[str, Lowered]], body: Expr, depth: int) -> Lowered:
        self._locals.extend(names)
        try:
            return self.lower(body, depth + 1)
        finally:
            del self._locals[-len(names) :]

    # --- where ---

    def _position(self, expr: Expr) -> tuple[int, int]:
        """Line and column of a node in the expression's text, from 1."""
        offset = self._source.positions.get(expr.id, 0)
        start, line = 0, 1
        for end in self._source.line_offsets:
            if end > offset:
                break
            start, line = end, line + 1
        return line, offset - start + 1

    def _refuse(self, expr: Expr, message: str) -> CheckFailure:
        return CheckFailure(*self._position(expr), message)


def _field_type(field: FieldDescriptor) -> str:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "bytes"
    return _FIELD_TYPES.get(field.cpp_type, "string")


def _single_element(expr: Expr) -> Expr | None:
    """The element of `[x]`."""
    elements = expr.list_expr.elements
    if len(elements) == 1 and not expr.list_expr.optional_indices:
        return elements[0]
    return None


def _is_binding(loop: Expr.Comprehension) -> bool:
    """Whether it is cel.bind: a comprehension over nothing."""
    over = loop.iter_range
    is_empty = over.WhichOneof("expr_kind") == "list_expr" and not over.list_expr.elements
    condition = loop.loop_condition.const_expr
    return is_empty and condition.WhichOneof("constant_kind") == "bool_value"


def _is_constant_map(operands: tuple[Operand, ...]) -> bool:
    """Whether a map is known now, and none of its keys is there twice."""
    if not all(isinstance(operand, Constant) for operand in operands):
        return False
    keys = [key for key in operands[::2] if isinstance(key, Constant)]
    if not all(key.type in ("bool", "int", "uint", "string") for key in keys):
        return False
    # 1 and 1u are one key; true is another.
    distinct = {(key.type in ("int", "uint"), key.type == "bool", key.value) for key in keys}
    return len(distinct) == len(keys)


def typed(builder: ProgramBuilder, value: Scalar, type: str) -> Scalar:
    """A value of any kind as one of `type`, a scalar; an error where it is of another one."""
    op = image.Op.Value(f"OP_AS_{type.upper()}")
    return Scalar(builder.emit(op, value.operand), type)


def content_of(builder: ProgramBuilder, value: Scalar, place: Place) -> Scalar:
    """What an optional holds, missing where it holds nothing; any other value as it is."""
    if type_kind(value.type) != "optional":
        return value
    (kind,) = type_arguments(value.type)
    content = builder.emit(image.OP_OPTIONAL_OR_VALUE, value.operand, MISSING, place=place)
    return (
        typed(builder, Scalar(content, "dyn"), kind) if kind in SCALARS else Scalar(content, kind)
    )


def default_of(builder: ProgramBuilder, value: Scalar, default: bool | int | float | str) -> Scalar:
    """`value`, or `default` where it is missing.

    Raises ValueError for a default of another type.
    """
    if value.type == "double" and isinstance(default, int) and not isinstance(default, bool):
        default = float(default)
    types = {"bool": bool, "int": int, "uint": int, "double": float, "string": str}
    wanted = types.get(value.type)
    if wanted is None:
        raise ValueError(f"a value of type {value.type} has no default")
    if type(default) is not wanted:
        raise ValueError(f"the default must be of type {value.type}")
    operand = builder.emit(
        image.OP_DEFAULT, value.operand, Constant(value.type, default), place=NOWHERE
    )
    return Scalar(operand, value.type)
