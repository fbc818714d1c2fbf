"""Statements as arrays of word hashes, with their numbers apart: what contamination and duplicates are compared by.

Words are compared as they look (NFKC, without what cannot be seen), case-folded and without the `s` of a plural; number words up to twenty and the like are numbers,
and 1,000.0 is 1000. A script without spaces is read character by character. Not here: what makes two statements equal.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from catena.validators.injection_views import as_seen

Hashes = NDArray[np.uint64]

MASK = np.uint64(0x9E3779B97F4A7C15)
"""Stands for every number in a masked statement."""

_WORD = re.compile(
    r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]+|[+*/^=<>%]|(?<=[\W\d])-(?=[\w(])"
)
_NUMBERS = {
    word: str(value)
    for value, word in enumerate(
        ["zero", "-", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    )
    if word != "-"  # `one` is more often a pronoun
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
    "hundred": "100", "thousand": "1000", "million": "1000000", "dozen": "12", "twice": "2", "double": "2", "doubled": "2",
    "triple": "3", "tripled": "3", "thrice": "3", "half": "0.5", "halved": "0.5", "quarter": "0.25", "fourth": "0.25",
    "third": "0.33", "fifth": "0.2", "sixth": "0.17", "eighth": "0.125", "tenth": "0.1",
}  # fmt: skip
_SAME = {"percent": "%", "per": "a", "an": "a"}
_MOST_KNOWN = 400_000
_PART = 2_000_000
_ODD = np.uint64(0x100000001B3)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of several statements, one after the other.

    Attributes:
        hashes [num_words]: One per word; equal words have equal ones.
        numeric [num_words]: Whether it is a number.
        starts [num_statements + 1]: Where each statement begins; the last is the number of words.
    """

    hashes: Hashes
    numeric: NDArray[np.bool_]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def masked(self) -> Hashes:
        """The words with every number replaced by `MASK` [num_words]."""
        return np.where(self.numeric, MASK, self.hashes)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The statement that each word belongs to [num_words]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def of(self, row: int) -> slice:
        """Where the words of a statement lie."""
        return slice(int(self.starts[row]), int(self.starts[row + 1]))


class WordReader:
    """Reads statements; words once seen are remembered, up to a bound."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, bool]] = {}

    def read(self, statements: Sequence[str]) -> Words:
        """The words of `statements`, in order; any strings will do."""
        found: list[tuple[int, bool]] = []
        starts = [0]
        for statement in statements:
            text = statement if statement.isascii() else as_seen(statement)
            known = self._known
            for word in _WORD.findall(text.casefold()):
                one = known.get(word)
                found.append(one if one is not None else self._learn(word))
            starts.append(len(found))
        hashes = np.fromiter((one[0] for one in found), np.uint64, len(found))
        numeric = np.fromiter((one[1] for one in found), np.bool_, len(found))
        return Words(hashes, numeric, np.array(starts, np.int64))

    def _learn(self, word: str) -> tuple[int, bool]:
        canonical, numeric = canonical_word(word)
        digest = blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=8, person=b"n" if numeric else b"w")
        one = int.from_bytes(digest.digest(), "little"), numeric
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        if len(word) <= 64:
            self._known[word] = one
        return one


def canonical_word(word: str) -> tuple[str, bool]:
    """How a case-folded word is compared, and whether it is a number: `1,000.0` is 1000, `twice` is 2, `cats` is cat."""
    if word[0].isdigit():
        plain = word.replace(",", "")
        if "." in plain:
            plain = plain.rstrip("0").rstrip(".")
        plain = plain.lstrip("0") or "0"
        return f"0{plain}" if plain[0] == "." else plain, True
    if (value := _NUMBERS.get(word) or _NUMBERS.get(word.removesuffix("s"))) is not None:
        return value, True
    if word.endswith("s") and len(word) > 3 and not word.endswith("ss"):
        word = word[:-1]
    return _SAME.get(word, word), False


def in_parts(statements: Iterable[str], most: int = 4096) -> Iterator[list[str]]:
    """The statements in parts of at most `most` and about two million characters, so that memory stays bounded."""
    part: list[str] = []
    size = 0
    for statement in statements:
        part.append(statement)
        size += len(statement)
        if len(part) >= most or size >= _PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def grams(hashes: Hashes, size: int) -> Hashes:
    """A hash of each window of `size` words [num_words - size + 1]; empty where there are fewer words.

    Windows that reach across two statements are among them; the caller leaves them out.
    """
    count = len(hashes) - size + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    total = np.zeros(count, np.uint64)
    for offset in range(size):
        total *= _ODD
        total += mixed(hashes[offset : offset + count])
    return mixed(total)


def mixed(values: Hashes) -> Hashes:
    """Each value with its bits spread (the finalizer of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def whole(values: Hashes, starts: NDArray[np.int64]) -> Hashes:
    """One hash of each statement's sequence of words [num_statements]; 0 for a statement without words."""
    position = np.arange(len(values), dtype=np.int64) - np.repeat(starts[:-1], np.diff(starts))
    placed = mixed(values + mixed(position.astype(np.uint64) + np.uint64(1)))
    return _summed(placed, starts)


def number_bags(words: Words) -> Hashes:
    """One hash of the numbers of each statement, whatever their order [num_statements]; 0 where it has none."""
    return _summed(np.where(words.numeric, mixed(words.hashes), np.uint64(0)), words.starts)


def _summed(values: Hashes, starts: NDArray[np.int64]) -> Hashes:
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    total: Hashes = running[starts[1:]] - running[starts[:-1]]
    return total
