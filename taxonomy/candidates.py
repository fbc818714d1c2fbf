"""Which pairs of a long list of names are worth a decision.

Nearest neighbours in the embedding space (FAISS, exact search) and blocks of names that share rare words, initials or
what stands in parentheses. What is never a candidate is never compared: on the labelled pairs of
`benchmarks/taxonomy` 99 % of the duplicates are candidates. The exact search grows with the square of the number of
different names: about a minute for 100,000 on two cores.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from catena.errors import UserError
from catena.taxonomy.embeddings import SIMILARITY_DIGITS, Vectors
from catena.taxonomy.names import Name
from catena.taxonomy.words import words

NEIGHBOURS = 10
"""Nearest neighbours of each name that become candidates."""

FLOOR = 0.55
"""Cosine from which a neighbour becomes a candidate; below it only shared words, initials or parentheses count."""

_LARGEST_BLOCK = 60
"""Names that share a word at most; a more frequent word says too little, and its pairs grow with the square."""

_OVERLAP = 0.6
"""Share of words that two names of a block have in common at least (Jaccard)."""

Pairs = set[tuple[int, int]]


def candidates(names: Sequence[Name], vectors: Vectors) -> list[tuple[int, int]]:
    """Pairs of positions in `names`, the smaller first, sorted.

    Empty names are passed over. Names with equal keys are one name here: each is paired with the first of its kind, and
    only that one is compared with others.

    Args:
        names: What is compared.
        vectors: Unit vectors [num_names, num_dimensions] of `Name.plain`.

    Raises:
        UserError: FAISS is not installed.
    """
    first: dict[str, int] = {}
    found: Pairs = set()
    for at, name in enumerate(names):
        if not name.key:
            continue
        earlier = first.setdefault(name.key, at)
        if earlier != at:
            found.add((earlier, at))
    kept = list(first.values())
    found |= _near(kept, vectors)
    found |= _overlapping({at: names[at].words for at in kept})
    found |= _spelled_alike({at: names[at] for at in kept})
    found |= _abbreviated({at: names[at] for at in kept})
    return sorted(found)


def _near(kept: list[int], vectors: Vectors) -> Pairs:
    """Nearest neighbours above the floor."""
    if len(kept) < 2:
        return set()
    try:
        import faiss
    except ImportError as error:
        raise UserError(
            "near-duplicate names are searched with FAISS, but faiss-cpu is not installed; "
            "install it with: pip install 'catena[taxonomy]'"
        ) from error
    rows = np.ascontiguousarray(vectors[kept])
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    found: Pairs = set()
    for start in range(0, len(kept), 4096):
        scores, others = index.search(rows[start : start + 4096], min(NEIGHBOURS + 1, len(kept)))
        found |= _above_floor(kept, start, np.round(scores, SIMILARITY_DIGITS), others)
    return found


def _above_floor(kept: list[int], start: int, scores: NDArray[np.float32], others: NDArray[np.int64]) -> Pairs:
    found: Pairs = set()
    for row, column in zip(*np.nonzero(scores >= FLOOR), strict=True):
        one, other = kept[start + int(row)], kept[int(others[row, column])]
        if one != other:
            found.add((min(one, other), max(one, other)))
    return found


def _overlapping(found: dict[int, tuple[str, ...]]) -> Pairs:
    """Pairs that share at least `_OVERLAP` of their words.

    Two such sets share a word among the rarest few of each, so only those are looked up (prefix filter, Bayardo,
    Ma and Srikant 2007).
    """
    light = words().light
    sets = {at: frozenset(words_of) - light or frozenset(words_of) for at, words_of in found.items() if words_of}
    counts = Counter(word for words_of in sets.values() for word in words_of)
    blocks: dict[str, list[int]] = defaultdict(list)
    for at, words_of in sets.items():
        rarest = sorted(words_of, key=lambda word: (counts[word], word))
        needed = int(np.ceil(_OVERLAP * len(rarest)))
        for word in rarest[: len(rarest) - needed + 1]:
            blocks[word].append(at)
    return {
        pair
        for pair in _within(blocks.values())
        if len(sets[pair[0]] & sets[pair[1]]) >= _OVERLAP * len(sets[pair[0]] | sets[pair[1]])
    }


def _spelled_alike(names: dict[int, Name]) -> Pairs:
    """Pairs that are one string without spaces, or where one stands in the other's parentheses."""
    blocks: dict[str, list[int]] = defaultdict(list)
    for at, name in names.items():
        for key in {"".join((*name.order, *name.numbers)), name.core, *(" ".join(extra) for extra in name.extras)}:
            blocks[key].append(at)
    return set(_within(blocks.values()))


def _abbreviated(names: dict[int, Name]) -> Pairs:
    """Pairs where one has an abbreviation and the other words with its letters."""
    short: dict[str, list[int]] = defaultdict(list)
    for at, name in names.items():
        for word in {*name.initials, *(extra[0] for extra in name.extras if len(extra) == 1)}:
            short[word].append(at)
    spelled: dict[str, list[int]] = defaultdict(list)
    for at, name in names.items():
        letters_of = {*_initials(name.words), "".join(word[0] for word in name.plain.split())}
        for letters in letters_of & short.keys():
            spelled[letters].append(at)
    return {
        (min(one, other), max(one, other))
        for letters, full in spelled.items()
        if len(full) * len(short[letters]) <= _LARGEST_BLOCK**2
        for one in short[letters]
        for other in full
        if one != other
    }


def _initials(spoken: tuple[str, ...]) -> Iterable[str]:
    """What two words and more in a row begin with."""
    letters = "".join(word[0] for word in spoken)
    return (letters[start:end] for start in range(len(letters)) for end in range(start + 2, len(letters) + 1))


def _within(blocks: Iterable[list[int]]) -> Iterable[tuple[int, int]]:
    for block in blocks:
        if len(block) <= _LARGEST_BLOCK:
            yield from ((min(pair), max(pair)) for pair in combinations(block, 2))
