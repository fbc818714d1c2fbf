"""RL in rounds: curriculum, ordered schedule, GRPO (TRL), rollout log, curriculum again.

Each round is a fresh GRPOTrainer over the same network and the same optimiser, with a seed of its own, so that a run that was
killed goes on from its last finished round with the same numbers. What TRL is asked for is in `catena.trainers.trl_adapter`;
its one unchecked contract, that a problem's rollouts are contiguous, is verified on every round.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from catena.errors import RecipeError, TrainingError
from catena.pass_rates import Observed, Tally, add_pass_rates
from catena.seeds import seed_for
from catena.trainers.curricula import Known, make_curriculum
from catena.trainers.curriculum import Curriculum, Group
from catena.trainers.dataset import Example, by_horizon, prompt_ids, rl_dataset
from catena.trainers.models import load_model, save_model
from catena.trainers.outcome import (
    CurvePoint,
    Outcome,
    Progress,
    as_json,
    fingerprint,
    read_outcome,
    recover_folder,
    silent,
    write_outcome,
)
from catena.trainers.reward import CorrectnessReward, RewardFunction, Scored, format_reward
from catena.trainers.rl_settings import RlSettings
from catena.trainers.rl_state import Optimisers, RlState, load_state, save_state
from catena.trainers.tracking import open_trackers
from catena.trainers.trl_adapter import (
    StepLog,
    gather,
    is_main,
    num_processes,
    run_grpo,
    shards_weights,
    wait_for_all,
)

AfterRound = Callable[[Any, Any, RlState], None]
_CURVE = ("loss", "reward", "frac_reward_zero_std")


def train_rl(
    model: str | Path,
    examples: Sequence[Example],
    folder: Path,
    settings: RlSettings,
    *,
    seed: int,
    curriculum: Curriculum | None = None,
    reward: CorrectnessReward | None = None,
    known: Known | None = None,
    pass_rates: str | Path | None = None,
    progress: Progress = silent,
    after_round: AfterRound | None = None,
) -> Outcome:
    """Trains `model` by GRPO into `folder/model`; a finished stage is recognised, a killed one goes on.

    Args:
        model: Folder or hub id of the start.
        examples: Problems for RL; their reference completions are not used.
        folder: The stage's own folder; gets `state/` after each round, `metrics.jsonl`, `model/` and, last, `outcome.json`.
        settings: How.
        seed: Of the curriculum and of all sampling.
        curriculum: What chooses problems; None: the one that `settings` name.
        reward: The reward function; None: `CorrectnessReward` with `settings.reward`.
        known: What the pass-rate store holds of the problems before training, for curricula that use it.
        pass_rates: A store that gets the pass rates of every round, under the name of `folder`.
        progress: Called after each step.
        after_round: Called with the network, its tokenizer and the totals after each round, for an evaluation on the way.

    Raises:
        RunFolderError: `folder` holds a stage with other settings or data.
        RecipeError: Batches that do not divide, or weights spread over processes.
        TrainingError: A stop condition was met or the loss is not finite.
    """
    identity = fingerprint(asdict(settings), seed, str(model), [example.problem_id for example in examples])
    if (finished := read_outcome(folder, identity)) is not None:
        return finished
    settings.micro_batch_on(num_processes())
    if shards_weights():
        raise RecipeError(
            "RL here goes on from round to round with one optimiser and needs the whole model in each process: launch it"
            " with trainers/accelerate/ddp.yaml, or export the rows for verl ('catena export --to verl')"
        )
    curriculum = curriculum or curriculum_over(examples, settings, known or {}, seed=seed)
    resumed = recover_folder(folder / "state")
    wait_for_all()
    network, tokenizer = load_model(folder / "state" / "model" if resumed else model, lora=settings.lora)
    optimisers = _make_optimisers(network, settings)
    state = load_state(folder / "state", identity, curriculum, optimisers) if resumed else RlState()
    reward = reward or CorrectnessReward(settings.reward, ends=end_tokens(tokenizer))
    reward.take()
    loop = _Loop(examples, folder, settings, seed, curriculum, reward, tokenizer, optimisers, state, progress)
    budget = settings.token_budget or math.inf
    while state.rounds < settings.rounds and state.tokens < budget:
        network, groups = loop.round(network)
        if pass_rates is not None and is_main():
            source = f"RL {identity[:16]}, round {state.rounds}"
            add_pass_rates(pass_rates, observed(groups, folder.parent.name), source=source)
        if after_round is not None and is_main():
            after_round(network, tokenizer, state)
        if is_main():
            save_state(folder / "state", identity, network, tokenizer, curriculum, optimisers, state)
        wait_for_all()
    loop.close()
    outcome = Outcome(
        stage="rl",
        fingerprint=identity,
        steps=state.rounds * settings.steps_per_round,
        tokens=state.tokens,
        wall_s=state.wall_s,
        counts={f"rollouts_{name}": count for name, count in sorted(state.counts.items())},
        curve=tuple(state.curve),
        settings=as_json(asdict(settings)),
    )
    if is_main():
        save_model(network, tokenizer, folder / "model")
        write_outcome(folder, outcome)
    wait_for_all()
    return outcome


class _Loop:
    """What every round needs, and one round of it."""

    def __init__(
        self,
        examples: Sequence[Example],
        folder: Path,
        settings: RlSettings,
        seed: int,
        curriculum: Curriculum,
        reward: CorrectnessReward,
        tokenizer: Any,
        optimisers: Optimisers,
        state: RlState,
        progress: Progress,
    ) -> None:
        self._problems = {example.problem_id: example for example in examples}
        self._folder, self._settings, self._seed, self._progress = folder, settings, seed, progress
        self._curriculum, self._reward, self._tokenizer = curriculum, reward, tokenizer
        self._optimisers, self._state = optimisers, state
        before = state.rounds * settings.steps_per_round
        self._trackers = open_trackers(settings.tracking, folder, "rl", after=before) if is_main() else None

    def round(self, network: Any) -> tuple[Any, list[Group]]:
        """Trains one round and takes its rollouts in; returns the network and the groups."""
        started, state, settings = time.monotonic(), self._state, self._settings
        ids = self._curriculum.next(settings.steps_per_round * settings.prompts_per_step)
        visits = [self._problems[problem_id] for problem_id in ids]
        standing = self._curriculum.metrics()
        logs: list[Mapping[str, float]] = []

        def on_log(step: int, metrics: Mapping[str, float]) -> None:
            if "reward" in metrics:
                logs.append(metrics)
                self._report(step, {**metrics, **{f"curriculum/{name}": value for name, value in standing.items()}})

        rewards: list[RewardFunction] = [self._reward]
        if settings.reward.format_weight:
            rewards.append(format_reward)
        network = run_grpo(
            network,
            self._tokenizer,
            rl_dataset(visits, with_graphs=settings.reward.outcome != "final"),
            settings,
            rewards,
            folder=self._folder,
            seed=seed_for(self._seed, "rl", state.rounds) % 2**31,
            optimizers=(self._optimisers.optimizer, self._optimisers.schedule),
            log=StepLog(on_log, stage="RL", before=state.rounds * settings.steps_per_round),
        )
        own = settings.completions_per_step // num_processes()
        rollouts = gather(self._reward.take(), per_step=own)
        groups = as_groups(rollouts, ids, settings.rollouts_per_prompt)
        self._curriculum.observe(groups)
        before = state.tokens
        prompts = prompt_ids(self._tokenizer, [visit.prompt for visit in visits])
        state.tokens += settings.rollouts_per_prompt * sum(map(len, prompts)) + sum(r.num_tokens for r in rollouts)
        counts: Counter[str] = Counter(rollout.verdict for rollout in rollouts)
        counts["truncated"] = sum(rollout.truncated for rollout in rollouts)
        state.counts = {name: state.counts.get(name, 0) + counts[name] for name in {*state.counts, *counts}}
        stage = int(standing["stage"]) if "stage" in standing else None
        state.curve += self._curve(logs, groups, (before, state.tokens), stage)
        state.rounds += 1
        state.wall_s += time.monotonic() - started
        return network, groups

    def close(self) -> None:
        """No more rounds."""
        if self._trackers is not None:
            self._trackers.close()

    def _report(self, step: int, metrics: Mapping[str, float]) -> None:
        if self._trackers is not None:
            self._trackers.log(step, metrics)
        where = f", stage {int(metrics['curriculum/stage']) + 1}" if "curriculum/stage" in metrics else ""
        total = self._settings.rounds * self._settings.steps_per_round
        self._progress(step, total, f"RL reward {metrics['reward']:.2f}{where}")

    def _curve(
        self, logs: Sequence[Mapping[str, float]], groups: Sequence[Group], tokens: tuple[int, int], stage: int | None
    ) -> list[CurvePoint]:
        """One point per step of a round; the round's tokens are spread evenly over its steps."""
        points, per_step = [], self._settings.prompts_per_step
        first = self._state.rounds * self._settings.steps_per_round + 1
        for number, log in enumerate(logs):
            rewards: dict[str, list[float]] = {}
            for group in groups[number * per_step : (number + 1) * per_step]:
                rewards.setdefault(str(self._problems[group.problem_id].horizon), []).extend(group.scored)
            success = {horizon: sum(given) / len(given) for horizon, given in sorted(rewards.items()) if given}
            spent = tokens[0] + (tokens[1] - tokens[0]) * (number + 1) // len(logs)
            figures = {name: log.get(name) for name in _CURVE}
            points.append(CurvePoint(first + number, spent, **figures, success=success, stage=stage))
        return points


