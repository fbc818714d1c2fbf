"""`catena ledger`: what a run has paid for, out of its request ledger.

    catena ledger stats RUN                               completions and tokens, per model and purpose
    catena ledger export RUN completions.jsonl            everything kept, as .jsonl, .parquet or a .db again
    catena ledger export RUN saved.db --salvage           what can still be read of a damaged ledger
    catena ledger gc RUN --superseded --dry-run           which completions would go, and how many bytes

Not here: what a ledger is (`catena.ledger`).
"""

import argparse
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from catena.errors import LedgerError, UserError
from catena.ledger import Total, open_ledger

if TYPE_CHECKING:
    from catena.storage import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena ledger`."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    stats = commands.add_parser("stats", help="completions, tokens and latency, per model and purpose")
    stats.add_argument("--json", action="store_true", help="print JSON")
    stats.set_defaults(ledger_command=_stats)
    export = commands.add_parser("export", help="write everything kept to a file")
    export.add_argument("--salvage", action="store_true", help="skip what is damaged and say what was lost")
    export.set_defaults(ledger_command=_export)
    gc = commands.add_parser(
        "gc",
        help="delete completions and give their room back",
        description="Deletes the completions of which all that is given holds; with nothing given, none: the room of earlier"
        " ones is given back, and small segments become few. What was paid for stays in the books.",
    )
    gc.add_argument(
        "--superseded",
        action="store_true",
        help="truncated ones where a finished or longer one is kept for the same request",
    )
    gc.add_argument("--model", action="append", default=[], metavar="NAME", help="those of a model, by its id")
    gc.add_argument("--older-than", type=float, metavar="DAYS", help="those kept more than so many days ago")
    gc.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
    gc.set_defaults(ledger_command=_gc)
    for command in (stats, export, gc):
        command.add_argument("ledger", metavar="RUN", help="run folder, name of one under runs/, or a ledger itself")
    export.add_argument("out", type=Path, metavar="OUT", help="a .jsonl, .parquet or .db file")


def run(options: argparse.Namespace) -> int:
    """Runs one of the sub-commands; returns its exit code.

    Raises:
        UserError: No ledger, a damaged one, a run at work in its folder, or arguments that make no sense.
    """
    return int(options.ledger_command(options))


def _stats(options: argparse.Namespace) -> int:
    from catena.ledger_segment_store import shown

    url, _ = _find(options.ledger)
    ledger = open_ledger(url, writable=False)
    try:
        totals, kept, size = ledger.totals(), ledger.num_kept(), ledger.num_bytes()
    finally:
        ledger.close()
    if options.json:
        facts = {"ledger": shown(url), "kept": kept, "bytes": size, "totals": [_as_json(total) for total in totals]}
        print(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode())
        return 0
    _print(f"{shown(url)}: {_completions(kept)} kept, {_size(size)}")
    paid = sum(total.completions for total in totals)
    if paid > kept:
        print(f"{paid - kept:,} more were paid for and are not kept")
    if totals:
        _print_table(totals)
    return 0


def _export(options: argparse.Namespace) -> int:
    from catena.ledger_export import export
    from catena.ledger_salvage import Salvage

    url, _ = _find(options.ledger)
    if options.salvage:
        salvage = Salvage(url)
        count = export(salvage.rows(), options.out, salvage.totals)
        _print(f"{_completions(count)} saved to {options.out}")
        for sentence in salvage.lost:
            _print(f"lost: {sentence}")
        return 1 if salvage.lost else 0
    ledger = open_ledger(url, writable=False)
    try:
        count = export(ledger.rows(), options.out, ledger.totals())
    finally:
        ledger.close()
    _print(f"{_completions(count)} written to {options.out}")
    return 0


def _gc(options: argparse.Namespace) -> int:
    from catena.flows.run_folder import exclusive
    from catena.ledger_compaction import collect_from_segments
    from catena.ledger_gc import Unwanted, collect_from_database
    from catena.ledger_segment_store import shown

    if options.older_than is not None and not options.older_than >= 0:
        raise UserError(f"--older-than {options.older_than}: expected a number of days, at least 0")
    before = None if options.older_than is None else time.time() - options.older_than * 86_400
    unwanted = Unwanted(options.superseded, tuple(options.model), before)
    url, folder = _find(options.ledger)
    collect = collect_from_database if url.endswith(".db") else collect_from_segments
    held: AbstractContextManager[None] = nullcontext() if folder is None or options.dry_run else exclusive(folder)
    with held:
        done = collect(url, unwanted, dry_run=options.dry_run)
    would = "would go" if options.dry_run else "went"
    _print(f"{shown(url)}: {_completions(done.completions)} {would}, {_size(done.text_bytes)} of text")
    if done.files:
        print(f"{done.files:,} segments {'would become' if options.dry_run else 'became'} fewer")
    if not options.dry_run:
        print(f"{_size(done.bytes_before)} before, {_size(done.bytes_after)} now")
    return 0


def _find(named: str) -> "tuple[str, Store | None]":
    """The ledger that is meant, and the run folder that it belongs to, if it is a local one."""
    from catena.ledger_segment_store import shown
    from catena.storage import Store

    if named.endswith(".db"):
        folder = Path(named).absolute().parent
        of_a_run = (folder / "recipe.json").exists() or (folder / ".lock").exists()
        return named, Store(str(folder)) if of_a_run else None
    under = Path("runs") / named
    url = str(under) if "://" not in named and not Path(named).exists() and under.exists() else named
    store = Store(url if "://" in url else str(Path(url).absolute()))
    given = _given(store)
    if given is not None:
        return given, store
    if store.local is not None and (store.local / "ledger.db").exists():
        return str(store.local / "ledger.db"), store
    for place in ("ledger", ""):
        if any(name.endswith(".parquet") for name in store.names(place)):
            return f"{store.url.rstrip('/')}/{place}".rstrip("/"), store if place else None
    raise LedgerError(f"{shown(named)}: no ledger lies here; name a run folder, a ledger.db, or a folder of segments")


def _given(store: "Store") -> str | None:
    """The ledger that the run's recipe names."""
    try:
        ledger = orjson.loads(store.read("recipe.json"))["recipe"].get("ledger")
    except (FileNotFoundError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return ledger if isinstance(ledger, str) else None


def _as_json(total: Total) -> dict[str, Any]:
    values = asdict(total)
    return {**values, **values.pop("usage"), "mean_latency_s": total.latency_s / max(1, total.completions)}


def _print_table(totals: list[Total]) -> None:
    width = max(len("model"), *(len(total.model) for total in totals))
    purpose = max(len("purpose"), *(len(total.purpose) for total in totals))
    heads = ("completions", "truncated", "tokens in", "cached", "tokens out", "reasoning")
    _print(
        f"  {'model':<{width}}  {'purpose':<{purpose}}" + "".join(f"{head:>16}" for head in heads) + "  mean latency"
    )
    for total in totals:
        usage = total.usage
        paid = (total.completions, total.truncated, usage.prompt_tokens, usage.cached_tokens)
        numbers = (*paid, usage.completion_tokens, usage.reasoning_tokens)
        columns = "".join(f"{number:>16,}" for number in numbers)
        mean = total.latency_s / max(1, total.completions)
        _print(f"  {total.model:<{width}}  {total.purpose:<{purpose}}{columns}{mean:>11.2f} s")


def _completions(count: int) -> str:
    return f"{count:,} completion{'' if count == 1 else 's'}"


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB" if num_bytes >= 100_000 else f"{num_bytes / 1e3:,.1f} kB"


def _print(line: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding))
