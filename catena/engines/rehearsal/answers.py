"""The answer to a question, fixed by the server's seed and the question alone.

Not here: several choices at once, tools, log probabilities; stop sequences are part of the question but stop nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from catena.engines.rehearsal.hints import write_hints
from catena.engines.rehearsal.instances import NoInstance, instance
from catena.engines.rehearsal.judges import judge_match, judge_posed, judge_problem, judge_steps
from catena.engines.rehearsal.problems import Written, write_problem
from catena.engines.rehearsal.program_problems import write_program_problem
from catena.engines.rehearsal.prompts import Parts, parts_of, topic_of
from catena.engines.rehearsal.question import Question, Refused
from catena.engines.rehearsal.rewrites import rewrite
from catena.engines.rehearsal.settings import RehearsalSettings
from catena.engines.rehearsal.solutions import CHARS_PER_TOKEN, solve
from catena.engines.rehearsal.topic_shares import on_topic
from catena.engines.rehearsal.topics import judge_topics, propose_topics, review_topics
from catena.engines.rehearsal.truth import TruthFile
from catena.engines.rehearsal.twins import remove_premise
from catena.engines.rehearsal.variants import repeated

_YES = frozenset(("valid", "correct", "accept", "accepted", "yes", "true", "pass", "right", "equal", "sound"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says.

    Attributes:
        text: The content; None where there is none (a refusal, or reasoning that took all the room).
        reasoning: In a field of its own; empty where there is none.
        thought: Characters of `text` that are reasoning all the same (think tags).
        written: The problem in it, where it is one.
    """

    text: str | None
    reasoning: str = ""
    finish: Literal["stop", "length", "content_filter"] = "stop"
    refusal: str | None = None
    thought: int = 0
    written: Written | None = None

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning field, in this server's count."""
        return tokens_of(self.reasoning)

    @property
    def thought_tokens(self) -> int:
        """Tokens of reasoning, wherever it stands."""
        return self.reasoning_tokens + -(-min(self.thought, len(self.text or "")) // CHARS_PER_TOKEN)

    @property
    def tokens(self) -> int:
        """Tokens of reasoning and text together."""
        return self.reasoning_tokens + tokens_of(self.text or "") + tokens_of(self.refusal or "")


def tokens_of(text: str) -> int:
    """Tokens of a text: its characters by four, rounded up."""
    return -(-len(text) // CHARS_PER_TOKEN)


def answer(question: Question, settings: RehearsalSettings, truth: TruthFile) -> Answer:
    """The whole answer, before any bound and any fault.

    Raises:
        Refused: The schema has no instance.
    """
    key = settings.seed.to_bytes(8, "big", signed=True) + question.key
    behaviour, parts = settings.behaviour(question.model), parts_of(question.prompt)
    if question.schema is None:
        reasoning, text = solve(key, question.prompt, parts, behaviour, truth)
        return _placed(reasoning, text, behaviour.reasoning)
    written, content = _content(key, question, parts, settings, truth)
    try:
        fitted = content if question.kind == "other" else fit(content, question.schema, key)
    except NoInstance as error:
        raise Refused(400, f"Invalid schema for response_format: {error}.", param="response_format") from None
    return Answer(orjson.dumps(fitted).decode(), written=written)


def _content(
    key: bytes, question: Question, parts: Parts, settings: RehearsalSettings, truth: TruthFile
) -> tuple[Written | None, Any]:
    behaviour = settings.behaviour(question.model)
    if question.kind == "validity":
        return None, judge_problem(key, parts, behaviour, truth)
    if question.kind == "posed":
        return None, judge_posed(key, parts, behaviour, truth)
    if question.kind == "steps":
        return None, judge_steps(key, parts, behaviour, truth)
    if question.kind == "match":
        return None, judge_match(key, parts, behaviour, truth)
    if question.kind == "topics":
        return None, propose_topics(key, parts, question.schema, behaviour)
    if question.kind == "review":
        return None, review_topics(key, parts, behaviour)
    if question.kind == "same":
        return None, judge_topics(key, parts, behaviour)
    if question.kind == "twin":
        return None, remove_premise(key, parts)
    if question.kind == "hints":
        return None, write_hints(key, parts)
    if question.kind == "rewrite":
        return None, {"rewritten": rewrite(key, parts, truth)[1]}
    if question.kind == "other":
        try:
            return None, instance(question.schema, key)
        except NoInstance as error:
            raise Refused(400, f"Invalid schema for response_format: {error}.", param="response_format") from None
    topic = topic_of(parts)
    if question.kind == "program":
        return write_program_problem(key, topic)
    written = repeated(key, parts) or write_problem(
        key,
        f"{settings.seed}/{topic.split(' / ')[0]}",
        topic,
        on_topic(behaviour, settings, topic),
        _kinds(question.schema),
    )
    known = written.planted
    return written, {
        "design": written.design,
        "statement": written.statement,
        "answer_type": known.answer_type,
        "answer": known.stated,
        "unit": known.unit,
    }


def _kinds(schema: Any) -> frozenset[str] | None:
    """The answer types that a schema allows; None where it does not say."""
    try:
        return frozenset(str(kind) for kind in schema["properties"]["answer_type"]["enum"])
    except (KeyError, TypeError):
        return None


def fit(content: Any, schema: Any, key: bytes) -> Any:
    """`content` as far as `schema` has room for it, in its order; what else is required is made up.

    Raises:
        NoInstance: What else is required cannot be made up.
    """
    if isinstance(content, list):
        items = schema.get("items", {}) if isinstance(schema, Mapping) else {}
        return [fit(item, items, key) for item in content]
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(content, dict) or not isinstance(properties, Mapping):
        return content
    fitted = {}
    for name, part in properties.items():
        if name in content:
            choices = part.get("enum") if isinstance(part, Mapping) else None
            value = content[name]
            fitted[name] = (
                _chosen(value, choices) if choices else fit(value, part, key) if type(value) is list else value
            )
        elif name in schema.get("required", ()):
            fitted[name] = instance(part, key + name.encode("utf-8", "surrogatepass"))
    return fitted


def _chosen(value: Any, choices: Sequence[Any]) -> Any:
    """`value`, or the choice that means the same where a schema has other words for it."""
    if value in choices:
        return value
    wanted = value in _YES
    return next((choice for choice in choices if (str(choice).casefold() in _YES) == wanted), choices[0])


def _placed(reasoning: str, text: str, place: str) -> Answer:
    if not reasoning:
        return Answer(text)
    if place == "think":
        block = f"<think>\n{reasoning}\n</think>\n\n"
        return Answer(block + text, thought=len(block))
    if place == "none":
        return Answer(f"{reasoning}\n\n{text}")
    return Answer(text, reasoning)


def cut(whole: Answer, tokens: int) -> Answer:
    """`whole` within a bound of tokens: reasoning first, then text; more room only lets the same text go on."""
    if whole.tokens <= tokens or whole.refusal is not None:
        return whole
    room = tokens - whole.reasoning_tokens
    if room <= 0:
        text = None if whole.reasoning else ""
        return replace(
            whole, text=text, reasoning=whole.reasoning[: tokens * CHARS_PER_TOKEN], finish="length", written=None
        )
    return replace(whole, text=(whole.text or "")[: room * CHARS_PER_TOKEN], finish="length", written=None)
