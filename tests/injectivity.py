"""Proofs that a program's answer tells one of its quantities while the others stay: by trying everything, or by algebra.

By algebra, a program becomes a quotient of polynomials. The difference of two answers is then `(p - q) * g` over something that is
not 0, and `g` has one sign on the whole of the domains: every coefficient has that sign once each variable is counted from one of its
ends. Parameters of few options stand for themselves, each combination is proven apart. Whole division counts as exact where all
residues that the domains allow leave none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from itertools import pairwise, product
from operator import mul
from types import FunctionType
from typing import Any

from catena.domains import OneOf, Tenths, Whole
from catena.generators.atoms.family import Family

MOST_TRIED, MOST_COMBINATIONS = 170_000, 2_000
OTHER = "#other"
"""A second value of the parameter in question."""
Monomial = tuple[tuple[str, int], ...]
"""Variables with their powers, sorted by name."""


class Unproven(Exception):
    """The program does something that the algebra does not know."""


class Poly:
    """A polynomial with exact coefficients."""

    def __init__(self, terms: dict[Monomial, Fraction]) -> None:
        self.terms = {monomial: factor for monomial, factor in terms.items() if factor}

    def __add__(self, other: "Poly") -> "Poly":
        terms = dict(self.terms)
        for monomial, factor in other.terms.items():
            terms[monomial] = terms.get(monomial, Fraction(0)) + factor
        return Poly(terms)

    def __mul__(self, other: "Poly") -> "Poly":
        terms: dict[Monomial, Fraction] = {}
        for (one, left), (two, right) in product(self.terms.items(), other.terms.items()):
            powers = dict(one)
            for name, power in two:
                powers[name] = powers.get(name, 0) + power
            monomial = tuple(sorted(powers.items()))
            terms[monomial] = terms.get(monomial, Fraction(0)) + left * right
        return Poly(terms)

    def replaced(self, name: str, by: "Poly") -> "Poly":
        """The polynomial with another one in place of a variable."""
        total = Poly({})
        for monomial, factor in self.terms.items():
            term = Poly({tuple(pair for pair in monomial if pair[0] != name): factor})
            total += reduce(mul, [by] * dict(monomial).get(name, 0), term)
        return total

    def by_power(self, name: str) -> dict[int, "Poly"]:
        """What stands before each power of a variable."""
        found: dict[int, Poly] = {}
        for monomial, factor in self.terms.items():
            rest = tuple(pair for pair in monomial if pair[0] != name)
            power = dict(monomial).get(name, 0)
            found[power] = found.get(power, Poly({})) + Poly({rest: factor})
        return found


def constant(value: int | Fraction) -> Poly:
    """A polynomial without variables."""
    return Poly({(): Fraction(value)})


def variable(name: str) -> Poly:
    """A polynomial that is one variable."""
    return Poly({((name, 1),): Fraction(1)})


class Ratio:
    """A number that a program works with: a quotient of polynomials; `claims` collects the whole divisions that must be exact."""

    def __init__(self, above: Poly, below: Poly, claims: list[tuple["Ratio", "Ratio"]]) -> None:
        self.above, self.below, self.claims = above, below, claims

    def _of(self, other: Any) -> "Ratio":
        if isinstance(other, Ratio):
            return other
        if not isinstance(other, int | Fraction):
            raise Unproven(f"works with {other!r}")
        return Ratio(constant(other), constant(1), self.claims)

    def __add__(self, other: Any) -> "Ratio":
        that = self._of(other)
        return Ratio(self.above * that.below + that.above * self.below, self.below * that.below, self.claims)

    def __mul__(self, other: Any) -> "Ratio":
        that = self._of(other)
        return Ratio(self.above * that.above, self.below * that.below, self.claims)

    def divided(self, other: Any) -> "Ratio":
        """This number by another one."""
        that = self._of(other)
        return Ratio(self.above * that.below, self.below * that.above, self.claims)

    def __rtruediv__(self, other: Any) -> "Ratio":
        return self._of(other).divided(self)

    def __truediv__(self, other: Any) -> "Ratio":
        return self.divided(other)

    def __floordiv__(self, other: Any) -> "Ratio":
        self.claims.append((self, self._of(other)))
        return self.divided(other)

    def __pow__(self, power: int) -> "Ratio":
        total = self._of(1)
        for _ in range(power):
            total *= self
        return total

    def __neg__(self) -> "Ratio":
        return self * -1

    def __sub__(self, other: Any) -> "Ratio":
        return self + self._of(other) * -1

    def __rsub__(self, other: Any) -> "Ratio":
        return self._of(other).__sub__(self)

    __radd__, __rmul__ = __add__, __mul__
    __hash__ = None  # type: ignore[assignment]

    def _refuse(self, *_: Any) -> Any:
        raise Unproven("compares, or looks into a number")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __int__ = __index__ = __mod__ = __rmod__ = _refuse


def injective(family: Family) -> dict[str, str]:
    """The parameters that a family's answer tells, each with how that was found: `tried` or `algebra`."""
    if family.kind == "boolean":
        return {}
    sizes = [len(options(domain)) for domain in family.parameters.values()]
    if reduce(mul, sizes) <= MOST_TRIED:
        return dict.fromkeys(_tried(family), "tried")
    if family.kind == "real":  # floats round
        return {}
    return dict.fromkeys((name for name in family.parameters if _by_algebra(family, name)), "algebra")


