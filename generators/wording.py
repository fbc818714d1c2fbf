"""How a chain is said: as prose in lettered parts, or compactly for tiny students.

A carried quantity stands as a capital letter in its sentence and is introduced by what it is: "Let P be 7 less than
the number of eggs found in Part A". The statement prints no answer of any part; the solution works out each.
"""

from collections.abc import Sequence
from functools import cache
from random import Random

from catena.adapters import describe, symbols
from catena.generators.graph_parts import Part
from catena.records import Link
from catena.values import say

LETTERS = "PQRSTUVWYZKLMNHJ"
"""Names of carried quantities; A to D and the usual variable names of physics and algebra are left out."""

INTRODUCTIONS = ("Let {letter} be {what}. ", "Here {letter} stands for {what}. ", "Take {letter} to be {what}. ")
_OPENINGS = (
    "",
    "Work through the parts in order; each one after the first uses an earlier answer.\n",
    "This problem has {parts} linked parts.\n",
)
_REQUESTS = (
    "Give the answer to Part {part}.",
    "What is the answer to Part {part}?",
    "Report only the answer to Part {part}.",
)
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty"]


@cache
def number_word(number: int) -> str:
    """`seven`, `thirty-two`; up to 69. Words, because a digit could be mistaken for an answer."""
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")


@cache
def part_name(index: int) -> str:
    """`A` for the first node, `B` for the second, ...; `AA` after `Z`."""
    first, second = divmod(index, 26)
    return (chr(ord("A") + first - 1) if first else "") + chr(ord("A") + second)


@cache
def quantity_name(index: int) -> str:
    """The name of the first carried quantity, of the second, ...; `P_a` after the last letter, without digits."""
    rounds, place = divmod(index, len(LETTERS))
    return LETTERS[place] + (f"_{chr(ord('a') + rounds - 1)}" if rounds else "")


def prose(steps: Sequence[Part], rng: Random) -> tuple[str, str]:
    """Statement and worked solution of a chain; a single node is said without parts."""
    if len(steps) == 1:
        return _sentence(steps[0], None), steps[0].prepared.source.steps(**steps[0].values)
    choice = int(rng.random() * 27)
    introduction = INTRODUCTIONS[choice % 3]
    statement = [_OPENINGS[choice // 3 % 3].format(parts=number_word(len(steps)))]
    solution = []
    for index, step in enumerate(steps):
        name, source, link = part_name(index), step.prepared.source, step.link
        worked = source.steps(**step.values)
        if link is None:
            statement.append(f"Part {name}: {_sentence(step, None)}\n")
            solution.append(f"Part {name}: {worked}")
            continue
        letter, parent = quantity_name(index - 1), steps[link.parent]
        reference = f"{parent.prepared.source.noun} found in Part {part_name(link.parent)}"
        what = introduction.format(letter=letter, what=describe(link.adapter, reference))
        statement.append(f"Part {name}: {what}{_sentence(step, letter)}\n")
        solution.append(f"Part {name}: {_carried(step, link, letter, parent)} {worked}")
    statement.append(_REQUESTS[choice // 9].format(part=part_name(len(steps) - 1)))
    return "".join(statement), "\n".join(solution)


def _sentence(step: Part, letter: str | None) -> str:
    said = {name: value if type(value) is int else say(value) for name, value in step.values.items()}
    if letter is not None:
        said[step.links[0].parameter] = letter
    return step.prepared.source.wordings[step.wording].format_map(said)


def _carried(step: Part, link: Link, letter: str, parent: Part) -> str:
    """`P = 573 - 500 = 73.`, or in words where the adapter is no plain sum."""
    value = say(step.values[link.parameter])
    answer = say(parent.answer)
    arithmetic = symbols(link.adapter, answer)
    if not arithmetic:
        return f"{letter} is {describe(link.adapter, answer)}, so {letter} = {value}."
    return f"{letter} = {arithmetic}." if arithmetic == value else f"{letter} = {arithmetic} = {value}."
