"""From the tables of a settings file to the settings of the trainers, as far as the machine has a say in them.

The trainers are imported when they are needed: they import torch, the command does not.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from catena.errors import RecipeError
from catena.pass_rates import Tally, read_pass_rates

if TYPE_CHECKING:
    from catena.trainers.rl_settings import RlSettings
    from catena.trainers.sft_settings import SftSettings

_GATE = ("gate", "window", "review", "ahead")
_NOT_SETTINGS = ("continued_learning_rate", "pass_rates", "known")


def sft_settings(asked: dict[str, Any]) -> "SftSettings":
    """The settings of an `[sft]` table."""
    from catena.trainers.sft_settings import SftSettings, SftStage

    given = {name: value for name, value in asked.items() if name not in _NOT_SETTINGS}
    stages = [SftStage(**stage) for stage in asked["stages"]]
    return SftSettings(**{**given, "stages": stages, "bf16": use_bf16(asked["bf16"]), "lora": _lora(asked["lora"])})


def rl_settings(asked: dict[str, Any]) -> "RlSettings":
    """The settings of an `[rl]` table."""
    from catena.trainers.curricula import CurriculumSettings
    from catena.trainers.curriculum_band import BandSettings
    from catena.trainers.curriculum_bandit import DumpSettings, SecSettings
    from catena.trainers.curriculum_gate import GateSettings
    from catena.trainers.reward import RewardSettings, StopConditions
    from catena.trainers.rl_settings import RlSettings, VllmSettings

    given = {name: value for name, value in asked.items() if name not in (*_GATE, *_NOT_SETTINGS)}
    chosen, paid = asked["curriculum"], asked["reward"]
    curriculum = CurriculumSettings(
        **{
            **chosen,
            "gate": GateSettings(**{name: asked[name] for name in _GATE}),
            "band": BandSettings(**chosen["band"]),
            "sec": SecSettings(**chosen["sec"]),
            "dump": DumpSettings(**chosen["dump"]),
        }
    )
    return RlSettings(
        **{
            **given,
            "bf16": use_bf16(asked["bf16"]),
            "lora": _lora(asked["lora"]),
            "vllm": VllmSettings(**asked["vllm"]) if asked["vllm"] is not None else None,
            "curriculum": curriculum,
            "reward": RewardSettings(**{**paid, "stop": StopConditions(**paid["stop"])}),
        }
    )


def known_rates(asked: dict[str, Any] | None) -> dict[str, Tally]:
    """What the store of a `known` table holds of its model, by problem; nothing without a table.

    Raises:
        RecipeError: The store knows no problem of this model.
    """
    if asked is None:
        return {}
    rates = read_pass_rates(asked["pass_rates"])
    problems = set(rates.keys_of("problem"))
    found = {key: tally for (key, model), tally in rates.items() if model == asked["model"] and key in problems}
    if not found:
        models = ", ".join(rates.models) or "none"
        raise RecipeError(
            f"rl.known: {asked['pass_rates']} has no pass rates of {asked['model']!r} by problem; its models are: {models}"
        )
    return found


def use_bf16(asked: bool | str) -> bool:
    """Whether to train in bfloat16; `auto`: on a GPU, and on processors with instructions for it."""
    if isinstance(asked, bool):
        return asked
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _lora(asked: dict[str, Any] | None) -> Any:
    from catena.trainers.models import LoraSettings

    return LoraSettings(**asked) if asked is not None else None
