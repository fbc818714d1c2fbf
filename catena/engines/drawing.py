"""How the next token of one row is drawn from its logits, whatever rows stand beside it in the batch."""

import random
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from catena.engines.base import Sampling

_CANDIDATES = (
    1024  # of a vocabulary of 150,000, enough for almost every top_p; sorting all of it takes ten times as long
)


@dataclass(frozen=True, slots=True)
class Draw:
    """Settings of one row; the defaults change nothing. `temperature` 0 takes the likeliest token."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name, fine, expected in (
            ("temperature", self.temperature >= 0, "at least 0"),
            ("top_p", 0 < self.top_p <= 1, "in (0, 1]"),
            ("top_k", self.top_k >= -1, "at least 1, or 0 for all"),
            ("min_p", 0 <= self.min_p <= 1, "in [0, 1]"),
            ("repetition_penalty", self.repetition_penalty > 0, "above 0"),
        ):
            if not fine:
                raise ValueError(f"{name} is {getattr(self, name)}, expected {expected}")

    @classmethod
    def of(cls, sampling: Sampling, defaults: "Draw") -> "Draw":
        """What a request sets, and the model's `defaults` for the rest."""
        given = {each.name: getattr(sampling, each.name, sampling.extra.get(each.name)) for each in fields(cls)}
        return replace(defaults, **{name: value for name, value in given.items() if value is not None})


def draw(logits: torch.Tensor, settings: Draw, seen: list[int], source: random.Random) -> int:
    """The next token.

    Args:
        logits: `[vocab]`, float32; -inf where a grammar forbids a token. Overwritten.
        settings: How to draw.
        seen: The row's tokens up to here, prompt included.
        source: The row's own randomness; one number is taken from it, none at temperature 0.

    Raises:
        ArithmeticError: The logits are no numbers, or forbid every token.
    """
    if settings.repetition_penalty != 1:
        _penalise(logits, seen, settings.repetition_penalty)
    likeliest = int(logits.argmax())
    if not torch.isfinite(logits[likeliest]):
        raise ArithmeticError("the model's logits are not finite; try another dtype")
    if settings.temperature < 1e-5:
        return likeliest
    probabilities = torch.softmax(logits / settings.temperature, -1)
    kept, tokens = _kept(probabilities, settings)
    cumulative = kept.double().cumsum(0)
    point = torch.tensor(source.random(), dtype=torch.float64, device=logits.device) * cumulative[-1]
    place = int(torch.searchsorted(cumulative, point, right=True).clamp_(max=len(kept) - 1))
    return place if tokens is None else int(tokens[place])


def _penalise(logits: torch.Tensor, seen: list[int], penalty: float) -> None:
    """arXiv 1909.05858, section 4.1, as transformers and vLLM apply it: negative logits are multiplied."""
    index = torch.tensor(sorted(set(seen)), device=logits.device)
    values = logits[index]
    logits[index] = torch.where(values < 0, values * penalty, values / penalty)


def _kept(probabilities: torch.Tensor, settings: Draw) -> tuple[torch.Tensor, Any]:
    """The probabilities that stay, likeliest first with their tokens; or all in the vocabulary's order, with None."""
    size = len(probabilities)
    top_k = min(settings.top_k, size) if settings.top_k > 0 else size
    if top_k == size and settings.top_p >= 1 and settings.min_p <= 0:
        return probabilities, None
    top, tokens = probabilities.topk(top_k if top_k < size else min(size, _CANDIDATES))
    if top_k == size and not _enough(top, settings):
        top, tokens = probabilities.topk(size)
    top = top[: int((top >= settings.min_p * top[0]).sum())]
    if settings.top_p < 1:
        share = top if top_k == size and settings.min_p <= 0 else top / top.sum()
        top = top[: int((share.cumsum(0) - share < settings.top_p).sum())]
    return top, tokens


def _enough(top: torch.Tensor, settings: Draw) -> bool:
    """Whether the tokens beyond `top` are cut off anyway."""
    return bool(top[-1] < settings.min_p * top[0]) if settings.min_p > 0 else bool(top.sum() >= settings.top_p)
