"""`catena export`: published rows for another trainer, with the reward that it calls and how to use both there.

    catena export quickstart --to verl --use rl --out verl-rows          a run, by folder or name
    catena export data/rl/*.parquet --to openrlhf --out rows             shards
    catena export rows --to slime --rows sft --out slime-rows            rows that are suggested for SFT, for RL
    catena export rows --to trl --use sft --split train --out sft-rows
    catena export rows --to verl --schedule rounds --curriculum gate --visits 512     the next round of a curriculum

A schedule goes to its folder, `round-00000` and so on; `catena observe` takes in what its rollouts gave. Not here: the columns
(`catena.trainers.exports`).
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from catena import __version__
from catena.errors import UserError
from catena.flows.export_sources import Seen, Source, sources_of
from catena.records import Use as Purpose
from catena.trainers.canonical import Row, rl_row, sft_row, with_visit
from catena.trainers.curricula import NAMES
from catena.trainers.exports.layout import Target
from catena.trainers.exports.rounds import Round, only_one, open_round, settings_of
from catena.trainers.exports.targets import TARGETS, target_of
from catena.trainers.exports.writing import write_export
from catena.trainers.schedules import schedule_id

PURPOSES: tuple[str, ...] = get_args(Purpose)
SPLITS = ("all", "train", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena export`."""
    parser.add_argument(
        "source", nargs="+", metavar="RUN|SHARD|HUB", help="run folder or name, Parquet shards, or a hub id"
    )
    parser.add_argument("--to", required=True, metavar="TRAINER", help=f"one of {', '.join(TARGETS)}")
    parser.add_argument(
        "--use", choices=("sft", "rl"), default="rl", help="what the rows are for (default %(default)s)"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to make")
    parser.add_argument("--split", choices=SPLITS, default="all", help="train.parquet, test.parquet or both (default)")
    parser.add_argument(
        "--rows",
        default="",
        metavar="USES",
        help="comma list of the suggested uses that train.parquet takes (default: --use)",
    )
    parser.add_argument("--graphs", action="store_true", help="RL rows carry their graphs, for rewards for steps")
    parser.add_argument("--schedule", metavar="DIR", help="folder of a curriculum: export its next round there")
    parser.add_argument(
        "--curriculum", default="gate", metavar="NAME", help=f"one of {', '.join(NAMES)} (default gate)"
    )
    parser.add_argument("--visits", type=int, default=512, metavar="N", help="visits of a round (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the curriculum (default %(default)s)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="of the curriculum: gate.window=32",
    )
    parser.add_argument("--json", action="store_true", help="print the manifest")


def run(options: argparse.Namespace) -> int:
    """Write the export and say what it holds; returns 0.

    Raises:
        UserError: An unknown trainer, impossible arguments, rows that cannot be exported, none at all, or a folder that holds
            something else; nothing has been written then.
    """
    target = target_of(options.to)
    if bool(options.out) == bool(options.schedule):
        raise UserError("catena export needs either --out DIR or --schedule DIR")
    if "://" in (options.out or options.schedule):
        raise UserError(f"{options.out or options.schedule}: a URL; exports go to a local folder, copy it from there")
    purposes = tuple(one.strip() for one in options.rows.split(",") if one.strip()) or (options.use,)
    if unknown := [one for one in purposes if one not in PURPOSES]:
        raise UserError(f"--rows {options.rows}: no use {unknown[0]!r}; known: {', '.join(PURPOSES)}")
    sources = sources_of(options.source)
    if options.schedule:
        return _next_round(options, target, sources, purposes)
    rows = _Rows(sources, options.use, purposes, graphs=options.graphs)
    splits = ("train", "test") if options.split == "all" else (options.split,)
    facts = {"catena": __version__, "rows_for": list(purposes)}
    try:
        manifest = write_export(
            Path(options.out), target, options.use, {split: rows.of(split) for split in splits}, facts
        )
    except UserError as error:
        raise rows.explained(error) from error
    _say(options, manifest, options.out)
    return 0


class _Rows:
    """Canonical rows of some sources, gone through once for each split."""

    def __init__(self, sources: Sequence[Source], use: str, purposes: Sequence[str], *, graphs: bool) -> None:
        self._sources, self._use, self._purposes, self._graphs = sources, use, purposes, graphs
        self._counts: Counter[str] = Counter()

    def of(self, split: str) -> Iterator[Row]:
        """The rows of a split; for RL each problem once."""
        self._counts.clear()
        seen = Seen()
        for source in self._sources:
            for row in source.rows(("test",) if split == "test" else self._purposes, self._counts):
                if self._use == "sft":
                    yield sft_row(row, split=split)
                elif not seen(row["problem_id"]):
                    yield rl_row(row, split=split, version=__version__, graphs=self._graphs)

    def explained(self, error: UserError) -> UserError:
        """The error, with what there is where nothing was chosen."""
        if "not one row" not in str(error):
            return error
        there = ", ".join(f"{count:,} {use}" for use, count in sorted(self._counts.items())) or "no rows at all"
        return UserError(f"{error} for {' or '.join(self._purposes)}; the data holds {there} (choose with --rows)")


def _next_round(options: argparse.Namespace, target: Target, sources: Sequence[Source], purposes: Sequence[str]) -> int:
    if options.use != "rl":
        raise UserError("--schedule is for RL; leave out --use sft")
    if target.keeps_order is not None:
        raise UserError(
            f"--to {target.name}: cannot follow a schedule, since {target.keeps_order}; TRL, verl and slime can"
        )
    rows = _Rows(sources, "rl", purposes, graphs=options.graphs)
    problems: dict[int, list[str]] = {}
    for row in rows.of("train"):
        problems.setdefault(row["horizon"], []).append(row["id"])
    if not problems:
        raise rows.explained(UserError("there is not one row"))
    folder, settings = Path(options.schedule), settings_of(options.curriculum, options.settings)
    with only_one(folder):
        drawn = open_round(folder, problems, settings, seed=options.seed, visits=options.visits)
        facts = {"catena": __version__, "round": drawn.number, "schedule": schedule_id(drawn.visits)}
        out = folder / drawn.folder
        manifest = write_export(out, target, "rl", {"train": _visits(rows, drawn)}, facts)
    _say(options, manifest, str(out))
    return 0


def _visits(rows: _Rows, drawn: Round) -> Iterator[Row]:
    wanted = set(drawn.visits)
    by_id = {row["id"]: row for row in rows.of("train") if row["id"] in wanted}
    name = schedule_id(drawn.visits)
    for number, visit in enumerate(drawn.visits):
        yield with_visit(by_id[visit], name, number)


def _say(options: argparse.Namespace, manifest: dict[str, Any], out: str) -> None:
    if options.json:
        print(json.dumps({"out": out, **manifest}))
        return
    rows = ", ".join(f"{split}.parquet {count:,} rows" for split, count in manifest["rows"].items())
    print(f"{out}: {rows} for {manifest['target']} {manifest['checked_against']}; how to use them is in README.md")
