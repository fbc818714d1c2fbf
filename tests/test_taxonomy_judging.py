"""Near pairs decided by a judge, with vectors from an embedding endpoint: real HTTP, the ledger, the whole tree."""

import asyncio
import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from catena.asking import Desk, Model
from catena.budget import Budget, Limits
from catena.engines.base import Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.engines.openai_embeddings import vector_of, vector_text
from catena.engines.rehearsal.embeddings import vector
from catena.engines.rehearsal.running import serve
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.errors import EngineError
from catena.flows.merging import TreeMerger
from catena.ledger import open_ledger
from catena.records import Topic
from catena.taxonomy.asked_embeddings import ask_vectors
from catena.taxonomy.deciding import Decision, Placed
from catena.taxonomy.grow import Grower
from catena.taxonomy.merging import NearPair
from catena.taxonomy.tree import Tree, tree_of
from catena.taxonomy.tree_merging import merge_pairs
from tests.scripted import ScriptedEngine, said
from tests.scripted_server import Call, Reply, serving

TREE = tree_of(
    Topic(tuple(path.split("/")), status="proposed")
    for path in ("m/a/graph colouring", "m/b/Graph colourings", "m/a/chromatic numbers", "p/c/heat")
)


def merged(folder: Path, answer: str) -> tuple[Tree, ScriptedEngine]:
    """The tree after a merge whose judge always says the same."""
    engine = ScriptedEngine(lambda request: said(answer))

    async def go() -> Tree:
        ledger = open_ledger(str(folder / "ledger.db"))
        try:
            desk = Desk(ledger, Budget(Limits()), seed=5)
            judge = Model(ModelSpec("judge", "judge"), engine, desk, Sampling(), tries=1)
            return (await TreeMerger(judge, None, Grower.prompt("same-topic"))(TREE))[0]
        finally:
            ledger.close()

    return asyncio.run(go()), engine


def test_a_judge_decides_and_its_reason_is_kept(tmp_path: Path) -> None:
    tree, engine = merged(tmp_path, json.dumps({"reason": "one chapter", "same": True}))
    gone = [topic for topic in tree.topics.values() if topic.status == "merged"]
    assert gone
    assert all(topic.reason.startswith("judge judge: one chapter") for topic in gone)
    assert all("graph" in request.row_id.casefold() or "chrom" in request.row_id for request in engine.asked)
    tree, _ = merged(tmp_path / "..", json.dumps({"reason": "two chapters", "same": False}))
    assert tree.live == TREE.live


def test_an_unreadable_judge_leaves_the_decision_to_the_rule(tmp_path: Path) -> None:
    tree, engine = merged(tmp_path, "yes, the same")
    assert engine.asked
    [gone] = [topic for topic in tree.topics.values() if topic.status == "merged"]
    assert gone.path[-1].casefold() in ("graph colourings", "graph colouring")
    assert "judge" not in gone.reason


def test_vectors_come_over_http_are_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    async def ask(url: str) -> tuple[list[list[float]], int]:
        ledger = open_ledger(str(tmp_path / "ledger.db"))
        spec = ModelSpec("e", "org/embedder", engine="openai-embeddings", urls=(url,))
        engine = open_engine(spec)
        try:
            desk = Desk(ledger, Budget(Limits()), seed=5)
            known = await ask_vectors(Model(spec, engine, desk, Sampling(), tries=2), ["heat", "light", "heat"])
            return known.embed(["light", "heat"]).tolist(), desk.sent
        finally:
            await engine.close()
            ledger.close()

    with serve(RehearsalSettings(seed=1)) as server:
        found, sent = asyncio.run(ask(server.url))
        again, none = asyncio.run(ask(server.url))
    assert (sent, none) == (2, 0)
    assert found == again
    assert found[0] == pytest.approx(vector("light"), abs=1e-5)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": []},
        {"data": [{"embedding": "AAAA"}]},
        {"data": [{"embedding": [1.0, None]}]},
        {"data": [{"embedding": []}]},
        {"data": [{"embedding": [0.0, 0.0]}]},
    ],
)
def test_an_answer_without_a_usable_vector_is_a_typed_failure(tmp_path: Path, answer: object) -> None:
    def reply(call: Call) -> Reply:
        return Reply(json.dumps(answer).encode())

    async def ask() -> None:
        async with serving(reply) as server:
            spec = ModelSpec("e", "org/embedder", engine="openai-embeddings", urls=(server.url,), tries=2)
            engine, ledger = open_engine(spec), open_ledger(str(tmp_path / "ledger.db"))
            try:
                desk = Desk(ledger, Budget(Limits()), seed=5)
                await ask_vectors(Model(spec, engine, desk, Sampling(), tries=1), ["heat"])
            finally:
                await engine.close()
                ledger.close()

    with pytest.raises(EngineError) as failure:
        asyncio.run(ask())
    assert failure.value.cause == "malformed"


def test_a_vector_survives_its_text() -> None:
    values = [0.5, -1.25, 3e-5]
    assert vector_of(vector_text(values)) == pytest.approx(values, rel=1e-6)
    assert math.isclose(sum(one * one for one in vector("graph colouring")), 1.0, abs_tol=1e-3)
    with pytest.raises(ValueError, match="Only base64"):
        vector_of("no base64!")


def test_two_groups_that_are_alike_only_in_their_heads_are_merged_too() -> None:
    paths = ["m/a/x one", "m/a/x two", "m/b/y one", "m/b/y two"]
    topics = [Topic(tuple(path.split("/")), status="proposed") for path in paths]
    same = {(0, 1), (2, 3), (0, 2)}

    class Said:
        def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
            at = [tuple(sorted(paths.index("/".join(one.path)) for one in pair)) for pair in pairs]
            return [Decision(0.9, pair in same, "said") for pair in at]

    near = [NearPair(*pair, Decision(0.95 if pair != (0, 2) else 0.9, True, "said")) for pair in sorted(same)]
    tree, _ = merge_pairs(tree_of(topics), topics, near, Said())
    assert [path for path in tree.live if len(path) == 3] == [("m", "a", "x one")]
