"""Jobs that make rows: topics, atoms, composed candidates."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import orjson
import pyarrow as pa

from catena.errors import DatasetError
from catena.flows.job import Job, Refused, as_json, by_reason, write_rejected, write_rows
from catena.flows.run_folder import Marker
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.compose import compose_problem, problem_id
from catena.generators.dataset_atom import DatasetAtom
from catena.generators.datasets import atom_from_row, read_rows
from catena.generators.sources import Prepared, prepare
from catena.records import Problem, Topic
from catena.schemas import table_of
from catena.seeds import stream_for
from catena.shards import Shard, read_shard
from catena.storage import Store
from catena.taxonomy.quotas import Slots


def lock_topics(store: Store, job: Job, *, topics: Sequence[tuple[Sequence[str], int]]) -> Marker:
    """Stage `taxonomy`: the leaves and their quotas."""
    records = [Topic(tuple(path), quota) for path, quota in topics]
    return Marker(len(records), len(records), [write_rows(store, job, table_of(Topic, records))])


def parse_dataset(store: Store, job: Job, *, source: str, name: str, split: str) -> Marker:
    """Stage `atoms`, a data set: rows whose solution gives a program; the others with their reason."""
    kept: list[DatasetAtom] = []
    refused: list[Refused] = []
    for line, row in read_rows(source, split):
        atom = atom_from_row(row, f"{name}/{split}/{line:06d}")
        if isinstance(atom, DatasetAtom):
            kept.append(atom)
        else:
            refused.append((atom.reason, str(line), str(row)[:2000], atom.detail))
    table = pa.table({"name": [atom.name for atom in kept], "atom": [as_json(atom.to_record()) for atom in kept]})
    shards = [write_rows(store, job, table), *write_rejected(store, job, refused)]
    return Marker(len(kept) + len(refused), len(kept), shards, by_reason(refused))


def list_families(store: Store, job: Job, *, names: Sequence[str]) -> Marker:
    """Stage `atoms`, the families of the taxonomy: which ones, and what each offers to a chain."""
    prepared = [prepared_family(name) for name in names]
    table = pa.table(
        {
            "name": list(names),
            "topic": [list(one.source.topic) for one in prepared],
            "answer_type": [one.source.kind for one in prepared],
            "carries_into": [[parameter for parameter, _ in one.links] for one in prepared],
            "carried_by": [list(one.reductions) for one in prepared],
        }
    )
    return Marker(len(names), len(names), [write_rows(store, job, table)])


@cache
def prepared_family(name: str) -> Prepared:
    """A family ready for composing; measured once per process."""
    return prepare(families()[name])


@lru_cache(maxsize=4)
def _dataset(url: str, path: str, digest: str) -> tuple[Prepared, ...]:
    expected = Shard(path, 0, 0, digest)
    table = read_shard(Store(url), path, ["atom"], expected=expected)
    return tuple(prepare(DatasetAtom.from_record(orjson.loads(text))) for text in table.column("atom").to_pylist())


@lru_cache(maxsize=64)
def _leaf_pools(leaves: tuple[tuple[str, ...], ...], style: str) -> tuple[tuple[Prepared, ...], ...]:
    """Per leaf the families that can fill it in this style."""
    fitting = [family for family in families().values() if style == "prose" or family.compact is not None]
    return tuple(tuple(prepared_family(family.name) for family in fitting if family.topic == leaf) for leaf in leaves)


def compose_shard(
    store: Store,
    job: Job,
    *,
    group: dict[str, Any],
    horizon: int,
    start: int,
    stop: int,
    seed: int,
    leaves: Sequence[Sequence[str]],
    quotas: Sequence[int],
    largest: float,
    dataset: Shard | None,
) -> Marker:
    """Stage `compose`: candidates for the slots `start` to `stop` of one group and horizon."""
    slots = Slots.of(quotas, group["spare"])
    pools = [
        Pools(inner, last, group["value_preserving"], largest, plain=group["style"] == "compact")
        for inner, last in _pools(store, group, horizon, leaves, dataset)
    ]
    problems: list[Problem] = []
    numbers: list[int] = []
    refused: list[Refused] = []
    thrown = 0
    for slot in range(start, stop):
        stream = stream_for(seed, "compose", group["name"], horizon, slot)
        draw = compose_problem(pools[slots.leaf(slot)], horizon, stream, style=group["style"])
        thrown += draw.thrown
        if draw.problem is None:
            refused.append(("no fitting chain", str(slot), "", ""))
        else:
            problems.append(draw.problem)
            numbers.append(slot)
    table = table_of(Problem, problems)
    ids = [problem_id(*pair) for pair in zip(problems, table.column("graph").to_pylist(), strict=True)]
    table = table.append_column("problem_id", pa.array(ids, pa.string()))
    table = table.append_column("slot", pa.array(numbers, pa.int64()))
    nodes = [problem.graph.nodes for problem in problems]
    texts = pa.list_(pa.string())
    table = table.append_column("node_answers", pa.array([[str(node.answer) for node in row] for row in nodes], texts))
    table = table.append_column("sources", pa.array([[node.source for node in row] for row in nodes], texts))
    shards = [write_rows(store, job, table), *write_rejected(store, job, refused)]
    return Marker(stop - start, len(problems), shards, by_reason(refused), facts={"redrawn": thrown})


def _pools(
    store: Store, group: dict[str, Any], horizon: int, leaves: Sequence[Sequence[str]], dataset: Shard | None
) -> list[tuple[Sequence[Prepared], Sequence[Prepared]]]:
    """Per leaf: sources of inner nodes, and sources of the last node."""
    if dataset is not None:
        rows = _dataset(store.url, dataset.path, dataset.blake2b)
        if not any(one.can_be_parent and one.links for one in rows):
            raise DatasetError(
                f"data set {group['source']!r}: none of its rows can be used in a chain ({len(rows)} became programs); the"
                f" rejected shard beside {store.full(dataset.path)} says why"
            )
        per_leaf: Sequence[Sequence[Prepared]] = (rows,)
    else:
        per_leaf = _leaf_pools(tuple(tuple(leaf) for leaf in leaves), group["style"])
    parents = [one for pool in per_leaf for one in pool if one.can_be_parent]
    whole = [one for one in parents if one.source.kind == "integer"]
    inner = [*parents, *whole, *whole]  # whole answers are carried more naturally, so they come more often
    return [(inner, [one for one in pool if horizon == 1 or one.links]) for pool in per_leaf]
