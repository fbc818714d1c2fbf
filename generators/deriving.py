"""Rows made from accepted problems: the same rows for further steps, or new problems by operators over one or two parents.

Which parents a problem has follows from the run's seed and the row's number. Not here: what the operators ask of a model
(`variants`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from catena.generators.variants import OPERATORS
from catena.records import Draft, Parent, content_id
from catena.seeds import stream_for


def variants(
    name: str, accepted: Sequence[Draft], operators: Mapping[str, float], rows: int, seed: int
) -> Iterator[Draft]:
    """`rows` drafts of new problems with their parents chosen, operators in the shares given.

    Parents take turns, so that none is used twice before all were used once. The second parent of a pair is of the same
    subject and, where there is one, of another topic; for `cross-subject` it is of another subject.

    Args:
        name: The pipeline's name.
        accepted: Problems with statement and answer, in their order.
        operators: Weight of each operator; those whose second parent does not exist are passed over.
        rows: Drafts wanted.
        seed: The run's seed.
    """
    whole = [one for one in accepted if one.statement and one.answer is not None]
    by_subject: dict[str, list[Draft]] = defaultdict(list)
    for one in whole:
        by_subject[one.topic[0] if one.topic else ""].append(one)
    order = list(range(len(whole)))
    stream_for(seed, name, "parents").shuffle(order)
    for number, operator in zip(range(rows if whole else 0), _in_turn(operators), strict=False):
        first = whole[order[number % len(order)]]
        second = (
            _second(first, operator, whole, by_subject, seed, f"{name}/{number}") if OPERATORS[operator] == 2 else None
        )
        if OPERATORS[operator] == 2 and second is None:
            continue
        parents = tuple(_parent(one) for one in (first, second) if one is not None)
        row_id = content_id(name, operator, str(number), *(one.row_id for one in parents))
        yield Draft(row_id, number, first.topic, operator=operator, parents=parents)


def continued(draft: Draft) -> Draft:
    """An accepted row as it begins the next pipeline: what was written and voted stays."""
    return replace(draft, nearby=())


def _second(
    first: Draft, operator: str, whole: Sequence[Draft], by_subject: Mapping[str, Sequence[Draft]], seed: int, row: str
) -> Draft | None:
    subject = first.topic[0] if first.topic else ""
    if operator == "cross-subject":
        others = [one for name in sorted(by_subject) if name != subject for one in by_subject[name]]
    else:
        same = [one for one in by_subject[subject] if one.row_id != first.row_id]
        others = [one for one in same if one.topic != first.topic] or same
    return others[stream_for(seed, row, operator).randrange(len(others))] if others else None


def _parent(draft: Draft) -> Parent:
    assert draft.answer is not None
    return Parent(draft.row_id, draft.topic, draft.statement, draft.answer)


def _in_turn(weights: Mapping[str, float]) -> Iterator[str]:
    """Names without end, each as often as its weight says, spread evenly."""
    total = sum(weights.values())
    given = dict.fromkeys(weights, 0)
    number = 0
    while True:
        number += 1
        name = max(weights, key=lambda one: (weights[one] / total * number - given[one], one))
        given[name] += 1
        yield name
