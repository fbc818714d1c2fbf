"""Hostile answers: nothing of them is executed, none holds up the comparison for longer than its deadline."""

import importlib.util
import sys
import time
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import pytest

from catena.answer_algebra import Tree, read_algebra
from catena.answer_rational import equal_rationals
from catena.answers import compare

ROOT = Path(__file__).resolve().parent.parent
POINTS = ((Fraction("-1.37"), Fraction("0.61")), (Fraction("0.83"), Fraction("-1.93")))


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"hostile_{name}", ROOT / "benchmarks" / "hostile" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


texts = load("texts")


@pytest.mark.filterwarnings("ignore")
def test_hostile_answers_are_neither_executed_nor_waited_for(tmp_path: Path) -> None:
    canary = tmp_path / "executed"
    for _, gold, text in texts.hostile(160, str(canary), seed=5):
        compare("x+1", "<answer>1+x</answer>", timeout_s=60)  # replaces a killed worker
        begun = time.monotonic()
        assert compare(gold, text, timeout_s=0.5).verdict in ("equal", "different", "unparsed", "timeout", "error")
        assert time.monotonic() - begun < 30  # far above the deadline: a hang fails, a busy machine does not
    assert list(tmp_path.iterdir()) == []


def test_every_family_of_attacks_is_met_and_equal_seeds_give_equal_texts() -> None:
    first, again = (list(texts.hostile(80, "/canary", seed=3)) for _ in range(2))
    assert first == again
    assert {family for family, _, _ in first} == set(texts.FAMILIES)
    assert any("/canary" in text for _, _, text in first)


def test_ordinary_answers_are_all_decided_as_they_were_made() -> None:
    verdicts = {compare(gold, text).verdict for _, gold, text in texts.ordinary(400, seed=2)}
    assert verdicts == {"equal", "different"}


def tree(text: str) -> Tree:
    found = read_algebra(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("(x+1)^2", "x^2+2x+1", True),
        ("(x+1)^2", "x^2+2x+2", False),
        ("x/y+1", "(x+y)/y", True),
        (r"\frac{1}{x}-x^{-1}", "0", True),
        ("(x+y)^{64}", "(y+x)^{64}", True),
        ("x^{65}", "x^{65}", None),
        ("x^{0.5}", r"\sqrt{x}", None),
        (r"\pi x", r"\pi x", None),
        (r"\sin(x)", "x", None),
        ("1/(x-x)", "1", None),
        ("x=1", "x=1", None),
    ],
)
def test_rational_functions_are_compared_exactly_and_the_rest_is_left_alone(
    left: str, right: str, equal: bool | None
) -> None:
    assert equal_rationals(tree(left), tree(right), POINTS) is equal


def test_values_that_would_grow_without_bound_are_left_alone() -> None:
    tower = "x"
    for _ in range(5):
        tower = f"({tower})^{{64}}"
    assert equal_rationals(tree(tower), tree(tower), POINTS) is None
