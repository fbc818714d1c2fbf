"""`catena review RUN`: rows that the panel or the judges were not sure about, shown to a person one by one.

    catena review RUN                       the queue, the most doubtful first; answer accept, reject, or leave it
    catena review RUN --list --json         the queue alone
    catena review RUN --page queue.html     the queue as one page to read, with all votes
    catena review RUN --serve               the same page on 127.0.0.1, with buttons
    catena review RUN --decide ROW wrong-key --note "it is 5"

Decisions go to `reviews.jsonl` in the run folder, one a line, the last one of a row counts. They change no row by themselves:
the next `catena run` of the recipe in this folder measures its panel by them too (`catena.flows.reviewing`), and
`catena panel VOTES --reviews` takes them as known truths.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from catena.errors import UserError
from catena.flows.review_page import queue_page
from catena.flows.review_queue import VERDICTS, Doubt, queue
from catena.flows.review_server import serve
from catena.flows.reviews import REVIEWS, keep, reviews
from catena.flows.status import open_run
from catena.flows.taxonomy_output import print_all, print_line, write
from catena.storage import Store

_SHOWN = 3_000
_KEYS = {"a": "accept", "k": "wrong-key", "p": "ill-posed", "r": "reject"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena review`."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder, or the name of one under runs/")
    parser.add_argument("--list", action="store_true", help="print the queue and ask nothing")
    parser.add_argument("--json", action="store_true", help="with --list: print JSON")
    parser.add_argument("--page", metavar="FILE.html", help="write the queue as one page to read")
    parser.add_argument("--serve", action="store_true", help="show that page on 127.0.0.1, with buttons")
    parser.add_argument("--port", type=int, default=0, help="with --serve: the port (default: a free one)")
    parser.add_argument(
        "--decide", nargs=2, metavar=("ROW", "VERDICT"), help=f"decide one row, or again: {', '.join(VERDICTS)}"
    )
    parser.add_argument("--note", default="", metavar="WHY", help="with --decide: kept with the decision")


def run(options: argparse.Namespace) -> int:
    """Shows the queue and keeps decisions; always returns 0.

    Raises:
        UserError: No run, no such row in its queue, or another verdict.
    """
    plan, store = open_run(options.run_folder)
    waiting = queue(store, plan)
    if options.decide:
        row, verdict = options.decide
        _decide_one(store, waiting, row, verdict, options.note)
    elif options.page:
        _write_page(plan.recipe.name, waiting, options.page)
    elif options.serve:
        serve(plan, store, options.port)
    elif options.list or options.json:
        _list(waiting, as_json=options.json)
    else:
        _ask(store, waiting)
    return 0


def _decide_one(store: Store, waiting: Sequence[Doubt], row: str, verdict: str, note: str) -> None:
    doubt = next((one for one in (*waiting, *_decided_before(store)) if one.row == row), None)
    if doubt is None:
        raise UserError(f"--decide {row}: no such row waits; 'catena review RUN --list' shows those that do")
    keep(store, doubt.decided(verdict, note))
    print_line(f"{row}: {verdict}; {sum(one.row != row for one in waiting):,} rows wait")


def _decided_before(store: Store) -> list[Doubt]:
    """Rows that were decided, so that a decision can be changed."""
    return [Doubt(one.row, "", one.reason, "", "", one.stage) for one in reviews(store)]


def _write_page(name: str, waiting: Sequence[Doubt], out: str) -> None:
    write(out, queue_page(name, waiting).encode())
    print_line(f"{len(waiting):,} rows wait for a person; {out} shows them")


def _list(waiting: Sequence[Doubt], *, as_json: bool) -> None:
    if as_json:
        print(orjson.dumps([asdict(doubt) for doubt in waiting], option=orjson.OPT_INDENT_2).decode())
        return
    print_all(f"{doubt.row}  {doubt.reason:<16}  {doubt.statement[:90]}" for doubt in waiting)
    print(f"{len(waiting):,} rows wait for a person")


def _told(detail: str) -> list[str]:
    """What is known of a row, a line each: votes one by one where they are kept as JSON."""
    try:
        data = orjson.loads(detail)
    except ValueError:
        return detail[:_SHOWN].splitlines()
    if not isinstance(data, dict):
        return [detail[:_SHOWN]]
    votes = [
        f"{vote.get('verifier')}, {vote.get('question')}: {vote.get('decision')} ({str(vote.get('evidence'))[:300]})"
        for vote in data.pop("votes", [])
        if isinstance(vote, dict)
    ]
    return [*(f"{name}: {str(value)[:500]}" for name, value in data.items()), *votes]


def _ask(store: Store, waiting: Sequence[Doubt]) -> None:
    left = len(waiting)
    for number, doubt in enumerate(waiting, start=1):
        print_all(
            [
                "",
                f"{number} of {len(waiting)}   {doubt.row}   {doubt.stage}: {doubt.reason}",
                *doubt.statement[:_SHOWN].splitlines(),
                *(f"  | {line}" for line in _told(doubt.detail)),
            ]
        )
        print(
            "[a]ccept, wrong [k]ey, ill-[p]osed, [r]eject, [s]kip, [q]uit, and a note if you like: ", end="", flush=True
        )
        line = sys.stdin.readline()
        word, _, note = line.strip().partition(" ")
        if not line or word[:1].lower() == "q":
            break
        verdict = _KEYS.get(word[:1].lower())
        if verdict is not None:
            keep(store, doubt.decided(verdict, note.strip()))
            left -= 1
    print(f"{left:,} rows wait for a person; decisions are in {store.full(REVIEWS)}, the next run goes by them")
