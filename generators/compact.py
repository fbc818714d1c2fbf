"""The compact form of a chain, for students of a few million parameters.

    statement   d=97-8;p=d-4;p?            one definition per node in dependency order, then the name asked for
    solution    d=97-8=89;p=89-4=85;       each step restates the value that it needs

The names are distinct letters drawn per problem, so that their order gives nothing away; two letters where there are more than
26 nodes. Several wanted answers are asked for as `d,p?`.
"""

from collections.abc import Sequence
from random import Random
from string import ascii_lowercase

from catena.generators.graph_parts import Drawn, Part
from catena.values import say


def compact(steps: Sequence[Part], rng: Random) -> tuple[str, str]:
    """Statement and worked solution of a chain of families that have a compact form.

    Raises:
        ValueError: A source of the chain has no compact form.
    """
    letters = _names(len(steps), rng)
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


def compact_graph(drawn: Drawn, rng: Random) -> tuple[str, str]:
    """Statement and worked solution of a graph whose nodes have one parent at most; distractors are defined and not worked out.

    Raises:
        ValueError: A source has no compact form.
    """
    skeleton = drawn.skeleton
    names = _names(len(drawn.parts), rng)
    definitions: list[str] = []
    solution: list[str] = []
    for node, part in enumerate(drawn.parts):
        form = part.prepared.source.compact
        if form is None:
            raise ValueError(f"{part.prepared.source.name} has no compact form; compose it as prose")
        said = {name: say(value) for name, value in part.values.items()}
        if node not in skeleton.distractors:
            solution.append(f"{names[node]}={form.format_map(said)}={say(part.answer)};")
        said |= {link.parameter: names[link.parent] for link in part.links}
        definitions.append(f"{names[node]}={form.format_map(said)};")
    listed = "".join(definitions[node] for node in skeleton.order or range(len(definitions)))
    return f"{listed}{','.join(names[node] for node in skeleton.asked)}?", "".join(solution)


def _names(number: int, rng: Random) -> list[str]:
    if number <= len(ascii_lowercase):
        return rng.sample(ascii_lowercase, number)
    return rng.sample([first + second for first in ascii_lowercase for second in ascii_lowercase], number)
