"""The slow part of answer equality: sympy, math-verify and pint, run only inside a worker process.

Reads one JSON request per line on stdin and answers on stdout: `{"started": true}` once the libraries
it needs are loaded (the parent's deadline begins there), then the result. Text reaches sympy only as a
tree of `catena.answer_algebra`, never through `sympify`, `parse_expr` or `eval`. What that reader does
not know (matrices, relations) goes through a character whitelist to latex2sympy and math-verify.
"""

import json
import os
import re
import resource
import sys
import tokenize
from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

import sympy

from catena.answer_algebra import MAX_CHARS, Tree, read_algebra
from catena.answer_rational import equal_rationals
from catena.answer_values import Math, Node, read_interval, read_item, read_sequence, read_set, same_node, show_node

MEMORY_BYTES = 2 << 30
CPU_SECONDS = 60  # the kernel ends a worker whose parent was killed in the middle of a request
DIGITS = 60
POINTS = ((-1.37, 0.61, 2.43, -0.29, 1.71), (0.83, -1.93, 0.37, 1.17, -2.57), (2.19, 1.43, -0.77, 0.53, 0.91))
_EXACT_POINTS = tuple(tuple(Fraction(str(value)) for value in point) for point in POINTS)

_READERS: dict[str, Callable[[str], Node | None]] = {
    "set": read_set,
    "sequence": read_sequence,
    "interval": read_interval,
    "expression": read_item,
}
_WHITELIST = re.compile(
    r"(?:\\(?:[a-zA-Z]+|[\\{}])|(?<![a-zA-Z\\])[a-zA-Z]{1,2}(?![a-zA-Z])|[0-9\s+\-*/^(){}\[\].,=<>|!&_])*"
)
_COMMANDS = frozenset(
    re.findall(
        r"\S+",
        "frac sqrt pi sin cos tan ln log exp cdot times le leq ge geq lt gt ne neq begin end infty theta alpha beta "
        "lambda mu phi in cup cap mathbb pm vec hat bar overline lfloor rfloor lceil rceil",
    )
)
_MATRIX = re.compile(r"\\(?:begin|end)\{[pbvV]?matrix\}")


def to_sympy(tree: Tree) -> Any:
    """The sympy expression of a tree; `e` is Euler's number and `i` the imaginary unit."""
    head, *parts = tree
    if head == "number":
        return sympy.Rational(parts[0].numerator, parts[0].denominator)
    if head == "name":
        return {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}.get(parts[0]) or sympy.Symbol(parts[0])
    if head == "call":
        return _call(parts[0], *map(to_sympy, parts[1:]))
    values = [to_sympy(part) for part in parts]
    match head:
        case "neg":
            return -values[0]
        case "!":
            return sympy.factorial(values[0])
        case "+":
            return values[0] + values[1]
        case "*":
            return values[0] * values[1]
        case "/":
            return values[0] / values[1]
        case "^":
            return values[0] ** values[1]
    raise ValueError(f"no expression is made of {head!r}")


def _call(name: str, argument: Any, index: Any = None) -> Any:
    if name == "sqrt":
        return sympy.root(argument, 2 if index is None else index)
    if name == "log" and index is not None:
        return sympy.log(argument) / sympy.log(index)
    if name == "binom":
        return sympy.binomial(argument, index)
    names = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "ln": "log", "abs": "Abs"}
    return getattr(sympy, names.get(name, name))(argument)


def equal_trees(left: Tree, right: Tree) -> bool:
    """Whether two trees are equal as functions, or as equations up to a constant factor."""
    if left[0] == "=" or right[0] == "=":
        return left[0] == right[0] and _equal_equations(left, right)
    exact = equal_rationals(left, right, _EXACT_POINTS)
    if exact is not None:
        return exact
    return _is_zero(to_sympy(left) - to_sympy(right))


def _equal_equations(left: Tree, right: Tree) -> bool:
    first, second = (to_sympy(tree[1]) - to_sympy(tree[2]) for tree in (left, right))
    ratio = sympy.simplify(first / second)
    return bool(ratio.is_number and ratio.is_finite and ratio != 0)


def _is_zero(difference: Any) -> bool:
    """Zero at several points to 60 digits; simplification decides where numbers cannot."""
    if difference == 0 or difference.has(sympy.nan, sympy.zoo, sympy.oo):
        return bool(difference == 0)
    symbols = sorted(difference.free_symbols, key=str)
    verdicts = [_vanishes(difference, symbols, point) for point in (POINTS if symbols else POINTS[:1])]
    decided = [verdict for verdict in verdicts if verdict is not None]
    if decided:
        return all(decided)
    return bool(sympy.simplify(difference) == 0)


def _vanishes(expression: Any, symbols: list[Any], point: tuple[float, ...]) -> bool | None:
    """Whether the value at one point is 0 relative to its terms; None where it has no finite value."""
    offsets = {
        symbol: sympy.Rational(str(point[number % len(point)])) + number // len(point)
        for number, symbol in enumerate(symbols)
    }
    there = expression.xreplace(offsets)
    terms = [abs(sympy.N(term, DIGITS)) for term in sympy.Add.make_args(there)]
    value = abs(sympy.N(there, DIGITS, chop=False))
    scale = sum(terms, sympy.Integer(0))
    if not (value.is_Number and value.is_finite and scale.is_Number and scale.is_finite):
        return None
    return bool(value <= scale * sympy.Float(10) ** (10 - DIGITS))


