"""Planted leaks: copies of benchmark items of known kinds, to measure what a search for contamination finds.

Verbatim (case and white space changed), renumbered and chained (inside a longer problem, one number replaced by a result) are made
from any items. Paraphrases and translations cannot be made by rule; 133 labelled ones ship in `planted_leaks.json`, written one at a
time for this purpose, with 62 near misses: other problems of the same topic. Not here: the search (`contamination_search`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from catena.seeds import stream_for

LeakKind = Literal["verbatim", "renumbered", "chained", "paraphrased", "translated", "near miss"]
LEAK_KINDS: tuple[LeakKind, ...] = get_args(LeakKind)
"""The last is no leak: what is found of it is wrong."""

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_BEFORE = (
    "A courier first carries 3 parcels up to a flat on each of 4 floors and takes a break. ",
    "Before anything else, work out how many edges a cube has and keep that number in mind. ",
    "Part one: a choir of 18 voices splits into three equal groups. Part two builds on it. ",
)
_AFTER = (
    " Finally, add the number of legs of two spiders to your result and give the sum.",
    " With that result in hand, multiply it by the number of days in a week.",
    " Then subtract this from ten thousand and report what remains.",
)


@dataclass(frozen=True, slots=True)
class Leak:
    """A labelled problem: the original, a paraphrase of it, and where there are any a near miss and a translation."""

    half: Literal["tune", "report"]
    original: str
    paraphrase: str
    near: str | None = None
    language: str | None = None
    translation: str | None = None


@dataclass(frozen=True, slots=True)
class Planted:
    """A row that was planted: what kind of leak it is, of which item, and its statement."""

    kind: LeakKind
    item: int
    statement: str


@cache
def leaks() -> tuple[Leak, ...]:
    """The labelled problems; the half `tune` has calibrated the rule, the half `report` has not."""
    text = (files("catena.validators") / "planted_leaks.json").read_text(encoding="utf-8")
    return tuple(Leak(**row) for row in json.loads(text))


def plant(items: Sequence[str], count: int, seed: int = 0) -> list[Planted]:
    """Copies of `count` items in each kind that can be made by rule, or of all items where there are fewer.

    An item without a number is not renumbered.
    """
    stream = stream_for(seed, "plant", len(items))
    chosen = sorted(stream.sample(range(len(items)), min(count, len(items))))
    planted = []
    for item in chosen:
        statement = items[item]
        planted.append(Planted("verbatim", item, _reshaped(statement)))
        if _NUMBER.search(statement):
            planted.append(Planted("renumbered", item, renumbered(statement, seed + item)))
        planted.append(Planted("chained", item, chained(statement, seed + item)))
    return planted


def labelled(first_item: int, half: Literal["tune", "report"] = "report") -> tuple[list[str], list[Planted]]:
    """Originals of a half, to be added to the items from number `first_item` on, and what is planted of them."""
    own = [leak for leak in leaks() if leak.half == half]
    planted: list[Planted] = []
    for item, leak in enumerate(own, start=first_item):
        planted.append(Planted("paraphrased", item, leak.paraphrase))
        if leak.translation is not None:
            planted.append(Planted("translated", item, leak.translation))
        if leak.near is not None:
            planted.append(Planted("near miss", item, leak.near))
    return [leak.original for leak in own], planted


def renumbered(statement: str, seed: int) -> str:
    """The statement with another number for each that it prints: as many digits before and behind the point, never the same."""
    stream = stream_for(seed, "renumber", statement)

    def other(match: re.Match[str]) -> str:
        whole, point, behind = match[0].replace(",", "").partition(".")
        low = 10 ** (len(whole) - 1) if len(whole) > 1 else 1
        value = stream.randrange(low, 10 ** len(whole))
        value = value if value != int(whole) else (value + 1 if value + 1 < 10 ** len(whole) else low)
        return f"{value:,}" if "," in match[0] else f"{value}{point}{behind}"

    return _NUMBER.sub(other, statement)


def chained(statement: str, seed: int) -> str:
    """The statement inside a longer problem; where it prints several numbers, one of them is a result of the part before."""
    stream = stream_for(seed, "chain", statement)
    found = list(_NUMBER.finditer(statement))
    if len(found) > 2:
        at = found[stream.randrange(len(found))]
        statement = f"{statement[: at.start()]}X (the result of the first part){statement[at.end() :]}"
    return stream.choice(_BEFORE) + statement + stream.choice(_AFTER)


def _reshaped(statement: str) -> str:
    return "  " + statement.replace(" ", "  ").upper() + "\n"
