"""Which curriculum gives the longest horizon for the fewest tokens? Eight arms from one SFT start at equal tokens.

    python -m benchmarks.horizon.study --out runs/horizon --seeds 0 1 2
    python -m benchmarks.horizon.study --out runs/horizon --table

An arm is RL with one curriculum until its prompts and rollouts reach the token budget; `sft` is the control that goes on with SFT for
as many tokens. On the way, after every `--every`th round, the policy is tested on held-out problems of the horizons that
are watched: from this come the tokens that an arm needs to a given accuracy. In the end every arm is tested on all
horizons. Arms share everything but the curriculum: data, SFT start, sampling seeds, budget, evaluation problems. Every
finished arm is kept under `--out`; a killed call goes on where it was. Curricula are never fed from evaluation problems.

The arms' settings were chosen before the first run and are those of the shipped curricula; the budget is that of the
quickstart. For models of 30 to 100 million parameters on a GPU see `gpu.py`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.horizon.table import print_table
from catena.shards import read_manifest
from catena.storage import Store
from catena.trainers.curricula import CurriculumSettings
from catena.trainers.curriculum_gate import GateSettings
from catena.trainers.dataset import Example, by_horizon, read_examples
from catena.trainers.evaluate import EvaluationSettings, complete, evaluate, summarise
from catena.trainers.reward import CorrectnessReward
from catena.trainers.rl import train_rl
from catena.trainers.rl_settings import RlSettings
from catena.trainers.sft import SftSettings, SftStage, train_sft
from catena.trainers.student import make_student

ARMS = ("short", "uniform", "long", "stages", "gate", "band", "sec", "dump")
LIMITS = {horizon: 14 + 12 * horizon for horizon in range(1, 9)}
SFT = SftSettings(
    stages=(
        SftStage(300, {1: 1, 2: 1, 3: 1}),
        SftStage(140, {1: 3, 2: 3, 3: 3, 4: 1.5, 5: 1.5, 6: 1.5}),
        SftStage(100, {1: 3, 2: 3, 3: 3, 4: 1.5, 5: 1.5, 6: 1.5}, 0.02),
    ),
    batch_size=48,
    bf16=True,
)
RL = RlSettings(
    rounds=1_000,
    steps_per_round=6,
    prompts_per_step=16,
    rollouts_per_prompt=16,
    micro_batch=128,
    learning_rate=3e-4,
    max_completion_tokens=80,
    bf16=True,
    curriculum=CurriculumSettings(stage_visits=154, gate=GateSettings(gate=0.6, window=32, review=0.3)),
)
"""`stage_visits` divides the visits of the budget among the five stages; the rest is the quickstart's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/horizon"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=[*ARMS, "sft"], default=[*ARMS, "sft"])
    parser.add_argument("--tokens", type=int, default=500_000, help="budget of an arm, prompts and rollouts")
    parser.add_argument("--every", type=int, default=2, help="rounds between tests on the way")
    parser.add_argument("--watched", type=int, nargs="+", default=[2, 4, 6, 8], help="horizons of these tests")
    parser.add_argument("--problems", type=int, default=300, help="per horizon in the last test")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    options = parser.parse_args()
    if not options.table:
        for seed in options.seeds:
            rows = prepare(options.out / str(seed), seed)
            for arm in options.arms:
                run_arm(options.out / str(seed), arm, rows, seed, options)
    print_table(options.out)


def prepare(folder: Path, seed: int) -> dict[str, list[Example]]:
    """The rows of a seed by use, and its SFT start in `folder/start`."""
    recipe = Path(__file__).with_name("data.toml")
    command = [sys.executable, "-m", "catena.flows.cli", "run", str(recipe), "--run-folder", str(folder / "data")]
    subprocess.run([*command, "--quiet", "--set", f"seed={seed}"], check=True)
    store = Store(str(folder / "data"))
    shards = [store.full(shard.path) for shard in read_manifest(store, "data/manifest.json")]
    rows = {
        use: read_examples([path for path in shards if f"/{use}/" in path], use=use, style="compact")
        for use in ("sft", "rl", "test")
    }
    if not (folder / "student").exists():
        make_student(folder / "student", seed=seed)
    train_sft(folder / "student", rows["sft"], folder / "start", SFT, seed=seed)
    return rows


