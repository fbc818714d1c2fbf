"""`catena certify` and `catena show`: looking at published shards without the run that made them."""

import sys
from collections import Counter
from typing import Any

import orjson

from catena.adapters import describe
from catena.errors import ShardError
from catena.generators.certified import resolve
from catena.generators.wording import part_name
from catena.graphs import graph_from_text
from catena.pass_rates import Tally
from catena.records import Answer, Graph
from catena.seeds import stream_for
from catena.shards import read_rows
from catena.validators.certificates import NOT_NECESSARY, STANDARD, certify, limits_of

_COLUMNS = ("problem_id", "question", "answer", "answer_type", "answer_unit", "answer_tolerance", "graph", "certificate")  # fmt: skip
_BY_CHANCE = {NOT_NECESSARY, "solved without a link"}
"""Reasons that another sample of changes may have for a sound row."""
WEAKER = "certified by weaker limits than the standard ones; --own-limits holds each row to those that it names"


def certify_shards(paths: list[str], fresh: int | None = None, *, own_limits: bool = False) -> int:
    """Certifies every row again from the row alone.

    Args:
        paths: Parquet files.
        fresh: A seed of other perturbations than the published ones; None repeats the published trial of each row.
        own_limits: Whether weaker limits that a row names are enough for it.

    Returns:
        The exit code: 1 when a row is refused or was held to weaker limits than the standard ones, unless it is refused by perturbations
        that it was not published with.
    """
    reasons: Counter[str] = Counter()
    total = 0
    for path in paths:
        for row in read_rows([path], _COLUMNS).to_pylist():
            total += 1
            reason = _certified(row, fresh, own_limits=own_limits)
            if reason is not None:
                reasons[reason] += 1
    passed = total - reasons.total()
    if fresh is None:
        print(f"{passed:,} of {total:,} rows certified again")
    else:
        low, high = Tally(passed, total).interval() if total else (0.0, 1.0)
        print(
            f"{passed:,} of {total:,} rows certified again with perturbations of seed {fresh}: {passed / max(1, total):.2%}"
            f" (95 % interval {low:.2%} to {high:.2%})"
        )
    for reason, rows in reasons.most_common():
        print(f"  {rows:,} {reason}")
    return 1 if set(reasons) - (set() if fresh is None else _BY_CHANCE) else 0


def _certified(row: dict[str, Any], fresh: int | None, *, own_limits: bool) -> str | None:
    """Why a row is refused; None: it is not."""
    if row["graph"] is None:
        return "not a composed row"
    try:
        limits = limits_of(orjson.loads(row["certificate"] or "{}"))
    except ValueError:
        return "no certificate"
    try:
        graph = graph_from_text(row["graph"])
    except ValueError:
        return "no problem graph"
    answer = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
    named = row["problem_id"] if fresh is None else stream_for(fresh, "certify again", row["problem_id"])
    reason = certify(row["question"], answer, graph, resolve, named, limits).reason
    return WEAKER if reason is None and not own_limits and limits.weaker_than(STANDARD) else reason


def show(path: str, number: int) -> int:
    """Prints one row: the problem, its graph, its solution and its evidence."""
    table = read_rows([path])
    if not 0 <= number < table.num_rows:
        raise ShardError(f"{path}: has rows 0 to {table.num_rows - 1}, no row {number}")
    row = table.slice(number, 1).to_pylist()[0]
    print(f"{' / '.join(row['topic_path'])}   horizon {row['horizon']}   {row['problem_id']}\n")
    print(row["question"] or row["columns"], "\n")
    if row["graph"] is not None:
        _show_graph(graph_from_text(row["graph"]))
    print(f"\n{row['solution']}\n\nanswer: {row['answer']} {row['answer_unit'] or ''}")
    if row["certificate"] is not None:
        sys.stdout.write(f"certificate: {orjson.loads(row['certificate'])}\n")
        return 0
    print(
        f"solution by {row['model'] or 'nobody'}, correct: {row['correctness']}, suggested use: {row['suggested_use']}"
    )
    for vote in row["verdicts"]:
        print(f"{vote['question']}, {vote['verifier']}: {vote['decision']} ({vote['evidence']})")
    for rate in row["pass_rate"]:
        low, high = Tally(rate["accepted"], rate["decided"]).interval()
        print(
            f"pass rate of {rate['model']}: {rate['pass_rate']:.2f}"
            f" ({rate['accepted']} of {rate['decided']} decided, 95 % interval {low:.2f} to {high:.2f})"
        )
    return 0


def _show_graph(graph: Graph) -> None:
    """Nodes as the statement names them, parents before children, with what they hand on."""
    listing = graph.order or tuple(range(len(graph.nodes)))
    name = {node: part_name(place) for place, node in enumerate(listing)}
    for index, node in enumerate(graph.nodes):
        print(f"  {name[index]}  {node.source}  answer {node.answer}")
        for link in graph.links:
            if link.parent == index:
                words = describe(link.adapter, f"the answer of {name[index]}")
                print(f"  |  {link.parameter} of {name[link.child]} is {words}   ({link.kind})")
