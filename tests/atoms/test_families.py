"""What every family must be, whatever its subject. The truths are recomputed another way in the subjects' own files."""

import json
import re
from pathlib import Path
from random import Random

import pytest

from catena.answers import compare
from catena.domains import Whole
from catena.generators.atoms import family as family_module
from catena.generators.atoms.catalog import MODULES, families
from catena.generators.atoms.family import Family
from catena.generators.sources import draw_values
from catena.records import Value
from catena.values import decode, encode, typed

FAMILIES = list(families().values())
NAMES = [family.name for family in FAMILIES]
SUBJECTS = {
    "mathematics",
    "physics",
    "chemistry",
    "biology",
    "computer science",
    "economics",
    "earth science",
    "linguistics",
}
FEW_ANSWERS = {"boolean"}
FEW_WORDS = {"geometry.triangle_type"}
each_family = pytest.mark.parametrize("family", FAMILIES, ids=NAMES)


def draws(family: Family, number: int) -> list[dict[str, Value]]:
    rng = Random(f"test {family.name}")
    found = [draw_values(family, rng, attempts=100) for _ in range(number)]
    assert None not in found, "a hundred draws in a row were refused by the constraint"
    return [values for values in found if values is not None]


def near_misses(value: Value, family: Family) -> list[Value]:
    """Answers that are wrong by little."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return [value + "s", value[:-1]]
    if isinstance(value, tuple):
        return [value[:-1], value[::-1]] if family.kind == "sequence" and value != value[::-1] else [value[:-1]]
    if isinstance(value, float):
        step = 3 * (family.tolerance or 1e-3) * abs(value)
        return [value + step, value - step]
    return [value + 1, value - 1, -value] if value else [1, -1]


def test_the_catalogue_is_as_large_as_promised() -> None:
    assert len(FAMILIES) >= 60
    assert {family.topic[0] for family in FAMILIES} == SUBJECTS
    assert len(set(NAMES)) == sum(len(module.FAMILIES) for module in MODULES)


@each_family
def test_a_thousand_draws_stay_in_their_domains_and_survive_a_row(family: Family) -> None:
    for values in draws(family, 1000):
        assert all(family.parameters[name].contains(value) for name, value in values.items())
        assert family.constraint is None or family.constraint(**values)
        answer = family.solve(**values)
        assert decode(json.loads(json.dumps(encode(answer)))) == answer
        assert not isinstance(answer, int | float) or abs(answer) <= 1e10


@each_family
def test_the_reference_is_accepted_and_near_misses_are_not(family: Family) -> None:
    for values in draws(family, 3):
        value = family.solve(**values)
        gold = typed(value, family.kind, family.unit, family.tolerance)
        assert compare(gold, f"<answer>{gold}</answer>").verdict == "equal"
        for miss in near_misses(value, family):
            wrong = typed(miss, family.kind, family.unit, family.tolerance)
            assert compare(gold, f"<answer>{wrong}</answer>").verdict != "equal", (str(gold), str(wrong))


@each_family
def test_wordings_are_three_and_say_every_parameter_differently(family: Family) -> None:
    assert len(family.wordings) >= 3
    values = draws(family, 1)[0]
    said = [wording.format_map(values) for wording in family.wordings]
    bare = {re.sub(r"[\W\d_]+", " ", text).strip().lower() for text in said}
    assert len(bare) == len(family.wordings)
    for wording in family.wordings:
        assert all(f"{{{name}}}" in wording for name in family.parameters)


@each_family
def test_the_topic_has_three_levels_and_names_do_not_repeat(family: Family) -> None:
    assert len(family.topic) >= 3
    assert all(level and level == level.strip() for level in family.topic)
    assert re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", family.name)


@each_family
def test_worked_steps_end_in_the_answer(family: Family) -> None:
    for values in draws(family, 5):
        worked = family.steps(**values)
        assert worked.strip()
        answer = family.solve(**values)
        if isinstance(answer, int) and not isinstance(answer, bool):
            assert str(abs(answer)) in worked.replace(",", "").replace(" ", " ")


@each_family
def test_every_parameter_matters(family: Family) -> None:
    rng = Random(f"matters {family.name}")
    few = family.kind in FEW_ANSWERS or family.name in FEW_WORDS
    for name in family.parameters:
        moved = tried = 0
        for values in draws(family, 150):
            changed = {**values, name: family.parameters[name].draw(rng)}
            if changed == values or (family.constraint is not None and not family.constraint(**changed)):
                continue
            tried += 1
            moved += family.solve(**values) != family.solve(**changed)
        assert tried > 0
        assert moved / tried >= (0.1 if few else 0.5), f"{name} moves the answer in {moved} of {tried}"


def test_most_families_can_carry_an_answer_in() -> None:
    carrying = [family for family in FAMILIES if any(isinstance(d, Whole) for d in family.parameters.values())]
    assert len(carrying) >= 0.9 * len(FAMILIES)


def test_every_file_of_families_is_in_the_catalogue() -> None:
    folder = Path(family_module.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "catalog", "family"}
    assert files == {module.__name__.rsplit(".", 1)[-1] for module in MODULES}
