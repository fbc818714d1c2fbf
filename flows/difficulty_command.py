"""`catena difficulty`: how hard each problem is for a crowd of solvers, and how able each solver is.

    catena difficulty attempts.jsonl            a table of solvers, then the hardest and the easiest problems
    catena difficulty attempts.jsonl --json     one JSON object with `items` and `solvers`
    catena difficulty RUN                       what the run has observed: its pass-rate store, or its published rows

A row is `{"item": ..., "solver": ..., "correct": true | false | null}`, null for an undecided attempt, or
`{"item": ..., "solver": ..., "accepted": 3, "decided": 8}`; several rows of one solver and item add up. Published rows with
`pass_rate` are read as they are. Not here: the statistics (`catena.validators.difficulty`).
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from catena.errors import DatasetError, UserError
from catena.flows.rows_input import read_raw
from catena.pass_rates import KINDS, Observed, PassRates, Tally, pass_rates_of, read_pass_rates
from catena.storage import Store
from catena.validators.agreement_answers import one_label
from catena.validators.difficulty import DifficultyReport, ProblemDifficulty, SolverAbility, measure_difficulty

_EXPECTED = "every row needs item, solver and either correct (true, false or null) or accepted and decided (counts)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena difficulty`."""
    parser.add_argument(
        "rows", metavar="ROWS", help="JSONL or Parquet with item, solver, correct; a run folder; a hub id"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object with items and solvers")
    parser.add_argument("--out", metavar="FILE", help="write the items as JSONL")
    parser.add_argument("--split", default="train", help="of a hub data set (default train)")
    parser.add_argument("--by", choices=KINDS, default="problem", help="of a run: its problems, or their sources")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="how many at each end (default 10)")


def run(options: argparse.Namespace) -> int:
    """Read the attempts, measure, print; returns 0.

    Raises:
        UserError: `--show` is negative or `--out` cannot be written.
        DatasetError: The rows cannot be read, are not attempts, or there are none; nothing has been printed.
    """
    if options.show < 0:
        raise UserError(f"--show {options.show}: expected 0 or more problems at each end")
    seen = _observed_in(options.rows, options.split)
    keys = frozenset(seen.keys_of(options.by))
    tallies = {pair: tally for pair, tally in seen.items() if pair[0] in keys}
    if not any(tally.decided for tally in tallies.values()):
        raise DatasetError(f"{options.rows}: no decided attempt at any {options.by}; {_EXPECTED}")
    found = measure_difficulty(tallies)
    if options.out:
        lines = (orjson.dumps(_item(one), option=orjson.OPT_APPEND_NEWLINE) for one in found.problems)
        target = Path(options.out)
        Store(str(target.parent)).write(target.name, b"".join(lines))
    for line in [orjson.dumps(as_json(found)).decode()] if options.json else _as_text(found, options.show):
        print(line)
    return 0


def as_json(found: DifficultyReport) -> dict[str, Any]:
    """The report as plain values; what is unknown is null."""
    return {
        "items": [_item(one) for one in found.problems],
        "solvers": [{"solver": one.solver, **_rated(one.tally), **_rounded(one)} for one in found.solvers],
        "spread": found.spread and round(found.spread, 4),
        "own": found.own if found.own is None else round(found.own, 4),
        "reason": found.reason,
    }


def _observed_in(source: str, split: str) -> PassRates:
    """What a run's store holds, where there is one; else what the rows say."""
    named = Path("runs") / source
    url = str(named) if "://" not in source and not Path(source).exists() and named.is_dir() else source
    if "://" in url or Path(url).is_dir():
        stored = read_pass_rates(url)
        if stored:
            return stored
    return pass_rates_of(one for place, row in read_raw(source, split) for one in _attempts(row, place))


def _attempts(row: dict[str, Any], place: str) -> Iterator[Observed]:
    if isinstance(row.get("pass_rate"), list) and "problem_id" in row:
        yield from _published(row, place)
        return
    item, solver = (_named(row, name, place) for name in ("item", "solver"))
    if "correct" in row:
        correct = row["correct"]
        if correct is not None and not isinstance(correct, bool):
            raise DatasetError(f"{place}: correct is {_short(correct)}; {_EXPECTED}")
        yield Observed(item, solver, Tally() if correct is None else Tally(int(correct), 1))
    else:
        yield Observed(item, solver, _tally(row, place))


