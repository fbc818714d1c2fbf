"""OpenAI's chat completions: a request as the body that is sent, an answer as the completion it holds.

Not here: answers other than 200 (`catena.engines.http_errors`), streaming, tools.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from catena.engines.base import Completion, FinishReason, JsonSchema, Request, Usage
from catena.engines.openai_options import Options, Structured
from catena.engines.reasoning import split_reasoning

_FINISHED: Mapping[str, FinishReason] = {
    "stop": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "refusal": "refusal",
}


class MalformedAnswer(Exception):
    """An answer of status 200 is not a chat completion; the message says what is wrong with it."""


_MOST_TOKENS = 10**9


def request_body(request: Request, options: Options) -> bytes:
    """The JSON body that asks `request`; only settings that are set are in it.

    Raises:
        TypeError: A text or an extra field cannot be written as JSON.
    """
    sampling = request.sampling
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
        options.max_tokens_field: sampling.max_tokens,
    }
    for name in ("temperature", "top_p", "top_k", "min_p", "reasoning_effort"):
        if (value := getattr(sampling, name)) is not None:
            body[name] = value
    if sampling.stop:
        body["stop"] = sampling.stop
    if options.send_seed and (seed := request.seed) is not None:
        body["seed"] = seed
    if request.schema is not None:
        body |= _structured(request.schema, options.structured)
    body |= sampling.extra
    return orjson.dumps(body)


def _structured(schema: JsonSchema, how: Structured) -> dict[str, Any]:
    if how == "json_schema":
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", schema.name)[:64] or "reply"
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": name, "schema": schema.schema, "strict": True},
            }
        }
    if how == "json_object":
        return {"response_format": {"type": "json_object"}}
    if how == "guided_json":
        return {"guided_json": schema.schema}
    return {"structured_outputs": {"json": schema.schema}} if how == "structured_outputs" else {}


def read_completion(answer: object, latency_s: float) -> Completion:
    """The completion that a decoded answer holds.

    Text is stripped only where think tags were cut out of it. Tokens that the server does not count are 0.

    Raises:
        MalformedAnswer: Something is missing or of the wrong type.
    """
    if not isinstance(answer, dict):
        raise MalformedAnswer("the answer is no JSON object")
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise MalformedAnswer("the answer has no choices[0].message")
    text, reasoning, refusal = _texts(message)
    finish_reason = _finish_reason(choice.get("finish_reason"), refusal)
    if reasoning is None:
        text, reasoning = split_reasoning(text, truncated=finish_reason == "length")
    return Completion(
        text or refusal, reasoning, finish_reason, _usage(answer.get("usage")), _revision(answer), latency_s
    )


def _texts(message: dict[str, Any]) -> tuple[str, str | None, str]:
    """Content, reasoning and refusal of a message."""
    content, apart, refusal = message.get("content"), "", _string(message, "refusal")
    reasoning = _string(message, "reasoning") or _string(message, "reasoning_content")
    if isinstance(content, list):
        content, apart = _parts(content)
    elif content is None and ("content" in message or reasoning or refusal):
        content = ""
    if not isinstance(content, str):
        raise MalformedAnswer(f"message.content is {_kind(content)}, not text")
    return content, reasoning or apart or None, refusal


def _parts(parts: list[Any]) -> tuple[str, str]:
    """The text and the reasoning of content that comes in parts (Mistral: `thinking`, itself in parts)."""
    texts: list[str] = []
    thoughts: list[str] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        inner = part.get(kind) if isinstance(kind, str) else None
        if kind in ("thinking", "reasoning"):
            thoughts.append(_parts(inner)[0] if isinstance(inner, list) else _text(inner))
        elif kind == "text":
            texts.append(_text(inner))
        else:
            raise MalformedAnswer(f"message.content has a part of type {kind!r}, not text")
    return "".join(texts), "".join(thoughts)


def _finish_reason(given: object, refusal: str) -> FinishReason:
    if refusal:
        return "refusal"
    known = _FINISHED.get(given) if isinstance(given, str) else None
    if known is None:
        raise MalformedAnswer(f"finish_reason is {given!r}, one of {sorted(_FINISHED)} is expected")
    return known


def _usage(usage: object) -> Usage:
    if usage is None:
        return Usage()
    if not isinstance(usage, dict):
        raise MalformedAnswer(f"usage is {_kind(usage)}, not an object")
    return Usage(
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        _count(usage.get("completion_tokens_details"), "reasoning_tokens"),
        _count(usage.get("prompt_tokens_details"), "cached_tokens"),
    )


def _count(usage: object, name: str) -> int:
    count = usage.get(name) if isinstance(usage, dict) else usage
    if count is None:
        return 0
    if type(count) is not int or not 0 <= count <= _MOST_TOKENS:
        raise MalformedAnswer(f"usage counts {name} as {count!r}, not as a number of tokens")
    return count


def _revision(answer: dict[str, Any]) -> str:
    return " ".join(word for name in ("model", "system_fingerprint") if (word := _string(answer, name)))


def _string(place: dict[str, Any], name: str) -> str:
    return _text(value) if (value := place.get(name)) is not None else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedAnswer(f"{_kind(value)} stands where text is expected")
    return value


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
