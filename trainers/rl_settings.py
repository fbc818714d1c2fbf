"""How GRPO is run: batch, loss, generation, curriculum, reward."""

from dataclasses import dataclass, field
from typing import Literal

from catena.errors import RecipeError
from catena.trainers.curricula import CurriculumSettings
from catena.trainers.models import LoraSettings
from catena.trainers.reward import RewardSettings
from catena.trainers.tracking import Service

Loss = Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "gspo"]


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """Rollouts by vLLM, which needs a GPU.

    Args:
        mode: `colocate` in the training process, or `server` for one that was started with `vllm serve` and
            `--logprobs-mode processed_logprobs`.
        url: Of the server.
        memory: Share of the GPU's memory for a colocated engine, in (0, 1).
        most_tokens: Longest prompt and completion together, in tokens; None: the model's own.
    """

    mode: Literal["colocate", "server"] = "colocate"
    url: str = "http://127.0.0.1:8000"
    memory: float = 0.3
    most_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class RlSettings:
    """How to run GRPO.

    Args:
        rounds: Times that the curriculum is asked at most; after each the state is saved.
        token_budget: Tokens of prompts and completions, generated or trained on, after which no further round begins; None:
            all rounds.
        steps_per_round: Optimiser steps in a round.
        prompts_per_step: Problems per step, over all processes.
        rollouts_per_prompt: Completions per problem, the group of the baseline; at least 2.
        micro_batch: Completions per forward pass and process, a divisor of a process's completions of a step; None: all.
        learning_rate: Constant after `warmup_steps`.
        max_completion_tokens: Longer completions are cut and then wrong.
        loss_type: `dr_grpo` divides by a constant instead of by lengths (arXiv 2503.20783), `dapo` by the tokens of the
            batch (arXiv 2503.14476), `cispo` clips the weight instead of the gradient (arXiv 2506.13585), `gspo` takes the
            importance ratio over the whole sequence (arXiv 2507.18071).
        scale_rewards: Whether advantages are divided by the deviation of the group or of the batch.
        epsilon: Clipping range of the importance ratio; for `cispo` its upper bound is `epsilon_high`.
        epsilon_high: Upper clipping range where it differs (DAPO: 0.28); None: `epsilon`.
        mask_truncated: Whether completions that were cut are left out of the loss (DAPO).
        bf16: Mixed precision.
        lora: Train adapters instead of all weights.
        vllm: Generate with vLLM; None: with transformers.
        tracking: Where the figures go beside `metrics.jsonl`.
        curriculum: Which problems are visited.
        reward: What is paid.

    Raises:
        RecipeError: A group of fewer than two, or batches that do not divide.
    """

    rounds: int = 10
    token_budget: int | None = None
    steps_per_round: int = 10
    prompts_per_step: int = 32
    rollouts_per_prompt: int = 16
    micro_batch: int | None = None
    learning_rate: float = 2e-4
    warmup_steps: int = 5
    max_grad_norm: float = 1.0
    adam_beta2: float = 0.95
    max_completion_tokens: int = 256
    loss_type: Loss = "dr_grpo"
    scale_rewards: Literal["group", "batch", "none"] = "group"
    epsilon: float = 0.2
    epsilon_high: float | None = None
    mask_truncated: bool = False
    bf16: bool = False
    lora: LoraSettings | None = None
    vllm: VllmSettings | None = None
    tracking: Service = "none"
    curriculum: CurriculumSettings = field(default_factory=CurriculumSettings)
    reward: RewardSettings = field(default_factory=RewardSettings)

    @property
    def completions_per_step(self) -> int:
        """Rollouts of one optimiser step, over all processes."""
        return self.prompts_per_step * self.rollouts_per_prompt

    def micro_batch_on(self, processes: int) -> int:
        """Completions of one forward pass of one of `processes`.

        Raises:
            RecipeError: The completions of a step do not divide.
        """
        own, rest = divmod(self.completions_per_step, processes)
        micro = self.micro_batch or own
        if self.rollouts_per_prompt < 2 or rest or not own or own % micro:
            raise RecipeError(
                f"rollouts_per_prompt must be at least 2, and the {self.completions_per_step} completions of a step must"
                f" divide among {processes} processes and then by micro_batch; got {self.rollouts_per_prompt} rollouts"
                f" and micro_batch {micro}"
            )
        return micro
