"""Generating through transformers: how often a model answers correctly, by horizon, and attempts for further figures.

Not here: pass@k and groups (`catena.trainers.evaluate_scores`), comparing two models (`catena.trainers.evaluate_paired`).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from catena.answers import compare
from catena.pass_rates import Tally
from catena.puzzles import compare_puzzle
from catena.trainers.dataset import Example, Messages, by_horizon, prompt_ids
from catena.trainers.evaluate_records import Attempt, EvaluationProblem
from catena.trainers.models import load_model
from catena.trainers.outcome import Progress, silent
from catena.trainers.reward import Judge


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How to sample.

    Args:
        samples: Completions per problem; 1 with `greedy`.
        greedy: The likeliest token each time; otherwise sampled at `temperature` from the whole vocabulary.
        temperature: Above 0.
        max_new_tokens: Longest completion, in tokens; by horizon where a mapping.
        batch_size: Completions generated together.
    """

    samples: int = 1
    greedy: bool = False
    temperature: float = 1.0
    max_new_tokens: int | Mapping[int, int] = 256
    batch_size: int = 256


@dataclass(frozen=True, slots=True)
class HorizonAccuracy:
    """Accuracy at one horizon.

    `accuracy` is over decided samples and `low`, `high` its 95 % interval, taken over problems (the samples of
    one problem are not independent); all three are None where nothing was decided. `unparsed` samples count as
    wrong, `undecided` ones (timeout, error) not at all.
    """

    horizon: int
    num_problems: int
    num_samples: int
    accuracy: float | None
    low: float | None
    high: float | None
    unparsed: int
    undecided: int
    mean_tokens: float


def evaluate(
    model: str | Path,
    examples: Sequence[Example],
    settings: EvaluationSettings | None = None,
    *,
    seed: int,
    judge: Judge = compare,
    progress: Progress = silent,
) -> list[HorizonAccuracy]:
    """Accuracy of `model` (folder or hub id) at each horizon of `examples`, in ascending order.

    Args:
        model: What to evaluate.
        examples: Problems that the model was not trained on; horizons it never saw included.
        settings: How to sample.
        seed: Of the sampling; the same seed gives the same completions on the same machine.
        judge: What decides equality.
        progress: Called after each batch of completions.
    """
    settings = settings or EvaluationSettings()
    network, tokenizer = load_model(model)
    network.eval()
    torch.manual_seed(seed)
    samples = 1 if settings.greedy else settings.samples
    done, total = 0, len(examples) * samples
    rows = []
    for horizon, problems in by_horizon(examples).items():
        visits = [problem for problem in problems for _ in range(samples)]
        verdicts, num_tokens = [], 0
        for start in range(0, len(visits), settings.batch_size):
            batch = visits[start : start + settings.batch_size]
            texts, lengths = complete(network, tokenizer, [visit.prompt for visit in batch], settings, horizon)
            verdicts += [
                (compare_puzzle(visit.puzzle, text) if visit.puzzle is not None else judge(visit.gold, text)).verdict
                for visit, text in zip(batch, texts, strict=True)
            ]
            num_tokens += sum(lengths)
            done += len(batch)
            progress(done, total, f"evaluation at horizon {horizon}")
        rows.append(summarise(horizon, verdicts, samples, num_tokens))
    return rows


def sample_attempts(
    model: str | Path,
    problems: Sequence[EvaluationProblem],
    settings: EvaluationSettings | None = None,
    *,
    seed: int,
    progress: Progress = silent,
) -> list[Attempt]:
    """Attempts of `model` at the problems, for `catena.trainers.evaluate_scores`; horizon by horizon.

    Args:
        model: Folder or hub id.
        problems: In any order.
        settings: How to sample.
        seed: As in `evaluate`.
        progress: Called after each batch of completions.
    """
    settings = settings or EvaluationSettings()
    network, tokenizer = load_model(model)
    network.eval()
    torch.manual_seed(seed)
    samples = 1 if settings.greedy else settings.samples
    found: list[Attempt] = []
    for horizon in sorted({problem.horizon for problem in problems}):
        limit = (
            settings.max_new_tokens if isinstance(settings.max_new_tokens, int) else settings.max_new_tokens[horizon]
        )
        visits = [(one, sample) for one in problems if one.horizon == horizon for sample in range(samples)]
        for start in range(0, len(visits), settings.batch_size):
            batch = visits[start : start + settings.batch_size]
            prompts = [[{"role": turn.role, "content": turn.content} for turn in one.prompt] for one, _ in batch]
            came = zip(batch, *complete(network, tokenizer, prompts, settings, horizon), strict=True)
            found += [Attempt(one.problem_id, i, text, size >= limit, size) for (one, i), text, size in came]
            progress(len(found), len(problems) * samples, f"evaluation at horizon {horizon}")
    return found


