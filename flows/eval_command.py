"""`catena eval`: how often a model solves held-out problems, and whether another model is better.

    catena eval Qwen/Qwen3-8B runs/mine --endpoint http://127.0.0.1:8000/v1 --samples 8 --k 1 4 8
    catena eval models/student runs/mine --greedy
    catena eval Qwen/Qwen3-8B math500.jsonl --format math500 --engine vllm
    catena eval --compare before/results.json after/results.json

Every completion is in the folder's ledger before it is used: the same command goes on where it was killed, and asks nothing
twice. Not here: the statistics (`catena.trainers.evaluate_scores`, `catena.trainers.evaluate_paired`).
"""

import argparse
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from catena.errors import DatasetError, UserError
from catena.flows.eval_asking import Answered, ask
from catena.flows.eval_benchmarks import PRESETS
from catena.flows.eval_data import Data, read_data, taught_by
from catena.flows.eval_excess import excess_by_horizon
from catena.flows.eval_options import asking_of, ks_of, layout_of
from catena.flows.eval_page import page
from catena.flows.eval_results import RESULTS, read_results, results_of, verdict_table, write_results
from catena.flows.eval_tables import comparison_lines, score_lines, summary_line
from catena.flows.run_folder import DATA_MANIFEST, exclusive
from catena.pass_rates import add_pass_rates, read_pass_rates
from catena.records import ANSWER_KINDS
from catena.storage import Store
from catena.trainers.evaluate_paired import compare_evaluations
from catena.trainers.evaluate_records import judge_attempts, observed
from catena.trainers.evaluate_scores import score_groups

FAILED_ROWS = 3
HELD_OUT_SOURCE = "evaluation on held-out problems, not for curricula"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `catena eval`."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="model folder, hub id, or the served model's name")
    parser.add_argument("data", nargs="?", metavar="DATA", help="run folder, shard, JSONL or Parquet file, or hub id")
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two results.json: is the second one better?")
    parser.add_argument("--out", metavar="DIR", help="where results go (default evaluations/<model>-<data>)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    asked = parser.add_argument_group("how it is asked")
    asked.add_argument("--endpoint", action="append", metavar="URL", help="OpenAI-compatible server; several share it")
    asked.add_argument("--engine", choices=("vllm", "transformers"), help="in this process (default transformers)")
    asked.add_argument("--key", metavar="REF", help="API key by reference: env:NAME or file:PATH")
    asked.add_argument("--samples", type=int, default=1, help="completions of each problem (default 1)")
    asked.add_argument("--greedy", action="store_true", help="one completion, the likeliest token each time")
    asked.add_argument("--temperature", type=float, default=1.0, help="of sampling (default 1)")
    asked.add_argument("--top-p", type=float, help="of sampling")
    asked.add_argument("--max-tokens", type=int, default=4096, help="longest completion (default 4096)")
    asked.add_argument("--system", default="", metavar="TEXT", help="system prompt")
    asked.add_argument("--seed", type=int, default=0, help="of sampling, of intervals and of the order of choices")
    asked.add_argument("--concurrency", type=int, default=64, help="requests in flight (default 64)")
    asked.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds for one completion")
    asked.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="a setting of the engine")
    asked.add_argument("--price", nargs=2, type=float, metavar=("IN", "OUT"), help="money per million tokens")
    asked.add_argument("--budget", type=float, metavar="MONEY", help="hard cap over all resumes; needs --price")
    asked.add_argument("--budget-tokens", type=int, metavar="N", help="hard cap in tokens over all resumes")
    what = parser.add_argument_group("what it is asked")
    what.add_argument("--k", type=int, nargs="+", default=[1], help="which pass@k (default 1)")
    what.add_argument("--limit", type=int, metavar="N", help="at most N problems, the same ones each time")
    what.add_argument(
        "--use", default="test", choices=("test", "sft", "rl"), help="which published rows (default test)"
    )
    what.add_argument("--trained-on", metavar="RUN", help="run whose training rows say what is held out (default DATA)")
    what.add_argument("--format", choices=sorted(PRESETS), help="columns and answer form of a benchmark")
    for name in ("question", "answer", "choices", "id", "subject"):
        what.add_argument(f"--{name}", metavar="COLUMN", help=f"column of the {name}, for other benchmarks")
    what.add_argument("--answer-type", choices=ANSWER_KINDS, metavar="KIND", help="kind of all answers, else inferred")
    what.add_argument("--split", help="of a hub data set")
    rates = parser.add_argument_group("pass rates")
    rates.add_argument("--parts", metavar="DIR", help="pass-rate store that holds this model's rates of the parts")
    rates.add_argument("--pass-rates", metavar="DIR", help="add what was observed to a store; never a curriculum's")


def run(options: argparse.Namespace) -> int:
    """Evaluate or compare; 0 done, 3 done but for requests that came to nothing.

    Raises:
        UserError: Options that do not fit together; data or a model that cannot be used.
        RunStopped: The budget is reached or the server is gone; the same command goes on.
    """
    if options.compare:
        if options.model is not None:
            raise UserError("--compare takes two results and nothing else; leave out MODEL and DATA")
        return _compare(*options.compare, as_json=options.json, seed=options.seed)
    if options.model is None or options.data is None:
        raise UserError("catena eval needs MODEL and DATA, or --compare A.json B.json")
    return _evaluate(options)


