"""Whether a problem stands in a benchmark: by the word 5-grams that both hold, with numbers masked where that is needed.

This first stage needs no model and takes a row at a time. Not here: paraphrases (`contamination_search`, which has all stages and
takes any number of rows).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catena.validators.contamination_words import WordIndex
from catena.validators.near_words import WordReader

CONTAMINATED = "in a benchmark"


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
    """

    def __init__(self, items: Mapping[str, Sequence[str]]) -> None:
        self._places = places(items)
        self._reader = WordReader()
        self._index = WordIndex([statement for own in items.values() for statement in own], self._reader)

    def find(self, statement: str) -> Match | None:
        """The item that most of whose n-grams stand in `statement`; None where none reaches the share."""
        for shared in self._index.search(self._reader.read([statement])):
            if shared.found:
                return Match(*self._places[shared.item], shared.share, shared.masked)
        return None


def places(items: Mapping[str, Sequence[str]]) -> list[tuple[str, int]]:
    """The benchmark and the number there of each item, in the order of `items`."""
    return [(name, number) for name, own in items.items() for number in range(len(own))]
