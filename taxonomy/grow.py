"""Growing a topic tree one level at a time, breadth first: several models name what lies below each topic, a critic may judge.

Every expansion sees its ancestors, its siblings and the children that are there already. What was pruned, merged or renamed
earlier, by a person or by a rule, is not proposed again; what is locked is never changed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.errors import EngineError
from catena.prompts import Prompt, fence
from catena.records import Topic, Turn
from catena.replies import json_reader
from catena.taxonomy.names import read_name
from catena.taxonomy.proposals import Aside, Proposal, join
from catena.taxonomy.tree import Path, Tree

KINDS = {2: "areas", 3: "topics"}
BEYOND, EARLIER = "beyond the number wanted", "pruned or merged earlier"
VERDICTS = ("keep", "non-topic", "overlap", "parent", "too deep", "wrong subject")
_MOST_SHOWN = 80


def topics_schema(count: int) -> JsonSchema:
    """The schema of a reply that names topics."""
    topic = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "description": {"type": "string"}},
        "required": ["name", "description"],
        "additionalProperties": False,
    }
    properties = {"topics": {"type": "array", "items": topic, "maxItems": count}}
    return JsonSchema(
        "topics",
        {"type": "object", "properties": properties, "required": ["topics"], "additionalProperties": False},
    )


REVIEW = JsonSchema(
    "topic-review",
    {
        "type": "object",
        "properties": {
            "reviews": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {"type": "string"},
                        "verdict": {"type": "string", "enum": list(VERDICTS)},
                        "same_as": {"type": ["string", "null"]},
                        "reason": {"type": "string"},
                    },
                    "required": ["name", "verdict", "same_as", "reason"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["reviews"],
        "additionalProperties": False,
    },
)
_read_review = json_reader(REVIEW.schema)
_lenient = json_reader(
    {
        "type": "object",
        "properties": {"topics": {"type": "array", "items": {"type": "object", "required": ["name"]}}},
        "required": ["topics"],
    }
)
"""Longer lists and missing descriptions are put up with: `join` bounds and cleans them."""


@dataclass(slots=True)
class Growth:
    """What came of one level: the grown tree, names put aside with their reasons, and parents that nobody answered for."""

    tree: Tree
    aside: list[Aside] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grower:
    """Who is asked, and how.

    Attributes:
        models: Each is asked for every topic, `samples` times.
        critic: Judges the joined list; None leaves it to the rules.
        expand, review: The prompts.
    """

    models: tuple[Model, ...]
    samples: int
    critic: Model | None
    expand: Prompt
    review: Prompt
    name: str = "grow"

    @staticmethod
    def prompt(name: str) -> Prompt:
        """A shipped prompt of this module: `expand-topic` or `review-topics`."""
        return Prompt.shipped(__file__, name)

    async def level(self, tree: Tree, depth: int, count: int, *, window: int = 64) -> Growth:
        """The tree with up to `count` children below every live topic of `depth` - 1 names.

        Raises:
            RunStopped: The run stops.
        """
        growth, fresh = Growth(tree), dict[Path, Topic]()
        room = asyncio.Semaphore(window)

        async def one(parent: Topic) -> tuple[Topic, list[Proposal], list[Aside], str | None]:
            async with room:
                missing = count - len(tree.children.get(parent.path, ()))
                if missing <= 0:
                    return parent, [], [], None
                try:
                    return parent, *await self._propose(tree, parent, missing), None
                except EngineError as error:
                    return parent, [], [], error.cause

        for parent, proposals, aside, cause in await asyncio.gather(*map(one, tree.level(depth - 1))):
            growth.aside += aside
            if cause is not None:
                growth.failed[parent.path] = cause
            taken = _take(tree, parent.path, proposals, count, growth.aside)
            fresh.update((topic.path, topic) for topic in taken)
        growth.tree = Tree({**tree.topics, **fresh})
        return growth

    async def _propose(self, tree: Tree, parent: Topic, count: int) -> tuple[list[Proposal], list[Aside]]:
        text = self.expand.render(
            {
                "path": parent.path,
                "kind": KINDS.get(len(parent.path) + 1, "concepts"),
                "count": count,
                "known": _known(tree, parent, self.models[0].seed),
            }
        )
        wanted = [(model, sample) for model in self.models for sample in range(self.samples)]
        came = await asyncio.gather(
            *(self._sample(text, parent, count, *one) for one in wanted), return_exceptions=True
        )
        replies = []
        for (model, _), reply in zip(wanted, came, strict=True):
            if isinstance(reply, BaseException):
                if not isinstance(reply, EngineError):
                    raise reply
            else:
                replies.append((model.spec.model, reply))
        if not replies:
            raise next(reply for reply in came if isinstance(reply, EngineError))
        proposals, aside = join(parent.path, replies, count)
        if self.critic is None or not proposals:
            return proposals, aside
        kept, criticised = await self._criticised(parent, proposals, self.critic)
        return kept, [*aside, *criticised]

    async def _sample(self, text: str, parent: Topic, count: int, model: Model, sample: int) -> list[tuple[str, str]]:
        asked: Asked[dict[str, Any]] = await model.ask(
            (Turn("user", text),),
            _lenient,
            purpose=f"{self.name}/expand",
            row_id=" / ".join(parent.path),
            schema=topics_schema(count),
            sample=sample,
        )
        return [(str(one["name"]), str(one.get("description", ""))) for one in asked.value["topics"]]

    async def _criticised(
        self, parent: Topic, proposals: list[Proposal], critic: Model
    ) -> tuple[list[Proposal], list[Aside]]:
        """What the critic keeps; where it cannot be read, all of it stays."""
        listed = "\n".join(f"- {one.name}: {one.description}" for one in proposals)
        text = self.review.render(
            {
                "path": parent.path,
                "kind": KINDS.get(len(parent.path) + 1, "concepts"),
                "proposals": fence(listed, critic.seed),
            }
        )
        try:
            asked: Asked[dict[str, Any]] = await critic.ask(
                (Turn("user", text),),
                _read_review,
                purpose=f"{self.name}/review",
                row_id=" / ".join(parent.path),
                schema=REVIEW,
            )
        except EngineError:
            return proposals, []
        return _judged(parent.path, proposals, asked.value["reviews"])


def _known(tree: Tree, parent: Topic, seed: int) -> str:
    """Ancestors' and the topic's descriptions, its siblings and the children that were ever there, fenced; empty without any."""
    above = [tree.topics[parent.path[:depth]] for depth in range(1, len(parent.path) + 1)]
    siblings = [topic.path[-1] for topic in tree.children.get(parent.path[:-1], ()) if topic.path != parent.path]
    children = [topic.path[-1] for topic in tree.ever_below.get(parent.path, ())]
    lines = [f"{topic.path[-1]}: {topic.description}" for topic in above if topic.description]
    if siblings:
        lines.append("Beside it stand (do not go into them): " + "; ".join(siblings[:_MOST_SHOWN]))
    if children:
        lines.append("Below it are or were already (do not repeat them): " + "; ".join(children[:_MOST_SHOWN]))
    return fence("\n".join(lines), seed) if lines else ""


def _judged(
    parent: Path, proposals: list[Proposal], reviews: Sequence[dict[str, Any]]
) -> tuple[list[Proposal], list[Aside]]:
    """Proposals without those that were judged unfit; an overlap is only believed when its other name stays."""
    verdicts = {read_name(str(one["name"])).key: one for one in reviews}
    kept = [one for one in proposals if verdicts.get(read_name(one.name).key, {}).get("verdict", "keep") == "keep"]
    staying = {read_name(one.name).key for one in kept}
    aside: list[Aside] = []
    for one in proposals:
        review = verdicts.get(read_name(one.name).key)
        if review is None or review["verdict"] == "keep":
            continue
        if review["verdict"] == "overlap" and read_name(str(review["same_as"])).key not in staying:
            kept.append(one)
            staying.add(read_name(one.name).key)
        else:
            aside.append(Aside((*parent, one.name), f"critic: {review['verdict']}", str(review["reason"])[:300]))
    order = {id(one): index for index, one in enumerate(proposals)}
    return sorted(kept, key=lambda one: order[id(one)]), aside


def _take(tree: Tree, parent: Path, proposals: Sequence[Proposal], count: int, aside: list[Aside]) -> list[Topic]:
    """The proposals that become topics below `parent`; why the others do not is added to `aside`."""
    ever = {read_name(topic.path[-1]).key: topic for topic in tree.ever_below.get(parent, ())}
    room = count - len(tree.children.get(parent, ()))
    taken: list[Topic] = []
    for one in proposals:
        path, same = (*parent, one.name), ever.get(read_name(one.name).key)
        if same is not None:
            there = same.path in tree.live
            aside.append(Aside(path, "there already" if there else EARLIER, " / ".join(same.path)))
        elif len(taken) >= room:
            aside.append(Aside(path, BEYOND, f"support {one.support:.2f}"))
        else:
            taken.append(Topic(path, 0, one.description, "proposed", origin=one.origin, support=one.support))
    return taken
