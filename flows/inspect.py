"""`catena certify` and `catena show`: looking at published shards without the run that made them."""

import sys
from collections import Counter

import orjson

from catena.adapters import describe
from catena.errors import ShardError
from catena.flows.judging import resolve
from catena.generators.wording import part_name
from catena.graphs import graph_from_text
from catena.records import Answer, Graph
from catena.seeds import stream_for
from catena.shards import read_rows
from catena.validators.certificates import Limits, certify

_COLUMNS = ("problem_id", "question", "answer", "answer_type", "answer_unit", "answer_tolerance", "graph")


def certify_shards(paths: list[str]) -> int:
    """Certifies every row again from the row alone; exit code 1 when one is refused."""
    reasons: Counter[str] = Counter()
    total = 0
    for path in paths:
        rows = read_rows([path], _COLUMNS).to_pylist()
        total += len(rows)
        for row in rows:
            answer = Answer(row["answer_type"], row["answer"], row["answer_unit"], row["answer_tolerance"])
            if row["graph"] is None:
                reasons["not a composed row"] += 1
                continue
            try:
                graph = graph_from_text(row["graph"])
            except ValueError:
                reasons["no problem graph"] += 1
                continue
            stream = stream_for(0, "certify again", row["problem_id"])
            certificate = certify(row["question"], answer, graph, resolve, stream, Limits())
            if certificate.reason is not None:
                reasons[certificate.reason] += 1
    print(f"{total - reasons.total():,} of {total:,} rows certified again")
    for reason, rows in reasons.most_common():
        print(f"  {rows:,} {reason}")
    return 1 if reasons else 0


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
        print(f"pass rate of {rate['model']}: {rate['pass_rate']:.2f}")
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
