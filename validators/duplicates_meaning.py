"""Duplicates in meaning: rows whose embeddings are near each other, decided by the rule of `near_rule`.

Neighbours come from FAISS: exact up to 200,000 rows, inverted lists above, with product quantisation beyond a million, where
some neighbours are missed. Not here: duplicates in words (`duplicates_clusters`), which cost a hundredth.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catena.errors import UserError
from catena.sentence_embeddings import SIMILARITY_DIGITS, Embedder, Vectors
from catena.validators.contamination_gate import Gate
from catena.validators.duplicates_clusters import MEANING, Pair
from catena.validators.near_rule import Rule, facts_of, measure, shipped_rule
from catena.validators.near_words import WordReader

EXACT_UP_TO, WHOLE_UP_TO = 200_000, 1_000_000
"""Rows up to which the search is exact, and up to which vectors are kept whole."""
NEIGHBOURS = 8
LEAST_COSINE = 0.6
"""Pairs below it are not looked at."""
_AT_ONCE = 4096
_Int = NDArray[np.int64]


def meaning_pairs(
    statements: Sequence[str], rows: Sequence[int], embedder: Embedder, *, rule: Rule | None = None
) -> list[Pair]:
    """Pairs of rows that are one problem in other words, by their numbers; `Fingerprints.find` takes them.

    Args:
        statements: What is compared, without exact duplicates.
        rows: The number of each among all rows, ascending [num_statements].
        embedder: What embeds them; memory grows by 1.6 kB for each (384 dimensions).
        rule: Who decides; None takes the shipped one, calibrated for the packaged embedder.

    Raises:
        UserError: FAISS is not installed.
    """
    if len(statements) < 2:
        return []
    rule = rule or shipped_rule()
    vectors = embedder.embed(statements)
    words = WordReader().read(statements)
    weigh = Gate(words).weight
    found = []
    for first, second in neighbours(vectors):
        cosine = round(float(vectors[first] @ vectors[second]), SIMILARITY_DIGITS)
        if cosine < LEAST_COSINE:
            continue
        measures = measure(facts_of(words, first, weigh), facts_of(words, second, weigh), cosine)
        if rule.calls(rule.probability(measures)):
            found.append(Pair(rows[first], rows[second], MEANING, min(cosine, 1.0)))
    return found


def neighbours(vectors: Vectors) -> list[tuple[int, int]]:
    """Pairs of rows of `vectors` [num_rows, num_dimensions] of which one is among the nearest of the other, ascending.

    Raises:
        UserError: FAISS is not installed.
    """
    index = _index(vectors)
    count = min(NEIGHBOURS + 1, len(vectors))
    pairs = np.zeros((0, 2), np.int64)
    for start in range(0, len(vectors), _AT_ONCE):
        _, near = index.search(vectors[start : start + _AT_ONCE], count)
        rows = np.repeat(np.arange(start, start + len(near)), count)
        both = np.sort(np.stack([rows, near.reshape(-1)], axis=1), axis=1)
        pairs = np.concatenate([pairs, both[(both[:, 0] >= 0) & (both[:, 0] < both[:, 1])]])
    return [(int(a), int(b)) for a, b in np.unique(pairs, axis=0)]


def _index(vectors: Vectors) -> Any:
    try:
        import faiss
    except ImportError as error:
        raise UserError(
            "duplicates in meaning are found with faiss, which is not installed; "
            "install it with: pip install 'catena[taxonomy]'"
        ) from error
    size, dimensions = vectors.shape
    if size <= EXACT_UP_TO:
        index: Any = faiss.IndexFlatIP(dimensions)
    else:
        lists = int(4 * size**0.5)
        kind = f"IVF{lists},Flat" if size <= WHOLE_UP_TO else f"IVF{lists},PQ48"
        index = faiss.index_factory(dimensions, kind, faiss.METRIC_INNER_PRODUCT)
        index.train(vectors[:: max(1, size // (lists * 64))])
        index.nprobe = 16
    index.add(vectors)
    return index
