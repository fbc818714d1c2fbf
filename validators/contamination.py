"""Whether a problem stands in a benchmark: by the word n-grams that both hold.

Numbers are masked for a second comparison, so that a benchmark's problem with new numbers is found too. Not here: paraphrases
and translations, which share no words.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

CONTAMINATED = "in a benchmark"
_N = 8
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_MASK = "0"


@dataclass(frozen=True, slots=True)
class Match:
    """What a problem was found in.

    Attributes:
        benchmark: Its name.
        item: Number of the item there, from 0.
        share: Share of the item's n-grams that the problem holds, in (0, 1].
        masked: Whether numbers had to be masked to find it.
    """

    benchmark: str
    item: int
    share: float
    masked: bool


class Benchmarks:
    """The n-grams of benchmark items.

    Args:
        items: Statements by benchmark.
        least: Share of an item's n-grams from which it counts as found, in (0, 1]; with masked numbers the share must be
            `least_masked`, since problems of one kind share their wording.
    """

    def __init__(self, items: Mapping[str, Sequence[str]], *, least: float = 0.5, least_masked: float = 0.8) -> None:
        self._least = (least, least_masked)
        self._items: list[tuple[str, int, int, int]] = []
        self._grams: tuple[dict[bytes, list[int]], dict[bytes, list[int]]] = ({}, {})
        for name, statements in items.items():
            for number, statement in enumerate(statements):
                self._add(name, number, statement)

    def find(self, statement: str) -> Match | None:
        """The item that most of whose n-grams stand in `statement`; None where none reaches the share."""
        best: Match | None = None
        for masked, known in enumerate(self._grams):
            hits = Counter(
                item for gram in _all_grams(_words(statement, mask=bool(masked))) for item in known.get(gram, ())
            )
            for item, count in hits.items():
                name, number, *sizes = self._items[item]
                share = count / sizes[masked]
                if share >= self._least[masked] and (best is None or share > best.share):
                    best = Match(name, number, share, bool(masked))
            if best is not None:
                return best
        return None

    def _add(self, name: str, number: int, statement: str) -> None:
        sizes = []
        for masked, known in enumerate(self._grams):
            grams = set(_grams(_words(statement, mask=bool(masked))))
            sizes.append(max(1, len(grams)))
            for gram in grams:
                known.setdefault(gram, []).append(len(self._items))
        self._items.append((name, number, sizes[0], sizes[1]))


def _words(statement: str, *, mask: bool) -> list[str]:
    words = _WORD.findall(unicodedata.normalize("NFKC", statement).casefold())
    return [_MASK if mask and word[0].isdigit() else word for word in words]


def _grams(words: Sequence[str]) -> Iterable[bytes]:
    """The n-grams of an item; one that is shorter is one gram of its own length."""
    size = min(_N, len(words))
    return (_hash(words[at : at + size]) for at in range(len(words) - size + 1)) if size else ()


def _all_grams(words: Sequence[str]) -> set[bytes]:
    """The n-grams of a problem, of the full length and of the lengths of shorter items (at least three words)."""
    return {_hash(words[at : at + size]) for size in range(3, _N + 1) for at in range(len(words) - size + 1)}


def _hash(words: Sequence[str]) -> bytes:
    return blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).digest()
