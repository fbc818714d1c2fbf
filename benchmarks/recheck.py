"""Checks published graph rows with none of the generator's or the validators' code.

    python benchmarks/recheck.py runs/NAME/data/*/*.parquet            with the families' own programs: millions of rows
    python benchmarks/recheck.py --second runs/NAME/data/*/*.parquet   with the second truth of every family that tests/atoms holds
                                                                       (counting, simulating, sympy): nothing is shared, but slow
    --rows N                                                           every so many rows, so that about N are checked

Truth is worked out backwards from the wanted answers, by recursion over the row's JSON, with operations written down a second time;
carried quantities are never read from the row, and an unknown is found by trying the whole range that the question states. The exit
code is 1 when a row's answer, horizon or given number does not come out. Not here: necessity and shortcuts; rows over programs that
models wrote.
"""

import argparse
import importlib.util
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Truth = Callable[..., Any]
TESTS = Path(__file__).parent.parent / "tests" / "atoms"
BOUNDS = re.compile(r"Here (\S+) is an unknown whole number from (-?\d+) to (-?\d+)\.")
CLOSE = 1e-6
"""Relative difference of answers that are no exact numbers: the second truths are worked out in other ways."""

FACTORS = {"m_to_cm": 100, "km_to_m": 1000, "kg_to_g": 1000, "h_to_min": 60, "min_to_s": 60, "L_to_mL": 1000,
           "dollars_to_cents": 100, "cm_to_mm": 10, "years_to_months": 12, "kJ_to_J": 1000, "byte_to_bit": 8}  # fmt: skip
CARRY: dict[str, Callable[..., Any]] = {
    "identity": lambda a: a,
    "scale": lambda a, k: k * a,
    "minus": lambda a, k: k - a,
    "reversed": lambda a: sum(int(digit) * 10**place for place, digit in enumerate(str(a))),
    "square": lambda a: a * a,
    "quotient": lambda a, k: math.floor(Fraction(a, k)),
    "remainder": lambda a, k: a - k * math.floor(Fraction(a, k)),
    "digit_sum": lambda a: sum(int(digit) for digit in re.findall(r"\d", str(a))),
    "rounded": lambda a: math.floor(Fraction(a) + Fraction(1, 2)),
    "numerator": lambda a: Fraction(a).numerator,
    "denominator": lambda a: Fraction(a).denominator,
    "count": len,
    "letters": len,
    "integer_part": math.floor,
    "rounded_up": lambda a: -math.floor(-a),
    "root": lambda a: next(r for r in range(math.isqrt(a) + 2) if (r + 1) ** 2 > a) if a < 10**6 else math.isqrt(a),
    "last_digits": lambda a, n: int(str(abs(a))[-n:]),
    "entry": lambda a, n: a[n - 1],
    "largest": lambda a: sorted(a)[-1],
    "smallest": lambda a: sorted(a)[0],
    "total": sum,
    "letter": lambda a, n: "abcdefghijklmnopqrstuvwxyz".index(a.lower()[n - 1]) + 1,
    "first_in_order": lambda a: "abcdefghijklmnopqrstuvwxyz".index(min(re.findall("[a-z]", a.lower()))) + 1,
    "different_letters": lambda a: len(set(re.findall("[a-z]", a.lower()))),
    "entry_letters": lambda a, n: len(a[n - 1]),
    "truth": lambda a: 1 if a else 0,
}


class Wrong(Exception):
    """A row that does not come out."""


def carry(op: str, arguments: list[int], answer: Any) -> int:
    """What an operation makes of an answer."""
    *given, shift = arguments
    if op in FACTORS:
        return int(FACTORS[op] * answer + shift)
    if op not in CARRY:
        raise Wrong(f"operation {op} is not known here")
    return int(CARRY[op](answer, *given)) + shift


def decoded(value: Any) -> Any:
    """A value as the row's JSON writes it."""
    if isinstance(value, dict):
        return Fraction(*value["/"])
    return tuple(map(decoded, value)) if isinstance(value, list) else value


