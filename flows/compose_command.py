"""`catena compose`: certified composed problems as Parquet, without recipe or model.

    catena compose --count 100000 --out rows                                  every shape, 2 to 8 nodes deep
    catena compose --shape dag=3,loop --horizon 2-16 --count 1000000 --out rows
    catena compose --from problems.jsonl --horizon 2,4 --count 5000 --out rows
    catena compose --topics mathematics,physics --test 0.02 --count 10000 --out rows --json

The same command goes on where it was stopped. Exit code 0; 3 where equal rows leave fewer than were asked for.
The same rows without files: `catena.generators.compose`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from typing import Any

from catena.errors import UserError
from catena.flows.compose_card import read_of
from catena.flows.compose_run import Made, make
from catena.flows.compose_settings import ATOMS, Settings
from catena.flows.progress import Reporter
from catena.generators.composing import LARGEST_HORIZON
from catena.generators.graphs import SHAPES

FEWER = 3
_SPAN = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena compose`."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to make; a path or fsspec URL")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="rows wanted (default %(default)s)")
    parser.add_argument(
        "--from", default=ATOMS, dest="source", metavar="SOURCE",
        help="atoms (the families of Catena), a file of rows, a hub id, or reasoning-gym[:TASKS] (default %(default)s)",
    )  # fmt: skip
    parser.add_argument("--split", default="train", help="split of a hub data set (default %(default)s)")
    parser.add_argument(
        "--rows", choices=("auto", "programs", "kept"), default="auto",
        help="read rows of a data set as programs (by their worked solutions) or keep them as they stand (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--columns", default="question,answer", metavar="NAMES",
        help="where kept rows have question, answer and, as a third one, solution (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--shape", default="mixed", metavar="SHAPES",
        help=f"mixed, or a comma list with weights such as dag=3,loop; known: {', '.join(SHAPES)} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--horizon", default="2-8", metavar="SPAN",
        help=f"nodes on the longest dependency path, such as 2-16 or 2,4,8, up to {LARGEST_HORIZON} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--size", type=int, metavar="N", help="nodes of a row, distractors included; else what suits its shape"
    )
    parser.add_argument(
        "--distractors", type=int, default=0, metavar="N", help="nodes that no wanted answer depends on"
    )
    parser.add_argument("--intermediate", type=int, default=0, metavar="N", help="answers wanted beside the last one")
    parser.add_argument(
        "--topics", default="", metavar="TOPICS", help="comma list, such as mathematics/algebra,physics"
    )
    parser.add_argument(
        "--style", choices=("prose", "compact"), default="prose", help="prose, or compact for tiny students"
    )
    parser.add_argument("--seed", type=int, default=0, help="the only source of randomness (default %(default)s)")
    parser.add_argument("--test", type=float, default=0.0, metavar="SHARE", help="share of rows set aside, by template")
    parser.add_argument(
        "--template-cap",
        type=int,
        default=0,
        metavar="N",
        help="rows to keep that differ in their numbers alone (0: all)",
    )
    parser.add_argument(
        "--adapters", default="", metavar="FILE", help="Python file that registers further adapters; it is run"
    )
    parser.add_argument(
        "--processes", type=int, default=0, metavar="N", help="worker processes (default: one per core)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the summary")
    parser.add_argument("--quiet", action="store_true", help="say nothing on the way")


def run(options: argparse.Namespace) -> int:
    """Make the folder and print what came of it.

    Raises:
        UserError: A setting that no row can have, a source that cannot be read, a folder of other settings, a full disk.
        RunStopped: A worker process died.
    """
    if not 0 <= options.processes <= 1024:
        raise UserError(f"--processes {options.processes}: expected 0 (one per core) to 1024")
    settings = Settings(
        source=options.source,
        split=options.split,
        rows=options.rows,
        columns=tuple(name.strip() for name in options.columns.split(",")),
        shapes=options.shape,
        horizons=horizons_of(options.horizon),
        count=options.count,
        size=options.size,
        distractors=options.distractors,
        intermediate=options.intermediate,
        style=options.style,
        topics=tuple(topic.strip() for topic in options.topics.split(",") if topic.strip()),
        seed=options.seed,
        test=options.test,
        template_cap=options.template_cap,
        adapters=options.adapters,
    )
    with Reporter(quiet=options.quiet or options.json) as reporter:
        made = make(options.out, settings, options.processes, reporter)
    for line in [json.dumps(as_json(made, options.out))] if options.json else _lines(made, options.out):
        print(line)
    return FEWER if made.facts["published"] < settings.count else 0


def horizons_of(text: str) -> tuple[int, ...]:
    """The horizons of `2-16`, `2,4,8` or both, each once, in order.

    Raises:
        UserError: Not such a text, or a horizon outside of [1, 64].
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise UserError(
                f"--horizon {text!r}: {part.strip()!r} is no number or span; expected such as 2-16 or 2,4,8"
            )
        low, high = int(match[1]), int(match[2] or match[1])
        if not 1 <= low <= high <= LARGEST_HORIZON:
            raise UserError(f"--horizon {text!r}: expected numbers from 1 to {LARGEST_HORIZON}, the lower one first")
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def as_json(made: Made, out: str) -> dict[str, Any]:
    """The books, where they lie, and how fast this call was."""
    rate = made.rows_now / made.seconds if made.seconds else 0.0
    now = {"out": out, "rows_now": made.rows_now, "seconds": round(made.seconds, 2), "rows_per_second": round(rate, 1)}
    return made.facts | now


def _lines(made: Made, out: str) -> Iterator[str]:
    facts = made.facts
    rows = facts["published"]
    yield f"{rows:,} certified rows in {out}" + (f", {facts['test']:,} of them for evaluation" if facts["test"] else "")
    if rows < facts["wanted"]:
        yield f"  fewer than the {facts['wanted']:,} wanted: among twice as many, the others were removed"
    if facts["source"]:
        yield f"  sources {read_of(facts['source'])}"
    yield f"  candidates {facts['candidates']:,}, certified {facts['certified']:,} ({facts['certified'] / facts['candidates']:.1%})"
    yield from (f"    refused {number:>9,}  {reason}" for reason, number in facts["rejected"].items())
    yield from (f"    removed {number:>9,}  {reason}" for reason, number in facts["removed"].items())
    yield "  shapes " + ", ".join(f"{shape} {number / rows:.1%}" for shape, number in facts["shapes"].items())
    most = facts["most_common_answer"]
    yield f"  guess-the-mode baseline: always answering {most['answer'][:40]!r} is right in {most['share']:.2%} of the rows"
    if made.rows_now:
        yield f"  {made.rows_now:,} rows made in {made.seconds:.1f} s, {made.rows_now / made.seconds:,.0f} rows/s"
    else:
        yield "  complete already, nothing to do"
