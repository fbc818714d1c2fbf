"""Checks published graph rows with none of the generator's or the validators' code: only the programs of the families are shared.

    python benchmarks/recheck.py runs/NAME/data/*/*.parquet

Truth is worked out backwards from the wanted answers, by recursion over the row's JSON, with operations written down a second time;
carried quantities are never read from the row, and an unknown is found by trying its whole domain. The exit code is 1 when a row's
answer, horizon or given number does not come out. Not here: necessity and shortcuts; rows over programs that models wrote.
"""

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from typing import Any

import pyarrow.parquet as pq

from catena.generators.atoms.catalog import families

FACTORS = {"m_to_cm": 100, "km_to_m": 1000, "kg_to_g": 1000, "h_to_min": 60, "min_to_s": 60, "L_to_mL": 1000,
           "dollars_to_cents": 100, "cm_to_mm": 10, "years_to_months": 12, "kJ_to_J": 1000, "byte_to_bit": 8}  # fmt: skip
CARRY: dict[str, Callable[..., Any]] = {
    "identity": lambda a: a,
    "scale": lambda a, k: k * a,
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


class Graph:
    """A row's graph, worked out from its wanted answers backwards."""

    def __init__(self, text: str) -> None:
        data = json.loads(text)
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
        family = families()[self.nodes[node]["source"]]
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
        loop = self.nodes[node].get("loop")
        self.check(node, values)
        answer = family.solve(**values)
        for _ in range(times - 1):
            answer = family.solve(**{**values, loop[0]: (value := carry(loop[1], loop[2], answer))})
            values[loop[0]] = value
        return answer

    def check(self, node: int, values: dict[str, Any]) -> None:
        """What must hold of a node's quantities; here nothing."""

    def find(self) -> int:
        """The only value of the unknown that gives the target's printed answer."""
        node, name, target = self.unknown
        domain: Any = families()[self.nodes[node]["source"]].parameters[name]
        wanted = self.nodes[target]["answer"]
        fitting = []
        for value in range(domain.low, domain.high + 1):
            self.found, self.known = value, {}
            try:
                if shown(self.answer(target), wanted[0]) == wanted[1]:
                    fitting.append(value)
            except (ArithmeticError, ValueError):
                continue
        self.known = {}
        if len(fitting) != 1:
            raise Wrong(f"the unknown has {len(fitting)} values")
        return fitting[0]

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


def recheck(row: dict[str, Any]) -> str | None:
    """Why a published row does not come out; None where it does."""
    graph = Graph(row["graph"])
    try:
        answers = [shown(graph.answer(node), graph.nodes[node]["answer"][0]) for node in graph.asked]
        horizon = max(graph.depth(node) for node in graph.asked)
    except (Wrong, ArithmeticError, ValueError, KeyError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    answer = answers[0] if len(answers) == 1 else f"({', '.join(answers)})"
    if answer != row["answer"]:
        return "another answer"
    return None if horizon == row["horizon"] else "another horizon"


def recheck_file(path: str) -> Counter[str]:
    """The rows of one file by outcome."""
    table = pq.read_table(path, columns=["graph", "answer", "horizon"])
    return Counter(recheck(row) or "right" for row in table.to_pylist())


def main() -> int:
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        for found in pool.map(recheck_file, sys.argv[1:]):
            counts += found
    for outcome, rows in counts.most_common():
        print(f"{rows:>10,} {outcome}")
    return 0 if set(counts) <= {"right"} else 1


if __name__ == "__main__":
    sys.exit(main())