def _published(row: dict[str, Any], place: str) -> Iterator[Observed]:
    problem = _named(row, "problem_id", place)
    sources = row.get("sources")
    for rate in row["pass_rate"]:
        if not isinstance(rate, dict):
            raise DatasetError(f"{place}: pass_rate holds {_short(rate)}; expected objects of model, accepted, decided")
        model, tally = _named(rate, "model", place), _tally(rate, place)
        yield Observed(problem, model, tally)
        if isinstance(sources, list) and len(sources) == 1 and sources[0] and row.get("suggested_use") != "test":
            yield Observed(str(sources[0]), model, tally, "source")


def _named(row: dict[str, Any], name: str, place: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DatasetError(f"{place}: {name} is {_short(value)}; {_EXPECTED}")
    return str(value)


def _tally(row: dict[str, Any], place: str) -> Tally:
    counts = row.get("accepted"), row.get("decided")
    accepted, decided = counts
    if not (type(accepted) is int and type(decided) is int and 0 <= accepted <= decided):
        raise DatasetError(f"{place}: accepted and decided are {_short(counts)}; {_EXPECTED}, 0 <= accepted <= decided")
    return Tally(accepted, decided)


def _short(value: object) -> str:
    return repr(value)[:60]


def _rated(tally: Tally) -> dict[str, Any]:
    low, high = tally.interval()
    rate = None if tally.rate is None else round(tally.rate, 4)
    return {**asdict(tally), "pass_rate": rate, "pass_rate_low": round(low, 4), "pass_rate_high": round(high, 4)}


def _rounded(one: ProblemDifficulty | SolverAbility) -> dict[str, Any]:
    values = {name: value for name, value in asdict(one).items() if name not in ("tally", "problem")}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def _item(one: ProblemDifficulty) -> dict[str, Any]:
    return {"item": one.problem, **_rated(one.tally), **_rounded(one)}


def _as_text(found: DifficultyReport, show: int) -> Iterator[str]:
    attempts = sum(one.tally.decided for one in found.solvers)
    yield f"{len(found.problems):,} problems, {len(found.solvers):,} solvers, {attempts:,} decided attempts"
    if found.reason:
        yield f"no IRT: {found.reason}"
    else:
        yield f"standard deviation of difficulty: {found.spread:.2f} logits, of what one solver finds in one problem: {found.own:.2f}"
    yield "\t".join(("solver", "pass rate", "95 % interval", "decided", "ability", "se"))
    for solver in sorted(found.solvers, key=lambda one: -(one.ability or 0.0)):
        yield "\t".join((one_label(solver.solver), *_rate(solver.tally), _logit(solver.ability), _logit(solver.se)))
    known = sorted((one for one in found.problems if one.tally.decided), key=_hardness)
    yield from _listed("hardest", known[::-1][:show])
    yield from _listed("easiest", known[:show])


def _hardness(one: ProblemDifficulty) -> tuple[float, float]:
    """By difficulty where there is one; else by the pass rate, the better known first among the extremes."""
    return (one.difficulty if one.difficulty is not None else 0.0, -sum(one.tally.interval()) / 2)


def _listed(title: str, problems: Sequence[ProblemDifficulty]) -> Iterator[str]:
    if problems:
        yield "\t".join((f"\n{title}", "pass rate", "95 % interval", "decided", "difficulty", "95 % interval"))
    for one in problems:
        yield "\t".join((one_label(one.problem), *_rate(one.tally), _logit(one.difficulty), _interval(one)))


def _interval(one: ProblemDifficulty) -> str:
    if one.difficulty is None:
        return "-"
    if one.bound is not None:
        return f"{one.bound} {_logit(one.high if one.low is None else one.low)}"
    return f"{_logit(one.low)} to {_logit(one.high)}"


def _rate(tally: Tally) -> tuple[str, str, str]:
    low, high = tally.interval()
    return "-" if tally.rate is None else f"{tally.rate:.2f}", f"{low:.2f} to {high:.2f}", f"{tally.decided:,}"


def _logit(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
