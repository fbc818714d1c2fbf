"""Near pairs of a tree decided by a judge model, where there is one; where it gives no readable answer the offline rule stays.

Asked are pairs that the offline rule thinks possible. Names that are equal but for spelling are not asked about, unless they
stand at different places.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from catena.asking import Asked, Model
from catena.engines.base import JsonSchema
from catena.errors import EngineError
from catena.prompts import Prompt, fence
from catena.records import Topic, Turn
from catena.replies import json_reader
from catena.taxonomy.deciding import Decider, Decision, Placed
from catena.taxonomy.merging import NearPair
from catena.taxonomy.names import read_name

POSSIBLE = 0.1
"""Score of the offline rule from which a pair is asked about."""
SAME_TOPIC = JsonSchema(
    "same-topic",
    {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "same": {"type": "boolean"}},
        "required": ["reason", "same"],
        "additionalProperties": False,
    },
)
_read = json_reader(SAME_TOPIC.schema)
_Key = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge decided, by the paths of the pair; all else is left to `otherwise`."""

    decisions: dict[_Key, Decision]
    otherwise: Decider

    def decide_all(self, pairs: Sequence[tuple[Placed, Placed]]) -> list[Decision]:
        """One decision for each pair, in order."""
        rest = self.otherwise.decide_all(pairs)
        return [self.decisions.get(frozenset((a.path, b.path)), one) for (a, b), one in zip(pairs, rest, strict=True)]


async def judge_pairs(
    judge: Model, topics: Sequence[Topic], pairs: Sequence[NearPair], prompt: Prompt, otherwise: Decider
) -> tuple[list[NearPair], Judged]:
    """The pairs with the judge's decisions, and a decider that keeps to them.

    Args:
        judge: Asked once for each pair, all at once.
        topics: What the pairs' positions mean.
        pairs: Near pairs with the offline rule's decisions.
        prompt: `same-topic`.
        otherwise: Decides where the judge was not asked or not readable.

    Raises:
        RunStopped: The run stops.
    """
    asked = [one for one in pairs if _open(topics, one)]
    came = await asyncio.gather(*(_ask(judge, topics[one.first], topics[one.second], prompt) for one in asked))
    judged = {(one.first, one.second): said for one, said in zip(asked, came, strict=True) if said is not None}
    known = {
        frozenset((topics[first].path, topics[second].path)): decision for (first, second), decision in judged.items()
    }
    decided = [replace(one, decision=judged.get((one.first, one.second), one.decision)) for one in pairs]
    return decided, Judged(known, otherwise)


def _open(topics: Sequence[Topic], pair: NearPair) -> bool:
    a, b = topics[pair.first].path, topics[pair.second].path
    equal = read_name(a[-1]).key == read_name(b[-1]).key
    return pair.decision.score >= POSSIBLE and not (equal and a[:-1] == b[:-1])


async def _ask(judge: Model, a: Topic, b: Topic, prompt: Prompt) -> Decision | None:
    text = prompt.render({"pair": fence("\n".join(map(_told, (a, b))), judge.seed)})
    try:
        asked: Asked[dict[str, Any]] = await judge.ask(
            (Turn("user", text),),
            _read,
            purpose="grow/same-topic",
            row_id=" | ".join(" / ".join(one.path) for one in (a, b)),
            schema=SAME_TOPIC,
        )
    except EngineError:
        return None
    same = bool(asked.value["same"])
    return Decision(float(same), same, f"judge {judge.spec.model}: {str(asked.value['reason'])[:300]}")


def _told(topic: Topic) -> str:
    return f"- {' / '.join(topic.path)}" + (f": {topic.description}" if topic.description else "")
