"""What two names have in common and what they do not: words, numbers, order, parentheses.

Nothing is decided here (see `catena.taxonomy.deciding`) and no model is used.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from catena.taxonomy.names import Name
from catena.taxonomy.words import words

_FAMILY_STEM = 4
"""Letters that two words of one family share at least."""

_JOINING = frozenset(",:;/&-") | {"and", "or"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two names side by side.

    Attributes:
        equal: Equal but for spelling, plural, hyphens, word order and parentheses; beside an abbreviation also but for
            light words.
        shared: Words that both have, loosely matched ones included.
        loose: Of those, how many are matched as a family ("enzymes", "enzymatic") and not as the same word.
        abbreviated: Of those, how many stand in one name as an abbreviation.
        only_a, only_b: Words that the other name has nothing for; light words are not among them.
        light_a, light_b: Light words ("theory", "methods") that the other name has nothing for.
        opposites: Two of the words that exclude each other ("supervised", "unsupervised"); None where there are none.
        numbers: `equal`, `extra` on one side, or `differ`.
        member_apart: Whether something that one name joins with "and" or a comma has no word in the other.
        turned: Whether the same words stand in another direction ("history of philosophy").
        heads: Whether they are about the same kind of thing, by their last words.
        extras: What the parentheses do: `none`, `one` side has them, `same` words, `overlap`, `differ`, or `alias`: they
            name the other.
    """

    equal: bool
    shared: int
    loose: int
    abbreviated: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    light_a: tuple[str, ...]
    light_b: tuple[str, ...]
    opposites: tuple[str, str] | None
    numbers: str
    member_apart: bool
    turned: bool
    heads: bool
    extras: str


def compare(a: Name, b: Name) -> Comparison:
    """`a` and `b` side by side; symmetric up to the names of the sides."""
    rest_a, rest_b, loose, abbreviated = _match(a, b)
    shared = min(len(a.words) - len(rest_a), len(b.words) - len(rest_b))
    opposites = _opposites(rest_a, rest_b)
    numbers = _numbers(a.numbers, b.numbers)
    complete = not rest_a and not rest_b
    turned = complete and not abbreviated and _turned(a, b)
    light_a, light_b = _light(a), _light(b)
    heavy_a, heavy_b = (
        tuple(word for word in rest if word not in light) for rest, light in ((rest_a, light_a), (rest_b, light_b))
    )
    same_words = complete or (abbreviated and not heavy_a and not heavy_b)
    return Comparison(
        equal=a.core == b.core or bool(same_words and not loose and not turned and numbers == "equal"),
        shared=shared,
        loose=loose,
        abbreviated=abbreviated,
        only_a=heavy_a,
        only_b=heavy_b,
        light_a=tuple(word for word in rest_a if word in light_a),
        light_b=tuple(word for word in rest_b if word in light_b),
        opposites=opposites,
        numbers=numbers,
        member_apart=_member_apart(a, heavy_a) or _member_apart(b, heavy_b),
        turned=turned,
        heads=_same_heads(a, b),
        extras=_extras(a, b),
    )


def _light(name: Name) -> frozenset[str]:
    """The light words, without those that are what `name` is about: in "systems of equations" a system is."""
    return words().light - (words().collective & name.heads)


def _match(a: Name, b: Name) -> tuple[list[str], list[str], int, int]:
    """Words of `a` and of `b` left over, and how many were matched loosely and by initials."""
    common = Counter(a.words) & Counter(b.words)
    rest_a, rest_b = _without(a.words, common), _without(b.words, common)
    if not rest_a or not rest_b:
        return rest_a, rest_b, 0, 0
    if _abbreviates(a, b) or _abbreviates(b, a):
        return [], [], 0, 1
    _match_joined(rest_a, rest_b)
    _match_joined(rest_b, rest_a)
    abbreviated = _match_initials(a, rest_a, rest_b) + _match_initials(b, rest_b, rest_a)
    if abbreviated and not _trusted(a, b, rest_a, rest_b):
        rest_a, rest_b, abbreviated = _without(a.words, common), _without(b.words, common), 0
    loose = 0
    for word in list(rest_a):
        relative = next((other for other in rest_b if _related(word, other)), None)
        if relative is not None:
            rest_a.remove(word)
            rest_b.remove(relative)
            loose += 1
    return rest_a, rest_b, loose, abbreviated


def _abbreviates(a: Name, b: Name) -> bool:
    """Whether `a` is nothing but the initials of `b`, small words and all: "DOS", "density of states"."""
    return len(a.text) > 2 and a.initials == {a.plain} and a.plain == "".join(word[0] for word in b.plain.split())


def _without(found: tuple[str, ...], common: Counter[str]) -> list[str]:
    left = Counter(common)
    rest = []
    for word in found:
        if left[word]:
            left[word] -= 1
        else:
            rest.append(word)
    return rest


def _match_joined(rest: list[str], other: list[str]) -> None:
    """Takes out of both what is two words in `rest` and one in `other`."""
    for first, second in zip(list(rest), rest[1:], strict=False):
        if first + second in other and first in rest and second in rest:
            other.remove(first + second)
            rest.remove(first)
            rest.remove(second)


def _match_initials(name: Name, rest: list[str], other: list[str]) -> int:
    """Takes out of both what is an abbreviation in `rest` and its words in `other`; how many abbreviations."""
    found = 0
    for word in [word for word in rest if word in name.initials]:
        for start in range(len(other)):
            end = _spelled(word, other, start)
            if end is not None:
                rest.remove(word)
                del other[start:end]
                found += 1
                break
    return found


