"""Truth as a program: what every source of problems offers, and the operation list that data rows carry.

An `Operations` program is data, not code: a flat list of `+ - * /` over named parameters, constants and
earlier results, evaluated exactly and without recursion. Text read from a row is untrusted and checked
in full. Not here: how a solution's text becomes a program (`catena.generators.annotations`).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, Protocol, cast, get_args

from catena.domains import Domain, Tenths, Whole
from catena.records import Value

Operator = Literal["+", "-", "*", "/"]
Kind = Literal["+w", "+d", "+r", "+f", "+g", "+p", "0w", "-w", "-d", "-r"]
"""What a result was in the original row and must stay: its sign, then its shape.

Shapes: `w` whole; `d` a decimal of at most four places; `r` any rational; `f` a rational strictly between 0
and 1; `g` such a decimal; `p` a whole percentage up to 100. Sign `0` (originally zero) allows 0 and above.
"""

LARGEST = 10**9
"""Bound of every number a program reads or produces, numerators and denominators alike."""
MAX_TEXT = 20_000
MAX_OPERATIONS = 64
MAX_PARAMETERS = 32
_PLACES = 10_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FRACTION = re.compile(r"(-?[1-9][0-9]{0,9})/([1-9][0-9]{0,9})")

Number = int | Fraction


class Program(Protocol):
    """A truth with typed parameters: problem families, data rows and operation lists all satisfy it."""

    @property
    def parameters(self) -> Mapping[str, Domain]:
        """Domain of each parameter, in the order in which they are named."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        ...

    @property
    def solve(self) -> Callable[..., Value]:
        """The truth from keyword arguments."""
        ...

    @property
    def constraint(self) -> Callable[..., bool] | None:
        """Refuses values that make no sense together (keyword arguments); None accepts all."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """The result of the operation with this index, as an operand of a later one."""

    index: int


Operand = str | Result | int | Fraction
"""A parameter's name, an earlier result, or a constant."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One exact operation, and the kind its result must keep."""

    operator: Operator
    left: Operand
    right: Operand
    kind: Kind = "+r"


_OPERATORS: tuple[Operator, ...] = get_args(Operator)
_KINDS: frozenset[str] = frozenset(get_args(Kind))
_ADD, _SUB, _MUL, _DIV = range(4)