def curriculum_over(examples: Sequence[Example], settings: RlSettings, known: Known, *, seed: int) -> Curriculum:
    """The curriculum that `settings` name, over the problems of `examples`."""
    ids = {horizon: [one.problem_id for one in group] for horizon, group in by_horizon(examples).items()}
    return make_curriculum(ids, settings.curriculum, known=known, seed=seed)


def as_groups(rollouts: Sequence[Scored], visits: Sequence[str], group_size: int) -> list[Group]:
    """The rollouts of one round as one group per visit.

    Raises:
        TrainingError: They are not the visits in order with `group_size` contiguous rollouts each; then TRL's
            baselines were taken over rollouts of different problems.
    """
    blocks = [rollouts[i : i + group_size] for i in range(0, len(rollouts), group_size)]
    if [[rollout.problem_id for rollout in block] for block in blocks] != [[visit] * group_size for visit in visits]:
        raise TrainingError(
            f"TRL did not roll out {len(visits)} visits with {group_size} contiguous completions each"
            f" (got {len(rollouts)} rollouts): this version of trl groups differently, install trl 1.16"
        )
    return [Group(block[0].problem_id, tuple(rollout.reward for rollout in block)) for block in blocks]


def observed(groups: Sequence[Group], model: str) -> list[Observed]:
    """What a round saw of its problems; a rollout counts as accepted with the whole reward."""
    return [
        Observed(group.problem_id, model, Tally(sum(reward == 1.0 for reward in group.scored), len(group.scored)))
        for group in groups
    ]


def end_tokens(tokenizer: Any) -> frozenset[int]:
    """The tokens that end a completion."""
    return frozenset(token for token in (tokenizer.eos_token_id, tokenizer.pad_token_id) if token is not None)


def _make_optimisers(network: Any, settings: RlSettings) -> Optimisers:
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=settings.learning_rate, betas=(0.9, settings.adam_beta2), weight_decay=0.0
    )
    warmup = settings.warmup_steps
    rise = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (warmup + 1)))
    return Optimisers(optimizer, rise)
