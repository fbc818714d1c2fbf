"""Problems made from accepted ones: harder variants, fusions of two, the same with other numbers.

Sequential, parallel and conditional fusion as in MathFusion (arXiv 2503.16212). A fusion written by a model is a new problem whose
answer is the model's claim: it is judged and solved like any other. Chains whose truth is recomputed are made by `compose`.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal, get_args

from catena.asking import Model
from catena.generators.problems import CHECKABLE, problem_schema, read_problem
from catena.leaks import states_answer
from catena.number_mentions import values_in
from catena.prompts import Prompt, fence
from catena.records import Draft, Parent, Turn
from catena.streaming import Filtered

__all__ = ["OPERATORS", "SCHEMA", "Operator", "VaryProblem"]

SCHEMA = problem_schema(CHECKABLE)
Operator = Literal["harder", "sequential", "parallel", "conditional", "cross-subject", "reparameterise"]
OPERATORS: dict[str, int] = {
    name: 1 if name in ("harder", "reparameterise") else 2 for name in get_args(Operator)
}  # fmt: skip
"""How many parents each operator takes."""

REPEATS, SAME_NUMBERS, SAME_ANSWER, LEAKED = (
    "repeats a parent", "numbers not changed", "answer of the parent", "answer leaked",
)  # fmt: skip
_ALIKE = 0.9
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class VaryProblem:
    """The step `vary-problem`: the draft's `operator` applied to its `parents`.

    Attributes:
        model: Who writes.
        level: How hard it is asked to be, in words.
        prompt: Uses `operator`, `parents` (each with `topic`, and `problem` and `answer` fenced), `topic`, `concepts`, `level`
            and `kinds`.
    """

    model: Model
    level: str
    prompt: Prompt
    name: str = "vary-problem"

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The draft with statement, answer and design; a draft without topic gets that of its first parent.

        Raises:
            ValueError: The operator is unknown, or takes another number of parents.
        """
        draft = _with_topic(draft)
        asked = await self.model.ask(
            (Turn("user", self._text(draft)),),
            read_problem,
            purpose=self.name,
            row_id=draft.row_id,
            schema=SCHEMA,
            sample=draft.number,
        )
        statement, answer, design = asked.value
        varied = replace(
            draft, statement=statement, answer=answer, design=design, nearby=(), model=self.model.spec.model
        )
        return _flaw(varied) or varied

    def _text(self, draft: Draft) -> str:
        return self.prompt.render(
            {
                "operator": draft.operator,
                "parents": [self._shown(parent) for parent in draft.parents],
                "topic": draft.topic,
                "concepts": draft.concepts,
                "level": self.level,
                "kinds": CHECKABLE,
            }
        )

    def _shown(self, parent: Parent) -> dict[str, object]:
        seed = self.model.seed
        problem, answer = fence(parent.statement, seed), fence(str(parent.answer), seed)
        return {"topic": parent.topic, "problem": problem, "answer": answer}


def _with_topic(draft: Draft) -> Draft:
    wanted = OPERATORS.get(draft.operator)
    if wanted is None:
        raise ValueError(f"operator {draft.operator!r} is unknown, expected one of {', '.join(OPERATORS)}")
    if len(draft.parents) != wanted:
        raise ValueError(
            f"operator {draft.operator!r} takes {wanted} parents, row {draft.row_id} has {len(draft.parents)}"
        )
    topic = draft.topic or draft.parents[0].topic
    leaves = tuple(dict.fromkeys(parent.topic[-1] for parent in draft.parents if parent.topic))
    concepts = draft.concepts or (leaves if draft.operator == "cross-subject" else ())
    return replace(draft, topic=topic, concepts=concepts)


def _flaw(draft: Draft) -> Filtered | None:
    """What is wrong with a variant, as far as its text tells."""
    assert draft.answer is not None
    for parent in draft.parents:
        if draft.operator == "reparameterise":
            if Counter(values_in(draft.statement)) == Counter(values_in(parent.statement)):
                return Filtered(SAME_NUMBERS, parent.row_id)
        elif _alike(draft.statement, parent.statement) >= _ALIKE:
            return Filtered(REPEATS, parent.row_id)
    if draft.operator == "harder" and draft.answer == draft.parents[0].answer:
        return Filtered(SAME_ANSWER, str(draft.answer)[:200])
    leaked = states_answer(draft.statement, draft.answer)
    return None if leaked is None else Filtered(LEAKED, leaked)


def _alike(one: str, other: str) -> float:
    """Jaccard similarity of the word trigrams, numbers left out: other numbers alone make no other problem."""
    first, second = _trigrams(one), _trigrams(other)
    return len(first & second) / len(first | second)


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = ["", *_WORD.findall(text.casefold()), ""]
    return set(zip(words, words[1:], words[2:], strict=False)) or {tuple(words)}
