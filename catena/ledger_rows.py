"""A kept completion as a row of plain values: what both kinds of ledger and their exports have in common.

Strings are kept as they are, NUL and line separators included. JSON from a server may carry lone surrogates, which no
UTF-8 text can hold: such a string is kept with U+FFFD in their place and in the column `exact` as it was, so that it comes
back unchanged (but for two halves side by side, which come back as the character that they make).
"""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from catena.engines.base import Completion, FinishReason, JsonSchema, Request, Sampling, Usage
from catena.errors import LedgerError
from catena.ledger import Entry
from catena.records import Turn

TEXTS = ("model", "revision", "purpose", "row_id", "served_revision", "text", "reasoning")
_SURROGATES = re.compile("[\ud800-\udfff]")
_MOST_TOKENS = 2**40


class DamagedRow(ValueError):
    """A row is not what was written."""


class Row(NamedTuple):
    """One completion; the columns of a ledger in their order.

    `max_tokens` is the bound that it was asked with, `written_at` seconds since 1970 by a clock that may be wrong.
    `revision` is the one asked for, `served_revision` the one that answered. `request` is JSON: messages, sampling, schema.
    `answer_check` and `request_check` are the CRC-32 of what was answered and of what was asked.
    """

    key: bytes
    max_tokens: int
    model: str
    revision: str
    purpose: str
    row_id: str
    sample: int
    attempt: int
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    served_revision: str
    latency_s: float
    written_at: float
    answer_check: int
    request_check: int
    exact: str | None
    text: str
    reasoning: str | None
    request: str


class Answer(NamedTuple):
    """The columns of a row that make its completion."""

    key: bytes
    max_tokens: int
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    served_revision: str
    latency_s: float
    answer_check: int
    exact: str | None
    text: str
    reasoning: str | None


def row_of(key: bytes, request: Request, completion: Completion) -> Row:
    """The row of a completion.

    Raises:
        LedgerError: A number of tokens is not an integer in [0, 2**40].
    """
    assert len(key) == 16, f"keys have 16 bytes, got {len(key)}"
    usage, latency_s = completion.usage, float(completion.latency_s)
    tokens = (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.cached_tokens)
    for count in (*tokens, request.sampling.max_tokens):
        if type(count) is not int or not 0 <= count <= _MOST_TOKENS:
            raise LedgerError(
                f"{request.model}: {count!r} cannot be kept as a count, expected an integer in [0, 2**40]"
            )
    row = Row(
        key,
        request.sampling.max_tokens,
        request.model,
        request.revision,
        request.purpose,
        request.row_id,
        request.sample,
        request.attempt,
        completion.finish_reason,
        *tokens,
        completion.revision,
        latency_s if latency_s >= 0 else 0.0,
        time.time(),
        0,
        0,
        None,
        completion.text,
        completion.reasoning,
        _question(request),
    )
    try:
        return _checked(row)
    except UnicodeEncodeError:
        return _checked(_without_surrogates(row))


def completion_of(answer: Answer) -> Completion:
    """The completion that these columns hold.

    Raises:
        DamagedRow: They are not what was written.
    """
    try:
        if _answer_check(answer) != answer.answer_check:
            raise DamagedRow("its check sum does not match")
    except (TypeError, AttributeError, UnicodeEncodeError) as error:
        raise DamagedRow("a column is of another type") from error
    exact = json.loads(answer.exact) if answer.exact else {}
    usage = Usage(answer.prompt_tokens, answer.completion_tokens, answer.reasoning_tokens, answer.cached_tokens)
    return Completion(
        exact.get("text", answer.text),
        exact.get("reasoning", answer.reasoning),
        answer.finish_reason,
        usage,
        exact.get("served_revision", answer.served_revision),
        answer.latency_s,
    )