def run_arm(folder: Path, arm: str, rows: dict[str, list[Example]], seed: int, options: argparse.Namespace) -> None:
    """Trains and tests one arm, unless its result is there."""
    result = folder / f"{arm}.json"
    if result.exists():
        return
    start, place = folder / "start" / "model", folder / arm
    curve: list[dict[str, Any]] = []
    if arm == "sft":
        stages = (replace(SFT.stages[-1], steps=0),)
        settings = replace(SFT, stages=stages, token_budget=options.tokens, learning_rate=2e-3)
        outcome = train_sft(start, rows["sft"], place, settings, seed=seed + 1)
    else:
        curve = read_curve(place)
        watched = held_out(rows["test"], options.watched, 100, first=options.problems)
        settings_rl = replace(RL, token_budget=options.tokens, curriculum=replace(RL.curriculum, name=arm))

        def test(network: Any, tokenizer: Any, state: Any) -> None:
            done = state.tokens >= options.tokens
            if (state.rounds % options.every == 0 or done) and all(p["round"] != state.rounds for p in curve):
                point = {"round": state.rounds, "tokens": state.tokens, "accuracy": quick(network, tokenizer, watched)}
                curve.append(point)
                (place / "curve.json").write_text(json.dumps(curve))

        outcome = train_rl(start, rows["rl"], place, settings_rl, seed=seed, after_round=test)
    final = held_out(rows["test"], sorted(LIMITS), options.problems)
    tested = evaluate(place / "model", final, EvaluationSettings(max_new_tokens=LIMITS, batch_size=400), seed=seed)
    found = {
        "arm": arm, "seed": seed, "tokens": outcome.tokens, "steps": outcome.steps, "wall_s": round(outcome.wall_s, 1),
        "final": [asdict(row) for row in tested], "curve": curve,
        "stage": [point.stage for point in outcome.curve],
    }  # fmt: skip
    result.write_text(json.dumps(found, indent=1))
    at = " ".join(f"h{row.horizon} {row.accuracy:.2f}" for row in tested if row.accuracy is not None)
    print(f"seed {seed} {arm:<8} {outcome.tokens:>9,} tokens {outcome.wall_s:6.0f} s  {at}", flush=True)


def held_out(rows: Sequence[Example], horizons: Sequence[int], problems: int, *, first: int = 0) -> list[Example]:
    """Test problems of each horizon from the `first`th on; those on the way are not those of the last test."""
    groups = by_horizon(rows)
    return [one for horizon in horizons for one in groups[horizon][first : first + problems]]


def quick(network: Any, tokenizer: Any, problems: Sequence[Example]) -> dict[str, float]:
    """Sampled accuracy of a policy in training, by horizon."""
    settings, reward, found = EvaluationSettings(max_new_tokens=LIMITS), CorrectnessReward(), {}
    network.eval()
    for horizon, group in by_horizon(problems).items():
        texts, _ = complete(network, tokenizer, [one.prompt for one in group], settings, horizon)
        reward(
            completions=texts, problem_id=[one.problem_id for one in group], gold=[asdict(one.gold) for one in group]
        )
        row = summarise(horizon, [scored.verdict for scored in reward.take()], 1, 0)
        found[str(horizon)] = row.accuracy or 0.0
    network.train()
    return found


def read_curve(place: Path) -> list[dict[str, Any]]:
    """The tests on the way that a killed call has made."""
    path = place / "curve.json"
    return json.loads(path.read_text()) if path.exists() else []


if __name__ == "__main__":
    main()