def options(domain: Any) -> Sequence[Any]:
    """All values of a domain."""
    if isinstance(domain, Whole):
        return range(domain.low, domain.high + 1, domain.step)
    if isinstance(domain, Tenths):
        tenths = [Fraction(each, 10) for each in range(domain.low, domain.high + 1)]
        return [each.numerator if each.denominator == 1 else each for each in tenths]
    assert isinstance(domain, OneOf)
    return domain.options


def _tried(family: Family) -> Iterator[str]:
    names = list(family.parameters)
    seen: list[dict[tuple[Any, ...], set[Any]]] = [{} for _ in names]
    told = set(range(len(names)))
    for values in product(*map(options, family.parameters.values())):
        if family.constraint is not None and not family.constraint(*values):
            continue
        answer = family.solve(*values)
        for at in tuple(told):
            answers = seen[at].setdefault((*values[:at], *values[at + 1 :]), set())
            if answer in answers:
                told.discard(at)
            answers.add(answer)
    yield from (names[at] for at in told)


def _by_algebra(family: Family, name: str) -> bool:
    few = {each: options(domain) for each, domain in family.parameters.items() if not isinstance(domain, Whole)}
    own = few.pop(name, None)
    combinations = [dict(zip(few, each, strict=True)) for each in product(*few.values())]
    if len(combinations) * len(own or (0,)) > MOST_COMBINATIONS:
        return False
    solve = algebraic(family.solve)
    try:
        if own is not None:
            return all(_rises(family, solve, name, sorted(own), fixed) for fixed in combinations)
        return all(_tells(family, solve, name, fixed) for fixed in combinations)
    except (Unproven, TypeError, AttributeError, ValueError):
        return False


def algebraic(solve: Callable[..., Any]) -> Callable[..., Any]:
    """The same program over quotients of polynomials."""
    assert isinstance(solve, FunctionType)
    known = {
        "Fraction": lambda above, below=1: above * Fraction(1) / below,
        "exact": lambda value: value,
        "comb": _comb,
    }
    return FunctionType(solve.__code__, {**solve.__globals__, **known}, None, solve.__defaults__, solve.__closure__)


def _comb(number: Any, taken: int) -> Any:
    assert taken == 2
    return number * (number - 1) / 2


