"""Knights and knaves: who always tells the truth and who always lies; one solution, certified by counting."""

from collections.abc import Mapping
from random import Random
from typing import Any

from catena.generators.search.constraints import FREE, Constraints, Values, solve
from catena.generators.search.space import Drawn, Family
from catena.puzzles.assignments import ROLES, holds
from catena.puzzles.reading import show_assignment
from catena.records import Answer

WORDINGS = (
    "On an island knights always tell the truth and knaves always lie. {said} Who is what? Answer with name=knight or name=knave for"
    " everybody.",
    "Each of {people} is either a knight (always truthful) or a knave (always lying). {said} Determine the role of each, as"
    " name=role.",
    "Knights say only true things, knaves only false ones. You meet {people}. {said} Give name=knight or name=knave for each of"
    " them.",
)
NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Jan", "Kim", "Leo")
PEOPLE = {1: 3, 2: 4, 3: 5, 4: 7}
Formula = list[Any]


def said(formula: Formula) -> str:
    """A formula in words."""
    kind, *parts = formula
    if kind in ROLES:
        return f"{parts[0]} is a {kind}"
    if kind == "same":
        return f"{parts[0]} and {parts[1]} are of the same kind"
    if kind == "differ":
        return f"{parts[0]} and {parts[1]} are of different kinds"
    one, other = map(said, parts)
    return f"{one} and {other}" if kind == "and" else f"{one} or {other} or both"


def people_in(formula: Formula) -> set[str]:
    """Whom a formula speaks of."""
    return {name for part in formula[1:] for name in ([part] if isinstance(part, str) else people_in(part))}


def space_of(people: tuple[str, ...], statements: list[tuple[str, Formula]]) -> Constraints:
    """The states: 0 for a knight, 1 for a knave."""
    index = {name: at for at, name in enumerate(people)}
    about = [
        (speaker, formula, [index[name] for name in {speaker} | people_in(formula)]) for speaker, formula in statements
    ]

    def clash(values: Values, person: int, role: int) -> str | None:
        now = (*values[:person], role, *values[person + 1 :])
        for speaker, formula, needed in about:
            if person not in needed or any(now[at] == FREE for at in needed):
                continue
            knights = {name: now[at] == 0 for name, at in index.items()}
            if holds(formula, knights) != knights[speaker]:
                return f"{speaker}, a {ROLES[now[index[speaker]]]}, would have said something {str(not knights[speaker]).lower()}"
        return None

    def write(values: Values) -> str:
        return show_assignment({name: ROLES[role] for name, role in zip(people, values, strict=True)})

    domains, given = ((0, 1),) * len(people), (FREE,) * len(people)
    return Constraints(people, domains, given, clash, write, lambda _, role: ROLES[role])


def _formula(speaker: str, knights: Mapping[str, bool], rng: Random, deep: bool) -> Formula:
    """A formula that the speaker can say."""
    others = [name for name in knights if name != speaker]
    while True:
        kind = rng.choice(("role", "pair", "both") if deep else ("role", "pair"))
        one, other = rng.sample(others, 2)
        formula: Formula = [rng.choice(ROLES), one]
        if kind == "pair":
            formula = [rng.choice(("same", "differ")), one, rng.choice((other, speaker))]
        elif kind == "both":
            formula = [rng.choice(("and", "or")), formula, [rng.choice(ROLES), other]]
        if holds(formula, knights) == knights[speaker]:
            return formula


def draw(level: int, rng: Random) -> Drawn | None:
    """One statement of each person, as the planted roles allow."""
    people = tuple(rng.sample(NAMES, PEOPLE[level]))
    knights = {name: rng.random() < 0.5 for name in people}
    statements = [(name, _formula(name, knights, rng, level > 1)) for name in people]
    space = space_of(people, statements)
    outcome = solve(space)
    if outcome is None or len(outcome[0]) != 1:
        return None
    words = " ".join(f'{speaker} says: "{said(formula)}".' for speaker, formula in statements)
    statement = rng.choice(WORDINGS).format(people=", ".join(people), said=words)
    instance = {"people": list(people), "statements": [list(pair) for pair in statements]}
    answer = Answer("string", space.answer(outcome[0][0]))
    return Drawn("knights", level, instance, statement, answer, True, outcome[1], space)


FAMILY = Family("knights", ("puzzles", "logic", "knights and knaves"), 4, draw)
