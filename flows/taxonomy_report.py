"""What a run leaves beside its tree: how its problems cover the topics (`coverage.txt`, `.json`), and a picture (`tree.html`)."""

from collections import Counter
from dataclasses import asdict, replace

import orjson

from catena.flows.plan import Done, Plan
from catena.flows.plan_taxonomy import tree_of_run
from catena.flows.run_folder import DATA_MANIFEST
from catena.records import Topic
from catena.schemas import records_of
from catena.shards import read_manifest, read_shard
from catena.storage import Store
from catena.taxonomy.coverage import coverage
from catena.taxonomy.coverage_report import report
from catena.taxonomy.picture import picture
from catena.taxonomy.tree import Path, Tree

COVERAGE_TEXT, COVERAGE_JSON, PICTURE = "taxonomy/coverage.txt", "taxonomy/coverage.json", "taxonomy/tree.html"


def write_coverage(plan: Plan, store: Store, done: Done) -> bool:
    """Writes the three files of a run that has a tree; whether it has one.

    Distances between neighbours are measured where growing has loaded the sentence embeddings anyway.
    """
    tree = tree_of_run(plan, store, done)
    if tree is None:
        return False
    tree, rows = _with_quotas(tree, done, store), _problems(store)
    embed = None
    if plan.recipe.grow is not None and plan.recipe.grow.merge:
        from catena.taxonomy.embeddings import default_embedder

        embed = default_embedder().embed
    found = coverage(tree, rows, embed=embed)
    store.write(COVERAGE_TEXT, "".join(f"{line}\n" for line in report(found)).encode())
    data = asdict(found) | {"tree": tree.identity, "unplaced": [[*one] for one in found.unplaced.items()]}
    store.write(COVERAGE_JSON, orjson.dumps(data, option=orjson.OPT_INDENT_2))
    store.write(PICTURE, picture(tree, rows).encode())
    return True


def _with_quotas(tree: Tree, done: Done, store: Store) -> Tree:
    [(_, marker)] = done["taxonomy"]
    wanted = {one.path: one.quota for one in records_of(Topic, read_shard(store, marker.shards[0].path))}
    return Tree({path: replace(topic, quota=wanted.get(path, 0)) for path, topic in tree.topics.items()})


def _problems(store: Store) -> dict[Path, int]:
    """Published problems by topic, each once however many solutions it has; those made from others fill no quota."""
    counts: Counter[Path] = Counter()
    seen: set[str] = set()
    for shard in read_manifest(store, DATA_MANIFEST):
        table = read_shard(store, shard.path, ["problem_id", "topic_path", "operator"])
        for name, path, operator in zip(*(table.column(at).to_pylist() for at in range(3)), strict=True):
            if not operator and name not in seen:
                seen.add(name)
                counts[tuple(path)] += 1
    return dict(counts)