def _spelled(short: str, full: list[str], start: int) -> int | None:
    """Where the words from `start` end that `short` abbreviates: at least two, each with its first letter.

    A last s is a plural where nothing begins with it: "EELS" is electron energy loss spectroscopy, "GANs" are networks.
    """
    end = _spelled_by(short, full, start)
    return end if end is not None or len(short) <= 3 else _spelled_by(short.rstrip("s"), full, start)


def _spelled_by(letters: str, full: list[str], start: int) -> int | None:
    at, index = start, 0
    while index < len(letters):
        if at == len(full) or full[at][0] != letters[index]:
            return None
        index += 1
        last = at == len(full) - 1 or index == len(letters) or full[at + 1][0] != letters[index]
        if last and index < len(letters):  # further letters from inside the word: MEMS, QED
            inside = full[at].find(letters[index], 1)
            while index < len(letters) and inside > 0:
                index += 1
                inside = full[at].find(letters[index], inside + 1) if index < len(letters) else -1
        at += 1
    return at if at - start >= 2 else None


def _trusted(a: Name, b: Name, rest_a: list[str], rest_b: list[str]) -> bool:
    """Two letters alone spell too many things: they count only beside other words that are the same in both."""
    alone = min(len(a.words), len(b.words)) == 1
    short = max((len(word) for word in (*a.initials, *b.initials)), default=0) <= 2
    return not (alone and short)


@lru_cache(maxsize=200_000)
def _related(x: str, y: str) -> bool:
    """Whether two words are of one family, or on one line of a group."""
    if x.replace("oe", "o").replace("ue", "u").replace("ae", "a") == y.replace("oe", "o").replace("ue", "u").replace(
        "ae", "a"
    ):
        return True
    table = words()
    if set(table.members.get(x, ())) & set(table.members.get(y, ())):
        return True
    if x in table.synonyms and table.synonyms[x] & table.synonyms.get(y, frozenset()):
        return True
    stem = next((at for at, (one, other) in enumerate(zip(x, y, strict=False)) if one != other), min(len(x), len(y)))
    if stem < _FAMILY_STEM or 2 * stem < min(len(x), len(y)):
        return False
    return any(x[at:] in table.endings and y[at:] in table.endings for at in range(stem, _FAMILY_STEM - 1, -1))


def _opposites(rest_a: list[str], rest_b: list[str]) -> tuple[str, str] | None:
    return next(((x, y) for x in rest_a for y in rest_b if _exclude(x, y)), None)


@lru_cache(maxsize=500_000)
def _exclude(x: str, y: str) -> bool:
    """Whether `x` and `y` cannot stand for the same: another prefix, or another line of a group."""
    table = words()
    lines = dict(table.members.get(x, ()))
    if any(lines.get(group, line) != line for group, line in table.members.get(y, ())):
        return True
    tail = 0
    while tail < min(len(x), len(y)) and x[-1 - tail] == y[-1 - tail]:
        tail += 1
    prefixes = table.prefixes | table.prepositions | {"", "off"}
    return any(
        x[: len(x) - size] in prefixes and y[: len(y) - size] in prefixes and x != y for size in range(tail, 3, -1)
    )


def _numbers(a: tuple[str, ...], b: tuple[str, ...]) -> str:
    """`equal`, `extra` on one side, or `differ`; years on one side only are no difference."""
    if a == b:
        return "equal"
    only_a, only_b = Counter(a) - Counter(b), Counter(b) - Counter(a)
    if only_a and only_b:
        return "differ"
    return "equal" if all(len(number) == 4 for number in only_a + only_b) else "extra"


def _turned(a: Name, b: Name) -> bool:
    """Whether the same words have another direction: another head, or swapped about the same prepositions."""
    if a.words != b.words and len(a.members) != len(b.members) and not a.joints and not b.joints:
        return True  # "functions and equations", "functional equations"
    if a.order == b.order or len(a.order) != len(b.order):
        return False
    if all(one == other or _related(one, other) for one, other in zip(a.order, b.order, strict=True)):
        return False
    if not _same_heads(a, b):
        return not (_names_doing(a, b) or _names_doing(b, a))
    return bool(a.joints) and a.joints == b.joints


def _names_doing(a: Name, b: Name) -> bool:
    """Whether `a` begins with the doing that `b` is about: "measuring poverty", "measurement of poverty"."""
    first = a.words[0]
    return first.endswith("ing") and any(first != head and _related(first, head) for head in b.heads)


def _member_apart(name: Name, only: tuple[str, ...]) -> bool:
    light = words().light
    kept = [[word for word in member if word not in light] for member in name.members]
    return any(member and set(member) <= set(only) for member in kept)


def _same_heads(a: Name, b: Name) -> bool:
    return any(x == y or _related(x, y) for x in a.heads for y in b.heads)


def _extras(a: Name, b: Name) -> str:
    if not a.extras and not b.extras:
        return "none"
    if any(_is_alias(one, extra, other) for one, other in ((a, b), (b, a)) for extra in one.extras):
        return "alias"
    if not (a.extras and b.extras):
        return "one"
    in_a, in_b = (frozenset(word for extra in name.extras for word in extra) - _JOINING for name in (a, b))
    return "same" if in_a == in_b else "overlap" if in_a & in_b else "differ"


def _is_alias(one: Name, extra: tuple[str, ...], other: Name) -> bool:
    """Whether `other` is what stands in the parentheses of `one`, and that is short for `one` or the other way."""
    if " ".join(extra) != other.key or other.extras:
        return False
    short, full = sorted((one.words, extra), key=len)
    return len(short) == 1 and _spelled(short[0], list(full), 0) is not None
