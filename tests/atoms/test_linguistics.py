"""Linguistics answers found a second way: enumeration, a literal table of plurals, inverted definitions."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import permutations, product
from math import log
from random import Random
from string import ascii_lowercase

import pytest

from catena.generators.atoms import corpora, linguistics
from catena.generators.atoms.family import Family
from catena.records import Value

FAMILIES = corpora.FAMILIES + linguistics.FAMILIES


def root(linear: Callable[[Fraction], Fraction]) -> Fraction:
    """Where a linear function is zero, from its values at zero and one."""
    at_zero, at_one = linear(Fraction(0)), linear(Fraction(1))
    return at_zero / (at_zero - at_one)


PLURALS = dict(
    pair.split(":")
    for pair in [
        "child:children",
        "woman:women",
        "man:men",
        "mouse:mice",
        "goose:geese",
        "ox:oxen",
        "wolf:wolves",
        "thief:thieves",
        "calf:calves",
        "fox:foxes",
        "witch:witches",
        "boss:bosses",
        "princess:princesses",
        "walrus:walruses",
        "lady:ladies",
        "pony:ponies",
        "puppy:puppies",
        "spy:spies",
        "baby:babies",
        "monkey:monkeys",
        "donkey:donkeys",
        "boy:boys",
        "dog:dogs",
        "farmer:farmers",
        "eagle:eagles",
        "ostrich:ostriches",
        "finch:finches",
        "wife:wives",
        "elf:elves",
        "hero:heroes",
        "chief:chiefs",
        "sheep:sheep",
        "fisherman:fishermen",
        "mongoose:mongooses",
        "dormouse:dormice",
        "canary:canaries",
        "cowboy:cowboys",
        "dragonfly:dragonflies",
        "nurse:nurses",
        "bridesmaid:bridesmaids",
    ]
)
PLURAL_VERBS = "sleep wait run cry hurry try watch rush die play pass by dance rise".replace(
    "pass by", "pass_by"
).split()


def third_person(verb: str) -> str:
    head, _, rest = verb.partition("_")
    if head.endswith(("ss", "sh", "ch")):
        return f"{head}es {rest}".strip()
    return f"{head[:-1]}ies" if head.endswith(("ry", "rry")) else f"{head}s"


PREDICATES = {third_person(verb): verb.replace("_", " ") for verb in PLURAL_VERBS}
PREDICATES |= {"is hungry": "are hungry", "was late": "were late", "has gone": "have gone"}


def shifted(word: str, places: int) -> str:
    ring = ascii_lowercase
    for _ in range(places):
        ring = ring[1:] + ring[0]
    return word.translate(str.maketrans(ascii_lowercase, ring))


def ordered(**words: str) -> tuple[str, ...]:
    return next(row for row in permutations(words.values()) if all(map(str.__lt__, row, row[1:])))


def verb_forms(verbs: int, tenses: int, persons: int, other: int) -> int:
    table = [*product(range(tenses), range(persons)), *range(other)]
    return sum(len(table) for _ in range(verbs))


TRUTHS: dict[str, Callable[..., Value]] = {
    "phonology.possible_syllables": lambda onsets, vowels, codas: sum(
        1 for _ in product(("", *range(onsets)), range(vowels), ("", *range(codas)))
    ),
    "morphology.verb_forms_in_lexicon": verb_forms,
    "morphology.clause_in_plural": lambda noun, verb: f"the {PLURALS[noun]} {PREDICATES[verb]}",
    "lexicography.dictionary_order": ordered,
    "writing.letter_shift": shifted,
    "corpora.count_by_zipf": lambda rank, count, other: root(lambda times: times * other - rank * count),
    "corpora.frequency_per_million": lambda count, size: root(lambda hits: hits * size / 1_000_000 - count),
    "corpora.type_token_ratio": lambda tokens, types: root(lambda ratio: ratio * tokens - types),
    "corpora.information_of_word": lambda count, size: -log(count / size) / log(2),
}


def draws(family: Family, count: int) -> Iterator[dict[str, Value]]:
    rng = Random(family.name)
    while count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            count -= 1
            yield values


def test_every_linguistics_family_has_an_independent_truth() -> None:
    assert set(TRUTHS) == {family.name for family in FAMILIES}
    assert {family.topic[0] for family in FAMILIES} == {"linguistics"}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_linguistics_answer_agrees_with_a_second_way_to_find_it(family: Family) -> None:
    for values in draws(family, 200):
        expected = TRUTHS[family.name](**values)
        answer = family.solve(**values)
        assert answer == (pytest.approx(expected, rel=1e-9) if family.kind == "real" else expected), values
