"""Bytes on the wire: HTTP/1.1 heads, chat completions whole and streamed, errors in OpenAI's form and in vLLM's."""

from typing import Any

import orjson

from catena.engines.rehearsal.answers import Answer
from catena.engines.rehearsal.question import Question, Refused
from catena.engines.rehearsal.settings import RehearsalSettings

CREATED = 1_700_000_000  # a fixed moment, so that equal requests have equal answers to the byte
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
GARBLED = b'<html><body><h1>502 Bad Gateway</h1>{"choices": [{"mess</body></html>'

_PIECE = 48
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed",
    429: "Too Many Requests", 500: "Internal Server Error",
}  # fmt: skip
_HEADS = {
    status: b"HTTP/1.1 %d %b\r\nServer: catena-rehearsal\r\nContent-Type: application/json\r\nContent-Length: "
    % (status, reason.encode())
    for status, reason in _REASONS.items()
}
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: catena-rehearsal\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n"
)


def message(status: int, body: bytes, *, close: bool = False, retry_after: float | None = None) -> bytes:
    """A whole response with a JSON body; `close` announces that the connection ends with it."""
    extra = b"\r\nConnection: close" if close else b""
    if retry_after is not None:
        extra += b"\r\nRetry-After: %g" % retry_after
    return b"%b%d%b\r\n\r\n%b" % (_HEADS[status], len(body), extra, body)


def error(refused: Refused, *, close: bool = False, retry_after: float | None = None) -> bytes:
    """A whole response that says why there is no answer."""
    return message(refused.status, orjson.dumps({"error": refused.error}), close=close, retry_after=retry_after)


def completion(question: Question, whole: Answer, settings: RehearsalSettings, fingerprint: str) -> bytes:
    """The JSON body of a chat completion."""
    said: dict[str, Any] = {"role": "assistant", "content": whole.text, "refusal": whole.refusal}
    if whole.reasoning:
        said[_field(question, settings)] = whole.reasoning
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": whole.finish}
    return orjson.dumps(
        {**_envelope(question, fingerprint, "chat.completion"), "choices": [choice], "usage": _usage(question, whole)}
    )


def stream(
    question: Question, whole: Answer, settings: RehearsalSettings, fingerprint: str, *, close: bool = False
) -> bytes:
    """A whole response that streams the completion as server-sent events, in chunks."""
    envelope = _envelope(question, fingerprint, "chat.completion.chunk")
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name, text in (
        (_field(question, settings), whole.reasoning),
        ("content", whole.text),
        ("refusal", whole.refusal),
    ):
        deltas += ({name: text[start : start + _PIECE]} for start in range(0, len(text), _PIECE)) if text else ()
    events = [_event(envelope, delta, None) for delta in deltas]
    events.append(_event(envelope, {}, whole.finish))
    if question.include_usage:
        events.append(orjson.dumps({**envelope, "choices": [], "usage": _usage(question, whole)}))
    frames = [b"data: %b\n\n" % event for event in (*events, b"[DONE]")]
    body = b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames)
    return b"%b%b\r\n%b0\r\n\r\n" % (_STREAM_HEAD, b"Connection: close\r\n" if close else b"", body)


def _event(envelope: dict[str, Any], delta: dict[str, Any], finish: str | None) -> bytes:
    return orjson.dumps(
        {**envelope, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
    )


def _envelope(question: Question, fingerprint: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{question.key.hex()}",
        "object": kind,
        "created": CREATED,
        "model": question.model,
        "system_fingerprint": fingerprint,
    }


def _field(question: Question, settings: RehearsalSettings) -> str:
    return "reasoning" if settings.behaviour(question.model).reasoning == "reasoning" else "reasoning_content"


def _usage(question: Question, whole: Answer) -> dict[str, Any]:
    tokens = whole.tokens
    return {
        "prompt_tokens": question.prompt_tokens,
        "completion_tokens": tokens,
        "total_tokens": question.prompt_tokens + tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": whole.thought_tokens},
    }


def too_long(question: Question, settings: RehearsalSettings) -> Refused:
    """The refusal of a prompt that does not fit into the model's context."""
    assert settings.context is not None
    start = f"This model's maximum context length is {settings.context} tokens. However, "
    dialect = settings.dialect
    if dialect == "mixed":
        dialect = "openai" if question.key[0] & 1 else "vllm"
    if dialect == "openai":
        text = f"{start}your messages resulted in {question.prompt_tokens} tokens. Please reduce the length of the messages."
        return Refused(400, text, param="messages", code="context_length_exceeded")
    wanted = question.max_tokens or 0
    text = (
        f"{start}you requested {wanted} output tokens and your prompt contains at least {question.prompt_tokens} input"
        f" tokens, for a total of at least {wanted + question.prompt_tokens} tokens. Please reduce the length of the input"
        f" prompt or the number of requested output tokens. (parameter=input_tokens, value={question.prompt_tokens})"
    )
    return Refused(400, text, param="input_tokens", code=400, type="BadRequestError")
