"""Which rows of any data set stand in benchmarks: all stages, over any number of rows.

Three depths. `words`: copies, renumbered ones, and those inside a longer text, of every row. `meaning`: then paraphrases too, among
rows that share rare words and numbers with an item; at most `most_embedded` rows are embedded, the likeliest first. `full`: every
row that is no copy is embedded, which finds paraphrases that share neither. Not here: reading rows and printing.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from catena.sentence_embeddings import Embedder
from catena.validators.contamination import places
from catena.validators.contamination_meaning import Meanings, Near, PairJudge
from catena.validators.contamination_words import WordIndex
from catena.validators.near_words import WordReader, in_parts
from catena.validators.planted_leaks import LEAK_KINDS, LeakKind, Planted

Depth = Literal["words", "meaning", "full"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)
FoundKind = Literal["copy", "renumbered", "paraphrase"]
MOST_EMBEDDED = 20_000
"""Rows that are embedded at depth `meaning`; two busy cores embedded 13 to 50 a second."""

_LONGEST = 20_000
"""Characters that are kept of a row until it is embedded; the embedder reads fewer."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row that stands in a benchmark.

    Attributes:
        row: Its number, from 0.
        benchmark: The benchmark's name.
        item: Number of the item there, from 0.
        kind: How it was found: its words, its words with numbers masked, or its meaning.
        similarity: Share of the item's word 5-grams; for a paraphrase the cosine of the embeddings.
        probability: That it is the item, by the rule; 1 for words.
    """

    row: int
    benchmark: str
    item: int
    kind: FoundKind
    similarity: float
    probability: float


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found.

    Attributes:
        num_rows: Rows that were searched.
        found: Rows that stand in a benchmark, in their order, each with its likeliest item.
        highest_share: The highest share of an item's word 5-grams in any row, found or not, in [0, 1]; below a quarter it is 0.
        highest_cosine: The highest cosine of a row with an item that it was compared with, found or not; None: none was.
        near: Rows that the rule could call.
        embedded: How many of them were embedded.
    """

    num_rows: int
    found: tuple[Found, ...]
    highest_share: float
    highest_cosine: float | None
    near: int
    embedded: int


