"""What solvers score that do not solve: published graph rows, with the programs of the families alone.

    python benchmarks/shortcuts.py runs/NAME/data/*/*.parquet

- *mode*: answers always with the commonest answer; its share is also the largest share of one answer;
- *last number*: answers with the last number that the question prints;
- *last node*: sees the last node alone and takes the middle of its range for what is carried to it;
- *one link*: works everything out but does not read one random dependency: it takes some number of its range for what comes from
  there, and decides by chance where a condition asks it. A dependency is a node that reads another, through however many links.

Also printed: the largest shares of a shape, an operation, a pair of subjects that are linked, and a family at the end.
"""

import json
import re
import sys
from collections import Counter
from random import Random
from typing import Any

import pyarrow.parquet as pq
from recheck import Graph, Wrong, shown

from catena.generators.atoms.catalog import families


class Blind(Graph):
    """A graph of which some links are not read; `middle` takes the middle of the range for them, else any value of it.

    What `by_chance` (a child and the node that it asks in a condition) decides is tossed once.
    """

    def __init__(
        self, text: str, unread: list[int], rng: Random, *, middle: bool, by_chance: tuple[int, int] | None = None
    ) -> None:
        super().__init__(text)
        self.unread, self.rng, self.middle = [self.links[at] for at in unread], rng, middle
        self.by_chance = by_chance
        outcomes = [
            link[6]
            for link in self.links
            if by_chance and link[1] == by_chance[0] and len(link) > 6 and link[6][0] == by_chance[1]
        ]
        self.tossed = rng.choice(sorted(outcomes, key=str)) if outcomes else None

    def feeding(self, node: int) -> list[list[Any]]:
        """The links that carry into a node, as a condition or a toss decides."""
        if self.by_chance is None or self.by_chance[0] != node:
            return super().feeding(node)
        asked = self.by_chance[1]
        return [
            link
            for link in self.links
            if link[1] == node
            and (len(link) == 6 or (link[6] == self.tossed if link[6][0] == asked else self.passes(link[6])))
        ]

    def carried(self, link: list[Any]) -> int:
        """What a link brings, or a number instead."""
        if not any(link is one for one in self.unread):
            return super().carried(link)
        if link[2] == "#times":
            return self.rng.randint(2, 11)
        domain = families()[self.nodes[link[1]]["source"]].parameters[link[2]]
        value: Any = domain.guesses()[0] if self.middle else domain.draw(self.rng)
        return int(value)

    def check(self, node: int, values: dict[str, Any]) -> None:
        """Quantities must stay in their domains: programs may run for ever outside."""
        domains = families()[self.nodes[node]["source"]].parameters
        if not all(domains[name].contains(value) for name, value in values.items()):
            raise Wrong("outside of its domain")

    def final(self) -> str | None:
        """The answer that comes out; None where there is none."""
        try:
            answers = [shown(self.answer(node), self.nodes[node]["answer"][0]) for node in self.asked]
        except (Wrong, ArithmeticError, ValueError, LookupError, TypeError):
            return None
        return answers[0] if len(answers) == 1 else f"({', '.join(answers)})"


def dependencies(graph: str, necessity: list[float]) -> list[tuple[list[int], tuple[int, int] | None]]:
    """What can go unread: the links between two nodes, or a condition (child, node asked)."""
    found: dict[tuple[int, int, bool], list[int]] = {}
    for at, (link, share) in enumerate(zip(json.loads(graph)["links"], necessity, strict=True)):
        if share > 0:
            found.setdefault((link[1], link[0], False), []).append(at)
            if len(link) > 6:
                found[link[1], link[6][0], True] = []
    return [(links, pair[:2] if pair[2] else None) for pair, links in found.items()]


def shortcuts(row: dict[str, Any], rng: Random) -> list[str]:
    """The names of the shortcuts that give this row's answer."""
    links = json.loads(row["graph"])["links"]
    last = max(link[1] for link in links)
    into = [at for at, link in enumerate(links) if link[1] == last]
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", row["question"])
    found = []
    if numbers and numbers[-1].replace(",", "").lstrip("-") == row["answer"].lstrip("-"):
        found.append("last number")
    if Blind(row["graph"], into, rng, middle=True).final() == row["answer"]:
        found.append("last node")
    unread, by_chance = rng.choice(dependencies(row["graph"], json.loads(row["certificate"])["necessity"]))
    if Blind(row["graph"], unread, rng, middle=False, by_chance=by_chance).final() == row["answer"]:
        found.append("one link")
    return found


def largest(counts: Counter[Any]) -> str:
    """The commonest of something, with its share."""
    name, number = counts.most_common(1)[0]
    return f"{number / counts.total():.2%} ({name}; {len(counts):,} different)"


def main() -> None:
    columns = ["graph", "certificate", "question", "answer", "horizon"]
    rng, known = Random(1), families()
    hits: Counter[str] = Counter()
    answers: Counter[Any] = Counter()
    shapes: Counter[Any] = Counter()
    operations: Counter[Any] = Counter()
    pairs: Counter[Any] = Counter()
    ends: Counter[Any] = Counter()
    by_shape: Counter[str] = Counter()
    for path in sys.argv[1:]:
        for row in pq.read_table(path, columns=columns).to_pylist():
            if row["horizon"] == 1:
                continue
            graph = json.loads(row["graph"])
            found = shortcuts(row, rng)
            hits.update(found)
            by_shape[graph["shape"]] += "one link" in found
            answers[row["answer"]] += 1
            shapes[graph["shape"]] += 1
            operations.update(link[3] + ("" if link[4][-1] else ", as it is") for link in graph["links"])
            ends[graph["nodes"][-1]["source"]] += 1
            subjects = [known[node["source"]].topic[0] for node in graph["nodes"]]
            pairs.update((subjects[link[0]], subjects[link[1]]) for link in graph["links"])
    print(f"{answers.total():,} rows beyond horizon 1")
    print("commonest answer, which is what the mode scores:", largest(answers))
    for name in ("last number", "last node", "one link"):
        print(f"{name}: {hits[name] / answers.total():.2%}")
    print("one link by shape:", ", ".join(f"{shape} {by_shape[shape] / rows:.1%}" for shape, rows in shapes.items()))
    print("commonest shape:", largest(shapes))
    print("commonest operation:", largest(operations))
    print("commonest pair of subjects:", largest(pairs))
    print("commonest family at the end:", largest(ends))
    print(
        "operations:",
        ", ".join(f"{name} {number / operations.total():.1%}" for name, number in operations.most_common(12)),
    )


if __name__ == "__main__":
    main()
