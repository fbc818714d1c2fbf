"""Equations of a solution and numbers of its question, bound into a program.

Every number the solution computes with must be explained: an earlier result, a number of the question, or a
constant that words justify. Where two explanations would behave differently once a number is replaced, the
numbers behind them stay fixed. Equal behaviour is tested by evaluation at a random point of a prime field.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from itertools import combinations
from typing import cast

from catena.domains import Domain
from catena.generators.annotations import Binary, Equation, Expression, terms_of
from catena.generators.quantities import Quantity
from catena.programs import (
    LARGEST,
    MAX_OPERATIONS,
    Operand,
    Operation,
    Operations,
    Operator,
    Result,
    apply_operator,
    kind_of,
)

Number = int | Fraction
_PRIME = 2**61 - 1
_LARGEST_GROUP = 12
_OFTEN_TWO_THINGS = 4
"""Up to here a number that is read twice is as likely two things: 3 bicycles, and the 3 wheels of a tricycle."""


class Unbound(Exception):
    """The row has no program; `reason` is of the fixed vocabulary of `catena.generators.datasets`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Given:
    """A number of the question, by its place in the list of quantities."""

    index: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """The result of an earlier equation."""

    index: int


@dataclass(frozen=True, slots=True)
class Apply:
    """An operation of a bound expression."""

    operator: Operator
    left: "Meaning"
    right: "Meaning"


Meaning = int | Fraction | Given | Earlier | Apply
"""What a number of the solution stands for; a bare number is a constant."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A program, which quantity of the question each parameter is, and what each number of the solution's prose shows.

    `shown` maps a number to what stands for it: a parameter's name, a result, or itself where it never
    changes. Numbers that could be two things are missing.
    """

    program: Operations
    parameters: Mapping[str, int]
    shown: Mapping[Number, Operand]


def bind(
    quantities: Sequence[Quantity], equations: Sequence[Equation], constants: frozenset[int], answer: Number
) -> Bound:
    """The program of a row, with every replaceable number on which the answer depends as a parameter.

    Raises:
        Unbound: Some number is unexplained, the answer is not among the results, or nothing can be replaced.
    """
    target = _find_target(equations, answer)
    equations = equations[: target + 1]
    values = [each.value for each in quantities]
    free = {i for i, each in enumerate(quantities) if each.domain is not None and values.count(each.value) == 1}
    if not free:
        raise Unbound("no replaceable number", "none that is unambiguous in the question")
    free -= _find_overloaded(values, equations)
    reading = _Reading(quantities, equations, constants, frozenset(free))
    while conflicts := (reading.conflicts | _find_restated(reading)) & free:
        free -= conflicts
        reading = _Reading(quantities, equations, constants, frozenset(free))
    used = reading.behind[target] & free
    if not used:
        raise Unbound("no replaceable number", "none that the answer depends on unambiguously")
    reading = _Reading(quantities, equations, constants, used)
    if (unused := _find_unused(reading)) is not None:
        raise Unbound("unused step", f"nothing reads {equations[unused].result}")
    return _assemble(reading, sorted(used), answer)


