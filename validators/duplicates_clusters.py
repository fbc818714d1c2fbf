"""Clusters of duplicates among any number of rows, and which member of each is kept.

Exact: equal after Unicode, case and white-space normalisation. Near: nearly the same words and the same numbers
(`duplicates_minhash`). Meaning: one problem in other words (`duplicates_meaning`), when asked for. Template: the same words with
other numbers; such rows are counted and may be capped, they are no duplicates. A cluster keeps its best-verified member, of
equally good ones rather one that hides nothing. Which rows are in a cluster does not depend on their order. Memory grows by about 0.5 kB for each row, without the statements.
Not here: rows that arrive one by one (`duplicates`, `uniqueness`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from catena.validators.duplicates import EXACT, NEAR, TEMPLATE, normalised
from catena.validators.duplicates_minhash import NUM_PERM, Signatures, joined, near_pairs, signatures
from catena.validators.injection_views import hides_nothing
from catena.validators.near_words import Hashes, WordReader, in_parts, number_bags, whole

MEANING = "duplicate in meaning"
_Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are one problem: their numbers, the earlier first, how they are alike, and how much, in (0, 1].

    `kind` is `EXACT`, `NEAR` or `MEANING`.
    """

    first: int
    second: int
    kind: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Rows that are one problem, ascending, and the one of them that is kept."""

    members: tuple[int, ...]
    kept: int


@dataclass(frozen=True, slots=True)
class Clusters:
    """What was found among `num_rows` rows.

    Attributes:
        num_rows: Rows that were looked at.
        clusters: Those of two or more rows, in the order of their first members.
        pairs: What joins them; each exact duplicate is paired with the first of its kind only.
        templates: How many rows share each template that two or more have, the most first.
        dropped: Why each row that is not kept goes.
    """

    num_rows: int
    clusters: tuple[Cluster, ...]
    pairs: tuple[Pair, ...]
    templates: tuple[int, ...]
    dropped: dict[int, str]


@dataclass(slots=True)
class Fingerprints:
    """What is remembered of rows: `add` them in parts, then `find`."""

    _reader: WordReader = field(default_factory=WordReader)
    _exact: list[Hashes] = field(default_factory=list)
    _whole: list[Hashes] = field(default_factory=list)
    _templates: list[Hashes] = field(default_factory=list)
    _bags: list[Hashes] = field(default_factory=list)
    _plain: list[NDArray[np.bool_]] = field(default_factory=list)
    _signatures: list[Signatures] = field(default_factory=list)
    _first: dict[int, int] = field(default_factory=dict)
    _unique: list[int] = field(default_factory=list)
    _count: int = 0

    def add(self, statements: Sequence[str]) -> None:
        """Remembers rows; only the first of equal ones gets a signature."""
        digests = [_digest(statement) for statement in statements]
        fresh: list[int] = []
        for offset, digest in enumerate(digests):
            if self._first.setdefault(digest, self._count + offset) == self._count + offset:
                fresh.append(offset)
        self._exact.append(np.array(digests, np.uint64))
        self._plain.append(np.array([hides_nothing(one) for one in statements], np.bool_))
        texts: list[str] = [statements[offset] for offset in fresh]
        words = self._reader.read(texts)
        self._unique += [self._count + offset for offset in fresh]
        self._whole.append(whole(words.hashes, words.starts))
        self._templates.append(whole(words.masked, words.starts))
        self._bags.append(number_bags(words))
        self._signatures.append(signatures(words))
        self._count += len(statements)

    def find(
        self,
        near: float = 0.8,
        *,
        template_cap: int | None = None,
        scores: Sequence[float] | NDArray[np.float64] | None = None,
        meaning: Sequence[Pair] = (),
    ) -> Clusters:
        """The clusters of the rows so far.

        Args:
            near: Estimated Jaccard similarity of word 3-grams from which rows with the same numbers are duplicates, in (0, 1].
            template_cap: Rows kept of one template, at least 1; None keeps all.
            scores: How well each row is verified [num_rows], more is better; None: all the same.
            meaning: Pairs of rows that are one problem in other words.

        Raises:
            ValueError: A setting is out of its range.
        """
        self._check(near, template_cap, scores)
        exact, unique = _joined(self._exact), np.array(self._unique, np.int64)
        plain = np.concatenate(self._plain) if self._plain else np.zeros(0, np.bool_)
        ranks = _ranks(exact, plain, np.zeros(self._count) if scores is None else np.asarray(scores, np.float64))
        pairs = [*self._exact_pairs(exact), *self._near_pairs(exact[unique], unique, near), *meaning]
        pairs.sort(key=lambda pair: (pair.first, pair.second))
        ends = np.array([(pair.first, pair.second) for pair in pairs], np.int64).reshape(-1, 2)
        roots = joined(self._count, [(ends[:, 0], ends[:, 1])])
        clusters = _clusters(roots, ranks)
        dropped = _reasons(pairs, clusters)
        sizes = self._cap_templates(unique, ranks, template_cap, dropped)
        return Clusters(self._count, tuple(clusters), tuple(pairs), sizes, dropped)

    def _check(
        self, near: float, template_cap: int | None, scores: Sequence[float] | NDArray[np.float64] | None
    ) -> None:
        if not 0 < near <= 1:
            raise ValueError(f"near must be in (0, 1], got {near}")
        if template_cap is not None and template_cap < 1:
            raise ValueError(f"template_cap must be at least 1, got {template_cap}")
        if scores is not None and len(scores) != self._count:
            raise ValueError(f"scores must have one entry per row ({self._count}), got {len(scores)}")

    def _exact_pairs(self, exact: Hashes) -> list[Pair]:
        repeats = np.setdiff1d(np.arange(self._count), self._unique)
        return [Pair(self._first[int(exact[row])], int(row), EXACT, 1.0) for row in repeats]

    def _near_pairs(self, contents: Hashes, unique: _Int, near: float) -> list[Pair]:
        if not len(unique):
            return []
        values = np.concatenate(self._signatures).reshape(-1, NUM_PERM)
        wholes, templates = _joined(self._whole), _joined(self._templates)
        first, second, alike = near_pairs(values, _joined(self._bags), contents, near)
        # the same words with the same numbers in another order: another problem of the template
        other = (templates[first] != templates[second]) | (wholes[first] == wholes[second])
        read = (wholes[first] != 0) & (wholes[second] != 0)
        chosen = zip(first[other & read], second[other & read], alike[other & read], strict=True)
        return [Pair(int(unique[a]), int(unique[b]), NEAR, float(score)) for a, b, score in chosen]

    def _cap_templates(self, unique: _Int, ranks: _Int, cap: int | None, dropped: dict[int, str]) -> tuple[int, ...]:
        """Rows of each template after duplicates are gone, those above the cap dropped; rows without words have none."""
        exact, own = _joined(self._exact), _joined(self._templates)
        digests, first = np.unique(exact[unique], return_index=True)
        templates = own[first[np.searchsorted(digests, exact)]]
        stays = np.setdiff1d(np.flatnonzero(templates != 0), np.fromiter(dropped, np.int64, len(dropped)))
        templates = templates[stays]
        order = np.lexsort((ranks[stays], templates))
        stays, templates = stays[order], templates[order]
        starts = np.flatnonzero(np.concatenate([[True], templates[1:] != templates[:-1]])) if len(stays) else stays
        sizes = np.diff(np.append(starts, len(stays)))
        if cap is not None:
            number = np.arange(len(stays)) - np.repeat(starts, sizes)
            dropped.update(dict.fromkeys(stays[number >= cap].tolist(), TEMPLATE))
        return tuple(sorted((int(size) for size in sizes if size > 1), reverse=True))


def find_clusters(
    statements: Iterable[str],
    near: float = 0.8,
    *,
    template_cap: int | None = None,
    scores: Sequence[float] | NDArray[np.float64] | None = None,
) -> Clusters:
    """The duplicates among `statements`, as `Fingerprints.find`; any strings will do."""
    known = Fingerprints()
    for part in in_parts(statements):
        known.add(part)
    return known.find(near, template_cap=template_cap, scores=scores)


def _digest(statement: str) -> int:
    data = normalised(statement).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def _joined(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _ranks(exact: Hashes, plain: NDArray[np.bool_], scores: NDArray[np.float64]) -> _Int:
    """The place of each row: the best-verified first, of these what hides nothing, then by contents, then as given."""
    ranks = np.empty(len(exact), np.int64)
    ranks[np.lexsort((np.arange(len(exact)), exact, ~plain, -scores))] = np.arange(len(exact))
    return ranks


def _clusters(roots: _Int, ranks: _Int) -> list[Cluster]:
    order = np.argsort(roots, kind="stable")
    together = roots[order]
    starts = np.flatnonzero(np.concatenate([[True], together[1:] != together[:-1]])) if len(roots) else order
    ends = np.append(starts[1:], len(roots))
    several = np.flatnonzero(ends - starts > 1)
    groups = (order[starts[at] : ends[at]] for at in several)
    return [Cluster(tuple(rows.tolist()), int(rows[ranks[rows].argmin()])) for rows in groups]


def _reasons(pairs: Sequence[Pair], clusters: Sequence[Cluster]) -> dict[int, str]:
    """Why each member of a cluster goes that is not kept: the closest of its likenesses."""
    order = {EXACT: 0, NEAR: 1, MEANING: 2}
    closest: dict[int, str] = {}
    for pair in pairs:
        for row in (pair.first, pair.second):
            if row not in closest or order[pair.kind] < order[closest[row]]:
                closest[row] = pair.kind
    return {row: closest[row] for cluster in clusters for row in cluster.members if row != cluster.kept}
