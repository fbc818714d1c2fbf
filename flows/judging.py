"""Jobs that judge rows: certificates, duplicates, and the published shards."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from catena.adapters import load_operations
from catena.flows.job import Job, Refused, as_json, by_reason, write_rejected, write_rows
from catena.flows.run_folder import Marker
from catena.flows.uncollected import uncollected
from catena.generators.certified import resolve
from catena.graphs import graph_from_text
from catena.records import Answer
from catena.samples import sample_table
from catena.shards import Shard, read_shard, write_shard
from catena.storage import Store
from catena.validators.certificates import Limits, certificate_record, certify
from catena.validators.duplicates import EXACT, NEAR, TEMPLATE, Duplicates

ANY_TOPIC = "*"
"""In quotas: rows of all topics count together."""


@uncollected()
def certify_shard(
    store: Store, job: Job, *, candidates: Shard, limits: dict[str, Any], adapters: Sequence[str] = ()
) -> Marker:
    """Stage `certify`: the rows of one shard, read back, with their certificates; refused ones apart.

    Args:
        adapters: Files that register further operations.
    """
    for path in adapters:
        load_operations(path)
    table = read_shard(store, candidates.path, expected=candidates)
    demanded = Limits(**limits)
    granted: list[int] = []
    texts: list[str] = []
    refused: list[Refused] = []
    rows = zip(
        *(table.column(name).to_pylist() for name in ("problem_id", "statement", "answer", "graph")), strict=True
    )
    for number, (row, statement, answer, graph) in enumerate(rows):
        read = graph_from_text(graph)
        certificate = certify(statement, Answer(**answer), read, resolve, row, demanded)
        if certificate.reason is None:
            granted.append(number)
            texts.append(as_json(certificate_record(certificate, demanded)))
        else:
            refused.append((certificate.reason, row, statement, graph))
    kept = table.take(pa.array(granted, pa.int64())).append_column("certificate", pa.array(texts, pa.string()))
    shards = [write_rows(store, job, kept), *write_rejected(store, job, refused)]
    return Marker(table.num_rows, kept.num_rows, shards, by_reason(refused))


def find_duplicates(
    store: Store, job: Job, *, groups: Sequence[tuple[int, bool, Sequence[tuple[int, Shard]]]], near: float
) -> Marker:
    """Stage `duplicates`: one pass over all certified rows, in order.

    Writes for each row of each shard why it is dropped (null: it stays) and its ordinal among the rows that stay of its
    horizon and leaf, by which the next stage fills quotas.

    Args:
        groups: Per group its template cap (0: none), whether rows of all topics count together, and its shards with their
            horizons.
    """
    seen = Duplicates(near=near)
    paths: list[str] = []
    reasons: list[str | None] = []
    ordinals: list[int] = []
    kept: Counter[tuple[Any, ...]] = Counter()
    for number, (cap, together, shards) in enumerate(groups):
        seen.template_cap = cap or None
        for horizon, shard in shards:
            table = read_shard(store, shard.path, ["statement", "template", "topic"], expected=shard)
            columns = [table.column(name).to_pylist() for name in ("statement", "template", "topic")]
            for reason, topic in zip(seen.judge(columns[0], columns[1]), columns[2], strict=True):
                key = (number, horizon, *(() if together else topic))
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
    return Marker(
        len(reasons), len(reasons) - dropped.total(), [write_rows(store, job, table)], dict(dropped), facts=facts
    )


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
        quotas: Rows wanted per leaf (path joined by ` / `), or of `ANY_TOPIC`; later ones are surplus.
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
        quota = quotas[ANY_TOPIC] if ANY_TOPIC in quotas else quotas[" / ".join(path)]
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
