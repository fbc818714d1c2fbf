"""Makes `natural.csv`: the near pairs of two curated lists, as they come, for the base rate that made-up pairs hide.
And `aliases.csv`: PhySH's names with their alternative ones, many of which only a physicist would take for the same.

    python benchmarks/taxonomy/natural.py physh.ttl

The lists are the shipped tree `general` and PhySH, the classification of the American Physical Society (`physh.ttl` of
github.com/physh-org/PhySH, CC0), by preferred names. Both were curated by people who wanted every topic once, so a pair
is `distinct` unless `same.csv` says otherwise: that is the list of pairs which, read one by one, are one topic
(`duplicate`) or may be held to be (`doubtful`; left out). Halves are disjoint in names: subjects of the tree, a hash of
PhySH's names.
"""

import csv
import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pairs import FOLDER

from catena.taxonomy.candidates import candidates
from catena.taxonomy.embeddings import default_embedder
from catena.taxonomy.names import read_name
from catena.taxonomy.seeds import shipped_tree

TUNE = {"mathematics", "physics", "biology", "engineering", "earth science", "literature", "philosophy", "psychology"}
"""Subjects of the tree whose pairs are in the `tune` half."""

COLUMNS = ("a", "b", "path_a", "path_b", "label", "field", "kind", "split")

Paths = Sequence[tuple[str, ...]]


def aliases(file: str) -> list[tuple[str, str]]:
    """PhySH's preferred names with each alternative one."""
    found: set[tuple[str, str]] = set()
    for block in Path(file).read_text(encoding="utf-8").split("\n\n"):
        name, others = re.search(r'skos:prefLabel "([^"]*)"', block), re.search(r"skos:altLabel ([^;]*);", block)
        if "a skos:Concept;" in block and name and others and "deprecated" not in block:
            found |= {(name[1], other) for other in re.findall(r'"([^"]*)"@en', others[1])}
    return sorted(found)


def half(name: str) -> str:
    return "tune" if hashlib.sha256(name.encode()).digest()[0] < 128 else "report"


def concepts(file: str) -> list[tuple[str, ...]]:
    """PhySH's concepts by the path of their preferred names, along the first broader one."""
    found: dict[str, tuple[str, str | None]] = {}
    for block in Path(file).read_text(encoding="utf-8").split("\n\n"):
        about, name = re.match(r"\s*physh:(\S+) a skos:Concept;", block), re.search(r'skos:prefLabel "([^"]*)"', block)
        if about and name and "deprecated" not in block:
            above = re.search(r"skos:broader physh:([\w-]+)", block)
            found[about[1]] = (name[1], above[1] if above else None)

    def path(concept: str | None) -> tuple[str, ...]:
        above: list[str] = []
        while concept in found and found[concept][0] not in above:
            above.append(found[concept][0])
            concept = found[concept][1]
        return tuple(reversed(above))

    return sorted({found[concept][0]: path(concept) for concept in found}.values(), key=lambda one: one[-1])


def near(paths: Paths) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    read = [read_name(path[-1]) for path in paths]
    vectors = default_embedder().embed([name.plain for name in read])
    return [(paths[first], paths[second]) for first, second in candidates(read, vectors)]


def main() -> None:
    halves: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for topic in shipped_tree("general"):
        halves.setdefault(("general", "tune" if topic.path[0] in TUNE else "report"), []).append(topic.path)
    for path in concepts(sys.argv[1]):
        halves.setdefault(("PhySH", half(path[-1])), []).append(path)
    with open(FOLDER / "same.csv", encoding="utf-8", newline="") as lines:
        judged = {frozenset((row["a"], row["b"])): row["label"] for row in csv.DictReader(lines)}
    with open(FOLDER / "aliases.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*pair, "", "", "duplicate", "PhySH", "alias", half(pair[0])] for pair in aliases(sys.argv[1]))
    with open(FOLDER / "natural.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (name, split), paths in halves.items():
            for a, b in near(paths):
                label = judged.get(frozenset((a[-1], b[-1])), "distinct")
                if label != "doubtful":
                    places = (" > ".join(a[:-1]), " > ".join(b[:-1]))
                    writer.writerow([a[-1], b[-1], *places, label, name, "natural", split])


if __name__ == "__main__":
    main()
