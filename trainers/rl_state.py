"""What RL carries from round to round, saved whole after each: weights, optimiser, curriculum, counts, curve."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from catena.errors import RecipeError
from catena.trainers.curriculum import Curriculum
from catena.trainers.outcome import CurvePoint, replace_folder, write_json


@dataclass(slots=True)
class RlState:
    """Totals over the rounds so far; `tokens` are those of prompts and completions, `counts` verdicts."""

    rounds: int = 0
    tokens: int = 0
    wall_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    curve: list[CurvePoint] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Optimisers:
    """The optimiser and its schedule, which live longer than TRL's trainer of one round."""

    optimizer: Any
    schedule: Any


def save_state(
    folder: Path,
    identity: str,
    network: Any,
    tokenizer: Any,
    curriculum: Curriculum,
    optimisers: Optimisers,
    state: RlState,
) -> None:
    """Makes `folder` the state after a round; a kill leaves the one before or this one."""

    def fill(temporary: Path) -> None:
        network.save_pretrained(temporary / "model")
        tokenizer.save_pretrained(temporary / "model")
        parts = {"optimizer": optimisers.optimizer.state_dict(), "schedule": optimisers.schedule.state_dict()}
        torch.save(parts, temporary / "optimizer.pt")
        content = {"fingerprint": identity, "curriculum": curriculum.state_dict(), "state": asdict(state)}
        write_json(temporary / "state.json", content)

    replace_folder(folder, fill)


def load_state(folder: Path, identity: str, curriculum: Curriculum, optimisers: Optimisers) -> RlState:
    """The state in `folder`, put into `curriculum` and `optimisers` too; the weights are loaded by the caller.

    Raises:
        RecipeError: It was saved with other settings or data.
    """
    content: Mapping[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if content["fingerprint"] != identity:
        raise RecipeError(
            f"{folder}: was saved by RL with other settings or data; choose another folder or delete this one"
        )
    curriculum.load_state_dict(content["curriculum"])
    saved = torch.load(folder / "optimizer.pt", weights_only=True)
    optimisers.optimizer.load_state_dict(saved["optimizer"])
    optimisers.schedule.load_state_dict(saved["schedule"])
    state = RlState(**content["state"])
    state.curve = [CurvePoint(**point) for point in content["state"]["curve"]]
    return state