@dataclass(slots=True)
class Search:
    """A search through rows: `add` them in parts, then `finish`.

    Args:
        benchmarks: Statements by benchmark.
        depth: How deep to look.
        answers: The items' answers by benchmark, as evidence about paraphrases; empty texts where unknown, or none at all.
        embedder: What embeds; needed but for depth `words`.
        judge: Who is asked about pairs that the rule is unsure of; None asks nobody.
        most_embedded: Rows embedded at depth `meaning`.

    Raises:
        ValueError: A setting is out of its range, or an embedder is missing.
    """

    benchmarks: Mapping[str, Sequence[str]]
    depth: Depth = "words"
    embedder: Embedder | None = None
    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    judge: PairJudge | None = None
    most_embedded: int = MOST_EMBEDDED
    _found: dict[int, Found] = field(default_factory=dict)
    _near: list[tuple[float, int, str, str, tuple[Near, ...]]] = field(default_factory=list)
    _num_near: int = 0
    _embedded: int = 0
    _count: int = 0
    _share: float = 0.0
    _cosine: float | None = None
    _reader: WordReader = field(default_factory=WordReader)
    _places: list[tuple[str, int]] = field(init=False)
    _index: WordIndex = field(init=False)
    _meanings: Meanings | None = field(init=False)

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise ValueError(f"depth must be one of {', '.join(DEPTHS)}, got {self.depth!r}")
        if self.most_embedded < 0:
            raise ValueError(f"most_embedded must be at least 0, got {self.most_embedded}")
        if self.depth != "words" and self.embedder is None:
            raise ValueError(f"depth {self.depth!r} needs an embedder")
        items = [statement for own in self.benchmarks.values() for statement in own]
        self._places = places(self.benchmarks)
        self._index = WordIndex(items, self._reader)
        known = [
            answer for name, own in self.benchmarks.items() for answer in self.answers.get(name) or [""] * len(own)
        ]
        self._meanings = None if self.embedder is None else Meanings(items, self.embedder, known, judge=self.judge)

    def add(self, statements: Sequence[str], answers: Sequence[str] = ()) -> None:
        """Searches rows, in their order; at depth `meaning` the statements of the likeliest are kept for `finish`.

        Args:
            statements: The rows.
            answers: Their answers, empty texts where unknown; none at all will do.
        """
        answers = answers or [""] * len(statements)
        words = self._reader.read(statements)
        copies = set()
        for shared in self._index.search(words):
            self._share = max(self._share, shared.share)
            if shared.found:
                copies.add(shared.row)
                kind: FoundKind = "renumbered" if shared.masked else "copy"
                self._add(self._count + shared.row, shared.item, kind, shared.share, 1.0)
        if self.depth == "meaning":
            self._keep_near(statements, answers, copies, self._meaning.pairs(words, answers))
        elif self.depth == "full":
            rest = [row for row in range(len(statements)) if row not in copies]
            self._compare_all(
                [statements[row] for row in rest], [answers[row] for row in rest], [self._count + row for row in rest]
            )
        self._count += len(statements)

    def finish(self) -> Searched:
        """What was found."""
        chosen = sorted(((-entry[1], *entry[2:]) for entry in self._near), key=lambda entry: entry[0])
        self._near = []
        for start in range(0, len(chosen), 4096):
            part = chosen[start : start + 4096]
            pairs = [Near(at, one.item, one.probability) for at, (*_, own) in enumerate(part) for one in own]
            statements, answers = [one[1] for one in part], [one[2] for one in part]
            self._take([one[0] for one in part], self._meaning.decide(statements, pairs, answers))
        self._embedded += len(chosen)
        found = tuple(self._found[row] for row in sorted(self._found))
        return Searched(self._count, found, self._share, self._cosine, self._num_near, self._embedded)

    @property
    def _meaning(self) -> Meanings:
        assert self._meanings is not None
        return self._meanings

    def _keep_near(
        self, statements: Sequence[str], answers: Sequence[str], copies: set[int], pairs: Iterable[Near]
    ) -> None:
        by_row: dict[int, list[Near]] = {}
        for one in pairs:
            if one.row not in copies:
                by_row.setdefault(one.row, []).append(one)
        self._num_near += len(by_row)
        for row, own in by_row.items():
            # the likeliest rows; of equally likely ones the earlier
            entry = (
                own[0].probability,
                -(self._count + row),
                statements[row][:_LONGEST],
                answers[row][-_LONGEST:],
                tuple(own),
            )
            if len(self._near) < self.most_embedded:
                heapq.heappush(self._near, entry)
            elif self._near and entry[:2] > self._near[0][:2]:
                heapq.heapreplace(self._near, entry)

    def _compare_all(self, statements: Sequence[str], answers: Sequence[str], rows: Sequence[int]) -> None:
        if statements:
            pairs, vectors = self._meaning.neighbours(statements)
            self._num_near += len(statements)
            self._embedded += len(statements)
            self._take(rows, self._meaning.decide(statements, pairs, answers, vectors))

    def _take(self, rows: Sequence[int], decided: Iterable[Near]) -> None:
        for one in decided:
            self._cosine = one.cosine if self._cosine is None else max(self._cosine, one.cosine)
            if one.called:
                self._add(rows[one.row], one.item, "paraphrase", one.cosine, one.probability)

    def _add(self, row: int, item: int, kind: FoundKind, similarity: float, probability: float) -> None:
        benchmark, number = self._places[item]
        self._found[row] = Found(row, benchmark, number, kind, round(similarity, 4), round(probability, 4))


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of the planted leaks of a kind were found, and how many of those in the item that they were made of."""

    kind: LeakKind
    planted: int
    found: int
    right_item: int


def search(
    statements: Iterable[str],
    benchmarks: Mapping[str, Sequence[str]],
    depth: Depth = "words",
    embedder: Embedder | None = None,
) -> Searched:
    """The rows among `statements` that stand in `benchmarks`; arguments and errors as of `Search`."""
    searching = Search(benchmarks, depth, embedder)
    for part in in_parts(statements):
        searching.add(part)
    return searching.finish()


def planted_recall(
    items: Sequence[str],
    planted: Sequence[Planted],
    *,
    answers: Sequence[str] = (),
    depth: Depth = "words",
    embedder: Embedder | None = None,
    judge: PairJudge | None = None,
) -> list[Recall]:
    """What a search finds of planted leaks, by kind in the order of `LEAK_KINDS`; kinds that were not planted are left out.

    With `answers` of the items, a planted leak has the answer of its item, but a renumbered or chained one has none, and a near
    miss another one.
    """
    searching = Search({"": items}, depth, embedder, {"": answers}, judge, len(planted))
    searching.add([one.statement for one in planted], [_answer(one, answers) for one in planted] if answers else ())
    found = searching.finish().found
    total = Counter(one.kind for one in planted)
    hits = Counter(planted[one.row].kind for one in found)
    right = Counter(planted[one.row].kind for one in found if planted[one.row].item == one.item)
    return [Recall(kind, total[kind], hits[kind], right[kind]) for kind in LEAK_KINDS if total[kind]]


def _answer(planted: Planted, answers: Sequence[str]) -> str:
    if planted.kind in ("renumbered", "chained"):
        return ""
    return f"not {answers[planted.item]}" if planted.kind == "near miss" else answers[planted.item]
