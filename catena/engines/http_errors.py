"""What an HTTP answer that is no completion means: its cause, and what it says about the server, the key and the account."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, Literal

import orjson

from catena.errors import Cause

SHOWN = 2_000
"""Characters of an answer that are kept."""
LONGEST_WAIT_S = 600.0
"""A server that asks for a longer pause is asked again after this many seconds."""

Trouble = Literal["key", "account"]

# As OpenAI, vLLM, SGLang, TGI, llama.cpp, Mistral, Anthropic and Gemini word it.
_CONTEXT = re.compile(
    r"context[ _](length|window|size)|maximum (model|allowed|input) length|prompt is too long|too many (input )?tokens"
    r"|max_model_len|token count .{0,60}exceed|inputs. tokens \+|longer than the (maximum )?model",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content[ _](filter|policy|management policy)|responsible ?ai ?policy|moderation|flagged|data_inspection_failed",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"insufficient[ _](quota|balance|credits)|billing_(not_active|hard_limit_reached)", re.IGNORECASE)
_AGAIN: Mapping[int, Cause] = {
    408: "timeout",
    409: "overloaded",
    425: "overloaded",
    429: "rate_limited",
    502: "connection",
    504: "timeout",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one sending came to nothing.

    Attributes:
        cause: Why.
        detail: One clause for a person; without secrets.
        status: Of the HTTP answer, None where there was none.
        response: The start of the answer; untrusted, without secrets.
        retry_after_s: Seconds after which the server wants to be asked again, None where it did not say.
        too_much: Whether the server has more to do than it wants (429, 503, 529).
        server: Whether it counts against the server: too many in a row and it is taken out.
        trouble: What makes further requests pointless: a refused key, an account without means.
    """

    cause: Cause
    detail: str
    status: int | None = None
    response: str = ""
    retry_after_s: float | None = None
    too_much: bool = False
    server: bool = False
    trouble: Trouble | None = None


def fault_of(status: int, headers: Mapping[str, str], body: bytes, redact: Callable[[str], str]) -> Fault:
    """The fault that an answer with a status other than 200 stands for; `redact` takes secrets out of a text."""
    text = redact(body.decode("utf-8", "replace"))
    message, code = _message(body)
    message = plain(redact(message)[:SHOWN])[:300]  # cut after redacting: half a key is a secret too
    retry_after_s = retry_after(headers)
    trouble = _trouble(status, code, message)
    return Fault(
        cause="invalid_request" if trouble else _cause(status, f"{code} {message}"),
        detail=_detail(status, headers, message, redact),
        status=status,
        response=text[:SHOWN],
        retry_after_s=retry_after_s,
        too_much=status in (429, 503, 529),
        server=status >= 500 and status != 529 and not (status == 503 and retry_after_s is not None),
        trouble=trouble,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait, in [0, LONGEST_WAIT_S]; None where it says nothing that can be read."""
    seconds = _number(headers.get("Retry-After-Ms"))
    if seconds is not None:
        seconds /= 1000
    elif (value := headers.get("Retry-After")) is not None:
        seconds = _number(value)
        if seconds is None:
            seconds = _until(value, headers.get("Date"))
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT_S)


def plain(text: str) -> str:
    """`text` on one line, without anything that a terminal would act upon."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if isfinite(number) else None


def _until(value: str, date: str | None) -> float | None:
    """Seconds until an HTTP date, by the server's own clock where it tells the time."""
    then = _date(value)
    now = _date(date) or datetime.now(UTC)
    return None if then is None else (then - now).total_seconds()


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _message(body: bytes) -> tuple[str, str]:
    """What an error body says, and its machine-readable words (`code`, `type`); servers differ in where they put them."""
    try:
        answer: Any = orjson.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace"), ""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    if not isinstance(error, dict):
        return str(error), ""
    inner = error.get("innererror")
    words = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    message = next((error[name] for name in ("message", "detail", "error") if error.get(name)), answer)
    return str(message), " ".join(str(word) for word in words if word is not None)


def _trouble(status: int, code: str, message: str) -> Trouble | None:
    if status == 402 or (status in (400, 403, 429) and _ACCOUNT.search(code)):
        return "account"
    if status == 401 or (status == 403 and not _POLICY.search(f"{code} {message}")):
        return "key"
    return None


def _cause(status: int, words: str) -> Cause:
    if status in _AGAIN:
        return _AGAIN[status]
    if status >= 500:
        return "overloaded"
    if _CONTEXT.search(words):
        return "context_overflow"
    return "content_filter" if _POLICY.search(words) else "invalid_request"


def _detail(status: int, headers: Mapping[str, str], message: str, redact: Callable[[str], str]) -> str:
    if 300 <= status < 400:
        return f"status {status}, redirects to {plain(redact(headers.get('Location', '?')))[:300]}; give that place in `urls`"
    return f"status {status}, {message}" if message else f"status {status} without a message"
