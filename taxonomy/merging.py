"""Near-duplicates in a long list of names, and which name stands for which.

Nothing is deleted: a merge says which name goes into which, how sure that is and why. A chain of names that are each
close to the next does not become one topic: every member of a group is a duplicate of the name that stands for it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from catena.taxonomy.candidates import candidates
from catena.taxonomy.deciding import Decider, Decision, Placed, offline_rule
from catena.taxonomy.embeddings import RememberingEmbedder, default_embedder
from catena.taxonomy.names import read_name

_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two positions in a list of names (`first` < `second`) that were compared, and what was decided."""

    first: int
    second: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Merge:
    """The name at `position` goes into the one at `into`."""

    position: int
    into: int
    decision: Decision


def compare_all(
    names: Sequence[str],
    paths: Sequence[Sequence[str]] | None = None,
    *,
    decider: Decider | None = None,
    embedder: RememberingEmbedder | None = None,
) -> list[NearPair]:
    """All pairs of names that are near enough to be compared, in the order of the list, with their decisions.

    Of names that are equal but for spelling, plural or order, only the first is compared with others.

    Args:
        names: Any strings.
        paths: Where each name stands, from the root; None or empty where unknown.
        decider: Who decides; None takes the offline rule.
        embedder: Where candidates come from; None takes the packaged model.

    Raises:
        ValueError: `paths` has another length than `names`.
        UserError: The packages of `catena[taxonomy]` are not installed.
    """
    placed = _placed(names, paths)
    if len(placed) < 2:
        return []
    embedder = embedder or default_embedder()
    read = [read_name(name) for name in names]
    vectors = embedder.embed([name.plain for name in read])
    return decide_pairs(placed, candidates(read, vectors), decider or offline_rule())


def decide_pairs(placed: Sequence[Placed], pairs: Sequence[tuple[int, int]], decider: Decider) -> list[NearPair]:
    """The decision about each of `pairs`, positions in `placed`, in order; asked for in batches."""
    found: list[NearPair] = []
    for start in range(0, len(pairs), _BATCH):
        batch = pairs[start : start + _BATCH]
        decisions = decider.decide_all([(placed[first], placed[second]) for first, second in batch])
        found += [NearPair(*pair, one) for pair, one in zip(batch, decisions, strict=True)]
    return found


def find_duplicates(
    names: Sequence[str],
    paths: Sequence[Sequence[str]] | None = None,
    *,
    decider: Decider | None = None,
    embedder: RememberingEmbedder | None = None,
) -> list[NearPair]:
    """The pairs of `compare_all` that are duplicates."""
    return [pair for pair in compare_all(names, paths, decider=decider, embedder=embedder) if pair.decision.duplicate]


def merge_duplicates(
    names: Sequence[str],
    pairs: Iterable[NearPair],
    paths: Sequence[Sequence[str]] | None = None,
    *,
    kept: Collection[int] = (),
    decider: Decider | None = None,
) -> list[Merge]:
    """Which name goes into which, by position; a name that others go into goes nowhere itself.

    Groups grow from the surest pair on. Two groups become one only where one of their names is a duplicate of every
    other member.

    Args:
        names: The list that was compared.
        pairs: What was decided about it; pairs that are no duplicates are passed over.
        paths: As for `compare_all`.
        kept: Positions that must stay (locked or edited by hand): they are never merged into another.
        decider: Who decides about members that were no candidates; None takes the offline rule.
    """
    placed = _placed(names, paths)
    known = {(pair.first, pair.second): pair.decision for pair in pairs if pair.decision.duplicate}
    groups = _Groups(placed, known, frozenset(kept), decider or offline_rule())
    for first, second in sorted(known, key=lambda pair: (-known[pair].score, pair)):
        groups.join(first, second)
    return groups.merges()


class _Groups:
    """Groups of positions, each with the one that stands for it."""

    def __init__(
        self,
        placed: list[Placed],
        known: dict[tuple[int, int], Decision],
        kept: frozenset[int],
        decider: Decider,
    ) -> None:
        self._placed, self._known, self._kept, self._decider = placed, dict(known), kept, decider
        self._leader: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        self._support: dict[int, float] = defaultdict(float)
        for (first, second), decision in known.items():
            self._support[first] += decision.score
            self._support[second] += decision.score

    def join(self, first: int, second: int) -> None:
        """Makes one group of both, where the leader of one can stand for all of the other."""
        one, other = self._leader.get(first, first), self._leader.get(second, second)
        locked = [leader for leader in (one, other) if leader in self._kept]
        if one == other or len(locked) > 1:
            return
        for leader in locked or sorted((one, other), key=self._preference):
            led = other if leader == one else one
            joining = self._members.get(led, [led])
            if all(self._decision(leader, member).duplicate for member in joining):
                self._members.setdefault(leader, [leader]).extend(joining)
                self._members.pop(led, None)
                self._leader.update(dict.fromkeys([leader, *joining], leader))
                return

    def merges(self) -> list[Merge]:
        """One merge for each member that does not stand for its group, by position."""
        return [
            Merge(position, leader, self._decision(leader, position))
            for position, leader in sorted(self._leader.items())
            if position != leader
        ]

    def _decision(self, one: int, other: int) -> Decision:
        pair = (min(one, other), max(one, other))
        if pair not in self._known:
            self._known[pair] = self._decider.decide_all([(self._placed[pair[0]], self._placed[pair[1]])])[0]
        return self._known[pair]

    def _preference(self, position: int) -> tuple[bool, bool, float, int, str, int]:
        """The clearest name first: written out, without parentheses, close to most others, short."""
        name = read_name(self._placed[position].name)
        abbreviated = len(name.plain.split()) > len(name.text.split()) or bool(name.initials)
        return (
            abbreviated,
            bool(name.extras),
            -round(self._support[position], 3),
            len(name.text),
            name.text,
            position,
        )


def _placed(names: Sequence[str], paths: Sequence[Sequence[str]] | None) -> list[Placed]:
    if paths is None:
        return [Placed(name) for name in names]
    if len(paths) != len(names):
        raise ValueError(f"paths must have one entry per name ({len(names)}), got {len(paths)}")
    return [Placed(name, tuple(path)) for name, path in zip(names, paths, strict=True)]
