"""The one place that knows TRL: our settings become its configurations, its log becomes our callback.

Only public names of TRL 1.16 are used. What it promises nowhere and training here rests on is held by
`tests/test_trl_contracts.py`: groups are contiguous and in the order of the dataset, a reward of None is left out of the
baseline, a resumed first epoch goes on where it was, what is over `max_length` is cut without a word.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import trl
from accelerate import PartialState
from accelerate.utils import gather_object
from transformers import PrinterCallback, TrainerCallback

from catena.errors import TrainingError
from catena.trainers.reward import RewardFunction
from catena.trainers.rl_settings import RlSettings
from catena.trainers.sft_settings import SftSettings

library: Any = trl  # its exports are not declared
logging.getLogger("trl.trainer.sft_trainer").addFilter(
    lambda record: (
        "annihilate" not in record.getMessage()
    )  # one pack is one forward pass, which TRL takes for a mistake
)
OnLog = Callable[[int, Mapping[str, float]], None]
"""Called with the trainer's own step and its figures, on the main process alone."""


def _processes() -> PartialState:
    """The process group that `accelerate launch` or `torchrun` started; without a GPU it must be told to use gloo."""
    return PartialState(cpu=not torch.cuda.is_available())


def num_processes() -> int:
    """Processes that train together, as `accelerate launch` started them; 1 without."""
    return int(_processes().num_processes)


def is_main() -> bool:
    """Whether this process is the one that writes."""
    return bool(_processes().is_main_process)


def shards_weights() -> bool:
    """Whether the processes hold parts of the model (FSDP, DeepSpeed) rather than a copy each."""
    return str(_processes().distributed_type.value) in ("FSDP", "DEEPSPEED")


def weights_too() -> bool:
    """Whether the parts that processes hold are of the weights as well (FSDP), not of gradients and optimiser alone."""
    return str(_processes().distributed_type.value) == "FSDP"


def wait_for_all() -> None:
    """Until every process is here."""
    _processes().wait_for_everyone()


def gather(items: Sequence[Any], *, per_step: int) -> list[Any]:
    """The items of all processes in the order of the steps: within a step by process, `per_step` items of each process."""
    if num_processes() == 1:
        return list(items)
    by_process: list[list[Any]] = gather_object([list(items)])
    steps = range(0, len(items), per_step)
    return [one for start in steps for own in by_process for one in own[start : start + per_step]]


class StepLog(TrainerCallback):
    """Hands each logged step on, and stops at a loss that is not finite."""

    def __init__(self, on_log: OnLog, *, stage: str, before: int = 0) -> None:
        """Steps are counted from `before`."""
        self._on_log, self._stage, self._before = on_log, stage, before

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """As transformers calls it."""
        if logs is None or "loss" not in logs:
            return
        step = self._before + state.global_step
        if not math.isfinite(float(logs["loss"])):
            raise TrainingError(f"{self._stage} loss is {logs['loss']} at step {step}: lower the learning rate")
        if state.is_world_process_zero:
            self._on_log(step, {name: float(value) for name, value in logs.items() if _is_number(value)})


@dataclass(frozen=True, slots=True)
class Trained:
    """What SFT gave: the network, its whole weights where the processes hold parts of it, the steps and TRL's log."""

    network: Any
    weights: Mapping[str, Any] | None
    steps: int
    history: Sequence[Mapping[str, float]]


