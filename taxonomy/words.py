"""The tables of `words.toml`, read once: which words carry no topic, which exclude one another, which mean the same."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Words:
    """Tables about lower-case words in American spelling and singular.

    Attributes:
        empty: Words that say nothing about the topic.
        opening: What says nothing at the beginning of a name, as sequences of words, the longest first.
        closing: What says nothing at the end of a name, likewise.
        light: Words that seldom make another topic when they stand on one side only.
        prepositions: Words that join what stands before and after them, in a direction.
        conjunctions: Words that join without a direction.
        vague_alone: Words that are no topic by themselves.
        vague_telling: Words of which a name needs one to be no topic, when all its words are vague.
        vague: Further words that say where a topic stands, not what it is.
        prefixes: What makes another word when it stands in front of one.
        endings: What one family of words ends in.
        spelling: British to American: pattern and replacement.
        kept_spelling: Parts of words whose "is" is not the British ending.
        singular: Singulars that the rules would miss.
        numbers: Digits of numbers written as words.
        abbreviations: Words of abbreviations with one usual meaning, by the abbreviation as it is written.
        phrases: The wording that replaces another, both as sequences of words.
        members: For each word, its group's number and its line in that group, for every group that has it.
        synonyms: For each word, the numbers of the lines of synonyms that have it.
        collective: Light words that are the kind of thing where a name begins with them.
    """

    empty: frozenset[str]
    opening: tuple[tuple[str, ...], ...]
    closing: tuple[tuple[str, ...], ...]
    light: frozenset[str]
    prepositions: frozenset[str]
    conjunctions: frozenset[str]
    vague_alone: frozenset[str]
    vague_telling: frozenset[str]
    vague: frozenset[str]
    prefixes: frozenset[str]
    endings: frozenset[str]
    spelling: tuple[tuple[re.Pattern[str], str], ...]
    kept_spelling: tuple[str, ...]
    singular: dict[str, str]
    numbers: dict[str, str]
    abbreviations: dict[str, str]
    phrases: dict[tuple[str, ...], tuple[str, ...]]
    members: dict[str, tuple[tuple[int, int], ...]]
    synonyms: dict[str, frozenset[int]]
    collective: frozenset[str]


@cache
def words() -> Words:
    """The tables of this build."""
    table = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    sets = (
        "empty",
        "light",
        "prepositions",
        "conjunctions",
        "vague_alone",
        "vague_telling",
        "vague",
        "prefixes",
        "endings",
        "collective",
    )
    return Words(
        **{name: frozenset(table[name]) for name in sets},  # type: ignore[arg-type]
        **{name: _longest_first(table[name]) for name in ("opening", "closing")},  # type: ignore[arg-type]
        spelling=tuple((re.compile(pattern), replacement) for pattern, replacement in table["spelling"]),
        kept_spelling=tuple(table["kept_spelling"]),
        singular=table["singular"],
        numbers={word: digits for digits, written in table["numbers"].items() for word in written},
        abbreviations=table["abbreviations"],
        phrases={tuple(old.split()): tuple(new.split()) for old, new in table["phrases"].items()},
        members=_members(list(table["groups"].values())),
        synonyms={word: frozenset(line for _, line in at) for word, at in _members([table["synonyms"]]).items()},
    )


def _longest_first(phrases: list[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(sorted((tuple(phrase.split()) for phrase in phrases), key=lambda phrase: (-len(phrase), phrase)))


def _members(groups: list[list[str]]) -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for group, lines in enumerate(groups):
        for line, written in enumerate(lines):
            for word in written.split(","):
                found.setdefault(word, []).append((group, line))
    return {word: tuple(places) for word, places in found.items()}
