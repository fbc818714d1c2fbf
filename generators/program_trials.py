"""What a model-written program has to stand before its row becomes an atom: its own example, then seeded draws."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random

from catena.answers import compare
from catena.domains import Domain, OneOf, Whole
from catena.model_atom import ModelAtom
from catena.records import Answer, Value
from catena.sandbox import Outcome
from catena.seeds import stream_for
from catena.streaming import Filtered

FIXED = "text fixes a number of its own example"
REACHES = "program reaches outside"
LIMITS = "program exceeds its limits"
FAILS = "program fails on its own example"
DISAGREES = "program disagrees with its answer"
REFUSES_ITSELF = "constraint refuses its own example"
FEW = "too few draws"
FAILS_ON_DRAWS = "program fails on draws"
CONSTANT = "answer does not vary"
UNSTABLE = "program is not deterministic"
IDLE = "parameter without effect"
STEPS_FAIL = "steps fail"
_CANDIDATES_PER_DRAW = 10

Draw = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Tried:
    """A program that stood its trials: the answer of its example, the worked steps for it, and the drawn values."""

    answer: Answer
    steps: str
    draws: tuple[Draw, ...]


@dataclass(frozen=True, slots=True)
class Trials:
    """Runs a program on its example and on draws; see the reasons above for what it is dropped for.

    Attributes:
        draws: Different draws within the domains and the constraint, besides the example; at least 2.
        changes: Draws in which each parameter is changed alone, to see whether any answer moves.
    """

    draws: int = 24
    changes: int = 16

    def __post_init__(self) -> None:
        if self.draws < 2 or not 1 <= self.changes <= self.draws:
            raise ValueError(f"draws must be at least 2 and changes in [1, draws], got {self.draws} and {self.changes}")

    async def __call__(self, atom: ModelAtom, stated: str, run_seed: int) -> Tried | Filtered:
        """What came of it.

        Args:
            atom: The problem.
            stated: The answer that the model gives for its example.
            run_seed: Fixes the draws, together with the atom's name.
        """
        answer = await self._example(atom, stated)
        if isinstance(answer, Filtered):
            return answer
        rng = stream_for(run_seed, atom.name, "program draws")
        draws = await self._drawn(atom, rng)
        if len(draws) < self.draws:
            return Filtered(FEW, f"{len(draws)} of {self.draws} different draws satisfy domains and constraint")
        outcomes = await atom.program.answers_async(draws)
        failed = _failed(outcomes, draws, FAILS_ON_DRAWS)
        if failed is not None:
            return failed
        if len({outcome.value for outcome in outcomes}) == 1:
            return Filtered(CONSTANT, f"{outcomes[0].value} for all of {len(draws)} draws")
        # Backwards: a program that keeps something from call to call gives itself away.
        if [one.value for one in await atom.program.answers_async(draws[::-1])][::-1] != [
            one.value for one in outcomes
        ]:
            return Filtered(UNSTABLE, "the same draws in reverse order have other answers")
        idle = await self._idle(atom, draws, outcomes, rng)
        if idle:
            return Filtered(IDLE, f"no answer moves with {', '.join(idle)}")
        steps = await self._steps(atom, [dict(atom.example), *draws[:3]])
        return steps if isinstance(steps, Filtered) else Tried(answer, steps, tuple(draws))

    async def _example(self, atom: ModelAtom, stated: str) -> Answer | Filtered:
        """The answer of the example, if the program and the model agree on it."""
        if fixed := _contradicting(atom, stated):
            return Filtered(FIXED, ", ".join(sorted(fixed)))
        outcome = (await atom.program.answers_async([atom.example]))[0]
        failed = _failed([outcome], [dict(atom.example)], FAILS)
        if failed is not None or outcome.value is None:
            return failed or Filtered(FAILS)
        if not (await atom.program.holds_async([atom.example]))[0]:
            return Filtered(REFUSES_ITSELF, str(atom.program.condition))
        answer = atom.answer(outcome.value)
        comparison = await asyncio.to_thread(compare, answer, f"<answer>{stated}</answer>")
        if comparison.verdict != "equal":
            return Filtered(DISAGREES, f"program {answer.value}, stated {stated[:200]}: {comparison.verdict}")
        return answer

    async def _drawn(self, atom: ModelAtom, rng: Random) -> list[Draw]:
        """Different draws other than the example that the constraint accepts, up to `self.draws`."""
        seen, candidates = {tuple(atom.example[name] for name in atom.names)}, list[Draw]()
        for _ in range(_CANDIDATES_PER_DRAW * self.draws):
            draw = {name: domain.draw(rng) for name, domain in atom.parameters.items()}
            if tuple(draw.values()) not in seen:
                seen.add(tuple(draw.values()))
                candidates.append(draw)
        holds = await atom.program.holds_async(candidates)
        return [draw for draw, held in zip(candidates, holds, strict=True) if held][: self.draws]

    async def _idle(
        self, atom: ModelAtom, draws: Sequence[Draw], outcomes: Sequence[Outcome], rng: Random
    ) -> list[str]:
        """Parameters whose change alone moves no answer."""
        changed = [
            (name, number, {**draws[number], name: other})
            for name, number in product(atom.names, range(self.changes))
            for other in _others(atom.parameters[name], draws[number][name], rng)
        ]
        values = [draw for _, _, draw in changed]
        held = await atom.program.holds_async(values)
        answers = await atom.program.answers_async(values)
        moving = {
            name
            for (name, number, _), holds, outcome in zip(changed, held, answers, strict=True)
            if holds and outcome.is_value and outcome.value != outcomes[number].value
        }
        return [name for name in atom.names if name not in moving]

    async def _steps(self, atom: ModelAtom, draws: Sequence[Draw]) -> str | Filtered:
        """The worked steps of the first of `draws`, if all of them can be written."""
        written = list[str]()
        answers = await atom.program.answers_async(draws)
        for draw, answer in zip(draws, answers, strict=True):
            assert answer.value is not None
            outcomes = await atom.program.evaluate_async(atom.expressions, {**draw, "answer": answer.value})
            try:
                written.append(atom.written_steps(outcomes))
            except ValueError as error:
                return Filtered(STEPS_FAIL, str(error)[:300])
        return written[0]


def _failed(outcomes: Sequence[Outcome], draws: Sequence[Draw], otherwise: str) -> Filtered | None:
    """Why the first outcome that is no value is none; `otherwise` names what is neither a limit nor a forbidden thing."""
    for number, (outcome, draw) in enumerate(zip(outcomes, draws, strict=True)):
        if not outcome.is_value:
            reason = {"forbidden": REACHES, "timeout": LIMITS, "memory": LIMITS, "crashed": LIMITS}.get(outcome.kind)
            values = ", ".join(f"{name}={value}" for name, value in draw.items())
            return Filtered(reason or otherwise, f"draw {number} ({values}): {outcome.kind} {outcome.text}")
    return None


def _others(domain: Domain, value: Value, rng: Random) -> list[Value]:
    """One other value, a second one that is next to it where there is one: constraints refuse most far ones."""
    drawn = [domain.draw(rng)]
    if isinstance(domain, Whole) and type(value) is int:
        drawn += [near for near in (value + domain.step, value - domain.step) if domain.contains(near)][:1]
    elif isinstance(domain, OneOf):
        drawn.append(domain.draw(rng))
    return [other for other in drawn if other != value]


def _contradicting(atom: ModelAtom, stated: str) -> set[str]:
    """Numbers printed by the templates that belong to the example: they would stay when the values change."""
    numbers = [value for value in atom.example.values() if isinstance(value, int | Fraction)]
    own = {str(value).lstrip("-") for value in numbers} | {f"{float(value):g}".lstrip("-") for value in numbers}
    return (atom.fixed_numbers() & {*own, stated.strip()}) | atom.fixed_in_steps()
