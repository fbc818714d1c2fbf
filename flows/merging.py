"""Merging near duplicates of a growing tree, as its recipe says: by the offline rule, or with a judge and an embedding model."""

import asyncio
from dataclasses import dataclass

from catena.asking import Model
from catena.prompts import Prompt
from catena.taxonomy.proposals import Aside
from catena.taxonomy.tree import Tree


@dataclass(frozen=True, slots=True)
class TreeMerger:
    """Sentence embeddings and their libraries take seconds to load, so only merging does it.

    Attributes:
        judge: Decides about near pairs; None leaves it to the offline rule.
        embeddings: Finds them; None takes the packaged model.
        prompt: `same-topic`.
    """

    judge: Model | None
    embeddings: Model | None
    prompt: Prompt

    async def __call__(self, tree: Tree) -> tuple[Tree, list[Aside]]:
        """The tree with near duplicates merged, and the names that went into others."""
        from catena.taxonomy.asked_embeddings import ask_vectors
        from catena.taxonomy.deciding import offline_rule
        from catena.taxonomy.judging import judge_pairs
        from catena.taxonomy.names import read_name
        from catena.taxonomy.tree_merging import merge_pairs, near_pairs

        embedder = None
        if self.embeddings is not None:
            embedder = await ask_vectors(self.embeddings, [read_name(path[-1]).plain for path in tree.live])
        topics, pairs = await asyncio.to_thread(near_pairs, tree, embedder)
        if self.judge is None:
            return await asyncio.to_thread(merge_pairs, tree, topics, pairs)
        decided, judged = await judge_pairs(self.judge, topics, pairs, self.prompt, offline_rule())
        return await asyncio.to_thread(merge_pairs, tree, topics, decided, judged)
