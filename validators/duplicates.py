"""Duplicates: exact, near, and the same problem with new numbers.

Exact: equal statements after Unicode and white-space normalisation. Near: estimated Jaccard similarity of word 5-grams
(MinHash, Broder 1997, through `rensa`) at or above a threshold, between rows of *different* templates. Template: the
same sources in the same wording with new numbers; such rows are made on purpose, so they are counted and capped.
Not here: duplicates in meaning (embeddings), and overlap with benchmarks.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash, RMinHashLSH  # pyright: ignore[reportAttributeAccessIssue]  (a compiled module without stubs)

EXACT, NEAR, TEMPLATE = "exact duplicate", "near duplicate", "template cap"
_NUM_PERM, _NUM_BANDS, _SEED = 64, 8, 42
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(slots=True)
class Duplicates:
    """The rows seen so far; `judge` them shard by shard, always in the same order.

    Memory grows by about 0.5 kB a row (64 MinHash values of four bytes and the index).

    Attributes:
        near: Estimated similarity from which two rows of different templates are near duplicates, in (0, 1].
        template_cap: Rows kept of one template; None keeps all.
        templates: Rows kept so far, by template.
    """

    near: float = 0.9
    template_cap: int | None = None
    templates: Counter[str] = field(default_factory=Counter)
    _exact: set[bytes] = field(default_factory=set)
    _digests: list[NDArray[np.uint32]] = field(default_factory=list)
    _template_of: list[str] = field(default_factory=list)
    _index: RMinHashLSH = field(default_factory=lambda: RMinHashLSH(0.5, _NUM_PERM, _NUM_BANDS))

    def __post_init__(self) -> None:
        if not 0 < self.near <= 1:
            raise ValueError(f"near must be in (0, 1], got {self.near}")
        if self.template_cap is not None and self.template_cap < 1:
            raise ValueError(f"template_cap must be at least 1, got {self.template_cap}")

    def judge(self, statements: Sequence[str], templates: Sequence[str]) -> list[str | None]:
        """Why each row is dropped, in order; None for a row that stays."""
        shingles = [_shingles(statement) for statement in statements]
        start = len(self._template_of)
        matrix = RMinHash.digest_matrix_from_token_sets(shingles, _NUM_PERM, _SEED)
        flagged = self._index.insert_matrix_and_query_duplicate_flags(matrix, start)
        self._digests.append(np.asarray(matrix.to_rows(), dtype=np.uint32).reshape(-1, _NUM_PERM))
        self._template_of.extend(templates)
        digests = np.concatenate(self._digests)
        self._digests = [digests]
        reasons: list[str | None] = []
        for offset, (statement, template) in enumerate(zip(statements, templates, strict=True)):
            key = start + offset
            reason = self._reason(statement, template)
            if reason is None and flagged[offset] and self._has_near(key, template, shingles[offset], digests):
                reason = NEAR
            if reason is None:
                self.templates[template] += 1
            reasons.append(reason)
        return reasons

    def _reason(self, statement: str, template: str) -> str | None:
        digest = blake2b(normalised(statement).encode(), digest_size=16).digest()
        if digest in self._exact:
            return EXACT
        self._exact.add(digest)
        capped = self.template_cap is not None and self.templates[template] >= self.template_cap
        return TEMPLATE if capped else None

    def _has_near(self, key: int, template: str, shingles: list[str], digests: NDArray[np.uint32]) -> bool:
        found = self._index.query(RMinHash.from_token_sets([shingles], _NUM_PERM, _SEED)[0])
        others = [other for other in found if other < key and self._template_of[other] != template]
        if not others:
            return False
        similarity = (digests[others] == digests[key]).mean(axis=1)
        return bool(similarity.max() >= self.near)


def normalised(statement: str) -> str:
    """The statement as exact duplicates are compared: NFKC, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", statement).split()).casefold()


def _shingles(statement: str) -> list[str]:
    words = _WORD.findall(statement.lower())
    return [" ".join(words[start : start + 5]) for start in range(max(1, len(words) - 4))]
