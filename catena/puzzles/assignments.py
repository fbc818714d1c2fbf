"""Checkers of puzzles that give each name a value: colouring, knights and knaves, zebra, satisfiability."""

from collections.abc import Mapping, Sequence
from typing import Any

from catena.puzzles.reading import read_assignment, show_assignment

Outcome = tuple[str, str | None]
ROLES = ("knight", "knave")


def check_colouring(instance: Mapping[str, Any], text: str) -> Outcome:
    """A colour for each node, different ones at the ends of each edge; `given` colours are kept."""
    found = read_assignment(text, instance["nodes"], instance["colours"])
    canonical = show_assignment(found)
    for name, colour in instance["given"].items():
        if found[name] != colour:
            return canonical, f"{name} is {colour} already"
    for one, other in instance["edges"]:
        if found[one] == found[other]:
            return canonical, f"{one} and {other} are linked and both {found[one]}"
    return canonical, None


def check_knights(instance: Mapping[str, Any], text: str) -> Outcome:
    """Who is a knight and who a knave; `statements` are pairs of a speaker and a formula (see `holds`)."""
    found = read_assignment(text, instance["people"], ROLES)
    knights = {name: role == "knight" for name, role in found.items()}
    for speaker, formula in instance["statements"]:
        if holds(formula, knights) != knights[speaker]:
            return show_assignment(found), f"what {speaker} says does not fit a {found[speaker]}"
    return show_assignment(found), None


def holds(formula: Sequence[Any], knights: Mapping[str, bool]) -> bool:
    """The truth of a formula: `[knight, A]`, `[knave, A]`, `[same, A, B]`, `[differ, A, B]`, `[and, f, g]`, `[or, f, g]`."""
    kind, *parts = formula
    if kind in ROLES:
        return bool(knights[parts[0]] == (kind == "knight"))
    if kind in ("same", "differ"):
        return bool((knights[parts[0]] == knights[parts[1]]) == (kind == "same"))
    truths = [holds(part, knights) for part in parts]
    return {"and": all, "or": any}[kind](truths)


def check_zebra(instance: Mapping[str, Any], text: str) -> Outcome:
    """The house of each item; `categories` lists items by kind, `clues` are as in `clue_holds`."""
    size = instance["size"]
    items = [item for group in instance["categories"].values() for item in group]
    found = read_assignment(text, items, [str(house) for house in range(1, size + 1)])
    houses = {item: int(house) for item, house in found.items()}
    for kind, group in instance["categories"].items():
        if len({houses[item] for item in group}) < len(group):
            return show_assignment(found), f"two of {kind} share a house"
    for clue in instance["clues"]:
        if not clue_holds(clue, houses):
            return show_assignment(found), f"the clue {' '.join(map(str, clue))} does not hold"
    return show_assignment(found), None


def clue_holds(clue: Sequence[Any], houses: Mapping[str, int]) -> bool:
    """The truth of a clue: `[at, a, 2]`, or `[same|next|left|before, a, b]`, where left is just left of."""
    kind, one, other = clue
    if kind == "at":
        return bool(houses[one] == other)
    gap = houses[other] - houses[one]
    return {"same": gap == 0, "next": abs(gap) == 1, "left": gap == 1, "before": gap > 0}[kind]


def check_sat(instance: Mapping[str, Any], text: str) -> Outcome:
    """True or false for x1, x2, ... such that each of `clauses` (signed numbers) has a true literal."""
    names = [f"x{number}" for number in range(1, instance["variables"] + 1)]
    found = read_assignment(text, names, ("true", "false"))
    for number, clause in enumerate(instance["clauses"], 1):
        if not any((found[f"x{abs(literal)}"] == "true") == (literal > 0) for literal in clause):
            return show_assignment(found), f"no literal of clause {number} is true"
    return show_assignment(found), None
