"""A request body as the server understands it, or why it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import orjson

Kind = Literal[
    "problem",
    "validity",
    "posed",
    "steps",
    "match",
    "topics",
    "review",
    "same",
    "program",
    "twin",
    "hints",
    "rewrite",
    "solve",
    "other",
]

_BY_NAME: dict[str, Kind] = {
    "problem": "problem",
    "validity": "validity",
    "panel-validity": "posed",
    "panel-steps": "steps",
    "match": "match",
    "topics": "topics",
    "topic-review": "review",
    "same-topic": "same",
    "program_problem": "program",
    "ill-posed": "twin",
    "hints": "hints",
    "rewritten": "rewrite",
}
_BY_PROPERTIES: dict[frozenset[str], Kind] = {
    frozenset(("design", "statement", "answer_type", "answer", "unit")): "problem",
    frozenset(("reason", "verdict")): "validity",
    frozenset(("reason", "well_posed", "on_topic")): "posed",
    frozenset(("reason", "first_wrong_step")): "steps",
    frozenset(("extracted", "reason", "verdict")): "match",
    frozenset(("topics",)): "topics",
    frozenset(("reviews",)): "review",
    frozenset(("reason", "same")): "same",
    frozenset(("removed", "statement", "missing")): "twin",
    frozenset(("knowledge", "plan", "partial")): "hints",
    frozenset(("rewritten",)): "rewrite",
}
_NOT_IN_KEY = frozenset(
    (
        "max_tokens", "max_completion_tokens", "stream", "stream_options", "user", "metadata", "store", "service_tier",
        "model", "messages", "response_format", "structured_outputs", "guided_json",
    )
)  # fmt: skip
_TOKENS_PER_MESSAGE = 4


class Refused(Exception):
    """A request that gets an error of the OpenAI form instead of an answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | int | None = None,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": type, "param": param, "code": code}


@dataclass(frozen=True, slots=True)
class Question:
    """One chat-completion request.

    Attributes:
        kind: What is asked, by the name of the schema.
        schema: The JSON schema of the answer; None for free text.
        prompt: Text of the last user message.
        key: What determines the answer: model, messages, sampling, schema. `max_tokens` is not part of it.
        body: The same with `max_tokens`: what makes two requests the same request.
        subject: Model, messages and schema alone.
        prompt_tokens: As this server counts.
    """

    model: str
    kind: Kind
    schema: Mapping[str, Any] | None
    prompt: str
    key: bytes
    body: bytes
    subject: bytes
    max_tokens: int | None
    prompt_tokens: int
    stream: bool
    include_usage: bool


def read_question(body: bytes) -> Question:
    """The question in a request's body.

    Raises:
        Refused: Not JSON, or not a request that can be answered.
    """
    try:
        data = orjson.loads(body)
    except ValueError as error:
        raise Refused(400, f"We could not parse the JSON body of your request ({error}).") from None
    if not isinstance(data, dict):
        raise Refused(400, "The body of a request must be a JSON object.")
    model = data.get("model")
    if not isinstance(model, str) or not model:
        raise Refused(400, "You must provide a model parameter.", param="model")
    texts, last = _texts(data.get("messages"))
    name, schema = _schema(data)
    bound = _bound(data)
    options = data.get("stream_options")
    _check(data)
    subject = _hash(b"", [model, data["messages"], name, schema])
    key = _hash(subject, {field: value for field, value in data.items() if field not in _NOT_IN_KEY})
    return Question(
        model=model,
        kind=_kind(name, schema),
        schema=schema,
        prompt=last,
        key=key,
        body=blake2b(key + str(bound).encode(), digest_size=16).digest(),
        subject=subject,
        max_tokens=bound,
        prompt_tokens=sum(map(len, texts)) // 4 + 1 + _TOKENS_PER_MESSAGE * len(texts),
        stream=data.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _hash(start: bytes, content: Any) -> bytes:
    return blake2b(start + orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def _texts(messages: Any) -> tuple[list[str], str]:
    """The text of every message, and that of the last one by the user."""
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "'messages' must be a list of at least one message.", param="messages")
    texts, last = [], None
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Refused(400, f"messages[{index}] must be an object with 'role' and 'content'.", param="messages")
        texts.append(_text(message.get("content"), index))
        if message["role"] == "user":
            last = texts[-1]
    return texts, texts[-1] if last is None else last


def _text(content: Any, index: int) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    if content is None:
        return ""
    raise Refused(400, f"messages[{index}].content must be text or a list of parts.", param="messages")


def _schema(data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Name and schema that the answer must have; empty and None for free text.

    vLLM's own ways to give a schema (`structured_outputs`, before `guided_json`) carry no name.
    """
    form = data.get("response_format")
    outputs = data.get("structured_outputs")
    bare = outputs.get("json") if isinstance(outputs, dict) else data.get("guided_json")
    if isinstance(bare, dict):
        return "", bare
    if form is None or (isinstance(form, dict) and form.get("type") == "text"):
        return "", None
    if isinstance(form, dict) and form.get("type") == "json_object":
        return "", {"type": "object"}
    named = form.get("json_schema") if isinstance(form, dict) and form.get("type") == "json_schema" else None
    if not isinstance(named, dict) or not isinstance(named.get("schema"), dict):
        message = "'response_format' must be of type text, json_object, or json_schema with json_schema.schema."
        raise Refused(400, message, param="response_format")
    return str(named.get("name", "")), named["schema"]


def _kind(name: str, schema: Mapping[str, Any] | None) -> Kind:
    """By the schema's name, or by its properties where it has none."""
    if schema is None:
        return "solve"
    if not name:
        properties = schema.get("properties")
        return _BY_PROPERTIES.get(frozenset(properties), "other") if isinstance(properties, dict) else "other"
    return _BY_NAME.get(name, "other")


def _bound(data: Mapping[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        value = data.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise Refused(400, f"'{name}' must be a whole number of at least 1, got {value!r}.", param=name)
        return value
    return None


def _check(data: Mapping[str, Any]) -> None:
    if data.get("n") not in (None, 1):
        raise Refused(400, "The rehearsal gives one choice per request; ask again with another seed.", param="n")
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1)):
        value = data.get(name)
        if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
            raise Refused(400, f"'{name}' must be a number in [{low}, {high}], got {value!r}.", param=name)
    seed = data.get("seed")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise Refused(400, f"'seed' must be a whole number, got {seed!r}.", param="seed")
