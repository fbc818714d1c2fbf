"""The `[train]` table of a recipe; `catena train` has the same tables in a file of their own."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from catena.flows.recipe_base import Bf16, Count, Horizon, Positive, Section

Fraction = Annotated[float, Field(ge=0, lt=1)]
Tracking = Literal["none", "trackio", "tensorboard", "wandb"]
Device = Literal["auto", "cpu", "cuda"]


class LoraSection(Section):
    """Low-rank adapters instead of all weights; see `catena.trainers.models.LoraSettings`."""

    rank: Count = 16
    alpha: Count = 32
    dropout: Fraction = 0.0


class SftStage(Section):
    """Optimiser steps on rows of the given horizons, in proportion to their weights; see `catena.trainers.sft.SftStage`."""

    steps: int = Field(ge=1)
    weights: dict[Horizon, Annotated[float, Field(gt=0)]] = Field(min_length=1)
    label_smoothing: Fraction = 0.0


class Sft(Section):
    """Supervised fine-tuning; see `catena.trainers.sft_settings.SftSettings`. Lengths are in tokens.

    Attributes:
        stages: In order; without any, `epochs` of all rows.
        continued_learning_rate: Of the control in a recipe's run, which goes on with SFT for as many tokens as RL took.
    """

    stages: tuple[SftStage, ...] = ()
    epochs: Positive = 1.0
    batch_size: Count = 64
    micro_batch: Count | None = None
    learning_rate: Positive = 2e-3
    continued_learning_rate: Positive = 1e-3
    warmup_steps: int = Field(ge=0, default=30)
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_tokens: Count = 1024
    token_budget: Count | None = None
    bf16: Bf16 = "auto"
    thinking: Literal["keep", "drop"] = "keep"
    packing: Literal["none", "bfd"] = "none"
    pack_tokens: Count | None = None
    gradient_checkpointing: bool = False
    lora: LoraSection | None = None
    attention: str | None = None
    save_steps: Count = 200
    log_steps: Count = 10
    tracking: Tracking = "none"

    @model_validator(mode="after")
    def _packs_fit(self) -> "Sft":
        if self.pack_tokens is not None and self.pack_tokens < self.max_tokens:
            raise ValueError(
                f"sft: pack_tokens {self.pack_tokens} is below max_tokens {self.max_tokens}; no row is cut"
            )
        if self.packing == "bfd" and self.micro_batch is not None:
            raise ValueError("sft: micro_batch and packing exclude each other; set pack_tokens")
        return self


class BandVisits(Section):
    """See `catena.trainers.curriculum_band.BandSettings`."""

    low: Fraction = 0.2
    high: Annotated[float, Field(gt=0, le=1)] = 0.8
    candidates: Count = 8
    window: Count = 32
    prior: Positive = 4.0
    fade: Annotated[float, Field(ge=0, le=1)] = 0.5


class SecSection(Section):
    """See `catena.trainers.curriculum_bandit.SecSettings`."""

    step: Annotated[float, Field(gt=0, le=1)] = 0.5
    temperature: Positive = 0.2
    start: Annotated[float, Field(ge=0, le=1)] = 1.0


class DumpSection(Section):
    """See `catena.trainers.curriculum_bandit.DumpSettings`."""

    window: Count = 64
    temperature: Positive = 0.1


class CurriculumSection(Section):
    """Which problems RL visits; see `catena.trainers.curricula`. The gate's own settings stand in `[rl]`."""

    name: Literal["gate", "stages", "band", "sec", "dump", "uniform", "long", "short"] = "gate"
    stage_visits: Count = 512
    stage_review: Fraction = 0.0
    band: BandVisits = BandVisits()
    sec: SecSection = SecSection()
    dump: DumpSection = DumpSection()


class StopSection(Section):
    """When RL stops by itself; shares over the last `window` rollouts, see `catena.trainers.reward.StopConditions`."""

    window: Count = 2048
    max_unscorable: Annotated[float, Field(ge=0, le=1)] = 0.2
    max_unparsed: Annotated[float, Field(ge=0, le=1)] = 0.98
    max_truncated: Annotated[float, Field(ge=0, le=1)] = 0.98