@torch.inference_mode()
def complete(
    network: Any, tokenizer: Any, prompts: Sequence[Messages], settings: EvaluationSettings, horizon: int = 1
) -> tuple[list[str], list[int]]:
    """One completion for each prompt as text, and its length in tokens, the end token not counted."""
    limit = settings.max_new_tokens
    encoded = tokenizer.pad({"input_ids": prompt_ids(tokenizer, prompts)}, padding_side="left", return_tensors="pt").to(
        network.device
    )
    sampling = {} if settings.greedy else {"temperature": settings.temperature, "top_k": 0, "top_p": 1.0}
    generated = network.generate(
        **encoded,
        do_sample=not settings.greedy,
        max_new_tokens=limit if isinstance(limit, int) else limit[horizon],
        pad_token_id=tokenizer.pad_token_id,
        **sampling,
    )[:, encoded["input_ids"].shape[1] :]  # [num_prompts, num_new_tokens]
    ended = {tokenizer.pad_token_id, tokenizer.eos_token_id}
    rows = [_until(row, ended) for row in generated.tolist()]
    return [tokenizer.decode(row, skip_special_tokens=True) for row in rows], [len(row) for row in rows]


def completion_limits(examples: Sequence[Example], tokenizer: Any, *, margin: float = 1.25) -> dict[int, int]:
    """For each horizon the tokens of the longest reference completion times `margin`, for `max_new_tokens`."""
    return {
        horizon: math.ceil(
            margin
            * max(len(tokenizer.encode(e.completion[-1]["content"], add_special_tokens=False)) + 1 for e in group)
        )
        for horizon, group in by_horizon(examples).items()
    }


def _until(row: list[int], ended: set[int]) -> list[int]:
    return next((row[:i] for i, token in enumerate(row) if token in ended), row)


def summarise(horizon: int, verdicts: Sequence[str], samples: int, num_tokens: int) -> HorizonAccuracy:
    """The row of one horizon from its verdicts, the `samples` of a problem contiguous."""
    counts = Counter(verdicts)
    decided = len(verdicts) - counts["timeout"] - counts["error"]
    accuracy = low = high = None
    if decided:
        accuracy = counts["equal"] / decided
        low, high = Tally(counts["equal"], decided).interval() if samples == 1 else _over_problems(verdicts, samples)
    return HorizonAccuracy(
        horizon=horizon,
        num_problems=len(verdicts) // samples,
        num_samples=len(verdicts),
        accuracy=accuracy,
        low=low,
        high=high,
        unparsed=counts["unparsed"],
        undecided=len(verdicts) - decided,
        mean_tokens=num_tokens / len(verdicts),
    )


def _over_problems(verdicts: Sequence[str], samples: int) -> tuple[float, float]:
    """Interval of the mean of the problems' own success rates (normal approximation over problems)."""
    groups = [
        [verdict for verdict in verdicts[i : i + samples] if verdict not in ("timeout", "error")]
        for i in range(0, len(verdicts), samples)
    ]
    rates = [group.count("equal") / len(group) for group in groups if group]
    mean = sum(rates) / len(rates)
    if len(rates) < 2 or len(set(rates)) == 1:
        return Tally(round(mean * len(rates)), len(rates)).interval()
    half = 1.959964 * math.sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1) / len(rates))
    return max(0.0, mean - half), min(1.0, mean + half)
