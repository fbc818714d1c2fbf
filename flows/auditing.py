"""The audit of a run: published rows looked over, and searched for benchmark items, before anybody publishes them.

Kept in `audit.json` under the identity of the rows and of what was asked, so that it is done once. Rows are read shard by shard,
but held in memory for findings about the whole set. Not here: what is looked for (`catena.validators`).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson

from catena.flows.plan import Plan, digest
from catena.flows.recipe_publishing import AuditSection
from catena.flows.rows import questions
from catena.flows.run_folder import DATA_MANIFEST
from catena.shards import read_manifest, read_shard
from catena.storage import Store
from catena.validators.audit import audit
from catena.validators.audit_rows import read_row
from catena.validators.contamination_search import Recall, Search, Searched, planted_recall
from catena.validators.planted_leaks import labelled, plant

AUDIT = "audit.json"
KEPT = 1_000
"""Findings that are kept in the file, the worst ones; their sums are complete."""
_LISTED = 200


def write_audit(plan: Plan, store: Store) -> dict[str, Any] | None:
    """Audits the published rows, unless that was done; returns what `audit.json` holds, None where the recipe asks for none.

    Raises:
        UserError: Packages that the recipe's depth needs are missing.
    """
    section = plan.recipe.audit
    if section is None:
        return None
    before = read_audit(plan, store)
    if before is not None:
        return before
    found = {
        "identity": audit_identity(plan, store),
        **_audited(store),
        "contamination": _searched(plan, store, section),
    }
    store.write(AUDIT, orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return found


def read_audit(plan: Plan, store: Store) -> dict[str, Any] | None:
    """What the audit of these rows found; None where they were not audited as the recipe asks."""
    if plan.recipe.audit is None or not store.exists(DATA_MANIFEST):
        return None
    try:
        found: dict[str, Any] = orjson.loads(store.read(AUDIT))
    except (FileNotFoundError, ValueError):
        return None
    return found if found.get("identity") == audit_identity(plan, store) else None


def audit_identity(plan: Plan, store: Store) -> str:
    """What changes when the published rows or the questions about them do."""
    section = plan.recipe.audit
    assert section is not None, "asked for where the recipe audits"
    named = {source.name: source for source in plan.recipe.datasets}
    against = [[name, plan.fingerprints[name], named[name].question] for name in benchmarks(plan)]
    shards = sorted(shard.blake2b for shard in read_manifest(store, DATA_MANIFEST))
    return digest([plan.settings["shards"]["catena"], section.model_dump(mode="json"), against, shards])


def benchmarks(plan: Plan) -> list[str]:
    """Data sets in which no published row may stand, by name."""
    section = plan.recipe.audit
    own = section.against if section is not None else ()
    return list(dict.fromkeys([*own, *(name for line in plan.recipe.pipeline for name in line.against)]))


def _audited(store: Store) -> dict[str, Any]:
    report = audit(read_row(row, number) for number, row in enumerate(_rows(store), start=1))
    findings = [asdict(one) for one in report.findings[:KEPT]]
    whole = [asdict(one) for one in report.findings if not one.row]
    return {
        "rows": report.rows,
        "compared": report.compared,
        "severe": report.severe,
        "sums": report.sums,
        "whole": whole,
        "findings": findings,
        "findings_in_all": len(report.findings),
    }


def _rows(store: Store) -> Iterator[dict[str, Any]]:
    for shard in read_manifest(store, DATA_MANIFEST):
        yield from read_shard(store, shard.path, expected=shard).to_pylist()


def _searched(plan: Plan, store: Store, section: AuditSection) -> dict[str, Any] | None:
    """How the published problems meet the benchmarks, each problem once; None where no benchmark is named."""
    named = {source.name: source for source in plan.recipe.datasets}
    items = {name: questions(named[name]) for name in benchmarks(plan)}
    items = {name: own for name, own in items.items() if own}
    if not items:
        return None
    embedder = _embedder() if section.depth == "meaning" else None
    search = Search(items, section.depth, embedder)
    ids: dict[str, None] = {}
    for shard in read_manifest(store, DATA_MANIFEST):
        table = read_shard(store, shard.path, ["problem_id", "question"], expected=shard)
        fresh = {one["problem_id"]: one["question"] for one in table.to_pylist() if one["problem_id"] not in ids}
        ids |= dict.fromkeys(fresh)
        search.add(list(fresh.values()))
    statements = [statement for own in items.values() for statement in own]
    recall = _recall(statements, section, embedder) if section.plant else []
    return {
        "depth": section.depth,
        "benchmarks": {name: len(own) for name, own in items.items()},
        **_told(search.finish(), list(ids)),
        "recall": [asdict(one) for one in recall],
    }


def _told(searched: Searched, ids: list[str]) -> dict[str, Any]:
    listed = [{**asdict(one), "row": ids[one.row]} for one in searched.found[:_LISTED]]
    return {
        "problems": searched.num_rows,
        "found": len(searched.found),
        "by_kind": dict(sorted(Counter(one.kind for one in searched.found).items())),
        "listed": listed,
        "highest_share": round(searched.highest_share, 4),
        "highest_cosine": None if searched.highest_cosine is None else round(searched.highest_cosine, 4),
    }


def _recall(items: list[str], section: AuditSection, embedder: Any) -> list[Recall]:
    """Recall on leaks of the benchmarks' own items, and on paraphrases of labelled problems that are added to them."""
    originals, written = labelled(len(items))
    planted = [*plant(items, section.plant), *written]
    return planted_recall([*items, *originals], planted, depth=section.depth, embedder=embedder)


def _embedder() -> Any:
    from catena.sentence_embeddings import STATEMENT_TOKENS, RememberingEmbedder, SentenceEmbedder

    return RememberingEmbedder(SentenceEmbedder(longest=STATEMENT_TOKENS, batch_size=64))