def _rises(family: Family, solve: Callable[..., Any], name: str, own: Sequence[Any], fixed: dict[str, Any]) -> bool:
    """Whether the answer always rises from one option of a parameter to the next, or always falls."""
    differences = []
    for one, other in pairwise(own):
        before, after = (_answer(family, solve, {**fixed, name: value}) for value in (one, other))
        if before is None or after is None:
            return False
        differences.append(
            _sign(after.above * before.below + before.above * after.below * constant(-1), family.parameters)
        )
        if 0 in (_sign(before.below, family.parameters), _sign(after.below, family.parameters)):
            return False
        differences[-1] *= _sign(before.below, family.parameters) * _sign(after.below, family.parameters)
    return set(differences) in ({1}, {-1})


def _tells(family: Family, solve: Callable[..., Any], name: str, fixed: dict[str, Any]) -> bool:
    """Whether the answer tells a parameter while some others have these values."""
    answer = _answer(family, solve, fixed)
    if answer is None:
        return False
    above, below = (part.replaced(name, variable(OTHER)) for part in (answer.above, answer.below))
    difference = answer.above * below + above * answer.below * constant(-1)
    ranges = {**family.parameters, OTHER: family.parameters[name]}
    return _sign(_divided(difference, name), ranges) != 0 and _sign(answer.below, family.parameters) != 0


def _answer(family: Family, solve: Callable[..., Any], fixed: dict[str, Any]) -> Ratio | None:
    """The answer over the other parameters; None where a whole division is not known to be exact."""
    claims: list[tuple[Ratio, Ratio]] = []
    given = {each: fixed.get(each, Ratio(variable(each), constant(1), claims)) for each in family.parameters}
    answer = solve(**given)
    return answer if isinstance(answer, Ratio) and all(_divides(family, *claim) for claim in claims) else None


def _divided(poly: Poly, name: str) -> Poly:
    """A polynomial by `name - other`, of which it is a multiple."""
    powers = poly.by_power(name)
    quotient, carried = Poly({}), Poly({})
    for power in range(max(powers, default=0), 0, -1):
        carried = powers.get(power, Poly({})) + carried * variable(OTHER)
        quotient += carried * Poly({((name, power - 1),) if power > 1 else (): Fraction(1)})
    assert not (powers.get(0, Poly({})) + carried * variable(OTHER)).terms
    return quotient


def _sign(poly: Poly, ranges: Mapping[str, Any]) -> int:
    """1 where it is above 0 on all of these ranges, -1 where it is below, as the signs of coefficients show; 0: they do not."""
    used = [name for name in ranges if any(name in dict(monomial) for monomial in poly.terms)]
    for ends in product((True, False), repeat=len(used)):
        shifted = poly
        for name, from_low in zip(used, ends, strict=True):
            domain, step = ranges[name], variable(name)
            end = constant(domain.low) + step if from_low else constant(domain.high) + step * constant(-1)
            shifted = shifted.replaced(name, end)
        if shifted.terms.get((), 0) and len({factor > 0 for factor in shifted.terms.values()}) == 1:
            return 1 if shifted.terms[()] > 0 else -1
    return 0


def _divides(family: Family, above: Ratio, below: Ratio) -> bool:
    """Whether a whole division by a constant leaves no rest, whatever the domains allow."""
    by = below.above.terms.get((), Fraction(0)) if set(below.above.terms) == {()} else Fraction(0)
    if set(above.below.terms) != {()} or below.below.terms != {(): 1} or by.denominator != 1 or not by:
        return False
    scale = above.below.terms[()]
    modulus = int(by) * scale.numerator  # the dividend is a polynomial over `scale`
    factors = {monomial: factor * scale.denominator for monomial, factor in above.above.terms.items()}
    if any(factor.denominator != 1 for factor in factors.values()):
        return False
    used = sorted({name for monomial in factors for name, _ in monomial})
    residues = [sorted({value % modulus for value in options(family.parameters[name])}) for name in used]
    if reduce(mul, map(len, residues), 1) > MOST_TRIED:
        return False
    for values in product(*residues):
        at = dict(zip(used, values, strict=True))
        total = sum(
            int(factor) * reduce(mul, [at[name] ** power for name, power in monomial], 1)
            for monomial, factor in factors.items()
        )
        if total % modulus:
            return False
    return True