class _Reading:
    """What each equation of one row means while the numbers `free` may change.

    Attributes:
        meanings: Of each equation, None where some number in it is unexplained.
        behaviours: Value of each equation at the random point, None likewise.
        behind: Numbers of the question that each equation depends on.
        conflicts: Numbers behind ambiguous terms.
    """

    def __init__(
        self,
        quantities: Sequence[Quantity],
        equations: Sequence[Equation],
        constants: frozenset[int],
        free: frozenset[int],
    ) -> None:
        self.quantities = quantities
        self.equations = equations
        self.free = free
        self.constants = constants | {100} if any(each.percent for each in quantities) else constants
        self.meanings: list[Meaning | None] = []
        self.behaviours: list[int | None] = []
        self.behind: list[frozenset[int]] = []
        self.conflicts: set[int] = set()
        for equation in equations:
            self._read(equation)
        if self.meanings[-1] is None:
            raise Unbound("unexplained number", self._missing(equations[-1]))

    def behaviour(self, meaning: Meaning) -> int:
        """Its value in the prime field, with random values for the free numbers."""
        match meaning:
            case Given(index):
                return _random(index) if index in self.free else _modular(self.quantities[index].value)
            case Earlier(index):
                return cast(int, self.behaviours[index])
            case Apply(operator, left, right):
                x, y = self.behaviour(left), self.behaviour(right)
                if operator == "+":
                    return (x + y) % _PRIME
                if operator == "-":
                    return (x - y) % _PRIME
                return x * (y if operator == "*" else pow(y, _PRIME - 2, _PRIME)) % _PRIME
            case constant:
                return _modular(constant)

    def depends(self, meaning: Meaning) -> frozenset[int]:
        """The numbers of the question behind a meaning."""
        match meaning:
            case Given(index):
                return frozenset((index,))
            case Earlier(index):
                return self.behind[index]
            case Apply(_, left, right):
                return self.depends(left) | self.depends(right)
            case _:
                return frozenset()

    def candidates(self, value: Number) -> Iterator[Meaning]:
        """Everything the number may stand for so far, the likeliest first."""
        for i in range(len(self.meanings) - 1, -1, -1):
            if self.meanings[i] is not None:
                if self.equations[i].result == value:
                    yield Earlier(i)
                elif value.denominator > 1 and 100 in self.constants and self.equations[i].result == value * 100:
                    yield Apply("/", Earlier(i), 100)
        for i, each in enumerate(self.quantities):
            yield from self._from_quantity(i, each, value)
        if value in self.constants or (value == Fraction(1, 100) and 100 in self.constants):
            yield value

    def _from_quantity(self, index: int, quantity: Quantity, value: Number) -> Iterator[Meaning]:
        given, stated = Given(index), quantity.value
        if stated == value:
            yield given
        if quantity.percent:
            part = Fraction(stated, 100)
            if value == part:
                yield Apply("/", given, 100)
            elif value == 1 - part:
                yield Apply("-", 1, Apply("/", given, 100))
            elif value == 1 + part:
                yield Apply("+", 1, Apply("/", given, 100))
            elif value == 100 - stated:
                yield Apply("-", 100, given)
            elif value == 100 + stated:
                yield Apply("+", 100, given)
        elif stated.denominator > 1 and value == 1 - stated:
            yield Apply("-", 1, given)
        if value.denominator > 1:  # 50 cents as 0.5 dollars, 30 minutes as 0.5 hours
            yield from (
                Apply("/", given, unit) for unit in (60, 100) if unit in self.constants and value * unit == stated
            )

    def _read(self, equation: Equation) -> None:
        meaning: Meaning | None = None
        for expression in equation.readings:
            conflicts = set[int]()
            meaning = self._explain(expression, conflicts)
            if meaning is not None:
                self.conflicts |= conflicts
                break
        behaviour = None if meaning is None else self.behaviour(meaning)
        behind = frozenset[int]() if meaning is None else self.depends(meaning)
        self.meanings.append(meaning)
        self.behaviours.append(behaviour)
        self.behind.append(behind)

    def _explain(self, expression: Expression, conflicts: set[int]) -> Meaning | None:
        if isinstance(expression, Binary):
            left, right = self._explain(expression.left, conflicts), self._explain(expression.right, conflicts)
            if left is None or right is None:
                return None
            return Apply(cast(Operator, expression.operator), left, right)
        candidates = list(self.candidates(expression.value))
        if not candidates or self.may_be_unknown(expression.value):
            return None
        if len({self.behaviour(each) for each in candidates}) > 1:
            conflicts.update(*(self.depends(each) for each in candidates))
        return candidates[0]

    def may_be_unknown(self, value: Number) -> bool:
        """Whether an earlier equation that is itself unexplained may have produced this number."""
        return any(
            meaning is None and equation.result in (value, value * 100)
            for meaning, equation in zip(self.meanings, self.equations, strict=False)
        )

    def _missing(self, equation: Equation) -> str:
        terms = terms_of(equation.readings[0])
        missing = [
            each.value for each in terms if not any(self.candidates(each.value)) or self.may_be_unknown(each.value)
        ]
        return str(missing[0]) if missing else str(equation.result)


def _find_target(equations: Sequence[Equation], answer: Number) -> int:
    """The last equation with the published answer for its result."""
    for i in range(len(equations) - 1, -1, -1):
        if equations[i].result == answer:
            return i
    raise Unbound("answer not reproduced", f"no equation results in {answer}")


def _find_overloaded(values: Sequence[Number], equations: Sequence[Equation]) -> set[int]:
    """Small numbers read more than once that may be two things: 4 dollars, and 4 people where two bring two friends."""
    terms = [term.value for each in equations for term in terms_of(each.readings[0])]
    found = set[int]()
    for i, value in enumerate(values):
        if value <= _LARGEST_GROUP and terms.count(value) > 1:
            others = [*values[:i], *values[i + 1 :], 1]
            if value <= _OFTEN_TWO_THINGS or any(x + y == value for x, y in combinations(others, 2)):
                found.add(i)
    return found


def _find_restated(reading: _Reading) -> set[int]:
    """Numbers behind a result that the question states as well, without the solution reading it from there."""
    terms = {term.value for each in reading.equations for term in terms_of(each.readings[0])}
    stated = {each.value for each in reading.quantities if each.value > 2} - terms
    return {
        i
        for each, behind in zip(reading.equations, reading.behind, strict=True)
        if each.result in stated
        for i in behind
    }


