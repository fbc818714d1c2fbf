"""The compact form of a chain, for students of a few million parameters.

    statement   d=97-8;p=d-4;p?            one definition per node in dependency order, then the name asked for
    solution    d=97-8=89;p=89-4=85;       each step restates the value that it needs

The names are distinct letters drawn per problem, so that their order gives nothing away.
"""

from collections.abc import Sequence
from random import Random
from string import ascii_lowercase

from catena.generators.chain import Step
from catena.values import say


def compact(steps: Sequence[Step], rng: Random) -> tuple[str, str]:
    """Statement and worked solution of a chain of families that have a compact form.

    Raises:
        ValueError: A source of the chain has no compact form.
    """
    letters = rng.sample(ascii_lowercase, len(steps))
    statement: list[str] = []
    solution: list[str] = []
    for letter, step in zip(letters, steps, strict=True):
        form = step.prepared.source.compact
        if form is None:
            raise ValueError(f"{step.prepared.source.name} has no compact form; compose it as prose")
        said = {name: say(value) for name, value in step.values.items()}
        solution.append(f"{letter}={form.format_map(said)}={say(step.answer)};")
        if step.link is not None:
            said[step.link.parameter] = letters[step.link.parent]
        statement.append(f"{letter}={form.format_map(said)};")
    return "".join(statement) + f"{letters[-1]}?", "".join(solution)