def entry_of(row: Row) -> Entry:
    """The entry that a row holds.

    Raises:
        DamagedRow: It is not what was written.
    """
    completion = completion_of(answer_of(row))
    try:
        if _request_check(row) != row.request_check:
            raise DamagedRow("its check sum does not match")
        exact = json.loads(row.exact) if row.exact else {}
        texts = [exact.get(name, getattr(row, name)) for name in ("model", "revision", "purpose", "row_id")]
        asked = request_parts(row.request)
        messages = tuple(Turn(**turn) for turn in asked["messages"])
        sampling = Sampling(**{**asked["sampling"], "stop": tuple(asked["sampling"]["stop"])})
        schema = None if asked["schema"] is None else JsonSchema(**asked["schema"])
    except (TypeError, KeyError, ValueError) as error:
        raise DamagedRow(str(error)) from error
    model, revision, purpose, row_id = texts
    request = Request(model, messages, sampling, schema, row.sample, row.attempt, revision, purpose, row_id)
    return Entry(row.key, request, completion)


def is_intact(row: Row) -> bool:
    """Whether a row is what was written."""
    try:
        return (_answer_check(row), _request_check(row)) == (row.answer_check, row.request_check)
    except (TypeError, AttributeError, UnicodeEncodeError):
        return False


def answer_of(row: Row) -> Answer:
    """The part of a row that makes its completion."""
    return Answer(
        row.key,
        row.max_tokens,
        row.finish_reason,
        row.prompt_tokens,
        row.completion_tokens,
        row.reasoning_tokens,
        row.cached_tokens,
        row.served_revision,
        row.latency_s,
        row.answer_check,
        row.exact,
        row.text,
        row.reasoning,
    )


def weight(row: Row) -> int:
    """About how many bytes a row adds to a ledger's log: its texts, and a page of an index."""
    return 6_000 + len(row.text) + len(row.request) + len(row.reasoning or "")


def request_parts(text: str) -> dict[str, Any]:
    """What the column `request` holds: `messages`, `sampling` and `schema`."""
    try:
        parts = orjson.loads(text)
    except orjson.JSONDecodeError:  # lone surrogates, integers of more than 64 bits
        parts = json.loads(text)
    return dict(parts)


def best(candidates: Iterable[tuple[int, int, bool]], max_tokens: int) -> int | None:
    """Which of the completions of one request stands for a bound of `max_tokens`, as a position; None where none does.

    A candidate is the bound that it was asked with, its tokens, and whether it was truncated. A finished one stands
    for any bound that it fits in, a truncated one for its own bound and lower ones. Finished comes before truncated, the
    same bound before another, then the lowest.
    """
    standing = [
        (truncated, bound != max_tokens, bound, position)
        for position, (bound, tokens, truncated) in enumerate(candidates)
        if (bound if truncated else max_tokens) >= (max_tokens if truncated else tokens)
    ]
    return min(standing)[-1] if standing else None


def _question(request: Request) -> str:
    asked = {"messages": request.messages, "sampling": request.sampling, "schema": request.schema}
    try:
        return orjson.dumps(asked, default=dict, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # lone surrogates, integers of more than 64 bits, values that are no JSON
        messages = [asdict(turn) for turn in request.messages]
        schema = None if request.schema is None else asdict(request.schema)
        return json.dumps({"messages": messages, "sampling": asdict(request.sampling), "schema": schema}, default=str)


def _checked(row: Row) -> Row:
    return Row(*row[:16], _answer_check(row), _request_check(row), *row[18:])


def _answer_check(row: Row | Answer) -> int:
    numbers = f"{row.key.hex()} {row.max_tokens} {row.prompt_tokens} {row.completion_tokens} {row.reasoning_tokens}"
    kept = "1" if row.reasoning is None else "0"
    texts = (numbers, kept, row.finish_reason, row.served_revision, row.exact or "", row.text, row.reasoning or "")
    return crc32("\x1f".join(texts).encode())


def _request_check(row: Row) -> int:
    numbers = f"{row.key.hex()} {row.sample} {row.attempt} {row.cached_tokens}"
    return crc32("\x1f".join((numbers, row.model, row.revision, row.purpose, row.row_id, row.request)).encode())


def _without_surrogates(row: Row) -> Row:
    originals = {name: getattr(row, name) for name in TEXTS if _SURROGATES.search(getattr(row, name) or "")}
    replaced: dict[str, Any] = {name: _SURROGATES.sub("\ufffd", text) for name, text in originals.items()}
    return row._replace(exact=json.dumps(originals), **replaced)
