"""From a slot to a row: an instance, its trace, and the published form. Depends on seed, group and slot alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import orjson

from catena.generators.search.catalog import FAMILIES
from catena.generators.search.space import Drawn, Order
from catena.generators.search.tracing import Kind, TooLong, Trace, write_trace
from catena.puzzles import COLUMN, check_puzzle
from catena.records import Answer, Sample, Turn, Vote, content_id
from catena.samples import REQUEST
from catena.seeds import stream_for

TRIES = 40
"""Instances drawn for a slot before it is given up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a group of rows asks for: see `catena.flows.puzzles_recipe.Puzzles`."""

    name: str
    families: tuple[str, ...]
    levels: tuple[int, int]
    weights: Mapping[Kind, float]
    orders: tuple[Order, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class Solved:
    """An instance with a trace that ends in a checked solution."""

    drawn: Drawn
    trace: Trace


def draw_row(wanted: Wanted, seed: int, slot: int, dropped: Counter[str]) -> Solved | None:
    """The row of a slot; what is drawn in vain is counted in `dropped` by reason. None after `TRIES`.

    Family, level and kind of trace follow from the slot, so that none of them is favoured because its traces are short;
    the order of a sequential search is drawn anew each time.
    """
    rng = stream_for(seed, "puzzles", wanted.name, slot)
    family = FAMILIES[wanted.families[slot % len(wanted.families)]]
    level = rng.randint(wanted.levels[0], min(wanted.levels[1], family.levels))
    kind = rng.choices(list(wanted.weights), list(wanted.weights.values()))[0]
    for _ in range(TRIES):
        drawn = family.draw(level, rng)
        if drawn is None:
            dropped["no instance with the wanted properties"] += 1
            continue
        try:
            trace = write_trace(drawn.space, kind, _order(wanted.orders, kind, rng), rng, most=wanted.steps)
        except TooLong:
            dropped[f"{kind} trace too long"] += 1
            continue
        return Solved(drawn, trace)
    return None


def _order(orders: Sequence[Order], kind: Kind, rng: Random) -> Order:
    if kind == "sequential":
        return rng.choice(orders)
    return rng.choice(("random", "heuristic")) if "heuristic" in orders else "random"


def sample_of(solved: Solved) -> Sample:
    """The published row, for SFT; its answer is the one that the trace ends with.

    Raises:
        ValueError: The checker of `catena.puzzles` refuses that answer: an error of the family.
    """
    drawn, trace = solved.drawn, solved.trace
    puzzle = as_text({"family": drawn.family, "instance": drawn.instance})
    checked = check_puzzle(puzzle, trace.answer)
    if checked.decision != "accepted":
        raise ValueError(f"{drawn.family}: its own solution {trace.answer!r} is {checked.decision}: {checked.reason}")
    answer = Answer(drawn.answer.kind, trace.answer)
    topic = FAMILIES[drawn.family].topic
    solution = "\n".join(trace.lines)
    prompt = Turn("user", drawn.statement + REQUEST)
    completion = Turn("assistant", f"{solution}\n<answer>{answer.value}</answer>")
    columns = {
        COLUMN: puzzle,
        "level": str(drawn.level),
        "nodes": str(drawn.nodes),
        "order": trace.order,
        "solutions": "one" if drawn.unique else "several possible",
        "steps": str(len(trace.lines)),
        "trace": trace.kind,
    }
    ground = "exhaustive search found one solution" if drawn.unique else "the checker of the family"
    return Sample(
        problem_id=content_id(puzzle),
        subject=topic[0], topic=topic[2], topic_path=topic, concepts=(),
        question=drawn.statement,
        answer=answer.value, answer_type=answer.kind, answer_unit=None, answer_tolerance=None,
        solution=solution, correctness=True,
        prompt=(prompt,), completion=(completion,), messages=(prompt, completion),
        horizon=1, style="prose", intermediate_answers=(), sources=(f"search:{drawn.family}",),
        template=f"{drawn.family}-{drawn.level}",
        model=None, reasoning=None, solution_style=trace.kind, solution_language=None,
        operator="", missing="", hints=(), graph=None, certificate=None,
        columns=as_text(columns),
        verdicts=(Vote("puzzle", "answer match", "accept", ground, 1.0),),
        pass_rate=(), suggested_use="sft", provenance="",
    )  # fmt: skip


def as_text(data: object) -> str:
    """Canonical JSON."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
