import random
from collections import Counter
from typing import Any

import pytest
import torch
import transformers

from catena.engines.base import Sampling
from catena.engines.drawing import Draw, draw

hf: Any = transformers


def logits_of(size: int, spread: float) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(1)) * spread


def warped(logits: torch.Tensor, settings: Draw) -> torch.Tensor:
    """The distribution that transformers' own warpers leave."""
    scores = (logits / settings.temperature)[None]
    if settings.top_k:
        scores = hf.TopKLogitsWarper(settings.top_k)(None, scores)
    if settings.min_p:
        scores = hf.MinPLogitsWarper(settings.min_p)(None, scores)
    if settings.top_p < 1:
        scores = hf.TopPLogitsWarper(settings.top_p)(None, scores)
    return torch.softmax(scores[0], -1)


@pytest.mark.parametrize(
    "settings",
    [Draw(), Draw(0.5), Draw(top_k=3), Draw(top_p=0.6), Draw(min_p=0.2), Draw(1.3, top_p=0.9, top_k=8, min_p=0.02)],
)
def test_tokens_are_drawn_as_often_as_transformers_would(settings: Draw) -> None:
    logits, source, count = logits_of(12, 1.5), random.Random(7), 4000
    drawn = Counter(draw(logits.clone(), settings, [], source) for _ in range(count))
    expected = warped(logits, settings)
    assert set(drawn) <= {int(token) for token in expected.nonzero()}
    for token, probability in enumerate(expected.tolist()):
        assert abs(drawn[token] / count - probability) < 0.03


class Highest(random.Random):
    def random(self) -> float:
        return 1 - 2**-53


LARGE = [Draw(top_p=0.9), Draw(min_p=0.75), Draw(min_p=0.0005), Draw(top_k=3000), Draw(top_k=2000, top_p=0.8)]


@pytest.mark.parametrize("settings", LARGE)
@pytest.mark.parametrize("spread", [0.1, 4.0])
def test_of_a_large_vocabulary_the_same_tokens_are_kept(settings: Draw, spread: float) -> None:
    logits = logits_of(5000, spread)
    expected = warped(logits, settings)
    least = draw(logits.clone(), settings, [], Highest())  # the highest number falls on the least likely token
    assert float(expected[least]) == pytest.approx(float(expected[expected > 0].min()), rel=0.01)


def test_a_forbidden_token_is_never_drawn() -> None:
    logits, source = torch.zeros(6), random.Random(0)
    logits[[0, 2, 5]] = -torch.inf
    assert {draw(logits.clone(), Draw(), [], source) for _ in range(200)} == {1, 3, 4}
    assert draw(logits.clone(), Draw(temperature=0), [], source) == 1


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_logits_that_are_no_numbers_are_refused(value: float, temperature: float) -> None:
    with pytest.raises(ArithmeticError):
        draw(torch.full((4,), value), Draw(temperature), [], random.Random())


def test_a_seen_token_is_penalised_whatever_its_sign() -> None:
    settings = Draw(temperature=0, repetition_penalty=2)
    assert draw(torch.tensor([3.0, 2.0, -1.0]), settings, [0, 0], random.Random()) == 1
    assert draw(torch.tensor([-1.0, -1.5]), settings, [0], random.Random()) == 1


def test_a_request_overrides_the_models_defaults() -> None:
    defaults = Draw(temperature=0.6, top_p=0.95, repetition_penalty=1.05)
    sampling = Sampling(temperature=0.0, top_k=4, extra={"repetition_penalty": 1.0})
    assert Draw.of(sampling, defaults) == Draw(0.0, 0.95, 4, 0.0, 1.0)
    assert Draw.of(Sampling(), defaults) == defaults


@pytest.mark.parametrize(
    "setting", [{"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.1}, {"min_p": -0.1}, {"top_k": -2}]
)
def test_an_impossible_setting_is_refused_by_name(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        Draw(**setting)