def _find_unused(reading: _Reading) -> int | None:
    """An equation that nothing reads on the way to the last one, and that says something new."""
    live = set[int]()
    behaviours = set[int]()
    pending: list[Meaning] = [Earlier(len(reading.meanings) - 1)]
    while pending:
        meaning = pending.pop()
        behaviours.add(reading.behaviour(meaning))
        if isinstance(meaning, Earlier) and meaning.index not in live:
            live.add(meaning.index)
            pending.append(cast(Meaning, reading.meanings[meaning.index]))
        elif isinstance(meaning, Apply):
            pending += (meaning.left, meaning.right)
    unread = (i for i in range(len(reading.meanings)) if i not in live)
    return next((i for i in unread if reading.behaviours[i] not in behaviours), None)


@cache
def _random(index: int) -> int:
    return int.from_bytes(blake2b(b"%d" % index, digest_size=8).digest()) % _PRIME


@cache
def _modular(value: Number) -> int:
    return value.numerator * pow(value.denominator, -1, _PRIME) % _PRIME


@dataclass(slots=True)
class _Assembly:
    """Operations as they are laid down, each once, with the published values beside them."""

    reading: _Reading
    names: Mapping[int, str]
    operations: list[Operation] = field(default_factory=list)
    values: dict[Operand, Number] = field(default_factory=dict)
    places: dict[tuple[Operator, Operand, Operand], Result] = field(default_factory=dict)
    equations: list[Operand] = field(default_factory=list)
    percentages: set[Operand] = field(default_factory=lambda: {100})

    def place(self, meaning: Meaning) -> Operand:
        match meaning:
            case Given(index):
                quantity = self.reading.quantities[index]
                operand = self.names.get(index, quantity.value)
                self.values[operand] = quantity.value
                if quantity.percent:
                    self.percentages.add(operand)
                return operand
            case Earlier(index):
                return self.equations[index]
            case Apply(operator, left, right):
                return self._apply(operator, self.place(left), self.place(right))
            case constant:
                self.values[constant] = constant
                return constant

    def _apply(self, operator: Operator, left: Operand, right: Operand) -> Operand:
        if (operator, left, right) in self.places:
            return self.places[operator, left, right]
        result = apply_operator(operator, self.values[left], self.values[right])
        kind = kind_of(result)
        place = Result(len(self.operations))
        if operator in "+-" and {left, right} <= self.percentages and kind == "+w" and result <= 100:
            kind = "+p"
            self.percentages.add(place)
        if max(abs(result.numerator), result.denominator) > LARGEST or len(self.operations) == MAX_OPERATIONS:
            raise Unbound("program too large", f"at {left} {operator} {right}"[:80])
        self.operations.append(Operation(operator, left, right, kind))
        self.values[place] = result
        self.places[operator, left, right] = place
        return place


def _assemble(reading: _Reading, used: Sequence[int], answer: Number) -> Bound:
    names = {index: f"n{place}" for place, index in enumerate(used, start=1)}
    assembly = _Assembly(reading, names)
    needed = _needed(reading)
    for i, meaning in enumerate(reading.meanings):
        assembly.equations.append(assembly.place(meaning) if meaning is not None and i in needed else 0)
    last = assembly.equations[-1]
    if last != Result(len(assembly.operations) - 1) or assembly.values[last] != answer:
        raise Unbound("answer not reproduced", "the last result is an earlier one")
    domains = {name: cast(Domain, reading.quantities[i].domain) for i, name in names.items()}
    program = Operations(domains, tuple(assembly.operations))
    return Bound(program, {name: i for i, name in names.items()}, _shown(reading, assembly, needed))


def _needed(reading: _Reading) -> set[int]:
    """Equations on the way to the last one."""
    needed = set[int]()
    pending: list[Meaning] = [Earlier(len(reading.meanings) - 1)]
    while pending:
        match pending.pop():
            case Earlier(index) if index not in needed:
                needed.add(index)
                pending.append(cast(Meaning, reading.meanings[index]))
            case Apply(_, left, right):
                pending += (left, right)
            case _:
                pass
    return needed


def _shown(reading: _Reading, assembly: _Assembly, needed: set[int]) -> dict[Number, Operand]:
    """For each number that can be one thing only: its parameter, its result, or itself."""
    shown: dict[Number, Operand] = {}
    numbers = (
        {each.value for each in reading.quantities} | {each.result for each in reading.equations} | reading.constants
    )
    for value in numbers:
        candidates = list(reading.candidates(value))
        if len({reading.behaviour(each) for each in candidates}) != 1 or reading.may_be_unknown(value):
            continue
        if not any(reading.depends(each) & reading.free for each in candidates):
            shown[value] = value
            continue
        for each in candidates:
            if isinstance(each, Given) and each.index in assembly.names:
                shown[value] = assembly.names[each.index]
            elif isinstance(each, Earlier) and each.index in needed:
                shown[value] = assembly.equations[each.index]
            if value in shown:
                break
    return shown
