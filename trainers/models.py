"""Loading and saving of the models that are trained: a folder or hub id in, a whole folder out."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers

from catena.errors import RecipeError
from catena.trainers.outcome import replace_folder

hf: Any = transformers  # its functions are untyped


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """Low-rank adapters on every linear layer instead of all weights (arXiv 2106.09685); needs `peft`.

    Args:
        rank: Of the adapters, at least 1.
        alpha: Their scale times the rank.
        dropout: In [0, 1).
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


def load_model(name: str | Path, *, lora: LoraSettings | None = None, attention: str | None = None) -> tuple[Any, Any]:
    """The model and tokenizer at a path or hub id, weights in float32; the tokenizer pads on the left.

    Args:
        name: A folder or hub id; a folder with an adapter gives the model that it was trained on, with the adapter on it.
        lora: Adapters to put on a model that has none; only they are trainable then.
        attention: The implementation, by transformers' name for it; None: its own choice on a GPU, `eager` without.

    Raises:
        RecipeError: There is no such attention here. Neither a model folder nor an id that can be loaded, or one without a chat template.
    """
    tokenizer = load_tokenizer(name)
    try:
        model: Any = _network(Path(name) if Path(name).is_dir() else str(name))
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error
    if attention is not None or not torch.cuda.is_available():
        _set_attention(model, attention or "eager")  # 1.6 times as fast as sdpa on a CPU in bfloat16, at short lengths
    if lora is not None and not has_adapter(model):
        model = _with_adapter(model, lora)
    spread = os.environ.get("ACCELERATE_USE_FSDP") == "true"  # then accelerate moves the parts
    return model.to("cuda") if torch.cuda.is_available() and not spread else model, tokenizer


def load_tokenizer(name: str | Path) -> Any:
    """The tokenizer at a path or hub id; it pads on the left.

    Raises:
        RecipeError: There is none that can be loaded, or it has no chat template.
    """
    silence_libraries()
    try:
        tokenizer: Any = hf.AutoTokenizer.from_pretrained(name, padding_side="left")
    except (OSError, ValueError) as error:
        raise unreadable(name, error) from error
    if tokenizer.chat_template is None:
        raise RecipeError(f"{name}: its tokenizer has no chat template; name an instruction-tuned model")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def unreadable(name: str | Path, error: Exception) -> RecipeError:
    """What is said of a model that cannot be loaded."""
    text = " ".join(str(error).split())[:300]
    return RecipeError(f"{name}: cannot be loaded as a causal language model ({text}); name a folder or hub id")


def most_positions(model: Any) -> int:
    """Tokens that the model has positions for."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2**31)


def save_model(model: Any, tokenizer: Any, folder: Path, *, weights: Mapping[str, Any] | None = None) -> None:
    """Writes model and tokenizer as the whole of `folder`, so that a kill leaves no half of it; adapters are merged in.

    `weights` are the model's where it holds only a part of them itself.
    """

    def fill(temporary: Path) -> None:
        if weights is not None:
            model.save_pretrained(temporary, state_dict=dict(weights))
        else:
            merged(model).save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)

    silence_libraries()
    replace_folder(folder, fill)


def has_adapter(model: Any) -> bool:
    """Whether low-rank adapters lie on the model."""
    return hasattr(model, "peft_config")


def merged(model: Any) -> Any:
    """The model with its adapters in its weights, a copy where it has any."""
    if not has_adapter(model):
        return model
    from copy import deepcopy

    return deepcopy(model).merge_and_unload()


def silence_libraries() -> None:
    """Switches off the libraries' own progress bars: a stage reports through its callback."""
    hf.utils.logging.disable_progress_bar()
    hf.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()


def _set_attention(model: Any, name: str) -> None:
    try:
        model.set_attn_implementation(name)
    except (ImportError, ValueError, OSError) as error:
        raise RecipeError(f"attention {name!r} cannot be used here ({error}); leave it away or name another") from error


def _network(place: Path | str) -> Any:
    if isinstance(place, Path) and (place / "adapter_config.json").exists():
        return _peft().AutoPeftModelForCausalLM.from_pretrained(place, is_trainable=True, dtype=torch.float32)
    return hf.AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)


def _with_adapter(model: Any, lora: LoraSettings) -> Any:
    peft = _peft()
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):  # a stage that starts again begins from the same adapters
        torch.manual_seed(0)
        return peft.get_peft_model(model, config)


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise RecipeError("LoRA needs peft: pip install 'catena[train]'") from error
    return peft