@dataclass(frozen=True, slots=True)
class Operations:
    """An immutable program: `operations` in order, the last result is the answer.

    Raises:
        ValueError: A bound is exceeded, or an operand, operator, kind, name or domain is not known.
    """

    parameters: Mapping[str, Domain] = field(hash=False)
    operations: tuple[Operation, ...]
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _constants: list[Number | None] = field(init=False, repr=False, compare=False)
    _code: tuple[tuple[int, int, int, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.operations) <= MAX_OPERATIONS:
            raise ValueError(f"a program has 1 to {MAX_OPERATIONS} operations, got {len(self.operations)}")
        if len(self.parameters) > MAX_PARAMETERS:
            raise ValueError(f"a program has at most {MAX_PARAMETERS} parameters, got {len(self.parameters)}")
        for name, domain in self.parameters.items():
            _check_parameter(name, domain)
        object.__setattr__(self, "names", tuple(self.parameters))
        constants, code = _link(self.names, self.operations)
        object.__setattr__(self, "_constants", constants)
        object.__setattr__(self, "_code", code)

    def evaluate(self, values: Mapping[str, Value]) -> Number | None:
        """The answer, or None where some result leaves its kind: `constraint` and `solve` in one pass."""
        registers = self._registers(values)
        for operator, left, right, kind in self._code:
            x, y = registers[left], registers[right]
            z: Any
            if operator == _ADD:
                z = x + y
            elif operator == _MUL:
                z = x * y
            elif operator == _SUB:
                z = x - y
            elif y == 0:
                return None
            else:
                z = _divide(x, y)
            if type(z) is int and (kind == "+w" or kind == "+r" or kind == "+d"):
                if not 0 < z <= LARGEST:
                    return None
            elif not keeps(z, cast(Kind, kind)):
                return None
            registers.append(z)
        return _plain(registers[-1])

    def solve(self, **values: Value) -> Value:
        """The answer, whatever kinds the results have.

        Raises:
            ArithmeticError: A division by zero or a result far out of bounds; `constraint` refuses both.
        """
        return self.results(values)[-1]

    def constraint(self, **values: Value) -> bool:
        """Whether every result keeps the kind it had in the original row."""
        return self.evaluate(values) is not None

    def results(self, values: Mapping[str, Value]) -> tuple[Number, ...]:
        """The result of each operation, in order, without the kind check.

        Raises:
            ArithmeticError: A division by zero, or a result beyond the square of `LARGEST`.
        """
        registers = self._registers(values)
        base = len(registers)
        for operator, left, right, _ in self._code:
            result = apply_operator(_OPERATORS[operator], registers[left], registers[right])
            if max(abs(result.numerator), result.denominator) > LARGEST**2:
                raise OverflowError(f"a result is beyond {LARGEST**2}")
            registers.append(result)
        return tuple(registers[base:])

    def to_text(self) -> str:
        """Canonical JSON: equal programs have equal text."""
        document = {
            "parameters": [[name, *_domain_fields(domain)] for name, domain in self.parameters.items()],
            "operations": [
                [each.operator, _write(each.left), _write(each.right), each.kind] for each in self.operations
            ],
        }
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> "Operations":
        """The program of a row; the text is not trusted.

        Raises:
            ValueError: The text is not the canonical text of a program within bounds.
        """
        if len(text) > MAX_TEXT:
            raise ValueError(f"not the text of a program ({len(text)} characters, at most {MAX_TEXT} are read)")
        try:
            document = json.loads(text, parse_float=_refuse, parse_constant=_refuse)
            parameters = {name: _read_domain(fields) for name, *fields in document["parameters"]}
            operations = tuple(
                Operation(operator, _read(left), _read(right), kind)
                for operator, left, right, kind in document["operations"]
            )
            program = cls(parameters, operations)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"not the text of a program ({error}): {text[:80]!r}") from error
        if program.to_text() != text:
            raise ValueError(f"not the text of a program (not canonical): {text[:80]!r}")
        return program

    def _registers(self, values: Mapping[str, Value]) -> list[Any]:
        registers: list[Any] = self._constants.copy()
        for place, name in enumerate(self.names):
            value = values[name]
            if type(value) is not int and type(value) is not Fraction:
                raise TypeError(f"parameter {name} must be an int or a Fraction, got {value!r}")
            registers[place] = value
        return registers


def apply_operator(operator: Operator, x: Number, y: Number) -> Number:
    """The exact result, an `int` wherever it is whole."""
    if operator == "+":
        return _plain(x + y)
    if operator == "-":
        return _plain(x - y)
    if operator == "*":
        return _plain(x * y)
    return _divide(x, y)


def kind_of(value: Number) -> Kind:
    """The kind that a result with this original value must keep (percentages are for the caller to say)."""
    decimal = _PLACES % value.denominator == 0
    if value.denominator == 1:
        return "+w" if value > 0 else "-w" if value < 0 else "0w"
    if value < 0:
        return "-d" if decimal else "-r"
    if value < 1:
        return "+g" if decimal else "+f"
    return "+d" if decimal else "+r"


def keeps(value: Number, kind: Kind) -> bool:
    """Whether `value` is within bounds and of this kind."""
    numerator, denominator = value.numerator, value.denominator
    if not -LARGEST <= numerator <= LARGEST or denominator > LARGEST:
        return False
    sign, shape = kind
    if numerator <= 0 if sign == "+" else numerator >= 0 if sign == "-" else numerator < 0:
        return False
    if shape == "w":
        return denominator == 1
    if shape == "p":
        return denominator == 1 and numerator <= 100
    if shape in "fg" and numerator >= denominator:
        return False
    return shape in "rf" or _PLACES % denominator == 0


