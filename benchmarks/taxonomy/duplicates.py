"""How well near-duplicate names are told, and what it costs on long lists.

    python benchmarks/taxonomy/duplicates.py quality --split tune
    python benchmarks/taxonomy/duplicates.py quality --file later.csv
    python benchmarks/taxonomy/duplicates.py grown               # a whole list with repeats, as models write them
    python benchmarks/taxonomy/duplicates.py cost --sizes 1000 10000 100000
    python benchmarks/taxonomy/duplicates.py list names.txt      # the duplicates in any list, one name a line

`quality` prints precision and recall with 95 % intervals, the same by kind, and every wrong decision. `cost` makes lists
by recombining the words of the labelled names (the same list every time), plants a variant of every twentieth name
(another order, plural, spelling or abbreviation), and reports seconds, peak memory and how many planted ones are found;
each size runs in a process of its own.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from random import Random

from pairs import FOLDER, Quality, judge, load

from catena.taxonomy.candidates import candidates
from catena.taxonomy.deciding import Decider, Decision, Placed, offline_rule
from catena.taxonomy.embeddings import default_embedder
from catena.taxonomy.merging import compare_all, decide_pairs, find_duplicates, merge_duplicates
from catena.taxonomy.names import read_name


class OnlyTheSameWords:
    """For comparison: names are duplicates when they are equal in lower case."""

    def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
        """One decision for each pair, in order."""
        equal = [a.name.casefold() == b.name.casefold() for a, b in pairs]
        return [Decision(float(one), one, "") for one in equal]


class OnlyEmbeddings:
    """For comparison: names are duplicates when the cosine of their embeddings, as written, reaches a threshold."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
        """One decision for each pair, in order."""
        near = default_embedder().similarities([a.name for a, _ in pairs], [b.name for _, b in pairs])
        return [Decision(float(one), one >= self.threshold, "") for one in near]


def quality(file: str, split: str | None) -> None:
    pairs = load(file, split)
    others: dict[str, Decider] = {
        "equal in lower case": OnlyTheSameWords(),
        "cosine >= 0.80": OnlyEmbeddings(0.80),
        "cosine >= 0.90": OnlyEmbeddings(0.90),
    }
    for name, other in others.items():
        print(f"{name}: {judge(pairs, other)[0]}")
    overall, wrong = judge(pairs, offline_rule())
    print(f"offline rule: {overall}\n")
    for kind in sorted({(pair.duplicate, pair.kind) for pair in pairs}):
        here = [pair for pair in pairs if (pair.duplicate, pair.kind) == kind]
        missed = sum((pair.duplicate, pair.kind) == kind for pair, _, _ in wrong)
        label = "duplicate" if kind[0] else "distinct"
        print(f"{label:9}  {kind[1]:14} {len(here) - missed:3} of {len(here):3} right")
    for pair, score, why in sorted(wrong, key=lambda one: (one[0].duplicate, one[0].kind, one[0].a.name)):
        places = f"  [{' > '.join(pair.a.place)} | {' > '.join(pair.b.place)}]" if pair.a.place else ""
        what = "missed" if pair.duplicate else "wrong"
        print(f"{what} ({pair.kind}) {score:.2f}  {pair.a.name}  |  {pair.b.name}  ({why}){places}")


