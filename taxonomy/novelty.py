"""Which concepts have been covered least: what a generator is to write about next.

An exact index of inner products over what was accepted: FAISS's flat one where it is installed, numpy's product otherwise.
Both give the same nearest vectors, and distances are computed from those once more in double precision, so that the order
does not depend on which one is there. Picks are made one at a time, each the farthest from everything accepted *and* from
the picks before it (farthest-first traversal, Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5): a batch differs within
itself. Not here: quotas (`allocation`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HAS_FAISS = find_spec("faiss") is not None
Embed = Callable[[list[str]], NDArray[np.float32]]
"""Texts to unit vectors [num_texts, dim]."""

FARTHEST = 2.0
"""Cosine distance of opposite vectors: that of everything while nothing is accepted."""
_PRODUCTS = 2**25
"""Inner products held at a time: 128 MiB."""
_DIGITS = 6
"""Distances that agree to so many decimals are ties: single precision tells no more."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A concept, its place in the list that was asked about, and its cosine distance to the nearest accepted text or
    earlier pick, in [0, 2]."""

    index: int
    concept: str
    distance: float


class Novelty:
    """Texts accepted so far: concepts, statements, or both. Memory grows by four bytes times dim a text.

    A concept counts as covered as far as something accepted lies near it: add each problem's concept beside its statement,
    since a long statement alone may lie far from the few words that it is about.
    """

    def __init__(self, embed: Embed, *, use_faiss: bool | None = None) -> None:
        """An empty index; `use_faiss` None takes FAISS where it is installed.

        Raises:
            ValueError: FAISS is asked for and not installed.
        """
        if use_faiss and not _HAS_FAISS:
            raise ValueError(
                "use_faiss is True, but FAISS is not installed; run 'pip install faiss-cpu' or leave it out"
            )
        self._embed = embed
        self._index: _FaissIndex | _NumpyIndex
        self._index = _FaissIndex() if (_HAS_FAISS if use_faiss is None else use_faiss) else _NumpyIndex()

    def __len__(self) -> int:
        return self._index.size

    def add(self, texts: Sequence[str]) -> None:
        """Counts `texts` as accepted from now on.

        Raises:
            ValueError: `embed` gave other than one finite unit vector a text, or another dimension than before.
        """
        if texts:
            self._index.add(self._embedded(texts))

    def least_covered(self, concepts: Sequence[str], k: int) -> list[Pick]:
        """The `k` concepts that are farthest from what was accepted and from each other, the farthest first.

        All of them, in that order, where there are no more than `k`. Ties go to the concept that is first in the alphabet.

        Raises:
            ValueError: `k` is negative, or `embed` gave no unit vectors.
        """
        if k < 0:
            raise ValueError(f"k must be at least 0, got {k}")
        if not concepts or k == 0:
            return []
        vectors = self._embedded(concepts)
        distances = self._distances(vectors)
        exact = vectors.astype(np.float64)
        byname = sorted(range(len(concepts)), key=lambda index: (concepts[index], index))
        order, left = np.array(byname), np.ones(len(concepts), bool)
        picks: list[Pick] = []
        for _ in range(min(k, len(concepts))):
            rounded = np.where(left[order], np.round(distances[order], _DIGITS), -1.0)
            index = int(order[rounded.argmax()])
            picks.append(Pick(index, concepts[index], float(distances[index])))
            left[index] = False
            distances = np.minimum(distances, np.clip(1 - exact @ exact[index], 0, FARTHEST))
        return picks

    def nearest(self, texts: Sequence[str], k: int) -> list[list[int]]:
        """For each text the places, in the order of their adding, of the `k` accepted ones nearest to it, nearest first.

        Fewer where fewer were accepted.

        Raises:
            ValueError: `k` is below 1, or `embed` gave no unit vectors.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if self._index.size == 0 or not texts:
            return [[] for _ in texts]
        places = self._index.search(self._embedded(texts), min(k, self._index.size))
        return [[int(place) for place in line] for line in places]

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.ascontiguousarray(self._embed(list(texts)), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ValueError(f"embed must give [num_texts, dim] for {len(texts)} texts, got {list(vectors.shape)}")
        if not np.allclose(np.einsum("ij,ij->i", vectors, vectors), 1, atol=1e-2):
            raise ValueError("embed must give unit vectors, got others; divide each by its norm")
        if self._index.size and vectors.shape[1] != self._index.dim:
            raise ValueError(f"embed gave {vectors.shape[1]} dimensions, {self._index.dim} before; use one model")
        return vectors

    def _distances(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Cosine distance of each vector to the nearest accepted one [num_vectors]."""
        if self._index.size == 0:
            return np.full(len(vectors), FARTHEST)
        near = self._index.nearest(vectors).astype(np.float64)
        distances: NDArray[np.float64] = 1 - np.einsum("ij,ij->i", vectors.astype(np.float64), near)
        return np.clip(distances, 0, FARTHEST)


class _FaissIndex:
    def __init__(self) -> None:
        self.dim = 0
        self._flat: Any = None

    @property
    def size(self) -> int:
        return 0 if self._flat is None else int(self._flat.ntotal)

    def add(self, vectors: NDArray[np.float32]) -> None:
        import faiss

        if self._flat is None:
            self.dim = vectors.shape[1]
            self._flat = faiss.IndexFlatIP(self.dim)
        self._flat.add(vectors)

    def nearest(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """For each vector the known one with the largest inner product."""
        found: NDArray[np.float32] = self._flat.reconstruct_batch(self.search(vectors, 1)[:, 0])
        return found

    def search(self, vectors: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Places of the `k` known vectors with the largest inner products [num_vectors, k]."""
        found: NDArray[np.int64] = self._flat.search(vectors, k)[1]
        return found


class _NumpyIndex:
    def __init__(self) -> None:
        self.dim, self.size = 0, 0
        self._known = np.empty((0, 0), np.float32)

    def add(self, vectors: NDArray[np.float32]) -> None:
        self.dim, needed = vectors.shape[1], self.size + len(vectors)
        if needed > len(self._known):
            grown = np.empty((max(needed, 2 * len(self._known)), self.dim), np.float32)
            if self.size:
                grown[: self.size] = self._known[: self.size]
            self._known = grown
        self._known[self.size : needed] = vectors
        self.size = needed

    def nearest(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """For each vector the known one with the largest inner product."""
        found: NDArray[np.float32] = self._known[self.search(vectors, 1)[:, 0]]
        return found

    def search(self, vectors: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Places of the `k` known vectors with the largest inner products [num_vectors, k]."""
        known = self._known[: self.size]
        block = max(1, _PRODUCTS // self.size)
        parts = [
            np.argsort(-(vectors[at : at + block] @ known.T), axis=1, kind="stable")[:, :k]
            for at in range(0, len(vectors), block)
        ]
        return np.concatenate(parts)