def run_sft(
    network: Any,
    tokenizer: Any,
    rows: Any,
    settings: SftSettings,
    *,
    folder: Path,
    seed: int,
    passes: int,
    callbacks: Sequence[TrainerCallback],
    resume: str | None,
) -> Trained:
    """SFT over `rows` in their order, one epoch of them.

    Args:
        network: What is trained.
        tokenizer: Its own.
        rows: `catena.trainers.dataset.sft_dataset`, a whole number of steps.
        settings: How.
        folder: For checkpoints.
        seed: Of dropout.
        passes: Rows of `rows` that make a step, over all processes.
        callbacks: Get every step.
        resume: A checkpoint to go on from.
    """
    trainer: Any = library.SFTTrainer(
        model=network,
        args=sft_config(settings, folder, seed, passes=passes, num_steps=len(rows) // passes),
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=resume)
    weights = trainer.accelerator.get_state_dict(trainer.model) if shards_weights() else None
    trained = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    return Trained(trained, weights, trainer.state.global_step, trainer.state.log_history)


def sft_config(settings: SftSettings, folder: Path, seed: int, *, passes: int, num_steps: int) -> Any:
    """TRL's configuration of SFT; `passes` rows of the data set make a step, over all processes."""
    packed = settings.packing == "bfd"
    micro = 1 if packed else settings.micro_batch_on(num_processes())
    return library.SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=passes // (micro * num_processes()),
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": math.ceil(settings.decay * num_steps), "min_lr_ratio": 0.1},
        warmup_steps=min(settings.warmup_steps, num_steps // 2),
        weight_decay=settings.weight_decay,
        adam_beta2=settings.adam_beta2,
        optim="adamw_torch",
        max_length=None,  # TRL would cut without a word
        pad_to_multiple_of=16,  # few shapes: oneDNN compiles its bfloat16 kernels anew for each
        packing=False,  # packs come ready, see `catena.trainers.sft_packing`
        padding_free=packed,
        dataset_kwargs={"skip_prepare_dataset": True} if packed else None,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if settings.gradient_checkpointing else None,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed % 2**31,
        logging_steps=settings.log_steps,
        logging_nan_inf_filter=False,
        save_steps=settings.save_steps,
        save_total_limit=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def run_grpo(
    network: Any,
    tokenizer: Any,
    rows: Any,
    settings: RlSettings,
    rewards: Sequence[RewardFunction],
    *,
    folder: Path,
    seed: int,
    optimizers: tuple[Any, Any],
    log: StepLog,
) -> Any:
    """One round of GRPO over `rows` in their order; returns the network that was trained.

    Args:
        network: The policy.
        tokenizer: Its own.
        rows: `catena.trainers.dataset.rl_dataset`, one row per visit, a whole number of steps.
        settings: How.
        rewards: The reward functions; all but the first are weighed with `settings.reward.format_weight`.
        folder: TRL's own.
        seed: Of this round's sampling.
        optimizers: Optimiser and schedule, which live longer than a round.
        log: Gets every step.
    """
    trainer: Any = library.GRPOTrainer(
        model=network,
        reward_funcs=list(rewards),
        args=grpo_config(settings, folder, seed, num_rewards=len(rewards)),
        train_dataset=rows,
        processing_class=tokenizer,
        optimizers=optimizers,
        callbacks=[log],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)


def grpo_config(settings: RlSettings, folder: Path, seed: int, *, num_rewards: int = 1) -> Any:
    """TRL's configuration of one round."""
    micro = settings.micro_batch_on(num_processes())
    weights = [1.0, *[settings.reward.format_weight] * (num_rewards - 1)]
    sequence = settings.loss_type == "gspo"
    return library.GRPOConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.completions_per_step // (micro * num_processes()),
        num_generations=settings.rollouts_per_prompt,
        num_train_epochs=1,
        shuffle_dataset=False,
        pad_to_multiple_of=16,  # few shapes: oneDNN compiles its bfloat16 kernels anew for each
        max_completion_length=settings.max_completion_tokens,
        temperature=1.0,
        top_p=1.0,
        top_k=0,  # a cut distribution biases the importance ratio (TRL issue 6789)
        beta=0.0,
        num_iterations=1,
        loss_type="grpo" if sequence else settings.loss_type,
        importance_sampling_level="sequence" if sequence else "token",
        scale_rewards=settings.scale_rewards,
        epsilon=settings.epsilon,
        epsilon_high=settings.epsilon_high,
        reward_weights=weights,
        mask_truncated_completions=settings.mask_truncated,
        max_grad_norm=settings.max_grad_norm,
        gradient_checkpointing=False,
        bf16=settings.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        **_vllm_options(settings),
    )


def _vllm_options(settings: RlSettings) -> dict[str, Any]:
    vllm = settings.vllm
    if vllm is None:
        return {}
    options: dict[str, Any] = {"use_vllm": True, "vllm_mode": vllm.mode, "vllm_max_model_length": vllm.most_tokens}
    if vllm.mode == "server":
        return {**options, "vllm_server_base_url": vllm.url}
    return {**options, "vllm_gpu_memory_utilization": vllm.memory}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