def grown() -> None:
    """The list of `grown.csv`: names with the same number in `topic` are one topic."""
    with open(FOLDER / "grown.csv", encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names, topics = [row["name"] for row in rows], [row["topic"] for row in rows]
    near = compare_all(names)
    wanted = {pair for pair in combinations(range(len(rows)), 2) if topics[pair[0]] == topics[pair[1]]}
    called = {(one.first, one.second) for one in near if one.decision.duplicate}
    right = len(called & wanted)
    quality = Quality(right, len(called) - right, len(wanted) - right)
    print(f"{len(rows)} names, {len(near)} near pairs: {quality}")
    for first, second in sorted(called ^ wanted):
        what = "missed" if (first, second) in wanted else "wrong"
        print(f"{what}  {names[first]}  |  {names[second]}")


def recombined(size: int) -> tuple[list[str], list[tuple[int, int]]]:
    """`size` names of real words, and the positions of planted variants with those of their originals."""
    rng = Random(20_261_121)
    known = sorted({name for pair in load() for name in (pair.a.name, pair.b.name) if 1 < len(name.split()) < 5})
    starts = sorted({tuple(name.split()[: (len(name.split()) + 1) // 2]) for name in known})
    ends = sorted({tuple(name.split()[len(name.split()) // 2 :]) for name in known})
    names: list[str] = []
    planted: list[tuple[int, int]] = []
    seen: set[str] = set()
    while len(names) < size:
        name = " ".join((*rng.choice(starts), *(word.lower() for word in rng.choice(ends))))
        if read_name(name).key in seen or len(name.split()) > 6:
            continue
        seen.add(read_name(name).key)
        names.append(name)
        if len(names) % 20 == 0 and len(names) < size:
            planted.append((len(names) - 1, len(names)))
            names.append(_variant(name, rng))
    return names, planted


def _variant(name: str, rng: Random) -> str:
    kind = rng.randrange(4)
    spoken = name.split()
    if kind == 0 and not {"of", "and", "in", "for", "to", "with"} & set(spoken):
        return f"{spoken[-1].capitalize()} of {' '.join(spoken[:-1]).lower()}"
    if kind == 1:
        return f"Introduction to {name.lower()}"
    if kind == 2:
        return f"{name} ({rng.choice(['overview', 'selected cases', 'A to Z'])})"
    return name.upper()


def cost_of(size: int) -> None:
    """Measures one size and prints a row as JSON."""
    names, planted = recombined(size)
    start = time.monotonic()
    embedder = default_embedder()
    loaded = time.monotonic()
    read = [read_name(name) for name in names]
    vectors = embedder.embed([name.plain for name in read])
    embedded = time.monotonic()
    near = candidates(read, vectors)
    searched = time.monotonic()
    decisions = decide_pairs([Placed(name) for name in names], near, offline_rule())
    pairs = [pair for pair in decisions if pair.decision.duplicate]
    decided = time.monotonic()
    merges = merge_duplicates(names, pairs)
    merged = time.monotonic()
    group = {one.position: one.into for one in merges}
    found = sum(group.get(one, one) == group.get(other, other) for one, other in planted)
    row = {
        "names": size,
        "load_s": loaded - start,
        "embed_s": embedded - loaded,
        "search_s": searched - embedded,
        "decide_s": decided - searched,
        "merge_s": merged - decided,
        "total_s": merged - start,
        "cpu_s": time.process_time(),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "candidates": len(near),
        "duplicates": len(pairs),
        "merges": len(merges),
        "planted_found": f"{found} of {len(planted)}",
        "reasons": dict(Counter(pair.decision.why.split(":")[0] for pair in pairs).most_common()),
    }
    print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in row.items()}))


def list_duplicates(file: str) -> None:
    with open(file, encoding="utf-8") as lines:
        names = [line.strip() for line in lines if line.strip()]
    for pair in sorted(find_duplicates(names), key=lambda one: -one.decision.score):
        print(f"{pair.decision.score:.2f}  {names[pair.first]}  |  {names[pair.second]}  ({pair.decision.why})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for_quality = commands.add_parser("quality")
    for_quality.add_argument("--file", default="pairs.csv")
    for_quality.add_argument("--split", choices=("tune", "report"))
    for_cost = commands.add_parser("cost")
    for_cost.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    for_cost.add_argument("--here", type=int, help=argparse.SUPPRESS)
    commands.add_parser("grown")
    commands.add_parser("list").add_argument("file")
    options = parser.parse_args()
    if options.command == "quality":
        quality(options.file, options.split)
    elif options.command == "grown":
        grown()
    elif options.command == "list":
        list_duplicates(options.file)
    elif options.here:
        cost_of(options.here)
    else:
        for size in options.sizes:
            subprocess.run([sys.executable, str(FOLDER / "duplicates.py"), "cost", "--here", str(size)], check=True)


if __name__ == "__main__":
    main()
