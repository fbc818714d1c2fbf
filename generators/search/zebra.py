"""Zebra puzzles: who lives in which house with what; one solution, certified by an exhaustive solver."""

from random import Random
from typing import Any

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.puzzles.assignments import clue_holds
from catena.puzzles.reading import show_assignment
from catena.records import Answer

WORDINGS = (
    "{size} houses stand in a row, numbered 1 to {size} from left to right. Each has one of {kinds}. {clues} Give the number of the"
    " house for every item, as item=number.",
    "There are {size} houses in a row (house 1 is the leftmost). To each belongs one of {kinds}. It is known: {clues} In which house"
    " is what? Write item=number for all items.",
    "Match {kinds} with houses 1 to {size}, which stand from left to right. {clues} Answer with item=number for each item.",
)
KINDS = {
    "people": ("Anna", "Bruno", "Carla", "David", "Emil"),
    "pets": ("cat", "dog", "fish", "horse", "parrot"),
    "drinks": ("tea", "coffee", "milk", "juice", "water"),
    "colours": ("red", "green", "blue", "white", "yellow"),
}
LEVELS = {1: (3, 2), 2: (3, 3), 3: (4, 3), 4: (5, 3)}
"""Houses and kinds of items, by level."""
Clue = list[Any]


def said(clue: Clue) -> str:
    """A clue as a sentence."""
    kind, one, other = clue
    return {
        "at": f"{one} is in house {other}.",
        "same": f"{one} and {other} are in the same house.",
        "next": f"{one} is next door to {other}.",
        "left": f"{one} is in the house just left of that of {other}.",
        "before": f"{one} is somewhere left of {other}.",
    }[kind]


def space_of(size: int, groups: list[tuple[str, ...]], clues: list[Clue]) -> Constraints:
    """The states: the house of each item."""
    items = tuple(item for group in groups for item in group)
    index = {item: at for at, item in enumerate(items)}
    rivals = [[index[other] for group in groups if item in group for other in group if other != item] for item in items]
    about = [[clue for clue in clues if item in clue] for item in items]

    def clash(values: Values, item: int, house: int) -> str | None:
        for other in rivals[item]:
            if values[other] == house:
                return f"{items[other]} is there"
        houses = {name: values[at] for name, at in index.items()}
        houses[items[item]] = house
        for clue in about[item]:
            known = [part for part in clue[1:] if part in index]
            if all(houses[name] != FREE for name in known) and not clue_holds(clue, houses):
                return f"against: {said(clue).rstrip('.')}"
        return None

    def write(values: Values) -> str:
        return show_assignment({item: str(house) for item, house in zip(items, values, strict=True)})

    domains, given = (tuple(range(1, size + 1)),) * len(items), (FREE,) * len(items)
    return Constraints(items, domains, given, clash, write, lambda _, house: f"house {house}")


def _clue(houses: dict[str, int], groups: list[tuple[str, ...]], rng: Random) -> Clue | None:
    """A true clue about items of different kinds, or the house of one."""
    one, other = (rng.choice(group) for group in rng.sample(groups, 2))
    gap = houses[other] - houses[one]
    if rng.random() < 0.15:
        return ["at", one, houses[one]]
    fitting = [kind for kind in ("same", "next", "left", "before") if clue_holds([kind, one, other], houses)]
    return [rng.choice(fitting), one, other] if fitting and abs(gap) < 3 else None


def draw(level: int, rng: Random) -> Drawn | None:
    """Clues of a random arrangement until it is the only one; then those that are not needed are left out."""
    size, count = LEVELS[level]
    kinds = rng.sample(sorted(KINDS), count)
    groups = [tuple(rng.sample(KINDS[kind], size)) for kind in kinds]
    houses = {item: house for group in groups for house, item in enumerate(rng.sample(group, size), 1)}
    clues: list[Clue] = []
    for _ in range(40 * size):
        clue = _clue(houses, groups, rng)
        if clue is not None and clue[1:] not in [known[1:] for known in clues]:
            clues.append(clue)
            if len(clues) >= size * (count - 1) and _single(size, groups, clues):
                break
    else:
        return None
    for clue in list(clues):
        fewer = [other for other in clues if other is not clue]
        if _single(size, groups, fewer):
            clues = fewer
    rng.shuffle(clues)
    space = space_of(size, groups, clues)
    outcome = solve(space)
    assert outcome is not None
    statement = rng.choice(WORDINGS).format(
        size=size, clues=" ".join(map(said, clues)),
        kinds="; ".join(f"the {kind} {', '.join(group)}" for kind, group in zip(kinds, groups, strict=True)),
    )  # fmt: skip
    instance = {"size": size, "categories": dict(zip(kinds, map(list, groups), strict=True)), "clues": clues}
    return Drawn(
        "zebra", level, instance, statement, Answer("string", space.answer(outcome[0][0])), True, outcome[1], space
    )


def _single(size: int, groups: list[tuple[str, ...]], clues: list[Clue]) -> bool:
    outcome = solve(space_of(size, groups, clues), most=2_000)
    return outcome is not None and len(outcome[0]) == 1


FAMILY = Family("zebra", ("puzzles", "logic", "zebra puzzles"), 4, draw)
