"""What every engine takes and gives: a request, a completion, and the protocol between them.

Not here: how a request is kept (`catena.ledger`), who asks again when the content is bad (`catena.asking`).
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, Protocol

import orjson

from catena.records import Turn

FinishReason = Literal["stop", "length", "content_filter", "refusal"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn; None leaves a setting to the server.

    Attributes:
        max_tokens: Upper bound of reasoning and text together, in tokens. Not part of a request's identity.
        seed: Base seed of the run; the seed sent is drawn from it, the sample index and the attempt.
        reasoning_effort: `low`, `medium`, `high`, where the model knows it.
        extra: Further fields of the request body, as the server names them (`chat_template_kwargs`, ...).
        most_tokens: A truncated completion is asked for again with twice the room, up to so many tokens; None: never. Not
            part of a request's identity either.
    """

    max_tokens: int = 4096
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning_effort: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    most_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The JSON schema that a completion's text must satisfy; `name` says which prompt kind it belongs to."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one model.

    Attributes:
        model: The model's id at its server (`Qwen/Qwen3-8B`).
        revision: The revision asked for, empty where the server decides.
        messages: The conversation, system prompt included.
        schema: What the text must satisfy; None for free text.
        sample: Which of several independent completions of the same messages, from 0.
        attempt: 0, and one more each time the content of the last completion was unusable.
        purpose: What is asked (`problem`, `validity`, `solve`, ...), for the books.
        row_id: For whom it is asked, for the books; two rows with the same request share its completion.
    """

    model: str
    messages: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    schema: JsonSchema | None = None
    sample: int = 0
    attempt: int = 0
    revision: str = ""
    purpose: str = ""
    row_id: str = ""

    @property
    def seed(self) -> int | None:
        """The seed that is sent, in [0, 2**31); None where the run has none."""
        if self.sampling.seed is None:
            return None
        text = f"{self.sampling.seed}/{self.sample}/{self.attempt}".encode()
        return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") >> 1


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them. `reasoning_tokens` are among `completion_tokens`, `cached_tokens` among `prompt_tokens`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote: untrusted text.

    Attributes:
        text: The answer, without reasoning.
        reasoning: What came in a field of its own or inside think tags; None where there was none.
        finish_reason: Why it ended; `length`: truncated at `max_tokens` or at the model's context.
        revision: Model and build as the server names them.
        latency_s: Seconds from sending to the last byte.
    """

    text: str
    reasoning: str | None
    finish_reason: FinishReason
    usage: Usage
    revision: str = ""
    latency_s: float = 0.0


Keep = Callable[[Completion], Awaitable[None]]
"""Makes a completion durable."""


class Engine(Protocol):
    """A way to models. `complete` may be called concurrently; the engine limits itself."""

    async def complete(self, request: Request, keep: Keep | None = None) -> Completion:
        """Asks, and asks again where the way (not the content) was at fault.

        `keep` is awaited with the completion while it still counts as in flight: no more completions than the engine's
        limit are ever unkept.

        Raises:
            EngineError: The way stayed closed, or the request itself is refused.
        """
        ...

    async def close(self) -> None:
        """Lets go of connections, memory and processes; safe to call twice."""
        ...


_SAMPLING_FIELDS = ("temperature", "top_p", "top_k", "min_p", "stop", "seed", "reasoning_effort", "extra")


def identity(request: Request) -> bytes:
    """Sixteen bytes that stand for everything that determines the completion.

    `max_tokens` is left out, so that raising it finds what was finished before; so are row and purpose.
    """
    sampling = request.sampling
    content = [
        request.model,
        request.revision,
        [[turn.role, turn.content] for turn in request.messages],
        [getattr(sampling, name) for name in _SAMPLING_FIELDS],
        None if request.schema is None else [request.schema.name, request.schema.schema],
        request.sample,
        request.attempt,
    ]
    try:
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a lone surrogate in a message, which no server can be sent, or a setting that is no JSON
        text = json.dumps(content, sort_keys=True, default=str).encode()
    return blake2b(text, digest_size=16).digest()
