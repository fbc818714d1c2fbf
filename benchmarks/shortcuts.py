"""What solvers score that do not solve: published graph rows, with the programs of the families alone.

    python benchmarks/shortcuts.py runs/NAME/data/*/*.parquet

- *mode*: answers always with the commonest answer; its share is also the largest share of one answer;
- *last number*: answers with the last number that the question prints;
- *last node*: sees the last node alone and takes the middle of its range for what is carried to it;
- *one link*: works everything out but takes some number of its range for what one random link carries.

Also printed: the largest shares of a shape, an operation and a pair of subjects that are linked.
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
    """A graph of which some links are not read; `middle` takes the middle of the range for them, else any value of it."""

    def __init__(self, text: str, unread: list[int], rng: Random, *, middle: bool) -> None:
        super().__init__(text)
        self.unread, self.rng, self.middle = [self.links[at] for at in unread], rng, middle

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
    needed = [at for at, share in enumerate(json.loads(row["certificate"])["necessity"]) if share > 0]
    if needed and Blind(row["graph"], [rng.choice(needed)], rng, middle=False).final() == row["answer"]:
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
            operations.update(link[3] for link in graph["links"])
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


if __name__ == "__main__":
    main()