def _divide(x: Number, y: Number) -> Number:
    if type(x) is int and type(y) is int and y != 0 and x % y == 0:
        return x // y
    return _plain(Fraction(x) / y)


def _plain(value: Number) -> Number:
    return value.numerator if value.denominator == 1 else value


def _link(
    names: tuple[str, ...], operations: tuple[Operation, ...]
) -> tuple[list[Number | None], tuple[tuple[int, int, int, str], ...]]:
    """Registers (parameters first, then constants) and the operations with every operand as a register index."""
    operands = [operand for each in operations for operand in (each.left, each.right)]
    constants = list(dict.fromkeys(operand for operand in operands if isinstance(operand, int | Fraction)))
    for constant in constants:
        if type(constant) is bool or abs(constant.numerator) > LARGEST or constant.denominator > LARGEST:
            raise ValueError(f"constants are exact numbers up to {LARGEST}, got {constant}")
    place: dict[Operand, int] = {name: index for index, name in enumerate(names)}
    place |= {constant: len(names) + index for index, constant in enumerate(constants)}
    base, code = len(place), list[tuple[int, int, int, str]]()
    for index, each in enumerate(operations):
        if each.operator not in _OPERATORS or each.kind not in _KINDS:
            raise ValueError(f"unknown operator or kind in operation {index}: {each.operator!r}, {each.kind!r}")
        for operand in (each.left, each.right):
            if operand not in place:
                raise ValueError(f"operation {index} reads {operand!r}, which is not known before it")
        code.append((_OPERATORS.index(each.operator), place[each.left], place[each.right], each.kind))
        place[Result(index)] = base + index
    return [None] * len(names) + list[Number | None](constants), tuple(code)


def _check_parameter(name: str, domain: Domain) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"a parameter's name is lower case, up to 32 characters, got {name!r}")
    if not isinstance(domain, Whole | Tenths):
        raise ValueError(f"parameter {name}: an operation list reads whole numbers or tenths, got {domain!r}")
    fields = _domain_fields(domain)[1:]
    if any(type(each) is not int or abs(each) > LARGEST for each in fields) or domain.low > domain.high:
        raise ValueError(f"parameter {name}: bounds must be whole, ordered and up to {LARGEST}, got {domain!r}")
    if isinstance(domain, Whole) and domain.step < 1:
        raise ValueError(f"parameter {name}: step must be at least 1, got {domain.step}")


def _domain_fields(domain: Domain) -> list[Any]:
    if isinstance(domain, Whole):
        published = [] if domain.published is None else [domain.published]
        return ["whole", domain.low, domain.high, domain.step, *published]
    assert isinstance(domain, Tenths)
    return ["tenths", domain.low, domain.high]


def _read_domain(fields: list[Any]) -> Domain:
    match fields:
        case ["whole", int(low), int(high), int(step), *published] if len(published) < 2:
            return Whole(low, high, step, *published)
        case ["tenths", int(low), int(high)]:
            return Tenths(low, high)
    raise ValueError(f"unknown domain: {str(fields)[:80]}")


def _write(operand: Operand) -> str | int:
    if isinstance(operand, Result):
        return f"#{operand.index}"
    return str(operand) if isinstance(operand, Fraction) and operand.denominator > 1 else cast(str | int, operand)


def _read(operand: object) -> Operand:
    if type(operand) is int:
        return operand
    if type(operand) is not str:
        raise ValueError(f"an operand is a name, a result or a number, got {str(operand)[:80]!r}")
    if re.fullmatch(r"#[0-9]{1,2}", operand):
        return Result(int(operand[1:]))
    if fraction := _FRACTION.fullmatch(operand):
        return Fraction(int(fraction[1]), int(fraction[2]))
    return operand


def _refuse(text: str) -> None:
    raise ValueError(f"a program holds whole numbers and fractions only, got {text[:80]}")