def _evaluate(options: argparse.Namespace) -> int:
    ks, asking = ks_of(options), asking_of(options)
    out = options.out or _default_folder(options)
    if options.pass_rates is not None:
        _check_not_a_run(options.pass_rates)
    parts = None if options.parts is None else read_pass_rates(options.parts)
    data = read_data(
        options.data, layout_of(options), use=options.use, seed=options.seed, limit=options.limit
    )  # fmt: skip
    taught = data.taught if options.trained_on is None else taught_by(options.trained_on)
    asked = {**_asked(options), "use": options.use if data.published else ""}
    with exclusive(Store(out)):
        _check_folder(out, asked)
        answered = ask(data.problems, asking, _ledger(out), quiet=options.json)
        judged = judge_attempts(data.problems, answered.attempts)
        scores = score_groups(data.problems, judged, ks, taught=taught, seed=options.seed)
        excess = excess_by_horizon(data.problems, judged, parts=parts, model=options.model)
        results = results_of(asked, data.problems, scores, excess, _facts(data, answered))
        verdicts = verdict_table(data.problems, answered.attempts, judged)
        write_results(out, results, verdicts, page(results))
    if options.pass_rates is not None:
        seen = [one for one in observed(data.problems, judged, options.model) if one.kind == "problem"]
        add_pass_rates(options.pass_rates, seen, source=f"{HELD_OUT_SOURCE}: {results['problems']} {asked}")
    if options.json:
        print(orjson.dumps(results).decode())
    else:
        print(summary_line(results), *score_lines(scores, excess), sep="\n")
        for why, number in data.left_out.items():
            print(f"left out: {number:,} problems, {why}")
        print(f"{out}: results.json, verdicts.parquet, report.html")
        if answered.failed:
            named = ", ".join(f"{number:,} {cause}" for cause, number in answered.failed.items())
            print(f"no reply to {sum(answered.failed.values()):,} requests ({named}); the same command asks them again")
    return FAILED_ROWS if answered.failed else 0


def _compare(first: str, second: str, *, as_json: bool, seed: int) -> int:
    (one, tallies), (other, others) = read_results(first), read_results(second)
    tests = compare_evaluations(tallies, others, seed=seed)
    if as_json:
        content = {"first": one["model"], "second": other["model"], "tests": [asdict(test) for test in tests]}
        print(orjson.dumps(content).decode())
        return 0
    method = "McNemar's exact test" if tests[0].method == "mcnemar" else "sign flips over problems"
    print(f"second ({other['model']}, {second}) against first ({one['model']}, {first}), {method}")
    print(*comparison_lines(tests), sep="\n")
    if one["greedy"] != other["greedy"]:
        print("one is greedy and the other sampled: part of the difference is that")
    return 0


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "model": options.model,
        "data": options.data,
        "preset": options.format,
        "greedy": options.greedy,
        "samples": 1 if options.greedy else options.samples,
        "temperature": 0.0 if options.greedy else options.temperature,
        "top_p": options.top_p,
        "max_tokens": options.max_tokens,
        "system": options.system,
        "seed": options.seed,
        "limit": options.limit,
    }


def _facts(data: Data, answered: Answered) -> dict[str, Any]:
    requests = {"sent": answered.sent, "reused": answered.reused, "failed": dict(answered.failed)}
    return {"left_out": dict(data.left_out), "requests": requests, "spent": asdict(answered.spent)}


def _ledger(out: str) -> str:
    local = Store(out).local
    return str(local / "ledger.db") if local is not None else f"{out.rstrip('/')}/ledger"


def _default_folder(options: argparse.Namespace) -> str:
    name = "-".join(re.sub(r"[^\w.]+", "-", Path(part).name or part) for part in (options.model, options.data))
    return f"evaluations/{name}{'-greedy' if options.greedy else ''}"


def _check_folder(out: str, asked: Mapping[str, Any]) -> None:
    """Refuses to replace the results of something else."""
    store = Store(out)
    if not store.exists(RESULTS):
        return
    try:
        known = orjson.loads(store.read(RESULTS))
    except ValueError as error:
        raise DatasetError(f"{store.full(RESULTS)}: not the result of an evaluation; delete it") from error
    for name in ("model", "data", "greedy"):
        if known.get(name) != asked[name]:
            raise UserError(
                f"{out}: holds the evaluation with {name} {known.get(name)!r}, this one has {asked[name]!r}; choose another --out"
            )


def _check_not_a_run(url: str) -> None:
    """Held-out rates must not lie where a curriculum or a composition reads its pass rates."""
    if Store(url).exists(DATA_MANIFEST):
        raise UserError(
            f"--pass-rates {url}: a run folder, whose pass rates feed composition and curricula; held-out rates must not, so"
            " name a folder of their own"
        )
