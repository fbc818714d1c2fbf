"""Programs called by position: what evaluating the same program many times should not look up again.

A program takes its values by name (`catena.programs.Program`). Following a change through a graph calls one program hundreds of
times with one value replaced; a list of values, called by position, takes a third of the time of a dict that is copied and unpacked.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from catena.domains import Domain, Whole
from catena.programs import Program
from catena.records import Value

_MOST_KNOWN = 20_000
_DRAWS = 30
_VARIADIC = 0x04 | 0x08


class Called:
    """One program with its parameters by position.

    Attributes:
        names: The parameters in order.
        at: The position of each.
        domains: Of each parameter.
        bounds: Lowest and highest value where every whole number between them is allowed, else (1, 0), an empty range.
        solve: The truth from values by position.
        constraint: Refuses values by position; None accepts all.
        guesses: Of each parameter, see `Domain.guesses`.
        injective: The positions that the answer tells while the others stay, as bits; what a program does not declare is not among them.
    """

    __slots__ = ("at", "bounds", "constraint", "domains", "guesses", "injective", "names", "program", "solve")

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = tuple(program.parameters)
        self.at = {name: place for place, name in enumerate(self.names)}
        self.domains: list[Domain] = list(program.parameters.values())
        self.guesses = [domain.guesses() for domain in self.domains]
        self.bounds = [_bounds(domain) for domain in self.domains]
        self.solve: Callable[..., Value] = by_position(program.solve, self.names)
        constraint = program.constraint
        self.constraint: Callable[..., bool] | None = constraint and by_position(constraint, self.names)
        self.injective = sum(1 << self.at[name] for name in getattr(program, "injective", ()))

    def values(self, values: Mapping[str, Value]) -> list[Value] | None:
        """Values by position [num_parameters]; None where the names are others."""
        if len(values) != len(self.names):
            return None
        try:
            return [values[name] for name in self.names]
        except KeyError:
            return None

    def takes(self, place: int, value: Value) -> bool:
        """Whether a parameter's domain holds a value."""
        low, high = self.bounds[place]
        if low <= high:
            return type(value) is int and low <= value <= high
        return self.domains[place].contains(value)

    def inside(self, values: Sequence[Value]) -> bool:
        """Whether every value lies in its domain and they make sense together [num_parameters]."""
        for at, (low, high) in enumerate(self.bounds):
            value = values[at]
            if not (low <= value <= high if low <= high and type(value) is int else self.domains[at].contains(value)):
                return False
        return self.constraint is None or self.constraint(*values)

    def redrawn(self, values: Sequence[Value], places: Sequence[int], rng: Random) -> list[Value] | None:
        """`values` with one of `places` drawn anew, inside domain and constraint; None where a few draws found nothing."""
        constraint, number, random, bounds = self.constraint, len(places), rng.random, self.bounds
        place = places[0]
        low, high = bounds[place]
        for _ in range(_DRAWS):
            if number > 1:
                place = places[int(random() * number)]
                low, high = bounds[place]
            value = low + int(random() * (high - low + 1)) if low <= high else self.domains[place].draw(rng)
            if value != values[place]:
                changed = list(values)
                changed[place] = value
                if constraint is None or constraint(*changed):
                    return changed
        return None


_known: dict[int, Called] = {}


def called(program: Program) -> Called:
    """`program` by position, looked up once per process and program."""
    known = _known.get(id(program))  # it keeps its program, so that no other one can have this identity
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(program)] = Called(program)
    return known


def by_position(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """`function`, which takes these keyword arguments, with the same arguments by position.

    The function itself where its parameters are these names in this order.
    """
    code = getattr(function, "__code__", None)
    if (
        code is not None
        and not hasattr(function, "__self__")
        and not code.co_flags & _VARIADIC
        and not code.co_kwonlyargcount
        and code.co_varnames[: code.co_argcount] == names
    ):
        return function
    return lambda *values: function(**dict(zip(names, values, strict=True)))


def _bounds(domain: Domain) -> tuple[int, int]:
    return (domain.low, domain.high) if type(domain) is Whole and domain.step == 1 else (1, 0)
