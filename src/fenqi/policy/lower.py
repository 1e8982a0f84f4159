"""From an expression to instructions.

Missing is never zero: a field that is unset reads as missing, and missing passes through every
operation until `has()`, a feature's `default` or a model takes it up. Where types are known, the
instructions are typed; where they are not, operations find out at run time.

Limits: an expression nests at most MOST_NESTING deep, a list or map that it spells out has at most
MOST_ELEMENTS elements, a policy has at most `program.MOST_INSTRUCTIONS` instructions. What
comprehensions may cost is bounded at run time.
"""

from __future__ import annotations

from collections.abc import Callable

from fenqi import _native
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr, ParsedExpr
from fenqi.policy.check import CONTAINER, CheckFailure
from fenqi.policy.comprehensions import (
    lower_comprehension,
    lower_conditional_step,
    single_element,
)
from fenqi.policy.elements import (
    lower_extreme,
    lower_index,
    lower_membership,
    lower_optional_select,
)
from fenqi.policy.functions import BY_COUNT, DEFAULTS, TYPED, Function
from fenqi.policy.lowered import (
    NONE,
    ListName,
    LookupName,
    Lowered,
    Message,
    Repeated,
    Scalar,
    field_type,
)
from fenqi.policy.making import lower_list, lower_map_insert, lower_struct
from fenqi.policy.messages import GUARDED, PROTECTED_FIELD, WHOLE_IS_GUARDED
from fenqi.policy.names import Names
from fenqi.policy.program import (
    MISSING,
    NOWHERE,
    Arguments,
    BlockVariable,
    Constant,
    MessageType,
    Operand,
    Place,
    ProgramBuilder,
    Slot,
)
from fenqi.policy.row import Key, RowSlot, Step, message_descriptor
from fenqi.policy.types import (
    SCALARS,
    is_message_type,
    type_arguments,
    type_kind,
    type_name,
)
from fenqi.v1 import application_pb2, scoring_pb2

MOST_NESTING = 128
REQUEST = message_descriptor(scoring_pb2.ScoreRequest)
APPLICATION = message_descriptor(application_pb2.Application)


# a > b is b < a.
_SWAPPED = {"_>_": "_<_", "_>=_": "_<=_"}

Gate = Callable[[tuple[Step, ...], Operand], Operand]


class Lowering:
    """Lowers expressions into one builder. `names` are the values that expressions may use."""

    def __init__(
        self,
        builder: ProgramBuilder,
        names: dict[str, Lowered] | None = None,
        container: str = CONTAINER,
    ) -> None:
        self.builder = builder
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
        lowering = ExpressionLowering(
            self.builder, self.names, names, expression, locate, self.gate
        )
        return lowering.value(expression.expr, 0)


