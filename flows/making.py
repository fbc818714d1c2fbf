"""Jobs that make rows: topics, atoms, composed candidates."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from random import Random
from typing import Any

import orjson
import pyarrow as pa

from catena.adapters import OPERATIONS, load_operations
from catena.errors import DatasetError
from catena.flows.choosing import Chooser
from catena.flows.job import Job, Refused, as_json, by_reason, write_rejected, write_rows
from catena.flows.kept_rows import keep_rows, mixed, read_sources, write_kept
from catena.flows.rows import accepted_drafts
from catena.flows.run_folder import Marker
from catena.flows.uncollected import uncollected
from catena.generators import sources
from catena.generators.atoms.catalog import families
from catena.generators.chain import Pools
from catena.generators.composing import Form, problem_id
from catena.generators.dataset_atom import DatasetAtom
from catena.generators.datasets import atom_from_row, read_rows
from catena.generators.essential_model import ITEM
from catena.generators.graphs import Shape, possible
from catena.generators.item_source import ItemSource
from catena.generators.program_problems import ATOM
from catena.generators.sources import Found, Prepared, prepare
from catena.model_atom import ModelAtom
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


def parse_dataset(
    store: Store, job: Job, *, source: str, name: str, split: str, layout: Mapping[str, Any] | None = None
) -> Marker:
    """Stage `atoms`, a data set: rows whose solution gives a program; the others with their reason.

    With a `layout` rows are kept as they stand, see `catena.flows.kept_rows`.
    """
    if layout is not None:
        return keep_rows(store, job, source=source, name=name, split=split, layout=layout)
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


def prepared_family(name: str) -> Prepared:
    """A family ready for composing; measured once per process, and again where further adapters were registered."""
    return _prepared_family(name, len(OPERATIONS))


@cache
def _prepared_family(name: str, operations: int) -> Prepared:
    return prepare(families()[name])


@cache
def takes_answers(name: str) -> bool:
    """Whether a family can be another node than the first; found once per process, without preparing it."""
    return sources.takes_answers(families()[name])


@lru_cache(maxsize=4)
def _rows(url: str, path: str, digest: str) -> tuple[Prepared, ...]:
    """The atoms of a data set or of a pipeline; of these it is written beside them what may be linked, since trying is slow."""
    table = read_shard(Store(url), path, expected=Shard(path, 0, 0, digest))
    if "links" not in table.column_names:
        return tuple(map(prepare, read_sources(table)))
    texts = table.column("atom").to_pylist()
    found = zip(texts, *(table.column(name).to_pylist() for name in ("links", "reductions", "lossy")), strict=True)
    return tuple(
        prepare(ModelAtom.from_text(text), Found(links, reductions, lossy)) for text, links, reductions, lossy in found
    )


def written_atoms(
    store: Store, job: Job, *, taken: Sequence[tuple[Shard, Sequence[tuple[Sequence[str], int]] | None]]
) -> Marker:
    """Stage `atoms`, a pipeline: the problems among its accepted rows that have programs, and what each offers to a graph.

    Rows that a step has made ones that are kept as they stand are taken as such.
    """
    kept: list[ModelAtom] = []
    items: list[ItemSource] = []
    refused: list[Refused] = []
    for shard, allowed in taken:
        drafts, surplus = accepted_drafts(store, shard, allowed)
        refused += [("surplus", "", "", "")] * surplus
        for draft in drafts:
            try:
                if ITEM in draft.columns:
                    items.append(ItemSource.from_record(orjson.loads(draft.columns[ITEM])))
                else:
                    kept.append(ModelAtom.from_text(draft.columns.get(ATOM, "")))
            except ValueError as error:
                refused.append(("no program", draft.row_id, draft.statement, str(error)))
    if items:
        refused += [("no program", atom.name, atom.statement, "other rows are kept as they stand") for atom in kept]
        return write_kept(store, job, items, refused)
    prepared = [prepare(atom) for atom in kept]
    table = pa.table(
        {
            "name": pa.array([atom.name for atom in kept], pa.string()),
            "atom": pa.array([atom.to_text() for atom in kept], pa.string()),
            "links": _texts([name for name, _ in one.links] for one in prepared),
            "reductions": _texts(one.reductions for one in prepared),
            "lossy": _texts(sorted(one.lossy) for one in prepared),
        }
    )
    shards = [write_rows(store, job, table), *write_rejected(store, job, refused)]
    return Marker(len(kept) + len(refused), len(kept), shards, by_reason(refused))


def _texts(rows: Iterable[Sequence[str]]) -> pa.Array:
    return pa.array([list(row) for row in rows], pa.list_(pa.string()))


@lru_cache(maxsize=64)
def _leaf_pools(leaves: tuple[tuple[str, ...], ...], style: str, operations: int) -> tuple[tuple[Prepared, ...], ...]:
    """Per leaf the families that can fill it in this style."""
    fitting = [family for family in families().values() if style == "prose" or family.compact is not None]
    return tuple(tuple(prepared_family(family.name) for family in fitting if family.topic == leaf) for leaf in leaves)


@uncollected()
def compose_shard(
    store: Store,
    job: Job,
    *,
    group: dict[str, Any],
    horizon: int,
    adapters: Sequence[str],
    shapes: Sequence[tuple[Shape, float]],
    size: int | None,
    start: int,
    stop: int,
    seed: int,
    leaves: Sequence[Sequence[str]],
    quotas: Sequence[int],
    largest: float,
    dataset: Shard | None,
    also: Sequence[tuple[Shard | None, float]] = (),
    rates: Mapping[str, float] | None = None,
) -> Marker:
    """Stage `compose`: candidates for the slots `start` to `stop` of one group and horizon.

    Args:
        adapters: Files that register further operations.
        shapes: The shapes that this horizon can have, with their weights.
        size: Nodes of a row; None: what suits its shape.
        also: Further sources of inner nodes with their shares; None: the families that come with Catena.
        rates: Pass rate of each source for the student of the group's band; None without one.
    """
    for path in adapters:
        load_operations(path)
    slots = Slots.of(quotas, group["spare"])
    plain = group["style"] == "compact"
    deciders, further = ([], []) if plain or dataset is not None else _typed(len(OPERATIONS))
    shared: dict[object, list[Prepared]] = {}
    pools = [
        Pools(inner, last, group["value_preserving"], largest, plain, deciders, further, chosen=shared)
        for inner, last in _pools(store, group, horizon, leaves, dataset, also)
    ]
    forms = [_forms(one, group, horizon, shapes, size) for one in pools]
    problems: list[Problem] = []
    numbers: list[int] = []
    columns: list[str | None] = []
    refused: list[Refused] = []
    chooser = Chooser(
        group, slots, pools, [tuple(leaf) for leaf in leaves] if dataset is None else [], seed, rates or {}
    )
    for slot in range(start, stop):
        stream = stream_for(seed, "compose", group["name"], horizon, slot)
        leaf = slots.leaf(slot)
        form = _form(forms[leaf], stream_for(seed, "shape", group["name"], horizon, slot))
        if form is None:
            refused.append(("no shape for this topic", str(slot), "", ""))
            continue
        chosen = chooser.draw(slot, horizon, stream, form)
        if chosen.problem is None:
            refused.append((chosen.reason, str(slot), "", ""))
        else:
            problems.append(chosen.problem)
            numbers.append(slot)
            columns.append(chosen.columns)
    table = table_of(Problem, problems)
    ids = [problem_id(*pair) for pair in zip(problems, table.column("graph").to_pylist(), strict=True)]
    table = table.append_column("problem_id", pa.array(ids, pa.string()))
    table = table.append_column("slot", pa.array(numbers, pa.int64()))
    nodes = [problem.graph.nodes for problem in problems]
    texts = pa.list_(pa.string())
    table = table.append_column("node_answers", pa.array([[str(node.answer) for node in row] for row in nodes], texts))
    table = table.append_column("sources", pa.array([[node.source for node in row] for row in nodes], texts))
    if any(columns):
        table = table.append_column("columns", pa.array(columns, pa.string()))
    shards = [write_rows(store, job, table), *write_rejected(store, job, refused)]
    return Marker(stop - start, len(problems), shards, by_reason(refused), facts=chooser.facts)


def _forms(
    pools: Pools, group: dict[str, Any], horizon: int, shapes: Sequence[tuple[Shape, float]], size: int | None
) -> list[tuple[Form, float]]:
    """The forms that rows with this last node can have; some need a last node with two quantities, or an exact answer."""
    ask, distractors = group["ask"], group["distractors"]
    intermediate = 0 if ask == "final" else ask["intermediate"]
    exact = any(one.source.kind != "real" for one in pools.last)
    widest = pools.widest_end
    return [
        (Form(shape, size, distractors, intermediate), weight)
        for shape, weight in shapes
        if possible(shape, horizon, size, distractors, widest) and (exact or shape != "fan-out")
    ]


def _form(forms: Sequence[tuple[Form, float]], rng: Random) -> Form | None:
    if len(forms) < 2:
        return forms[0][0] if forms else None
    return rng.choices([form for form, _ in forms], [weight for _, weight in forms])[0]


@cache
def _typed(operations: int) -> tuple[list[Prepared], list[Prepared]]:
    """Families answered with yes or no, and those whose sets or lists can be carried."""
    every = [prepared_family(name) for name in families()]
    deciders = [one for one in every if one.source.kind == "boolean"]
    return deciders, [one for one in every if one.operations and not one.can_be_parent]


def _parents(offered: Iterable[Prepared]) -> list[Prepared]:
    """Those whose answer can be carried; whole ones are carried more naturally, so they come more often."""
    parents = [one for one in offered if one.can_be_parent]
    whole = [one for one in parents if one.source.kind == "integer"]
    return [*parents, *whole, *whole]


def _families() -> list[Prepared]:
    return [prepared_family(name) for name in families()]


def _place(shard: Shard) -> tuple[str, str]:
    return shard.path, shard.blake2b


def _pools(
    store: Store,
    group: dict[str, Any],
    horizon: int,
    leaves: Sequence[Sequence[str]],
    dataset: Shard | None,
    also: Sequence[tuple[Shard | None, float]] = (),
) -> list[tuple[Sequence[Prepared], Sequence[Prepared]]]:
    """Per leaf: sources of inner nodes, and sources of the last node."""
    if dataset is not None:
        rows = _rows(store.url, dataset.path, dataset.blake2b)
        if not also and not any(one.can_be_parent and one.links for one in rows):
            raise DatasetError(
                f"source {group['source']!r}: none of its rows can be used in a chain ({len(rows)} became programs); the"
                f" rejected shard beside {store.full(dataset.path)} says why"
            )
        per_leaf: Sequence[Sequence[Prepared]] = (rows,)
    else:
        per_leaf = _leaf_pools(tuple(tuple(leaf) for leaf in leaves), group["style"], len(OPERATIONS))
    further = ((_parents(_rows(store.url, *_place(shard)) if shard else _families()), share) for shard, share in also)
    inner = mixed(_parents(one for pool in per_leaf for one in pool), further)
    return [(inner, [one for one in pool if horizon == 1 or one.links]) for pool in per_leaf]
