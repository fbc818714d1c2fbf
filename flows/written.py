"""What has been written so far, and what to write next: concepts least covered, and the problems nearest to them.

A problem of a leaf joins it with neighbours from its area. Which ones is decided before it is asked for, from the problems
accepted in earlier rounds and from those of the same shard, so that a row's draft follows from finished shards alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from catena.records import Draft
from catena.schemas import records_of
from catena.shards import Shard, read_shard
from catena.storage import Store
from catena.taxonomy.novelty import Embed, Novelty

MOST_PER_AREA = 2_000
"""Accepted problems of an area that are remembered, the first ones: they steer, and memory stays flat."""
_LONGEST = 600

Area = tuple[str, ...]


class Written:
    """Accepted problems by area.

    Args:
        embed: Texts to unit vectors.
        concepts: Concepts that a problem joins, its leaf among them; below 2 none are chosen.
        nearby: Problems shown beside each, nearest first.
    """

    def __init__(self, embed: Embed, *, concepts: int, nearby: int) -> None:
        self._embed, self._concepts, self._nearby = embed, concepts, nearby
        self._index: dict[Area, Novelty] = {}
        self._statements: dict[Area, list[str]] = defaultdict(list)
        self._read: list[str] = []

    def read(self, store: Store, shards: Sequence[Shard]) -> None:
        """Counts the problems of these shards as accepted; shards that were read before are passed over."""
        paths = [shard.path for shard in shards]
        if paths[: len(self._read)] != self._read:  # an earlier round was planned anew
            self._index, self._statements, self._read = {}, defaultdict(list), []
        for shard in shards[len(self._read) :]:
            self._add(records_of(Draft, read_shard(store, shard.path, expected=shard)))
            self._read.append(shard.path)

    def guided(
        self, drafts: Sequence[Draft], beside: Mapping[Area, Sequence[str]], since: Mapping[Area, int] | None = None
    ) -> list[Draft]:
        """The drafts, in order, with the concepts that they are to join and the problems nearest to these.

        Args:
            drafts: Of any leaves; nothing is written in them yet.
            beside: Names beside each leaf.
            since: The number of each leaf's first draft since shards were last read; 0 where none is given. Drafts of a leaf
                take its neighbours in turn from there.
        """
        by_leaf: dict[Area, list[int]] = defaultdict(list)
        for at, draft in enumerate(drafts):
            by_leaf[draft.topic].append(at)
        found = list(drafts)
        for leaf, places in by_leaf.items():
            first = (since or {}).get(leaf, 0)
            joined = self._joined(leaf, beside.get(leaf, ()), [drafts[at].number - first for at in places])
            near = self._near(leaf, joined)
            for at, concepts, statements in zip(places, joined, near, strict=True):
                found[at] = replace(drafts[at], concepts=concepts, nearby=statements)
        return found

    def _joined(self, leaf: Area, beside: Sequence[str], turns: Sequence[int]) -> list[tuple[str, ...]]:
        """For each turn of a leaf the concepts that its problem joins: least covered first, then in turn."""
        joined = list(_sets(leaf[-1], list(beside), self._concepts))
        if self._concepts < 2 or not joined:
            return [leaf[-1:]] * len(turns)
        order = self._index_of(leaf).least_covered(["; ".join(one) for one in joined], len(joined))
        return [joined[order[turn % len(order)].index] for turn in turns]

    def _near(self, leaf: Area, joined: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        known = self._statements[leaf[:2]]
        if not self._nearby or not known:
            return [()] * len(joined)
        places = self._index_of(leaf).nearest(["; ".join((*leaf[1:-1], *one)) for one in joined], 2 * self._nearby)
        return [self._shown(known, [at // 2 for at in near]) for near in places]

    def _shown(self, known: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
        """Statements at these places, each once, as much of each as tells what it is about."""
        return tuple(known[at][:_LONGEST] for at in list(dict.fromkeys(places))[: self._nearby])

    def _index_of(self, leaf: Area) -> Novelty:
        return self._index.setdefault(leaf[:2], Novelty(self._embed))

    def _add(self, drafts: Sequence[Draft]) -> None:
        by_area: dict[Area, list[Draft]] = defaultdict(list)
        for draft in drafts:
            by_area[draft.topic[:2]].append(draft)
        for area, some in by_area.items():
            taken = some[: MOST_PER_AREA - len(self._statements[area])]
            self._statements[area] += [draft.statement for draft in taken]
            texts = [
                text for draft in taken for text in ("; ".join(draft.concepts) or draft.topic[-1], draft.statement)
            ]
            self._index_of(area).add(texts)  # two texts a problem: place // 2 is the problem


def _sets(leaf: str, beside: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """The leaf with neighbours: each neighbour once as the first of `size` - 1 that follow each other."""
    others = [name for name in beside if name != leaf]
    for at in range(len(others)):
        around = [others[(at + step) % len(others)] for step in range(min(size - 1, len(others)))]
        yield (leaf, *around)