class ExpressionLowering:
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
        self.builder = builder
        self.gate = gate
        self._globals = globals_
        self.names = names
        self._source = expression.source_info
        self.checked = expression if isinstance(expression, CheckedExpr) else None
        self.locate = locate
        # What comprehensions and cel.bind declare, the innermost last.
        self.locals: list[tuple[str, Lowered]] = []
        self.comprehensions = 0

    # --- nodes ---

    def lower(self, expr: Expr, depth: int) -> Lowered:
        if depth > MOST_NESTING:
            raise self.refuse(expr, f"nested more than {MOST_NESTING} deep")
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
                return lower_list(self, expr, depth)
            case "struct_expr":
                return lower_struct(self, expr, depth)
            case "comprehension_expr":
                return lower_comprehension(self, expr, depth)
            case kind:
                raise self.refuse(expr, f"nothing that can be computed ({kind})")

    def value(self, expr: Expr, depth: int) -> Scalar:
        """The expression as a value of its own."""
        return self.as_value(expr, self.lower(expr, depth + 1))

    def _constant(self, expr: Expr) -> Scalar:
        constant = expr.const_expr
        kind = constant.WhichOneof("constant_kind")
        if kind == "null_value":
            return Scalar(Constant("null", None), "null")
        name = {"int64_value": "int", "uint64_value": "uint"}.get(kind, kind.removesuffix("_value"))
        return Scalar(Constant(name, getattr(constant, kind)), name)

    def type_of(self, expr: Expr) -> str:
        """What the checker says; "dyn" where it says nothing."""
        if self.checked is None or expr.id not in self.checked.type_map:
            return "dyn"
        return type_name(self.checked.type_map[expr.id])

    def typed(self, expr: Expr, operand: Operand, *, is_field: bool = False) -> Scalar:
        """A value of any kind, as the scalar that the checker says it is."""
        return self.of_type(expr, operand, self.type_of(expr), is_field=is_field)

    def of_type(self, expr: Expr, operand: Operand, kind: str, *, is_field: bool = False) -> Scalar:
        if kind in SCALARS:
            return self.emit(expr, f"AS_{kind.upper()}", kind, operand)
        return Scalar(operand, kind, is_field)

    # --- names ---

    def _name(self, expr: Expr) -> Lowered:
        name = expr.ident_expr.name
        for local, found in reversed(self.locals):
            if local == name:
                return self._of_local(expr, found)
        if self.checked is None:
            return self._resolved(expr, [name])
        reference = self.checked.reference_map[expr.id]
        if reference.HasField("value"):  # an enum's value
            return Scalar(Constant("int", reference.value.int64_value), "int")
        name = (reference.name or name).removeprefix(".")
        if (known := self._globals.get(name)) is not None:
            return known
        if self.type_of(expr) == "type":
            return Scalar(Constant("type", name), "type")
        raise self.refuse(expr, f"the name {name} has no value")

    def _of_local(self, expr: Expr, found: Lowered) -> Lowered:
        """A comprehension's variable is of any kind; its type says which."""
        if not isinstance(found, Scalar) or not isinstance(found.operand, BlockVariable):
            return found
        if found.operand.name == "accumulator":
            return found
        return self.of_type(expr, found.operand, found.type)

    def _resolved(self, expr: Expr, parts: list[str]) -> Lowered:
        """A dotted name without a checker's word for it: the longest one that is known, and then
        fields of it.
        """
        found = self.names.resolve(parts)
        if found is None:
            return self.unknown(expr)
        used = len(found.parts)
        value: Lowered
        if found.constant is not None:
            value = Scalar(found.constant, found.constant.type)
        else:
            value = self._globals[found.name]
        for field in parts[used:]:
            value = self._select_from(expr, value, field)
        return value

    def unknown(self, expr: Expr) -> Scalar:
        """What nobody knows, where nobody checked: an error when it is computed."""
        return self.emit(expr, "UNKNOWN_FUNCTION", "dyn")

    # --- fields ---

    def _select(self, expr: Expr, depth: int) -> Lowered:
        select = expr.select_expr
        if self.checked is None:
            parts = self._dotted(expr)
            if parts is not None and not select.test_only:
                return self._resolved(expr, parts)
        elif expr.id in self.checked.reference_map:  # a qualified name
            return self._name(expr)
        operand = self.lower(select.operand, depth + 1)
        if not select.test_only:
            return self._select_from(expr, operand, select.field)
        found = self._has(expr, operand, select.field)
        there = self._is_there(select.operand, operand, depth)
        if there is None:
            return found
        no = Constant("bool", False)
        return self.emit(expr, "SELECT", "bool", there.operand, found.operand, no)

    def _dotted(self, expr: Expr) -> list[str] | None:
        """The parts of a dotted name that begins with no comprehension's variable."""
        parts: list[str] = []
        while expr.WhichOneof("expr_kind") == "select_expr" and not expr.select_expr.test_only:
            parts.append(expr.select_expr.field)
            expr = expr.select_expr.operand
        name = expr.ident_expr.name
        if not name or any(local == name for local, _ in self.locals):
            return None
        return [name, *reversed(parts)]

    def _select_from(self, expr: Expr, operand: Lowered, name: str) -> Lowered:
        match operand:
            case Message():
                return self.field(expr, operand, name)
            case Repeated() if operand.is_map:
                return self.map_entry(operand, name)
            case _:
                value = self.as_value(expr, operand)
                self.check_protected(expr, value.type, name)
                is_message = is_message_type(value.type)
                is_map_field = value.is_field and type_kind(value.type) == "map"
                op = "INDEX_FIELD" if is_map_field else "FIELD"
                found = self.emit(expr, op, "dyn", value.operand, Constant("string", name))
                return self.typed(expr, found.operand, is_field=is_message)

    def check_protected(self, expr: Expr, kind: str, name: str) -> None:
        may_be_application = APPLICATION.full_name in kind or "dyn" in kind
        if name == PROTECTED_FIELD and may_be_application:
            raise self.refuse(expr, "a policy must not read protected attributes")

    def field(self, expr: Expr, message: Message, name: str) -> Lowered:
        if message.descriptor.full_name == APPLICATION.full_name and name == PROTECTED_FIELD:
            raise self.refuse(expr, "a policy must not read protected attributes")
        path = (*message.path, name)
        field = message.descriptor.fields_by_name.get(name)
        if field is None:
            raise self.refuse(expr, f"{message.descriptor.full_name} has no field {name}")
        if field.is_repeated:
            return Repeated(path, field, self.type_of(expr))
        if field.message_type is not None:
            return Message(path, field.message_type)
        return Scalar(Slot(RowSlot(path)), field_type(field))

    def map_entry(self, mapping: Repeated, key: str) -> Scalar:
        entry = mapping.field.message_type
        assert entry is not None, "a map's entries are messages"
        value = entry.fields_by_name["value"]
        return Scalar(Slot(RowSlot((*mapping.path, Key(key)))), field_type(value))

    def _has(self, expr: Expr, operand: Lowered, name: str) -> Scalar:
        match operand:
            case Message():
                return self._is_set(self.field(expr, operand, name))
            case Repeated() if operand.is_map:
                return self.present(self.map_entry(operand, name))
            case _:
                value = self.as_value(expr, operand)
                self.check_protected(expr, value.type, name)
                name_of_field = Constant("string", name)
                return self.emit(expr, "HAS_FIELD", "bool", value.operand, name_of_field)

    def _is_there(self, expr: Expr, lowered: Lowered, depth: int) -> Scalar | None:
        """Whether a message, which is a field or element of another one, is there; None of others.

        What has() asks of a message that is not there is false, not missing.
        """
        if not isinstance(lowered, Scalar) or not is_message_type(lowered.type):
            return None
        call = expr.call_expr
        if call.function == "_[_]":
            listed = self.lower(call.args[0], depth + 1)
            container = self.as_value(call.args[0], listed)
            if not container.is_field:
                return None
            if isinstance(listed, Repeated):  # a list that the request does not have is empty
                none = Constant("map" if listed.is_map else "list", ())
                container = self.emit(expr, "DEFAULT", container.type, container.operand, none)
            index = self.value(call.args[1], depth)
            words = (container.operand, index.operand)
            held = self.emit(expr, "INDEX_OPTIONAL", "optional(dyn)", *words)
            return self.emit(expr, "HAS_VALUE", "bool", held.operand)
        if not expr.HasField("select_expr") or not lowered.is_field:
            return None
        parent = self.lower(expr.select_expr.operand, depth + 1)
        found = self._has(expr, parent, expr.select_expr.field)
        there = self._is_there(expr.select_expr.operand, parent, depth + 1)
        if there is None:
            return found
        no = Constant("bool", False)
        return self.emit(expr, "SELECT", "bool", there.operand, found.operand, no)

    def _is_set(self, found: Lowered) -> Scalar:
        match found:
            case Scalar():
                return self.present(found)
            case Message(path):
                return self.present(Scalar(Slot(RowSlot(path, "presence")), "bool"))
            case Repeated():
                zero = Constant("int", 0)
                known = self.builder.emit(image.OP_DEFAULT, self.count(found).operand, zero)
                return Scalar(self.builder.emit(image.OP_LT_INT, zero, known), "bool")
            case ListName() | LookupName():
                raise AssertionError("no field is a list or lookup of the policy")

    def present(self, value: Scalar) -> Scalar:
        return Scalar(self.builder.emit(image.OP_PRESENT, value.operand), "bool")

    def count(self, repeated: Repeated) -> Scalar:
        return Scalar(Slot(RowSlot(repeated.path, "count")), "int")

    def as_value(self, expr: Expr, lowered: Lowered) -> Scalar:
        """Messages and lists of the request as values."""
        match lowered:
            case Scalar():
                return lowered
            case Repeated(path, _, kind):
                return Scalar(self.view(expr, path), kind, is_field=True)
            case Message(path, descriptor):
                if descriptor.full_name in GUARDED:
                    raise self.refuse(expr, WHOLE_IS_GUARDED)
                return Scalar(self.view(expr, path), descriptor.full_name)
            case ListName():
                raise self.refuse(expr, "a list of the policy has no use but `value in` it")
            case LookupName():
                raise self.refuse(expr, "a lookup has no use but `lookup[key]` and `key in` it")

    def view(self, expr: Expr, path: tuple[Step, ...]) -> Operand:
        """What stands at a path of the request, read from its bytes."""
        self.builder.messages.add(REQUEST)
        root = MessageType(REQUEST.full_name)
        found: Operand = self.builder.emit(image.OP_REQUEST, 0, root)
        for step in path:
            match step:
                case str():
                    word, op = Constant("string", step), "FIELD"
                case int():
                    word, op = Constant("int", step), "INDEX_FIELD"
                case Key(text):
                    word, op = Constant("string", text), "INDEX_FIELD"
            found = self.emit(expr, op, "dyn", found, word).operand
        return self.gate(path, found)

    # --- calls ---

    def _call(self, expr: Expr, depth: int) -> Lowered:
        call = expr.call_expr
        name = call.function
        arguments = [call.target, *call.args] if call.HasField("target") else list(call.args)
        if self.checked is None and call.HasField("target"):
            parts = self._dotted(call.target)
            if parts is not None:
                qualified = self.names.function(parts, name)
                if qualified is not None:
                    name, arguments = qualified, list(call.args)
        match name, len(arguments):
            case "_[_]", 2:
                return lower_index(self, expr, arguments[0], arguments[1], depth)
            case (("_[?_]" | "_?._"), 2):
                return lower_optional_select(self, expr, name, arguments, depth)
            case "@in", 2:
                return lower_membership(self, expr, arguments[0], arguments[1], depth)
            case "_?_:_", 3:
                return self._conditional(expr, arguments, depth)
            case (("math.@max" | "math.@min"), _):
                return lower_extreme(self, expr, name, arguments, depth)
            case "optional.none", 0:
                return Scalar(NONE, "optional(dyn)")
            case "dyn", 1:
                value = self.value(arguments[0], depth)
                return Scalar(value.operand, "dyn")
            case "size", 1:
                counted = self.lower(arguments[0], depth + 1)
                if isinstance(counted, Repeated):
                    return self.count(counted)
                return self._operation(expr, name, [self.as_value(arguments[0], counted)])
            case "_+_", 2 if (element := single_element(arguments[1])) is not None:
                first, second = self.value(arguments[0], depth), self.value(element, depth)
                kind = self.type_of(expr)
                return self.emit(expr, "APPEND", kind, first.operand, second.operand)
            case "cel.@mapInsert", _:
                return lower_map_insert(self, expr, arguments, depth)
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
            if self.checked is None:
                return self.unknown(expr)
            raise self.refuse(expr, f"{name.strip('_@')} of {', '.join(types)} is not supported")
        if self.checked is not None:
            self._check_constants(expr, function.operation, values)
        return self._apply(expr, function, values)

    def _check_constants(self, expr: Expr, operation: str, values: list[Scalar]) -> None:
        """Refuses a pattern or time zone that is known to be none."""
        text = values[1].operand if len(values) > 1 else None
        if not isinstance(text, Constant) or text.type != "string":
            return
        if operation == "MATCHES" or operation.startswith("REGEX_"):
            if wrong := _native.pattern_error(text.value):
                raise self.refuse(expr, wrong)
        elif operation.startswith("GET_") and not _native.is_time_zone(text.value):
            raise self.refuse(expr, f"there is no time zone {text.value!r}")

    def _apply(self, expr: Expr, function: Function, values: list[Scalar]) -> Scalar:
        operands = [
            value.operand if kind in ("dyn", value.type) and kind in ("dyn", *SCALARS)
            else self.emit(expr, f"AS_{kind.upper()}", kind, value.operand).operand
            for kind, value in zip(function.kinds, values, strict=True)
        ]  # fmt: skip
        if len(operands) > 3:
            result = self.emit(expr, function.operation, function.result, Arguments((*operands,)))
        else:
            result = self.emit(expr, function.operation, function.result, *operands)
        if function.result in SCALARS:
            return result
        return self.typed(expr, result.operand)

    def emit(
        self, expr: Expr, name: str, result: str, *words: Operand | Arguments | MessageType | int
    ) -> Scalar:
        op = image.Op.Value(f"OP_{name}")
        place = self.locate(*self.position(expr))
        return Scalar(self.builder.emit(op, *words, place=place), result)

    def _conditional(self, expr: Expr, arguments: list[Expr], depth: int) -> Scalar:
        condition = self.as_bool(arguments[0], self.value(arguments[0], depth))
        if (
            extended := lower_conditional_step(self, expr, condition, arguments, depth)
        ) is not None:
            return extended
        yes, no = self.value(arguments[1], depth), self.value(arguments[2], depth)
        selected = self.emit(
            expr, "SELECT", "dyn", condition.operand, yes.operand, no.operand
        ).operand
        if yes.type == no.type:
            return Scalar(selected, yes.type)
        return self.typed(expr, selected)

    def as_bool(self, expr: Expr, value: Scalar) -> Scalar:
        return value if value.type == "bool" else self.of_type(expr, value.operand, "bool")

    # --- where ---

    def position(self, expr: Expr) -> tuple[int, int]:
        """Line and column of a node in the expression's text, from 1."""
        offset = self._source.positions.get(expr.id, 0)
        start, line = 0, 1
        for end in self._source.line_offsets:
            if end > offset:
                break
            start, line = end, line + 1
        return line, offset - start + 1

    def refuse(self, expr: Expr, message: str) -> CheckFailure:
        return CheckFailure(*self.position(expr), message)


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
