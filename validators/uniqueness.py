"""Whether a written problem was written before: exactly, or nearly (MinHash over word 5-grams, Broder 1997, through `rensa`).

Only what is admitted is remembered, so that the same rows in the same order are admitted whether they come at once or after a
restart. Memory grows by about 1 kB a row. Not here: duplicates in meaning, and templates with new numbers, which may be wanted
(`duplicates`).
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH  # pyright: ignore[reportAttributeAccessIssue]  (a compiled module without stubs)

from catena.validators.duplicates import EXACT, NEAR, normalised

_NUM_PERM, _NUM_BANDS, _SEED = 64, 16, 42
_WORD = re.compile(r"\w+|[^\w\s]")


class Seen:
    """Problems that were admitted.

    Args:
        near: Estimated Jaccard similarity from which two statements are near duplicates, in (0, 1].
    """

    def __init__(self, near: float = 0.8) -> None:
        if not 0 < near <= 1:
            raise ValueError(f"near must be in (0, 1], got {near}")
        self.near = near
        self._exact: dict[bytes, str] = {}
        self._ids: list[str] = []
        self._digests: list[NDArray[np.uint32]] = []
        self._index = RMinHashLSH(0.5, _NUM_PERM, _NUM_BANDS)

    def __len__(self) -> int:
        return len(self._ids)

    def remember(self, ids: Sequence[str], statements: Sequence[str]) -> None:
        """Counts these as admitted, whatever they are like."""
        for name, statement in zip(ids, statements, strict=True):
            self._add(name, _digest(statement), _minhash(statement))

    def admit(self, ids: Sequence[str], statements: Sequence[str]) -> list[tuple[str, str] | None]:
        """For each row in order the reason why it is not admitted and the id of the row that it repeats; None: admitted."""
        return [self._admitted(name, statement) for name, statement in zip(ids, statements, strict=True)]

    def _admitted(self, name: str, statement: str) -> tuple[str, str] | None:
        digest = _digest(statement)
        if digest in self._exact:
            return EXACT, self._exact[digest]
        minhash = _minhash(statement)
        values = np.asarray(minhash.digest(), dtype=np.uint32)
        for key in sorted(self._index.query(minhash)):
            if float((self._digests[key] == values).mean()) >= self.near:
                return NEAR, self._ids[key]
        self._add(name, digest, minhash)
        return None

    def _add(self, name: str, digest: bytes, minhash: RMinHash) -> None:
        self._exact.setdefault(digest, name)
        self._index.insert(len(self._ids), minhash)
        self._ids.append(name)
        self._digests.append(np.asarray(minhash.digest(), dtype=np.uint32))


def _digest(statement: str) -> bytes:
    return blake2b(normalised(statement).encode("utf-8", "replace"), digest_size=16).digest()


def _minhash(statement: str) -> RMinHash:
    words = _WORD.findall(statement.lower())
    shingles = [" ".join(words[start : start + 5]) for start in range(max(1, len(words) - 4))]
    return RMinHash.from_token_sets([shingles], _NUM_PERM, _SEED)[0]