def shown(value: Any, kind: str) -> str:
    """A value as an answer prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        inner = ", ".join(shown(item, kind) for item in value)
        return f"{{{inner}}}" if kind == "set" else f"({inner})"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, Fraction) and 10**6 % value.denominator == 0:
        text = f"{abs(value.numerator) * (10**6 // value.denominator):07d}"
        return ("-" if value < 0 else "") + f"{text[:-6]}.{text[-6:]}".rstrip("0").rstrip(".")
    return str(value)


@cache
def programs() -> dict[str, Truth]:
    """The families' own programs."""
    from catena.generators.atoms.catalog import families

    return {name: family.solve for name, family in families().items()}


@cache
def second_truths() -> dict[str, Truth]:
    """What the tests hold against the programs: every family worked out in another way."""
    found: dict[str, Truth] = {}
    for path in sorted(TESTS.glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"second_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= getattr(module, "TRUTHS", {})
    return found


class Graph:
    """A row's graph, worked out from its wanted answers backwards."""

    def __init__(self, text: str, question: str = "", truths: Callable[[], dict[str, Truth]] = programs) -> None:
        data = json.loads(text)
        self.truths, self.bounds = truths(), BOUNDS.search(question)
        self.nodes, self.links = data["nodes"], data["links"]
        self.asked = data.get("asked") or [len(self.nodes) - 1]
        self.unknown = data.get("unknown")
        self.known: dict[int, Any] = {}
        self.depths: dict[int, int] = {}
        self.found: int | None = None

    def passes(self, condition: list[Any]) -> bool:
        """Whether a condition [node, test, argument, wanted] is met."""
        node, test, argument, wanted = condition
        answer = self.answer(node)
        if test == "true":
            return (answer is True) is bool(wanted)
        if test.startswith("rest"):
            by = int(test.removeprefix("rest"))
            return (answer - argument) / Fraction(by) == (answer - argument) // by and bool(wanted)
        return bool(answer > argument if test == "over" else answer % 2 == 0) is bool(wanted)

    def feeding(self, node: int) -> list[list[Any]]:
        """The links that carry into a node."""
        return [link for link in self.links if link[1] == node and (len(link) == 6 or self.passes(link[6]))]

    def carried(self, link: list[Any]) -> int:
        """What a link brings."""
        parent, _, _, op, arguments, *_ = link
        return carry(op, arguments, self.answer(parent))

    def answer(self, node: int) -> Any:
        """A node's answer."""
        if node not in self.known:
            if self.unknown and node == self.unknown[0] and self.found is None:
                self.found = self.find()
            self.known[node] = self.compute(node)
        return self.known[node]

    def compute(self, node: int) -> Any:
        """A node's answer, with everything above it."""
        solve = self.truths[self.nodes[node]["source"]]
        values = {name: decoded(value) for name, value in self.nodes[node]["values"].items()}
        if self.unknown and node == self.unknown[0]:
            values[self.unknown[1]] = self.found
        times = 1
        fed = set()
        for link in self.feeding(node):
            name, value = link[2], self.carried(link)
            if name in fed:
                raise Wrong(f"{name} of node {node} is fed twice")
            fed.add(name)
            if name == "#times":
                times = value
            else:
                values[name] = value
        if fed != {link[2] for link in self.links if link[1] == node}:
            raise Wrong(f"something of node {node} is fed by no outcome")
        loop = self.nodes[node].get("loop")
        self.check(node, values)
        exact = self.nodes[node]["answer"][0] != "real"
        answer = plain(solve(**values), exact)
        for _ in range(times - 1):
            answer = plain(solve(**{**values, loop[0]: (value := carry(loop[1], loop[2], answer))}), exact)
            values[loop[0]] = value
        return answer

    def check(self, node: int, values: dict[str, Any]) -> None:
        """What must hold of a node's quantities; here nothing."""

    def find(self) -> int:
        """The only value of the unknown that gives the target's printed answer."""
        node, name, target = self.unknown
        wanted = self.nodes[target]["answer"]
        low, high = (int(self.bounds[2]), int(self.bounds[3])) if self.bounds else self.domain(node, name)
        fitting = []
        for value in range(low, high + 1):
            self.found, self.known = value, {}
            try:
                if same(self.answer(target), wanted):
                    fitting.append(value)
            except (ArithmeticError, ValueError, TypeError):
                continue
        self.known = {}
        if len(fitting) != 1:
            raise Wrong(f"the unknown has {len(fitting)} values")
        return fitting[0]

    def domain(self, node: int, name: str) -> tuple[int, int]:
        """The range of a quantity where no question states it."""
        from catena.generators.atoms.catalog import families

        domain: Any = families()[self.nodes[node]["source"]].parameters[name]
        return domain.low, domain.high

    def depth(self, node: int) -> int:
        """Nodes on the longest path to a node; those between an unknown and its target are one block."""
        block = self.block() if self.unknown else set()
        if node in block:
            above = {parent for one in block for parent, *_ in self.feeding(one)} - block
            return len(block) + max(map(self.depth, above), default=0)
        if node not in self.depths:
            parents = [link[0] for link in self.feeding(node)] + [
                link[6][0] for link in self.feeding(node) if len(link) > 6
            ]
            self.depths[node] = 1 + max(map(self.depth, parents), default=0)
        return self.depths[node]

    def block(self) -> set[int]:
        """The nodes from the unknown to its target."""
        found, node = {self.unknown[2]}, self.unknown[2]
        while node != self.unknown[0]:
            node = next(link[0] for link in self.links if link[1] == node)
            found.add(node)
        return found


def plain(value: Any, exact: bool) -> Any:
    """A whole number as one, however it was worked out; floats stay in answers that are no exact numbers."""
    if isinstance(value, tuple):
        return tuple(plain(item, exact) for item in value)
    if isinstance(value, Fraction) or (exact and isinstance(value, float)):
        return int(value) if value == int(value) else value
    return value


def same(value: Any, answer: list[Any]) -> bool:
    """Whether a value is what a node's answer [kind, text, unit, tolerance] says."""
    kind, text = answer[:2]
    if kind == "real":
        return abs(float(value) - float(text)) <= CLOSE * abs(float(text))
    return bool(shown(value, kind) == text)


def recheck(row: dict[str, Any], truths: Callable[[], dict[str, Truth]] = programs) -> str | None:
    """Why a published row does not come out; None where it does."""
    graph = Graph(row["graph"], row.get("question", ""), truths)
    try:
        right = all(same(graph.answer(node), graph.nodes[node]["answer"]) for node in graph.asked)
        horizon = max(graph.depth(node) for node in graph.asked)
    except (Wrong, ArithmeticError, ValueError, TypeError, LookupError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    answers = [graph.nodes[node]["answer"][1] for node in graph.asked]
    if not right or row["answer"] != (answers[0] if len(answers) == 1 else f"({', '.join(answers)})"):
        return "another answer"
    return None if horizon == row["horizon"] else "another horizon"


def recheck_file(path: str, every: int = 1, *, second: bool = False) -> Counter[str]:
    """The rows of one file by outcome, or every so many of them."""
    table = pq.read_table(path, columns=["graph", "question", "answer", "horizon"])
    truths = second_truths if second else programs
    found: Counter[str] = Counter()
    for batch in table.take(list(range(0, table.num_rows, every))).to_batches(max_chunksize=2000):
        found += Counter(recheck(row, truths) or "right" for row in batch.to_pylist())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--second", action="store_true")
    parser.add_argument("--rows", type=int)
    options = parser.parse_args()
    every = 1
    if options.rows:
        every = max(1, sum(pq.read_metadata(path).num_rows for path in options.paths) // options.rows)
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        for found in pool.map(partial(recheck_file, every=every, second=options.second), options.paths):
            counts += found
    for outcome, rows in counts.most_common():
        print(f"{rows:>10,} {outcome}")
    return 0 if set(counts) <= {"right"} else 1


if __name__ == "__main__":
    sys.exit(main())
