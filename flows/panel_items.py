"""Planted rows: problems whose truth is a program's, as they stand, with a near miss for a key, or without a number that they need.

Item n depends on the run's seed, the pipeline's name, the subjects and n alone, so that asking for more items keeps the others.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

import orjson

from catena.generators.atoms.catalog import families
from catena.generators.atoms.family import Family
from catena.records import Answer, Draft, Value, content_id
from catena.seeds import seed_for, stream_for
from catena.validators.planting import PLANTED_KINDS, PlantedKind, near_miss
from catena.values import say, typed

KIND, TRUTH = "planted", "truth"
"""Columns of a planted draft: what was planted, and its true answer (that of the problem before a number was left out)."""
UNNAMED = "a certain number of"
"""What stands in the place of the number left out."""
_PLACE = r"(?<=[a-z,] )\{%s\}(?= [a-z])"
_DRAWS = 60


def planted_item(seed: int, name: str, subjects: Sequence[str], number: int, golds: Sequence[Draft] = ()) -> Draft:
    """The planted row `number`, with the key that voters are measured against.

    Args:
        seed: The run's.
        name: The pipeline's.
        subjects: Taken in turn; one that no family belongs to takes from all.
        number: From 0; right keys, near misses and ill-posed problems take turns.
        golds: Rows with right answers that are planted in place of the families' problems, but for ill-posed ones.
    """
    kind = PLANTED_KINDS[number % len(PLANTED_KINDS)]
    row = content_id("planted", name, str(seed), str(number))
    subject = subjects[number // len(PLANTED_KINDS) % len(subjects)] if subjects else ""
    for attempt in range(1000):
        stream = stream_for(seed, "planted item", row, attempt)
        found = (
            _of_golds(golds, kind, stream, row)
            if golds and kind != "ill-posed"
            else _of_families(subject, kind, stream, row)
        )
        if found is not None:
            return found
    raise ValueError(f"no problem of subject {subject!r} can be planted as {kind!r}; name another subject")


def planted_truth(draft: Draft) -> Answer:
    """The true answer of a planted row; of an ill-posed one, of the problem that it was."""
    return Answer(**orjson.loads(draft.columns[TRUTH]))


def planted_kind_of(draft: Draft) -> PlantedKind:
    """What a planted row was planted as."""
    return next(kind for kind in PLANTED_KINDS if kind == draft.columns[KIND])


def _of_families(subject: str, kind: PlantedKind, stream: Random, row: str) -> Draft | None:
    family = stream.choice(_offered(subject.casefold(), kind))
    drawn = _drawn(family, stream)
    if drawn is None:
        return None
    wording, hidden = stream.choice(family.wordings), None
    if kind == "ill-posed":
        hidden = next(
            (name for name in _shuffled(family.names, stream) if _can_hide(family, wording, name, drawn, stream)), None
        )
        if hidden is None:
            return None
        wording = re.sub(_PLACE % hidden, UNNAMED, wording)
    said = {name: value if type(value) is int else say(value) for name, value in drawn.items()}
    answer = typed(family.solve(**drawn), family.kind, family.unit, family.tolerance)
    return _draft(row, family.topic, wording.format_map(said), answer, kind, seed_for(0, row))


def _of_golds(golds: Sequence[Draft], kind: PlantedKind, stream: Random, row: str) -> Draft | None:
    gold = stream.choice(golds)
    return None if gold.answer is None else _draft(row, gold.topic, gold.statement, gold.answer, kind, seed_for(0, row))


def _draft(
    row: str, topic: tuple[str, ...], statement: str, truth: Answer, kind: PlantedKind, seed: int
) -> Draft | None:
    shown = near_miss(truth, seed, row) if kind == "near miss" else truth
    columns = {KIND: kind, TRUTH: orjson.dumps(truth).decode()}
    return None if shown is None else Draft(row, 0, topic, statement, shown, origin="atom", columns=columns)


@cache
def _offered(subject: str, kind: PlantedKind) -> tuple[Family, ...]:
    """The families of a subject that can be planted so; all such where it has none."""
    fitting = [one for one in families().values() if kind != "ill-posed" or any(map(_places, one.wordings))]
    if kind == "near miss":
        fitting = [one for one in fitting if one.kind in ("integer", "rational", "real", "boolean")]
    return tuple(one for one in fitting if one.topic[0] == subject) or tuple(fitting)


def _places(wording: str) -> list[str]:
    return re.findall(_PLACE.replace("%s", r"([a-z_]\w*)"), wording)


def _drawn(family: Family, stream: Random) -> dict[str, Value] | None:
    for _ in range(_DRAWS):
        values = {name: domain.draw(stream) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            return values
    return None


def _can_hide(family: Family, wording: str, name: str, values: Mapping[str, Value], stream: Random) -> bool:
    """Whether the answer depends on a number that the wording says once, in words that take it away without a trace."""
    if wording.count(f"{{{name}}}") != 1 or name not in _places(wording):
        return False
    others = ({**values, name: family.parameters[name].draw(stream)} for _ in range(_DRAWS))
    allowed = [one for one in others if family.constraint is None or family.constraint(**one)]
    return len({family.solve(**one) for one in allowed}) > max(1, len(allowed) // 4)


def _shuffled(names: Sequence[str], stream: Random) -> list[str]:
    return stream.sample(list(names), len(names))