class RewardSection(Section):
    """What a rollout is paid; see `catena.trainers.reward.RewardSettings`."""

    outcome: Literal["final", "all-nodes", "partial"] = "final"
    partial_weight: Fraction = 0.5
    format_weight: Annotated[float, Field(ge=0, le=0.2)] = 0.0
    stop: StopSection = StopSection()


class VllmSection(Section):
    """Rollouts by vLLM on a GPU; see `catena.trainers.rl_settings.VllmSettings`."""

    mode: Literal["colocate", "server"] = "colocate"
    url: str = "http://127.0.0.1:8000"
    memory: Annotated[float, Field(gt=0, lt=1)] = 0.3
    most_tokens: Count | None = None


class Known(Section):
    """Where the pass rates lie that `band` starts from.

    Attributes:
        pass_rates: A run folder or URL with a pass-rate store.
        model: Whose rates, by the name in that store: those of the model that RL starts from, or of one like it.
    """

    pass_rates: str
    model: str


class Rl(Section):
    """GRPO on a curriculum; see `catena.trainers.rl_settings.RlSettings` and `catena.trainers.curriculum_gate.GateSettings`.

    Attributes:
        gate, window, review, ahead: Of the curriculum `gate`.
        pass_rates: A folder or URL whose pass-rate store gets what every round observed.
        known: What was observed of the problems before, for the curriculum `band`.
    """

    rounds: Count = 10
    token_budget: Count | None = None
    steps_per_round: Count = 10
    prompts_per_step: Count = 32
    rollouts_per_prompt: int = Field(ge=2, default=16)
    micro_batch: Count | None = None
    learning_rate: Positive = 2e-4
    warmup_steps: int = Field(ge=0, default=5)
    max_grad_norm: Positive = 1.0
    max_completion_tokens: Count = 256
    loss_type: Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "gspo"] = "dr_grpo"
    scale_rewards: Literal["group", "batch", "none"] = "group"
    epsilon: Positive = 0.2
    epsilon_high: Positive | None = None
    mask_truncated: bool = False
    bf16: Bf16 = "auto"
    lora: LoraSection | None = None
    vllm: VllmSection | None = None
    tracking: Tracking = "none"
    gate: Annotated[float, Field(gt=0, le=1)] = 0.7
    window: Count = 64
    review: Fraction = 0.25
    ahead: Fraction = 0.0
    curriculum: CurriculumSection = CurriculumSection()
    reward: RewardSection = RewardSection()
    pass_rates: str | None = None
    known: Known | None = None


class Evaluate(Section):
    """Sampled accuracy by horizon on the test rows: problems per horizon at most, samples of each, tokens of a reply."""

    problems: Count = 500
    samples: Count = 1
    max_new_tokens: Count | dict[Horizon, Count] = 256


class Training(Section):
    """The student and how it is trained.

    Attributes:
        student: `tiny` (made on the spot, about a million parameters, for the compact style), a folder or a hub id.
        style: The rows that are trained on and evaluated.
    """

    student: str = "tiny"
    style: Literal["prose", "compact"] = "compact"
    sft: Sft
    rl: Rl = Rl()
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _has_stages(self) -> "Training":
        if not self.sft.stages:
            raise ValueError("train.sft.stages is missing; a recipe says which horizons are taught for how many steps")
        return self


class DataSection(Section):
    """What `catena train` trains on.

    Attributes:
        shards: A run folder (or its name under `runs/`), a folder of shards, a Parquet file, several of these, or a hub id.
        style: The rows that are trained on and evaluated; None: all.
        horizons: Likewise.
    """

    shards: str | tuple[str, ...]
    style: Literal["prose", "compact"] | None = None
    horizons: tuple[Horizon, ...] | None = None


class ModelChoice(Section):
    """What is trained.

    Attributes:
        name: `tiny` (made on the spot, about a million parameters, for the compact style), a folder or a hub id.
        device: `cuda` refuses to train without a GPU, `cpu` does not look for one.
    """

    name: str
    device: Device = "auto"


class TrainFile(Section):
    """The settings file of `catena train`: a stage is trained if its table is there."""

    seed: int = 0
    data: DataSection
    model: ModelChoice
    sft: Sft | None = None
    rl: Rl | None = None
    evaluate: Evaluate | None = None

    @model_validator(mode="after")
    def _trains_something(self) -> "TrainFile":
        if self.sft is None and self.rl is None:
            raise ValueError("nothing to train: add an [sft] or an [rl] table")
        return self