def equal_leaves(gold: Node, found: Node) -> bool:
    """Equality of two numbers or algebra texts that have been read before.

    A found value that sympy cannot evaluate (it overflows) differs from a gold that it can; otherwise a
    reply could buy the verdict `error`.
    """
    left, right = _leaf_tree(gold), _leaf_tree(found)
    if left is None or right is None:
        return False
    try:
        return equal_trees(left, right)
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        equal_trees(left, left if left[0] == "=" else ("number", Fraction(7, 3)))  # raises when the gold is at fault
        return False


def _leaf_tree(leaf: Node) -> Tree | None:
    if isinstance(leaf, Fraction):
        return ("number", leaf)
    return read_algebra(leaf.text) if isinstance(leaf, Math) else None


def is_whitelisted(text: str) -> bool:
    """Whether LaTeX beyond `catena.answer_algebra` may be given to latex2sympy (which does not evaluate code)."""
    bare = _MATRIX.sub(" ", text)
    if len(text) > MAX_CHARS or not _WHITELIST.fullmatch(bare) or re.search(r"\^\s*\{?\s*-?\d{4}|\^[^^]{0,20}\^", text):
        return False
    return set(re.findall(r"\\([a-zA-Z]+)", bare)) <= _COMMANDS - {"begin", "end"}


def same(kind: str, gold: str, text: str) -> dict[str, Any]:
    """The verdict on two cleaned texts of kind expression, set, sequence or interval."""
    read = _READERS[kind]
    left, right = read(gold), read(text)
    if kind == "expression" and not (isinstance(left, Fraction | Math) and isinstance(right, Fraction | Math)):
        return _same_latex(gold, text)
    if left is None or right is None:
        return {"verdict": "error" if left is None else "unparsed", "note": f"not readable as {kind}"}
    equal = same_node(left, right, equal_leaves)
    return {
        "verdict": "equal" if equal else "different",
        "note": "",
        "parsed": text if kind == "expression" else show_node(right),
    }


def _same_latex(gold: str, text: str) -> dict[str, Any]:
    from latex2sympy2_extended import latex2sympy  # type: ignore[import-untyped,unused-ignore]
    from math_verify import verify

    sides = []
    for side, verdict in ((gold, "error"), (text, "unparsed")):
        if not is_whitelisted(side):
            return {"verdict": verdict, "note": "not an expression"}
        try:
            sides.append(latex2sympy(side))
        except (MemoryError, RecursionError):
            raise
        except Exception:  # antlr raises bare Exception for a syntax error
            return {"verdict": verdict, "note": "not an expression"}
    equal = verify(sides[0], sides[1], float_rounding=12, timeout_seconds=None)
    return {"verdict": "equal" if equal else "different", "note": "compared by math-verify", "parsed": text}


def evaluate(text: str) -> dict[str, Any]:
    """The decimal value of a closed form, to 30 digits; None when it is not a finite real number."""
    tree = read_algebra(text)
    if tree is None or tree[0] == "=":
        return {"value": None}
    try:
        value = sympy.N(to_sympy(tree), 30)
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        return {"value": None}
    if not (value.is_Number and value.is_real and value.is_finite):
        return {"value": None}
    return {"value": str(Fraction(str(value)))}


def convert(source: str, target: str) -> dict[str, Any]:
    """`scale` and `offset` from one unit to another, or `why` not: "unknown" or "incompatible"."""
    import pint

    units = [_unit(_pint_name(name)) for name in (source, target)]
    if None in units:
        return {"why": "unknown"}
    try:
        ends = [_registry().Quantity(Fraction(number), units[0]).to(units[1]).magnitude for number in (0, 1, 2)]
    except pint.DimensionalityError:
        return {"why": "incompatible"}
    except (pint.PintError, ValueError, TypeError):
        return {"why": "unknown"}
    zero, one, two = (Fraction(end) for end in ends)
    return {"scale": str(one - zero), "offset": str(zero)} if two - one == one - zero else {"why": "unknown"}


_REGISTRIES: list[Any] = []


def _registry() -> Any:
    import pint

    if not _REGISTRIES:
        _REGISTRIES.append(pint.UnitRegistry(non_int_type=cast(Any, Fraction)))
    return _REGISTRIES[0]


def _unit(name: str) -> Any:
    """The unit of a name, long words also with capitals (`Kilometers`); None when pint has none."""
    import pint

    for spelling in dict.fromkeys((name, re.sub(r"[A-Za-z]{4,}", lambda word: word[0].lower(), name))):
        try:
            return _registry().parse_units(spelling)
        except (pint.PintError, ValueError, TypeError, KeyError, AttributeError, tokenize.TokenError):
            continue
    return None


def _pint_name(label: str) -> str:
    label = re.sub(r"\bsq\.?\s", "square ", label)
    return re.sub(r"(?<=[A-Za-z])(-?[0-9]{1,2})\b", r"^\1", label).replace("degree per", "degrees per")


def _load_libraries(request: dict[str, Any]) -> None:
    if request["op"] == "convert":
        _registry()
    elif request.get("kind") == "expression":
        import math_verify  # noqa: F401


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    match request["op"]:
        case "same":
            return same(request["kind"], request["gold"], request["text"])
        case "evaluate":
            return evaluate(request["text"])
        case "convert":
            return convert(request["source"], request["target"])
    raise ValueError(f"unknown operation {request['op']!r}")


def main() -> None:
    """Serve requests until stdin closes; a request that exhausts memory ends the process."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries that print must not reach the parent
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _say(replies, {"ready": True})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _load_libraries(request)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime + request["timeout_s"]) + CPU_SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        _say(replies, {"started": True})
        try:
            reply = _answer(request)
        except MemoryError:
            os._exit(1)
        except Exception as error:  # one comparison must not end the worker; the verdict says so
            reply = {"failed": f"{type(error).__name__}: {str(error)[:200]}"}
        _say(replies, reply)


def _say(replies: Any, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
