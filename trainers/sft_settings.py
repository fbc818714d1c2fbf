"""How SFT is run: stages or epochs, batch, packing, precision."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from catena.errors import RecipeError
from catena.trainers.models import LoraSettings
from catena.trainers.tracking import Service

Thinking = Literal["keep", "drop"]
Packing = Literal["none", "bfd"]


@dataclass(frozen=True, slots=True)
class SftStage:
    """`steps` optimiser steps on rows drawn from horizons with the given weights (need not sum to 1).

    `label_smoothing`, in [0, 1), is the share of the probability that is taught to lie on all tokens alike. A policy
    taught to the end without it is confidently wrong where it is wrong, and RL finds nothing to choose from.
    """

    steps: int
    weights: Mapping[int, float]
    label_smoothing: float = 0.0


@dataclass(frozen=True, slots=True)
class SftSettings:
    """How to fine-tune.

    Args:
        stages: In order. The last one goes on beyond its steps while `token_budget` is not used up. None: `epochs` of all rows.
        batch_size: Rows per optimiser step, over all processes.
        micro_batch: Rows per forward pass and process, a divisor of a process's rows of a step; None: all at once. Not with
            packing, where a forward pass is one pack.
        learning_rate: After `warmup_steps`; falls to a tenth over the last `decay` share of all steps.
        max_tokens: Longer rows are left out and counted; so are rows longer than the model's positions.
        token_budget: Tokens (prompt and completion) to train on; replaces the steps of the last stage.
        bf16: Mixed precision.
        log_steps: Optimiser steps between points of the curve.
        save_steps: Optimiser steps between checkpoints.
        epochs: Times that every row is visited where no stages are given, above 0; horizons then come as often as they are.
        thinking: Whether the reasoning before the answer is taught.
        packing: `bfd` joins the rows of a step into sequences of at most `pack_tokens` by best fit, never cutting one; the
            step has the same rows and the same loss as without, but no padding.
        pack_tokens: Longest sequence of a pack; None: `max_tokens`.
        gradient_checkpointing: Computes activations twice instead of keeping them.
        lora: Train adapters instead of all weights; they are merged into the model in the end.
        attention: The implementation, by transformers' name for it; None: `load_model`'s choice.
        tracking: Where the figures go beside `metrics.jsonl`.

    Raises:
        RecipeError: A value out of its range.
    """

    stages: Sequence[SftStage] = ()
    batch_size: int = 64
    micro_batch: int | None = None
    learning_rate: float = 2e-3
    warmup_steps: int = 30
    decay: float = 0.3
    weight_decay: float = 0.01
    max_tokens: int = 1024
    token_budget: int | None = None
    bf16: bool = False
    log_steps: int = 10
    save_steps: int = 200
    adam_beta2: float = 0.98
    epochs: float = 1.0
    thinking: Thinking = "keep"
    packing: Packing = "none"
    pack_tokens: int | None = None
    gradient_checkpointing: bool = False
    lora: LoraSettings | None = None
    attention: str | None = None
    tracking: Service = "none"

    def __post_init__(self) -> None:
        if self.epochs <= 0:
            raise RecipeError(f"epochs must be above 0, got {self.epochs}")
        if self.pack_tokens is not None and self.pack_tokens < self.max_tokens:
            raise RecipeError(
                f"pack_tokens must be at least max_tokens {self.max_tokens}, got {self.pack_tokens}: no row is cut"
            )
        if self.packing == "bfd" and self.micro_batch is not None:
            raise RecipeError(
                "micro_batch and packing exclude each other; set pack_tokens for the size of a forward pass"
            )

    def identity(self) -> dict[str, Any]:
        """The settings that the weights depend on; later ones are left out while they are what they were before them."""
        values, plain = asdict(self), {field.name: field.default for field in fields(self)}
        later = ("epochs", "thinking", "packing", "pack_tokens", "gradient_checkpointing", "lora", "attention")
        kept = {name: value for name, value in values.items() if name not in later or value != plain[name]}
        del kept["tracking"]
        return kept

    def micro_batch_on(self, processes: int) -> int:
        """Rows of one forward pass of one of `processes`, without packing.

        Raises:
            RecipeError: The rows of a step do not divide.
        """
        own, rest = divmod(self.batch_size, processes)
        micro = self.micro_batch or own
        if rest or not own or own % micro:
            raise RecipeError(
                f"micro_batch must divide a process's share of batch_size {self.batch_size} on {processes} processes,"
                f" got {micro}"
            )
        return micro
