"""Shard jobs: what one worker process does for one shard of one stage.

Each function reads what earlier stages made, writes its shards, and returns the marker that `perform` makes durable
last. A job holds plain values only, so that it travels to another process; nothing is kept between jobs but caches.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any

import orjson
import pyarrow as pa

from catena.flows.run_folder import Marker, write_marker
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.compose import compose_problem, problem_id
from catena.generators.dataset_atom import DatasetAtom
from catena.generators.datasets import atom_from_row, read_rows
from catena.generators.sources import Prepared, prepare
from catena.graphs import graph_from_text
from catena.programs import Operations, Program
from catena.records import Answer, Problem, Topic
from catena.samples import sample_table
from catena.schemas import schema_of, table_of
from catena.seeds import stream_for
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.taxonomy.tree import Slots
from catena.validators.certificates import Limits, certify
from catena.validators.duplicates import EXACT, NEAR, TEMPLATE, Duplicates

REJECTED = pa.schema(
    [
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),
        ("statement", pa.string()),
        ("detail", pa.string()),
    ]
)
"""A row that did not go on: at which stage, why, which row (its id, slot or line), and what it was."""


@dataclass(frozen=True, slots=True)
class Job:
    """One shard of one stage.

    Attributes:
        url: The run folder.
        folder: The stage's folder inside it.
        shard: Name of the shard, without suffix.
        work: Name of the function in `WORK` that does it.
        given: Its arguments.
    """

    url: str
    folder: str
    shard: str
    work: str
    given: dict[str, Any]

    @property
    def marker(self) -> str:
        """Where the completion marker lies."""
        return f"{self.folder}/{self.shard}.json"


def perform(job: Job) -> Marker:
    """Does the work of `job` and makes its completion durable."""
    store = Store(job.url)
    start = time.perf_counter()
    marker = WORK[job.work](store, job, **job.given)
    marker.seconds = round(time.perf_counter() - start, 3)
    write_marker(store, job.marker, marker)
    return marker


def _write(store: Store, job: Job, table: pa.Table) -> Shard:
    return write_shard(store, f"{job.folder}/{job.shard}.parquet", table)


def _reject(store: Store, job: Job, rows: Sequence[tuple[str, str, str, str]]) -> list[Shard]:
    """Writes (reason, row, statement, detail) of refused rows; no file where none was refused."""
    if not rows:
        return []
    stage = job.folder.rsplit("/", 1)[-1].rsplit("-", 1)[0]
    columns = [[stage] * len(rows), *(list(column) for column in zip(*rows, strict=True))]
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=REJECTED)
    return [write_shard(store, f"{job.folder}/rejected/{job.shard}.parquet", table)]


def lock_topics(store: Store, job: Job, *, topics: Sequence[tuple[Sequence[str], int]]) -> Marker:
    """Stage `taxonomy`: the leaves and their quotas."""
    records = [Topic(tuple(path), quota) for path, quota in topics]
    return Marker(len(records), len(records), [_write(store, job, table_of(Topic, records))])


def parse_dataset(store: Store, job: Job, *, source: str, name: str, split: str) -> Marker:
    """Stage `atoms`, a data set: rows whose solution gives a program; the others with their reason."""
    kept: list[DatasetAtom] = []
    refused: list[tuple[str, str, str, str]] = []
    for line, row in read_rows(source):
        atom = atom_from_row(row, f"{name}/{split}/{line:06d}")
        if isinstance(atom, DatasetAtom):
            kept.append(atom)
        else:
            refused.append((atom.reason, str(line), str(row)[:2000], atom.detail))
    table = pa.table({"name": [atom.name for atom in kept], "atom": [_json(atom.to_record()) for atom in kept]})
    shards = [_write(store, job, table), *_reject(store, job, refused)]
    return Marker(len(kept) + len(refused), len(kept), shards, dict(Counter(row[0] for row in refused)))


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
    return Marker(len(names), len(names), [_write(store, job, table)])


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
    refused: list[tuple[str, str, str, str]] = []
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
    table = table.append_column("problem_id", pa.array([problem_id(problem) for problem in problems], pa.string()))
    table = table.append_column("slot", pa.array(numbers, pa.int64()))
    nodes = [problem.graph.nodes for problem in problems]
    texts = pa.list_(pa.string())
    table = table.append_column("node_answers", pa.array([[str(node.answer) for node in row] for row in nodes], texts))
    table = table.append_column("sources", pa.array([[node.source for node in row] for row in nodes], texts))
    shards = [_write(store, job, table), *_reject(store, job, refused)]
    return Marker(stop - start, len(problems), shards, _counts(refused), facts={"redrawn": thrown})


def _pools(
    store: Store, group: dict[str, Any], horizon: int, leaves: Sequence[Sequence[str]], dataset: Shard | None
) -> list[tuple[Sequence[Prepared], Sequence[Prepared]]]:
    """Per leaf: sources of inner nodes, and sources of the last node."""
    if dataset is not None:
        per_leaf: Sequence[Sequence[Prepared]] = (_dataset(store.url, dataset.path, dataset.blake2b),)
    else:
        per_leaf = _leaf_pools(tuple(tuple(leaf) for leaf in leaves), group["style"])
    parents = [one for pool in per_leaf for one in pool if one.can_be_parent]
    whole = [one for one in parents if one.source.kind == "integer"]
    inner = [*parents, *whole, *whole]  # whole answers are carried more naturally, so they come more often
    return [(inner, [one for one in pool if horizon == 1 or one.links]) for pool in per_leaf]


@lru_cache(maxsize=100_000)
def resolve(program: str) -> Program:
    """The program that a row names: a family, or an operation list.

    Raises:
        KeyError, ValueError: Neither.
    """
    if program.startswith("family:"):
        return families()[program.removeprefix("family:")]
    return Operations.from_text(program)


def certify_shard(store: Store, job: Job, *, candidates: Shard, seed: int, limits: dict[str, Any]) -> Marker:
    """Stage `certify`: the rows of one shard, read back, with their certificates; refused ones apart."""
    table = read_shard(store, candidates.path, expected=candidates)
    demanded = Limits(**limits)
    granted: list[int] = []
    texts: list[str] = []
    refused: list[tuple[str, str, str, str]] = []
    rows = zip(
        *(table.column(name).to_pylist() for name in ("problem_id", "statement", "answer", "graph")), strict=True
    )
    for number, (row, statement, answer, graph) in enumerate(rows):
        stream = stream_for(seed, "certify", row)
        certificate = certify(statement, Answer(**answer), graph_from_text(graph), resolve, stream, demanded)
        if certificate.reason is None:
            granted.append(number)
            texts.append(_json(asdict(certificate)))
        else:
            refused.append((certificate.reason, row, statement, graph))
    kept = table.take(pa.array(granted, pa.int64())).append_column("certificate", pa.array(texts, pa.string()))
    shards = [_write(store, job, kept), *_reject(store, job, refused)]
    return Marker(table.num_rows, kept.num_rows, shards, _counts(refused))


def find_duplicates(
    store: Store, job: Job, *, groups: Sequence[tuple[int, Sequence[tuple[int, Shard]]]], near: float
) -> Marker:
    """Stage `duplicates`: one pass over all certified rows, in order.

    Writes for each row of each shard why it is dropped (null: it stays) and its ordinal among the rows that stay of its
    horizon and leaf, by which the next stage fills quotas.

    Args:
        groups: Per group its template cap (0: none) and its shards with their horizons.
    """
    seen = Duplicates(near=near)
    paths: list[str] = []
    reasons: list[str | None] = []
    ordinals: list[int] = []
    kept: Counter[tuple[Any, ...]] = Counter()
    for number, (cap, shards) in enumerate(groups):
        seen.template_cap = cap or None
        for horizon, shard in shards:
            table = read_shard(store, shard.path, ["statement", "template", "topic"], expected=shard)
            columns = [table.column(name).to_pylist() for name in ("statement", "template", "topic")]
            for reason, topic in zip(seen.judge(columns[0], columns[1]), columns[2], strict=True):
                key = (number, horizon, *topic)
                paths.append(shard.path)
                reasons.append(reason)
                ordinals.append(kept[key])
                kept[key] += reason is None
    table = pa.table(
        {
            "shard": pa.array(paths, pa.string()).dictionary_encode(),
            "reason": pa.array(reasons, pa.string()),
            "ordinal": pa.array(ordinals, pa.int64()),
        }
    )
    dropped = Counter(reason for reason in reasons if reason is not None)
    facts = {"templates": len(seen.templates), "most_of_one_template": max(seen.templates.values(), default=0)}
    assert set(dropped) <= {EXACT, NEAR, TEMPLATE}
    return Marker(len(reasons), len(reasons) - dropped.total(), [_write(store, job, table)], dict(dropped), facts=facts)


def publish_shard(
    store: Store,
    job: Job,
    *,
    certified: Shard,
    decisions: Shard,
    quotas: dict[str, int],
    test: int,
    uses: list[str],
    provenance: dict[str, object],
) -> Marker:
    """Stage `shards`: the published rows of one certified shard, divided by use.

    Args:
        quotas: Rows wanted per leaf (path joined by ` / `); later ones are surplus.
        test: How many of a leaf's rows, the first ones, are set aside for evaluation, as a share of its quota in 1/1000.
        uses: What the other rows serve; several uses take turns.
    """
    table = read_shard(store, certified.path, expected=certified)
    decided = read_shard(store, decisions.path, expected=decisions)
    mine = [path == certified.path for path in decided.column("shard").to_pylist()]
    decided = decided.filter(pa.array(mine))
    chosen: dict[str, list[int]] = {}
    surplus = 0
    rows = zip(decided.column("reason").to_pylist(), decided.column("ordinal").to_pylist(), strict=True)
    for number, ((reason, ordinal), path) in enumerate(zip(rows, table.column("topic").to_pylist(), strict=True)):
        if reason is not None:
            continue
        quota = quotas[" / ".join(path)]
        if ordinal >= quota:
            surplus += 1
            continue
        tested = ordinal * 1000 < quota * test
        use = uses[ordinal % len(uses)] if uses and not tested else "test"
        chosen.setdefault(use, []).append(number)
    shards = []
    for use, numbers in sorted(chosen.items()):
        part = table.take(pa.array(numbers, pa.int64()))
        shards.append(write_shard(store, f"data/{use}/{job.shard}.parquet", sample_table(part, use, provenance)))  # type: ignore[arg-type]
    published = sum(map(len, chosen.values()))
    return Marker(published + surplus, published, shards, {"surplus": surplus} if surplus else {})


def _counts(refused: Iterable[tuple[str, str, str, str]]) -> dict[str, int]:
    return dict(Counter(row[0] for row in refused))


def _json(data: object) -> str:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()


WORK: dict[str, Callable[..., Marker]] = {
    work.__name__: work
    for work in (
        lock_topics,
        parse_dataset,
        list_families,
        compose_shard,
        certify_shard,
        find_duplicates,
        publish_shard,
    )
}
assert schema_of(Problem)
