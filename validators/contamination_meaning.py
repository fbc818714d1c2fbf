"""Second and third stage of contamination: neighbours of an item in words, numbers and meaning, and the rule that decides.

Two ways to the neighbours. Of many rows, those are embedded that share so many rare words and numbers with an item that the rule
could call them (`pairs`, then `decide`). Of few rows, all are embedded, and FAISS finds the nearest items (`neighbours`), so
that paraphrases are found that share neither. Not here: copies (`contamination_words`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from catena.errors import UserError
from catena.sentence_embeddings import SIMILARITY_DIGITS, Embedder, Vectors
from catena.validators.contamination_gate import Gate
from catena.validators.near_answers import AnswerEvidence, answer_key
from catena.validators.near_rule import HIGHEST_COSINE, Facts, Rule, facts_of, measure, shipped_rule
from catena.validators.near_words import WordReader, Words

NEIGHBOURS = 5
LEAST_SCORE, NUMBERS_WEIGH = 0.3, 0.4
"""Where the gate opens, chosen on the tune half of the labelled pairs: it gives the right item for 93 % of the paraphrases."""


class PairJudge(Protocol):
    """Who may be asked about a pair that the rule is unsure of, such as a model; statements are untrusted text."""

    def same(self, statement: str, item: str) -> bool | None:
        """Whether the statement is the item in other words; None: undecided, the rule stands."""
        ...


@dataclass(frozen=True, slots=True)
class Near:
    """A row and an item that may be one problem.

    Attributes:
        row: Number of the row among those given.
        item: Number of the item.
        probability: That they are one problem, in [0, 1]; before embedding, the most that it can be.
        cosine: Of their embeddings; what is assumed at most before embedding.
        called: Whether the rule, or the judge, says that they are one problem.
    """

    row: int
    item: int
    probability: float
    cosine: float = HIGHEST_COSINE
    called: bool = False


class Meanings:
    """Items, and what rows are compared with them by.

    Args:
        items: Statements.
        embedder: What embeds rows and items.
        answers: The items' answers, empty texts where unknown; none at all will do.
        rule: Who decides; None takes the shipped one, calibrated for the packaged embedder.
        judge: Who is asked where the rule is unsure; None asks nobody.
    """

    def __init__(
        self,
        items: Sequence[str],
        embedder: Embedder,
        answers: Sequence[str] = (),
        *,
        rule: Rule | None = None,
        judge: PairJudge | None = None,
    ) -> None:
        self._items, self._embedder, self._judge = items, embedder, judge
        self._answers = _keys(answers, len(items))
        self._evidence = AnswerEvidence(self._answers)
        self.rule = rule or shipped_rule()
        self._reader = WordReader()
        self._words = self._reader.read(items)
        self._gate = Gate(self._words, NUMBERS_WEIGH)
        self._facts: dict[int, Facts] = {}
        self._vectors: dict[int, Vectors] = {}
        self._faiss: Any = None

    def pairs(self, words: Words, answers: Sequence[str] = ()) -> list[Near]:
        """Rows with items that the rule could call one problem, whatever their embeddings; the likeliest item first."""
        keys = _keys(answers, len(words))
        facts: dict[int, Facts] = {}
        found = []
        for row, item in self._gate.near(words, LEAST_SCORE):
            if row not in facts:
                facts[row] = facts_of(words, row, self._gate.weight)
            told = self._evidence.of(keys[row], self._answers[item])
            at_most = self.rule.probability(measure(facts[row], self._fact(item), HIGHEST_COSINE), told)
            if self.rule.calls(at_most, told):
                found.append(Near(row, item, at_most))
        return sorted(found, key=lambda one: (one.row, -one.probability, one.item))

    def decide(
        self,
        statements: Sequence[str],
        pairs: Iterable[Near],
        answers: Sequence[str] = (),
        vectors: Vectors | None = None,
    ) -> list[Near]:
        """The likeliest item of each row that has a pair, with its probability, in the order of the rows.

        Args:
            statements: The rows that `pairs` speaks of by number.
            pairs: As from `pairs` or `neighbours`.
            answers: Of the rows, empty texts where unknown; none at all will do.
            vectors: Embeddings of `statements` where they are there already.
        """
        pairs = list(pairs)
        rows = sorted({one.row for one in pairs})
        place = {row: at for at, row in enumerate(rows)}
        own = self._embedder.embed([statements[row] for row in rows]) if vectors is None else vectors[rows]
        words = self._reader.read([statements[row] for row in rows])
        facts = [facts_of(words, at, self._gate.weight) for at in range(len(rows))]
        keys = _keys(answers, len(statements))
        self._embed({one.item for one in pairs})
        best: dict[int, Near] = {}
        for one in pairs:
            at = place[one.row]
            cosine = round(float(own[at] @ self._vectors[one.item]), SIMILARITY_DIGITS)
            told = self._evidence.of(keys[one.row], self._answers[one.item])
            probability = self.rule.probability(measure(facts[at], self._fact(one.item), cosine), told)
            near = Near(one.row, one.item, probability, cosine, self.rule.calls(probability, told))
            if one.row not in best or _order(near) > _order(best[one.row]):
                best[one.row] = near
        return [self._judged(statements, best[row]) for row in rows]

    def neighbours(self, statements: Sequence[str]) -> tuple[list[Near], Vectors]:
        """The items nearest to each row in meaning or in words, and the rows' embeddings [num_statements, num_dimensions]."""
        vectors = self._embedder.embed(statements)
        if not self._items:
            return [], vectors
        index = self._index()
        count = min(NEIGHBOURS, len(self._items))
        _, found = index.search(vectors, count)
        pairs = {(row, int(item)) for row, items in enumerate(found.tolist()) for item in items if item >= 0}
        pairs |= set(self._gate.near(self._reader.read(statements), LEAST_SCORE))
        return [Near(row, item, 1.0) for row, item in sorted(pairs)], vectors

    def _judged(self, statements: Sequence[str], near: Near) -> Near:
        unsure = 0.1 <= near.probability <= 0.9
        answer = self._judge.same(statements[near.row], self._items[near.item]) if self._judge and unsure else None
        return near if answer is None else Near(near.row, near.item, float(answer), near.cosine, answer)

    def _index(self) -> Any:
        if self._faiss is None:
            try:
                import faiss
            except ImportError as error:
                raise UserError(
                    "neighbours in meaning are found with faiss, which is not installed; "
                    "install it with: pip install 'catena[taxonomy]'"
                ) from error
            self._embed(set(range(len(self._items))))
            rows = np.stack([self._vectors[item] for item in range(len(self._items))])
            self._faiss = faiss.IndexFlatIP(rows.shape[1])
            self._faiss.add(rows)
        return self._faiss

    def _embed(self, items: set[int]) -> None:
        missing = sorted(items - self._vectors.keys())
        if missing:
            vectors = self._embedder.embed([self._items[item] for item in missing])
            self._vectors.update(zip(missing, vectors, strict=True))

    def _fact(self, item: int) -> Facts:
        if item not in self._facts:
            self._facts[item] = facts_of(self._words, item, self._gate.weight)
        return self._facts[item]


def _keys(answers: Sequence[str], count: int) -> Sequence[str | None]:
    return [answer_key(answer) for answer in answers] if answers else [None] * count


def _order(near: Near) -> tuple[bool, float, int]:
    return near.called, near.probability, -near.item
