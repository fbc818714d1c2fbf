"""How much memory training takes, estimated before the weights are loaded, and whether the machine has it.

Parameters are counted on the meta device from the configuration alone. Weights, gradients and Adam's two moments are exact;
activations are a bound in the manner of Korthikanti et al. (arXiv 2205.05198, section 4.1), for the longest rows in one
forward pass. Not counted: the allocator's slack, other processes, a colocated vLLM.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers

from catena.errors import RecipeError
from catena.trainers.models import LoraSettings, most_positions, unreadable

hf: Any = transformers  # its functions are untyped
_GIB = 2**30
_LINEAR_BYTES = 34  # of activations per token, hidden unit and layer at 16 bits, without attention's scores
_SCORE_BYTES = 5  # per pair of tokens, head and layer at 16 bits


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes that one process needs; `parameters` of the whole model, `trained` of them change."""

    parameters: int
    trained: int
    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        """All of them together."""
        return self.weights + self.gradients + self.optimiser + self.activations

    def __str__(self) -> str:
        """As a person reads it."""
        parts = ("weights", "gradients", "optimiser", "activations")
        said = ", ".join(f"{name} {getattr(self, name) / _GIB:.2f}" for name in parts)
        return (
            f"{self.total / _GIB:.2f} GiB ({said}) for {self.parameters:,} parameters, {self.trained:,} of them trained"
        )


def estimate_memory(
    model: str | Path,
    *,
    rows: int,
    tokens: int,
    bf16: bool = False,
    lora: LoraSettings | None = None,
    gradient_checkpointing: bool = False,
    scores_kept: bool = True,
) -> MemoryEstimate:
    """What one process needs to train `model` on forward passes of `rows` rows of `tokens` tokens.

    Args:
        model: Folder or hub id; only its configuration is read.
        rows: Sequences in one forward pass.
        tokens: Of the longest one.
        bf16: Mixed precision: weights stay in 32 bits, activations take 16.
        lora: Only adapters have gradients and moments.
        gradient_checkpointing: Only the inputs of layers are kept, and the activations of one.
        scores_kept: Whether attention keeps its scores (eager), as it does without a GPU; fused kernels do not.

    Raises:
        RecipeError: The configuration cannot be read.
    """
    network = _on_meta(model)
    config: Any = network.config.get_text_config()
    parameters = sum(weight.numel() for weight in network.parameters())
    trained = _adapters(network, lora) if lora is not None else parameters
    layers, hidden, heads = config.num_hidden_layers, config.hidden_size, config.num_attention_heads
    width = 1 if bf16 else 2
    layer = rows * tokens * hidden * _LINEAR_BYTES * width
    layer += rows * heads * tokens**2 * _SCORE_BYTES * width if scores_kept else 0
    kept = rows * tokens * hidden * 2 * width * layers + layer if gradient_checkpointing else layer * layers
    own = trained if lora is not None else 0
    return MemoryEstimate(parameters, trained, 4 * (parameters + own), 4 * trained, 8 * trained, kept)


def spread_over(need: MemoryEstimate, processes: int, *, weights_too: bool) -> MemoryEstimate:
    """What one of `processes` needs where they share gradients and optimiser (DeepSpeed ZeRO-2), and weights too (FSDP)."""
    return replace(
        need,
        weights=need.weights // processes if weights_too else need.weights,
        gradients=need.gradients // processes,
        optimiser=need.optimiser // processes,
    )


def available_memory(device: str) -> int:
    """Bytes that one process can still take on `device` (`cpu` or `cuda`); processes of one machine share a CPU's memory."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free)
    return int(psutil.virtual_memory().available) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def check_memory(name: str, need: MemoryEstimate, available: int) -> None:
    """Refuses a training that the memory cannot hold.

    Raises:
        RecipeError: `need` is more than `available` bytes.
    """
    if need.total > available:
        fixed = need.total - need.activations
        remedy = (
            "lower micro_batch or max_tokens, or set gradient_checkpointing"
            if fixed <= available
            else "train adapters ([sft.lora]), take a smaller model or spread it over several GPUs"
        )
        raise RecipeError(f"{name}: training needs about {need}, but {available / _GIB:.2f} GiB are free; {remedy}")


def positions_of(model: str | Path) -> int:
    """Tokens that the model has positions for, by its configuration.

    Raises:
        RecipeError: The configuration cannot be read.
    """
    return most_positions(_on_meta(model))


def _on_meta(model: str | Path) -> Any:
    try:
        config = hf.AutoConfig.from_pretrained(model)
        with torch.device("meta"):
            return hf.AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        raise unreadable(model, error) from error


def _adapters(network: Any, lora: LoraSettings) -> int:
    """Parameters of adapters on every linear layer but the last one."""
    last = network.get_output_embeddings()
    linear = [one for one in network.modules() if isinstance(one, torch.nn.Linear) and one is not last]
    return sum(lora.rank * (one.in_features + one.out_features) for one in linear)
